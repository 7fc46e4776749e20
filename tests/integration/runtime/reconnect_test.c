/* When a channel seeks a connection by itself, what brings it back, and what it tells of that.
 *
 * Reads best next: client/reconnector.h, semel/state.h. */
#include <semel/state.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"

TestSuite(reconnect, .timeout = 60);

static struct semel_channel_state state_of(struct client *client)
{
    struct semel_channel_state state;
    semel_channel_get_state(client->channel, &state);
    return state;
}

static void wait_for(struct client *client, enum semel_connectivity connectivity)
{
    while (state_of(client).connectivity != connectivity)
        ;
}

/* ---- lazy and eager ---- */

Test(reconnect, a_lazy_channel_waits_for_a_call)
{
    struct server server;
    struct client client;
    server_open(&server, NULL);
    client_open(&client, NULL, server.uri);
    for (int looks = 0; looks < 100; looks++) /* each is a turn of its loop */
        cr_assert_eq((int)state_of(&client).connectivity, SEMEL_CONNECTIVITY_IDLE);
    cr_assert_eq(client_stats(&client).dials, 0);
    client_close(&client);
    server_close(&server);
}

Test(reconnect, an_eager_channel_connects_at_once_and_again_after_a_loss)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct server server;
    struct client client;
    server_open(&server, NULL);
    snprintf(uri, sizeof uri, "%s", server.uri);
    client_open(&client, LIST("Connect=eager", "ReconnectMax=200"), uri);
    wait_for(&client, SEMEL_CONNECTIVITY_CONNECTED);
    server_close(&server);
    while (state_of(&client).rounds_failed < 3) /* nobody is there, and it goes on */
        ;
    cr_assert_eq((int)state_of(&client).error, SEMEL_REASON_CONNECT_FAILED);
    server_open_at(&server, NULL, uri);
    wait_for(&client, SEMEL_CONNECTIVITY_CONNECTED);
    cr_assert_eq(state_of(&client).rounds_failed, 0, "WELCOME resets it");
    cr_assert_eq(client_stats(&client).calls, 0);
    cr_assert_eq(client_stats(&client).connections, 2);
    client_close(&client);
    server_close(&server);
}

Test(reconnect, an_eager_channel_does_not_leave_for_idleness)
{
    struct server server;
    struct client client;
    server_open(&server, NULL);
    client_open(&client, LIST("Connect=eager", "IdleTimeout=10"), server.uri);
    wait_for(&client, SEMEL_CONNECTIVITY_CONNECTED);
    engine_outlast(&client); /* longer than IdleTimeout */
    cr_assert_eq(client_stats(&client).closed_by[SEMEL_REASON_IDLE], 0);
    cr_assert_eq(client_stats(&client).connections, 1);
    client_close(&client);
    server_close(&server);
}

/* ---- waking ---- */

/* The call would wait for an hour; somebody knows better. */
Test(reconnect, waking_ends_a_long_wait)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct server server;
    struct client client;
    struct watch watch;
    const uint32_t hour[] = {3600000};
    const semel_call_options patient = OPTIONS(SEMEL_DEADLINE_NONE, hour, 1, SEMEL_ON_UNAVAILABLE_WAIT);
    loopback_dead(uri);
    client_open(&client, NULL, uri);
    watch_start(&watch, &client, ADD, 1, &patient);
    wait_for(&client, SEMEL_CONNECTIVITY_WAITING);
    while (state_of(&client).rounds_failed == 0)
        ;
    cr_assert_gt(state_of(&client).next_attempt_ms, 3000000);
    semel_channel_wake(client.channel);
    while (client_stats(&client).dials < 2) /* nobody is there yet; the call is not told */
        ;
    cr_assert_eq(watch_times(&watch), 0);
    server_open_at(&server, NULL, uri);
    while (state_of(&client).connectivity != SEMEL_CONNECTIVITY_CONNECTED)
        semel_channel_wake(client.channel);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(watch.status.attempts, 2, "rounds that it did not wait for are no attempts of it");
    client_close(&client);
    server_close(&server);
}

