/* Bytes of connections: written, on their way, read.
 *
 * Reads best next: stream.h, meeting.c. */
#include "sim/way.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/loop.h"

enum {
    RECORD_MAX = 64 * 1024, /* of an old connection: enough for its greeting and many requests */
    COMPACT_AT = 4096,
};

struct stream *stream_of(int fd)
{
    assert(fd >= 0 && fd < world->stream_count);
    return world->streams[fd];
}

struct stream *stream_create(semel_sim_host *host, enum stream_state state)
{
    if (world->stream_count == world->stream_capacity) {
        world->stream_capacity = world->stream_capacity == 0 ? 64 : world->stream_capacity * 2;
        world->streams = realloc(world->streams, (size_t)world->stream_capacity * sizeof *world->streams);
        assert(world->streams != NULL);
    }
    struct stream *stream = calloc(1, sizeof *stream);
    assert(stream != NULL);
    stream->fd = world->stream_count;
    stream->host = host;
    stream->state = state;
    stream->out.last = &stream->out.first;
    tap_init(&stream->out.tap);
    world->streams[world->stream_count++] = stream;
    return stream;
}

/* ---- the way ---- */

bool way_is_blocked(const semel_sim_host *from, const semel_sim_host *to)
{
    return from != NULL && to != NULL && world->blocked[from->index][to->index];
}

int64_t way_arrival(const struct stream *stream)
{
    int64_t jitter_ns = stream->latency_ns / 4;
    return world->now_ns + stream->latency_ns +
           chance_between(world_chance(WORLD_CHANCE_NETWORK), 0, jitter_ns);
}

void stream_poke(const struct stream *stream)
{
    if (stream->host != NULL)
        sim_loop_poke(stream->host);
}

static struct tap_frame about(const struct stream *writer)
{
    return (struct tap_frame){.connection = writer->connection,
                              .from = writer->host,
                              .to = writer->peer->host,
                              .ghost = writer->host == NULL || writer->peer->host == NULL,
                              .client = writer->client};
}

void way_drop(struct stream_pipe *pipe)
{
    while (pipe->first != NULL) {
        struct stream_segment *segment = pipe->first;
        pipe->first = segment->next;
        free(segment);
    }
    pipe->last = &pipe->first;
}

/* ---- reset ---- */

static void take_reset(struct stream *stream)
{
    if (stream->state != STREAM_OPEN && stream->state != STREAM_DIALLING)
        return;
    stream->error = ECONNRESET;
    way_drop(&stream->out);
    /* What has arrived may be read still, or is lost with the connection. */
    struct stream_pipe *in = &stream->peer->out;
    if (chance_of(world_chance(WORLD_CHANCE_NETWORK), 500)) {
        in->base = in->read_upto = in->arrived = in->written;
        in->fin = false;
    }
    world_tell(stream->host, "connection %llu is reset", (unsigned long long)stream->connection);
    stream_poke(stream);
}

void way_on_reset(void *arg, uint64_t tag)
{
    (void)tag;
    struct stream *stream = arg;
    if (stream->hushed)
        return;
    if (way_is_blocked(stream->peer->host, stream->host))
        stream->reset_waits = true;
    else
        take_reset(stream);
}

void way_send_reset(struct stream *stream)
{
    way_drop(&stream->out);
    world_put(way_arrival(stream), way_on_reset, stream->peer, 0);
}

/* ---- bytes on their way ---- */

static void arrive(struct stream *stream)
{
    struct stream_pipe *pipe = &stream->out;
    struct stream_segment *segment = pipe->first;
    pipe->first = segment->next;
    if (pipe->first == NULL)
        pipe->last = &pipe->first;
    pipe->arrived = segment->end;
    pipe->acked_ns = world->now_ns;
    pipe->fin = segment->fin;
    free(segment);
}

/* What was due behind it comes along: else a way that was blocked for once would be slow for ever. */
static void arrive_with_what_is_due(struct stream *stream)
{
    do
        arrive(stream);
    while (stream->out.first != NULL && stream->out.first->due_ns <= world->now_ns);
    stream_poke(stream->peer);
    way_plan(stream);
}

static void on_arrival(void *arg, uint64_t tag)
{
    (void)tag;
    struct stream *stream = arg;
    struct stream *peer = stream->peer;
    stream->out.moving = false;
    if (stream->out.first == NULL || stream->hushed || way_is_blocked(stream->host, peer->host))
        return;
    if (peer->gone && (peer->host == NULL || peer->host->off))
        return;             /* it is sent again until the machine is back */
    if (peer->error != 0) { /* it has been reset already, and reads nothing that comes later */
        way_drop(&stream->out);
        return;
    }
    if (peer->state == STREAM_CLOSED) {
        way_drop(&stream->out);
        if (peer->out.first == NULL) /* else the end of input is on its way, and will be followed by this */
            world_put(way_arrival(peer), way_on_reset, stream, 0);
        return;
    }
    arrive_with_what_is_due(stream);
}

