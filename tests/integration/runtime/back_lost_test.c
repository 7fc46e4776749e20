/* Calls back when connections, sessions and ends are lost: what is replayed, and what is never run again.  One end is
 * real, the other a peer that says what the test wants.
 *
 * Reads best next: runtime/core/README.md, section 6; back_cut_test.c. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "back.h"
#include "peer.h"

TestSuite(back_lost, .timeout = 60);

/* ---- a real server; the client is a peer ---- */

/* A peer whose request is held open at the server, and the channel back to it. */
struct stage {
    struct server server;
    struct peer peer;
    struct hello hello;
    semel_channel *back;
    struct frame asked; /* the latest call back that has come; its body is gone */
};

/* window: how many calls back the client takes at once. */
static void stage_open(struct stage *stage, const char *const *settings, uint32_t window)
{
    uint8_t body[16];
    server_open(&stage->server, settings);
    stage->server.handler = server_keep;
    stage->hello = peer_some_hello(1);
    stage->hello.window = window;
    stage->hello.table = 1;
    peer_connect(&stage->peer, stage->server.uri);
    cr_assert_not(peer_greet(&stage->peer, &stage->hello));
    struct frame request = peer_request(1, 1, ADD, body, peer_body(body, 1));
    cr_assert(peer_send(&stage->peer, &request));
    stage->back = back_open(&stage->server, server_pending(&stage->server, 0), "back");
}

static void stage_close(struct stage *stage)
{
    peer_close(&stage->peer);
    semel_channel_close(stage->back);
    semel_request_finish(server_pending(&stage->server, 0), &(probe_Reply){.op = 1});
    server_close(&stage->server);
}

/* Comes again in the same session, having seen this connection last. */
static bool return_after(struct stage *stage, uint64_t last_connection)
{
    stage->hello.attempt++;
    stage->hello.last_domain = stage->peer.welcome.domain;
    stage->hello.last_incarnation = stage->peer.welcome.incarnation;
    stage->hello.last_connection = last_connection;
    peer_close(&stage->peer);
    peer_connect(&stage->peer, stage->server.uri);
    return peer_greet(&stage->peer, &stage->hello);
}

static void take_call(struct stage *stage)
{
    stage->asked = peer_expect(&stage->peer, FRAME_REQUEST);
}

/* One is written, and one can not be: the window is full. */
static void ask_two(struct stage *stage, struct watch *written, struct watch *unwritten)
{
    back_start(written, &stage->server, stage->back, ADD, 11, NULL);
    take_call(stage);
    back_start(unwritten, &stage->server, stage->back, ADD, 12, NULL);
}

static const uint32_t at_once[] = {0, 0, 0, 0};
static const semel_call_options stubborn = OPTIONS(20000, at_once, 4, SEMEL_ON_UNAVAILABLE_UNSET);

Test(back_lost, what_was_written_is_replayed_with_the_same_number)
{
    struct stage stage;
    struct watch watch;
    stage_open(&stage, NULL, 16);
    back_start(&watch, &stage.server, stage.back, ADD, 11, NULL);
    take_call(&stage);
    struct frame first = stage.asked;
    cr_assert(return_after(&stage, stage.peer.welcome.connection));
    take_call(&stage);
    cr_assert(stage.asked.seq == first.seq && stage.asked.digest == first.digest);
    peer_reply_ok(&stage.peer, &stage.asked, NULL, 0);
    cr_assert_eq((int)watch_wait(&watch)->code, SEMEL_OK, "%s", watch.status.message);
    cr_assert_eq(watch.status.replays, 1);
    stage_close(&stage);
}

/* The client never sees the WELCOME that says RESUMED, nor the replay behind it; it is judged the same once more. */
Test(back_lost, a_stolen_welcome_that_resumes_changes_nothing)
{
    struct stage stage;
    struct watch watch;
    stage_open(&stage, NULL, 16);
    back_start(&watch, &stage.server, stage.back, ADD, 11, &stubborn);
    take_call(&stage);
    struct frame first = stage.asked;
    uint64_t seen = stage.peer.welcome.connection;
    cr_assert(return_after(&stage, seen));
    take_call(&stage); /* it is on its way; the client does not know */
    cr_assert(return_after(&stage, seen));
    take_call(&stage);
    cr_assert(stage.asked.seq == first.seq && stage.asked.digest == first.digest);
    peer_reply_ok(&stage.peer, &stage.asked, NULL, 0);
    cr_assert_eq((int)watch_wait(&watch)->code, SEMEL_OK, "%s", watch.status.message);
    cr_assert_eq(watch.status.replays, 2);
    stage_close(&stage);
}

