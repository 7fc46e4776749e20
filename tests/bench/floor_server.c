/* The server of the floor: what it reads it writes; of oneways, a byte for each.
 * It must not know: what is in a payload.
 * Reads best next: floor_client.c. */
#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "floor.h"

struct floor_server {
    struct ev_loop *loop;
    size_t payload; /* bytes of one, of which a byte goes back; 0: all of them do */
    size_t position;
    ev_io question;
    ev_io listener;
    ev_io stream;
    size_t first; /* what has been read and not yet written: from first, before end */
    size_t end;
    int exit_code;
    uint8_t *bytes;
};

static bool is_transient(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static void close_stream(struct floor_server *server)
{
    ev_io_stop(server->loop, &server->stream);
    close(server->stream.fd);
}

static void want(struct floor_server *server, int events)
{
    if ((server->stream.events & (EV_READ | EV_WRITE)) == events)
        return;
    ev_io_stop(server->loop, &server->stream);
    ev_io_modify(&server->stream, events);
    ev_io_start(server->loop, &server->stream);
}

/* One write; what the kernel does not take has to wait, and nothing is read meanwhile. */
static void write_back(struct floor_server *server)
{
    ssize_t taken = send(server->stream.fd, server->bytes + server->first, server->end - server->first,
                         MSG_NOSIGNAL);
    if (taken < 0 && !is_transient(errno)) {
        close_stream(server);
        return;
    }
    if (taken > 0)
        server->first += (size_t)taken;
    if (server->first == server->end)
        server->first = server->end = 0;
    want(server, server->first == server->end ? EV_READ : EV_WRITE);
}

/* How many bytes go back for those that have come: all, or one for each payload that is complete. */
static size_t answer_bytes(struct floor_server *server, size_t got)
{
    if (server->payload == 0)
        return got;
    size_t complete = (server->position + got) / server->payload;
    server->position = (server->position + got) % server->payload;
    return complete;
}

static void on_stream(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop;
    struct floor_server *server = watcher->data;
    if ((events & EV_READ) != 0) {
        ssize_t got = recv(watcher->fd, server->bytes, FLOOR_READ_BYTES, 0);
        if (got == 0 || (got < 0 && !is_transient(errno)))
            close_stream(server);
        if (got <= 0)
            return;
        server->end = answer_bytes(server, (size_t)got);
    }
    if (server->end == 0)
        return; /* no payload is complete */
    write_back(server);
}

static void on_listener(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)events;
    struct floor_server *server = watcher->data;
    int fd = floor_accept(watcher->fd);
    if (fd < 0)
        return;
    ev_io_stop(loop, watcher); /* there is one client */
    ev_io_init(&server->stream, on_stream, fd, EV_READ);
    server->stream.data = server;
    ev_io_start(loop, &server->stream);
}

static void on_question(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)events;
    if (!server_answer(watcher->fd))
        ev_break(loop, EVBREAK_ALL);
}

static void start_watchers(struct floor_server *server, int listener, int question)
{
    ev_io_init(&server->listener, on_listener, listener, EV_READ);
    ev_io_init(&server->question, on_question, question, EV_READ);
    server->listener.data = server->question.data = server;
    ev_io_start(server->loop, &server->listener);
    ev_io_start(server->loop, &server->question);
}

int floor_serve(const struct options *options, int fd)
{
    char uri[SERVER_URI_MAX];
    struct floor_server server = {.loop = ev_loop_new(EVFLAG_AUTO),
                                  .payload = options->oneway ? floor_payload_bytes(options) : 0,
                                  .bytes = malloc(FLOOR_READ_BYTES)};
    int listener = floor_listen(options->transport, uri, sizeof uri);
    int code = EXIT_FAILURE;
    if (server.loop == NULL || server.bytes == NULL || listener < 0) {
        fprintf(stderr, "semel-bench: the floor's server: %s\n", strerror(errno));
    } else {
        start_watchers(&server, listener, fd);
        if (server_ready(fd, uri)) {
            ev_run(server.loop, 0);
            code = EXIT_SUCCESS;
        }
    }
    if (listener >= 0)
        close(listener);
    if (server.loop != NULL)
        ev_loop_destroy(server.loop);
    free(server.bytes);
    return code;
}
