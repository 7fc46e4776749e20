/* Receipts as they travel: one frame for the oneways of a turn, again for a replay, and never believed beyond what was
 * written.
 *
 * Reads best next: core/receipt.h; oneway_test.c, for what callers see. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/bytes.h"
#include "core/receipt.h"
#include "engine.h"

TestSuite(receipt_wire, .timeout = 60);

/* ---- the server ---- */

static void greet(struct peer *peer, struct server *server)
{
    struct hello hello = peer_some_hello(1);
    peer_connect(peer, server->uri);
    cr_assert(!peer_greet(peer, &hello));
}

static bool come_back(struct peer *peer, struct server *server)
{
    struct hello hello = peer_next_hello(peer);
    peer_close(peer);
    peer_connect(peer, server->uri);
    return peer_greet(peer, &hello);
}

static void ask(struct peer *peer, enum method method, uint64_t seq, uint64_t floor)
{
    uint8_t body[16];
    struct frame request = peer_request(seq, floor, method, body, peer_body(body, (unsigned)seq));
    cr_assert(peer_send(peer, &request));
}

static void expect_run(struct peer *peer, uint64_t first, uint32_t count)
{
    struct receipt receipt;
    struct frame frame;
    cr_assert(peer_read(peer, &frame));
    cr_assert_eq((int)frame.type, FRAME_RECEIPT, "%s came", frame_type_name(frame.type));
    cr_assert_eq(frame.seq | frame.method | frame.aux | frame.time_ms | frame.code | frame.flags, 0);
    cr_assert_eq(receipt_read(frame.body, frame.body_size, UINT64_MAX, &receipt), SEMEL_REASON_NONE);
    cr_assert_eq(receipt.count, 1);
    cr_assert_eq(receipt.runs[0].first, first);
    cr_assert_eq(receipt.runs[0].count, count);
}

/* Written at once, they are read in one turn. */
static void ask_many(struct peer *peer, uint64_t first, uint64_t count)
{
    enum { ROOM = 65536 };
    uint8_t *bytes = malloc(ROOM);
    size_t size = 0;
    for (uint64_t seq = first; seq < first + count; seq++) {
        uint8_t body[16];
        struct frame request = peer_request(seq, 1, TELL, body, peer_body(body, (unsigned)seq));
        size += peer_build(peer, &request, bytes + size, ROOM - size);
    }
    cr_assert(peer_write(peer, bytes, size));
    free(bytes);
}

Test(receipt_wire, one_frame_acknowledges_the_oneways_of_a_turn)
{
    enum { ONEWAYS = 500 };
    uint64_t acknowledged = 0;
    struct server server;
    struct peer peer;
    turns_take_no_time();
    server_open(&server, NULL);
    greet(&peer, &server);
    ask_many(&peer, 1, ONEWAYS);
    while (acknowledged < ONEWAYS) {
        struct receipt receipt;
        struct frame frame = peer_expect(&peer, FRAME_RECEIPT);
        cr_assert_eq(receipt_read(frame.body, frame.body_size, ONEWAYS + 1, &receipt), SEMEL_REASON_NONE);
        cr_assert_eq(receipt.count, 1);
        cr_assert_eq(receipt.runs[0].first, acknowledged + 1);
        acknowledged += receipt.runs[0].count;
    }
    struct semel_server_stats stats = server_stats(&server);
    cr_assert_leq(stats.receipts, ONEWAYS / 10);
    cr_assert_eq(stats.oneways_acknowledged, ONEWAYS);
    cr_assert_eq(stats.kept_replies, 0, "no reply is kept for a oneway that was executed");
    cr_assert_eq(server_all_runs(&server), ONEWAYS);
    peer_close(&peer);
    server_close(&server);
}

