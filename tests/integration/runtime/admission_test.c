/* Requests that wait for their turn: in which order they run, when they do not run any more, and what their clients are
 * told.  MaxRunning=1 and a handler that is left pending make a server that is busy for as long as the test wants.
 *
 * Reads best next: runtime/server/admission.h; admission_lost_test.c, for those whose connection goes. */
#include "admission.h"

#include <stddef.h>
#include <time.h>

#include "net/inherit.h"
#include "server/queue.h"

TestSuite(admission, .timeout = 60);

/* ---- order ---- */

Test(admission, no_more_run_at_once_than_may_and_the_others_run_in_their_order)
{
    struct server server;
    struct peer peer;
    busy_open(&server, &peer, LIST("MaxRunning=2"));
    busy_send(&peer, 2, 6, FRAME_NO_DEADLINE);
    server_pending(&server, 1);
    server_wait_gauge(&server, offsetof(struct semel_server_stats, queued), 4);
    struct semel_server_stats stats = server_stats(&server);
    cr_assert_eq(stats.running, 2);
    cr_assert_eq(stats.running_limit, 2);
    cr_assert_gt(stats.queued_bytes, 0);
    for (unsigned i = 0; i < 6; i++) {
        busy_finish(&server, i, i + 1);
        busy_expect(&peer, i + 1, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
        cr_assert_leq(server_stats(&server).running, 2);
    }
    stats = server_stats(&server);
    cr_assert_eq(stats.waited, 4);
    cr_assert_eq(stats.queued_most, 4);
    cr_assert_eq(stats.queued_bytes, 0);
    busy_close(&server, &peer);
}

/* Burns time as a handler that computes does. */
static enum semel_code burn(struct server *server, semel_request *request, probe_Request *in, probe_Reply *out)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t end_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec + 2000000;
    while (now.tv_sec * INT64_C(1000000000) + now.tv_nsec < end_ns)
        clock_gettime(CLOCK_MONOTONIC, &now);
    return server_count(server, request, in, out);
}

