/* The client of the floor: keeps depth payloads outstanding, and sends another for each that came back, all those of
 * a turn in one write.
 * It must not know: Semel.  Reads best next: echo_client.c, the same on Semel. */
#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "floor.h"
#include "payload.h"

/* Payloads that lie one after the other, so that those of a turn are one write; of large ones, one is enough. */
enum { RUN_BYTES = 256 * 1024 };

struct floor_client {
    struct ev_loop *loop;
    ev_io stream;
    struct meter *meter;
    size_t payload; /* bytes */
    bool oneway;    /* one byte comes back for each */
    size_t depth;
    uint8_t *run; /* copies of the payload, one after the other */
    size_t run_bytes;
    uint8_t *in;
    size_t position; /* of the next byte to come, in its payload */
    size_t unsent;   /* bytes */
    int64_t *starts; /* of the payloads outstanding: a ring of depth */
    uint64_t started;
    uint64_t ended;
    uint64_t goal;
    const char *failure;
    int error;
};

static void fail(struct floor_client *client, const char *what, int error)
{
    client->failure = what;
    client->error = error;
    ev_break(client->loop, EVBREAK_ALL);
}

static bool is_transient(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static void want(struct floor_client *client, int events)
{
    if ((client->stream.events & (EV_READ | EV_WRITE)) == events)
        return;
    ev_io_stop(client->loop, &client->stream);
    ev_io_modify(&client->stream, events);
    ev_io_start(client->loop, &client->stream);
}

/* Every payload is the same, so that a run can be entered at any of them. */
static void write_run(struct floor_client *client)
{
    size_t into = (client->payload - client->unsent % client->payload) % client->payload;
    size_t size = client->unsent < client->run_bytes - into ? client->unsent : client->run_bytes - into;
    ssize_t taken = send(client->stream.fd, client->run + into, size, MSG_NOSIGNAL);
    if (taken < 0 && !is_transient(errno)) {
        fail(client, "write", errno);
        return;
    }
    if (taken > 0)
        client->unsent -= (size_t)taken;
    want(client, client->unsent > 0 ? EV_READ | EV_WRITE : EV_READ);
}

static void start_calls(struct floor_client *client, uint64_t count, int64_t now_ns)
{
    uint64_t left = client->goal - client->started;
    for (count = count < left ? count : left; count > 0; count--) {
        client->starts[client->started++ % client->depth] = now_ns;
        client->unsent += client->payload;
    }
}

static bool is_right(const struct floor_client *client, size_t got)
{
    if (client->oneway)
        return true; /* which byte it is says nothing */
    /* The ends of what was read; a run repeats the payload. */
    size_t last = (client->position + got - 1) % client->payload;
    return client->in[0] == client->run[client->position] && client->in[got - 1] == client->run[last];
}

/* Counts the payloads that are complete now, and starts as many. */
static void take(struct floor_client *client, size_t got)
{
    int64_t now_ns = meter_now_ns();
    size_t back = client->oneway ? 1 : client->payload; /* bytes for each payload */
    uint64_t complete = (client->position + got) / back;
    if (!is_right(client, got) || complete > client->started - client->ended) {
        fail(client, "the echo is wrong", 0);
        return;
    }
    client->position = (client->position + got) % back;
    for (uint64_t i = 0; i < complete; i++)
        meter_add(client->meter, now_ns - client->starts[client->ended++ % client->depth]);
    if (client->ended == client->goal)
        ev_break(client->loop, EVBREAK_ALL);
    else
        start_calls(client, complete, now_ns);
}

static void on_stream(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop;
    struct floor_client *client = watcher->data;
    if ((events & EV_READ) != 0) {
        ssize_t got = recv(watcher->fd, client->in, FLOOR_READ_BYTES, 0);
        if (got == 0)
            fail(client, "the server closed", 0);
        else if (got < 0 && !is_transient(errno))
            fail(client, "read", errno);
        else if (got > 0)
            take(client, (size_t)got);
    }
    if (client->unsent > 0 && client->failure == NULL)
        write_run(client);
}

/* Makes so many calls.  false: failed. */
static bool make_calls(struct floor_client *client, uint64_t calls)
{
    client->goal += calls;
    start_calls(client, client->depth, meter_now_ns());
    write_run(client);
    if (client->failure == NULL)
        ev_run(client->loop, 0);
    return client->failure == NULL;
}

static bool init(struct floor_client *client, const struct options *options, struct meter *meter)
{
    client->meter = meter;
    client->payload = floor_payload_bytes(options);
    client->oneway = options->oneway;
    client->depth = (size_t)options->depth;
    size_t copies = RUN_BYTES / client->payload;
    copies = copies > client->depth ? client->depth : copies;
    client->run_bytes = (copies == 0 ? 1 : copies) * client->payload;
    client->loop = ev_loop_new(EVFLAG_AUTO);
    client->run = malloc(client->run_bytes);
    client->in = malloc(FLOOR_READ_BYTES);
    client->starts = calloc(client->depth, sizeof *client->starts);
    int fd = floor_connect(meter->server->uri);
    if (client->loop == NULL || client->run == NULL || client->in == NULL || client->starts == NULL || fd < 0) {
        client->failure = "connect";
        client->error = errno;
        return false;
    }
    for (size_t at = 0; at < client->run_bytes; at += client->payload)
        payload_fill(client->run + at, client->payload);
    ev_io_init(&client->stream, on_stream, fd, EV_READ);
    client->stream.data = client;
    ev_io_start(client->loop, &client->stream);
    return true;
}

static void fini(struct floor_client *client)
{
    if (client->stream.data != NULL)
        close(client->stream.fd);
    if (client->loop != NULL)
        ev_loop_destroy(client->loop);
    free(client->run);
    free(client->in);
    free(client->starts);
}

bool floor_call(const struct options *options, struct meter *meter)
{
    struct floor_client client = {0};
    bool well = init(&client, options, meter) && make_calls(&client, options->calls / 10 + 1) &&
                meter_begin(meter) && make_calls(&client, options->calls) && meter_end(meter);
    if (client.failure != NULL)
        fprintf(stderr, "semel-bench: the floor failed after %llu calls: %s%s%s\n",
                (unsigned long long)client.ended, client.failure, client.error != 0 ? ": " : "",
                client.error != 0 ? strerror(client.error) : "");
    fini(&client);
    return well;
}
