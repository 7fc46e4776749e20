/* Several endpoints, some of them bad: which one is tried when.
 *
 * Reads best next: client/reconnector.h, core/health.h. */
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "engine.h"

TestSuite(failover, .timeout = 60);

/* A peer that accepts and drops everybody; ends when it is told. */
struct dropper {
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener;
    pthread_t thread;
    bool after_welcome;
};

static void *drop_all(void *arg)
{
    const struct dropper *dropper = arg;
    const struct welcome welcome = peer_some_welcome();
    for (;;) {
        struct peer peer;
        struct frame frame;
        peer_accept(&peer, dropper->listener);
        bool more = peer_read(&peer, &frame);
        if (more && dropper->after_welcome) {
            cr_assert_eq(hello_read(frame.body, frame.body_size, &peer.hello), SEMEL_REASON_NONE);
            peer.nonce = peer.hello.nonce;
            peer_welcome(&peer, &welcome, false);
            more = peer_read(&peer, &frame);
        }
        peer_close(&peer);
        if (!more)
            return NULL;
    }
}

static void dropper_open(struct dropper *dropper, bool after_welcome)
{
    dropper->after_welcome = after_welcome;
    dropper->listener = peer_listen(dropper->uri);
    cr_assert_eq(pthread_create(&dropper->thread, NULL, drop_all, dropper), 0);
}

static void dropper_close(struct dropper *dropper)
{
    struct peer last;
    peer_connect(&last, dropper->uri); /* says nothing */
    peer_close(&last);
    pthread_join(dropper->thread, NULL);
    close(dropper->listener);
}

/* One dead, one that accepts and drops, one live, in this order: a client that gives up after its first failures, or
 * begins with the first endpoint again and again, never gets there. */
Test(failover, a_dead_and_a_dropping_endpoint_hide_no_live_one)
{
    char dead[SEMEL_ENDPOINT_TEXT_MAX], list[ENGINE_LIST];
    struct dropper dropper;
    struct server server;
    struct client client;
    loopback_dead(dead);
    dropper_open(&dropper, false);
    server_open(&server, NULL);
    client_open(&client, LIST("EndpointSelection=ordered", "RetryIntervals=-1"),
                engine_list3(list, dead, dropper.uri, server.uri));
    for (unsigned op = 1; op <= 20; op++) {
        semel_status status = engine_call(&client, ADD, op, NULL);
        check_status(&status, OK, NONE, EXECUTED);
        cr_assert_eq(status.attempts, 1, "call %u took %u attempts", op, status.attempts);
        cr_assert_eq(server_runs(&server, op), 1);
    }
    cr_assert_eq(client_stats(&client).dials, 3);
    cr_assert_eq(client_stats(&client).connections, 1);
    client_close(&client);
    dropper_close(&dropper);
    server_close(&server);
}

