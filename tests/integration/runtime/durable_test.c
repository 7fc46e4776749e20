/* A server with a durable store: what waits for a commit, what a crash leaves, and what a failed commit ends.
 *
 * Reads best next: gate.h, runtime/server/ledger.h; tests/integration/bank/crash_points.sh for real crashes. */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "core/timers.h"
#include "gate.h"
#include "peer.h"
#include "server/server.h"

TestSuite(durable, .timeout = 60);

static struct gate gate;
static struct server server;

static void send_request(struct peer *peer, uint64_t seq, unsigned method, unsigned op)
{
    uint8_t body[16];
    struct frame request = peer_request(seq, 1, method, body, peer_body(body, op));
    cr_assert(peer_send(peer, &request));
}

static void expect_reply(struct peer *peer, uint64_t seq, enum semel_code code, enum semel_reason reason,
                         enum semel_outcome outcome)
{
    struct frame reply = peer_expect(peer, FRAME_REPLY);
    cr_assert_eq(reply.seq, seq);
    cr_assert_eq(reply.code, code, "%s", semel_code_name((enum semel_code)reply.code));
    cr_assert_eq(reply.aux, reason, "%s", semel_reason_name((enum semel_reason)reply.aux));
    cr_assert_eq((enum semel_outcome)(reply.flags & FRAME_OUTCOME_MASK), outcome);
}