Test(receipt_wire, a_replay_is_acknowledged_again_and_does_not_run)
{
    struct server server;
    struct peer peer;
    server_open(&server, NULL);
    greet(&peer, &server);
    ask(&peer, TELL, 1, 1);
    expect_run(&peer, 1, 1);
    ask(&peer, TELL, 1, 1); /* doubled on the same connection */
    expect_run(&peer, 1, 1);
    cr_assert(come_back(&peer, &server));
    ask(&peer, TELL, 1, 1);
    expect_run(&peer, 1, 1);
    cr_assert_eq(server_runs(&server, 1), 1);
    cr_assert_eq(server_stats(&server).replayed, 2);
    ask(&peer, TELL, 2, 2); /* acknowledges the first */
    expect_run(&peer, 2, 1);
    ask(&peer, TELL, 1, 1);
    struct frame stale = peer_expect(&peer, FRAME_REPLY);
    cr_assert_eq((enum semel_reason)stale.aux, SEMEL_REASON_STALE);
    cr_assert_eq(server_runs(&server, 1), 1);
    peer_close(&peer);
    server_close(&server);
}

/* What is answered by a receipt must not be asked for by one who waits for a reply. */
Test(receipt_wire, a_replay_that_is_no_longer_oneway_is_a_false_retry)
{
    struct server server;
    struct peer peer;
    uint8_t body[16];
    server_open(&server, NULL);
    greet(&peer, &server);
    ask(&peer, TELL, 1, 1);
    expect_run(&peer, 1, 1);
    struct frame request = peer_request(1, 1, TELL, body, peer_body(body, 1));
    request.flags = 0;
    peer_send(&peer, &request);
    struct frame reply = peer_expect(&peer, FRAME_REPLY);
    cr_assert_eq((enum semel_reason)reply.aux, SEMEL_REASON_FALSE_RETRY);
    cr_assert_eq(server_runs(&server, 1), 1);
    peer_close(&peer);
    server_close(&server);
}

Test(receipt_wire, one_that_is_finished_later_is_acknowledged_later)
{
    struct server server;
    struct peer peer;
    server_open(&server, NULL);
    server.tell = server_keep;
    greet(&peer, &server);
    for (uint64_t seq = 1; seq <= 3; seq++)
        ask(&peer, TELL, seq, 1);
    semel_request *first = server_pending(&server, 0);
    semel_request *second = server_pending(&server, 1);
    semel_request_finish(server_pending(&server, 2), NULL);
    expect_run(&peer, 3, 1);
    cr_assert(come_back(&peer, &server)); /* with two of them running */
    ask(&peer, TELL, 1, 1);
    server_wait_stat(&server, offsetof(struct semel_server_stats, attached), 1);
    semel_request_finish(first, NULL);
    expect_run(&peer, 1, 1);
    semel_request_fail(second, SEMEL_ABORTED, "not today");
    struct frame reply = peer_expect(&peer, FRAME_REPLY);
    cr_assert_eq(reply.seq, 2);
    cr_assert_eq(reply.code, SEMEL_ABORTED);
    peer_close(&peer);
    server_close(&server);
}

static enum semel_code fail_odd(struct server *server, semel_request *request, probe_Request *in,
                                probe_Reply *out)
{
    (void)server;
    (void)out;
    return in->op % 2 == 1 ? semel_request_error(request, SEMEL_NOT_FOUND, "odd") : SEMEL_OK;
}

/* One that fails has more to say than a receipt can hold, and says it again to a replay. */
Test(receipt_wire, one_that_fails_gets_a_reply_of_its_own)
{
    struct server server;
    struct peer peer;
    struct frame reply;
    turns_take_no_time();
    server_open(&server, NULL);
    server.tell = fail_odd;
    greet(&peer, &server);
    ask_many(&peer, 1, 5); /* 2 and 4 are executed */
    for (uint64_t seq = 1; seq <= 5; seq += 2) {
        cr_assert(peer_read(&peer, &reply));
        cr_assert_eq((int)reply.type, FRAME_REPLY, "replies are ready before the receipt");
        cr_assert_eq(reply.seq, seq);
        cr_assert_eq(reply.code, SEMEL_NOT_FOUND);
        cr_assert_eq(reply.flags, SEMEL_OUTCOME_EXECUTED);
    }
    struct receipt receipt;
    cr_assert(peer_read(&peer, &reply));
    cr_assert_eq(receipt_read(reply.body, reply.body_size, 6, &receipt), SEMEL_REASON_NONE);
    cr_assert_eq(receipt.count, 2);
    cr_assert_eq(receipt.runs[1].first, 4);
    ask(&peer, TELL, 3, 1);
    reply = peer_expect(&peer, FRAME_REPLY);
    cr_assert_eq(reply.code, SEMEL_NOT_FOUND);
    cr_assert_eq(server_runs(&server, 3), 1);
    peer_close(&peer);
    server_close(&server);
}

