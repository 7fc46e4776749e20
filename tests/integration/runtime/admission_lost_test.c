/* Requests that wait when their connection goes: they have not run, they go with it, and the client that comes back
 * has each of them run once.
 *
 * Reads best next: admission_test.c. */
#include <stddef.h>

#include "admission.h"
#include "proxy.h"

TestSuite(admission_lost, .timeout = 60);

#define QUEUED offsetof(struct semel_server_stats, queued)

/* ---- a connection ---- */

/* The peer comes back in the same session, while its old connection lives or after. */
static void come_back(struct peer *peer, struct server *server, struct peer *old)
{
    struct hello hello = old->hello;
    hello.attempt++;
    hello.last_domain = old->welcome.domain;
    hello.last_connection = old->welcome.connection;
    peer_connect(peer, server->uri);
    cr_assert(peer_greet(peer, &hello), "RESUMED");
}

static void lose_and_come_back(bool displaced)
{
    struct server server;
    struct peer peer, again;
    busy_open(&server, &peer, LIST("MaxRunning=1"));
    busy_send(&peer, 2, 4, FRAME_NO_DEADLINE);
    server_wait_gauge(&server, QUEUED, 3);
    if (!displaced) {
        peer_close(&peer);
        server_wait_gauge(&server, QUEUED, 0);
    }
    come_back(&again, &server, &peer);
    cr_assert_eq(server_stats(&server).vanished_waiting, 3);
    cr_assert_eq(server_stats(&server).queued, 0, "they go before the new connection is welcomed");
    busy_send(&again, 1, 4, FRAME_NO_DEADLINE);
    server_wait_gauge(&server, QUEUED, 3);
    busy_finish_all(&server, &again, 4);
    for (unsigned op = 1; op <= 4; op++)
        cr_assert_eq(server_runs(&server, op), 1);
    cr_assert_eq(server_stats(&server).attached, 1);
    if (displaced)
        peer_close(&peer);
    busy_close(&server, &again);
}

Test(admission_lost, requests_of_a_lost_connection_run_once_when_they_come_again)
{
    lose_and_come_back(false);
}

Test(admission_lost, requests_of_a_displaced_connection_run_once_when_they_come_again)
{
    lose_and_come_back(true);
}

/* They did not run, and a client that does not come back leaves nothing but its session, which expires. */
Test(admission_lost, nothing_is_left_of_a_session_that_only_waited)
{
    struct server server;
    struct peer busy, waiting;
    struct hello hello = peer_some_hello(2);
    busy_open(&server, &busy, LIST("MaxRunning=1", "Lease=50"));
    peer_connect(&waiting, server.uri);
    peer_greet(&waiting, &hello);
    busy_send_ops(&waiting, 1, 3, 100);
    server_wait_gauge(&server, QUEUED, 3);
    peer_close(&waiting);
    server_wait_stat(&server, offsetof(struct semel_server_stats, sessions_expired), 1);
    busy_finish_all(&server, &busy, 1);
    cr_assert_eq(server_all_runs(&server), 1);
    cr_assert_eq(server_stats(&server).queued, 0);
    busy_close(&server, &busy);
}

Test(admission_lost, a_window_full_of_waiting_requests_is_a_full_window)
{
    struct server server;
    struct peer peer;
    busy_open(&server, &peer, LIST("MaxRunning=1", "Window=64"));
    busy_send(&peer, 2, 64, FRAME_NO_DEADLINE);
    server_wait_gauge(&server, QUEUED, 63);
    busy_send(&peer, 65, 65, FRAME_NO_DEADLINE);
    peer_expect_end(&peer);
    server_wait_closed_by(&server, OUTSIDE_WINDOW, 1);
    cr_assert_eq(server_stats(&server).queued, 0);
    cr_assert_eq(server_stats(&server).vanished_waiting, 63);
    busy_close(&server, &peer);
}

Test(admission_lost, a_server_closes_with_requests_that_wait)
{
    struct server server;
    struct peer peer;
    busy_open(&server, &peer, LIST("MaxRunning=1"));
    busy_send(&peer, 2, 20, FRAME_NO_DEADLINE);
    server_wait_gauge(&server, QUEUED, 19);
    busy_close(&server, &peer);
    cr_assert_eq(server.all_runs, 1);
}

/* ---- drain ---- */

static void on_drained(void *user)
{
    struct server *server = user;
    pthread_mutex_lock(&server->mutex);
    server->runs[0] = 1; /* no operation has this number */
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
}

