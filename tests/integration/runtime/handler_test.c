/* What a handler may do with its request, and what the client is told of it.
 *
 * Reads best next: fixture.h, semel/request.h. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <string.h>

#include "fixture.h"
#include "peer.h"

TestSuite(handler, .timeout = 60);

static void open_both(struct server *server, struct client *client, server_handler *handler,
                      const char *const *client_properties)
{
    server_open(server, NULL);
    server->handler = handler;
    client_open(client, client_properties, server->uri);
}

static void close_both(struct server *server, struct client *client)
{
    client_close(client);
    server_close(server);
}

/* ---- pending requests ---- */

static void *finish_elsewhere(void *request)
{
    semel_request_finish(request, &(probe_Reply){.op = 77});
    return NULL;
}

/* The reply is handed in by another thread before the handler has returned. */
static enum semel_code finish_early(struct server *server, semel_request *request, probe_Request *in,
                                    probe_Reply *out)
{
    pthread_t thread;
    (void)server, (void)in, (void)out;
    pthread_create(&thread, NULL, finish_elsewhere, request);
    pthread_join(thread, NULL);
    return SEMEL_PENDING;
}

Test(handler, may_be_overtaken_by_its_own_reply)
{
    struct server server;
    struct client client;
    open_both(&server, &client, finish_early, NULL);
    for (unsigned op = 1; op <= 50; op++) {
        struct watch watch;
        watch_start(&watch, &client, ADD, op, NULL);
        check_status(watch_wait(&watch), OK, NONE, EXECUTED);
        cr_assert_eq(watch.reply.op, 77);
    }
    cr_assert_eq(server_stats(&server).running, 0);
    close_both(&server, &client);
}

static enum semel_code fail_early(struct server *server, semel_request *request, probe_Request *in,
                                  probe_Reply *out)
{
    (void)server, (void)in, (void)out;
    semel_request_fail(request, SEMEL_NOT_FOUND, "no such thing");
    return SEMEL_PENDING;
}

Test(handler, may_fail_its_pending_request_itself)
{
    struct server server;
    struct client client;
    struct watch watch;
    open_both(&server, &client, fail_early, NULL);
    watch_start(&watch, &client, ADD, 1, NULL);
    check_status(watch_wait(&watch), NOT_FOUND, HANDLER, EXECUTED);
    cr_assert_str_eq(watch.status.message, "no such thing");
    cr_assert_eq((int)watch.status.rule, SEMEL_RULE_R8);
    close_both(&server, &client);
}

Test(handler, pending_requests_are_answered_in_any_order)
{
    enum { CALLS = 20 };
    struct server server;
    struct client client;
    struct watch watches[CALLS];
    open_both(&server, &client, server_keep, NULL);
    for (unsigned i = 0; i < CALLS; i++)
        watch_start(&watches[i], &client, ADD, i, NULL);
    server_pending(&server, CALLS - 1);
    cr_assert_eq(server_stats(&server).running, CALLS);
    for (unsigned i = CALLS; i-- > 0;)
        semel_request_finish(server_pending(&server, i), &(probe_Reply){.op = i});
    for (unsigned i = 0; i < CALLS; i++) {
        check_status(watch_wait(&watches[i]), OK, NONE, EXECUTED);
        cr_assert_eq(watches[i].reply.op, i);
    }
    close_both(&server, &client);
}

Test(handler, pending_requests_outlive_their_server)
{
    struct server server;
    struct client client;
    struct watch watch;
    open_both(&server, &client, server_keep, LIST("RetryIntervals=-1"));
    watch_start(&watch, &client, ADD, 1, NULL);
    semel_request *pending = server_pending(&server, 0);
    cr_assert(!semel_request_cancelled(pending));
    semel_server_close(server.semel);
    cr_assert(semel_request_cancelled(pending));
    check_status(watch_wait(&watch), UNAVAILABLE, NO_VERDICT, UNKNOWN);
    cr_assert_str_eq(semel_request_method(pending)->name, "probe.Probe.Add");
    semel_request_finish(pending, &(probe_Reply){.op = 1});
    close_both(&server, &client);
}