static void expect_new(struct watch *watch)
{
    check_status(watch_wait(watch), UNAVAILABLE, SESSION_NEW, UNKNOWN);
    cr_assert_eq((int)watch->status.rule, SEMEL_RULE_R4);
}

/* What makes the client's table another one than the one that saw the call. */
static void change_table(struct stage *stage)
{
    stage->hello.table++;
}

static void go_elsewhere(struct stage *stage)
{
    stage->hello.attempt++;
    stage->hello.last_domain = stage->peer.welcome.domain;
    stage->hello.last_domain.bytes[0]++;
}

/* R4 for what was written; what was not goes on, and an idempotent operation is tried again. */
static void lose_table(void (*how)(struct stage *stage), bool same_session)
{
    struct stage stage;
    struct watch written, unwritten, idempotent;
    stage_open(&stage, NULL, 16);
    stage.hello.window = 1;
    cr_assert(return_after(&stage, stage.peer.welcome.connection));
    ask_two(&stage, &written, &unwritten);
    uint64_t seen = stage.peer.welcome.connection;
    stage.hello.window = 16;
    how(&stage);
    if (same_session) {
        cr_assert(return_after(&stage, seen));
    } else {
        peer_close(&stage.peer);
        peer_connect(&stage.peer, stage.server.uri);
        cr_assert_not(peer_greet(&stage.peer, &stage.hello));
    }
    expect_new(&written);
    take_call(&stage);
    cr_assert_eq(stage.asked.aux, 0, "nothing before it is open");
    peer_reply_ok(&stage.peer, &stage.asked, NULL, 0);
    cr_assert_eq((int)watch_wait(&unwritten)->code, SEMEL_OK, "%s", unwritten.status.message);
    back_start(&idempotent, &stage.server, stage.back, SET, 13, NULL);
    take_call(&stage);
    stage.hello.table += same_session;
    cr_assert(return_after(&stage, stage.peer.welcome.connection));
    take_call(&stage);
    peer_reply_ok(&stage.peer, &stage.asked, NULL, 0);
    cr_assert_eq((int)watch_wait(&idempotent)->code, SEMEL_OK, "%s", idempotent.status.message);
    stage_close(&stage);
}

Test(back_lost, another_table_or_a_client_that_was_elsewhere_is_asked_nothing_twice)
{
    lose_table(change_table, true);
    lose_table(go_elsewhere, false);
}

Test(back_lost, a_client_that_serves_no_longer_is_asked_nothing)
{
    struct stage stage;
    struct watch written, unwritten;
    stage_open(&stage, NULL, 16);
    stage.hello.window = 1;
    cr_assert(return_after(&stage, stage.peer.welcome.connection));
    ask_two(&stage, &written, &unwritten);
    stage.hello.window = stage.hello.table = 0;
    cr_assert(return_after(&stage, stage.peer.welcome.connection));
    expect_new(&written);
    check_status(watch_wait(&unwritten), UNIMPLEMENTED, NOT_SERVED, NOT_EXECUTED);
    cr_assert_eq((int)unwritten.status.rule, SEMEL_RULE_R10);
    stage_close(&stage);
}

/* ---- sessions that end ---- */

static void expect_gone(struct watch *watch)
{
    check_status(watch_wait(watch), UNAVAILABLE, PEER_GONE, NOT_EXECUTED);
    cr_assert_eq((int)watch->status.rule, SEMEL_RULE_R10);
}

static void expect_refused(struct stage *stage)
{
    semel_status status;
    probe_Reply reply;
    cr_assert_eq((int)probe_Probe_Add(stage->back, &(probe_Request){.op = 13}, &reply, NULL, &status),
                 SEMEL_UNAVAILABLE);
    check_status(&status, UNAVAILABLE, PEER_GONE, NOT_EXECUTED);
}

