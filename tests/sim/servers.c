/* A server is a node that listens, and may be drained and restarted.
 *
 * Reads best next: servers.h, handlers.h. */
#include "servers.h"

#include <assert.h>
#include <stdio.h>

#include "handlers.h"
#include "history.h"

static struct server {
    semel_sim_host *host;
    semel_node *node;
    semel_server *server;
    struct handlers handlers;
    bool draining;
    bool drained;
} servers[SERVERS_MAX];

static uint32_t count;
static semel_properties *properties;

/* ---- processes ---- */

static void on_log(enum semel_log_level level, const char *text, void *user)
{
    (void)level;
    semel_sim_note(history->sim, user, "log: %s", text);
}

static void boot(semel_sim_host *host, void *user)
{
    struct server *server = user;
    semel_status status;
    handlers_begin(&server->handlers);
    server->draining = server->drained = false;
    const struct semel_node_options options = {.properties = properties, .log = on_log, .log_user = host};
    enum semel_code code = semel_node_open(&options, &server->node, &status);
    assert(code == SEMEL_OK);
    code = semel_server_open(server->node, NULL, &server->server, &status);
    assert(code == SEMEL_OK);
    handlers_serve(&server->handlers, server->server);
    code = semel_server_listen(server->server, "tcp://0.0.0.0:4061", NULL, &status);
    assert(code == SEMEL_OK);
    (void)code;
}

void servers_add(semel_sim *sim, const struct setup *setup)
{
    count = setup->servers;
    properties = setup->properties;
    for (uint32_t i = 0; i < count; i++) {
        char name[24];
        snprintf(name, sizeof name, "server%u", i + 1);
        servers[i] = (struct server){0};
        servers[i].host = servers[i].handlers.host = semel_sim_add_host(sim, name, boot, &servers[i]);
    }
}

void servers_endpoints(uint32_t first, char *text, size_t size)
{
    size_t used = 0;
    for (uint32_t i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, size - used, "%stcp://server%u:4061", i > 0 ? "," : "",
                                 (first + i) % count + 1);
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

void servers_tend(bool impatient)
{
    for (uint32_t i = 0; i < count; i++)
        if ((servers[i].drained || (impatient && servers[i].draining)) && semel_sim_is_up(servers[i].host)) {
            stop(&servers[i]);
            semel_sim_start(servers[i].host);
        }
}

void servers_stop(void)
{
    for (uint32_t i = 0; i < count; i++)
        stop(&servers[i]);
}
