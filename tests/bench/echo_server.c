/* The server of the echo: the payload of a request becomes the payload of its reply, without a copy.
 * It must not know: how often it is called, or what is measured.
 * Reads best next: echo_client.c. */
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "echo.h"
#include "echo.semel.h"

static enum semel_code echo(semel_request *request, bench_EchoRequest *in, bench_EchoReply *out, void *user)
{
    (void)request;
    (void)user;
    out->payload = in->payload;
    in->payload = NULL;
    return SEMEL_OK;
}

static enum semel_code echo_pieces(semel_request *request, bench_LargeRequest *in, bench_LargeReply *out,
                                   void *user)
{
    (void)request;
    (void)user;
    out->pieces = in->pieces;
    out->pieces_count = in->pieces_count;
    in->pieces = NULL;
    in->pieces_count = 0;
    return SEMEL_OK;
}

static enum semel_code note(semel_request *request, bench_EchoRequest *in, void *user)
{
    (void)request;
    (void)in;
    (void)user;
    return SEMEL_OK;
}

static const struct bench_Echo_handlers handlers = {
    .Echo = echo,
    .EchoIdempotent = echo,
    .Note = note,
    .EchoLarge = echo_pieces,
    .EchoLargeIdempotent = echo_pieces,
};

static void on_question(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop;
    (void)events;
    if (!server_answer(watcher->fd))
        semel_node_stop(watcher->data);
}

static void log_trouble(enum semel_log_level level, const char *text, void *user)
{
    (void)user;
    if (level <= SEMEL_LOG_WARNING)
        fprintf(stderr, "semel-bench: server: %s\n", text);
}

static bool run(semel_node *node, const char *uri, int fd)
{
    struct ev_loop *loop = semel_node_loop(node);
    ev_io question;
    ev_io_init(&question, on_question, fd, EV_READ);
    question.data = node;
    ev_io_start(loop, &question);
    bool well = server_ready(fd, uri) && semel_node_run(node) == SEMEL_OK;
    ev_io_stop(loop, &question);
    return well;
}

int echo_serve(const struct options *options, int fd)
{
    char name[SEMEL_ENDPOINT_TEXT_MAX] = "tcp://127.0.0.1:0";
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    const struct semel_node_options node_options = {.log = log_trouble};
    semel_node *node = NULL;
    semel_server *server = NULL;
    semel_status status;
    semel_status_init(&status);
    if (options->transport == OPTIONS_UNIX)
        snprintf(name, sizeof name, "unix:@semel-bench-echo-%ld", (long)getpid());
    bool well = semel_node_open(&node_options, &node, &status) == SEMEL_OK &&
                semel_server_open(node, "memory", &server, &status) == SEMEL_OK &&
                bench_Echo_serve(server, &handlers, NULL) == SEMEL_OK &&
                semel_server_listen(server, name, uri, &status) == SEMEL_OK;
    if (!well)
        fprintf(stderr, "semel-bench: the echo's server: %s\n", status.message);
    well = well && run(node, uri, fd);
    semel_server_close(server);
    semel_node_close(node);
    return well ? EXIT_SUCCESS : EXIT_FAILURE;
}