void way_plan(struct stream *stream)
{
    struct stream_pipe *pipe = &stream->out;
    if (pipe->moving || pipe->first == NULL)
        return;
    pipe->moving = true;
    int64_t due_ns = pipe->first->due_ns > world->now_ns ? pipe->first->due_ns : way_arrival(stream);
    world_put(due_ns, on_arrival, stream, 0);
}

void way_send(struct stream *stream, bool fin)
{
    struct stream_pipe *pipe = &stream->out;
    struct stream_segment *segment = calloc(1, sizeof *segment);
    assert(segment != NULL);
    int64_t due_ns = way_arrival(stream);
    if (due_ns < pipe->last_due_ns)
        due_ns = pipe->last_due_ns; /* a stream keeps its order */
    *segment = (struct stream_segment){.end = pipe->written, .due_ns = due_ns, .fin = fin};
    pipe->last_due_ns = due_ns;
    *pipe->last = segment;
    pipe->last = &segment->next;
    way_plan(stream);
}

static void append(struct stream_pipe *pipe, const uint8_t *bytes, size_t size)
{
    size_t used = (size_t)(pipe->written - pipe->base);
    if (used + size > pipe->capacity) {
        pipe->capacity = (used + size) * 2;
        pipe->bytes = realloc(pipe->bytes, pipe->capacity);
        assert(pipe->bytes != NULL);
    }
    memcpy(pipe->bytes + used, bytes, size);
    pipe->written += size;
}

static void record(struct stream *stream, const uint8_t *bytes, size_t size)
{
    if (!stream->client || stream->host == NULL || stream->recorded)
        return;
    stream->recorded = stream->record_size + size > RECORD_MAX; /* without a gap */
    if (stream->recorded)
        return;
    stream->record = realloc(stream->record, stream->record_size + size);
    assert(stream->record != NULL);
    memcpy(stream->record + stream->record_size, bytes, size);
    stream->record_size += size;
}

/* ---- reading and writing ---- */

static void watch_patience(struct stream *stream);

/* How many bytes one system call moves. */
static size_t share(size_t most)
{
    if (!world->faults.fragment || most < 2 || !chance_of(world_chance(WORLD_CHANCE_NETWORK), 300))
        return most;
    return 1 + (size_t)chance_below(world_chance(WORLD_CHANCE_NETWORK), most);
}

void way_on_grant(void *arg, uint64_t tag)
{
    (void)tag;
    struct stream *writer = arg;
    if (writer->hushed)
        return;
    if (way_is_blocked(writer->peer->host, writer->host)) {
        writer->out.grant_waits = true;
        return;
    }
    writer->out.granting = false;
    writer->out.granted = writer->out.read_upto;
    stream_poke(writer);
}

static void read_on(struct stream *writer, uint64_t upto)
{
    struct stream_pipe *pipe = &writer->out;
    const struct tap_frame seen = about(writer);
    pipe->read_upto = upto;
    if (pipe->read_upto - pipe->base >= COMPACT_AT || pipe->read_upto == pipe->written) {
        memmove(pipe->bytes, pipe->bytes + (pipe->read_upto - pipe->base),
                (size_t)(pipe->written - pipe->read_upto));
        pipe->base = pipe->read_upto;
    }
    if (!pipe->granting && pipe->written - pipe->granted > pipe->room / 2) {
        pipe->granting = true;
        world_put(way_arrival(writer->peer), way_on_grant, writer, 0);
    }
    tap_was_read(&pipe->tap, &seen, pipe->read_upto);
}

ssize_t stream_read(int fd, void *into, size_t size)
{
    struct stream *stream = stream_of(fd);
    host_may_crash(stream->host);
    assert(stream->state == STREAM_OPEN && size > 0);
    struct stream_pipe *pipe = &stream->peer->out;
    size_t there = (size_t)(pipe->arrived - pipe->read_upto);
    if (there == 0 && stream->error == 0 && pipe->fin)
        return 0;
    if (there == 0) {
        errno = stream->error != 0 ? stream->error : EAGAIN;
        return -1;
    }
    size_t got = share(there < size ? there : size);
    memcpy(into, pipe->bytes + (pipe->read_upto - pipe->base), got);
    read_on(stream->peer, pipe->read_upto + got);
    return (ssize_t)got;
}