static void expect_ok(struct peer *peer, uint64_t seq)
{
    expect_reply(peer, seq, SEMEL_OK, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
}

static void come(struct peer *peer, const struct hello *hello, bool resumed)
{
    peer_connect(peer, server.uri);
    cr_assert_eq(peer_greet(peer, hello), resumed);
}

/* A server at an open gate. */
static void open_server(void)
{
    gate_init(&gate);
    gate_serve(&gate, &server, NULL, loopback_tcp());
}

/* The same, and a client that was welcomed. */
static void open_with(struct peer *peer)
{
    struct hello hello = peer_some_hello(1);
    open_server();
    come(peer, &hello, false);
}

static void close_server(void)
{
    server_close(&server);
    gate_fini(&gate);
}

/* The server is gone, and what waited at the gate with it; another one starts on what was committed. */
static void crash_and_restart(void)
{
    server_close(&server);
    gate.closed = false;
    gate_serve(&gate, &server, NULL, loopback_tcp());
}

/* ---- waiting ---- */

Test(durable, a_welcome_waits_until_the_session_is_on_record)
{
    struct peer peer;
    open_server();
    gate_shut(&gate);
    struct hello hello = peer_some_hello(1);
    peer_connect(&peer, server.uri);
    peer_send_hello(&peer, &hello);
    gate_wait(&gate, 1);
    cr_assert_eq(server_stats(&server).welcomed, 0);
    gate_open(&gate, STORE_COMMITTED);
    peer_expect(&peer, FRAME_WELCOME);
    cr_assert_eq(server_stats(&server).welcomed, 1);
    peer_close(&peer);
    close_server();
}

Test(durable, a_request_starts_when_its_beginning_is_on_record_and_not_before)
{
    struct peer peer;
    open_with(&peer);
    gate_shut(&gate);
    send_request(&peer, 1, ADD, 5);
    gate_wait(&gate, 1);
    send_request(&peer, 2, PEEK, 6);
    expect_ok(&peer, 2); /* what may run again waits for nothing */
    cr_assert_eq(server_runs(&server, 5), 0);
    gate_open(&gate, STORE_COMMITTED);
    expect_ok(&peer, 1);
    cr_assert_eq(server_runs(&server, 5), 1);
    peer_close(&peer);
    close_server();
}

enum { TOGETHER = 32 };

static uint64_t
    left_before_last; /* bytes of replies; written and read on the server's thread, or after it has answered */

static enum semel_code note_what_left(struct server *asked, semel_request *request, probe_Request *in,
                                      probe_Reply *out)
{
    (void)request, (void)out;
    if (in->op == TOGETHER - 1)
        left_before_last = asked->semel->counters.bytes_out;
    return SEMEL_OK;
}

Test(durable, all_requests_of_a_turn_share_a_commit_and_start_in_order)
{
    struct client client;
    struct watch watches[TOGETHER];
    open_server();
    server.handler = note_what_left;
    client_open(&client, NULL, server.uri);
    struct watch first;
    watch_start(&first, &client, ADD, 99, NULL);
    check_status(watch_wait(&first), OK, NONE, EXECUTED);
    gate_shut(&gate);
    watch_start(&watches[0], &client, ADD, 0, NULL);
    gate_wait(&gate, 1);
    for (unsigned i = 1; i < TOGETHER; i++)
        watch_start(&watches[i], &client, ADD, i, NULL);
    server_wait_stat(&server, offsetof(struct semel_server_stats, requests), TOGETHER + 1);
    struct semel_server_stats before = server_stats(&server);
    gate_open(&gate, STORE_COMMITTED);
    for (unsigned i = 0; i < TOGETHER; i++)
        check_status(watch_wait(&watches[i]), OK, NONE, EXECUTED);
    struct semel_server_stats after = server_stats(&server);
    cr_assert_leq(after.commits - before.commits, 4, "31 requests waited, and went with one commit");
    cr_assert_geq((left_before_last - before.bytes_out) * 3, after.bytes_out - before.bytes_out,
                  "a third of the replies, at least, left before the last had run");
    client_close(&client);
    close_server();
}

Test(durable, a_replay_of_what_waits_is_attached_and_runs_once)
{
    struct peer old, new;
    open_with(&old);
    gate_shut(&gate);
    send_request(&old, 1, ADD, 5);
    gate_wait(&gate, 1);
    struct hello hello = peer_next_hello(&old);
    peer_connect(&new, server.uri);
    peer_send_hello(&new, &hello);
    peer_expect_end(&old);
    gate_open(&gate, STORE_COMMITTED);
    struct frame welcome = peer_expect(&new, FRAME_WELCOME);
    cr_assert(welcome.flags & FRAME_RESUMED);
    peer_close(&old);
    peer_close(&new);
    server_wait_runs(&server, 5, 1);
    hello = peer_next_hello(&old);
    hello.attempt++;
    hello.nonce++;
    come(&new, &hello, true);
    send_request(&new, 1, ADD, 5);
    expect_ok(&new, 1);
    cr_assert_eq(server_runs(&server, 5), 1);
    peer_close(&new);
    close_server();
}

static enum semel_code refuse_first(struct server *asked, semel_request *request, probe_Request *in,
                                    probe_Reply *out)
{
    (void)out;
    bool refuses = in->op == 5 && server_runs(asked, 5) == 1;
    return refuses ? semel_request_refuse(request, 0, false) : SEMEL_OK;
}

/* One after the other in the batch that is committed next: a request of op 5 with this deadline, which has passed
 * then, and the WELCOME of the connection on which its client is back. */
static void come_back_while_it_waits(struct peer *old, struct peer *new, uint32_t deadline_ms,
                                     server_handler *handler)
{
    uint8_t body[16];
    open_server();
    server.handler = handler != NULL ? handler : server.handler;
    struct hello hello = peer_some_hello(1);
    come(old, &hello, false);
    gate_shut(&gate);
    send_request(old, 1, ADD, 4);
    gate_wait(&gate, 1);
    struct frame request = peer_request(2, 1, ADD, body, peer_body(body, 5));
    request.time_ms = deadline_ms;
    peer_send(old, &request);
    for (uint64_t seq = 3; seq < 400; seq++) {
        send_request(old, seq, PEEK, 6);
        expect_ok(old, seq);
    }
    hello = peer_next_hello(old);
    peer_connect(new, server.uri);
    peer_send_hello(new, &hello);
    peer_expect_end(old);
    gate_open(&gate, STORE_COMMITTED);
    cr_assert(peer_take_welcome(new), "resumed");
}

/* What comes next is the answer to what is asked next; then the replay is answered, and it runs. */
static void replay_what_waited(struct peer *old, struct peer *new, unsigned runs)
{
    send_request(new, 400, PEEK, 6);
    expect_ok(new, 400);
    send_request(new, 2, ADD, 5);
    expect_ok(new, 2);
    cr_assert_eq(server_runs(&server, 5), runs);
    peer_close(old);
    peer_close(new);
    close_server();
}

/* "Not executed" of the one before the replay is read would be taken for the answer to the replay, which runs. */
Test(durable, a_refusal_is_told_only_where_it_was_asked_for)
{
    struct peer old, new;
    come_back_while_it_waits(&old, &new, FRAME_NO_DEADLINE, refuse_first);
    server_wait_runs(&server, 5, 1);
    replay_what_waited(&old, &new, 2);
}

Test(durable, that_a_deadline_has_passed_is_told_only_where_it_was_asked_for)
{
    struct peer old, new;
    come_back_while_it_waits(&old, &new, 1, NULL);
    replay_what_waited(&old, &new, 1);
}

Test(durable, what_is_cancelled_while_it_waits_never_runs)
{
    struct peer peer;
    open_with(&peer);
    gate_shut(&gate);
    send_request(&peer, 1, ADD, 5);
    gate_wait(&gate, 1);
    struct frame cancel = {.type = FRAME_CANCEL, .seq = 1};
    peer_send(&peer, &cancel);
    expect_reply(&peer, 1, SEMEL_CANCELLED, SEMEL_REASON_CANCELLED, SEMEL_OUTCOME_NOT_EXECUTED);
    gate_open(&gate, STORE_COMMITTED);
    send_request(&peer, 2, ADD, 6);
    expect_ok(&peer, 2);
    cr_assert_eq(server_runs(&server, 5), 0);
    peer_close(&peer);
    close_server();
}

Test(durable, what_waits_longer_than_its_deadline_is_not_executed)
{
    struct peer peer;
    uint8_t body[16];
    open_with(&peer);
    gate_shut(&gate);
    struct frame request = peer_request(1, 1, ADD, body, peer_body(body, 5));
    request.time_ms = 1;
    peer_send(&peer, &request);
    gate_wait(&gate, 1);
    /* Answers of the same loop tell that its time has passed. */
    for (uint64_t seq = 2; seq < 400; seq++) {
        send_request(&peer, seq, PEEK, 6);
        expect_ok(&peer, seq);
    }
    gate_open(&gate, STORE_COMMITTED);
    expect_reply(&peer, 1, SEMEL_DEADLINE_EXCEEDED, SEMEL_REASON_EXPIRED, SEMEL_OUTCOME_NOT_EXECUTED);
    cr_assert_eq(server_runs(&server, 5), 0);
    peer_close(&peer);
    close_server();
}

/* ---- a session that is forgotten meanwhile ---- */

/* Its client has gone, and its request waits at the shut gate; nothing of the end of its session is on record. */
static void let_session_expire(struct peer *peer)
{
    gate_init(&gate);
    gate_serve(&gate, &server, LIST("Lease=100"), loopback_tcp());
    struct hello hello = peer_some_hello(1);
    come(peer, &hello, false);
    gate_shut(&gate);
    send_request(peer, 1, ADD, 5);
    gate_wait(&gate, 1);
    peer_close(peer);
    server_wait_stat(&server, offsetof(struct semel_server_stats, sessions_expired), 1);
}

Test(durable, what_waited_for_a_session_that_was_forgotten_never_runs)
{
    struct peer peer, again;
    let_session_expire(&peer);
    struct hello hello = peer_next_hello(&peer);
    peer_connect(&again, server.uri);
    peer_send_hello(&again, &hello);
    gate_open(&gate, STORE_COMMITTED);
    cr_assert_not(peer_take_welcome(&again), "it is NEW");
    send_request(&again, 1, ADD, 6); /* another call of its number */
    expect_ok(&again, 1);
    cr_assert_eq(server_runs(&server, 5), 0);
    cr_assert_eq(server_runs(&server, 6), 1);
    peer_close(&again);
    close_server();
}

/* The end of the session is lost with the crash: it is back, with what had not begun. */
Test(durable, a_session_whose_end_a_crash_took_is_back_and_what_had_not_begun_runs_once)
{
    struct peer peer, again;
    let_session_expire(&peer);
    crash_and_restart();
    struct hello hello = peer_next_hello(&peer);
    come(&again, &hello, true);
    send_request(&again, 1, ADD, 5);
    expect_ok(&again, 1);
    send_request(&again, 1, ADD, 5);
    expect_ok(&again, 1);
    cr_assert_eq(server_runs(&server, 5), 1);
    peer_close(&again);
    close_server();
}

/* ---- crashes ---- */

Test(durable, a_restarted_server_resumes_and_answers_from_its_record)
{
    struct peer peer, again;
    open_with(&peer);
    send_request(&peer, 1, ADD, 5);
    expect_ok(&peer, 1);
    send_request(&peer, 2, ADD, 6); /* its commit takes the end of the first along */
    expect_ok(&peer, 2);
    peer_close(&peer);
    crash_and_restart();
    struct hello hello = peer_next_hello(&peer);
    come(&again, &hello, true);
    cr_assert_gt(again.welcome.connection, peer.welcome.connection);
    send_request(&again, 1, ADD, 5);
    expect_ok(&again, 1);
    send_request(&again, 3, ADD, 7);
    expect_ok(&again, 3);
    cr_assert_eq(server_runs(&server, 5), 0, "it ran before the restart, and not again");
    cr_assert_eq(server_runs(&server, 7), 1);
    peer_close(&again);
    close_server();
}

Test(durable, what_had_begun_may_have_run_and_what_had_not_runs)
{
    struct peer peer, again;
    open_with(&peer);
    server.handler = server_keep;
    send_request(&peer, 1, ADD, 5);
    semel_request *pending = server_pending(&server, 0);
    gate_shut(&gate);
    send_request(&peer, 2, ADD, 6);
    gate_wait(&gate, 1);
    crash_and_restart();
    semel_request_finish(pending, &(probe_Reply){.op = 5}); /* of a server that is gone */
    struct hello hello = peer_next_hello(&peer);
    come(&again, &hello, true);
    send_request(&again, 1, ADD, 5);
    expect_reply(&again, 1, SEMEL_UNAVAILABLE, SEMEL_REASON_BEGUN, SEMEL_OUTCOME_UNKNOWN);
    send_request(&again, 2, ADD, 6);
    expect_ok(&again, 2);
    cr_assert_eq(server_runs(&server, 5), 0);
    cr_assert_eq(server_runs(&server, 6), 1);
    peer_close(&peer);
    peer_close(&again);
    close_server();
}

/* ---- what nobody waits for ---- */

static void ask_leftover(void *arg)
{
    *(bool *)arg = timer_running(&server.semel->ledger.leftover);
}

/* Until the time for what is left over has come, while another batch is on its way. */
static void wait_for_leftover(void)
{
    bool running;
    do
        on_node(server.node, ask_leftover, &running);
    while (running);
}

Test(durable, what_comes_while_a_batch_is_on_its_way_follows_it_soon)
{
    struct peer peer, again;
    open_with(&peer);
    server.handler = server_keep;
    send_request(&peer, 1, ADD, 5);
    semel_request *first = server_pending(&server, 0);
    gate_shut(&gate);
    send_request(&peer, 2, ADD, 6);
    gate_wait(&gate, 1);
    semel_request_finish(first, &(probe_Reply){.op = 5});
    expect_ok(&peer, 1);
    wait_for_leftover();
    unsigned handed = gate.handed;
    gate_open(&gate, STORE_COMMITTED);
    gate_wait_handed(&gate, handed + 1);
    semel_request *second = server_pending(&server, 1);
    crash_and_restart();
    semel_request_finish(second, &(probe_Reply){.op = 6}); /* of a server that is gone */
    struct hello hello = peer_next_hello(&peer);
    come(&again, &hello, true);
    send_request(&again, 1, ADD, 5);
    expect_ok(&again, 1);
    peer_close(&peer);
    peer_close(&again);
    close_server();
}

/* ---- a drain ---- */

static void on_drained(void *user)
{
    atomic_store((atomic_bool *)user, true);
}

/* Handlers of clients that are gone are waited for, and for the record of what they did. */
Test(durable, a_drain_waits_for_what_runs_without_a_connection)
{
    struct peer peer, again;
    atomic_bool drained = false;
    open_with(&peer);
    server.handler = server_keep;
    send_request(&peer, 1, ADD, 5);
    semel_request *pending = server_pending(&server, 0);
    peer_close(&peer);
    server_wait_gauge(&server, offsetof(struct semel_server_stats, connections), 0);
    cr_assert_eq(semel_server_drain(server.semel, on_drained, &drained), SEMEL_OK);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(server_stats(&server).running, 1); /* each a round of its loop */
    cr_assert_not(atomic_load(&drained), "its handler still runs");
    gate_shut(&gate);
    semel_request_finish(pending, &(probe_Reply){.op = 5});
    gate_wait(&gate, 1);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(server_stats(&server).running, 0);
    cr_assert_not(atomic_load(&drained), "its end is not on record");
    gate_open(&gate, STORE_COMMITTED);
    while (!atomic_load(&drained))
        (void)server_stats(&server);
    crash_and_restart();
    struct hello hello = peer_next_hello(&peer);
    come(&again, &hello, true);
    send_request(&again, 1, ADD, 5);
    expect_ok(&again, 1);
    cr_assert_eq(server_runs(&server, 5), 0);
    peer_close(&again);
    close_server();
}

/* ... but not longer than DrainTimeout. */
Test(durable, a_drain_does_not_wait_for_ever_for_a_handler)
{
    struct peer peer;
    atomic_bool drained = false;
    gate_init(&gate);
    gate_serve(&gate, &server, LIST("DrainTimeout=100"), loopback_tcp());
    server.handler = server_keep;
    struct hello hello = peer_some_hello(1);
    come(&peer, &hello, false);
    send_request(&peer, 1, ADD, 5);
    semel_request *pending = server_pending(&server, 0);
    peer_close(&peer);
    cr_assert_eq(semel_server_drain(server.semel, on_drained, &drained), SEMEL_OK);
    while (!atomic_load(&drained))
        cr_assert_eq(server_stats(&server).running, 1);
    server_close(&server);
    semel_request_finish(pending, &(probe_Reply){.op = 5}); /* of a server that is gone */
    gate_fini(&gate);
}

/* ---- a store that fails ---- */

static void lose_journal(void *arg)
{
    (void)arg;
    server.semel->ledger.journal.lost = true; /* as where an entry found no memory */
}

Test(durable, a_journal_that_is_lost_does_not_stay_unnoticed)
{
    struct peer peer, other;
    open_with(&peer);
    on_node(server.node, lose_journal, NULL);
    struct hello hello = peer_some_hello(2);
    peer_connect(&other, server.uri);
    peer_send_hello(&other, &hello);
    cr_assert_eq((enum semel_reason)peer_expect(&other, FRAME_REFUSE).aux, SEMEL_REASON_INACTIVE);
    cr_assert(server_stats(&server).inactive);
    send_request(&peer, 1, ADD, 5);
    expect_reply(&peer, 1, SEMEL_UNAVAILABLE, SEMEL_REASON_INACTIVE, SEMEL_OUTCOME_NOT_EXECUTED);
    cr_assert_eq(server_runs(&server, 5), 0);
    peer_close(&peer);
    peer_close(&other);
    close_server();
}

Test(durable, after_a_failed_commit_nothing_runs_unprotected)
{
    struct peer peer, other;
    open_with(&peer);
    send_request(&peer, 1, ADD, 5);
    expect_ok(&peer, 1);
    gate_shut(&gate);
    send_request(&peer, 2, ADD, 6);
    gate_wait(&gate, 1);
    gate_open(&gate, STORE_FAILED);
    expect_reply(&peer, 2, SEMEL_UNAVAILABLE, SEMEL_REASON_INACTIVE, SEMEL_OUTCOME_NOT_EXECUTED);
    cr_assert(server_stats(&server).inactive);
    send_request(&peer, 3, ADD, 7);
    expect_reply(&peer, 3, SEMEL_UNAVAILABLE, SEMEL_REASON_INACTIVE, SEMEL_OUTCOME_NOT_EXECUTED);
    send_request(&peer, 4, PEEK, 8);
    expect_ok(&peer, 4);
    send_request(&peer, 1, ADD, 5);
    expect_ok(&peer, 1); /* from the record */
    cr_assert_eq(server_runs(&server, 5), 1);
    cr_assert_eq(server_runs(&server, 6) + server_runs(&server, 7), 0);
    struct hello hello = peer_some_hello(2);
    peer_connect(&other, server.uri);
    peer_send_hello(&other, &hello);
    cr_assert_eq((enum semel_reason)peer_expect(&other, FRAME_REFUSE).aux, SEMEL_REASON_INACTIVE);
    peer_close(&peer);
    peer_close(&other);
    close_server();
}

/* Nobody knows whether the beginning is on record; this process never runs it, and the next one that finds it does not
 * either. */
Test(durable, what_waited_for_a_commit_of_which_nobody_knows_never_runs)
{
    struct peer peer, again;
    open_with(&peer);
    gate_shut(&gate);
    send_request(&peer, 1, ADD, 5);
    gate_wait(&gate, 1);
    gate.keeps = true;
    gate_open(&gate, STORE_UNKNOWN);
    expect_reply(&peer, 1, SEMEL_UNAVAILABLE, SEMEL_REASON_INACTIVE, SEMEL_OUTCOME_NOT_EXECUTED);
    send_request(&peer, 1, ADD, 5);
    expect_reply(&peer, 1, SEMEL_UNAVAILABLE, SEMEL_REASON_INACTIVE, SEMEL_OUTCOME_NOT_EXECUTED);
    peer_close(&peer);
    gate.result = STORE_COMMITTED;
    crash_and_restart();
    struct hello hello = peer_next_hello(&peer);
    come(&again, &hello, true);
    send_request(&again, 1, ADD, 5);
    expect_reply(&again, 1, SEMEL_UNAVAILABLE, SEMEL_REASON_BEGUN, SEMEL_OUTCOME_UNKNOWN);
    cr_assert_eq(server_runs(&server, 5), 0);
    peer_close(&again);
    close_server();
}

Test(durable, who_waits_for_a_welcome_when_the_store_fails_is_refused)
{
    struct peer peer;
    open_server();
    gate_shut(&gate);
    struct hello hello = peer_some_hello(1);
    peer_connect(&peer, server.uri);
    peer_send_hello(&peer, &hello);
    gate_wait(&gate, 1);
    gate_open(&gate, STORE_UNKNOWN);
    cr_assert_eq((enum semel_reason)peer_expect(&peer, FRAME_REFUSE).aux, SEMEL_REASON_INACTIVE);
    peer_close(&peer);
    close_server();
}