/* More runs than one frame holds: every second one is pending. */
static enum semel_code keep_odd(struct server *server, semel_request *request, probe_Request *in,
                                probe_Reply *out)
{
    return in->op % 2 == 1 ? server_keep(server, request, in, out) : SEMEL_OK;
}

Test(receipt_wire, more_runs_than_fit_take_another_frame)
{
    enum { ONEWAYS = 4 * LIMIT_RECEIPT_RUNS };
    struct server server;
    struct peer peer;
    turns_take_no_time();
    server_open(&server, NULL);
    server.tell = keep_odd;
    greet(&peer, &server);
    ask_many(&peer, 1, ONEWAYS);
    uint64_t even = 0;
    while (even < ONEWAYS / 2) {
        struct receipt receipt;
        struct frame frame = peer_expect(&peer, FRAME_RECEIPT);
        cr_assert_eq(receipt_read(frame.body, frame.body_size, ONEWAYS + 1, &receipt), SEMEL_REASON_NONE);
        for (uint32_t i = 0; i < receipt.count; i++, even++) {
            cr_assert_eq(receipt.runs[i].first, 2 * (even + 1));
            cr_assert_eq(receipt.runs[i].count, 1);
        }
    }
    struct semel_server_stats stats = server_stats(&server);
    cr_assert_eq(stats.receipts, 2);
    for (size_t i = 0; i < ONEWAYS / 2; i++)
        semel_request_finish(server_pending(&server, i), NULL);
    server_wait_stat(&server, offsetof(struct semel_server_stats, oneways_acknowledged), ONEWAYS);
    peer_close(&peer);
    server_close(&server);
}

/* BYE comes in the same turn as the last oneway: it is acknowledged before the connection is closed. */
Test(receipt_wire, what_was_sent_before_a_bye_is_acknowledged_before_the_end)
{
    struct server server;
    struct peer peer;
    uint8_t bytes[256], body[16];
    server_open(&server, NULL);
    greet(&peer, &server);
    struct frame request = peer_request(1, 1, TELL, body, peer_body(body, 1));
    size_t size = peer_build(&peer, &request, bytes, sizeof bytes);
    const struct frame bye = {.type = FRAME_BYE, .seq = 2, .aux = 1};
    size += peer_build(&peer, &bye, bytes + size, sizeof bytes - size);
    cr_assert(peer_write(&peer, bytes, size));
    expect_run(&peer, 1, 1);
    peer_expect_end(&peer);
    peer_close(&peer);
    server_close(&server);
}

/* ---- the client ---- */

struct stage {
    int listener;
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct peer peer;
};

/* Two oneways and a two-way call have been written; the peer has read them. */
static void stage_open(struct stage *stage, struct watch watches[3])
{
    const struct welcome welcome = peer_some_welcome();
    stage->listener = peer_listen(stage->uri);
    client_open(&stage->client, LIST("RetryIntervals=-1"), stage->uri);
    watch_start(&watches[0], &stage->client, TELL, 1, NULL);
    watch_start(&watches[1], &stage->client, TELL, 2, NULL);
    watch_start(&watches[2], &stage->client, ADD, 3, NULL);
    peer_serve(&stage->peer, stage->listener, &welcome, false);
    for (int i = 0; i < 3; i++)
        (void)peer_expect(&stage->peer, FRAME_REQUEST);
}

static void stage_close(struct stage *stage)
{
    peer_close(&stage->peer);
    close(stage->listener);
    client_close(&stage->client);
}

