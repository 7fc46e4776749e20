/* The promise over real sockets: an operation not marked idempotent never runs twice, and every failure says whether
 * it ran.
 *
 * Reads best next: peer.h; runtime/core/retry.h for the rules. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"
#include "peer.h"

TestSuite(promise, .timeout = 60);

/* ---- what a server remembers, asked by a client that can be seen through ---- */

Test(promise, a_newer_connection_takes_the_running_request_over)
{
    struct server server;
    struct peer old, new;
    uint8_t body[16];
    server_open(&server, NULL);
    server.handler = server_keep;
    struct hello hello = peer_some_hello(1);
    peer_connect(&old, server.uri);
    cr_assert(!peer_greet(&old, &hello));
    struct frame request = peer_request(1, 1, ADD, body, peer_body(body, 5));
    peer_send(&old, &request);
    semel_request *pending = server_pending(&server, 0);

    /* The old connection still lives when the new one comes: a client behind a rebooted router. */
    hello = peer_next_hello(&old);
    peer_connect(&new, server.uri);
    cr_assert(peer_greet(&new, &hello), "not resumed");
    peer_expect_end(&old);
    peer_send(&new, &request);
    server_wait_stat(&server, offsetof(struct semel_server_stats, attached), 1);
    semel_request_finish(pending, &(probe_Reply){.op = 5, .runs = 1});
    struct frame reply = peer_expect(&new, FRAME_REPLY);
    cr_assert_eq(reply.seq, 1);
    cr_assert_eq(reply.code, SEMEL_OK);
    cr_assert_eq(server_runs(&server, 5), 1);
    cr_assert_eq(server_stats(&server).closed_by[SEMEL_REASON_REPLACED], 1);
    peer_close(&old);
    peer_close(&new);
    server_close(&server);
}

Test(promise, a_delayed_hello_is_refused_and_displaces_nobody)
{
    struct server server;
    struct peer live, late;
    uint8_t body[16];
    server_open(&server, NULL);
    struct hello hello = peer_some_hello(1);
    hello.attempt = 5;
    peer_connect(&live, server.uri);
    peer_greet(&live, &hello);
    for (uint64_t attempt = 4; attempt <= 5; attempt++) {
        hello.attempt = attempt;
        peer_connect(&late, server.uri);
        peer_send_hello(&late, &hello);
        struct frame frame = peer_expect(&late, FRAME_REFUSE);
        cr_assert_eq((enum semel_reason)frame.aux,
                     attempt == 4 ? SEMEL_REASON_ATTEMPT_STALE : SEMEL_REASON_ATTEMPT_DUPLICATE);
        peer_expect_end(&late);
        peer_close(&late);
    }
    struct frame request = peer_request(1, 1, ADD, body, peer_body(body, 5));
    peer_send(&live, &request);
    cr_assert_eq(peer_expect(&live, FRAME_REPLY).code, SEMEL_OK);
    peer_close(&live);
    server_close(&server);
}

/* The lease ends, the client is answered NEW, and that WELCOME is lost: its next HELLO must not be RESUMED, since it
 * would replay into a table that has forgotten. */
Test(promise, a_lost_welcome_after_the_lease_is_not_followed_by_resumed)
{
    struct server server;
    struct peer peer;
    uint8_t body[16];
    server_open(&server, LIST("Lease=50"));
    struct hello hello = peer_some_hello(1);
    peer_connect(&peer, server.uri);
    peer_greet(&peer, &hello);
    struct frame request = peer_request(1, 1, ADD, body, peer_body(body, 5));
    peer_send(&peer, &request);
    peer_expect(&peer, FRAME_REPLY);
    struct hello seen = peer_next_hello(&peer);
    peer_close(&peer);
    server_wait_stat(&server, offsetof(struct semel_server_stats, sessions_expired), 1);

    struct peer unheard;
    peer_connect(&unheard, server.uri);
    peer_send_hello(&unheard, &seen);
    server_wait_stat(&server, offsetof(struct semel_server_stats, welcomed), 2);
    seen.attempt++;
    seen.nonce++;
    peer_connect(&peer, server.uri);
    cr_assert(!peer_greet(&peer, &seen), "RESUMED in a table that has forgotten the request");
    cr_assert_eq(server_runs(&server, 5), 1);
    peer_close(&unheard);
    peer_close(&peer);
    server_close(&server);
}

