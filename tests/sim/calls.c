/* Calls of every mode and policy.
 *
 * Reads best next: calls.h. */
#include "calls.h"

#include "ledger.semel.h"
#include "sim/host.h"

/* ---- choosing ---- */

static bool one_in(semel_sim *sim, uint64_t of)
{
    return semel_sim_below(sim, of) == 0;
}

static void choose_policy(semel_sim *sim, const struct setup *setup, struct op *op)
{
    static const int64_t deadlines_ms[] = {0, 100, 1000, 5000, 20000, 60000};
    static const int64_t timeouts_ms[] = {600, 1500, 4000};
    op->deadline_ms = deadlines_ms[semel_sim_below(sim, 6)];
    if (setup->namesakes && op->deadline_ms == 0)
        op->deadline_ms =
            20000; /* one of them may be shut out for as long as the others stay (NAME_CONFLICT) */
    op->attempt_timeout_ms = one_in(sim, 6) ? timeouts_ms[semel_sim_below(sim, 3)] : 0;
    if (op->attempt_timeout_ms > 0 && op->think_ms > 64)
        op->think_ms = 64; /* or no attempt would ever be answered */
    op->on_unavailable = setup->patient || one_in(sim, 2) ? SEMEL_ON_UNAVAILABLE_WAIT
                                                          : SEMEL_ON_UNAVAILABLE_FAIL;
    if (op->on_unavailable == SEMEL_ON_UNAVAILABLE_FAIL && one_in(sim, 8))
        op->on_unavailable = SEMEL_ON_UNAVAILABLE_DROP;
    bool waits = op->on_unavailable == SEMEL_ON_UNAVAILABLE_WAIT; /* which without any retry does not */
    op->retries = setup->impatient && !waits ? (int32_t)semel_sim_below(sim, 2) : 3;
    op->hedged = setup->hedges && modes[op->mode].idempotent && one_in(sim, 2);
}

/* Each mode has so many of ten. */
static enum mode choose_mode(semel_sim *sim, const struct setup *setup)
{
    static const enum mode plain[] = {MODE_ADD, MODE_ADD, MODE_ADD, MODE_ADD, MODE_ADD,
                                      MODE_ADD, MODE_SET, MODE_SET, MODE_SET, MODE_TELL};
    static const enum mode durable[] = {MODE_ADD, MODE_ADD, MODE_ADD, MODE_SET,  MODE_TELL,
                                        MODE_PUT, MODE_PUT, MODE_PUT, MODE_NOTE, MODE_RENEW};
    uint64_t which = semel_sim_below(sim, 10);
    return setup->durable != 0 ? durable[which] : plain[which];
}

static uint32_t choose_reply_pad(semel_sim *sim, const struct setup *setup)
{
    if (setup->bulky)
        return 8000 + (uint32_t)semel_sim_below(sim, 16000);
    return one_in(sim, 6) ? (uint32_t)semel_sim_below(sim, 2000) : 0;
}

struct op *calls_choose(semel_sim *sim, const struct setup *setup, const semel_sim_host *caller)
{
    if (history->op_count == OPS_MAX)
        return NULL;
    struct op *op = &history->ops[++history->op_count];
    *op = (struct op){
        .id = history->op_count,
        .mode = choose_mode(sim, setup),
        .behaviour = one_in(sim, 8) ? BEHAVE_FAIL : BEHAVE_OK,
        .think_ms = setup->handlers_think && one_in(sim, 3) ? 1u << semel_sim_below(sim, 11) : 0,
        .refusals = setup->handlers_refuse && one_in(sim, 3) ? 1 + (uint32_t)semel_sim_below(sim, 3) : 0,
        .request_pad = one_in(sim, 6) ? (uint32_t)semel_sim_below(sim, 2000) : 0,
        .reply_pad = choose_reply_pad(sim, setup),
        .caller = caller->index,
        .caller_life = semel_sim_life(caller),
    };
    if (modes[op->mode].transactional) {
        op->think_ms = 0;
        if (one_in(sim, 10))
            op->behaviour = BEHAVE_PEND;
    }
    choose_policy(sim, setup, op);
    return op;
}

/* ---- asking ---- */

static void end(struct op *op, const semel_status *status, uint64_t reply_run)
{
    history_ended(op, status, reply_run);
    if (op->then != NULL)
        op->then(op, op->then_user);
}

static void on_done(const ledger_Mark *reply, const semel_status *status, void *user)
{
    struct op *op = user;
    if (reply != NULL && reply->id != op->id)
        semel_sim_fail(history->sim, "op %llu got the reply of op %llu", (unsigned long long)op->id,
                       (unsigned long long)reply->id);
    end(op, status, reply != NULL ? reply->run : 0);
}

static void on_told(const semel_status *status, void *user)
{
    end(user, status, 0);
}