Test(reconnect, waking_a_lazy_channel_connects_it)
{
    struct server server;
    struct client client;
    server_open(&server, NULL);
    client_open(&client, NULL, server.uri);
    semel_channel_wake(client.channel);
    wait_for(&client, SEMEL_CONNECTIVITY_CONNECTED);
    uint64_t connection = state_of(&client).connection;
    semel_channel_wake(client.channel); /* a connection that lives is left alone */
    semel_status status = engine_call(&client, ADD, 1, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(state_of(&client).connection, connection);
    cr_assert_eq(client_stats(&client).dials, 1);
    client_close(&client);
    server_close(&server);
}

/* ---- which endpoint ---- */

/* The first was dead when the second was found; it is back, and the connection was left for idleness since. */
Test(reconnect, pinned_stays_with_the_server_it_was_with)
{
    char first[SEMEL_ENDPOINT_TEXT_MAX], list[ENGINE_LIST];
    struct server one, two;
    struct client client;
    loopback_dead(first);
    server_open(&two, NULL);
    client_open(&client, LIST("EndpointSelection=pinned", "IdleTimeout=30"), engine_list(list, first, two.uri));
    semel_status status = engine_call(&client, ADD, 1, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    server_open_at(&one, NULL, first);
    for (unsigned op = 2; op <= 4; op++) {
        while (client_stats(&client).closed_by[SEMEL_REASON_IDLE] < op - 1)
            ;
        status = engine_call(&client, ADD, op, NULL);
        check_status(&status, OK, NONE, EXECUTED);
        cr_assert_eq(server_runs(&two, op), 1);
    }
    semel_server_close(two.semel);
    status = engine_call(&client, SET, 5, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(server_runs(&one, 5), 1, "failed last is tried last, pinned or not");
    client_close(&client);
    server_close(&one);
    server_close(&two);
}

/* ---- what is told ---- */

/* What the function was told, on the node's thread; read there too. */
struct told {
    struct client *client;
    char words[256]; /* names, separated by blanks */
    struct semel_channel_state last;
    unsigned times;
};

static void on_state(semel_channel *channel, const struct semel_channel_state *state, void *user)
{
    struct told *told = user;
    size_t length = strlen(told->words);
    cr_assert(channel != NULL);
    snprintf(told->words + length, sizeof told->words - length, "%s%s", length > 0 ? " " : "",
             semel_connectivity_name(state->connectivity));
    told->last = *state;
    told->times++;
}

struct look {
    struct told *told;
    struct told seen;
};

static void look_now(void *arg)
{
    struct look *look = arg;
    look->seen = *look->told;
}

static struct told look_at(struct told *told)
{
    struct look look = {.told = told};
    on_node(told->client->node, look_now, &look);
    return look.seen;
}

static void wait_until_told(struct told *told, enum semel_connectivity connectivity)
{
    struct told seen;
    do
        seen = look_at(told);
    while (seen.times == 0 || seen.last.connectivity != connectivity);
}

Test(reconnect, each_change_is_told_once_and_in_order)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct peer peer;
    struct told told = {.client = &client};
    struct welcome welcome = peer_some_welcome();
    int listener = peer_listen(uri);
    client_open(&client, NULL, uri);
    semel_channel_on_state(client.channel, on_state, &told);
    semel_channel_wake(client.channel);
    peer_accept(&peer, listener);
    peer_take_hello(&peer);
    wait_until_told(&told, SEMEL_CONNECTIVITY_CONNECTING);
    cr_assert_eq(state_of(&client).connection, 0);
    cr_assert_str_eq(state_of(&client).endpoint, "");
    welcome.connection = 4711;
    peer_welcome(&peer, &welcome, false);
    wait_until_told(&told, SEMEL_CONNECTIVITY_CONNECTED);
    struct semel_channel_state state = state_of(&client);
    cr_assert_eq(state.connection, 4711);
    cr_assert_str_eq(state.endpoint, uri);
    cr_assert_str_eq(state.address, uri + strlen("tcp://"));
    cr_assert_eq((int)state.error, SEMEL_REASON_NONE);
    cr_assert_eq(state.next_attempt_ms, -1);
    cr_assert_geq(state.since_ms, 0);
    const struct frame goaway = {.type = FRAME_GOAWAY};
    cr_assert(peer_send(&peer, &goaway));
    (void)peer_expect(&peer, FRAME_BYE);
    wait_until_told(&told, SEMEL_CONNECTIVITY_PARTING);
    peer_close(&peer);
    wait_until_told(&told, SEMEL_CONNECTIVITY_IDLE);
    state = state_of(&client);
    cr_assert_eq((int)state.error, SEMEL_REASON_DRAINED);
    cr_assert_str_eq(state.error_endpoint, uri);
    cr_assert_eq(state.connection, 0);
    semel_channel_close(client.channel);
    client.channel = NULL;
    struct told seen = look_at(&told);
    cr_assert_str_eq(seen.words, "CONNECTING CONNECTED PARTING IDLE CLOSED", "%s", seen.words);
    client_close(&client);
    close(listener);
}

/* Nobody runs the node: its turns are the test's.  A function that was called tells nothing itself. */
Test(reconnect, nothing_is_told_inside_a_function_that_was_called)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct told told = {.client = &client};
    loopback_dead(uri);
    client_open_unrun(&client, NULL, uri);
    semel_channel_on_state(client.channel, on_state, &told);
    semel_channel_wake(client.channel);
    cr_assert_eq(told.times, 0);
    cr_assert_eq((int)state_of(&client).connectivity, SEMEL_CONNECTIVITY_WAITING, "what is asked is answered");
    cr_assert_eq(state_of(&client).next_attempt_ms, 0);
    semel_status status = engine_call(&client, ADD, 1, NULL);
    check_status(&status, UNAVAILABLE, CONNECT_FAILED, NOT_EXECUTED);
    cr_assert_eq((int)state_of(&client).error, SEMEL_REASON_CONNECT_FAILED);
    cr_assert_neq(state_of(&client).error_os, 0);
    cr_assert_geq(state_of(&client).rounds_failed, 1);
    unsigned before = told.times;
    semel_channel_on_state(client.channel, NULL, NULL);
    status = engine_call(&client, ADD, 2, NULL);
    cr_assert_eq(told.times, before, "it was taken back");
    client_close(&client);
    cr_assert_eq(told.times, before);
}

static void end_recovery(semel_recovery *recovery, void *user)
{
    semel_recovery **kept = user;
    *kept = recovery;
}

static void continue_now(void *arg)
{
    semel_recovery_continue(*(semel_recovery **)arg);
}

Test(reconnect, a_recovery_is_seen)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct server server;
    struct client client;
    semel_recovery *recovery = NULL;
    server_open(&server, NULL);
    snprintf(uri, sizeof uri, "%s", server.uri);
    client_open(&client, LIST("Connect=eager"), uri);
    semel_channel_attach_recovery(client.channel, end_recovery, &recovery);
    wait_for(&client, SEMEL_CONNECTIVITY_CONNECTED);
    server_close(&server);
    server_open_at(&server, NULL, uri);
    wait_for(&client, SEMEL_CONNECTIVITY_RECOVERING);
    on_node(client.node, continue_now, &recovery);
    wait_for(&client, SEMEL_CONNECTIVITY_CONNECTED);
    client_close(&client);
    server_close(&server);
}

Test(reconnect, every_state_has_its_words)
{
    for (int i = 0; i < SEMEL_CONNECTIVITY_COUNT; i++) {
        cr_assert_gt(strlen(semel_connectivity_name((enum semel_connectivity)i)), 3);
        cr_assert_gt(strlen(semel_connectivity_text((enum semel_connectivity)i)), 3);
    }
    cr_assert_str_eq(semel_connectivity_name(SEMEL_CONNECTIVITY_COUNT), "?");
    cr_assert_str_eq(semel_connectivity_text((enum semel_connectivity) - 1), "?");
}