static void check_replay(struct server *server, struct peer *peer, enum semel_code code,
                         enum semel_reason reason, enum semel_outcome outcome)
{
    uint8_t body[16];
    struct hello hello = peer_next_hello(peer);
    peer_close(peer);
    peer_connect(peer, server->uri);
    cr_assert(peer_greet(peer, &hello));
    struct frame request = peer_request(1, 1, ADD, body, peer_body(body, 5));
    peer_send(peer, &request);
    struct frame reply = peer_expect(peer, FRAME_REPLY);
    cr_assert_eq((enum semel_code)reply.code, code, "%s", semel_code_name((enum semel_code)reply.code));
    cr_assert_eq((enum semel_reason)reply.aux, reason, "%s", semel_reason_name((enum semel_reason)reply.aux));
    cr_assert_eq(reply.flags & FRAME_OUTCOME_MASK, (unsigned)outcome);
    cr_assert_eq(server_runs(server, 5), 1);
}

Test(promise, a_kept_reply_is_sent_again_as_often_as_it_is_asked_for)
{
    struct server server;
    struct peer peer;
    uint8_t body[16];
    server_open(&server, NULL);
    struct hello hello = peer_some_hello(1);
    peer_connect(&peer, server.uri);
    peer_greet(&peer, &hello);
    struct frame request = peer_request(1, 1, ADD, body, peer_body(body, 5));
    peer_send(&peer, &request);
    uint64_t digest = peer_expect(&peer, FRAME_REPLY).digest;
    peer_send(&peer, &request); /* doubled on the same connection */
    cr_assert_eq(peer_expect(&peer, FRAME_REPLY).digest, digest);
    for (int i = 0; i < 20; i++)
        check_replay(&server, &peer, SEMEL_OK, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
    cr_assert_eq(server_stats(&server).replayed, 21);
    peer_close(&peer);
    server_close(&server);
}

Test(promise, a_reply_too_large_to_keep_is_told_as_gone_and_not_run_again)
{
    struct server server;
    struct peer peer;
    uint8_t body[16];
    server_open(&server, LIST("KeepReply=0"));
    struct hello hello = peer_some_hello(1);
    peer_connect(&peer, server.uri);
    peer_greet(&peer, &hello);
    struct frame request = peer_request(1, 1, ADD, body, peer_body(body, 5));
    peer_send(&peer, &request);
    cr_assert_eq(peer_expect(&peer, FRAME_REPLY).code, SEMEL_OK);
    for (int i = 0; i < 3; i++)
        check_replay(&server, &peer, SEMEL_DATA_LOSS, SEMEL_REASON_REPLY_GONE, SEMEL_OUTCOME_EXECUTED);
    peer_close(&peer);
    server_close(&server);
}

/* ---- what a client believes ---- */

/* A durable domain, restarted with a smaller Window, lets only some replays through at once.  The others have been
 * written all the same, and when the connection breaks again they must wait for the verdict. */
Test(promise, a_replay_outside_a_smaller_window_is_not_sent_to_a_new_session)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    struct peer peer;
    struct client client;
    struct watch one, two, three;
    client_open(&client, LIST("RetryIntervals=0 0 0 0 0"), uri);
    watch_start(&one, &client, ADD, 1, NULL);
    watch_start(&two, &client, ADD, 2, NULL);
    struct welcome welcome = peer_some_welcome();
    peer_accept(&peer, listener);
    peer_take_hello(&peer);
    peer_welcome(&peer, &welcome, false);
    peer_expect(&peer, FRAME_REQUEST);
    cr_assert_eq(peer_expect(&peer, FRAME_REQUEST).seq, 2);
    peer_close(&peer);

    welcome.window = 1;
    welcome.connection++;
    peer_accept(&peer, listener);
    peer_take_hello(&peer);
    peer_welcome(&peer, &welcome, true);
    cr_assert_eq(peer_expect(&peer, FRAME_REQUEST).seq, 1);
    peer_close(&peer);

    welcome.window = 1024;
    welcome.connection++;
    peer_accept(&peer, listener);
    peer_take_hello(&peer);
    peer_welcome(&peer, &welcome, false);
    check_status(watch_wait(&one), UNAVAILABLE, SESSION_NEW, UNKNOWN);
    check_status(watch_wait(&two), UNAVAILABLE, SESSION_NEW, UNKNOWN);
    /* The first request of the new session is one that was never written before. */
    watch_start(&three, &client, ADD, 3, NULL);
    struct frame request = peer_expect(&peer, FRAME_REQUEST);
    cr_assert_eq(request.seq, 3);
    peer_reply_ok(&peer, &request, "", 0);
    check_status(watch_wait(&three), OK, NONE, EXECUTED);
    peer_close(&peer);
    close(listener);
    client_close(&client);
}

