/* Each rule of the promise as a function that fails the world.
 *
 * Reads best next: judge.h, watch.h. */
#include "judge.h"

#include <inttypes.h>

#include "backs.h"
#include "history.h"
#include "recoveries.h"
#include "servers.h"
#include "sim/host.h"
#include "watch.h"

static void blame(const struct op *op, const char *what)
{
    semel_sim_fail(history->sim,
                   "op %" PRIu64
                   " (%s): %s; it ended %s %s %s %s, ran %u times, left %u effects, was written %u times",
                   op->id, modes[op->mode].name, what, semel_code_name(op->status.code),
                   semel_outcome_name(op->status.outcome), semel_reason_name(op->status.reason),
                   semel_rule_name(op->status.rule), op->run_count, op->effects, op->written);
}

static bool may_run_again(const struct op *op)
{
    return modes[op->mode].idempotent;
}

static bool deadline_passed(const struct op *op)
{
    int64_t given_ms = op->inherits && op->deadline_ms == 1 ? 0 : op->deadline_ms; /* less than one was left */
    return op->deadline_ms > 0 && op->ended_clock_ns - op->started_clock_ns >= given_ms * 1000000;
}

/* ---- when it ends ---- */

/* Whether a run that ended on this host, in this life, is on record there for certain: its end goes to the store within
 * 100 ms, behind one commit that is on its way, and the host was seen at work after that. */
static bool is_on_record(const struct run *run)
{
    const struct semel_sim_faults *faults = &history->setup->faults;
    int64_t within_us = 200000 + 4 * faults->commit_us;
    return run->finished_us > 0 && history->store_failures[run->host] == 0 && faults->stall_ms == 0 &&
           !history->setup->asks_wait && /* or its server may stand still all the same */
           history->active_us[run->host][run->life] > run->finished_us + within_us;
}

/* Whether a server may know that it began, and no more: it was read in a life of the server that is over, which
 * has not recorded its end.  A transaction is there or not: then only a commit of which nobody knows leaves a doubt. */
static bool may_have_begun(const struct op *op)
{
    for (uint32_t number = 1; number <= history->run_count; number++)
        if (history->runs[number].op == op->id && is_on_record(&history->runs[number]))
            return false;
    for (uint32_t host = 0; host < history->sim->host_count; host++) {
        if (!history->durable[host] || op->read_in[host] == 0)
            continue;
        if (history->store_failures[host] > 0)
            return true;
        if (!modes[op->mode].transactional && op->read_in[host] < semel_sim_life(history->sim->hosts[host]))
            return true;
    }
    return false;
}

/* Whether the client that was called may have forgotten it, or nobody asks it any more. */
static bool lost_way_back(const struct op *op, int64_t since_us)
{
    return backs_served_anew(op, since_us) || watch_lost_way_back(op, since_us);
}

/* Whether anything that the world has done makes it right not to know. */
static bool may_be_unknown(const struct op *op)
{
    if (op->cancelled || deadline_passed(op))
        return true; /* R9 */
    if (op->attempt_timeout_ms > 0 &&
        op->ended_clock_ns - op->started_clock_ns >= op->attempt_timeout_ms * 1000000)
        return true; /* R9, of an attempt */
    if (op->back ? lost_way_back(op, op->written_us) : watch_lost_session(op))
        return true; /* R4 */
    if (op->status.reason == SEMEL_REASON_BEGUN)
        return may_have_begun(op); /* R6 */
    bool policy_ends = op->on_unavailable != SEMEL_ON_UNAVAILABLE_WAIT ||
                       op->status.denied == SEMEL_REASON_WAIT_PAST_DEADLINE ||
                       (op->status.denied == SEMEL_REASON_RECOVERY_GAVE_UP && recoveries_gave_up(op));
    return policy_ends && watch_lost_connection(op); /* R5 and R11 */
}

/* What no honest client and server say to each other. */
static bool is_protocol_failure(enum semel_reason reason)
{
    return reason == SEMEL_REASON_FALSE_RETRY || reason == SEMEL_REASON_MODE_MISMATCH ||
           reason == SEMEL_REASON_STALE || reason == SEMEL_REASON_MALFORMED ||
           reason == SEMEL_REASON_NO_METHOD || reason == SEMEL_REASON_NO_HANDLER ||
           reason == SEMEL_REASON_OUTSIDE_WINDOW;
}

static bool may_be_out_of_reach(const struct op *op)
{
    if (op->status.reason == SEMEL_REASON_NOT_SERVED)
        return !backs_is_served(history->sim->hosts[op->callee]) || backs_served_anew(op, 0);
    return op->back && lost_way_back(op, op->started_us);
}

/* The code that its handler ends it with. */
static enum semel_code code_of(const struct op *op)
{
    switch (op->behaviour) {
    case BEHAVE_FAIL: return SEMEL_ABORTED;
    case BEHAVE_PEND: return modes[op->mode].transactional ? SEMEL_INTERNAL : SEMEL_OK;
    default: return SEMEL_OK;
    }
}

