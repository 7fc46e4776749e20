/* Calls of every mode and policy.
 *
 * Reads best next: clients.h, history.h. */
#include "clients.h"

#include <assert.h>
#include <stdio.h>

#include "history.h"
#include "ledger.semel.h"
#include "servers.h"
#include "sim/host.h"

static struct client {
    semel_sim_host *host;
    semel_node *node;
    semel_channel *channel;
    uint32_t first_server;
} clients[CLIENTS_MAX];

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
    struct client *client = user;
    semel_status status;
    char endpoints[128];
    history_abandon(host);
    servers_endpoints(client->first_server, endpoints, sizeof endpoints);
    const struct semel_node_options options = {
        .properties = properties, .name = semel_sim_host_name(host), .log = on_log, .log_user = host};
    enum semel_code code = semel_node_open(&options, &client->node, &status);
    assert(code == SEMEL_OK);
    code = semel_channel_open(client->node, NULL, endpoints, &client->channel, &status);
    assert(code == SEMEL_OK);
    (void)code;
}

void clients_add(semel_sim *sim, const struct setup *setup)
{
    count = setup->clients;
    properties = setup->properties;
    for (uint32_t i = 0; i < count; i++) {
        char name[24];
        snprintf(name, sizeof name, "client%u", i + 1);
        clients[i] = (struct client){.first_server = (uint32_t)semel_sim_below(sim, setup->servers)};
        clients[i].host = semel_sim_add_host(sim, name, boot, &clients[i]);
    }
}

/* ---- choosing a call ---- */

static bool one_in(semel_sim *sim, uint64_t of)
{
    return semel_sim_below(sim, of) == 0;
}

static void choose_policy(semel_sim *sim, const struct setup *setup, struct op *op)
{
    static const int64_t deadlines_ms[] = {0, 100, 1000, 5000, 20000, 60000};
    static const int64_t timeouts_ms[] = {600, 1500, 4000};
    op->deadline_ms = deadlines_ms[semel_sim_below(sim, 6)];
    op->attempt_timeout_ms = one_in(sim, 6) ? timeouts_ms[semel_sim_below(sim, 3)] : 0;
    if (op->attempt_timeout_ms > 0 && op->think_ms > 64)
        op->think_ms = 64; /* or no attempt would ever be answered */
    op->on_unavailable = setup->patient || one_in(sim, 2) ? SEMEL_ON_UNAVAILABLE_WAIT
                                                          : SEMEL_ON_UNAVAILABLE_FAIL;
    if (op->on_unavailable == SEMEL_ON_UNAVAILABLE_FAIL && one_in(sim, 8))
        op->on_unavailable = SEMEL_ON_UNAVAILABLE_DROP;
    op->hedged = setup->hedges && op->mode == MODE_SET && one_in(sim, 2);
}

static struct op *choose(semel_sim *sim, const struct setup *setup, const struct client *client)
{
    struct op *op = &history->ops[++history->op_count];
    uint64_t mode = semel_sim_below(sim, 10);
    *op = (struct op){
        .id = history->op_count,
        .mode = mode < 6   ? MODE_ADD
                : mode < 9 ? MODE_SET
                           : MODE_TELL,
        .behaviour = one_in(sim, 8) ? BEHAVE_FAIL : BEHAVE_OK,
        .think_ms = setup->handlers_think && one_in(sim, 3) ? 1u << semel_sim_below(sim, 11) : 0,
        .refusals = setup->handlers_refuse && one_in(sim, 3) ? 1 + (uint32_t)semel_sim_below(sim, 3) : 0,
        .request_pad = one_in(sim, 6) ? (uint32_t)semel_sim_below(sim, 2000) : 0,
        .reply_pad = one_in(sim, 6) ? (uint32_t)semel_sim_below(sim, 2000) : 0,
        .client = client->host->index,
        .client_life = semel_sim_life(client->host),
    };
    choose_policy(sim, setup, op);
    return op;
}

/* ---- making it ---- */

static void on_done(const ledger_Mark *reply, const semel_status *status, void *user)
{
    struct op *op = user;
    if (reply != NULL && reply->id != op->id)
        semel_sim_fail(history->sim, "op %llu got the reply of op %llu", (unsigned long long)op->id,
                       (unsigned long long)reply->id);
    history_ended(op, status, reply != NULL ? reply->run : 0);
}