/* An idempotent run leaves no record, so that a refused replay says nothing about it. */
Test(promise, an_idempotent_call_that_may_have_run_is_not_told_as_not_executed)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    struct peer peer;
    struct client client;
    struct watch watch;
    client_open(&client, LIST("RetryIntervals=0"), uri);
    watch_start(&watch, &client, SET, 1, NULL);
    struct welcome welcome = peer_some_welcome();
    peer_accept(&peer, listener);
    peer_take_hello(&peer);
    peer_welcome(&peer, &welcome, false);
    peer_expect(&peer, FRAME_REQUEST);
    peer_close(&peer);
    welcome.connection++;
    peer_accept(&peer, listener);
    peer_take_hello(&peer);
    peer_welcome(&peer, &welcome, true);
    struct frame request = peer_expect(&peer, FRAME_REQUEST);
    peer_reply(&peer, &request, SEMEL_UNAVAILABLE, SEMEL_REASON_REFUSED_BY_HANDLER,
               SEMEL_OUTCOME_NOT_EXECUTED | FRAME_REFUSED, 0);
    cr_assert_eq(watch_wait(&watch)->outcome, SEMEL_OUTCOME_UNKNOWN);
    peer_close(&peer);
    close(listener);
    client_close(&client);
}

/* ---- both, with a thief between them ---- */

enum {
    HELLO_BYTES = FRAME_HEADER_SIZE + HANDSHAKE_HELLO_SIZE,
    WELCOME_BYTES = FRAME_HEADER_SIZE + HANDSHAKE_WELCOME_SIZE
};

/* Hands so many bytes on; to < 0: keeps them. */
static void pass(int from, int to, size_t size)
{
    uint8_t bytes[256];
    cr_assert_eq(recv(from, bytes, size, MSG_WAITALL), (ssize_t)size);
    cr_assert(to < 0 || send(to, bytes, size, 0) == (ssize_t)size);
}

static void open_passage(struct peer *client_side, struct peer *server_side, int listener, const char *server)
{
    peer_accept(client_side, listener);
    peer_connect(server_side, server);
    pass(client_side->fd, server_side->fd, HELLO_BYTES);
}

/* The same as above, with a client that replays whatever it is told that it may. */
Test(promise, a_client_whose_welcome_was_stolen_after_the_lease_does_not_replay)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    struct server server;
    struct client client;
    struct watch watch;
    struct peer outside[3], inside[3];
    server_open(&server, LIST("Lease=50"));
    server.handler = server_keep;
    client_open(&client, LIST("OnUnavailable=wait", "RetryIntervals=1"), uri);
    watch_start(&watch, &client, ADD, 5, NULL);
    open_passage(&outside[0], &inside[0], listener, server.uri);
    pass(inside[0].fd, outside[0].fd, WELCOME_BYTES);
    pass(outside[0].fd, inside[0].fd, FRAME_HEADER_SIZE + 2);
    semel_request *pending = server_pending(&server, 0);
    peer_close(&inside[0]);
    server_wait_stat(&server, offsetof(struct semel_server_stats, sessions_expired), 1);
    peer_close(&outside[0]);

    open_passage(&outside[1], &inside[1], listener, server.uri);
    pass(inside[1].fd, -1, WELCOME_BYTES);
    peer_close(&outside[1]);

    open_passage(&outside[2], &inside[2], listener, server.uri);
    pass(inside[2].fd, outside[2].fd, WELCOME_BYTES);
    check_status(watch_wait(&watch), UNAVAILABLE, SESSION_NEW, UNKNOWN);
    cr_assert_eq(server_runs(&server, 5), 1);
    cr_assert_eq(server_stats(&server).resumed, 0);
    semel_request_finish(pending, &(probe_Reply){.op = 5});
    client_close(&client);
    peer_close(&inside[1]);
    peer_close(&outside[2]);
    peer_close(&inside[2]);
    server_close(&server);
    close(listener);
}

/* A server that is gone for good, and one in its place that remembers nothing. */
Test(promise, a_restarted_server_makes_a_written_call_unknown_and_never_runs_it)
{
    struct server before, after;
    struct client client;
    struct watch written;
    unsigned at_first = descriptors();
    server_open(&before, NULL);
    before.handler = server_keep;
    client_open(&client, LIST("OnUnavailable=wait", "RetryIntervals=0"), before.uri);
    watch_start(&written, &client, ADD, 5, NULL);
    semel_request *pending = server_pending(&before, 0);
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    memcpy(uri, before.uri, sizeof uri);
    semel_server_close(before.semel);
    server_open_at(&after, NULL, uri);
    check_status(watch_wait(&written), UNAVAILABLE, DOMAIN_CHANGED, UNKNOWN);
    cr_assert_eq(written.status.rule, SEMEL_RULE_R4);
    cr_assert_eq(server_all_runs(&after), 0);
    semel_request_finish(pending, &(probe_Reply){.op = 5}); /* nobody is there to be told */
    client_close(&client);
    server_close(&before);
    server_close(&after);
    cr_assert_eq(descriptors(), at_first);
}
