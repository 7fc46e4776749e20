/* A channel that is asked for nothing leaves its connection in good order, and nobody notices: the next call finds the
 * same session, and nothing was held against the server.
 *
 * Reads best next: client/idle.h. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/channel.h"
#include "engine.h"
#include "fixture.h"
#include "peer.h"

TestSuite(idle, .timeout = 60);

static void call_ok(struct client *client, unsigned op)
{
    struct watch watch;
    watch_start(&watch, client, ADD, op, NULL);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
}

static void wait_until_left(struct client *client, uint64_t times)
{
    while (client_stats(client).closed_by[SEMEL_REASON_IDLE] < times)
        ;
}

/* What the reconnector thinks, read on the node's thread. */
struct thoughts {
    struct client *client;
    enum reconnector_state state;
    bool blames; /* an endpoint is to be tried last */
    bool barred;
    bool leaves;
};

static void read_thoughts(void *arg)
{
    struct thoughts *thoughts = arg;
    const struct reconnector *reconnector = &thoughts->client->channel->reconnector;
    thoughts->state = reconnector->state;
    thoughts->blames = reconnector->failed_last < reconnector->endpoint_count;
    thoughts->barred = reconnector_is_barred(reconnector);
    thoughts->leaves = thoughts->client->channel->parting;
}

Test(idle, leaves_in_good_order_and_the_next_call_is_in_the_same_session)
{
    struct server server;
    struct client client;
    server_open(&server, NULL);
    client_open(&client, LIST("IdleTimeout=40", "BreakerFailures=1"), server.uri);
    call_ok(&client, 1);
    wait_until_left(&client, 1);
    server_wait_closed_by(&server, DRAINED, 1);
    cr_assert_eq(server_stats(&server).connections, 0);
    cr_assert_eq(server_stats(&server).kept_replies, 0, "BYE acknowledges");
    cr_assert_eq(server_stats(&server).sessions, 1);

    struct thoughts thoughts = {.client = &client};
    on_node(client.node, read_thoughts, &thoughts);
    cr_assert_eq((int)thoughts.state, RECONNECTOR_IDLE, "nobody asked for a connection");
    cr_assert(!thoughts.blames && !thoughts.barred);
    cr_assert_eq(client_stats(&client).dials, 1);

    call_ok(&client, 2);
    struct semel_channel_stats stats = client_stats(&client);
    cr_assert_eq(stats.dials, 2);
    cr_assert_eq(stats.resumed, 1);
    cr_assert_eq(stats.retries, 0);
    cr_assert_eq(server_all_runs(&server), 2);
    client_close(&client);
    server_close(&server);
}

Test(idle, the_endpoint_that_was_left_is_not_tried_last)
{
    struct server first, second;
    struct client client;
    char list[ENGINE_LIST];
    server_open(&first, NULL);
    server_open(&second, NULL);
    client_open(&client, LIST("IdleTimeout=20"), engine_list(list, first.uri, second.uri));
    for (unsigned op = 1; op <= 5; op++) {
        call_ok(&client, op);
        wait_until_left(&client, op);
    }
    cr_assert_eq(server_all_runs(&first), 5);
    cr_assert_eq(client_stats(&client).resumed, 4);
    client_close(&client);
    server_close(&first);
    server_close(&second);
}

/* At every distance from the moment of leaving: as many rounds through the node as chance wants, and now and then until
 * it has left. */
Test(idle, a_call_at_the_very_moment_is_not_lost)
{
    enum { CALLS = 400 };
    struct server server;
    struct client client;
    unsigned seed = 4061;
    server_open(&server, NULL);
    client_open(&client, LIST("IdleTimeout=1", "RetryIntervals=-1"), server.uri);
    for (unsigned op = 0; op < CALLS; op++) {
        uint64_t left = client_stats(&client).closed_by[SEMEL_REASON_IDLE];
        call_ok(&client, op);
        for (int rounds = rand_r(&seed) % 60; rounds > 0; rounds--)
            (void)client_stats(&client);
        if (op % 20 == 0)
            wait_until_left(&client, left + 1);
    }
    struct semel_channel_stats stats = client_stats(&client);
    cr_assert_gt(stats.closed_by[SEMEL_REASON_IDLE], 10, "it was hardly ever idle");
    cr_assert_eq(stats.connections, stats.resumed + 1);
    cr_assert_leq(stats.connections, stats.closed_by[SEMEL_REASON_IDLE] + 1, "nothing else closed any");
    for (unsigned op = 0; op < CALLS; op++)
        cr_assert_eq(server_runs(&server, op), 1);
    client_close(&client);
    server_close(&server);
}

