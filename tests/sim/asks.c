/* Channels of servers, and what goes over them.
 *
 * Reads best next: asks.h, calls.h. */
#include "asks.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "sim/host.h"

enum {
    OPS_SPARED = 250, /* for ordinary calls */
    /* A server that waits serves nobody meanwhile. */
    WAIT_MOST_MS = 2000,
};

static struct {
    const struct setup *setup;
    const semel_sim_host *waiting; /* whose handler waits in a synchronous stub, */
    uint32_t waiting_life;         /* in this life */
} asks_now;

static bool one_in(uint64_t of)
{
    return semel_sim_below(history->sim, of) == 0;
}

void asks_begin(const struct setup *setup)
{
    asks_now.setup = setup;
    asks_now.waiting = NULL;
}

/* ---- processes ---- */

static void on_log(enum semel_log_level level, const char *text, void *user)
{
    (void)level;
    semel_sim_note(history->sim, user, "log: asking: %s", text);
}

static semel_channel *open_channel(semel_node *node, const char *endpoints)
{
    semel_status status;
    semel_channel *channel;
    enum semel_code code = semel_channel_open(node, NULL, endpoints, &channel, &status);
    assert(code == SEMEL_OK);
    (void)code;
    return channel;
}

void asks_open(struct asks *asks, semel_sim_host *server, semel_node *node, const char *endpoints)
{
    semel_status status;
    *asks = (struct asks){0};
    if (!asks_now.setup->asks || endpoints[0] == '\0')
        return;
    asks->channel = open_channel(node, endpoints);
    if (!asks_now.setup->asks_wait)
        return;
    const struct semel_node_options options = {
        .properties = asks_now.setup->properties, .log = on_log, .log_user = server};
    enum semel_code code = semel_node_open(&options, &asks->node, &status);
    assert(code == SEMEL_OK);
    (void)code;
    asks->waiting = open_channel(asks->node, endpoints);
}

static void check_counters(const semel_channel *channel)
{
    struct semel_channel_stats stats;
    if (channel == NULL)
        return;
    semel_channel_get_stats(channel, &stats);
    uint64_t ended = stats.ok + stats.failed[0] + stats.failed[1] + stats.failed[2];
    if (stats.calls != ended + stats.outstanding)
        semel_sim_fail(history->sim, "a server has started %llu calls, ended %llu and has %u",
                       (unsigned long long)stats.calls, (unsigned long long)ended, stats.outstanding);
}

void asks_close(const struct asks *asks)
{
    check_counters(asks->channel);
    check_counters(asks->waiting);
}

/* ---- asking ---- */

static void on_answered(struct op *op, void *user)
{
    handlers_answer(user, op);
}

static struct op *choose(const semel_request *request, const struct handlers *handlers)
{
    if (history->op_count + OPS_SPARED >= OPS_MAX)
        return NULL;
    struct op *op = calls_choose(history->sim, asks_now.setup, handlers->host);
    if (op == NULL)
        return NULL;
    op->inherits = true;
    op->hedged = false; /* room was made for one session */
    int64_t left_ms = semel_request_deadline_ms(request);
    if (left_ms >= 0 && (op->deadline_ms == 0 || left_ms < op->deadline_ms))
        op->deadline_ms = left_ms > 0 ? left_ms : 1;
    return op;
}

/* The simulator lets one host at a time wait like this: another one would wait for its turn on the same stack. */
static bool somebody_waits(void)
{
    const semel_sim_host *host = asks_now.waiting;
    return host != NULL && host->up && semel_sim_life(host) == asks_now.waiting_life;
}

static void ask_and_wait(struct op *op, const struct handlers *handlers)
{
    if (modes[op->mode].oneway)
        op->mode = modes[op->mode].transactional ? MODE_PUT : MODE_ADD;
    if (op->deadline_ms == 0 || op->deadline_ms > WAIT_MOST_MS)
        op->deadline_ms = WAIT_MOST_MS;
    asks_now.waiting = handlers->host;
    asks_now.waiting_life = semel_sim_life(handlers->host);
    calls_wait(op, handlers->asks->waiting);
    asks_now.waiting = NULL;
}

const struct op *asks_may_ask(semel_request *request, struct handlers *handlers, bool may_pend)
{
    const struct asks *asks = handlers->asks;
    if (asks == NULL || asks->channel == NULL || !one_in(3))
        return NULL;
    struct op *op = choose(request, handlers);
    if (op == NULL)
        return NULL;
    if (asks->waiting != NULL && !somebody_waits() && one_in(2)) {
        ask_and_wait(op, handlers);
        return NULL;
    }
    calls_start(op, asks->channel, on_answered, handlers);
    calls_may_cancel(history->sim, asks_now.setup, op);
    return may_pend && op->started && op->ended == 0 && one_in(2) ? op : NULL;
}