Test(admission_lost, a_drain_answers_what_waits)
{
    struct server server;
    struct peer peer;
    busy_open(&server, &peer, LIST("MaxRunning=1", "MaxQueueAge=10000"));
    cr_assert_eq(semel_server_drain(server.semel, on_drained, &server), SEMEL_OK);
    peer_expect(&peer, FRAME_GOAWAY);
    busy_send(&peer, 2, 2, 3000); /* they cross GOAWAY */
    busy_send(&peer, 3, 4, FRAME_NO_DEADLINE);
    const struct frame bye = {.type = FRAME_BYE, .seq = 5, .aux = 4};
    cr_assert(peer_send(&peer, &bye));
    struct frame reply = busy_expect(&peer, 2, SEMEL_REASON_OVERLOADED, SEMEL_OUTCOME_NOT_EXECUTED);
    cr_assert_neq(reply.flags & FRAME_ELSEWHERE, 0, "a server that drains has no later");
    busy_finish(&server, 0, 1);
    busy_expect(&peer, 1, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
    for (unsigned i = 1; i <= 2; i++) {
        busy_finish(&server, i, i + 2);
        busy_expect(&peer, i + 2, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
    }
    peer_expect_end(&peer);
    server_wait_runs(&server, 0, 1);
    busy_close(&server, &peer);
}

Test(admission_lost, who_says_bye_is_kept_until_its_last_request_has_been_answered)
{
    struct server server;
    struct peer peer;
    busy_open(&server, &peer, LIST("MaxRunning=1"));
    busy_send(&peer, 2, 3, FRAME_NO_DEADLINE);
    const struct frame bye = {.type = FRAME_BYE, .seq = 4, .aux = 3};
    cr_assert(peer_send(&peer, &bye));
    busy_finish_all(&server, &peer, 3);
    peer_expect_end(&peer);
    server_wait_closed_by(&server, DRAINED, 1);
    busy_close(&server, &peer);
}

/* ---- at most once, whatever happens ---- */

enum { CALLS = 40, CUTS = 12 };

/* Every tenth operation is slow, so that the others queue behind it. */
static enum semel_code work(struct server *server, semel_request *request, probe_Request *in, probe_Reply *out)
{
    volatile unsigned long sum = 0;
    for (unsigned long i = 0; i < (in->op % 10 == 0 ? 3000000 : 100000); i++)
        sum = sum + i;
    return server_count(server, request, in, out);
}

static void check_truth(struct server *server, const struct watch *watch, unsigned op)
{
    char text[4096];
    unsigned runs = server_runs(server, op);
    semel_status_explain(&watch->status, text, sizeof text);
    cr_assert_leq(runs, 1, "%s", text);
    if (watch->status.outcome == SEMEL_OUTCOME_EXECUTED)
        cr_assert_eq(runs, 1, "it did not run: %s", text);
    if (watch->status.outcome == SEMEL_OUTCOME_NOT_EXECUTED)
        cr_assert_eq(runs, 0, "it ran: %s", text);
}

static void overload_and_cut(struct server *server, enum proxy_direction direction, uint64_t cut_after,
                             unsigned first_op)
{
    static struct watch watches[CALLS];
    static const semel_call_options options = OPTIONS(2000, NULL, -1, SEMEL_ON_UNAVAILABLE_UNSET);
    struct proxy proxy;
    struct client client;
    proxy_open(&proxy, server->uri, direction, cut_after);
    client_open(&client, LIST("RetryIntervals=0 0 0"), proxy.uri);
    for (unsigned i = 0; i < CALLS; i++)
        watch_start(&watches[i], &client, ADD, first_op + i, &options);
    for (unsigned i = 0; i < CALLS; i++)
        watch_wait(&watches[i]);
    client_close(&client);
    proxy_close(&proxy);
    server_wait_gauge(server, QUEUED, 0);
    for (unsigned i = 0; i < CALLS; i++)
        check_truth(server, &watches[i], first_op + i);
}

Test(admission_lost, nothing_runs_twice_and_nobody_lies_under_overload_and_cuts)
{
    struct server server;
    server_open(&server, LIST("MaxQueueAge=10"));
    server.handler = work;
    for (unsigned i = 0; i < CUTS; i++) {
        overload_and_cut(&server, PROXY_TO_SERVER, 150 + 317 * i, 1 + i * 2 * CALLS);
        overload_and_cut(&server, PROXY_TO_CLIENT, 150 + 197 * i, 1 + (i * 2 + 1) * CALLS);
    }
    cr_assert_gt(server_stats(&server).waited, 0);
    server_close(&server);
}