/* ---- refusing and failing ---- */

static enum semel_code refuse_twice(struct server *server, semel_request *request, probe_Request *in,
                                    probe_Reply *out)
{
    (void)out;
    return server_runs(server, in->op) <= 2 ? semel_request_refuse(request, 20, false) : SEMEL_OK;
}

Test(handler, is_asked_again_after_the_delay_it_refused_with)
{
    struct server server;
    struct client client;
    struct watch watch;
    open_both(&server, &client, refuse_twice, LIST("RetryIntervals=0 0"));
    watch_start(&watch, &client, ADD, 1, NULL);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(watch.status.attempts, 3);
    cr_assert_geq(watch.status.elapsed_us, 40000);
    cr_assert_eq((int)watch.status.trail[0].failure, SEMEL_REASON_REFUSED_BY_HANDLER);
    cr_assert_eq((int)watch.status.trail[0].rule, SEMEL_RULE_R2);
    cr_assert_eq(server_stats(&server).refused_by[SEMEL_REASON_REFUSED_BY_HANDLER], 2);
    close_both(&server, &client);
}

Test(handler, that_refuses_to_the_end_has_not_executed)
{
    struct server server;
    struct client client;
    struct watch watch;
    open_both(&server, &client, refuse_twice, LIST("RetryIntervals=0"));
    watch_start(&watch, &client, ADD, 1, NULL);
    check_status(watch_wait(&watch), UNAVAILABLE, REFUSED_BY_HANDLER, NOT_EXECUTED);
    cr_assert_eq((int)watch.status.rule, SEMEL_RULE_R11);
    cr_assert_eq(watch.status.attempts, 2);
    close_both(&server, &client);
}

static enum semel_code answer_nonsense(struct server *server, semel_request *request, probe_Request *in,
                                       probe_Reply *out)
{
    (void)server, (void)request, (void)out;
    return (enum semel_code)in->op;
}

Test(handler, that_returns_no_code_is_an_internal_error)
{
    static const unsigned nonsense[] = {17, 99, 255, 258, 65536, 4000000000u};
    struct server server;
    struct client client;
    open_both(&server, &client, answer_nonsense, NULL);
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        struct watch watch;
        watch_start(&watch, &client, ADD, nonsense[i], NULL);
        check_status(watch_wait(&watch), INTERNAL, HANDLER, EXECUTED);
    }
    for (unsigned code = 1; code <= SEMEL_UNAUTHENTICATED; code++) {
        struct watch watch;
        watch_start(&watch, &client, ADD, code, NULL);
        cr_assert_eq((int)watch_wait(&watch)->code, (int)code);
        cr_assert_eq((int)watch.status.outcome, SEMEL_OUTCOME_EXECUTED);
    }
    close_both(&server, &client);
}

static enum semel_code explain_at_length(struct server *server, semel_request *request, probe_Request *in,
                                         probe_Reply *out)
{
    (void)server, (void)in, (void)out;
    return semel_request_error(request, SEMEL_ABORTED, "%0300d", 7);
}

Test(handler, whose_message_is_too_long_is_cut_with_dots)
{
    struct server server;
    struct client client;
    struct watch watch;
    open_both(&server, &client, explain_at_length, NULL);
    watch_start(&watch, &client, ADD, 1, NULL);
    check_status(watch_wait(&watch), ABORTED, HANDLER, EXECUTED);
    cr_assert_eq(strlen(watch.status.message), SEMEL_MESSAGE_MAX - 1);
    cr_assert_str_eq(watch.status.message + SEMEL_MESSAGE_MAX - 4, "...");
    close_both(&server, &client);
}

/* ---- what is no handler's ---- */