/* Why a call that waits for its server may fail all the same. */
static bool may_give_up(const struct op *op)
{
    const semel_status *status = &op->status;
    if (op->on_unavailable != SEMEL_ON_UNAVAILABLE_WAIT || op->cancelled || deadline_passed(op))
        return true;
    if (status->denied == SEMEL_REASON_WAIT_PAST_DEADLINE)
        return op->deadline_ms > 0;
    if (status->reason == SEMEL_REASON_PEER_GONE || status->reason == SEMEL_REASON_NOT_SERVED)
        return may_be_out_of_reach(op);
    if (status->denied == SEMEL_REASON_RECOVERY_GAVE_UP)
        return recoveries_gave_up(op);
    if (status->reason == SEMEL_REASON_EXPIRED) /* on the clock of its server */
        return history->setup->faults.drift || history->setup->faults.leap_ms > 0;
    if (status->reason == SEMEL_REASON_HANDLER)
        return status->code == code_of(op);
    if (status->reason == SEMEL_REASON_TOO_LARGE)
        return op->request_pad + op->reply_pad > 1000;
    if (may_run_again(op))
        return false; /* it can always be asked again */
    if (status->reason == SEMEL_REASON_REPLY_GONE)
        return true;
    return (op->written > 0 || watch_is_writing(op)) && may_be_unknown(op);
}

void judge_ending(const struct op *op, const struct setup *setup)
{
    const semel_status *status = &op->status;
    if (op->ended > 1)
        blame(op, "it has ended before");
    if (op->abandoned)
        return;
    if (status->code == SEMEL_OK) {
        if (op->run_count == 0)
            blame(op, "it is said to be done, and has not run");
        return;
    }
    if (is_protocol_failure(status->reason))
        blame(op, "nobody here breaks the protocol");
    if (status->outcome == SEMEL_OUTCOME_UNKNOWN && op->written == 0 && !watch_is_writing(op))
        blame(op, "it never left its client, and is said to be unknown");
    if (status->outcome == SEMEL_OUTCOME_UNKNOWN && !may_run_again(op) && op->written > 0 &&
        !may_be_unknown(op))
        blame(op, "nothing happened that makes its outcome unknown");
    if (status->outcome == SEMEL_OUTCOME_EXECUTED && op->run_count == 0)
        blame(op, "it is said to have run");
    if (status->reason == SEMEL_REASON_HANDLER && status->code != code_of(op))
        blame(op, "its handler has given another code");
    if (!may_give_up(op))
        blame(op, "it should have waited for its server");
    if (setup->clean && !setup->short_drains && !servers_were_hurried() &&
        op->on_unavailable == SEMEL_ON_UNAVAILABLE_WAIT && status->outcome == SEMEL_OUTCOME_UNKNOWN &&
        !op->cancelled && op->attempt_timeout_ms == 0 && !deadline_passed(op) &&
        !(op->back && lost_way_back(op, op->written_us))) /* its client went elsewhere */
        blame(op, "nothing is broken in this world");
}

/* ---- when all is quiet ---- */

/* What it has done to the world, however it ended. */
static void judge_effects(const struct op *op)
{
    if (!may_run_again(op) && op->lasting_runs + op->effects > 1)
        blame(op, "it must not run twice");
    if (op->behaviour == BEHAVE_FAIL && op->effects > 0)
        blame(op, "its handler failed, and what that wrote is there");
    if (op->behaviour == BEHAVE_PEND && op->effects > 0)
        blame(op, "its handler was pending in a transaction, and what it wrote is there");
    if (op->committed > 0 && op->effects == 0)
        blame(op, "its handler was told that what it wrote is there to stay, and it is not");
}

static void judge(const struct op *op)
{
    const semel_status *status = &op->status;
    if (!op->started) {
        if (op->run_count > 0)
            blame(op, "it was never started");
        return;
    }
    judge_effects(op);
    if (op->abandoned)
        return;
    if (op->ended == 0) {
        blame(op, "it has not ended, and the faults have");
        return;
    }
    if (status->outcome == SEMEL_OUTCOME_NOT_EXECUTED && op->lasting_runs + op->effects > 0)
        blame(op, "it is said not to have run");
    if (status->outcome == SEMEL_OUTCOME_EXECUTED && op->run_count == 0)
        blame(op, "it is said to have run");
    if (status->code == SEMEL_OK && op->lasting_runs + op->effects == 0)
        blame(op, "it is said to be done, and nothing of it is there");
    if (!modes[op->mode].oneway && status->code == SEMEL_OK && history->runs[op->told_run].op != op->id)
        blame(op, "its reply is of another run");
}

void judge_all(const struct setup *setup)
{
    (void)setup;
    for (uint32_t id = 1; id <= history->op_count; id++)
        judge(&history->ops[id]);
}
