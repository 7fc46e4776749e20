/* What the tests of Foolscap ask of connections that meet: whose offer is taken, what is replaced, and who may speak at
 * all.  tests/README.md has the whole list; field by field the rules are in core/sessions.c.
 *
 * Reads best next: conformance_ice_test.c, unit/core/sessions_test.c. */
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"

TestSuite(conformance_foolscap, .timeout = 60);

static void name(struct hello *hello, const char *text, uint32_t instance)
{
    hello->node_instance = instance;
    hello->name_size = (uint16_t)strlen(text);
    memcpy(hello->name, text, hello->name_size);
}

/* What a client remembers of its last WELCOME. */
static void remember(struct hello *hello, const struct peer *peer)
{
    hello->last_domain = peer->welcome.domain;
    hello->last_incarnation = peer->welcome.incarnation;
    hello->last_connection = peer->welcome.connection;
}

static void ask(struct peer *peer, uint64_t seq, unsigned op)
{
    uint8_t body[16];
    struct frame request = peer_request(seq, 1, ADD, body, peer_body(body, op));
    cr_assert(peer_send(peer, &request));
    struct frame reply = peer_expect(peer, FRAME_REPLY);
    cr_assert_eq(reply.seq, seq);
    cr_assert_eq((int)reply.code, SEMEL_OK);
}

/* ---- Replacement ---- */

/* The node was restarted; its old connection still looks alive.  It has gone when the new one is welcomed. */
Test(conformance_foolscap, replacement_of_a_bounced_client)
{
    struct server server;
    struct peer old, new;
    struct hello hello = peer_some_hello(1), next = peer_some_hello(2);
    server_open(&server, NULL);
    name(&hello, "teller", 1);
    name(&next, "teller", 2);
    peer_connect(&old, server.uri);
    peer_greet(&old, &hello);
    ask(&old, 1, 5);
    peer_connect(&new, server.uri);
    cr_assert_not(peer_greet(&new, &next), "another session");
    cr_assert_eq(server_stats(&server).closed_by[SEMEL_REASON_NAME_TAKEN], 1);
    cr_assert_eq(server_stats(&server).connections, 1);
    cr_assert_eq((int)peer_expect(&old, FRAME_REFUSE).aux, SEMEL_REASON_NAME_TAKEN);
    peer_expect_end(&old);
    ask(&new, 1, 6);
    peer_close(&old);
    peer_close(&new);
    server_close(&server);
}

/* It does not read, and has asked for more than the line holds: it goes all the same, with what it had asked. */
Test(conformance_foolscap, replacement_of_a_bounced_client_that_reads_nothing)
{
    enum { ASKED = 400 };
    struct server server;
    struct peer old, new;
    struct hello hello = peer_some_hello(1), next = peer_some_hello(2);
    uint8_t body[16];
    server_open(&server, LIST("SendBufferLimit=65536"));
    name(&hello, "teller", 1);
    name(&next, "teller", 2);
    peer_connect(&old, server.uri);
    peer_greet(&old, &hello);
    size_t size = peer_body(body, 5);
    memcpy(body + size, "\x10\xe0\xd4\x03", 4); /* reply_size: 60000 */
    for (unsigned seq = 1; seq <= ASKED; seq++) {
        struct frame request = peer_request(seq, 1, ADD, body, size + 4);
        cr_assert(peer_send(&old, &request));
    }
    server_wait_runs(&server, 5, 20);
    peer_connect(&new, server.uri);
    cr_assert_not(peer_greet(&new, &next));
    cr_assert_eq(server_stats(&server).closed_by[SEMEL_REASON_NAME_TAKEN], 1);
    unsigned runs = server_runs(&server, 5);
    ask(&new, 1, 6);
    cr_assert_eq(server_runs(&server, 5), runs, "it was read on");
    cr_assert_lt(runs, ASKED);
    peer_close(&old);
    peer_close(&new);
    server_close(&server);
}

/* The server was restarted, and its first WELCOME got lost: the client still speaks of the server before. */
Test(conformance_foolscap, replacement_after_a_lost_decision_of_a_new_server)
{
    struct server server;
    struct peer lost, peer;
    struct hello hello = peer_some_hello(1);
    server_open(&server, NULL);
    hello.last_domain = (struct id){{9}};
    hello.last_incarnation = 77;
    hello.last_connection = 12;
    hello.attempt = 5;
    peer_connect(&lost, server.uri);
    peer_send_hello(&lost, &hello);
    server_wait_stat(&server, offsetof(struct semel_server_stats, welcomed), 1);
    hello.attempt++;
    peer_connect(&peer, server.uri);
    cr_assert_not(peer_greet(&peer, &hello), "of another domain nothing is resumed");
    cr_assert_eq(server_stats(&server).closed_by[SEMEL_REASON_REPLACED], 1);
    ask(&peer, 1, 5);
    peer_close(&lost);
    peer_close(&peer);
    server_close(&server);
}