/* The server has BYE and has not closed, and may never: a call does not wait for that. */
Test(idle, a_call_does_not_wait_for_the_end_of_a_connection_that_is_left)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    struct peer left, next;
    struct client client;
    struct watch watch;
    struct welcome welcome = peer_some_welcome();
    welcome.heartbeat_ms = 120000; /* longer than this test may take */
    client_open(&client, LIST("IdleTimeout=20", "RetryIntervals=-1", "Heartbeat=120s"), uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    peer_serve(&left, listener, &welcome, false);
    struct frame request = peer_expect(&left, FRAME_REQUEST);
    peer_reply_ok(&left, &request, "\x08\x01", 2);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    struct frame bye = peer_expect(&left, FRAME_BYE);
    cr_assert_eq(bye.seq, 2);
    cr_assert_eq(bye.aux, 0, "all is acknowledged");

    watch_start(&watch, &client, ADD, 2, NULL);
    welcome.connection++;
    peer_serve(&next, listener, &welcome, true);
    request = peer_expect(&next, FRAME_REQUEST);
    cr_assert_eq(request.seq, 2);
    peer_reply_ok(&next, &request, "\x08\x02", 2);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(client_stats(&client).closed_by[SEMEL_REASON_IDLE], 1);
    peer_close(&left);
    peer_close(&next);
    close(listener);
    client_close(&client);
}

/* ---- who is not idle ---- */

Test(idle, a_call_without_its_answer_keeps_the_connection)
{
    struct server server;
    struct client client;
    struct watch watch;
    server_open(&server, NULL);
    server.handler = server_keep;
    client_open(&client, LIST("IdleTimeout=10"), server.uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    semel_request *pending = server_pending(&server, 0);
    engine_outlast(&client); /* longer than IdleTimeout */
    struct thoughts thoughts = {.client = &client};
    on_node(client.node, read_thoughts, &thoughts);
    cr_assert_not(thoughts.leaves);
    cr_assert_eq(client_stats(&client).closed_by[SEMEL_REASON_IDLE], 0);
    semel_request_finish(pending, &(probe_Reply){.op = 1});
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    wait_until_left(&client, 1);
    cr_assert_eq(client_stats(&client).connections, 1);
    client_close(&client);
    server_close(&server);
}

static void make_it_stay(void *arg)
{
    struct client *client = arg;
    client->channel->stays++;
}

Test(idle, a_channel_that_stays_is_never_idle)
{
    struct server server;
    struct client client;
    server_open(&server, NULL);
    client_open(&client, LIST("IdleTimeout=10"), server.uri);
    on_node(client.node, make_it_stay, &client);
    call_ok(&client, 1);
    engine_outlast(&client); /* longer than IdleTimeout */
    cr_assert_eq(client_stats(&client).closed_by[SEMEL_REASON_IDLE], 0);
    cr_assert_eq(server_stats(&server).connections, 1);
    client_close(&client);
    server_close(&server);
}

static void let_it_leave(void *arg)
{
    struct client *client = arg;
    client->channel->stays--;
}

/* It serves calls back, and is to be connected always; one of the two ends. */
Test(idle, a_channel_stays_while_there_is_one_reason_left)
{
    struct server server;
    struct client client;
    semel_server *served;
    semel_status status;
    server_open(&server, NULL);
    client_open(&client, LIST("IdleTimeout=10"), server.uri);
    cr_assert_eq((int)semel_server_open(client.node, NULL, &served, &status), SEMEL_OK);
    cr_assert_eq((int)semel_channel_serve(client.channel, served), SEMEL_OK);
    call_ok(&client, 1);
    engine_outlast(&client); /* longer than IdleTimeout */
    on_node(client.node, make_it_stay, &client);
    semel_server_close(served);
    call_ok(&client, 2);
    engine_outlast(&client); /* longer than IdleTimeout */
    cr_assert_eq(client_stats(&client).closed_by[SEMEL_REASON_IDLE], 0);
    on_node(client.node, let_it_leave, &client);
    wait_until_left(&client, 1);
    client_close(&client);
    server_close(&server);
}

Test(idle, without_the_property_a_connection_lasts)
{
    struct server server;
    struct client client;
    server_open(&server, NULL);
    client_open(&client, NULL, server.uri);
    call_ok(&client, 1);
    engine_outlast(&client); /* longer than IdleTimeout */
    cr_assert_eq(client_stats(&client).connections, 1);
    cr_assert_eq(server_stats(&server).connections, 1);
    client_close(&client);
    server_close(&server);
}

/* ---- recovery at work ---- */

static semel_recovery *run; /* written on the node's thread, read in errands there */

static void keep_run(semel_recovery *recovery, void *user)
{
    (void)user;
    run = recovery;
}

static void end_run(void *unused)
{
    (void)unused;
    semel_recovery_continue(run);
}

Test(idle, a_recovery_without_a_call_of_its_own_keeps_the_connection)
{
    struct server server;
    struct client client;
    server_open(&server, NULL);
    client_open(&client, LIST("IdleTimeout=20"), server.uri);
    semel_channel_attach_recovery(client.channel, keep_run, NULL);
    call_ok(&client, 1);
    wait_until_left(&client, 1);
    struct watch watch;
    watch_start(&watch, &client, ADD, 2, NULL);
    while (client_stats(&client).recoveries == 0)
        ;
    watch_cancel(&watch, &client); /* now nothing is outstanding */
    check_status(watch_wait(&watch), CANCELLED, CANCELLED, NOT_EXECUTED);
    engine_outlast(&client); /* longer than IdleTimeout */
    cr_assert_eq(client_stats(&client).closed_by[SEMEL_REASON_IDLE], 1);
    on_node(client.node, end_run, NULL);
    wait_until_left(&client, 2);
    client_close(&client);
    server_close(&server);
}
