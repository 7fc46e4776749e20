/* A server is a node that listens, with a store or without, and may be drained and restarted.
 *
 * Reads best next: servers.h, handlers.h. */
#include "servers.h"

#include <assert.h>
#include <semel/store.h>
#include <stdio.h>
#include <string.h>

#include "asks.h"
#include "backs.h"
#include "effects.h"
#include "handlers.h"
#include "history.h"
#include "sim/disk.h"
#include "watch.h"

static struct server {
    semel_sim_host *host;
    semel_node *node;
    semel_server *server;
    struct handlers handlers;
    struct effects effects;
    struct asks asks;
    bool durable;
    bool failed; /* its store has: it waits for a restart */
    bool draining;
    bool drained;
} servers[SERVERS_MAX];

static uint32_t count;
static semel_properties *properties;
static uint32_t ballast_bytes;
static bool hurried;
static bool by_name; /* clients look them up */

/* ---- processes ---- */

/* A store fails because its disk does, and says so. */
static void on_store_failed(struct server *server)
{
    server->failed = true;
    history->store_failures[server->host->index]++;
    if (!disk_has_failed(server->host))
        semel_sim_fail(history->sim, "the store of %s has failed, and its disk has not", server->host->name);
}

static void on_log(enum semel_log_level level, const char *text, void *user)
{
    struct server *server = user;
    (void)level;
    semel_sim_note(history->sim, server->host, "log: %s", text);
    if (strstr(text, "THE STORE HAS FAILED") != NULL)
        on_store_failed(server);
}

static void open_server(struct server *server)
{
    semel_status status;
    enum semel_code code = semel_server_open(server->node, server->durable ? "lmdb:ledger" : NULL,
                                             &server->server, &status);
    if (code != SEMEL_OK) {
        semel_sim_fail(history->sim, "%s can not be opened: %s", server->host->name, status.message);
        semel_sim_crash(server->host);
    }
    if (server->durable)
        effects_open(&server->effects, semel_server_environment(server->server), ballast_bytes);
    else
        semel_server_waive_transactions(server->server);
    server->handlers.node = server->node;
    handlers_serve(&server->handlers, server->server);
    code = semel_server_listen(server->server, "tcp://0.0.0.0:4061", NULL, &status);
    assert(code == SEMEL_OK);
    (void)code;
}

/* Those that stand behind it, which ask none of those before them: two that wait for each other would wait for ever. */
static void endpoints_behind(uint32_t server, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = server + 1; i < count; i++)
        used += (size_t)snprintf(text + used, size - used, "%stcp://server%u:4061", used > 0 ? "," : "", i + 1);
}

static void boot(semel_sim_host *host, void *user)
{
    struct server *server = user;
    semel_status status;
    char behind[128];
    history_abandon(host);
    handlers_begin(&server->handlers);
    server->draining = server->drained = server->failed = false;
    watch_restarted(host);
    const struct semel_node_options options = {.properties = properties, .log = on_log, .log_user = server};
    enum semel_code code = semel_node_open(&options, &server->node, &status);
    assert(code == SEMEL_OK);
    (void)code;
    open_server(server);
    endpoints_behind((uint32_t)(server - servers), behind, sizeof behind);
    asks_open(&server->asks, host, server->node, behind);
}

void servers_add(semel_sim *sim, const struct setup *setup)
{
    count = setup->servers;
    properties = setup->properties;
    ballast_bytes = setup->ballast_bytes;
    hurried = false;
    by_name = setup->names;
    for (uint32_t i = 0; i < count; i++) {
        char name[24];
        snprintf(name, sizeof name, "server%u", i + 1);
        servers[i] = (struct server){0};
        servers[i].host = servers[i].handlers.host = semel_sim_add_host(sim, name, boot, &servers[i]);
        servers[i].handlers.effects = &servers[i].effects;
        servers[i].handlers.asks = &servers[i].asks;
        servers[i].durable = (setup->durable >> i & 1) != 0;
        history->durable[servers[i].host->index] = servers[i].durable;
    }
}

void servers_endpoints(uint32_t first, char *text, size_t size)
{
    size_t used = 0;
    for (uint32_t i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, size - used, "%stcp://server%u%s:4061", i > 0 ? "," : "",
                                 (first + i) % count + 1, by_name ? ".net" : "");
}

/* ---- in good order ---- */

static void on_drained(void *user)
{
    ((struct server *)user)->drained = true;
}

static void drain(void *arg)
{
    struct server *server = arg;
    server->draining = semel_server_drain(server->server, on_drained, server) == SEMEL_OK;
}

void servers_drain(uint32_t server)
{
    struct server *chosen = &servers[server % count];
    if (!semel_sim_is_up(chosen->host) || chosen->draining)
        return;
    semel_sim_note(history->sim, chosen->host, "drains");
    semel_sim_as(chosen->host, drain, chosen);
}

/* What a server that is asked to end does: every counter must fit what it did. */
static void check_counters(struct server *server)
{
    struct semel_server_stats stats;
    semel_server_get_stats(server->server, &stats);
    if (stats.executed != server->handlers.called)
        semel_sim_fail(history->sim, "%s counts %llu runs, and its handlers %llu",
                       semel_sim_host_name(server->host), (unsigned long long)stats.executed,
                       (unsigned long long)server->handlers.called);
    uint64_t closed = 0;
    for (int i = 0; i < SEMEL_REASON_COUNT; i++)
        closed += stats.closed_by[i];
    if (stats.accepted != closed + stats.connections)
        semel_sim_fail(history->sim, "%s has accepted %llu connections, closed %llu and has %u",
                       semel_sim_host_name(server->host), (unsigned long long)stats.accepted,
                       (unsigned long long)closed, stats.connections);
}

static void close_server(void *arg)
{
    struct server *server = arg;
    check_counters(server);
    history_cancel(server->host);
    asks_close(&server->asks);
    semel_server_close(server->server);
    handlers_end(&server->handlers);
}

static void stop(struct server *server)
{
    if (!semel_sim_is_up(server->host))
        return;
    semel_sim_as(server->host, close_server, server);
    semel_sim_stop(server->host);
    handlers_forget(&server->handlers);
}

static bool wants_restart(const struct server *server, bool impatient)
{
    if (!semel_sim_is_up(server->host))
        return false;
    if (server->failed) /* somebody sees to it sooner or later */
        return impatient || semel_sim_below(history->sim, 4) == 0;
    return server->drained || (impatient && server->draining);
}

void servers_tend(bool impatient)
{
    for (uint32_t i = 0; i < count; i++)
        if (wants_restart(&servers[i], impatient)) {
            hurried |= !servers[i].failed && !servers[i].drained;
            stop(&servers[i]);
            semel_sim_start(servers[i].host);
        }
}

bool servers_were_hurried(void)
{
    return hurried;
}

static void make_room(void *arg)
{
    const struct server *server = arg;
    effects_make_room(&server->effects);
}

void servers_make_room(void)
{
    if (ballast_bytes == 0)
        return;
    ballast_bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        if (servers[i].durable && semel_sim_is_up(servers[i].host))
            semel_sim_as(servers[i].host, make_room, &servers[i]);
}

void servers_count_effects(void)
{
    for (uint32_t i = 0; i < count; i++)
        if (servers[i].durable && semel_sim_is_up(servers[i].host))
            effects_count(&servers[i].effects);
}

void servers_stop(void)
{
    for (uint32_t i = 0; i < count; i++)
        stop(&servers[i]);
}