Test(back_lost, when_the_lease_ends_so_do_its_calls)
{
    struct stage stage;
    struct watch written, unwritten;
    stage_open(&stage, LIST("Lease=50"), 1);
    ask_two(&stage, &written, &unwritten);
    shutdown(stage.peer.fd, SHUT_RDWR);
    expect_new(&written);
    expect_gone(&unwritten);
    expect_refused(&stage);
    stage_close(&stage);
}

/* The lost verdict: the session was forgotten, the WELCOME that said NEW was never seen. */
Test(back_lost, a_stolen_welcome_that_says_new_is_said_again)
{
    struct stage stage;
    struct watch written;
    stage_open(&stage, LIST("Lease=50"), 16);
    uint64_t seen = stage.peer.welcome.connection;
    back_start(&written, &stage.server, stage.back, ADD, 11, NULL);
    take_call(&stage);
    shutdown(stage.peer.fd, SHUT_RDWR);
    expect_new(&written);
    cr_assert_not(return_after(&stage, seen), "it was forgotten");
    cr_assert_not(return_after(&stage, seen), "and this life of it has not been seen");
    stage_close(&stage);
}

static struct stage *displaced;

static void displace(struct peer *other)
{
    struct hello hello = displaced->hello;
    hello.session.bytes[0]++;
    hello.attempt = 1;
    hello.node_instance++;
    memset(&hello.last_domain, 0, sizeof hello.last_domain);
    peer_connect(other, displaced->server.uri);
    cr_assert_not(peer_greet(other, &hello));
}

/* The node was restarted: its other life will not come back, and nobody waits for the lease. */
Test(back_lost, when_the_node_is_restarted_calls_to_its_former_life_end)
{
    struct stage stage;
    struct peer other;
    struct watch written, unwritten;
    displaced = &stage;
    stage_open(&stage, NULL, 16);
    stage.hello.window = 1;
    stage.hello.name_size = 4;
    memcpy(stage.hello.name, "node", 4);
    cr_assert(return_after(&stage, stage.peer.welcome.connection));
    ask_two(&stage, &written, &unwritten);
    displace(&other);
    expect_new(&written);
    expect_gone(&unwritten);
    peer_close(&other);
    stage_close(&stage);
}

/* Two nodes share a name: the displaced one comes back, and still has its table.  Its numbers must go on. */
Test(back_lost, a_displaced_session_that_returns_is_asked_under_new_numbers)
{
    struct stage stage;
    struct peer other;
    struct watch written, next;
    displaced = &stage;
    stage_open(&stage, NULL, 16);
    stage.hello.name_size = 4;
    memcpy(stage.hello.name, "node", 4);
    cr_assert(return_after(&stage, stage.peer.welcome.connection));
    back_start(&written, &stage.server, stage.back, ADD, 11, NULL);
    take_call(&stage);
    uint64_t first = stage.asked.seq;
    displace(&other);
    expect_new(&written);
    cr_assert(return_after(&stage, stage.peer.welcome.connection), "it is known still");
    back_start(&next, &stage.server, stage.back, ADD, 11, NULL);
    take_call(&stage);
    cr_assert_gt(stage.asked.seq, first);
    peer_reply_ok(&stage.peer, &stage.asked, NULL, 0);
    cr_assert_eq((int)watch_wait(&next)->code, SEMEL_OK, "%s", next.status.message);
    peer_close(&other);
    stage_close(&stage);
}

/* ---- while the client is away ---- */

