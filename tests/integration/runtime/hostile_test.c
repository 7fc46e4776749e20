/* Peers that break the rules of the protocol: each frame where it has no place, fields that make no sense, silence.
 *
 * Reads best next: core/link.c for the rules, fuzz_test.c. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"
#include "peer.h"

TestSuite(hostile, .timeout = 60);

/* A frame of this type that is right but for its place. */
static struct frame plain(enum frame_type type, uint8_t *body)
{
    struct frame frame = {.type = type};
    if (type == FRAME_REQUEST || type == FRAME_CANCEL)
        frame = peer_request(1, 1, ADD, body, type == FRAME_REQUEST ? peer_body(body, 1) : 0);
    if (type == FRAME_CANCEL)
        frame.flags = 0;
    frame.type = type;
    if (type == FRAME_HELLO) {
        struct hello hello = peer_some_hello(7);
        frame.method = HANDSHAKE_MAGIC;
        frame.body_size = hello_write(body, &hello);
        frame.body = body;
    } else if (type == FRAME_WELCOME) {
        struct welcome welcome = peer_some_welcome();
        welcome_write(body, &welcome);
        frame.body = body;
        frame.body_size = HANDSHAKE_WELCOME_SIZE;
    } else if (type == FRAME_DATAGRAM) {
        frame.flags = FRAME_IDEMPOTENT | FRAME_ONEWAY;
        frame.seq = 1;
    } else if (type == FRAME_RECEIPT) {
        memset(body, 0, 12);
        body[0] = body[8] = 1; /* seq 1, alone */
        frame.body = body;
        frame.body_size = 12;
    } else if (type == FRAME_REPLY) {
        frame.seq = 1;
        frame.method = probe_Probe_methods[ADD].id;
        frame.flags = SEMEL_OUTCOME_EXECUTED;
    }
    return frame;
}

/* ---- to a server ---- */

enum stage { FRESH, GREETED, GONE };

static bool server_allows(enum stage stage, enum frame_type type)
{
    if (stage == FRESH)
        return type == FRAME_HELLO;
    bool alive = type == FRAME_PING || type == FRAME_PONG;
    return alive || (stage == GREETED && (type == FRAME_REQUEST || type == FRAME_CANCEL || type == FRAME_BYE));
}

Test(hostile, a_server_closes_on_each_frame_that_is_out_of_place)
{
    struct server server;
    uint64_t wrong = 0;
    server_open(&server, NULL);
    server.handler = server_keep;
    for (enum stage stage = FRESH; stage <= GONE; stage++) {
        for (enum frame_type type = FRAME_HELLO; type < FRAME_TYPE_COUNT; type++) {
            struct peer peer;
            uint8_t body[256], other[16];
            struct hello hello = peer_some_hello(100 * (uint64_t)stage + (uint64_t)type + 1);
            peer_connect(&peer, server.uri);
            if (stage >= GREETED)
                peer_greet(&peer, &hello);
            if (stage == GONE) {
                /* A request that is pending keeps the connection open after BYE. */
                struct frame request = peer_request(1, 1, ADD, other, peer_body(other, 1));
                peer_send(&peer, &request);
                peer_send(&peer, &(struct frame){.type = FRAME_BYE});
            }
            struct frame frame = plain(type, body);
            peer_send(&peer, &frame);
            if (!server_allows(stage, type)) {
                peer_expect_end(&peer);
                server_wait_closed_by(&server, BAD_STATE, ++wrong);
            }
            peer_close(&peer);
        }
    }
    cr_assert_eq(server_stats(&server).closed_by[SEMEL_REASON_BAD_STATE], wrong);
    cr_assert_eq(wrong, 11 + 7 + 10);
    server_wait_gauge(&server, offsetof(struct semel_server_stats, connections), 0);
    size_t pending = server.pending_count;
    for (size_t i = 0; i < pending; i++)
        semel_request_finish(server_pending(&server, i), &(probe_Reply){.op = 1});
    server_close(&server);
}

/* Sends one frame after the greeting; the connection must end with this reason. */
static void check_closed(struct server *server, const struct frame *frame, enum semel_reason reason)
{
    static uint64_t session = 1000;
    struct peer peer;
    struct hello hello = peer_some_hello(session++);
    uint64_t before = server_stats(server).closed_by[reason];
    peer_connect(&peer, server->uri);
    peer_greet(&peer, &hello);
    peer_send(&peer, frame);
    peer_expect_end(&peer);
    server_wait_stat(server, offsetof(struct semel_server_stats, closed_by) + reason * sizeof(uint64_t),
                     before + 1);
    peer_close(&peer);
}