/* Foolscap waits for TCP to die here; its numbers count decisions, ours count attempts. */
Test(conformance_foolscap, replacement_after_two_lost_decisions)
{
    struct server server;
    struct peer first, lost[2], last;
    struct hello hello = peer_some_hello(1);
    server_open(&server, NULL);
    peer_connect(&first, server.uri);
    peer_greet(&first, &hello);
    ask(&first, 1, 5);
    remember(&hello, &first);
    for (unsigned i = 0; i < 2; i++) {
        hello.attempt++;
        peer_connect(&lost[i], server.uri);
        peer_send_hello(&lost[i], &hello);
        server_wait_stat(&server, offsetof(struct semel_server_stats, welcomed), i + 2);
    }
    hello.attempt++;
    peer_connect(&last, server.uri);
    cr_assert(peer_greet(&last, &hello), "resumed");
    ask(&last, 1, 5); /* the replay of a call whose reply might have been lost */
    cr_assert_eq(server_runs(&server, 5), 1);
    cr_assert_eq(server_stats(&server).closed_by[SEMEL_REASON_REPLACED], 3);
    cr_assert_eq(server_stats(&server).resumed, 3);
    peer_close(&first);
    peer_close(&lost[0]);
    peer_close(&lost[1]);
    peer_close(&last);
    server_close(&server);
}

/* A connection that this server has never made: nothing is believed of what the client says it has seen. */
Test(conformance_foolscap, replacement_with_a_weird_number)
{
    struct server server;
    struct peer first, weird;
    struct hello hello = peer_some_hello(1);
    server_open(&server, NULL);
    peer_connect(&first, server.uri);
    peer_greet(&first, &hello);
    remember(&hello, &first);
    hello.last_connection += 1000;
    hello.attempt++;
    peer_connect(&weird, server.uri);
    cr_assert_not(peer_greet(&weird, &hello), "NEW");
    peer_expect_end(&first);
    peer_close(&first);
    peer_close(&weird);
    server_close(&server);
}

/* The client has seen the live connection, and dials again: it knows better than the server that it is dead. */
Test(conformance_foolscap, replacement_when_a_nat_entry_was_dropped)
{
    struct server server;
    struct peer old, new, late;
    struct hello hello = peer_some_hello(1);
    server_open(&server, NULL);
    peer_connect(&old, server.uri);
    peer_greet(&old, &hello);
    remember(&hello, &old);
    hello.attempt++;
    peer_connect(&new, server.uri);
    cr_assert(peer_greet(&new, &hello));
    peer_expect_end(&old);
    /* Equal and lower numbers are no offers: of a parallel dial the first is taken, and what comes late is stale. */
    for (uint64_t attempt = 1; attempt <= 2; attempt++) {
        hello.attempt = attempt;
        peer_connect(&late, server.uri);
        peer_send_hello(&late, &hello);
        cr_assert_eq((int)peer_expect(&late, FRAME_REFUSE).aux,
                     attempt == 2 ? SEMEL_REASON_ATTEMPT_DUPLICATE : SEMEL_REASON_ATTEMPT_STALE);
        peer_expect_end(&late);
        peer_close(&late);
    }
    ask(&new, 1, 5);
    server_wait_closed_by(&server, ATTEMPT_DUPLICATE, 1);
    server_wait_closed_by(&server, ATTEMPT_STALE, 1);
    cr_assert_eq(server_stats(&server).closed_by[SEMEL_REASON_REPLACED], 1);
    peer_close(&old);
    peer_close(&new);
    server_close(&server);
}

/* ---- SharedConnections, Existing, Crossfire ---- */

