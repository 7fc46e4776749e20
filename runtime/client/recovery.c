/* Runs of the recovery function.
 *
 * Reads best next: recovery.h, greeting.c. */
#include "client/recovery.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "client/channel.h"
#include "client/greeting.h"

struct semel_recovery {
    semel_recovery *next;
    semel_recovery *prev;
    semel_channel *channel;
    bool resumed;
};

#define TO(state) (1u << RECOVERY_##state)

static const unsigned legal[RECOVERY_STATE_COUNT] = {
    [RECOVERY_IDLE] = TO(RUNNING),
    [RECOVERY_RUNNING] = TO(ENDING) | TO(IDLE),
    [RECOVERY_ENDING] = TO(IDLE),
};

static void set_state(struct recovery *recovery, enum recovery_state state)
{
    assert((legal[recovery->state] & (1u << state)) != 0);
    recovery->state = state;
    state_changed(container_of(recovery, struct semel_channel, recovery));
}

static void tell(const semel_channel *channel, enum semel_log_level level, const char *what)
{
    node_log(channel->node, level, "channel %s: recovery %llu %s", channel->name != NULL ? channel->name : "-",
             (unsigned long long)channel->recovery.begun, what);
}

/* ---- runs ---- */

static semel_recovery *add_run(semel_channel *channel, bool resumed)
{
    semel_recovery *run = malloc(sizeof *run);
    if (run == NULL)
        return NULL;
    *run = (semel_recovery){.next = channel->recovery.runs, .channel = channel, .resumed = resumed};
    if (run->next != NULL)
        run->next->prev = run;
    channel->recovery.runs = run;
    return run;
}

static void free_run(semel_recovery *run)
{
    if (run->next != NULL)
        run->next->prev = run->prev;
    if (run->prev != NULL)
        run->prev->next = run->next;
    else
        run->channel->recovery.runs = run->next;
    free(run);
}

/* ---- giving up ---- */

/* The call waits for others: it has not been sent on this connection. */
static bool waits(const struct call *call)
{
    return call->slot.state == OUTBOX_READY || call->slot.state == OUTBOX_HELD ||
           call->slot.state == OUTBOX_DELAYED;
}

static void give_up_waiting(struct call *call, const void *unused)
{
    (void)unused;
    if (waits(call) && !call->slot.passes)
        call_give_up(call, call->channel->recovery.verdict);
}

/* Nobody is left whom the verdict concerns. */
static void give_up_all_waiting(semel_channel *channel)
{
    channel_each_call(channel, give_up_waiting, NULL);
    channel->unsettled = RETRY_NO_VERDICT;
}

static void give_up_passing(struct call *call, const void *unused)
{
    (void)unused;
    if (call->slot.passes)
        call_give_up(call, RETRY_NO_VERDICT);
}

/* ---- the gate ---- */

static void forget_pass(struct call *call, const void *unused)
{
    (void)unused;
    call->slot.passes = false;
}

/* Calls that passed are like any other from here. */
static void open_gate(semel_channel *channel)
{
    channel_each_call(channel, forget_pass, NULL);
    channel->outbox.gated = false;
}

/* A callback may run here, but the gate is still shut: what it starts goes in its turn. */
static void on_end(struct loop_task *task)
{
    struct recovery *recovery = container_of(task, struct recovery, end);
    semel_channel *channel = container_of(recovery, struct semel_channel, recovery);
    bool in_use = channel->outbox.queue != NULL; /* a connection that is left judges nothing any more */
    if (in_use && recovery->gives_up)
        give_up_all_waiting(channel);
    else if (in_use)
        greeting_settle(channel, recovery->verdict);
    set_state(recovery, RECOVERY_IDLE);
    open_gate(channel);
    channel_kick(channel);
}

static void call_function(semel_channel *channel, semel_recovery *run)
{
    struct recovery *recovery = &channel->recovery;
    channel->callbacks++;
    recovery->passing = true;
    recovery->fn(run, recovery->user);
    recovery->passing = false;
    channel->callbacks--;
    loop_freshen(channel_loop(channel));
}

bool recovery_begin(semel_channel *channel, enum retry_verdict verdict)
{
    struct recovery *recovery = &channel->recovery;
    bool first = channel->stats.connections == 1;
    if (recovery->fn == NULL || recovery->suspended || first)
        return false;
    bool allowed = recovery->limit == 0 || recovery->begun < recovery->limit;
    semel_recovery *run = allowed ? add_run(channel, verdict == RETRY_RESUMED) : NULL;
    recovery->verdict = verdict;
    if (run == NULL) { /* rather refuse than go on unrecovered */
        tell(channel, SEMEL_LOG_WARNING,
             allowed ? "was the last: no memory for another" : "was the last allowed");
        give_up_all_waiting(channel);
        return true;
    }
    recovery->begun++;
    channel->stats.recoveries++;
    recovery->run = run;
    channel->outbox.gated = true;
    set_state(recovery, RECOVERY_RUNNING);
    tell(channel, SEMEL_LOG_INFO, verdict == RETRY_RESUMED ? "begins, session resumed" : "begins, new session");
    call_function(channel, run);
    return true;
}

