/* Runs of recovery functions, and what they demand of the wire.
 *
 * Reads best next: recoveries.h. */
#include "recoveries.h"

#include <assert.h>
#include <string.h>

#include <semel/recovery.h>

#include "calls.h"
#include "sim/host.h"
#include "watch.h"

enum {
    RECOVERIES_MAX = 8192,
    STEPS_MAX = 3,
    OPS_SPARED = 200, /* for ordinary calls */
};

enum recovery_ending { RECOVERY_UNDER_WAY, RECOVERY_CONTINUES, RECOVERY_GIVES_UP };

/* One run. */
struct recovery {
    uint32_t number; /* 1.. */
    uint32_t client; /* index of the host */
    uint32_t life;
    uint64_t connection; /* that is recovered */
    semel_channel *channel;
    semel_recovery *run;
    enum recovery_ending ending; /* as far as the application goes */
    int64_t ended_us;
    uint32_t steps;   /* calls that it will make still */
    uint32_t waiting; /* calls of it that have not ended */
};

static struct {
    const struct setup *setup;
    struct recovery all[RECOVERIES_MAX + 1];
    uint32_t count;
    uint32_t attached[WORLD_HOSTS_MAX]; /* the life of a client that has a function; 0: none */
} recoveries;

static bool one_in(uint64_t of)
{
    return semel_sim_below(history->sim, of) == 0;
}

static const semel_sim_host *client_of(const struct recovery *recovery)
{
    return history->sim->hosts[recovery->client];
}

/* ---- a run ---- */

static void end(struct recovery *recovery, enum recovery_ending ending)
{
    recovery->ending = ending;
    recovery->ended_us = semel_sim_now_us(history->sim);
    semel_sim_note(history->sim, client_of(recovery), "recovery %u %s", recovery->number,
                   ending == RECOVERY_GIVES_UP ? "gives up" : "continues");
    if (ending == RECOVERY_GIVES_UP)
        semel_recovery_give_up(recovery->run);
    else
        semel_recovery_continue(recovery->run);
}

static void on_rested(void *arg)
{
    end(arg, RECOVERY_CONTINUES);
}

/* Every call that it wanted to make has ended. */
static void come_to_an_end(struct recovery *recovery)
{
    if (one_in(8))
        end(recovery, RECOVERY_GIVES_UP);
    else if (one_in(2))
        semel_sim_after(history->sim->hosts[recovery->client], 1 << semel_sim_below(history->sim, 13),
                        on_rested, recovery);
    else
        end(recovery, RECOVERY_CONTINUES);
}

static void go_on(struct recovery *recovery);

static void on_step(struct op *op, void *user)
{
    struct recovery *recovery = user;
    recovery->waiting--;
    if (op->status.code != SEMEL_OK)
        recovery->steps = 0; /* whatever became of it: it makes no further ones */
    go_on(recovery);
}

static bool step(struct recovery *recovery)
{
    if (history->op_count + OPS_SPARED >= OPS_MAX)
        return false;
    struct op *op = calls_choose(history->sim, recoveries.setup, client_of(recovery));
    if (op == NULL)
        return false;
    op->recovery = recovery->number;
    op->hedged = false; /* what goes elsewhere is not recovered */
    calls_start(op, recovery->channel, on_step, recovery);
    calls_may_cancel(history->sim, recoveries.setup, op);
    recovery->waiting += op->started;
    return op->started;
}

static void go_on(struct recovery *recovery)
{
    bool side_by_side = recovery->steps > 1 && one_in(3);
    while (recovery->steps > 0 && (recovery->waiting == 0 || side_by_side)) {
        recovery->steps--;
        if (!step(recovery))
            recovery->steps = 0;
    }
    if (recovery->waiting == 0)
        come_to_an_end(recovery);
}

/* ---- judging ---- */

static struct recovery *of_connection(uint64_t connection)
{
    for (uint32_t number = recoveries.count; number > 0; number--)
        if (recoveries.all[number].connection == connection)
            return &recoveries.all[number];
    return NULL;
}

static bool is_attached(const struct op *op)
{
    return recoveries.attached[op->caller] == op->caller_life;
}