/* A server with these handlers; returns how a call of Add ends. */
static semel_status call_server_of(const struct probe_Probe_handlers *handlers)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    semel_node *node;
    semel_server *server;
    struct client client;
    probe_Reply reply;
    semel_status status;
    cr_assert_eq((int)semel_node_open(&(struct semel_node_options){.thread = true}, &node, NULL), SEMEL_OK);
    cr_assert_eq((int)semel_server_open(node, NULL, &server, NULL), SEMEL_OK);
    if (handlers != NULL) {
        cr_assert_eq((int)probe_Probe_serve(server, handlers, NULL), SEMEL_OK);
        cr_assert_eq((int)probe_Probe_serve(server, handlers, NULL), SEMEL_ALREADY_EXISTS);
    }
    cr_assert_eq((int)semel_server_listen(server, loopback_tcp(), uri, NULL), SEMEL_OK);
    client_open_unrun(&client, NULL, uri);
    probe_Probe_Add(client.channel, &(probe_Request){.op = 1}, &reply, NULL, &status);
    cr_assert_eq(status.attempts, 1);
    client_close(&client);
    semel_node_close(node);
    return status;
}

Test(handler, that_is_not_there_is_unimplemented)
{
    const struct probe_Probe_handlers empty = {0};
    semel_status status = call_server_of(&empty);
    check_status(&status, UNIMPLEMENTED, NO_HANDLER, NOT_EXECUTED);
    cr_assert_eq((int)status.rule, SEMEL_RULE_R10);
}

Test(handler, of_an_unknown_service_is_unimplemented)
{
    semel_status status = call_server_of(NULL);
    check_status(&status, UNIMPLEMENTED, NO_METHOD, NOT_EXECUTED);
    cr_assert_eq((int)status.rule, SEMEL_RULE_R10);
}

Test(handler, of_another_mode_than_the_client_thinks_is_not_run)
{
    struct server server;
    struct client client;
    struct semel_method twisted[3];
    server_open(&server, NULL);
    client_open_unrun(&client, NULL, server.uri);
    memcpy(twisted, probe_Probe_methods, sizeof twisted);
    twisted[ADD].mode = SEMEL_IDEMPOTENT;
    twisted[SET].mode = SEMEL_AT_MOST_ONCE;
    twisted[PEEK].oneway = true;
    for (unsigned i = 0; i < 3; i++) {
        probe_Reply reply;
        semel_status status;
        semel_call_wait(client.channel, &twisted[i], &(probe_Request){.op = 1}, &reply, NULL, NULL, &status);
        check_status(&status, FAILED_PRECONDITION, MODE_MISMATCH, NOT_EXECUTED);
    }
    cr_assert_eq(server_all_runs(&server), 0);
    cr_assert_eq(server_stats(&server).refused_by[SEMEL_REASON_MODE_MISMATCH], 3);
    close_both(&server, &client);
}

Test(handler, is_not_run_for_a_body_that_makes_no_sense)
{
    static const uint8_t bodies[][4] = {{0x08}, {0x0b, 0x01}, {0x1a, 0x7f, 0x00}, {0xff, 0xff, 0xff, 0xff}};
    static const size_t sizes[] = {1, 2, 3, 4};
    struct server server;
    struct peer peer;
    server_open(&server, NULL);
    struct hello hello = peer_some_hello(1);
    peer_connect(&peer, server.uri);
    peer_greet(&peer, &hello);
    for (uint64_t i = 0; i < 4; i++) {
        struct frame request = peer_request(i + 1, 1, ADD, bodies[i], sizes[i]);
        peer_send(&peer, &request);
        struct frame reply = peer_expect(&peer, FRAME_REPLY);
        cr_assert_eq((int)reply.code, SEMEL_INVALID_ARGUMENT);
        cr_assert_eq((int)reply.aux, SEMEL_REASON_MALFORMED);
        cr_assert_eq(reply.flags, SEMEL_OUTCOME_NOT_EXECUTED);
    }
    cr_assert_eq(server_all_runs(&server), 0);
    peer_close(&peer);
    server_close(&server);
}

Test(handler, of_an_idempotent_operation_leaves_no_reply_behind)
{
    struct server server;
    struct client client;
    struct watch watch;
    open_both(&server, &client, server_count, NULL);
    watch_start(&watch, &client, SET, 1, NULL);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(server_stats(&server).kept_replies, 0);
    watch_start(&watch, &client, ADD, 2, NULL);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(server_stats(&server).kept_replies, 1);
    close_both(&server, &client);
}