static size_t room_of(const struct stream *stream)
{
    uint64_t held = stream->out.written - stream->out.granted;
    return held >= stream->out.room ? 0 : (size_t)(stream->out.room - held);
}

void way_put(struct stream *stream, const uint8_t *bytes, size_t size)
{
    const struct tap_frame seen = about(stream);
    append(&stream->out, bytes, size);
    record(stream, bytes, size);
    tap_written(&stream->out.tap, &seen, bytes, size);
}

ssize_t stream_write(int fd, const struct iovec *parts, size_t count)
{
    struct stream *stream = stream_of(fd);
    host_may_crash(stream->host);
    size_t room = room_of(stream);
    if (stream->state != STREAM_OPEN || stream->error != 0 || room == 0) {
        errno = stream->error != 0 ? EPIPE : EAGAIN;
        return -1;
    }
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += parts[i].iov_len;
    size_t left = share(total < room ? total : room);
    ssize_t taken = (ssize_t)left;
    for (size_t i = 0; left > 0; i++) {
        size_t part = parts[i].iov_len < left ? parts[i].iov_len : left;
        way_put(stream, parts[i].iov_base, part);
        left -= part;
    }
    way_send(stream, false);
    watch_patience(stream);
    host_may_crash(stream->host);
    return taken;
}

bool stream_readable(const struct stream *stream)
{
    if (stream->state == STREAM_LISTENING)
        return stream->backlog != NULL;
    if (stream->state != STREAM_OPEN)
        return false;
    const struct stream_pipe *pipe = &stream->peer->out;
    return pipe->arrived > pipe->read_upto || pipe->fin || stream->error != 0;
}

bool stream_writable(const struct stream *stream)
{
    if (stream->state == STREAM_FAILED)
        return true;
    return stream->state == STREAM_OPEN && (stream->error != 0 || room_of(stream) > 0);
}

/* ---- patience ---- */

/* Bytes up to tag had arrived when some were under way; if no more has by now, the kernel gives up.  A slow way, where
 * they arrive little by little, is none that is given up. */
static void on_patience(void *arg, uint64_t tag)
{
    struct stream *stream = arg;
    stream->watched = false;
    if (stream->state != STREAM_OPEN || stream->error != 0)
        return;
    if (stream->out.arrived == tag && tag < stream->out.written) {
        stream->error = ETIMEDOUT;
        way_drop(&stream->out);
        world_tell(stream->host, "its kernel gives connection %llu up", (unsigned long long)stream->connection);
        stream_poke(stream);
    } else {
        watch_patience(stream);
    }
}

static void watch_patience(struct stream *stream)
{
    if (stream->patience_ns == 0 || stream->watched || stream->out.arrived == stream->out.written)
        return;
    stream->watched = true;
    world_put(world->now_ns + stream->patience_ns, on_patience, stream, stream->out.arrived);
}

void stream_set_patience(int fd, int64_t patience_ms)
{
    struct stream *stream = stream_of(fd);
    stream->patience_ns = patience_ms * 1000000;
    watch_patience(stream);
}

bool stream_is_acknowledged(int fd)
{
    const struct stream *stream = stream_of(fd);
    return stream->peer != NULL && stream->out.arrived == stream->out.written;
}

bool stream_is_unheard(int fd, int64_t silence_ms)
{
    const struct stream_pipe *pipe = &stream_of(fd)->out;
    return pipe->arrived < pipe->written && world->now_ns - pipe->acked_ns >= silence_ms * 1000000;
}

bool stream_is_full(int fd)
{
    const struct stream *stream = stream_of(fd);
    return stream->peer != NULL && !stream->hushed && !stream->peer->gone && room_of(stream) == 0;
}

uint64_t stream_under_way(int fd)
{
    const struct stream_pipe *pipe = &stream_of(fd)->out;
    return pipe->written - pipe->arrived;
}

/* ---- the end ---- */

int stream_open_count(const semel_sim_host *host)
{
    int count = 0;
    for (int fd = 0; fd < world->stream_count; fd++)
        count += world->streams[fd]->host == host && world->streams[fd]->state != STREAM_CLOSED;
    return count;
}

void stream_free_all(void)
{
    for (int fd = 0; fd < world->stream_count; fd++) {
        struct stream *stream = world->streams[fd];
        way_drop(&stream->out);
        tap_fini(&stream->out.tap);
        free(stream->out.bytes);
        free(stream->record);
        free(stream);
    }
    free(world->streams);
}