Test(conformance_foolscap, all_calls_of_a_channel_share_its_connection)
{
    enum { CALLS = 20 };
    struct server server;
    struct client client;
    struct watch watches[CALLS];
    server_open(&server, NULL);
    client_open(&client, NULL, server.uri);
    for (unsigned i = 0; i < CALLS; i++)
        watch_start(&watches[i], &client, ADD, i, NULL);
    for (unsigned i = 0; i < CALLS; i++)
        check_status(watch_wait(&watches[i]), OK, NONE, EXECUTED);
    semel_status status = engine_call(&client, SET, CALLS, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(client_stats(&client).dials, 1);
    cr_assert_eq(server_stats(&server).accepted, 1);
    client_close(&client);
    server_close(&server);
}

static void client_on(struct client *client, struct server *at, const char *endpoints)
{
    semel_status status;
    *client = (struct client){.node = at->node};
    cr_assert_eq((int)semel_channel_open(at->node, "cross", endpoints, &client->channel, &status), SEMEL_OK);
}

/* Each direction has a connection of its own, so that neither end has to give way to the other. */
Test(conformance_foolscap, crossfire_of_two_nodes_that_dial_each_other)
{
    struct server one, two;
    struct client to_two, to_one;
    struct watch there, back;
    server_open(&one, NULL);
    server_open(&two, NULL);
    client_on(&to_two, &one, two.uri);
    client_on(&to_one, &two, one.uri);
    watch_start(&there, &to_two, ADD, 1, NULL);
    watch_start(&back, &to_one, ADD, 2, NULL);
    check_status(watch_wait(&there), OK, NONE, EXECUTED);
    check_status(watch_wait(&back), OK, NONE, EXECUTED);
    for (unsigned i = 0; i < 2; i++) {
        struct client *client = i == 0 ? &to_two : &to_one;
        struct server *server = i == 0 ? &two : &one;
        cr_assert_eq(client_stats(client).dials, 1);
        cr_assert_eq(client_stats(client).connections, 1);
        cr_assert_eq(server_stats(server).connections, 1);
        cr_assert_eq(server_all_runs(server), 1);
    }
    semel_channel_close(to_two.channel);
    semel_channel_close(to_one.channel);
    server_close(&one);
    server_close(&two);
}

/* ---- Versions, and peers of another kind ---- */

Test(conformance_foolscap, a_client_of_the_future_is_refused_in_words_it_can_check)
{
    struct server server;
    struct peer peer;
    struct hello hello = peer_some_hello(1);
    server_open(&server, NULL);
    hello.version = HANDSHAKE_VERSION + 1;
    peer_connect(&peer, server.uri);
    peer_send_hello(&peer, &hello);
    cr_assert_eq((int)peer_expect(&peer, FRAME_REFUSE).aux, SEMEL_REASON_BAD_VERSION);
    peer_expect_end(&peer);
    server_wait_closed_by(&server, BAD_VERSION, 1);
    cr_assert_eq(server_stats(&server).sessions, 0);
    peer_close(&peer);
    server_close(&server);
}

Test(conformance_foolscap, a_server_of_the_future_is_named_in_the_failure)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    struct peer peer;
    struct client client;
    struct watch watch;
    client_open(&client, LIST("RetryIntervals=-1"), uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    peer_accept(&peer, listener);
    peer_take_hello(&peer);
    struct welcome welcome = peer_some_welcome();
    welcome.version = HANDSHAKE_VERSION + 1;
    peer_welcome(&peer, &welcome, false);
    check_status(watch_wait(&watch), UNAVAILABLE, BAD_VERSION, NOT_EXECUTED);
    check_explains(&watch.status, "another version of the protocol");
    peer_close(&peer);
    close(listener);
    client_close(&client);
}

Test(conformance_foolscap, an_http_client_is_shown_the_door)
{
    static const char request[] =
        "GET / HTTP/1.1\r\nHost: example.org\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n";
    struct server server;
    struct peer peer;
    server_open(&server, NULL);
    peer_connect(&peer, server.uri);
    cr_assert(peer_write(&peer, request, sizeof request - 1));
    peer_expect_end(&peer);
    server_wait_closed_by(&server, BAD_MAGIC, 1);
    peer_close(&peer);
    server_close(&server);
}

Test(conformance_foolscap, an_http_server_is_no_server_of_ours)
{
    static const char answer[] =
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    struct peer peer;
    struct client client;
    struct watch watch;
    client_open(&client, LIST("RetryIntervals=-1"), uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    peer_accept(&peer, listener);
    peer_take_hello(&peer);
    cr_assert(peer_write(&peer, answer, sizeof answer - 1));
    check_status(watch_wait(&watch), UNAVAILABLE, BAD_MAGIC, NOT_EXECUTED);
    peer_close(&peer);
    close(listener);
    client_close(&client);
}

/* ---- Reconnector ---- */

/* Two greetings fail, each in its way; the third is as good as a first. */
Test(conformance_foolscap, reconnector_tries_again_after_a_greeting_that_failed)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    struct peer peer;
    struct client client;
    struct watch watch;
    struct welcome welcome = peer_some_welcome();
    client_open(&client, LIST("RetryIntervals=0 0"), uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    peer_accept(&peer, listener);
    peer_take_hello(&peer);
    cr_assert_eq(peer.hello.attempt, 1);
    peer_close(&peer);
    peer_accept(&peer, listener);
    peer_take_hello(&peer);
    welcome.window = 0;
    peer_welcome(&peer, &welcome, false);
    peer_expect_end(&peer);
    peer_close(&peer);
    welcome.window = 1024;
    peer_serve(&peer, listener, &welcome, false);
    cr_assert_eq(peer.hello.attempt, 3);
    struct frame request = peer_expect(&peer, FRAME_REQUEST);
    peer_reply_ok(&peer, &request, "\x08\x01", 2);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(watch.status.attempts, 3);
    peer_close(&peer);
    close(listener);
    client_close(&client);
}

/* Nobody has asked for anything: nothing is dialled, whatever the endpoint is. */
Test(conformance_foolscap, reconnector_does_not_start_by_itself)
{
    struct server server;
    struct client client;
    server_open(&server, NULL);
    client_open(&client, NULL, server.uri);
    (void)client_stats(&client); /* a round through its loop */
    cr_assert_eq(client_stats(&client).dials, 0);
    client_close(&client);
    cr_assert_eq(server_stats(&server).accepted, 0);
    server_close(&server);
}
