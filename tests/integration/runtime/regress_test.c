/* One test for each bug that was found in the runtime over sockets; each failed while its bug lived.
 *
 * Reads best next: promise_test.c. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "peer.h"

TestSuite(regress, .timeout = 60);

/* CANCEL (also the one a deadline sends) carries aux 0, i.e. ack floor = its own seq: earlier calls are forgotten. */
Test(regress, cancel_of_a_later_call_must_not_acknowledge_earlier_ones)
{
    struct server server;
    struct client client;
    struct watch first, second;
    server_open(&server, NULL);
    server.handler = server_keep;
    client_open(&client, NULL, server.uri);
    watch_start(&first, &client, ADD, 1, NULL);
    watch_start(&second, &client, ADD, 2, NULL);
    semel_request *pending = server_pending(&server, 0);
    server_pending(&server, 1);
    watch_cancel(&second, &client);
    watch_wait(&second);
    semel_request_finish(pending, &(probe_Reply){.op = 1});
    watch_wait(&first);
    semel_request_finish(server_pending(&server, 1), &(probe_Reply){.op = 2});
    check_status(&first.status, OK, NONE, EXECUTED);
    client_close(&client);
    server_close(&server);
}

Test(regress, deadline_of_a_later_call_must_not_acknowledge_earlier_ones)
{
    struct server server;
    struct client client;
    struct watch first, second;
    server_open(&server, NULL);
    server.handler = server_keep;
    client_open(&client, NULL, server.uri);
    watch_start(&first, &client, ADD, 1, NULL);
    watch_start(&second, &client, ADD, 2, NULL);
    semel_request *pending = server_pending(&server, 0);
    semel_request *other = server_pending(&server, 1);
    watch_expire(&second, &client);
    cr_assert_eq((int)watch_wait(&second)->code, SEMEL_DEADLINE_EXCEEDED);
    while (!semel_request_cancelled(other))
        ;
    semel_request_finish(pending, &(probe_Reply){.op = 1});
    semel_request_finish(other, &(probe_Reply){.op = 2});
    watch_wait(&first);
    check_status(&first.status, OK, NONE, EXECUTED);
    client_close(&client);
    server_close(&server);
}

/* an oversized request on a live connection is sent, closes it, and is replayed over and over. */
Test(regress, a_request_over_the_servers_frame_limit_fails_alone)
{
    struct server server;
    struct client client;
    struct watch small, large;
    server_open(&server, LIST("FrameLimit=8192"));
    client_open(&client, NULL, server.uri);
    watch_start(&small, &client, ADD, 1, NULL);
    check_status(watch_wait(&small), OK, NONE, EXECUTED);
    watch_start_sized(&large, &client, ADD, 2, 20000, 0, NULL);
    if (large.started == SEMEL_OK)
        check_status(watch_wait(&large), INVALID_ARGUMENT, TOO_LARGE, NOT_EXECUTED);
    else
        cr_assert_eq((int)large.started, SEMEL_INVALID_ARGUMENT);
    cr_assert_eq(client_stats(&client).connections, 1);
    client_close(&client);
    server_close(&server);
}

/* a reply finished while the client was away is not held to the client's frame limit. */
Test(regress, a_reply_over_the_clients_limit_finished_while_it_was_away_is_told_as_executed)
{
    struct server server;
    struct peer peer;
    uint8_t body[16];
    server_open(&server, NULL);
    server.handler = server_keep;
    struct hello hello = peer_some_hello(1);
    hello.frame_limit = 8192;
    peer_connect(&peer, server.uri);
    peer_greet(&peer, &hello);
    struct frame request = peer_request(1, 1, ADD, body, peer_body(body, 5));
    peer_send(&peer, &request);
    semel_request *pending = server_pending(&server, 0);
    hello.last_domain = peer.welcome.domain;
    hello.last_connection = peer.welcome.connection;
    hello.attempt = 2;
    peer_close(&peer);
    server_wait_gauge(&server, offsetof(struct semel_server_stats, connections), 0);
    probe_Reply reply = {.pad = calloc(1, PB_BYTES_ARRAY_T_ALLOCSIZE(20000))};
    reply.pad->size = 20000;
    semel_request_finish(pending, &reply);
    server_wait_gauge(&server, offsetof(struct semel_server_stats, running), 0);
    free(reply.pad);
    peer_connect(&peer, server.uri);
    cr_assert(peer_greet(&peer, &hello));
    peer_send(&peer, &request);
    struct frame answer = peer_expect(&peer, FRAME_REPLY);
    cr_assert_leq(answer.body_size + FRAME_HEADER_SIZE, 8192, "a frame of %zu bytes, 8192 were agreed",
                  answer.body_size + FRAME_HEADER_SIZE);
    peer_close(&peer);
    server_close(&server);
}

