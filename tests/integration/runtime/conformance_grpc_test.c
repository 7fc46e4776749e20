/* What the retry tests of gRPC ask of unary calls, where no other suite asks it.  tests/README.md has the whole list.
 *
 * Reads best next: retry_test.c. */
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include "engine.h"

TestSuite(conformance_grpc, .timeout = 60);

/* A call whose second attempt has been written. */
struct second {
    int listener;
    struct client client;
    struct peer peer;
    struct watch watch;
    struct frame request;
};

static void second_open(struct second *second, const char *deadline)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    const struct welcome welcome = peer_some_welcome();
    second->listener = peer_listen(uri);
    client_open(&second->client, LIST("RetryIntervals=0 0 0", deadline), uri);
    watch_start(&second->watch, &second->client, ADD, 1, NULL);
    peer_serve(&second->peer, second->listener, &welcome, false);
    struct frame first = peer_expect(&second->peer, FRAME_REQUEST);
    engine_refuse(&second->peer, &first, 0);
    second->request = peer_expect(&second->peer, FRAME_REQUEST);
    cr_assert_eq(second->request.seq, first.seq);
}

static void second_close(struct second *second)
{
    cr_assert_eq(peer_expect(&second->peer, FRAME_CANCEL).seq, second->request.seq);
    cr_assert_eq(second->watch.status.attempts, 2);
    cr_assert_eq(watch_times(&second->watch), 1);
    peer_close(&second->peer);
    close(second->listener);
    client_close(&second->client);
}

Test(conformance_grpc, retry_cancellation_during_the_second_attempt)
{
    struct second second;
    second_open(&second, "Deadline=60000");
    watch_cancel(&second.watch, &second.client);
    peer_reply(&second.peer, &second.request, SEMEL_CANCELLED, SEMEL_REASON_CANCELLED, SEMEL_OUTCOME_UNKNOWN,
               0);
    check_status(watch_wait(&second.watch), CANCELLED, CANCELLED, UNKNOWN);
    second_close(&second);
}

Test(conformance_grpc, retry_deadline_during_the_second_attempt)
{
    struct second second;
    second_open(&second, "Deadline=0");
    watch_expire(&second.watch, &second.client);
    check_status(watch_wait(&second.watch), DEADLINE_EXCEEDED, DEADLINE, UNKNOWN);
    second_close(&second);
}

/* The first attempt times out, the second one is ABORTED, the third succeeds. */
Test(conformance_grpc, retry_per_attempt_recv_timeout)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct peer peer;
    struct watch watch;
    const struct welcome welcome = peer_some_welcome();
    int listener = peer_listen(uri);
    client_open(&client, LIST("AttemptTimeout=3600000", "RetryIntervals=0 0", "RetryableCodes=ABORTED"), uri);
    watch_start(&watch, &client, SET, 1, NULL);
    peer_serve(&peer, listener, &welcome, false);
    peer_expect(&peer, FRAME_REQUEST);
    watch_hurry(&watch, &client);
    struct frame request = peer_expect(&peer, FRAME_REQUEST);
    engine_answer(&peer, &request, SEMEL_ABORTED);
    request = peer_expect(&peer, FRAME_REQUEST);
    peer_reply_ok(&peer, &request, "", 0);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(watch.status.attempts, 3);
    peer_close(&peer);
    close(listener);
    client_close(&client);
}

/* There is no buffer that a request could outgrow: whatever was accepted is retried whole. */
static atomic_uint whole;
enum { LARGE = 60000 };

static enum semel_code refuse_large(struct server *server, semel_request *request, probe_Request *in,
                                    probe_Reply *out)
{
    (void)server;
    whole += in->pad != NULL && in->pad->size == LARGE;
    return out->runs < 4 ? semel_request_refuse(request, 1, false) : SEMEL_OK;
}

Test(conformance_grpc, retry_of_a_large_request_sends_all_of_it)
{
    struct server server;
    struct client client;
    struct watch watch;
    server_open(&server, NULL);
    server.handler = refuse_large;
    client_open(&client, LIST("RetryIntervals=0 0 0"), server.uri);
    watch_start_sized(&watch, &client, ADD, 1, LARGE, 0, NULL);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(whole, 4);
    client_close(&client);
    server_close(&server);
}

/* "Not seen by the server": a request that crossed GOAWAY is sent again, at no cost to policy or budget. */
Test(conformance_grpc, retry_transparent_goaway)
{
    struct server server, next;
    struct client client;
    server_open(&server, NULL);
    client_open(&client, LIST("RetryIntervals=-1", "RetryBudgetPercent=0", "RetryBudgetFloor=0"), server.uri);
    semel_status status = engine_call(&client, ADD, 1, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq((int)semel_server_drain(server.semel, NULL, NULL), SEMEL_OK);
    server_open_at(&next, NULL, server.uri);
    status = engine_call(&client, ADD, 2, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(status.attempts, 1);
    cr_assert_eq(server_runs(&server, 2) + server_runs(&next, 2), 1);
    client_close(&client);
    server_close(&server);
    server_close(&next);
}

/* Who closes while a call waits between two attempts leaves nothing behind. */
Test(conformance_grpc, retry_unref_before_finish)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct watch watch;
    loopback_dead(uri);
    client_open(&client, LIST("RetryIntervals=0 3600000", "Deadline=0"), uri);
    watch_start(&watch, &client, SET, 1, NULL);
    while (client_stats(&client).dials < 2)
        ;
    client_close(&client);
    cr_assert_eq(watch_times(&watch), 1);
    check_status(&watch.status, CANCELLED, CHANNEL_CLOSED, NOT_EXECUTED);
}

/* A handler is told which attempts never reached it by nothing: it runs once, as if there had been no other. */
Test(conformance_grpc, retry_stats_count_calls_once)
{
    struct server server;
    struct client client;
    engine_failing = (struct engine_failing){.times = 2, .code = SEMEL_REFUSED};
    server_open(&server, NULL);
    server.handler = engine_fail;
    client_open(&client, LIST("RetryIntervals=0 0"), server.uri);
    for (unsigned op = 1; op <= 10; op++) {
        semel_status status = engine_call(&client, ADD, op, NULL);
        check_status(&status, OK, NONE, EXECUTED);
        cr_assert_eq(status.attempts, 3);
    }
    struct semel_channel_stats stats = client_stats(&client);
    cr_assert_eq(stats.calls, 10);
    cr_assert_eq(stats.ok, 10);
    cr_assert_eq(stats.retries, 20);
    cr_assert_eq(stats.by_rule[SEMEL_RULE_R2], 20);
    cr_assert_eq(stats.by_rule[SEMEL_RULE_R8], 10);
    cr_assert_eq(server_stats(&server).refused_by[SEMEL_REASON_REFUSED_BY_HANDLER], 20);
    client_close(&client);
    server_close(&server);
}
