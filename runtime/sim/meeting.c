/* Connections begin and end: listening, dialling, accepting, closing.
 *
 * Reads best next: stream.h, way.h. */
#include "sim/place.h"
#include "sim/way.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* A ghost is never held up by the room of its reader. */
enum { GHOST_ROOM = 1 << 20 };

/* ---- dialling ---- */

int stream_listen(uint16_t port, int *ret_fd)
{
    semel_sim_host *host = world->turn->host;
    for (int fd = 0; fd < world->stream_count; fd++)
        if (world->streams[fd]->host == host && world->streams[fd]->state == STREAM_LISTENING &&
            world->streams[fd]->port == port)
            return EADDRINUSE;
    struct stream *stream = stream_create(host, STREAM_LISTENING);
    stream->port = port != 0 ? port : (uint16_t)(30000 + stream->fd);
    *ret_fd = stream->fd;
    return 0;
}

static struct stream *listener_at(const semel_sim_host *host, uint16_t port)
{
    for (int fd = 0; fd < world->stream_count; fd++) {
        struct stream *stream = world->streams[fd];
        if (stream->host == host && stream->state == STREAM_LISTENING && stream->port == port)
            return stream;
    }
    return NULL;
}

void meeting_on_answer(void *arg, uint64_t tag)
{
    struct stream *stream = arg;
    if (stream->state != STREAM_DIALLING)
        return;
    if (way_is_blocked(stream->to, stream->host)) {
        stream->answer_waits = (int)tag + 1;
        return;
    }
    stream->error = (int)tag;
    stream->state = tag == 0 ? STREAM_OPEN : STREAM_FAILED;
    if (stream->host == NULL && tag == 0)
        ghost_play(stream);
    else
        stream_poke(stream);
}

static uint64_t choose_room(void)
{
    static const uint64_t rooms[] = {2048, 8192, 65536, 262144};
    return rooms[chance_below(world_chance(WORLD_CHANCE_NETWORK), sizeof rooms / sizeof *rooms)];
}

/* The other end of a connection, made by the kernel before the process accepts it. */
static void meet(struct stream *client, struct stream *listener)
{
    struct stream *server = stream_create(listener->host, STREAM_OPEN);
    server->connection = client->connection;
    server->latency_ns = client->latency_ns;
    server->out.room = client->host == NULL ? GHOST_ROOM : choose_room();
    server->peer = client;
    client->peer = server;
    struct stream **link = &listener->backlog;
    while (*link != NULL)
        link = &(*link)->next_in_backlog;
    *link = server;
    stream_poke(listener);
}

void meeting_on_syn(void *arg, uint64_t tag)
{
    (void)tag;
    struct stream *stream = arg;
    if (stream->state != STREAM_DIALLING)
        return;
    if (way_is_blocked(stream->host, stream->to) || stream->to->off) {
        stream->syn_waits = true;
        return;
    }
    struct stream *listener = listener_at(stream->to, stream->to_port);
    if (listener != NULL)
        meet(stream, listener);
    world_put(way_arrival(stream), meeting_on_answer, stream, listener != NULL ? 0 : ECONNREFUSED);
}

static struct stream *meeting_create(semel_sim_host *from, semel_sim_host *to, uint16_t port)
{
    struct stream *stream = stream_create(from, STREAM_DIALLING);
    int64_t mean_ns = world->faults.latency_us * 1000;
    stream->connection = ++world->last_connection;
    stream->client = true;
    stream->to = to;
    stream->to_port = port;
    stream->latency_ns = chance_between(world_chance(WORLD_CHANCE_NETWORK), mean_ns / 4, mean_ns * 2);
    stream->out.room = from == NULL ? GHOST_ROOM : choose_room();
    return stream;
}

struct stream *meeting_start(semel_sim_host *from, semel_sim_host *to, uint16_t port)
{
    struct stream *stream = meeting_create(from, to, port);
    world_put(way_arrival(stream), meeting_on_syn, stream, 0);
    return stream;
}

int stream_dial(semel_sim_host *to, uint16_t port, uint16_t address, int *ret_fd)
{
    struct stream *stream = meeting_create(world->turn->host, to, port);
    world_tell(stream->host, "dials %s:%u (address %u), connection %llu", to->name, port, address + 1,
               (unsigned long long)stream->connection);
    if (address != PLACE_NOBODY)
        world_put(way_arrival(stream), meeting_on_syn, stream, 0);
    *ret_fd = stream->fd;
    return 0;
}

int stream_dialled(int fd)
{
    return stream_of(fd)->error;
}

int stream_accept(int fd, int *ret_fd)
{
    struct stream *listener = stream_of(fd);
    struct stream *stream = listener->backlog;
    if (stream == NULL)
        return EAGAIN;
    listener->backlog = stream->next_in_backlog;
    stream->next_in_backlog = NULL;
    world_tell(stream->host, "accepts connection %llu", (unsigned long long)stream->connection);
    *ret_fd = stream->fd;
    return 0;
}

/* ---- closing ---- */

static void close_end(struct stream *stream)
{
    enum stream_state before = stream->state;
    stream->state = STREAM_CLOSED;
    if (before != STREAM_OPEN && before != STREAM_DIALLING)
        return;
    if (stream->peer == NULL || stream->error != 0)
        return;
    const struct stream_pipe *in = &stream->peer->out;
    if (before == STREAM_DIALLING || in->arrived > in->read_upto)
        way_send_reset(stream); /* bytes that nobody will read */
    else
        way_send(stream, true);
}

void stream_close(int fd)
{
    struct stream *stream = stream_of(fd);
    assert(stream->state != STREAM_CLOSED);
    if (stream->state != STREAM_LISTENING)
        world_tell(stream->host, "closes connection %llu", (unsigned long long)stream->connection);
    while (stream->backlog != NULL) {
        struct stream *waiting = stream->backlog;
        stream->backlog = waiting->next_in_backlog;
        waiting->state = STREAM_CLOSED;
        way_send_reset(waiting);
    }
    close_end(stream);
}