/* GOAWAY twice aborts the client. */
Test(regress, a_second_goaway_does_not_abort_the_client)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    struct peer peer;
    struct client client;
    struct watch watch;
    client_open(&client, NULL, uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    struct welcome welcome = peer_some_welcome();
    peer_serve(&peer, listener, &welcome, false);
    struct frame request = peer_expect(&peer, FRAME_REQUEST);
    peer_send(&peer, &(struct frame){.type = FRAME_GOAWAY});
    peer_expect(&peer, FRAME_BYE);
    peer_send(&peer, &(struct frame){.type = FRAME_GOAWAY});
    peer_reply_ok(&peer, &request, "", 0);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    peer_close(&peer);
    close(listener);
    client_close(&client);
}

static void on_drained(void *user)
{
    (void)user;
}

static enum semel_code drain_code;

static void drain(void *arg)
{
    drain_code = semel_server_drain(((struct server *)arg)->semel, on_drained, arg);
}

/* With an honest server that is asked to drain twice. */
Test(regress, a_server_drained_twice_does_not_abort_its_clients)
{
    struct server server;
    struct client client;
    struct watch watch;
    server_open(&server, NULL);
    server.handler = server_keep;
    client_open(&client, NULL, server.uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    semel_request *pending = server_pending(&server, 0);
    on_node(server.node, drain, &server);
    cr_assert_eq((int)drain_code, SEMEL_OK);
    /* BYE has come when another frame after it... the client's link is FINISHED: seen by its statistics */
    struct semel_channel_stats stats;
    do
        stats = client_stats(&client);
    while (stats.frames_out < 3); /* HELLO, REQUEST, BYE */
    server_wait_stat(&server, offsetof(struct semel_server_stats, bytes_in), stats.bytes_out);
    on_node(server.node, drain, &server);
    cr_assert_eq((int)drain_code, SEMEL_FAILED_PRECONDITION);
    semel_request_finish(pending, &(probe_Reply){.op = 1});
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    client_close(&client);
    server_close(&server);
}

/* two channels of one named node displace each other. */
Test(regress, two_channels_of_one_named_node_live_side_by_side)
{
    struct server server;
    server_open(&server, NULL);
    semel_node *node;
    semel_channel *a, *b;
    const struct semel_node_options options = {.name = "teller-1"};
    cr_assert(semel_node_open(&options, &node, NULL) == SEMEL_OK);
    cr_assert(semel_channel_open(node, "a", server.uri, &a, NULL) == SEMEL_OK);
    cr_assert(semel_channel_open(node, "b", server.uri, &b, NULL) == SEMEL_OK);
    for (unsigned i = 0; i < 6; i++) {
        semel_status status;
        probe_Reply reply;
        enum semel_code code = probe_Probe_Add(i % 2 ? a : b, &(probe_Request){.op = i}, &reply, NULL, &status);
        char text[2048];
        if (code != SEMEL_OK)
            semel_status_explain(&status, text, sizeof text);
        cr_expect(code == SEMEL_OK, "call %u: %s", i, text);
    }
    struct semel_server_stats stats = server_stats(&server);
    cr_expect_eq(stats.closed_by[SEMEL_REASON_NAME_TAKEN], 0);
    cr_expect_eq(stats.closed_by[SEMEL_REASON_NAME_CONFLICT], 0);
    semel_node_close(node);
    server_close(&server);
}

/* a lying server: WELCOME RESUMED, GOAWAY and a refusal for the held replay in one segment. */
Test(regress, a_refusal_for_a_held_call_does_not_abort_the_client)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    struct peer peer;
    struct client client;
    struct watch watch;
    uint8_t bytes[1024];
    client_open(&client, LIST("RetryIntervals=0 0 0"), uri);
    semel_call_options second = SEMEL_CALL_OPTIONS_INIT;
    second.deadline_ms = 1000;
    watch_start(&watch, &client, ADD, 1, &second);
    struct welcome welcome = peer_some_welcome();
    peer_serve(&peer, listener, &welcome, false);
    struct frame request = peer_expect(&peer, FRAME_REQUEST);
    peer_close(&peer);
    welcome.connection++;
    peer_accept(&peer, listener);
    peer_take_hello(&peer);
    size_t size = peer_build_welcome(&peer, &welcome, true, bytes, sizeof bytes);
    size += peer_build(&peer, &(struct frame){.type = FRAME_GOAWAY}, bytes + size, sizeof bytes - size);
    const struct frame refusal = {.type = FRAME_REPLY,
                                  .flags = SEMEL_OUTCOME_NOT_EXECUTED | FRAME_REFUSED,
                                  .code = SEMEL_UNAVAILABLE,
                                  .seq = request.seq,
                                  .method = request.method,
                                  .aux = SEMEL_REASON_OVERLOADED};
    size += peer_build(&peer, &refusal, bytes + size, sizeof bytes - size);
    peer_write(&peer, bytes, size);
    watch_wait(&watch);
    peer_close(&peer);
    close(listener);
    client_close(&client);
}