static enum semel_code start_call(struct op *op, const ledger_Op *in, const semel_call_options *options)
{
    semel_channel *channel = op->channel;
    switch (op->mode) {
    case MODE_ADD: return ledger_Ledger_Add_start(channel, in, options, &op->call, on_done, op);
    case MODE_SET: return ledger_Ledger_Set_start(channel, in, options, &op->call, on_done, op);
    case MODE_TELL: return ledger_Ledger_Tell_start(channel, in, options, &op->call, on_told, op);
    case MODE_PUT: return ledger_Ledger_Put_start(channel, in, options, &op->call, on_done, op);
    case MODE_NOTE: return ledger_Ledger_Note_start(channel, in, options, &op->call, on_told, op);
    default: return ledger_Ledger_Renew_start(channel, in, options, &op->call, on_done, op);
    }
}

static enum semel_code wait_for(struct op *op, const ledger_Op *in, const semel_call_options *options,
                                ledger_Mark *out, semel_status *status)
{
    semel_channel *channel = op->channel;
    switch (op->mode) {
    case MODE_ADD: return ledger_Ledger_Add(channel, in, out, options, status);
    case MODE_SET: return ledger_Ledger_Set(channel, in, out, options, status);
    case MODE_PUT: return ledger_Ledger_Put(channel, in, out, options, status);
    default: return ledger_Ledger_Renew(channel, in, out, options, status);
    }
}

static void set_options(const struct op *op, ledger_Op *in, semel_call_options *options)
{
    static const uint32_t waits_ms[] = {0, 20, 100};
    *in = (ledger_Op)ledger_Op_init_zero;
    in->id = op->id;
    in->pad.size = (pb_size_t)op->request_pad;
    *options = (semel_call_options)SEMEL_CALL_OPTIONS_INIT;
    options->deadline_ms = op->deadline_ms;
    options->attempt_timeout_ms = op->attempt_timeout_ms;
    options->on_unavailable = op->on_unavailable;
    options->retry_intervals_ms = waits_ms;
    options->retry_interval_count = op->retries;
    if (op->hedged) {
        options->hedge_max = 2;
        options->hedge_delay_ms = 20;
    }
}

static void note_start(struct op *op, semel_channel *channel)
{
    const semel_sim_host *caller = history->sim->hosts[op->caller];
    op->channel = channel;
    op->started_us = semel_sim_now_us(history->sim);
    op->started_clock_ns = host_now(caller);
    semel_sim_note(history->sim, caller, "calls op %llu (%s%s), deadline %lld ms", (unsigned long long)op->id,
                   modes[op->mode].name, op->awaited ? ", and waits" : "", (long long)op->deadline_ms);
}

void calls_start(struct op *op, semel_channel *channel, ops_then_fn *then, void *then_user)
{
    ledger_Op in;
    semel_call_options options;
    set_options(op, &in, &options);
    op->then = then;
    op->then_user = then_user;
    note_start(op, channel);
    op->started = start_call(op, &in, &options) == SEMEL_OK;
    history->outstanding += op->started;
}

/* What a stub refuses at once was never started. */
static bool was_started(const semel_status *status)
{
    return status->code == SEMEL_OK || status->attempts > 0 ||
           (status->reason != SEMEL_REASON_TOO_MANY_CALLS && status->reason != SEMEL_REASON_TOO_LARGE);
}

void calls_wait(struct op *op, semel_channel *channel)
{
    ledger_Op in;
    ledger_Mark out = ledger_Mark_init_zero;
    semel_call_options options;
    semel_status status;
    set_options(op, &in, &options);
    op->awaited = true;
    note_start(op, channel);
    op->started = true; /* it may run, and its process crash, before the stub returns */
    history->outstanding++;
    wait_for(op, &in, &options, &out, &status);
    op->started = was_started(&status);
    if (op->started) {
        on_done(status.code == SEMEL_OK ? &out : NULL, &status, op);
        return;
    }
    history->outstanding--;
}

/* ---- cancelling ---- */

static void cancel(void *arg)
{
    struct op *op = arg;
    if (op->ended > 0 || op->channel == NULL)
        return;
    op->cancelled = true;
    semel_sim_note(history->sim, history->sim->hosts[op->caller], "cancels op %llu",
                   (unsigned long long)op->id);
    semel_call_cancel(op->channel, op->call);
}

void calls_may_cancel(semel_sim *sim, const struct setup *setup, struct op *op)
{
    semel_sim_host *caller = sim->hosts[op->caller];
    int64_t cancel_ms = setup->cancels && one_in(sim, 4) ? 1 << semel_sim_below(sim, 11) : -1;
    if (op->started && cancel_ms >= 0 && semel_sim_is_up(caller))
        semel_sim_after(caller, cancel_ms, cancel, op);
}