Test(admission, slow_handlers_run_a_slice_a_turn_in_their_order)
{
    struct server server;
    struct peer peers[2];
    server_open(&server, NULL);
    server.handler = burn;
    for (unsigned i = 0; i < 2; i++) {
        struct hello hello = peer_some_hello(i + 1);
        peer_connect(&peers[i], server.uri);
        peer_greet(&peers[i], &hello);
    }
    for (unsigned i = 0; i < 2; i++)
        busy_send_ops(&peers[i], 1, 12, 1 + 12 * i);
    for (unsigned seq = 1; seq <= 12; seq++)
        for (unsigned i = 0; i < 2; i++)
            busy_expect(&peers[i], seq, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
    for (unsigned op = 1; op <= 24; op++)
        cr_assert_eq(server_runs(&server, op), 1);
    cr_assert_geq(server_stats(&server).waited, 10, "they were all run in the turn in which they came");
    peer_close(&peers[0]);
    peer_close(&peers[1]);
    server_close(&server);
}

Test(admission, the_adaptive_limit_lets_all_run_in_the_end)
{
    struct server server;
    struct peer peer;
    busy_open(&server, &peer, LIST("MaxRunning=4", "AdaptiveLimit=yes"));
    busy_send(&peer, 2, 200, FRAME_NO_DEADLINE);
    for (unsigned i = 0; i < 200; i++) {
        server_pending(&server, i);
        struct semel_server_stats stats = server_stats(&server);
        cr_assert(stats.running_limit >= 1 && stats.running_limit <= 4 && stats.running <= 4);
        busy_finish(&server, i, i + 1);
        busy_expect(&peer, i + 1, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
    }
    busy_close(&server, &peer);
}

/* ---- too late ---- */

Test(admission, what_has_expired_is_never_started)
{
    struct server server;
    struct peer peer;
    busy_open(&server, &peer, LIST("MaxRunning=1", "MaxQueueAge=0"));
    busy_send(&peer, 2, 2, 30);
    struct frame reply = busy_expect(&peer, 2, SEMEL_REASON_EXPIRED, SEMEL_OUTCOME_NOT_EXECUTED);
    cr_assert_eq(reply.code, SEMEL_DEADLINE_EXCEEDED);
    cr_assert_eq(reply.flags & FRAME_REFUSED, 0, "a retry would be as late");
    cr_assert_eq(server_stats(&server).expired_waiting, 1);
    busy_finish_all(&server, &peer, 1);
    cr_assert_eq(server_runs(&server, 2), 0);
    busy_close(&server, &peer);
}

/* Whose turn has not come in time is told to come back, and when; nobody is sent to another server. */
Test(admission, what_has_waited_too_long_is_refused_with_a_pushback)
{
    static const struct {
        const char *age;
        uint32_t time_ms;
    } cases[] = {{"MaxQueueAge=30", FRAME_NO_DEADLINE}, {"MaxQueueAge=3600000", 3000}};
    for (size_t i = 0; i < 2; i++) {
        struct server server;
        struct peer peer;
        busy_open(&server, &peer, LIST("MaxRunning=1", cases[i].age));
        busy_send(&peer, 2, 2, cases[i].time_ms);
        struct frame reply = busy_expect(&peer, 2, SEMEL_REASON_OVERLOADED, SEMEL_OUTCOME_NOT_EXECUTED);
        cr_assert_eq(reply.code, SEMEL_RESOURCE_EXHAUSTED);
        cr_assert_eq(reply.flags, SEMEL_OUTCOME_NOT_EXECUTED | FRAME_REFUSED);
        cr_assert(reply.time_ms >= 10 && reply.time_ms <= 5000, "%u ms", reply.time_ms);
        cr_assert_eq(server_stats(&server).outwaited, 1);
        busy_finish_all(&server, &peer, 1);
        cr_assert_eq(server_runs(&server, 2), 0);
        busy_close(&server, &peer);
    }
}

/* ---- full ---- */

Test(admission, a_full_queue_refuses_at_once)
{
    struct server server;
    struct peer peer;
    busy_open(&server, &peer, LIST("MaxRunning=1", "MaxQueueAge=0", "Window=65536"));
    busy_send(&peer, 2, QUEUE_REQUESTS_MAX + 1, FRAME_NO_DEADLINE);
    server_wait_gauge(&server, offsetof(struct semel_server_stats, queued), QUEUE_REQUESTS_MAX);
    busy_send(&peer, QUEUE_REQUESTS_MAX + 2, QUEUE_REQUESTS_MAX + 4, FRAME_NO_DEADLINE);
    for (unsigned i = 2; i <= 4; i++)
        busy_expect(&peer, QUEUE_REQUESTS_MAX + i, SEMEL_REASON_OVERLOADED, SEMEL_OUTCOME_NOT_EXECUTED);
    cr_assert_eq(server_stats(&server).queued, QUEUE_REQUESTS_MAX);
    peer_close(&peer);
    server_wait_gauge(&server, offsetof(struct semel_server_stats, queued), 0);
    cr_assert_eq(server_stats(&server).vanished_waiting, QUEUE_REQUESTS_MAX);
    cr_assert_eq(server_stats(&server).queued_bytes, 0);
    busy_end(&server);
}

Test(admission, the_bytes_of_what_waits_are_limited)
{
    static uint8_t body[1 << 20]; /* nobody decodes it while it waits */
    struct server server;
    struct peer peer;
    struct hello hello = peer_some_hello(1);
    uint8_t small[16];
    hello.frame_limit = 4 << 20;
    server_open(&server, LIST("MaxRunning=1", "MaxQueueAge=0"));
    server.handler = server_keep;
    peer_connect(&peer, server.uri);
    peer_greet(&peer, &hello);
    struct frame first = peer_request(1, 1, ADD, small, peer_body(small, 1));
    cr_assert(peer_send(&peer, &first));
    unsigned fit = QUEUE_BYTES_MAX / (sizeof body + sizeof(struct queued));
    for (unsigned seq = 2; seq <= fit + 2; seq++) {
        struct frame large = peer_request(seq, 1, ADD, body, sizeof body);
        cr_assert(peer_send(&peer, &large));
    }
    busy_expect(&peer, fit + 2, SEMEL_REASON_OVERLOADED, SEMEL_OUTCOME_NOT_EXECUTED);
    cr_assert_eq(server_stats(&server).queued, fit);
    cr_assert_leq(server_stats(&server).queued_bytes, (uint64_t)QUEUE_BYTES_MAX);
    busy_close(&server, &peer);
}

/* ---- what has been here before ---- */

static enum semel_code keep_but_one(struct server *server, semel_request *request, probe_Request *in,
                                    probe_Reply *out)
{
    return in->op == 1 ? server_count(server, request, in, out) : server_keep(server, request, in, out);
}

/* "Overloaded" says that it has not run: nobody may hear it of what has a record. */
Test(admission, a_record_answers_however_busy_the_server_is)
{
    struct server server;
    struct peer peer;
    uint8_t body[16];
    struct hello hello = peer_some_hello(1);
    server_open(&server, LIST("MaxRunning=1", "MaxQueueAge=0"));
    server.handler = keep_but_one;
    peer_connect(&peer, server.uri);
    peer_greet(&peer, &hello);
    busy_send_ops(&peer, 1, 3, 1);
    busy_expect(&peer, 1, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
    server_pending(&server, 0);
    server_wait_gauge(&server, offsetof(struct semel_server_stats, queued), 1);
    for (unsigned seq = 1; seq <= 3; seq++) {
        struct frame again = peer_request(seq, 1, ADD, body, peer_body(body, seq));
        again.time_ms = 1; /* the line is longer than that */
        cr_assert(peer_send(&peer, &again));
    }
    busy_expect(&peer, 1, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
    server_wait_stat(&server, offsetof(struct semel_server_stats, attached), 2);
    struct frame other = peer_request(3, 1, ADD, body, peer_body(body, 99));
    cr_assert(peer_send(&peer, &other));
    busy_expect(&peer, 3, SEMEL_REASON_FALSE_RETRY, SEMEL_OUTCOME_NOT_EXECUTED);
    for (unsigned i = 0; i < 2; i++) {
        busy_finish(&server, i, i + 2);
        busy_expect(&peer, i + 2, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
    }
    for (unsigned op = 1; op <= 3; op++)
        cr_assert_eq(server_runs(&server, op), 1);
    cr_assert_eq(server_stats(&server).replayed, 1);
    busy_close(&server, &peer);
}

Test(admission, what_the_client_has_completed_meanwhile_does_not_run)
{
    struct server server;
    struct peer peer;
    uint8_t body[16];
    busy_open(&server, &peer, LIST("MaxRunning=1"));
    busy_send(&peer, 2, 2, FRAME_NO_DEADLINE);
    struct frame third = peer_request(3, 3, ADD, body, peer_body(body, 3)); /* its floor is past the second */
    cr_assert(peer_send(&peer, &third));
    server_wait_gauge(&server, offsetof(struct semel_server_stats, queued), 2);
    busy_finish(&server, 0, 1);
    busy_expect(&peer, 2, SEMEL_REASON_STALE, SEMEL_OUTCOME_UNKNOWN);
    busy_finish(&server, 1, 3);
    busy_expect(&peer, 3, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
    cr_assert_eq(server_runs(&server, 2), 0);
    busy_close(&server, &peer);
}

Test(admission, what_can_never_run_does_not_wait_to_hear_so)
{
    struct server server;
    struct peer peer;
    uint8_t body[16];
    busy_open(&server, &peer, LIST("MaxRunning=1"));
    struct frame unknown = peer_request(2, 1, ADD, body, peer_body(body, 2));
    unknown.method++;
    cr_assert(peer_send(&peer, &unknown));
    busy_expect(&peer, 2, SEMEL_REASON_NO_METHOD, SEMEL_OUTCOME_NOT_EXECUTED);
    busy_send(&peer, 3, 3, 0);
    busy_expect(&peer, 3, SEMEL_REASON_EXPIRED, SEMEL_OUTCOME_NOT_EXECUTED);
    cr_assert_eq(server_stats(&server).waited, 0);
    busy_close(&server, &peer);
}

/* ---- CANCEL, in every state ---- */

static void cancel(struct peer *peer, unsigned seq)
{
    const struct frame frame = {
        .type = FRAME_CANCEL, .seq = seq, .method = probe_Probe_methods[ADD].id, .aux = seq - 1};
    cr_assert(peer_send(peer, &frame));
}

Test(admission, a_cancel_is_answered_with_what_happened)
{
    struct server server;
    struct peer peer;
    busy_open(&server, &peer, LIST("MaxRunning=1"));
    busy_send(&peer, 2, 3, FRAME_NO_DEADLINE);
    server_pending(&server, 0);
    cancel(&peer, 2);
    busy_expect(&peer, 2, SEMEL_REASON_CANCELLED, SEMEL_OUTCOME_NOT_EXECUTED);
    cancel(&peer, 1);
    busy_expect(&peer, 1, SEMEL_REASON_CANCELLED, SEMEL_OUTCOME_UNKNOWN);
    cr_assert(semel_request_cancelled(server_pending(&server, 0)));
    busy_finish_all(&server, &peer, 1);
    busy_finish(&server, 1, 3);
    cancel(&peer, 3); /* it has been answered, or will be by its handler */
    struct frame reply = peer_expect(&peer, FRAME_REPLY);
    if ((reply.flags & FRAME_OUTCOME_MASK) == SEMEL_OUTCOME_UNKNOWN)
        reply = peer_expect(&peer, FRAME_REPLY);
    cr_assert_eq(reply.seq, 3);
    cr_assert_eq(reply.flags & FRAME_OUTCOME_MASK, SEMEL_OUTCOME_EXECUTED);
    cr_assert_eq(server_runs(&server, 2), 0);
    cr_assert_eq(server_stats(&server).cancelled_waiting, 1);
    busy_close(&server, &peer);
}

/* The same as a client sees it. */
Test(admission, a_call_cancelled_in_line_is_known_not_to_have_run)
{
    struct server server;
    struct client client;
    struct watch held, waiting;
    server_open(&server, LIST("MaxRunning=1"));
    server.handler = server_keep;
    client_open(&client, NULL, server.uri);
    watch_start(&held, &client, ADD, 1, NULL);
    server_pending(&server, 0);
    watch_start(&waiting, &client, ADD, 2, NULL);
    server_wait_gauge(&server, offsetof(struct semel_server_stats, queued), 1);
    watch_cancel(&waiting, &client);
    check_status(watch_wait(&waiting), CANCELLED, CANCELLED, NOT_EXECUTED);
    busy_finish(&server, 0, 1);
    check_status(watch_wait(&held), OK, NONE, EXECUTED);
    cr_assert_eq(server_runs(&server, 2), 0);
    client_close(&client);
    server_close(&server);
}

/* ---- what a handler hands down ---- */

static enum semel_code tell_inherited(struct server *server, semel_request *request, probe_Request *in,
                                      probe_Reply *out)
{
    int64_t left_ms = semel_request_deadline_ms(request);
    out->runs = inherit_deadline_ns() == 0 ? 0 : (uint32_t)left_ms;
    cr_assert_eq(left_ms == -1, inherit_deadline_ns() == 0);
    return server_count(server, request, in, out);
}

static void expect_nothing_inherited(void *arg)
{
    (void)arg;
    cr_assert_eq(inherit_deadline_ns(), 0);
}

Test(admission, a_handler_hands_down_its_deadline_while_it_runs)
{
    static const semel_call_options none = OPTIONS(0, NULL, -1, SEMEL_ON_UNAVAILABLE_UNSET);
    static const semel_call_options some = OPTIONS(5000, NULL, -1, SEMEL_ON_UNAVAILABLE_UNSET);
    struct server server;
    struct client client;
    struct watch watch;
    server_open(&server, NULL);
    server.handler = tell_inherited;
    client_open(&client, NULL, server.uri);
    watch_start(&watch, &client, ADD, 1, &some);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert(watch.reply.runs > 0 && watch.reply.runs <= 5000, "%u ms", watch.reply.runs);
    watch_start(&watch, &client, ADD, 2, &none);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(watch.reply.runs, 0);
    on_node(server.node, expect_nothing_inherited, NULL);
    client_close(&client);
    server_close(&server);
}