Test(back_lost, an_attempt_waits_for_the_client_as_long_as_a_dial_may_take)
{
    struct stage stage;
    struct watch fails, waits;
    static const uint32_t none;
    const semel_call_options once = OPTIONS(SEMEL_UNSET, &none, 0, SEMEL_ON_UNAVAILABLE_UNSET);
    const semel_call_options patient = OPTIONS(20000, at_once, 1, SEMEL_ON_UNAVAILABLE_WAIT);
    stage_open(&stage, LIST("ConnectTimeout=20"), 16);
    shutdown(stage.peer.fd, SHUT_RDWR);
    server_wait_gauge(&stage.server, offsetof(struct semel_server_stats, connections), 0);
    back_start(&waits, &stage.server, stage.back, ADD, 11, &patient);
    back_start(&fails, &stage.server, stage.back, ADD, 12, &once);
    check_status(watch_wait(&fails), UNAVAILABLE, PEER_AWAY, NOT_EXECUTED);
    cr_assert_eq(watch_times(&waits), 0);
    cr_assert(return_after(&stage, stage.peer.welcome.connection));
    take_call(&stage);
    peer_reply_ok(&stage.peer, &stage.asked, NULL, 0);
    cr_assert_eq((int)watch_wait(&waits)->code, SEMEL_OK, "%s", waits.status.message);
    stage_close(&stage);
}

/* ---- a real client; the server is a peer ---- */

struct desk {
    struct agent agent;
    struct peer peer;
    struct welcome welcome;
    int listener;
};

static void desk_open(struct desk *desk, const char *const *settings)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    desk->listener = peer_listen(uri);
    agent_open(&desk->agent, settings, uri);
    desk->welcome = peer_some_welcome();
    peer_serve(&desk->peer, desk->listener, &desk->welcome, false);
    cr_assert_eq(desk->peer.hello.window, settings == NULL ? 4096 : 4);
    cr_assert_eq(desk->peer.hello.table, 1);
}

static void desk_close(struct desk *desk)
{
    peer_close(&desk->peer);
    agent_close(&desk->agent);
    close(desk->listener);
}

/* A call back with this number and floor.  Returns the answer. */
static struct frame ask(struct desk *desk, uint64_t seq, uint64_t floor, unsigned op)
{
    uint8_t body[16];
    struct frame request = peer_request(seq, floor, ADD, body, peer_body(body, op));
    cr_assert(peer_send(&desk->peer, &request));
    struct frame reply = peer_expect(&desk->peer, FRAME_REPLY);
    cr_assert_eq(reply.seq, seq);
    return reply;
}

/* The connection breaks; the next one is welcomed so. */
static void next_connection(struct desk *desk, bool resumed)
{
    peer_close(&desk->peer);
    desk->welcome.connection++;
    peer_serve(&desk->peer, desk->listener, &desk->welcome, resumed);
}

Test(back_lost, a_client_answers_a_replay_from_its_record)
{
    struct desk desk;
    desk_open(&desk, NULL);
    cr_assert_eq(ask(&desk, 1, 1, 1).code, SEMEL_OK);
    next_connection(&desk, true);
    cr_assert_eq(ask(&desk, 1, 1, 1).code, SEMEL_OK);
    cr_assert_eq(server_runs(&desk.agent.served, 1), 1);
    cr_assert_eq(server_stats(&desk.agent.served).replayed, 1);
    desk_close(&desk);
}

/* Each of these begins another sequence, which must not meet the records of the one before. */
static void forget_and_ask(void (*change)(struct desk *desk), bool resumed)
{
    struct desk desk;
    desk_open(&desk, NULL);
    cr_assert_eq(ask(&desk, 1, 1, 1).code, SEMEL_OK);
    if (change != NULL)
        change(&desk);
    next_connection(&desk, resumed);
    struct frame reply = ask(&desk, 1, 1, 2);
    cr_assert_eq(reply.code, SEMEL_OK, "reason %u", reply.aux);
    cr_assert_eq(server_runs(&desk.agent.served, 2), 1);
    desk_close(&desk);
}

static void change_domain(struct desk *desk)
{
    desk->welcome.domain.bytes[0]++;
}

static void change_process(struct desk *desk)
{
    desk->welcome.incarnation++;
}

/* It dials, but the WELCOME is stolen; then it is welcomed as NEW. */
static void steal_welcome(struct desk *desk)
{
    peer_close(&desk->peer);
    peer_accept(&desk->peer, desk->listener);
    peer_take_hello(&desk->peer);
}

Test(back_lost, a_new_session_or_domain_forgets_what_was_asked)
{
    forget_and_ask(NULL, false);
    forget_and_ask(change_domain, false);
}

Test(back_lost, another_process_of_the_domain_forgets_what_was_asked)
{
    forget_and_ask(change_process, true);
}

