/* What happens at each limit: a refusal or a closed connection with its own reason, never a lost promise.
 *
 * Reads best next: config/keys.h. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/channel.h"
#include "core/limits.h"
#include "fixture.h"
#include "peer.h"

TestSuite(limits, .timeout = 60);

static void call_ok(struct client *client, unsigned op)
{
    struct watch watch;
    watch_start(&watch, client, ADD, op, NULL);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
}

/* ---- silence ---- */

Test(limits, who_says_no_hello_is_closed)
{
    struct server server;
    struct peer silent, slow;
    server_open(&server, LIST("HandshakeTimeout=60"));
    peer_connect(&silent, server.uri);
    peer_connect(&slow, server.uri);
    peer_write(&slow, "\x88", 1);
    peer_expect_end(&silent);
    peer_expect_end(&slow);
    server_wait_closed_by(&server, HANDSHAKE_TIMEOUT, 2);
    peer_close(&silent);
    peer_close(&slow);
    server_close(&server);
}

Test(limits, a_server_that_says_no_welcome_is_left)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    struct peer peer;
    struct client client;
    struct watch watch;
    client_open(&client, LIST("ConnectTimeout=1000", "RetryIntervals=-1"), uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    peer_accept(&peer, listener);
    check_status(watch_wait(&watch), UNAVAILABLE, HANDSHAKE_TIMEOUT, NOT_EXECUTED);
    peer_close(&peer);
    close(listener);
    client_close(&client);
}

Test(limits, a_client_that_falls_silent_is_dead_to_the_server)
{
    struct server server;
    struct peer peer;
    server_open(&server, LIST("Heartbeat=1500"));
    struct hello hello = peer_some_hello(1);
    peer_connect(&peer, server.uri);
    peer_greet(&peer, &hello);
    cr_assert_eq(peer.welcome.heartbeat_ms, 1500);
    peer_expect(&peer, FRAME_PING);
    server_wait_closed_by(&server, PEER_STUCK, 1); /* its kernel is well */
    peer_close(&peer);
    server_close(&server);
}

