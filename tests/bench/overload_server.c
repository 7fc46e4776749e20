/* The server that has something to do.
 * It must not know: how much is offered.
 * Reads best next: overload_client.c. */
#include <ev.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "echo.semel.h"
#include "overload.h"

struct work {
    const struct overload *overload;
    semel_node *node;
    semel_server *server;
    semel_request *stuck;
};

/* Of this thread: a server that is not given its processor does not work meanwhile. */
static int64_t thread_cpu_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return used.tv_sec * INT64_C(1000000000) + used.tv_nsec;
}

static enum semel_code burn(semel_request *request, bench_EchoRequest *in, bench_EchoReply *out, void *user)
{
    struct work *work = user;
    (void)in;
    (void)out;
    if (work->overload->stuck && work->stuck == NULL) {
        work->stuck = request;
        return SEMEL_PENDING;
    }
    int64_t end_ns = thread_cpu_ns() + work->overload->burn_us * 1000;
    while (thread_cpu_ns() < end_ns)
        ;
    return SEMEL_OK;
}

static const struct bench_Echo_handlers handlers = {.EchoIdempotent = burn};

static void on_question(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct work *work = watcher->data;
    (void)loop;
    (void)events;
    semel_server_get_stats(work->server, work->overload->stats);
    if (!server_answer(watcher->fd))
        semel_node_stop(work->node);
}

static bool run(struct work *work, const char *uri, int fd)
{
    struct ev_loop *loop = semel_node_loop(work->node);
    ev_io question;
    ev_io_init(&question, on_question, fd, EV_READ);
    question.data = work;
    /* An overloaded server has no time for a question between two turns; it is asked when all is over. */
    ev_io_start(loop, &question);
    bool well = server_ready(fd, uri) && semel_node_run(work->node) == SEMEL_OK;
    ev_io_stop(loop, &question);
    return well;
}

int overload_serve(const struct options *options, int fd)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct work work = {.overload = (const struct overload *)(const void *)options};
    const struct semel_node_options node_options = {.properties = work.overload->properties};
    semel_status status;
    semel_status_init(&status);
    bool well = semel_node_open(&node_options, &work.node, &status) == SEMEL_OK &&
                semel_server_open(work.node, "memory", &work.server, &status) == SEMEL_OK &&
                bench_Echo_serve(work.server, &handlers, &work) == SEMEL_OK &&
                semel_server_listen(work.server, "tcp://127.0.0.1:0", uri, &status) == SEMEL_OK;
    if (!well)
        fprintf(stderr, "semel-overload: the server: %s\n", status.message);
    well = well && run(&work, uri, fd);
    semel_server_close(work.server);
    semel_node_close(work.node);
    if (work.stuck != NULL)
        semel_request_fail(work.stuck, SEMEL_CANCELLED, NULL);
    return well ? EXIT_SUCCESS : EXIT_FAILURE;
}