static void end_run(semel_recovery *run, bool gives_up)
{
    semel_channel *channel = run->channel;
    struct recovery *recovery = &channel->recovery;
    if (recovery->run == run) {
        recovery->run = NULL;
        recovery->gives_up = gives_up;
        set_state(recovery, RECOVERY_ENDING);
        tell(channel, gives_up ? SEMEL_LOG_WARNING : SEMEL_LOG_INFO, gives_up ? "gave up" : "is done");
        loop_later(channel_loop(channel), &recovery->end);
    }
    free_run(run);
}

void semel_recovery_continue(semel_recovery *recovery)
{
    end_run(recovery, false);
}

void semel_recovery_give_up(semel_recovery *recovery)
{
    end_run(recovery, true);
}

bool semel_recovery_resumed(const semel_recovery *recovery)
{
    return recovery->resumed;
}

semel_channel *semel_recovery_channel(const semel_recovery *recovery)
{
    return recovery->channel;
}

/* ---- when the connection goes ---- */

bool recovery_cut(semel_channel *channel)
{
    struct recovery *recovery = &channel->recovery;
    if (recovery->state == RECOVERY_IDLE)
        return false;
    tell(channel, SEMEL_LOG_INFO, "was cut short: its connection is gone");
    loop_task_cancel(channel_loop(channel), &recovery->end);
    recovery->run = NULL;
    set_state(recovery, RECOVERY_IDLE);
    channel->outbox.gated = false;
    return true;
}

void recovery_lost(semel_channel *channel, const struct channel_round *round)
{
    channel_each_call(channel, give_up_passing, NULL);
    channel_fail_waiting(channel, round);
}

void recovery_init(semel_channel *channel)
{
    channel->recovery = (struct recovery){.state = RECOVERY_IDLE};
    loop_task_init(&channel->recovery.end, on_end);
}

void recovery_stop(semel_channel *channel)
{
    (void)recovery_cut(channel);
    channel->recovery.fn = NULL;
}

void recovery_fini(semel_channel *channel)
{
    while (channel->recovery.runs != NULL)
        free_run(channel->recovery.runs);
}

/* ---- controls ---- */

struct attaching {
    semel_channel *channel;
    semel_recovery_fn *fn;
    void *user;
};

static void attach_now(void *arg)
{
    const struct attaching *attaching = arg;
    semel_channel *channel = attaching->channel;
    outbox_reserve(&channel->outbox, attaching->fn != NULL);
    channel->recovery.fn = attaching->fn;
    channel->recovery.user = attaching->user;
}

void semel_channel_attach_recovery(semel_channel *channel, semel_recovery_fn *fn, void *user)
{
    struct attaching attaching = {channel, fn, user};
    node_call(channel->node, attach_now, &attaching);
}

static void suspend_now(void *channel)
{
    ((semel_channel *)channel)->recovery.suspended = true;
}

void semel_channel_suspend_recovery(semel_channel *channel)
{
    node_call(channel->node, suspend_now, channel);
}

static void enable_now(void *channel)
{
    ((semel_channel *)channel)->recovery.suspended = false;
}

void semel_channel_enable_recovery(semel_channel *channel)
{
    node_call(channel->node, enable_now, channel);
}

struct limiting {
    semel_channel *channel;
    uint64_t most;
};

static void limit_now(void *arg)
{
    const struct limiting *limiting = arg;
    limiting->channel->recovery.limit = limiting->most;
}

void semel_channel_limit_recoveries(semel_channel *channel, uint64_t most)
{
    struct limiting limiting = {channel, most};
    node_call(channel->node, limit_now, &limiting);
}

struct asking {
    const semel_channel *channel;
    uint64_t begun;
};

static void ask_now(void *arg)
{
    struct asking *asking = arg;
    asking->begun = asking->channel->recovery.begun;
}

uint64_t semel_channel_recoveries(const semel_channel *channel)
{
    struct asking asking = {channel, 0};
    node_call(channel->node, ask_now, &asking);
    return asking.begun;
}

static void reset_now(void *channel)
{
    ((semel_channel *)channel)->recovery.begun = 0;
}

void semel_channel_reset_recoveries(semel_channel *channel)
{
    node_call(channel->node, reset_now, channel);
}