Test(limits, a_server_that_falls_silent_is_dead_to_the_client)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    struct peer peer;
    struct client client;
    struct watch watch;
    struct welcome welcome = peer_some_welcome();
    welcome.heartbeat_ms = 1500;
    client_open(&client, LIST("RetryIntervals=-1"), uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    peer_serve(&peer, listener, &welcome, false);
    peer_expect(&peer, FRAME_REQUEST);
    peer_expect(&peer, FRAME_PING);
    check_status(watch_wait(&watch), UNAVAILABLE, NO_VERDICT, UNKNOWN);
    cr_assert_eq((int)watch.status.trail[0].failure, SEMEL_REASON_PEER_STUCK);
    peer_close(&peer);
    close(listener);
    client_close(&client);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A third of the heartbeat would be 20 s: too long to notice that another host has taken the address over. */
Test(limits, a_client_that_waits_for_an_answer_asks_soon_whether_anybody_is_there)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    struct peer peer;
    struct client client;
    struct watch watch;
    struct welcome welcome = peer_some_welcome();
    welcome.heartbeat_ms = 60000;
    client_open(&client, LIST("Heartbeat=60s"), uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    int64_t asked_ms = now_ms(); /* not later than it was */
    peer_serve(&peer, listener, &welcome, false);
    struct frame request = peer_expect(&peer, FRAME_REQUEST);
    request.body = NULL; /* it is not kept */
    peer_expect(&peer, FRAME_PING);
    int64_t took_ms = now_ms() - asked_ms;
    cr_assert(took_ms >= LIMIT_AWAITING_SILENCE_MS - 100 && took_ms < 10000, "after %d ms", (int)took_ms);
    peer_reply_ok(&peer, &request, "\x08\x01", 2);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    peer_close(&peer);
    close(listener);
    client_close(&client);
}

/* A handler that takes longer than the heartbeat and the lease: pings keep both alive. */
Test(limits, a_connection_that_is_only_pinged_lives_on)
{
    struct server server;
    struct client client;
    struct watch watch;
    server_open(&server, LIST("Heartbeat=3000", "Lease=50"));
    server.handler = server_keep;
    client_open(&client, NULL, server.uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    semel_request *pending = server_pending(&server, 0);
    uint64_t quiet = client_stats(&client).frames_in;
    while (client_stats(&client).frames_in < quiet + 5) /* longer than both */
        ;
    semel_request_finish(pending, &(probe_Reply){.op = 1});
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(client_stats(&client).connections, 1);
    client_close(&client);
    server_close(&server);
}

/* ---- who does not read ---- */

static void ask_much_and_read_nothing(struct server *server, struct peer *peer, enum method method,
                                      unsigned calls)
{
    uint8_t body[16];
    struct hello hello = peer_some_hello(1);
    peer_connect(peer, server->uri);
    peer_greet(peer, &hello);
    size_t size = peer_body(body, 5);
    memcpy(body + size, "\x10\xe0\xd4\x03", 4); /* reply_size: 60000 */
    for (unsigned i = 1; i <= calls; i++) {
        struct frame request = peer_request(i, 1, (unsigned)method, body, size + 4);
        if (!peer_send(peer, &request))
            break;
    }
}

Test(limits, who_does_not_read_is_disconnected)
{
    struct server server;
    struct peer peer;
    server_open(&server, LIST("SlowReaderTimeout=200", "Heartbeat=5s", "SendBufferLimit=65536"));
    ask_much_and_read_nothing(&server, &peer, SET, 1000);
    server_wait_closed_by(&server, SLOW_READER, 1);
    cr_assert_lt(server_runs(&server, 5), 600, "%u replies were made for one who takes none",
                 server_runs(&server, 5));
    peer_close(&peer);
    server_close(&server);
}

Test(limits, who_reads_late_gets_everything)
{
    enum { ASKED = 200 };
    struct server server;
    struct peer peer;
    server_open(&server, LIST("SendBufferLimit=65536"));
    ask_much_and_read_nothing(&server, &peer, ADD, ASKED);
    server_wait_runs(&server, 5, 2);
    for (uint64_t seq = 1; seq <= ASKED; seq++) {
        struct frame reply = peer_expect(&peer, FRAME_REPLY);
        cr_assert_eq(reply.seq, seq);
        cr_assert_gt(reply.body_size, 60000);
    }
    cr_assert_eq(server_runs(&server, 5), ASKED);
    peer_close(&peer);
    server_close(&server);
}

static void read_patience(void *arg)
{
    struct client *client = arg;
    unsigned int timeout_ms = 0;
    socklen_t size = sizeof timeout_ms;
    cr_assert_eq(getsockopt(client->channel->wire->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, &size), 0);
    cr_assert_eq(timeout_ms, 7000 + 2 * 400, "SlowReaderTimeout, and the agreed heartbeat twice");
}

/* The kernel gives up as well, but never before we do, with our reasons. */
Test(limits, the_kernel_is_more_patient_than_the_slow_reader_limit_and_the_heartbeat)
{
    struct server server;
    struct client client;
    server_open(&server, LIST("Heartbeat=400"));
    client_open(&client, LIST("SlowReaderTimeout=7s"), server.uri);
    call_ok(&client, 1);
    on_node(client.node, read_patience, &client);
    client_close(&client);
    server_close(&server);
}

/* ---- too many ---- */

Test(limits, connections_over_the_most_are_closed)
{
    struct server server;
    struct peer first, second, third;
    server_open(&server, LIST("MaxConnections=1"));
    struct hello hello = peer_some_hello(1);
    peer_connect(&first, server.uri);
    peer_greet(&first, &hello);
    peer_connect(&second, server.uri);
    peer_expect_end(&second);
    server_wait_closed_by(&server, TOO_MANY_CONNECTIONS, 1);
    peer_close(&first);
    server_wait_gauge(&server, offsetof(struct semel_server_stats, connections), 0);
    hello = peer_some_hello(2);
    peer_connect(&third, server.uri);
    peer_greet(&third, &hello);
    peer_close(&second);
    peer_close(&third);
    server_close(&server);
}

/* A session with something to protect is never evicted for another; one without gives way. */
Test(limits, sessions_over_the_most_are_refused_while_there_is_something_to_protect)
{
    struct server server;
    struct peer owner, other;
    uint8_t body[16];
    server_open(&server, LIST("MaxSessions=1"));
    struct hello hello = peer_some_hello(1), second = peer_some_hello(2);
    peer_connect(&owner, server.uri);
    peer_greet(&owner, &hello);
    struct frame request = peer_request(1, 1, ADD, body, peer_body(body, 5));
    peer_send(&owner, &request);
    peer_expect(&owner, FRAME_REPLY);
    hello.attempt++;
    hello.last_domain = owner.welcome.domain;
    hello.last_connection = owner.welcome.connection;
    peer_close(&owner);
    server_wait_gauge(&server, offsetof(struct semel_server_stats, connections), 0);

    peer_connect(&other, server.uri);
    peer_send_hello(&other, &second);
    cr_assert_eq((int)peer_expect(&other, FRAME_REFUSE).aux, SEMEL_REASON_TOO_MANY_SESSIONS);
    peer_close(&other);

    peer_connect(&owner, server.uri);
    cr_assert(peer_greet(&owner, &hello), "forgotten");
    peer_send(&owner, &request);
    cr_assert_eq((int)peer_expect(&owner, FRAME_REPLY).code, SEMEL_OK);
    cr_assert_eq(server_runs(&server, 5), 1);
    peer_send(&owner, &(struct frame){.type = FRAME_BYE, .seq = 2}); /* acknowledges */
    peer_expect_end(&owner);
    peer_close(&owner);
    server_wait_gauge(&server, offsetof(struct semel_server_stats, connections), 0);

    second.attempt++;
    peer_connect(&other, server.uri);
    cr_assert(!peer_greet(&other, &second));
    peer_close(&other);
    server_close(&server);
}

Test(limits, calls_over_the_most_outstanding_are_refused)
{
    struct client client;
    struct watch watches[4];
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    client_open(&client, LIST("MaxOutstanding=3"), uri);
    for (unsigned i = 0; i < 3; i++)
        watch_start(&watches[i], &client, ADD, i, NULL);
    watch_start_sized(&watches[3], &client, ADD, 3, 0, 0, NULL);
    cr_assert_eq((int)watches[3].started, SEMEL_RESOURCE_EXHAUSTED);
    watch_cancel(&watches[0], &client);
    check_status(watch_wait(&watches[0]), CANCELLED, CANCELLED, NOT_EXECUTED);
    watch_start(&watches[3], &client, ADD, 3, NULL);
    client_close(&client);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(watch_times(&watches[i]), 1);
    close(listener);
}

Test(limits, a_window_of_one_lets_one_through_at_a_time)
{
    enum { CALLS = 40 };
    struct server server;
    struct client client;
    struct watch watches[CALLS];
    server_open(&server, LIST("Window=1"));
    server.handler = server_keep;
    client_open(&client, NULL, server.uri);
    for (unsigned i = 0; i < CALLS; i++)
        watch_start(&watches[i], &client, ADD, i, NULL);
    for (unsigned i = 0; i < CALLS; i++) {
        semel_request *pending = server_pending(&server, i);
        cr_assert_eq(server_stats(&server).running, 1);
        cr_assert_eq(server_runs(&server, i), 1, "out of order");
        semel_request_finish(pending, &(probe_Reply){.op = i});
    }
    for (unsigned i = 0; i < CALLS; i++)
        check_status(watch_wait(&watches[i]), OK, NONE, EXECUTED);
    cr_assert_eq(server_stats(&server).closed_by[SEMEL_REASON_OUTSIDE_WINDOW], 0);
    client_close(&client);
    server_close(&server);
}

/* ---- too large ---- */

Test(limits, messages_over_the_frame_limit_fail_alone_in_both_directions)
{
    struct server server;
    struct client client;
    struct watch watch;
    server_open(&server, NULL);
    client_open(&client, LIST("FrameLimit=8192"), server.uri);
    watch_start_sized(&watch, &client, ADD, 1, 9000, 0, NULL);
    cr_assert_eq((int)watch.started, SEMEL_INVALID_ARGUMENT);
    watch_start_sized(&watch, &client, ADD, 2, 8000, 0, NULL);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    watch_start_sized(&watch, &client, ADD, 3, 0, 9000, NULL);
    check_status(watch_wait(&watch), RESOURCE_EXHAUSTED, TOO_LARGE, EXECUTED);
    cr_assert_eq(server_runs(&server, 1), 0);
    cr_assert_eq(server_runs(&server, 3), 1);
    watch_start_sized(&watch, &client, ADD, 4, 0, 8000, NULL);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(watch.pad_size, 8000);
    cr_assert_eq(client_stats(&client).connections, 1);
    client_close(&client);
    server_close(&server);
}

/* ---- the table ---- */

/* Kept replies fill the store: new work is refused, not run unprotected, and goes through when there is room. */
Test(limits, a_full_table_refuses_and_takes_the_retry)
{
    struct server server;
    struct client client;
    struct peer hog;
    struct watch watch;
    uint8_t body[16];
    server_open(&server, LIST("KeepTotal=4000"));
    struct hello hello = peer_some_hello(1);
    peer_connect(&hog, server.uri);
    peer_greet(&hog, &hello);
    size_t size = peer_body(body, 5);
    memcpy(body + size, "\x10\xe8\x07", 3); /* reply_size: 1000 */
    uint64_t seq = 0;
    struct frame reply;
    do {
        struct frame request = peer_request(++seq, 1, ADD, body, size + 3);
        peer_send(&hog, &request);
        reply = peer_expect(&hog, FRAME_REPLY);
    } while (reply.code == SEMEL_OK && seq < 100);
    cr_assert_eq((int)reply.aux, SEMEL_REASON_TABLE_FULL);
    cr_assert_eq(reply.flags, FRAME_REFUSED | SEMEL_OUTCOME_NOT_EXECUTED);
    cr_assert_eq(server_runs(&server, 5), seq - 1);

    client_open(&client, LIST("OnUnavailable=wait", "RetryIntervals=5"), server.uri);
    watch_start(&watch, &client, ADD, 6, NULL);
    while (client_stats(&client).retries == 0)
        ;
    cr_assert_eq(server_runs(&server, 6), 0);
    peer_send(&hog, &(struct frame){.type = FRAME_PING, .seq = seq + 1}); /* acknowledges */
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(server_runs(&server, 6), 1);
    peer_close(&hog);
    client_close(&client);
    server_close(&server);
}

Test(limits, a_call_after_many_is_as_good_as_the_first)
{
    struct server server;
    struct client client;
    server_open(&server, LIST("KeepTotal=100000", "Window=8"));
    client_open(&client, NULL, server.uri);
    for (unsigned op = 0; op < 2000; op++)
        call_ok(&client, op);
    cr_assert_eq(server_all_runs(&server), 2000);
    cr_assert_leq(server_stats(&server).kept_replies, 1);
    client_close(&client);
    server_close(&server);
}