static void send_runs(struct peer *peer, const struct receipt_run *runs, size_t count, size_t cut)
{
    uint8_t body[64];
    for (size_t i = 0; i < count; i++) {
        bytes_store64(body + i * 12, runs[i].first);
        bytes_store32(body + i * 12 + 8, runs[i].count);
    }
    const struct frame frame = {.type = FRAME_RECEIPT, .body = body, .body_size = count * 12 - cut};
    cr_assert(peer_send(peer, &frame));
}

/* None of it counts, and the connection is closed. */
static void expect_disbelief(const struct receipt_run *runs, size_t count, size_t cut, enum semel_reason reason)
{
    struct stage stage;
    struct watch watches[3];
    stage_open(&stage, watches);
    send_runs(&stage.peer, runs, count, cut);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq((int)watch_wait(&watches[i])->code, SEMEL_UNAVAILABLE);
        cr_assert_eq((int)watches[i].status.outcome, SEMEL_OUTCOME_UNKNOWN);
    }
    cr_assert_eq(client_stats(&stage.client).closed_by[reason], 1, "%s", semel_reason_name(reason));
    cr_assert_eq(client_stats(&stage.client).oneways_acknowledged, 0);
    cr_assert_eq(client_stats(&stage.client).receipts, 0);
    stage_close(&stage);
}

#define DISBELIEVED(reason, cut, ...)                                                                          \
    expect_disbelief((const struct receipt_run[]){__VA_ARGS__},                                                \
                     sizeof((const struct receipt_run[]){__VA_ARGS__}) / sizeof(struct receipt_run), cut,      \
                     SEMEL_REASON_##reason)

Test(receipt_wire, a_client_does_not_believe_what_it_did_not_write)
{
    DISBELIEVED(BAD_FIELD, 0, {1, 2}, {4, 1});  /* 4 was not given yet */
    DISBELIEVED(BAD_FIELD, 0, {1, 3});          /* 3 waits for a reply */
    DISBELIEVED(BAD_FIELD, 0, {1, 0});          /* nothing */
    DISBELIEVED(BAD_FIELD, 0, {0, 2});          /* seq 0 */
    DISBELIEVED(BAD_FIELD, 0, {2, 1}, {1, 1});  /* out of order */
    DISBELIEVED(BAD_FIELD, 0, {1, 1}, {2, 1});  /* touching */
    DISBELIEVED(BAD_FIELD, 0, {UINT64_MAX, 1}); /* far away */
    DISBELIEVED(BAD_FIELD, 0, {1, UINT32_MAX}); /* far too many */
    DISBELIEVED(BAD_SIZE, 5, {1, 1}, {3, 1});   /* not whole runs */
    DISBELIEVED(BAD_SIZE, 12, {1, 2});          /* no run at all */
    DISBELIEVED(BAD_SIZE, 11, {1, 2});
}

Test(receipt_wire, a_client_takes_no_reply_for_a_receipt)
{
    struct stage stage;
    struct watch watches[3];
    stage_open(&stage, watches);
    const struct frame request = {.seq = 1, .method = probe_Probe_methods[TELL].id};
    peer_reply_ok(&stage.peer, &request, "", 0);
    cr_assert_eq((int)watch_wait(&watches[0])->outcome, SEMEL_OUTCOME_UNKNOWN);
    cr_assert_eq(client_stats(&stage.client).closed_by[SEMEL_REASON_BAD_FIELD], 1);
    stage_close(&stage);
}

Test(receipt_wire, a_client_takes_a_receipt_for_what_has_ended_already)
{
    struct stage stage;
    struct watch watches[3];
    stage_open(&stage, watches);
    const struct frame request = {.seq = 3, .method = probe_Probe_methods[ADD].id};
    peer_receipt(&stage.peer, 2, 1);
    check_status(watch_wait(&watches[1]), OK, NONE, EXECUTED);
    peer_receipt(&stage.peer, 1, 2); /* the second again */
    check_status(watch_wait(&watches[0]), OK, NONE, EXECUTED);
    peer_reply_ok(&stage.peer, &request, "", 0);
    check_status(watch_wait(&watches[2]), OK, NONE, EXECUTED);
    peer_receipt(&stage.peer, 1, 3); /* below the floor nobody looks */
    peer_send(&stage.peer, &(struct frame){.type = FRAME_PING});
    (void)peer_expect(&stage.peer, FRAME_PONG);
    struct semel_channel_stats stats = client_stats(&stage.client);
    cr_assert_eq(stats.receipts, 3);
    cr_assert_eq(stats.oneways_acknowledged, 2);
    cr_assert_eq(stats.connections, 1);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(watch_times(&watches[i]), 1);
    stage_close(&stage);
}

/* It waits for its turn behind a window of one: a receipt for it is a lie. */
Test(receipt_wire, a_client_believes_no_receipt_for_what_is_not_written)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct watch watches[2];
    struct peer peer;
    struct welcome welcome = peer_some_welcome();
    int listener = peer_listen(uri);
    welcome.window = 1;
    client_open(&client, LIST("RetryIntervals=-1"), uri);
    watch_start(&watches[0], &client, TELL, 1, NULL);
    watch_start(&watches[1], &client, TELL, 2, NULL);
    peer_serve(&peer, listener, &welcome, false);
    (void)peer_expect(&peer, FRAME_REQUEST);
    close(listener); /* nobody welcomes the next connection */
    peer_receipt(&peer, 1, 2);
    cr_assert_eq((int)watch_wait(&watches[0])->outcome, SEMEL_OUTCOME_UNKNOWN);
    cr_assert_eq((int)watch_wait(&watches[1])->outcome, SEMEL_OUTCOME_NOT_EXECUTED);
    cr_assert_eq(client_stats(&client).closed_by[SEMEL_REASON_BAD_FIELD], 1);
    peer_close(&peer);
    client_close(&client);
}