static void on_told(const semel_status *status, void *user)
{
    history_ended(user, status, 0);
}

static enum semel_code start_call(const struct client *client, struct op *op, const ledger_Op *in,
                                  const semel_call_options *options)
{
    if (op->mode == MODE_ADD)
        return ledger_Ledger_Add_start(client->channel, in, options, &op->call, on_done, op);
    if (op->mode == MODE_SET)
        return ledger_Ledger_Set_start(client->channel, in, options, &op->call, on_done, op);
    return ledger_Ledger_Tell_start(client->channel, in, options, &op->call, on_told, op);
}

struct starting {
    struct client *client;
    struct op *op;
};

static void start(void *arg)
{
    static const uint32_t waits_ms[] = {0, 20, 100};
    const struct starting *starting = arg;
    struct op *op = starting->op;
    ledger_Op in = ledger_Op_init_zero;
    in.id = op->id;
    in.pad.size = (pb_size_t)op->request_pad;
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    options.deadline_ms = op->deadline_ms;
    options.attempt_timeout_ms = op->attempt_timeout_ms;
    options.on_unavailable = op->on_unavailable;
    options.retry_intervals_ms = waits_ms;
    options.retry_interval_count = 3;
    if (op->hedged) {
        options.hedge_max = 2;
        options.hedge_delay_ms = 20;
    }
    op->started_us = semel_sim_now_us(history->sim);
    op->started_clock_ns = host_now(starting->client->host);
    semel_sim_note(history->sim, starting->client->host, "calls op %llu (%s), deadline %lld ms",
                   (unsigned long long)op->id,
                   op->mode == MODE_ADD   ? "Add"
                   : op->mode == MODE_SET ? "Set"
                                          : "Tell",
                   (long long)op->deadline_ms);
    /* A call that can not be started is never told of, and must not run. */
    op->started = start_call(starting->client, op, &in, &options) == SEMEL_OK;
    history->outstanding += op->started;
}

static void cancel(void *arg)
{
    struct op *op = arg;
    if (op->ended > 0)
        return;
    op->cancelled = true;
    semel_sim_note(history->sim, history->sim->hosts[op->client], "cancels op %llu",
                   (unsigned long long)op->id);
    for (uint32_t i = 0; i < count; i++)
        if (clients[i].host->index == op->client)
            semel_call_cancel(clients[i].channel, op->call);
}

void clients_call(semel_sim *sim, const struct setup *setup)
{
    struct client *client = &clients[semel_sim_below(sim, count)];
    if (!semel_sim_is_up(client->host))
        return;
    struct op *op = choose(sim, setup, client);
    struct starting starting = {client, op};
    int64_t cancel_ms = setup->cancels && one_in(sim, 4) ? 1 << semel_sim_below(sim, 11) : -1;
    semel_sim_as(client->host, start, &starting);
    if (op->started && cancel_ms >= 0 && semel_sim_is_up(client->host))
        semel_sim_after(client->host, cancel_ms, cancel, op);
}

/* ---- in good order ---- */

static void check_counters(void *arg)
{
    const struct client *client = arg;
    struct semel_channel_stats stats;
    semel_channel_get_stats(client->channel, &stats);
    uint64_t ended = stats.ok + stats.failed[0] + stats.failed[1] + stats.failed[2];
    if (stats.calls != ended + stats.outstanding)
        semel_sim_fail(history->sim, "%s has started %llu calls, ended %llu and has %u",
                       semel_sim_host_name(client->host), (unsigned long long)stats.calls,
                       (unsigned long long)ended, stats.outstanding);
    /* Nobody here breaks the protocol: what a client reads is well formed, and from its own connection. */
    for (int i = SEMEL_REASON_BAD_MAGIC; i <= SEMEL_REASON_BAD_STATE; i++)
        if (stats.closed_by[i] > 0)
            semel_sim_fail(history->sim, "%s has closed a connection for %s", semel_sim_host_name(client->host),
                           semel_reason_name((enum semel_reason)i));
}

void clients_stop(void)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!semel_sim_is_up(clients[i].host))
            continue;
        semel_sim_as(clients[i].host, check_counters, &clients[i]);
        semel_sim_stop(clients[i].host);
    }
}
