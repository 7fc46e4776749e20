/* What the tests of ZeroC Ice ask of a server that is held, and of an end in the middle of it.  tests/README.md has the
 * whole list.
 *
 * Reads best next: conformance_ice_test.c, idle_test.c. */
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "client/channel.h"
#include "engine.h"

TestSuite(conformance_hold, .timeout = 60);

/* ---- a server that is held: its loop stands still ---- */

struct hold {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool held;
    bool release;
};

static void stand_still(void *arg)
{
    struct hold *hold = arg;
    pthread_mutex_lock(&hold->mutex);
    hold->held = true;
    pthread_cond_broadcast(&hold->changed);
    while (!hold->release)
        pthread_cond_wait(&hold->changed, &hold->mutex);
    hold->held = false;
    pthread_cond_broadcast(&hold->changed);
    pthread_mutex_unlock(&hold->mutex);
}

static void hold_begin(struct hold *hold, struct server *server)
{
    *hold = (struct hold){PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false};
    cr_assert_eq((int)semel_node_post(server->node, stand_still, hold), SEMEL_OK);
    pthread_mutex_lock(&hold->mutex);
    while (!hold->held)
        pthread_cond_wait(&hold->changed, &hold->mutex);
    pthread_mutex_unlock(&hold->mutex);
}

static void hold_end(struct hold *hold)
{
    pthread_mutex_lock(&hold->mutex);
    hold->release = true;
    pthread_cond_broadcast(&hold->changed);
    while (hold->held)
        pthread_cond_wait(&hold->changed, &hold->mutex);
    pthread_mutex_unlock(&hold->mutex);
}

/* A handler that sees every operation in its order; each test has a process of its own. */
static unsigned next_op;

static enum semel_code in_order(struct server *server, semel_request *request, probe_Request *in,
                                probe_Reply *out)
{
    (void)server, (void)request, (void)out;
    cr_assert_eq(in->op, next_op, "out of order");
    next_op++;
    return SEMEL_OK;
}

/* Operations first to first + count, none waited for: started in one errand on the client's thread. */
struct volley {
    struct client *client;
    const struct semel_method *method;
    unsigned first;
    unsigned count;
    unsigned ok; /* answered; the client's thread only */
    unsigned failed;
};

static void on_answer(const probe_Reply *reply, const semel_status *status, void *user)
{
    struct volley *volley = user;
    (void)reply;
    volley->ok += status->code == SEMEL_OK;
    volley->failed += status->code != SEMEL_OK;
}

static void fire(void *arg)
{
    struct volley *volley = arg;
    for (unsigned i = 0; i < volley->count; i++) {
        probe_Request in = {.op = volley->first + i};
        bool oneway = volley->method->oneway;
        enum semel_code code = semel_call_start(volley->client->channel, volley->method, &in, NULL, NULL,
                                                oneway ? NULL : (void (*)(void))on_answer, volley);
        cr_assert_eq((int)code, SEMEL_OK);
    }
    volley->first += volley->count;
}

static void flush(struct client *client)
{
    cr_assert_eq((int)semel_channel_flush(client->channel, 50000), SEMEL_OK);
}

Test(conformance_hold, a_hundred_times_loses_and_reorders_nothing)
{
    enum { TIMES = 100, EACH = 30 };
    struct server server;
    struct client client;
    struct hold hold;
    server_open(&server, NULL);
    server.handler = in_order;
    client_open(&client, NULL, server.uri);
    struct volley volley = {.client = &client, .method = &probe_Probe_methods[ADD], .count = EACH};
    for (unsigned i = 0; i < TIMES; i++) {
        hold_begin(&hold, &server);
        on_node(client.node, fire, &volley);
        hold_end(&hold);
    }
    flush(&client);
    cr_assert_eq(next_op, TIMES * EACH);
    cr_assert_eq(volley.ok, TIMES * EACH);
    cr_assert_eq(client_stats(&client).connections, 1);
    client_close(&client);
    server_close(&server);
}