Test(back_lost, a_verdict_that_was_stolen_is_heard_the_next_time)
{
    forget_and_ask(steal_welcome, false);
}

/* A restarted server knows nothing of what the one before has asked; its numbers begin at 1 again. */
Test(back_lost, a_restarted_server_asks_anew)
{
    struct server servers[2];
    struct agent agent;
    struct watch watch;
    server_open(&servers[0], NULL);
    servers[0].handler = back_ask;
    agent_open(&agent, LIST("RetryIntervals=0 0 1 2 5 10 20 50"), servers[0].uri);
    for (unsigned i = 0; i < 2; i++) {
        watch_start(&watch, &agent.client, ADD, i, NULL);
        cr_assert_eq((int)watch_wait(&watch)->code, SEMEL_OK, "%s", watch.status.message);
        if (i == 1)
            break;
        char uri[SEMEL_ENDPOINT_TEXT_MAX];
        memcpy(uri, servers[0].uri, sizeof uri);
        server_close(&servers[0]);
        server_open_at(&servers[1], NULL, uri);
        servers[1].handler = back_ask;
    }
    cr_assert_eq(server_runs(&agent.served, 0), 1);
    cr_assert_eq(server_runs(&agent.served, 1), 1);
    agent_close(&agent);
    server_close(&servers[1]);
}

/* It has to be reachable, but is no hammer: the waits grow from 10 ms to 1 s: six connections that are closed at
 * once take at least half of 10 + 20 + 40 + 80 ms. */
Test(back_lost, a_server_that_closes_what_it_welcomes_is_not_hammered)
{
    struct desk desk;
    struct timespec begun, ended;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    desk_open(&desk, NULL);
    for (int i = 0; i < 5; i++)
        next_connection(&desk, true);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    int64_t took_ms = (ended.tv_sec - begun.tv_sec) * 1000 + (ended.tv_nsec - begun.tv_nsec) / 1000000;
    cr_assert_geq(took_ms, 75);
    cr_assert_eq(ask(&desk, 1, 1, 1).code, SEMEL_OK);
    desk_close(&desk);
}

/* ---- peers that lie ---- */

static struct frame reply_to(uint64_t seq)
{
    return (struct frame){.type = FRAME_REPLY,
                          .flags = SEMEL_OUTCOME_EXECUTED,
                          .seq = seq,
                          .method = probe_Probe_methods[ADD].id};
}

Test(back_lost, an_answer_to_nothing_closes_the_connection)
{
    struct stage stage;
    stage_open(&stage, NULL, 16);
    struct frame reply = reply_to(1); /* no call back has been made */
    peer_send(&stage.peer, &reply);
    peer_expect_end(&stage.peer);
    server_wait_closed_by(&stage.server, BAD_FIELD, 1);
    struct watch watch;
    back_start(&watch, &stage.server, stage.back, ADD, 11, NULL);
    cr_assert(return_after(&stage, stage.peer.welcome.connection));
    take_call(&stage);
    reply = reply_to(stage.asked.seq + 1);
    peer_send(&stage.peer, &reply);
    peer_expect_end(&stage.peer);
    server_wait_closed_by(&stage.server, BAD_FIELD, 2);
    cr_assert(return_after(&stage, stage.peer.welcome.connection));
    take_call(&stage);
    peer_reply_ok(&stage.peer, &stage.asked, NULL, 0);
    peer_reply_ok(&stage.peer, &stage.asked, NULL, 0); /* once more is harmless: that call has ended */
    cr_assert_eq((int)watch_wait(&watch)->code, SEMEL_OK, "%s", watch.status.message);
    stage_close(&stage);
}

Test(back_lost, an_answer_of_a_client_that_serves_nothing_closes_the_connection)
{
    struct stage stage;
    struct watch watch;
    stage_open(&stage, NULL, 16);
    back_start(&watch, &stage.server, stage.back, ADD, 11, NULL);
    take_call(&stage);
    stage.hello.window = stage.hello.table = 0;
    cr_assert(return_after(&stage, stage.peer.welcome.connection));
    expect_new(&watch);
    struct frame reply = reply_to(stage.asked.seq); /* to a call of the connection before */
    peer_send(&stage.peer, &reply);
    peer_expect_end(&stage.peer);
    server_wait_closed_by(&stage.server, BAD_STATE, 1);
    stage_close(&stage);
}