Test(hostile, a_server_closes_on_fields_that_make_no_sense)
{
    struct server server;
    uint8_t body[16], large[64] = {0};
    server_open(&server, LIST("Window=16"));
    struct frame good = peer_request(1, 1, ADD, body, peer_body(body, 1));
    struct frame frame = good;
    frame.seq = 0;
    check_closed(&server, &frame, SEMEL_REASON_BAD_FIELD);
    frame = good;
    frame.aux = 1; /* an ack floor of 0 */
    check_closed(&server, &frame, SEMEL_REASON_BAD_FIELD);
    frame = good;
    frame.flags = 0x80;
    check_closed(&server, &frame, SEMEL_REASON_BAD_FIELD);
    frame = good;
    frame.seq = 17;
    frame.aux = 16;
    check_closed(&server, &frame, SEMEL_REASON_OUTSIDE_WINDOW);
    frame.seq = UINT64_MAX;
    frame.aux = UINT32_MAX;
    check_closed(&server, &frame, SEMEL_REASON_OUTSIDE_WINDOW);
    frame = (struct frame){.type = FRAME_PING, .seq = 1, .aux = 2};
    check_closed(&server, &frame, SEMEL_REASON_BAD_FIELD);
    frame = (struct frame){.type = FRAME_PING, .body = large, .body_size = sizeof large};
    check_closed(&server, &frame, SEMEL_REASON_BAD_SIZE);
    frame = (struct frame){.type = (enum frame_type)200};
    check_closed(&server, &frame, SEMEL_REASON_BAD_TYPE);
    cr_assert_eq(server_all_runs(&server), 0);
    server_close(&server);
}

Test(hostile, an_ack_floor_that_jumps_makes_the_past_stale_and_harms_nobody)
{
    static const uint64_t jumps[] = {17, 100000, UINT64_C(1) << 40, UINT64_MAX - 1, UINT64_MAX};
    struct server server;
    struct peer peer;
    uint8_t body[16];
    server_open(&server, LIST("Window=16"));
    struct hello hello = peer_some_hello(1);
    peer_connect(&peer, server.uri);
    peer_greet(&peer, &hello);
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        struct frame request = peer_request(jumps[i], jumps[i], ADD, body, peer_body(body, (unsigned)i));
        peer_send(&peer, &request);
        cr_assert_eq((int)peer_expect(&peer, FRAME_REPLY).code, SEMEL_OK);
        request = peer_request(jumps[i] - 1, jumps[i] - 1, ADD, body, peer_body(body, 100));
        peer_send(&peer, &request);
        struct frame reply = peer_expect(&peer, FRAME_REPLY);
        cr_assert_eq((int)reply.aux, SEMEL_REASON_STALE);
        cr_assert_eq(reply.flags, SEMEL_OUTCOME_UNKNOWN);
        cr_assert_eq(server_runs(&server, (unsigned)i), 1);
    }
    cr_assert_eq(server_runs(&server, 100), 0);
    peer_close(&peer);
    server_close(&server);
}

Test(hostile, a_seq_used_for_another_request_is_not_run)
{
    struct server server;
    struct peer peer;
    uint8_t body[16];
    server_open(&server, NULL);
    struct hello hello = peer_some_hello(1);
    peer_connect(&peer, server.uri);
    peer_greet(&peer, &hello);
    struct frame request = peer_request(1, 1, ADD, body, peer_body(body, 1));
    peer_send(&peer, &request);
    peer_expect(&peer, FRAME_REPLY);
    request = peer_request(1, 1, ADD, body, peer_body(body, 2));
    peer_send(&peer, &request);
    struct frame reply = peer_expect(&peer, FRAME_REPLY);
    cr_assert_eq((int)reply.aux, SEMEL_REASON_FALSE_RETRY);
    cr_assert_eq(reply.flags, SEMEL_OUTCOME_NOT_EXECUTED);
    cr_assert_eq(server_runs(&server, 2), 0);
    peer_close(&peer);
    server_close(&server);
}

