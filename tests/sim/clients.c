/* A client is a node with a channel to all servers.
 *
 * Reads best next: clients.h, calls.h. */
#include "clients.h"

#include <assert.h>
#include <semel/state.h>
#include <stdio.h>

#include "backs.h"
#include "calls.h"
#include "history.h"
#include "recoveries.h"
#include "servers.h"

static struct client {
    semel_sim_host *host;
    semel_node *node;
    semel_channel *channel;
    struct back_server back;
    bool connected; /* when it was asked last */
    uint32_t first_server;
} clients[CLIENTS_MAX];

static uint32_t count;
static semel_properties *properties;
static bool namesakes;

/* ---- processes ---- */

static void on_log(enum semel_log_level level, const char *text, void *user)
{
    (void)level;
    semel_sim_note(history->sim, user, "log: %s", text);
}

static void boot(semel_sim_host *host, void *user)
{
    struct client *client = user;
    semel_status status;
    char endpoints[128];
    history_abandon(host);
    servers_endpoints(client->first_server, endpoints, sizeof endpoints);
    const struct semel_node_options options = {.properties = properties,
                                               .name = namesakes ? "client" : semel_sim_host_name(host),
                                               .log = on_log,
                                               .log_user = host};
    enum semel_code code = semel_node_open(&options, &client->node, &status);
    assert(code == SEMEL_OK);
    code = semel_channel_open(client->node, NULL, endpoints, &client->channel, &status);
    assert(code == SEMEL_OK);
    recoveries_attach(host, client->channel);
    backs_serve(&client->back, host, client->node, client->channel);
    (void)code;
}

void clients_add(semel_sim *sim, const struct setup *setup)
{
    count = setup->clients;
    properties = setup->properties;
    namesakes = setup->namesakes;
    for (uint32_t i = 0; i < count; i++) {
        char name[24];
        snprintf(name, sizeof name, "client%u", i + 1);
        clients[i] = (struct client){.first_server = (uint32_t)semel_sim_below(sim, setup->servers)};
        clients[i].host = semel_sim_add_host(sim, name, boot, &clients[i]);
        if (setup->spares_clients)
            semel_sim_spare(clients[i].host);
    }
}

/* ---- calls ---- */

struct starting {
    const struct client *client;
    struct op *op;
};

static void start(void *arg)
{
    const struct starting *starting = arg;
    calls_start(starting->op, starting->client->channel, NULL, NULL);
}

void clients_call(semel_sim *sim, const struct setup *setup)
{
    const struct client *client = &clients[semel_sim_below(sim, count)];
    if (!semel_sim_is_up(client->host))
        return;
    struct starting starting = {client, calls_choose(sim, setup, client->host)};
    if (starting.op == NULL)
        return;
    semel_sim_as(client->host, start, &starting);
    calls_may_cancel(sim, setup, starting.op);
}

/* A channel whose recovery function is at work is connected, too. */
static void ask_state(void *arg)
{
    struct client *client = arg;
    struct semel_channel_state state;
    semel_channel_get_state(client->channel, &state);
    client->connected = state.connection != 0;
}

bool clients_are_connected(const struct setup *setup)
{
    if (setup->namesakes && count > 1)
        return true; /* they are in each other's way, for as long as they live */
    for (uint32_t i = 0; i < count; i++) {
        if (!semel_sim_is_up(clients[i].host) || (!setup->eager && !backs_is_served(clients[i].host)))
            continue;
        semel_sim_as(clients[i].host, ask_state, &clients[i]);
        if (!clients[i].connected)
            return false;
    }
    return true;
}

static void serve_anew(void *arg)
{
    struct client *client = arg;
    backs_serve_anew(&client->back, client->node, client->channel);
}

void clients_serve_anew(semel_sim *sim)
{
    struct client *client = &clients[semel_sim_below(sim, count)];
    if (!semel_sim_is_up(client->host))
        return;
    semel_sim_as(client->host, serve_anew, client);
    if (semel_sim_is_up(client->host) &&
        semel_sim_below(sim, 2) == 0) /* and again, perhaps while it connects */
        semel_sim_after(client->host, 1 << semel_sim_below(sim, 9), serve_anew, client);
}

/* ---- in good order ---- */

static void check_counters(const struct client *client)
{
    struct semel_channel_stats stats;
    semel_channel_get_stats(client->channel, &stats);
    uint64_t ended = stats.ok + stats.failed[0] + stats.failed[1] + stats.failed[2];
    if (stats.calls != ended + stats.outstanding)
        semel_sim_fail(history->sim, "%s has started %llu calls, ended %llu and has %u",
                       semel_sim_host_name(client->host), (unsigned long long)stats.calls,
                       (unsigned long long)ended, stats.outstanding);
    recoveries_judge_counters(client->host, &stats);
    /* Nobody here breaks the protocol: what a client reads is well formed, and from its own connection. */
    for (int i = SEMEL_REASON_BAD_MAGIC; i <= SEMEL_REASON_BAD_STATE; i++)
        if (stats.closed_by[i] > 0)
            semel_sim_fail(history->sim, "%s has closed a connection for %s", semel_sim_host_name(client->host),
                           semel_reason_name((enum semel_reason)i));
}

static void close_client(void *arg)
{
    struct client *client = arg;
    check_counters(client);
    backs_close(&client->back);
}

void clients_stop(void)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!semel_sim_is_up(clients[i].host))
            continue;
        semel_sim_as(clients[i].host, close_client, &clients[i]);
        semel_sim_stop(clients[i].host);
    }
}
