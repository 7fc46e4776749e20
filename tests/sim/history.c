/* Writing things down.
 *
 * Reads best next: history.h. */
#include "history.h"

#include <assert.h>
#include <string.h>

#include "judge.h"
#include "sim/host.h"

struct history *history;

const struct mode_is modes[MODE_COUNT] = {
    [MODE_ADD] = {.name = "Add"},
    [MODE_SET] = {.name = "Set", .idempotent = true},
    [MODE_TELL] = {.name = "Tell", .oneway = true},
    [MODE_PUT] = {.name = "Put", .transactional = true},
    [MODE_NOTE] = {.name = "Note", .oneway = true, .transactional = true},
    [MODE_RENEW] = {.name = "Renew", .idempotent = true, .transactional = true},
};

struct op *history_op(uint64_t id)
{
    assert(id >= 1 && id <= history->op_count);
    return &history->ops[id];
}

void history_begin(semel_sim *sim, const struct setup *setup)
{
    history->sim = sim;
    history->setup = setup;
    history->op_count = history->run_count = history->outstanding = 0;
    memset(history->durable, 0, sizeof history->durable);
    memset(history->store_failures, 0, sizeof history->store_failures);
    memset(history->active_us, 0, sizeof history->active_us);
}

uint64_t history_ran(struct op *op, const semel_sim_host *host, bool undoable)
{
    assert(history->run_count < RUNS_MAX && host->index < HOSTS_MAX);
    if (!modes[op->mode].idempotent && op->read_unprotected[host->index])
        semel_sim_fail(history->sim, "op %llu runs, though it came when its server could remember no more",
                       (unsigned long long)op->id);
    if (op->read_rightly[host->index] != semel_sim_life(host))
        semel_sim_fail(history->sim,
                       "op %llu runs, and came from a node whose place another life of it has taken",
                       (unsigned long long)op->id);
    uint64_t number = ++history->run_count;
    history->runs[number] = (struct run){.op = op->id,
                                         .host = host->index,
                                         .life = semel_sim_life(host),
                                         .at_us = semel_sim_now_us(history->sim)};
    op->run_count++;
    op->lasting_runs += !undoable;
    semel_sim_note(history->sim, host, "runs op %llu, run %llu", (unsigned long long)op->id,
                   (unsigned long long)number);
    return number;
}

void history_finished(uint64_t run)
{
    history->runs[run].finished_us = semel_sim_now_us(history->sim);
}

void history_active(const semel_sim_host *host)
{
    assert(host->index < HOSTS_MAX && semel_sim_life(host) < LIVES_MAX);
    history->active_us[host->index][semel_sim_life(host)] = semel_sim_now_us(history->sim);
}

void history_ended(struct op *op, const semel_status *status, uint64_t reply_run)
{
    const semel_sim_host *caller = history->sim->hosts[op->caller];
    op->ended++;
    op->ended_us = semel_sim_now_us(history->sim);
    op->ended_clock_ns = host_now(caller);
    op->status = *status;
    op->told_run = reply_run;
    if (op->ended == 1 && !op->abandoned)
        history->outstanding--;
    semel_sim_note(history->sim, caller, "op %llu ended %s %s %s %s after %u attempts",
                   (unsigned long long)op->id, semel_code_name(status->code),
                   semel_outcome_name(status->outcome), semel_reason_name(status->reason),
                   semel_rule_name(status->rule), status->attempts);
    judge_ending(op, history->setup);
}

void history_cancel(const semel_sim_host *caller)
{
    for (uint32_t id = 1; id <= history->op_count; id++) {
        struct op *op = &history->ops[id];
        if (op->caller == caller->index && op->ended == 0)
            op->cancelled = true;
    }
}

void history_abandon(const semel_sim_host *caller)
{
    for (uint32_t id = 1; id <= history->op_count; id++) {
        struct op *op = &history->ops[id];
        if (!op->started || op->ended > 0 || op->abandoned || op->caller != caller->index ||
            op->caller_life == semel_sim_life(caller))
            continue;
        op->abandoned = true;
        history->outstanding--;
    }
}