Test(hostile, bytes_of_another_connection_are_not_believed)
{
    struct server server;
    struct peer one, two;
    uint8_t body[16], bytes[128];
    server_open(&server, NULL);
    struct hello hello = peer_some_hello(1), other = peer_some_hello(2);
    peer_connect(&one, server.uri);
    peer_greet(&one, &hello);
    peer_connect(&two, server.uri);
    peer_greet(&two, &other);
    struct frame request = peer_request(1, 1, ADD, body, peer_body(body, 1));
    size_t size = peer_build(&one, &request, bytes, sizeof bytes);
    peer_write(&two, bytes, size); /* as if delayed from the other */
    peer_expect_end(&two);
    server_wait_closed_by(&server, BAD_CHECK, 1);
    peer_write(&one, bytes, size);
    peer_expect(&one, FRAME_REPLY);
    peer_write(&one, bytes, size); /* doubled */
    peer_expect_end(&one);
    server_wait_closed_by(&server, BAD_CHECK, 2);
    cr_assert_eq(server_all_runs(&server), 1);
    peer_close(&one);
    peer_close(&two);
    server_close(&server);
}

/* ---- to a client ---- */

static bool client_allows(enum stage stage, enum frame_type type)
{
    if (stage == FRESH)
        return type == FRAME_WELCOME || type == FRAME_REFUSE;
    return type == FRAME_REPLY || type == FRAME_PING || type == FRAME_PONG || type == FRAME_GOAWAY ||
           type == FRAME_REFUSE;
}

static void send_to_client(enum stage stage, enum frame_type type)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    uint8_t body[256];
    struct peer peer;
    struct client client;
    struct watch watch;
    client_open(&client, LIST("RetryIntervals=-1"), uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    peer_accept(&peer, listener);
    peer_take_hello(&peer);
    peer.seed_out = peer.nonce;
    if (stage >= GREETED) {
        struct welcome welcome = peer_some_welcome();
        peer_welcome(&peer, &welcome, false);
        peer_expect(&peer, FRAME_REQUEST);
    }
    if (stage == GONE) {
        peer_send(&peer, &(struct frame){.type = FRAME_GOAWAY});
        peer_expect(&peer, FRAME_BYE);
    }
    struct frame frame = plain(type, body);
    peer_send(&peer, &frame);
    if (!client_allows(stage, type)) {
        peer_expect_end(&peer);
        enum semel_outcome outcome = stage == FRESH ? SEMEL_OUTCOME_NOT_EXECUTED : SEMEL_OUTCOME_UNKNOWN;
        cr_assert_eq((int)watch_wait(&watch)->outcome, (int)outcome, "stage %d, %s", (int)stage,
                     frame_type_name(type));
        /* A receipt is in its place after the greeting; that it names a call with a reply is what is wrong. */
        enum semel_reason reason = stage == GREETED && type == FRAME_RECEIPT ? SEMEL_REASON_BAD_FIELD
                                                                             : SEMEL_REASON_BAD_STATE;
        cr_assert_eq((int)watch.status.trail[0].failure, stage == GONE ? SEMEL_REASON_DRAINED : (int)reason);
    }
    client_close(&client);
    cr_assert_eq(watch_times(&watch), 1);
    peer_close(&peer);
    close(listener);
}

Test(hostile, a_client_closes_on_each_frame_that_is_out_of_place)
{
    for (enum stage stage = FRESH; stage <= GONE; stage++)
        for (enum frame_type type = FRAME_HELLO; type < FRAME_TYPE_COUNT; type++)
            send_to_client(stage, type);
}

/* A client gets this WELCOME, and must hang up. */
static void check_bad_welcome(const struct welcome *welcome, enum semel_reason reason)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    struct peer peer;
    struct client client;
    struct watch watch;
    client_open(&client, LIST("RetryIntervals=-1", "Heartbeat=5s", "FrameLimit=65536"), uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    peer_serve(&peer, listener, welcome, false);
    peer_expect_end(&peer);
    cr_assert_eq((int)watch_wait(&watch)->reason, (int)reason, "%s", semel_reason_name(watch.status.reason));
    cr_assert_eq((int)watch.status.outcome, SEMEL_OUTCOME_NOT_EXECUTED);
    client_close(&client);
    peer_close(&peer);
    close(listener);
}

