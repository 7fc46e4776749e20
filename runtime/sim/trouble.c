/* Trouble: connections that break and fall silent, ways that are free again, machines that come and go, ghosts.
 *
 * Reads best next: faults.c, which decides when. */
#include "sim/way.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- faults ---- */

void stream_cut(struct stream *stream)
{
    struct stream *ends[2] = {stream, stream->peer};
    if (stream->state != STREAM_OPEN || stream->peer == NULL || stream->hushed || stream->error != 0)
        return;
    world_tell(NULL, "connection %llu breaks", (unsigned long long)stream->connection);
    for (int i = 0; i < 2; i++) {
        struct stream_pipe *pipe = &ends[i]->out;
        uint64_t flying = pipe->written - pipe->arrived;
        pipe->arrived += chance_below(world_chance(WORLD_CHANCE_FAULTS), flying + 1);
        way_drop(pipe);
    }
    for (int i = 0; i < 2; i++)
        world_put(way_arrival(ends[i]), way_on_reset, ends[i], 0);
}

void stream_hush(struct stream *stream)
{
    if (stream->state != STREAM_OPEN || stream->peer == NULL)
        return;
    world_tell(NULL, "connection %llu falls silent", (unsigned long long)stream->connection);
    stream->hushed = stream->peer->hushed = true;
}

static void go_on(struct stream *stream, const semel_sim_host *from, const semel_sim_host *to)
{
    bool outward = stream->host == from;
    const semel_sim_host *other = stream->peer != NULL ? stream->peer->host : stream->to;
    if ((outward && other != to) || (!outward && (stream->host != to || other != from)))
        return;
    if (outward && stream->syn_waits) {
        stream->syn_waits = false;
        world_put(way_arrival(stream), meeting_on_syn, stream, 0);
    }
    if (!outward && stream->answer_waits > 0) {
        world_put(way_arrival(stream), meeting_on_answer, stream, (uint64_t)stream->answer_waits - 1);
        stream->answer_waits = 0;
    }
    if (stream->peer == NULL)
        return;
    if (outward)
        way_plan(stream);
    if (!outward && stream->reset_waits) {
        stream->reset_waits = false;
        world_put(way_arrival(stream), way_on_reset, stream, 0);
    }
    if (!outward && stream->out.grant_waits) {
        stream->out.grant_waits = false;
        world_put(way_arrival(stream), way_on_grant, stream, 0);
    }
}

void stream_unblock(const semel_sim_host *from, const semel_sim_host *to)
{
    for (int fd = 0; fd < world->stream_count; fd++)
        if (world->streams[fd]->host != NULL)
            go_on(world->streams[fd], from, to);
}

void stream_drop(const semel_sim_host *host, bool silent)
{
    for (int fd = 0; fd < world->stream_count; fd++) {
        struct stream *stream = world->streams[fd];
        if (stream->host != host || stream->state == STREAM_CLOSED)
            continue;
        stream->io = NULL;
        if (!silent) {
            stream_close(fd);
            continue;
        }
        stream->state = STREAM_CLOSED;
        stream->gone = true;
        way_drop(&stream->out);
    }
}

void stream_restart(const semel_sim_host *host)
{
    for (int fd = 0; fd < world->stream_count; fd++) {
        struct stream *stream = world->streams[fd];
        if (stream->peer != NULL && stream->peer->host == host && stream->peer->gone)
            way_plan(stream);
        if (stream->to == host && stream->syn_waits && stream->peer == NULL) {
            stream->syn_waits = false;
            world_put(way_arrival(stream), meeting_on_syn, stream, 0);
        }
    }
}

/* ---- ghosts ---- */

static void on_ghost_gone(void *arg, uint64_t tag)
{
    (void)tag;
    struct stream *ghost = arg;
    if (ghost->state == STREAM_OPEN)
        stream_close(ghost->fd);
}

void ghost_play(struct stream *ghost)
{
    world_tell(NULL, "an old connection is played again to %s as connection %llu, %zu bytes", ghost->to->name,
               (unsigned long long)ghost->connection, ghost->record_size);
    way_put(ghost, ghost->record, ghost->record_size);
    way_send(ghost, false);
    world_put(world->now_ns + chance_between(world_chance(WORLD_CHANCE_FAULTS), 1000000, INT64_C(3000000000)),
              on_ghost_gone, ghost, 0);
}

void stream_ghost(semel_sim_host *to, uint16_t port, const uint8_t *bytes, size_t size)
{
    struct stream *ghost = meeting_start(NULL, to, port);
    ghost->record = malloc(size);
    assert(ghost->record != NULL);
    memcpy(ghost->record, bytes, size);
    ghost->record_size = size;
}
