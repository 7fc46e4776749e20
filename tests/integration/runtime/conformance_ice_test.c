/* What the tests of ZeroC Ice ask of retries, fault tolerance, asynchronous calls, timeouts and back pressure, where no
 * other suite asks it.  tests/README.md has the whole list.
 *
 * Reads best next: conformance_grpc_test.c. */
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine.h"

TestSuite(conformance_ice, .timeout = 60);

#define INTERVALS "RetryIntervals=0 1 10 1"

/* ---- Ice/retry ---- */

Test(conformance_ice, retry_a_regular_call_is_one_attempt)
{
    struct server server;
    struct client client;
    struct watch watch;
    server_open(&server, NULL);
    client_open(&client, LIST(INTERVALS), server.uri);
    semel_status status = engine_call(&client, ADD, 1, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    watch_start(&watch, &client, ADD, 2, NULL);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(status.attempts + watch.status.attempts, 2);
    struct semel_channel_stats stats = client_stats(&client);
    cr_assert_eq(stats.calls, 2);
    cr_assert_eq(stats.retries, 0);
    client_close(&client);
    server_close(&server);
}

/* Servers that go with the request in hand, each another domain. */
struct killed {
    int listener;
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct watch watch;
    struct welcome welcome;
};

static void killed_open(struct killed *killed, const char *intervals, enum method method)
{
    killed->listener = peer_listen(killed->uri);
    killed->welcome = peer_some_welcome();
    client_open(&killed->client, LIST(intervals), killed->uri);
    watch_start(&killed->watch, &killed->client, method, 1, NULL);
}

static void kill_next(struct killed *killed)
{
    struct peer peer;
    killed->welcome.domain.bytes[0]++;
    killed->welcome.incarnation++;
    peer_serve(&peer, killed->listener, &killed->welcome, false);
    peer_expect(&peer, FRAME_REQUEST);
    peer_close(&peer);
}

static void killed_close(struct killed *killed)
{
    close(killed->listener);
    client_close(&killed->client);
}

Test(conformance_ice, retry_an_idempotent_call_that_fails_four_times_is_retried_exactly_four_times)
{
    struct killed killed;
    struct peer peer;
    killed_open(&killed, INTERVALS, SET);
    for (int i = 0; i < 4; i++)
        kill_next(&killed);
    killed.welcome.domain.bytes[0]++;
    peer_serve(&peer, killed.listener, &killed.welcome, false);
    struct frame request = peer_expect(&peer, FRAME_REQUEST);
    peer_reply_ok(&peer, &request, "", 0);
    check_status(watch_wait(&killed.watch), OK, NONE, EXECUTED);
    cr_assert_eq(killed.watch.status.attempts, 5);
    struct semel_channel_stats stats = client_stats(&killed.client);
    cr_assert_eq(stats.calls, 1);
    cr_assert_eq(stats.ok, 1);
    cr_assert_eq(stats.retries, 4);
    peer_close(&peer);
    killed_close(&killed);
}

Test(conformance_ice, retry_a_call_that_is_not_idempotent_is_not_retried_and_the_next_one_is_well)
{
    struct killed killed;
    struct peer peer;
    struct watch next;
    killed_open(&killed, INTERVALS, ADD);
    kill_next(&killed);
    killed.welcome.domain.bytes[0]++;
    peer_serve(&peer, killed.listener, &killed.welcome, false);
    check_status(watch_wait(&killed.watch), UNAVAILABLE, DOMAIN_CHANGED, UNKNOWN);
    watch_start(&next, &killed.client, ADD, 2, NULL);
    struct frame request = peer_expect(&peer, FRAME_REQUEST);
    peer_reply_ok(&peer, &request, "", 0);
    check_status(watch_wait(&next), OK, NONE, EXECUTED);
    cr_assert_eq(next.status.attempts, 1);
    cr_assert_eq(client_stats(&killed.client).retries, 0);
    peer_close(&peer);
    killed_close(&killed);
}

/* The third wait is longer than the call may take: here it is not waited for. */
Test(conformance_ice, retry_a_deadline_before_the_third_wait_ends_the_call_after_two_retries)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct watch watch;
    loopback_dead(uri);
    client_open(&client, LIST("RetryIntervals=0 1 60000", "Deadline=40000"), uri);
    semel_status status = engine_call(&client, ADD, 1, NULL);
    check_status(&status, UNAVAILABLE, WAIT_PAST_DEADLINE, NOT_EXECUTED);
    cr_assert_eq(status.attempts, 3);
    watch_start(&watch, &client, ADD, 2, NULL);
    check_status(watch_wait(&watch), UNAVAILABLE, WAIT_PAST_DEADLINE, NOT_EXECUTED);
    cr_assert_eq(watch.status.attempts, 3);
    client_close(&client);
}

/* ---- Ice/faultTolerance ---- */

/* How many servers a call takes with it, with the default of one retry. */
static void check_kills(enum method method, unsigned kills)
{
    struct killed killed;
    killed_open(&killed, "RetryIntervals=0", method);
    for (unsigned i = 0; i < kills; i++)
        kill_next(&killed);
    close(killed.listener);
    const semel_status *status = watch_wait(&killed.watch);
    cr_assert_eq((int)status->code, SEMEL_UNAVAILABLE);
    cr_assert_eq((int)status->outcome, SEMEL_OUTCOME_UNKNOWN);
    killed.listener = -1;
    killed_close(&killed);
}

Test(conformance_ice, fault_tolerance_an_abort_that_is_not_idempotent_kills_one_server)
{
    check_kills(ADD, 1);
}

