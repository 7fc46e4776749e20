/* Accepting.
 *
 * Reads best next: listener.h. */
#include "server/listener.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "core/units.h"
#include "server/connection.h"
#include "server/server.h"

/* Connections accepted in one go, so that a storm of them does not starve those that are served. */
enum { ACCEPTS_A_TURN = 64 };
/* How long to wait for descriptors when none is left. */
#define PAUSE_NS INT64_C(100000000)

static void accept_one(struct listener *listener, int fd)
{
    struct semel_server *server = listener->server;
    server->stats.accepted++;
    if (server->connection_count >= server->max_connections) {
        server->stats.closed_by[SEMEL_REASON_TOO_MANY_CONNECTIONS]++;
        listener->endpoint.transport->close(fd);
        return;
    }
    connection_open(server, listener->endpoint.transport, fd);
}

static void pause_listening(struct listener *listener)
{
    struct loop *loop = server_loop(listener->server);
    if (loop_timer_start(loop, &listener->pause, loop_now(loop) + PAUSE_NS))
        loop_io_want(&listener->io, false, false);
}

static void on_ready(struct loop_io *io, bool readable, bool writable)
{
    (void)readable;
    (void)writable;
    struct listener *listener = container_of(io, struct listener, io);
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = -1;
        int error = listener->endpoint.transport->accept(listener->fd, &fd);
        if (error == 0) {
            accept_one(listener, fd);
            continue;
        }
        if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM)
            pause_listening(listener);
        if (error != ECONNABORTED && error != EINTR)
            return;
    }
}

static void on_pause_over(struct timer *timer)
{
    struct listener *listener = container_of(timer, struct listener, pause);
    loop_io_want(&listener->io, true, false);
}

int listener_open(struct semel_server *server, const struct endpoint *endpoint, struct listener **ret_listener)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL)
        return ENOMEM;
    int error = endpoint->transport->listen(endpoint, &listener->fd);
    if (error != 0) {
        free(listener);
        return error;
    }
    listener->server = server;
    listener->endpoint = *endpoint;
    timer_init(&listener->pause, on_pause_over);
    loop_io_open(server_loop(server), &listener->io, listener->fd, on_ready);
    loop_io_want(&listener->io, true, false);
    *ret_listener = listener;
    return 0;
}

void listener_close(struct listener *listener)
{
    loop_timer_stop(server_loop(listener->server), &listener->pause);
    loop_io_close(&listener->io);
    listener->endpoint.transport->close(listener->fd);
    if (listener->endpoint.transport->forget != NULL)
        listener->endpoint.transport->forget(&listener->endpoint);
    free(listener);
}