Test(back_lost, a_client_closes_on_calls_back_that_it_did_not_grant)
{
    static const enum frame_type types[] = {FRAME_REQUEST, FRAME_CANCEL};
    for (size_t i = 0; i < 2; i++) {
        char uri[SEMEL_ENDPOINT_TEXT_MAX];
        int listener = peer_listen(uri);
        struct client client;
        struct peer peer;
        struct watch watch;
        struct welcome welcome = peer_some_welcome();
        client_open(&client, NULL, uri);
        watch_start(&watch, &client, ADD, 1, NULL);
        peer_serve(&peer, listener, &welcome, false);
        cr_assert(peer.hello.window == 0 && peer.hello.table == 0);
        struct frame frame = peer_request(1, 1, ADD, NULL, 0);
        frame.type = types[i];
        frame.flags = 0;
        peer_send(&peer, &frame);
        peer_expect_end(&peer);
        cr_assert_eq(client_stats(&client).closed_by[SEMEL_REASON_BAD_STATE], 1);
        peer_close(&peer);
        client_close(&client);
        close(listener);
    }
}

Test(back_lost, a_client_closes_on_a_call_back_outside_its_window)
{
    struct desk desk;
    desk_open(&desk, LIST("Window=4"));
    struct frame request = peer_request(5, 1, ADD, NULL, 0);
    peer_send(&desk.peer, &request);
    peer_expect_end(&desk.peer);
    cr_assert_eq(client_stats(&desk.agent.client).closed_by[SEMEL_REASON_OUTSIDE_WINDOW], 1);
    cr_assert_eq(server_all_runs(&desk.agent.served), 0);
    desk_close(&desk);
}

Test(back_lost, a_client_closes_on_a_floor_that_makes_no_sense)
{
    struct desk desk;
    desk_open(&desk, NULL);
    peer_send(&desk.peer, &(struct frame){.type = FRAME_PING, .seq = 1, .aux = 2});
    peer_expect_end(&desk.peer);
    cr_assert_eq(client_stats(&desk.agent.client).closed_by[SEMEL_REASON_BAD_FIELD], 1);
    desk_close(&desk);
}

/* A PING tells the floor as well: what it passed is forgotten, and is stale from then on. */
Test(back_lost, what_the_floor_has_passed_never_runs_again)
{
    struct desk desk;
    desk_open(&desk, NULL);
    cr_assert_eq(ask(&desk, 1, 1, 1).code, SEMEL_OK);
    peer_send(&desk.peer, &(struct frame){.type = FRAME_PING, .seq = 2, .aux = 0});
    struct frame reply = ask(&desk, 1, 1, 1);
    cr_assert_eq(reply.aux, SEMEL_REASON_STALE);
    cr_assert_eq(reply.flags & FRAME_OUTCOME_MASK, SEMEL_OUTCOME_UNKNOWN);
    cr_assert_eq(server_runs(&desk.agent.served, 1), 1);
    cr_assert_eq(server_stats(&desk.agent.served).kept_replies, 0);
    desk_close(&desk);
}

Test(back_lost, a_false_retry_and_a_broken_request_are_not_run)
{
    struct desk desk;
    desk_open(&desk, NULL);
    cr_assert_eq(ask(&desk, 1, 1, 1).code, SEMEL_OK);
    struct frame reply = ask(&desk, 1, 1, 2);
    cr_assert_eq(reply.aux, SEMEL_REASON_FALSE_RETRY);
    struct frame broken = peer_request(2, 1, ADD, (const uint8_t *)"\x08", 1);
    peer_send(&desk.peer, &broken);
    reply = peer_expect(&desk.peer, FRAME_REPLY);
    cr_assert_eq(reply.aux, SEMEL_REASON_MALFORMED);
    cr_assert_eq(reply.flags & FRAME_OUTCOME_MASK, SEMEL_OUTCOME_NOT_EXECUTED);
    cr_assert_eq(server_all_runs(&desk.agent.served), 1);
    desk_close(&desk);
}