Test(conformance_ice, fault_tolerance_an_idempotent_abort_kills_two_servers)
{
    check_kills(SET, 2);
}

/* ---- Ice/ami ---- */

/* Requests of 10 KB that run at most once, twice as many each time, and a server that leaves in the middle of them. */
static void drain_amid(unsigned count)
{
    static struct watch watches[512];
    struct server server, next;
    struct client client;
    unsigned runs = 0;
    server_open(&server, NULL);
    client_open(&client, LIST("RetryIntervals=0 1 5 10 50 100 500 5000 10000"), server.uri);
    for (unsigned i = 0; i < count; i++) {
        watch_start_sized(&watches[i], &client, ADD, i, 10240, 0, NULL);
        if (i == count / 2)
            cr_assert_eq((int)semel_server_drain(server.semel, NULL, NULL), SEMEL_OK);
    }
    server_open_at(&next, NULL, server.uri);
    for (unsigned i = 0; i < count; i++) {
        check_status(watch_wait(&watches[i]), OK, NONE, EXECUTED);
        runs += server_runs(&server, i) == 1;
        runs += server_runs(&next, i) == 1;
    }
    cr_assert_eq(runs, count);
    cr_assert_eq(server_all_runs(&server) + server_all_runs(&next), count);
    client_close(&client);
    server_close(&server);
    server_close(&next);
}

Test(conformance_ice, ami_a_graceful_close_amid_large_requests_fails_none)
{
    for (unsigned count = 2; count <= 512; count *= 2)
        drain_amid(count);
}

/* ---- Ice/timeout ---- */

/* A server that has said WELCOME and reads nothing more: 12 MB fill every buffer on the way. */
Test(conformance_ice, timeout_requests_to_a_peer_that_is_stuck_end_at_their_deadline)
{
    enum { REQUESTS = 200 };
    static struct watch watches[REQUESTS];
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct peer peer;
    const struct welcome welcome = peer_some_welcome();
    int listener = peer_listen(uri);
    client_open(&client, NULL, uri);
    for (unsigned i = 0; i < REQUESTS; i++)
        watch_start_sized(&watches[i], &client, ADD, i, 60000, 0, NULL);
    peer_serve(&peer, listener, &welcome, false);
    engine_wait_until_stuck(&client);
    for (unsigned i = 0; i < REQUESTS; i++)
        watch_expire(&watches[i], &client);
    for (unsigned i = 0; i < REQUESTS; i++)
        cr_assert_eq((int)watch_wait(&watches[i])->code, SEMEL_DEADLINE_EXCEEDED);
    check_status(&watches[0].status, DEADLINE_EXCEEDED, DEADLINE, UNKNOWN);
    check_status(&watches[REQUESTS - 1].status, DEADLINE_EXCEEDED, DEADLINE, NOT_EXECUTED);
    peer_close(&peer);
    close(listener);
    client_close(&client);
}

Test(conformance_ice, timeout_of_a_call_leaves_its_connection_in_use)
{
    struct server server;
    struct client client;
    struct watch watch;
    server_open(&server, NULL);
    server.handler = server_keep;
    client_open(&client, NULL, server.uri);
    for (unsigned i = 0; i < 3; i++) {
        watch_start(&watch, &client, ADD, i, NULL);
        server_pending(&server, i);
        watch_expire(&watch, &client);
        check_status(watch_wait(&watch), DEADLINE_EXCEEDED, DEADLINE, UNKNOWN);
    }
    for (size_t i = 0; i < 3; i++)
        semel_request_finish(server_pending(&server, i), &(probe_Reply){.op = 1});
    server.handler = server_count;
    semel_status status = engine_call(&client, ADD, 9, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(client_stats(&client).connections, 1);
    client_close(&client);
    server_close(&server);
}

/* ---- Ice/background ---- */

/* 200 oneways of 10 KB fill every buffer on the way; what follows waits behind them, and all arrive in order. */
Test(conformance_ice, background_oneways_to_a_held_server_all_arrive_in_order)
{
    enum { ONEWAYS = 200 };
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct watch last;
    struct peer peer;
    const struct welcome welcome = peer_some_welcome();
    int listener = peer_listen(uri);
    probe_Request in = {.op = 1, .pad = calloc(1, PB_BYTES_ARRAY_T_ALLOCSIZE(10240))};
    cr_assert_not_null(in.pad);
    in.pad->size = 10240;
    client_open(&client, NULL, uri);
    for (unsigned i = 0; i < ONEWAYS; i++)
        cr_assert_eq((int)probe_Probe_Tell(client.channel, &in, NULL), SEMEL_OK);
    watch_start(&last, &client, ADD, 2, NULL);
    peer_serve(&peer, listener, &welcome, false);
    cr_assert_eq(watch_times(&last), 0);
    for (uint64_t seq = 1; seq <= ONEWAYS + 1; seq++) {
        struct frame request = peer_expect(&peer, FRAME_REQUEST);
        cr_assert_eq(request.seq, seq);
        if (seq > ONEWAYS)
            peer_reply_ok(&peer, &request, "", 0);
    }
    peer_receipt(&peer, 1, ONEWAYS);
    check_status(watch_wait(&last), OK, NONE, EXECUTED);
    cr_assert_eq((int)semel_channel_flush(client.channel, 50000), SEMEL_OK);
    cr_assert_eq(client_stats(&client).ok, ONEWAYS + 1);
    free(in.pad);
    peer_close(&peer);
    close(listener);
    client_close(&client);
}