/* a cancelled call that the server refuses with a long delay ends with the delay, not at once. */
Test(regress, a_cancelled_call_does_not_wait_out_a_refusals_delay)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    struct peer peer;
    struct client client;
    struct watch watch;
    client_open(&client, LIST("RetryIntervals=0 0 0"), uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    struct welcome welcome = peer_some_welcome();
    peer_serve(&peer, listener, &welcome, false);
    struct frame request = peer_expect(&peer, FRAME_REQUEST);
    watch_cancel(&watch, &client);
    peer_expect(&peer, FRAME_CANCEL);
    peer_reply(&peer, &request, SEMEL_UNAVAILABLE, SEMEL_REASON_REFUSED_BY_HANDLER,
               SEMEL_OUTCOME_NOT_EXECUTED | FRAME_REFUSED, 30000);
    check_status(watch_wait(&watch), CANCELLED, CANCELLED, NOT_EXECUTED);
    cr_assert_lt(watch.status.elapsed_us, 3000000);
    peer_close(&peer);
    close(listener);
    client_close(&client);
}

/* a sync stub on another channel inside a callback of semel_node_close. */
static semel_channel *second_channel;
static enum semel_code nested_code;
static void nested(const probe_Reply *reply, const semel_status *status, void *user)
{
    (void)reply;
    (void)status;
    (void)user;
    probe_Reply out;
    nested_code = probe_Probe_Add(second_channel, &(probe_Request){.op = 1}, &out, NULL, NULL);
}
Test(regress, a_sync_stub_inside_a_callback_of_node_close_is_refused)
{
    struct server server;
    server_open(&server, NULL);
    semel_node *node;
    semel_channel *a;
    cr_assert(semel_node_open(NULL, &node, NULL) == SEMEL_OK);
    cr_assert(semel_channel_open(node, "b", server.uri, &second_channel, NULL) == SEMEL_OK);
    cr_assert(semel_channel_open(node, "a", server.uri, &a, NULL) == SEMEL_OK);
    cr_assert(probe_Probe_Add_start(a, &(probe_Request){.op = 2}, NULL, NULL, nested, NULL) == SEMEL_OK);
    semel_node_close(node);
    cr_assert_eq((int)nested_code, SEMEL_FAILED_PRECONDITION);
    server_close(&server);
}

/* refuse elsewhere. */
static enum semel_code refuse_elsewhere(struct server *server, semel_request *request, probe_Request *in,
                                        probe_Reply *out)
{
    (void)server, (void)in, (void)out;
    return semel_request_refuse(request, 0, true);
}
Test(regress, a_refusal_that_says_elsewhere_leads_to_another_endpoint)
{
    struct server one, two;
    struct client client;
    struct watch watch;
    char uris[300];
    server_open(&one, NULL);
    server_open(&two, NULL);
    one.handler = refuse_elsewhere;
    snprintf(uris, sizeof uris, "%s,%s", one.uri, two.uri);
    client_open(&client, LIST("RetryIntervals=0 0 0"), uris);
    watch_start(&watch, &client, ADD, 1, NULL);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    client_close(&client);
    server_close(&one);
    server_close(&two);
}