/* The one that drops does so after WELCOME, with the request written: an idempotent call moves on. */
Test(failover, one_that_drops_what_was_written_is_tried_last)
{
    char dead[SEMEL_ENDPOINT_TEXT_MAX], list[ENGINE_LIST];
    struct dropper dropper;
    struct server server;
    struct client client;
    loopback_dead(dead);
    dropper_open(&dropper, true);
    server_open(&server, NULL);
    client_open(&client, LIST("EndpointSelection=ordered", "RetryIntervals=0 60000"),
                engine_list3(list, dead, dropper.uri, server.uri));
    semel_status status = engine_call(&client, SET, 1, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_leq(status.attempts, 2);
    cr_assert_lt(status.elapsed_us, 10000000);
    cr_assert_eq(server_runs(&server, 1), 1);
    client_close(&client);
    dropper_close(&dropper);
    server_close(&server);
}

/* ... and is asked first what became of an at-most-once call, which it has forgotten.  It drops the next one too, and
 * is not asked again: the live one is found. */
Test(failover, one_that_drops_what_was_written_makes_an_at_most_once_call_unknown)
{
    char list[ENGINE_LIST];
    struct dropper dropper;
    struct server server;
    struct client client;
    dropper_open(&dropper, true);
    server_open(&server, NULL);
    client_open(&client, LIST("RetryIntervals=0 0 0"), engine_list(list, dropper.uri, server.uri));
    semel_status status = engine_call(&client, ADD, 1, NULL);
    check_status(&status, UNAVAILABLE, SESSION_NEW, UNKNOWN);
    check_explains(&status, "rule R4");
    status = engine_call(&client, ADD, 2, NULL);
    check_status(&status, UNAVAILABLE, DOMAIN_CHANGED, UNKNOWN);
    cr_assert_eq(server_all_runs(&server), 0);
    status = engine_call(&client, ADD, 3, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(server_runs(&server, 3), 1);
    client_close(&client);
    dropper_close(&dropper);
    server_close(&server);
}

/* The servers of a list are killed one after the other; each call goes to one that is left. */
static void kill_one_after_the_other(enum method method, bool drained)
{
    enum { SERVERS = 3 };
    static struct server servers[SERVERS];
    char list[ENGINE_LIST];
    struct client client;
    for (int i = 0; i < SERVERS; i++)
        server_open(&servers[i], NULL);
    client_open(&client, LIST("RetryIntervals=0"),
                engine_list3(list, servers[0].uri, servers[1].uri, servers[2].uri));
    for (unsigned i = 0; i < SERVERS; i++) {
        for (unsigned op = 10 * i; op < 10 * i + 5; op++) {
            semel_status status = engine_call(&client, method, op, NULL);
            check_status(&status, OK, NONE, EXECUTED);
            cr_assert_eq(server_runs(&servers[i], op), 1, "call %u went elsewhere", op);
        }
        if (drained)
            cr_assert_eq((int)semel_server_drain(servers[i].semel, NULL, NULL), SEMEL_OK);
        else
            semel_server_close(servers[i].semel);
        while (client_stats(&client).outstanding > 0 || client_stats(&client).connections == i)
            ;
        struct semel_channel_stats stats;
        do {
            uint64_t closed = 0;
            stats = client_stats(&client);
            for (int reason = 0; reason < SEMEL_REASON_COUNT; reason++)
                closed += reason == SEMEL_REASON_CONNECT_FAILED ? 0 : stats.closed_by[reason];
            if (closed > i)
                break;
        } while (true);
    }
    semel_status status = engine_call(&client, method, 99, NULL);
    check_status(&status, UNAVAILABLE, CONNECT_FAILED, NOT_EXECUTED);
    client_close(&client);
    for (int i = 0; i < SERVERS; i++)
        server_close(&servers[i]);
}

Test(failover, each_kill_moves_at_most_once_calls_on)
{
    kill_one_after_the_other(ADD, false);
}

Test(failover, each_kill_moves_idempotent_calls_on)
{
    kill_one_after_the_other(SET, false);
}

Test(failover, each_drain_moves_calls_on)
{
    kill_one_after_the_other(ADD, true);
}

/* The endpoint that is left behind is the one that is tried last; when the other one goes, it is there again. */
Test(failover, an_endpoint_that_recovered_comes_back)
{
    char first[SEMEL_ENDPOINT_TEXT_MAX], list[ENGINE_LIST];
    struct server one, two;
    struct client client;
    server_open(&one, NULL);
    snprintf(first, sizeof first, "%s", one.uri);
    server_open(&two, NULL);
    client_open(&client, LIST("RetryIntervals=0 0"), engine_list(list, one.uri, two.uri));
    semel_status status = engine_call(&client, SET, 1, NULL);
    cr_assert_eq(server_runs(&one, 1), 1);
    server_close(&one);
    status = engine_call(&client, SET, 2, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(server_runs(&two, 2), 1);
    server_open_at(&one, NULL, first);
    status = engine_call(&client, SET, 3, NULL);
    cr_assert_eq(server_runs(&two, 3), 1, "a connection that works is not left");
    semel_server_close(two.semel);
    status = engine_call(&client, SET, 4, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(server_runs(&one, 4), 1);
    client_close(&client);
    server_close(&one);
    server_close(&two);
}
