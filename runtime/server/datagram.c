/* Datagrams in.
 *
 * Reads best next: datagram.h, dispatch.c. */
#include "server/datagram.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "core/datagram.h"
#include "core/units.h"
#include "server/dispatch.h"
#include "server/server.h"

enum {
    /* One byte more than a datagram may have, so that a larger one is seen to be. */
    DATAGRAM_ROOM = LIMIT_DATAGRAM + 1,
    /* Calls of receive before others have their turn: a flood costs a turn so much and no more, and the rest of it is
     * the kernel's to drop. */
    RECEIVES_A_TURN = 4,
};

/* NONE: it was handed on.  Otherwise why it was dropped: nobody is told, since who sent it may not be who it says. */
static enum semel_reason take(struct semel_server *server, const uint8_t *bytes, size_t size)
{
    struct frame frame;
    enum semel_reason bad = datagram_read(bytes, size, &frame);
    return bad != SEMEL_REASON_NONE ? bad : dispatch_datagram(server, &frame);
}

/* Receives some more once the last ones were looked at.  false: there are none. */
static bool receive(struct datagram_listener *listener)
{
    const struct transport_datagrams *datagrams = listener->endpoint.transport->datagrams;
    struct iovec rooms[TRANSPORT_DATAGRAMS];
    for (size_t i = 0; i < TRANSPORT_DATAGRAMS; i++)
        rooms[i] = (struct iovec){listener->rooms + i * DATAGRAM_ROOM, DATAGRAM_ROOM};
    listener->at = listener->count = 0;
    if (datagrams->receive(listener->fd, rooms, TRANSPORT_DATAGRAMS, listener->sizes, &listener->count) != 0)
        return false;
    listener->server->counters.reads++;
    return listener->count > 0;
}

static void look_at_next(struct datagram_listener *listener)
{
    struct semel_server *server = listener->server;
    size_t size = listener->sizes[listener->at];
    const uint8_t *bytes = listener->rooms + listener->at * DATAGRAM_ROOM;
    listener->at++;
    server->counters.bytes_in += size;
    server->stats.datagrams++;
    enum semel_reason dropped = take(server, bytes, size);
    if (dropped != SEMEL_REASON_NONE)
        server->stats.datagrams_dropped_by[dropped]++;
}

/* As many as a turn has time for, but one at least.  Those that were received and not looked at are the first of the
 * next. */
static void work(struct datagram_listener *listener)
{
    struct semel_server *server = listener->server;
    bool looked = false;
    for (int i = 0; i < RECEIVES_A_TURN; i++) {
        if (listener->at == listener->count && !receive(listener))
            return;
        while (listener->at < listener->count) {
            if (looked && admission_is_spent(&server->admission)) {
                loop_again(server_loop(server), &listener->again);
                return;
            }
            look_at_next(listener);
            looked = true;
        }
    }
}

static void on_ready(struct loop_io *io, bool readable, bool writable)
{
    (void)readable;
    (void)writable;
    work(container_of(io, struct datagram_listener, io));
}

static void on_again(struct loop_task *task)
{
    work(container_of(task, struct datagram_listener, again));
}

int datagram_listener_open(struct semel_server *server, const struct endpoint *endpoint,
                           struct datagram_listener **ret_listener)
{
    struct datagram_listener *listener = calloc(1, sizeof *listener);
    uint8_t *rooms = malloc((size_t)TRANSPORT_DATAGRAMS * DATAGRAM_ROOM);
    bool memory = listener != NULL && rooms != NULL;
    int error = memory ? endpoint->transport->listen(endpoint, &listener->fd) : ENOMEM;
    if (error != 0) {
        free(rooms);
        free(listener);
        return error;
    }
    listener->server = server;
    listener->endpoint = *endpoint;
    listener->rooms = rooms;
    loop_task_init(&listener->again, on_again);
    loop_io_open(server_loop(server), &listener->io, listener->fd, on_ready);
    loop_io_want(&listener->io, true, false);
    *ret_listener = listener;
    return 0;
}

void datagram_listener_close(struct datagram_listener *listener)
{
    loop_io_close(&listener->io);
    loop_task_cancel(server_loop(listener->server), &listener->again);
    listener->endpoint.transport->close(listener->fd);
    free(listener->rooms);
    free(listener);
}