Test(hostile, a_client_hangs_up_on_a_welcome_that_makes_no_sense)
{
    const struct welcome good = peer_some_welcome();
    struct welcome bad = good;
    bad.version = 2;
    check_bad_welcome(&bad, SEMEL_REASON_BAD_VERSION);
    bad = good;
    memset(&bad.domain, 0, sizeof bad.domain);
    check_bad_welcome(&bad, SEMEL_REASON_BAD_FIELD);
    bad = good;
    bad.connection = 0;
    check_bad_welcome(&bad, SEMEL_REASON_BAD_FIELD);
    bad = good;
    bad.window = 0;
    check_bad_welcome(&bad, SEMEL_REASON_BAD_FIELD);
    bad.window = UINT32_MAX;
    check_bad_welcome(&bad, SEMEL_REASON_BAD_FIELD);
    bad = good;
    bad.frame_limit = 100;
    check_bad_welcome(&bad, SEMEL_REASON_BAD_FIELD);
    bad.frame_limit = 65537;
    check_bad_welcome(&bad, SEMEL_REASON_BAD_FIELD);
    bad = good;
    bad.heartbeat_ms = 0;
    check_bad_welcome(&bad, SEMEL_REASON_BAD_FIELD);
    bad.heartbeat_ms = 5001;
    check_bad_welcome(&bad, SEMEL_REASON_BAD_FIELD);
}

/* The client hangs up on this reply to its only call, which it must take for one that may have run. */
static void check_bad_reply(struct frame reply)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    struct peer peer;
    struct client client;
    struct watch watch;
    struct welcome welcome = peer_some_welcome();
    client_open(&client, LIST("RetryIntervals=-1"), uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    peer_serve(&peer, listener, &welcome, false);
    peer_expect(&peer, FRAME_REQUEST);
    reply.type = FRAME_REPLY;
    peer_send(&peer, &reply);
    peer_expect_end(&peer);
    check_status(watch_wait(&watch), UNAVAILABLE, NO_VERDICT, UNKNOWN);
    cr_assert_eq((int)watch.status.trail[0].failure, SEMEL_REASON_BAD_FIELD);
    client_close(&client);
    peer_close(&peer);
    close(listener);
}

Test(hostile, a_client_hangs_up_on_a_reply_that_makes_no_sense)
{
    const uint64_t add = probe_Probe_methods[ADD].id;
    const uint8_t executed = SEMEL_OUTCOME_EXECUTED, refused = FRAME_REFUSED | SEMEL_OUTCOME_NOT_EXECUTED;
    check_bad_reply((struct frame){.flags = executed, .seq = 0, .method = add});
    check_bad_reply((struct frame){.flags = executed, .seq = 2, .method = add});
    check_bad_reply((struct frame){.flags = executed, .seq = UINT64_MAX, .method = add});
    check_bad_reply((struct frame){.flags = executed, .seq = 1, .method = add + 1});
    check_bad_reply((struct frame){.flags = SEMEL_OUTCOME_NOT_EXECUTED, .seq = 1, .method = add});
    check_bad_reply((struct frame){.flags = SEMEL_OUTCOME_UNKNOWN, .seq = 1, .method = add});
    check_bad_reply((struct frame){.flags = 3, .code = 1, .aux = 1, .seq = 1, .method = add});
    check_bad_reply((struct frame){.flags = executed, .code = 17, .aux = 1, .seq = 1, .method = add});
    check_bad_reply((struct frame){.flags = executed, .code = 1, .aux = 0, .seq = 1, .method = add});
    check_bad_reply(
        (struct frame){.flags = executed, .code = 1, .aux = SEMEL_REASON_COUNT, .seq = 1, .method = add});
    check_bad_reply((struct frame){
        .flags = refused | SEMEL_OUTCOME_EXECUTED, .code = 14, .aux = 1, .seq = 1, .method = add});
}

Test(hostile, a_reply_that_can_not_be_decoded_is_told_as_executed)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    struct peer peer;
    struct client client;
    struct watch watch;
    struct welcome welcome = peer_some_welcome();
    client_open(&client, NULL, uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    peer_serve(&peer, listener, &welcome, false);
    struct frame request = peer_expect(&peer, FRAME_REQUEST);
    peer_reply_ok(&peer, &request, "\x0b", 1);
    check_status(watch_wait(&watch), INTERNAL, DECODE_FAILED, EXECUTED);
    peer_close(&peer);
    close(listener);
    client_close(&client);
}