Test(conformance_hold, oneways_amid_holds_are_all_taken_once)
{
    enum { TIMES = 80, EACH = 100 };
    struct server server;
    struct client client;
    struct hold hold;
    server_open(&server, NULL);
    client_open(&client, NULL, server.uri);
    struct volley volley = {
        .client = &client, .method = &probe_Probe_methods[probe_Probe_Tell_index], .count = EACH};
    for (unsigned i = 0; i < TIMES; i++) {
        hold_begin(&hold, &server);
        on_node(client.node, fire, &volley);
        hold_end(&hold);
    }
    flush(&client);
    for (unsigned op = 0; op < TIMES * EACH; op++)
        cr_assert_eq(server_runs(&server, op), 1, "oneway %u", op);
    cr_assert_eq(server_all_runs(&server), TIMES * EACH);
    client_close(&client);
    server_close(&server);
}

static void part(void *arg)
{
    struct client *client = arg;
    channel_part(client->channel);
}

/* The connection is left in good order, amid calls: those that were sent are answered there, the others go on the next
 * one, after them. */
Test(conformance_hold, order_survives_a_graceful_close_every_hundred_calls)
{
    enum { TIMES = 60, EACH = 100 };
    struct server server;
    struct client client;
    server_open(&server, NULL);
    server.handler = in_order;
    client_open(&client, NULL, server.uri);
    struct volley volley = {.client = &client, .method = &probe_Probe_methods[ADD], .count = EACH};
    for (unsigned i = 0; i < TIMES; i++) {
        uint64_t before = client_stats(&client).connections;
        on_node(client.node, fire, &volley);
        on_node(client.node, part, &client); /* every second time, at least, there is one to be left */
        while (client_stats(&client).connections == before && client_stats(&client).outstanding > 0)
            ;
    }
    flush(&client);
    cr_assert_eq(next_op, TIMES * EACH);
    cr_assert_eq(volley.ok, TIMES * EACH);
    struct semel_channel_stats stats = client_stats(&client);
    cr_assert_gt(stats.connections, TIMES / 4);
    cr_assert_eq(stats.resumed + 1, stats.connections);
    client_close(&client);
    server_close(&server);
}

Test(conformance_hold, closing_a_channel_does_not_wait_for_a_held_server)
{
    struct server server;
    struct client client;
    struct hold hold;
    server_open(&server, NULL);
    client_open(&client, NULL, server.uri);
    semel_status status = engine_call(&client, ADD, 1, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    hold_begin(&hold, &server);
    struct volley volley = {.client = &client, .method = &probe_Probe_methods[ADD], .first = 2, .count = 5};
    on_node(client.node, fire, &volley);
    client_close(&client);
    cr_assert_eq(volley.failed, 5, "told before it returned");
    cr_assert(hold.held);
    hold_end(&hold);
    server_close(&server);
}

/* ---- the end in the middle ---- */

Test(conformance_hold, a_node_closed_right_after_a_call_does_not_hang)
{
    struct server server;
    struct client client;
    struct watch watch;
    server_open(&server, NULL);
    for (unsigned i = 0; i < 30; i++) {
        client_open(&client, NULL, server.uri);
        watch_start(&watch, &client, ADD, i, NULL);
        semel_node_close(client.node); /* the channel with it */
        semel_properties_destroy(client.properties);
        cr_assert_eq(watch_times(&watch), 1);
        cr_assert_leq(server_runs(&server, i), 1);
    }
    server_close(&server);
}

Test(conformance_hold, an_address_in_use_is_an_error)
{
    struct server server;
    semel_status status;
    server_open(&server, NULL);
    cr_assert_eq((int)semel_server_listen(server.semel, server.uri, NULL, &status), SEMEL_ALREADY_EXISTS);
    cr_assert(strstr(status.message, server.uri) != NULL, "%s", status.message);
    server_close(&server);
}

/* Connections that are there when a drain begins are served to their end; new ones are turned away. */
Test(conformance_hold, a_deactivated_server_takes_no_new_connection)
{
    struct server server;
    struct client client, late;
    struct watch watch;
    server_open(&server, NULL);
    server.handler = server_keep;
    client_open(&client, NULL, server.uri);
    client_open(&late, LIST("RetryIntervals=-1"), server.uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    semel_request *pending = server_pending(&server, 0);
    cr_assert_eq((int)semel_server_drain(server.semel, NULL, NULL), SEMEL_OK);
    semel_status status = engine_call(&late, ADD, 2, NULL);
    check_status(&status, UNAVAILABLE, CONNECT_FAILED, NOT_EXECUTED);
    semel_request_finish(pending, &(probe_Reply){.op = 1});
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    client_close(&client);
    client_close(&late);
    server_close(&server);
}
