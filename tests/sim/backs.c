/* Servers that call, clients that serve.
 *
 * Reads best next: backs.h, calls.h. */
#include "backs.h"

#include <assert.h>
#include <string.h>

#include <semel/peer.h>
#include <semel/store.h>

#include "calls.h"
#include "sim/host.h"

enum {
    OPS_SPARED = 150, /* for ordinary calls */
    SHORT_MS = 5000,
};

static struct {
    const struct setup *setup;
    bool served[WORLD_HOSTS_MAX];     /* this client serves, in all its lives */
    bool chosen[WORLD_HOSTS_MAX];     /* whether that has been chosen */
    int64_t anew_us[WORLD_HOSTS_MAX]; /* when it was served anew last; -1: never */
} backs;

static bool one_in(uint64_t of)
{
    return semel_sim_below(history->sim, of) == 0;
}

void backs_begin(const struct setup *setup)
{
    memset(&backs, 0, sizeof backs);
    backs.setup = setup;
    for (uint32_t i = 0; i < WORLD_HOSTS_MAX; i++)
        backs.anew_us[i] = -1;
}

/* ---- on a client ---- */

static void open(struct back_server *served, semel_node *node, semel_channel *channel)
{
    semel_status status;
    enum semel_code code = semel_server_open(node, NULL, &served->server, &status);
    assert(code == SEMEL_OK);
    served->handlers.called = 0;
    semel_server_waive_transactions(served->server);
    handlers_serve(&served->handlers, served->server);
    code = semel_channel_serve(channel, served->server);
    assert(code == SEMEL_OK);
    (void)code;
}

static void check_counters(const struct back_server *served)
{
    struct semel_server_stats stats;
    semel_server_get_stats(served->server, &stats);
    if (stats.executed != served->handlers.called)
        semel_sim_fail(history->sim, "%s counts %llu runs of calls back, and its handlers %llu",
                       semel_sim_host_name(served->handlers.host), (unsigned long long)stats.executed,
                       (unsigned long long)served->handlers.called);
}

void backs_serve(struct back_server *served, semel_sim_host *client, semel_node *node, semel_channel *channel)
{
    uint32_t index = client->index;
    if (!backs.chosen[index])
        backs.served[index] = backs.setup->backs && !one_in(4);
    backs.chosen[index] = true;
    served->server = NULL;
    served->handlers.host = client;
    handlers_begin(&served->handlers);
    if (backs.served[index])
        open(served, node, channel);
}

void backs_serve_anew(struct back_server *served, semel_node *node, semel_channel *channel)
{
    if (served->server == NULL)
        return;
    semel_sim_note(history->sim, served->handlers.host, "is served anew");
    check_counters(served);
    backs.anew_us[served->handlers.host->index] = semel_sim_now_us(history->sim);
    semel_server_close(served->server);
    open(served, node, channel);
}

void backs_close(struct back_server *served)
{
    if (served->server == NULL)
        return;
    check_counters(served);
    semel_server_close(served->server);
    handlers_end(&served->handlers);
}

/* ---- on a server ---- */

static void on_called(struct op *op, void *user)
{
    struct handlers *handlers = user;
    handlers_answer(handlers, op);
    if (op->channel != NULL && one_in(2)) /* others keep it open until their server closes */
        semel_channel_close(op->channel);
}

/* It may wait for ever only for a client that has to come back: to this server, soon, with the same session or after
 * its lease. */
static void bound_wait(struct op *op)
{
    const struct setup *setup = backs.setup;
    bool comes_back = setup->servers == 1 && !setup->namesakes && backs.served[op->callee] &&
                      (setup->lease_ms <= SHORT_MS || setup->faults.crash_ms == 0);
    if (comes_back && one_in(3))
        op->deadline_ms = 0;
    if (!comes_back && (op->deadline_ms == 0 || op->deadline_ms > SHORT_MS))
        op->deadline_ms = SHORT_MS;
}

static struct op *choose(const struct op *served, const semel_sim_host *server)
{
    if (history->op_count + OPS_SPARED >= OPS_MAX)
        return NULL;
    struct op *op = calls_choose(history->sim, backs.setup, server);
    if (op == NULL)
        return NULL;
    op->back = true;
    op->mode = modes[op->mode].oneway ? MODE_TELL : modes[op->mode].idempotent ? MODE_SET : MODE_ADD;
    op->callee = served->caller;
    op->callee_life = served->caller_life;
    op->written_session = served->written_session;
    op->hedged = false; /* there is one way only */
    bound_wait(op);
    return op;
}

static semel_channel *open_channel(semel_request *request, const struct handlers *handlers)
{
    semel_status status;
    semel_channel *channel;
    semel_peer *peer = semel_request_peer(request);
    if (peer == NULL)
        return NULL;
    if (semel_channel_open_peer(handlers->node, NULL, peer, &channel, &status) == SEMEL_OK)
        return channel;
    semel_sim_fail(history->sim, "no channel to a client: %s", status.message);
    return NULL;
}

/* It has nothing to do with the request any more. */
static void call_later(void *arg)
{
    struct op *op = arg;
    calls_start(op, op->channel, on_called, op->then_user);
    calls_may_cancel(history->sim, backs.setup, op);
}

/* While the request is served: it inherits what is left of its deadline. */
static void call_now(struct op *op, const semel_request *request, semel_channel *channel,
                     struct handlers *handlers)
{
    int64_t left_ms = semel_request_deadline_ms(request);
    op->inherits = true;
    if (left_ms >= 0 && (op->deadline_ms == 0 || left_ms < op->deadline_ms))
        op->deadline_ms = left_ms > 0 ? left_ms : 1;
    calls_start(op, channel, on_called, handlers);
    calls_may_cancel(history->sim, backs.setup, op);
    if (!op->started || one_in(10)) {
        op->cancelled = true;
        op->channel = NULL;
        semel_channel_close(channel); /* which ends its calls, if no other has it open */
    }
}

/* What follows a transaction that is undone after all is not called.  Its request may have been with another server
 * meanwhile, or with another life of this one. */
void backs_committed(struct op *served, bool committed)
{
    struct op *op = served->when_committed;
    const semel_sim_host *host = history->sim->turn->host;
    if (op == NULL || op->caller != host->index || op->caller_life != semel_sim_life(host))
        return;
    served->when_committed = NULL;
    if (committed) {
        call_later(op);
        return;
    }
    semel_channel *channel = op->channel;
    op->channel = NULL;
    semel_channel_close(channel);
}

const struct op *backs_may_call(semel_request *request, struct op *served, struct handlers *handlers,
                                bool may_pend)
{
    if (handlers->node == NULL || !backs.setup->backs || served->hedged || !one_in(3))
        return NULL;
    semel_channel *channel = open_channel(request, handlers);
    struct op *op = channel != NULL ? choose(served, handlers->host) : NULL;
    if (op == NULL) {
        semel_channel_close(channel);
        return NULL;
    }
    op->channel = channel;
    op->then_user = handlers;
    if (semel_request_transaction(request) != NULL && one_in(2)) {
        served->when_committed = op;
        return NULL;
    }
    if (one_in(2)) {
        semel_sim_after(handlers->host, 1 << semel_sim_below(history->sim, 11), call_later, op);
        return NULL;
    }
    call_now(op, request, channel, handlers);
    return may_pend && op->started && op->ended == 0 && one_in(2) ? op : NULL;
}

/* ---- judging ---- */

bool backs_served_anew(const struct op *op, int64_t since_us)
{
    return backs.anew_us[op->callee] >= since_us;
}

bool backs_is_served(const semel_sim_host *client)
{
    return backs.served[client->index];
}