/* ---- batches ---- */

struct burst {
    struct client *client;
    unsigned count;
};

static void send_burst(void *arg)
{
    const struct burst *burst = arg;
    for (unsigned i = 0; i < burst->count; i++)
        cr_assert_eq((int)probe_Probe_Tell(burst->client->channel, &(probe_Request){.op = 1}, NULL), SEMEL_OK);
}

/* So many oneways in a row, in one turn, and what they cost in system calls and frames. */
static void check_burst(unsigned count, uint64_t writes_most, uint64_t receipts_most)
{
    struct server server;
    struct client client;
    struct burst burst = {&client, count};
    turns_take_no_time();
    server_open(&server, NULL);
    client_open(&client, NULL, server.uri);
    (void)engine_call(&client, ADD, 2, NULL); /* connected, and HELLO is not counted */
    struct semel_channel_stats before = client_stats(&client);
    on_node(client.node, send_burst, &burst);
    cr_assert_eq((int)semel_channel_flush(client.channel, 50000), SEMEL_OK);
    struct semel_channel_stats after = client_stats(&client);
    for (int reason = 0; reason < SEMEL_REASON_COUNT; reason++)
        cr_assert_eq(after.oneways_lost_by[reason], 0, "%llu lost: %s",
                     (unsigned long long)after.oneways_lost_by[reason],
                     semel_reason_name((enum semel_reason)reason));
    cr_assert_eq(after.oneways_acknowledged, count);
    cr_assert_eq(server_runs(&server, 1), count);
    cr_assert_leq(after.writes - before.writes, writes_most, "%llu writes for %u oneways",
                  (unsigned long long)(after.writes - before.writes), count);
    cr_assert_leq(after.receipts, receipts_most, "%llu receipts for %u oneways",
                  (unsigned long long)after.receipts, count);
    cr_assert_eq(server_stats(&server).receipts, after.receipts);
    printf("oneways: %u in a row, %llu writes, %llu receipts\n", count,
           (unsigned long long)(after.writes - before.writes), (unsigned long long)after.receipts);
    client_close(&client);
    server_close(&server);
}

Test(receipt_wire, one_oneway_is_one_write_and_one_receipt)
{
    check_burst(1, 1, 1);
}

Test(receipt_wire, a_row_of_64_is_one_write_and_few_receipts)
{
    check_burst(64, 1, 64 / 4);
}

Test(receipt_wire, a_row_of_10000_shares_writes_and_receipts)
{
    check_burst(10000, 10000 / 10, 10000 / 20);
}