static void blame(const struct op *op, const char *what)
{
    semel_sim_fail(history->sim, "op %llu (%s) %s", (unsigned long long)op->id, modes[op->mode].name, what);
}

/* The calls of a run that was cut short end with its connection, before the next one. */
static void judge_earlier(const struct recovery *present)
{
    for (uint32_t id = 1; id <= history->op_count; id++) {
        const struct op *op = &history->ops[id];
        if (op->recovery == 0 || !op->started || op->abandoned || op->ended > 0 ||
            op->caller != present->client)
            continue;
        if (recoveries.all[op->recovery].ending == RECOVERY_UNDER_WAY)
            blame(op, "outlives the connection that it was to recover");
    }
}

void recoveries_judge_request(const struct op *op, uint64_t connection, uint32_t nth)
{
    const struct recovery *present = of_connection(connection);
    const struct recovery *own = op->recovery != 0 ? &recoveries.all[op->recovery] : NULL;
    bool passes = own != NULL && own->ending == RECOVERY_UNDER_WAY;
    if (passes && own != present)
        blame(op, "leaves on another connection than the one it was to recover");
    if (passes || !is_attached(op))
        return;
    if (present == NULL && nth > 1 && !op->hedged)
        blame(op, "leaves on a connection that was not recovered");
    if (present != NULL && present->ending == RECOVERY_UNDER_WAY)
        blame(op, "leaves before the recovery of its connection has ended");
    if (present != NULL && present->ending == RECOVERY_GIVES_UP && own == NULL &&
        op->started_us < present->ended_us && op->written_connection != connection)
        blame(op, "waited for a recovery that gave up, and leaves all the same");
}

void recoveries_judge_counters(const semel_sim_host *client, const struct semel_channel_stats *stats)
{
    uint64_t begun = 0;
    for (uint32_t number = 1; number <= recoveries.count; number++)
        begun += recoveries.all[number].client == client->index &&
                 recoveries.all[number].life == semel_sim_life(client);
    if (stats->recoveries != begun)
        semel_sim_fail(history->sim, "%s counts %llu recoveries, and its function %llu",
                       semel_sim_host_name(client), (unsigned long long)stats->recoveries,
                       (unsigned long long)begun);
}

bool recoveries_gave_up(const struct op *op)
{
    if (op->recovery != 0 && watch_is_over(recoveries.all[op->recovery].connection))
        return true;
    for (uint32_t number = 1; number <= recoveries.count; number++) {
        const struct recovery *recovery = &recoveries.all[number];
        if (recovery->client == op->caller && recovery->life == op->caller_life &&
            recovery->ending == RECOVERY_GIVES_UP && recovery->ended_us >= op->started_us)
            return true;
    }
    return false;
}

/* ---- attaching ---- */

static void recover(semel_recovery *run, void *user)
{
    const semel_sim_host *client = user;
    assert(recoveries.count < RECOVERIES_MAX);
    struct recovery *recovery = &recoveries.all[++recoveries.count];
    *recovery = (struct recovery){.number = recoveries.count,
                                  .client = client->index,
                                  .life = semel_sim_life(client),
                                  .connection = watch_greeted(client),
                                  .channel = semel_recovery_channel(run),
                                  .run = run,
                                  .steps = (uint32_t)semel_sim_below(history->sim, STEPS_MAX + 1)};
    bool resumed = semel_recovery_resumed(run);
    semel_sim_note(history->sim, client, "recovery %u begins on connection %llu, %s", recovery->number,
                   (unsigned long long)recovery->connection, resumed ? "resumed" : "new session");
    if (resumed && !watch_is_resumed(recovery->connection))
        semel_sim_fail(history->sim, "recovery %u is told that the session is resumed, and it is new",
                       recovery->number);
    judge_earlier(recovery);
    go_on(recovery);
}

void recoveries_attach(semel_sim_host *client, semel_channel *channel)
{
    recoveries.attached[client->index] = 0;
    if (!recoveries.setup->recoveries || one_in(3))
        return;
    recoveries.attached[client->index] = semel_sim_life(client);
    semel_channel_attach_recovery(channel, recover, client);
}

void recoveries_begin(const struct setup *setup)
{
    memset(&recoveries, 0, sizeof recoveries);
    recoveries.setup = setup;
}
