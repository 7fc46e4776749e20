/* Calls: how they fail, how they are answered, how they end.
 *
 * Reads best next: call.h, core/retry.h; stub.c, where calls begin. */
#include "client/call.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/answer.h"
#include "client/back.h"
#include "client/channel.h"
#include "client/hedge.h"
#include "client/record.h"
#include "client/stub.h"
#include "core/message.h"
#include "core/units.h"
#include "net/random.h"

/* ---- ending ---- */

static void count_end(struct semel_channel_stats *stats, const semel_status *status, bool oneway)
{
    if (status->code == SEMEL_OK) {
        stats->ok++;
        stats->oneways_acknowledged += oneway;
        return;
    }
    if (status->reason == SEMEL_REASON_DATAGRAM_SENT) {
        stats->datagrams++;
        return;
    }
    stats->failed[status->outcome]++;
    stats->failed_by[status->reason]++;
    stats->oneways_lost[status->outcome] += oneway;
    stats->oneways_lost_by[status->reason] += oneway;
}

/* Without the unused part of the trail, which is most of it. */
static void copy_status(semel_status *into, const semel_status *from)
{
    memcpy(into, from, offsetof(semel_status, trail) + from->trail_count * sizeof from->trail[0]);
}

/* The loss of a oneway that has no callback of its own. */
static void tell_loss(struct call *call, const semel_status *status)
{
    semel_channel *channel = call->channel;
    bool lost = status->code != SEMEL_OK && status->reason != SEMEL_REASON_DATAGRAM_SENT;
    if (!call->method->oneway || !lost || channel->loss == NULL)
        return;
    channel->callbacks++;
    channel->loss(call->method, status, channel->loss_user);
    channel->callbacks--;
}

/* Hands the result over: to the thread that waits, or to the callback, exactly once. */
static void hand_over(struct call *call, const void *reply, const void *error, const semel_status *status)
{
    semel_channel *channel = call->channel;
    if (call->sync != NULL) {
        call->sync->code = status->code;
        if (call->sync->ret_status != NULL)
            copy_status(call->sync->ret_status, status);
        call->sync->ended(call->sync);
    } else if (call->done != NULL) {
        channel->callbacks++;
        channel->recovery.passing = call->slot.passes && channel->outbox.gated;
        call->method->deliver(call->done, reply, error, status, call->user);
        channel->recovery.passing = false;
        channel->callbacks--;
    } else {
        tell_loss(call, status);
    }
}

/* Takes it out of everything that could still touch it.  Returns whether its frame is free. */
static bool retire(struct call *call)
{
    loop_timer_stop(channel_loop(call->channel), &call->deadline);
    loop_timer_stop(channel_loop(call->channel), &call->retry);
    return outbox_end(&call->channel->outbox, &call->slot);
}

void call_end(struct call *call, const void *reply, const void *error, const semel_status *status)
{
    semel_channel *channel = call->channel;
    bool frame_is_free = retire(call);
    hedge_end(call);
    if (call->hedge_of != NULL) {
        hedge_attempt_ended(call, status->outcome);
    } else {
        count_end(&channel->stats, status, call->method->oneway);
        hand_over(call, reply, error, status);
    }
    if (frame_is_free)
        call_free(call);
    channel_call_ended(channel);
}

void call_drop(struct call *call)
{
    semel_channel *channel = call->channel;
    if (call->slot.state == OUTBOX_WRITTEN)
        channel_send_cancel(channel, call);
    if (retire(call))
        call_free(call);
    channel_call_ended(channel);
}

/* ---- failing ---- */

enum semel_progress call_progress(const struct call *call)
{
    if (call->slot.exposed)
        return SEMEL_PROGRESS_WRITTEN;
    /* Out of the queue again, a frame that was started can not be completed. */
    return call->slot.out.queued ? outgoing_progress(&call->slot.out) : SEMEL_PROGRESS_QUEUED;
}

static int64_t remaining_ms(const struct call *call)
{
    if (call->deadline_ns == 0)
        return RETRY_NO_DEADLINE;
    return (call->deadline_ns - node_now(call->channel->node)) / MS_IN_NS;
}

static struct retry_input describe(const struct call *call, const struct call_failure *failure,
                                   uint32_t failures)
{
    semel_channel *channel = call->channel;
    loop_freshen(channel_loop(channel)); /* callbacks of other calls may have run since the turn began */
    int64_t now_ns = node_now(channel->node);
    bool never = failure->pushback_ms == FRAME_NEVER;
    return (struct retry_input){
        .idempotent = call_is_idempotent(call),
        .progress = call_progress(call),
        .exposed_elsewhere = call->slot.exposed_elsewhere,
        .failure = failure->failure,
        .verdict = failure->verdict,
        .reason = failure->reason,
        .code = failure->code,
        .answered = failure->answered,
        .outcome = failure->outcome,
        .cancel_asked = call->cancel_asked,
        .before_its_time = now_ns < call->retry_at_ns,
        .failures = failures,
        .never = never,
        .pushback_ms = never ? 0 : failure->pushback_ms,
        .elapsed_ms = (now_ns - call->started_ns) / MS_IN_NS,
        .remaining_ms = remaining_ms(call),
        .last_wait_ms = call->last_wait_ms,
        .random = random_u64(),
        .budget_empty = !budget_has(&channel->budget, now_ns),
        .breaker_open = reconnector_is_barred(&channel->reconnector),
        .policy = &call->policy->retry,
    };
}

bool call_is_under_way(const struct call *call)
{
    if (call->slot.state == OUTBOX_READY)
        return call->retry_at_ns <= node_now(call->channel->node);
    return call->slot.state == OUTBOX_QUEUED || call->slot.state == OUTBOX_WRITTEN;
}

/* Out of reach of connections, while further attempts are out.  false: its frame has been started. */
static bool park(struct call *call)
{
    if (call->slot.state == OUTBOX_QUEUED && !outbox_unqueue(&call->channel->outbox, &call->slot))
        return false;
    if (!call->slot.parked)
        outbox_park(&call->channel->outbox, &call->slot);
    loop_timer_stop(channel_loop(call->channel), &call->retry);
    if (call->channel->outbox.queue != NULL)
        channel_kick(call->channel); /* what its seq held back may be a further attempt of its own */
    return true;
}

/* FAIL and FINISH: the call is over, but for further attempts that may still be answered. */
void call_finish(struct call *call, const struct call_failure *failure, const struct retry_decision *decision)
{
    semel_status status;
    if (call->slot.state == OUTBOX_WRITTEN && !failure->answered)
        channel_send_cancel(call->channel, call); /* nobody waits any more: the server may stop */
    record_status(call, decision, call->failures, &status);
    record_message(&status, failure);
    bool fails = decision->action == RETRY_FAIL;
    if (fails && hedge_takes_over(call, &status) && park(call))
        return;
    if (status.outcome == SEMEL_OUTCOME_NOT_EXECUTED && hedge_may_have_run(call))
        status.outcome = SEMEL_OUTCOME_UNKNOWN;
    if (failure->raised != NULL && !fails)
        answer_end_by_error(call, failure->raised, &status);
    else
        call_end(call, NULL, NULL, &status);
}

/* The attempt begins.  Without memory for a timer it ends with the deadline. */
static void time_attempt(struct call *call)
{
    int64_t timeout_ns = call->policy->attempt_timeout_ns;
    if (timeout_ns != 0 && !call->cancel_asked)
        (void)loop_timer_start(channel_loop(call->channel), &call->retry,
                               node_now(call->channel->node) + timeout_ns);
}

/* AGAIN after an answer: the connection is there, the call waits for its time. */
static void delay(struct call *call, uint32_t wait_ms)
{
    struct outbox *outbox = &call->channel->outbox;
    if (call->slot.state == OUTBOX_QUEUED && !outbox_unqueue(outbox, &call->slot)) {
        time_attempt(call); /* half-written already: it is the next attempt */
        return;
    }
    outbox_set(outbox, &call->slot, OUTBOX_DELAYED);
    int64_t due_ns = node_now(call->channel->node) + wait_ms * MS_IN_NS;
    if (!loop_timer_start(channel_loop(call->channel), &call->retry, due_ns))
        outbox_set(outbox, &call->slot, OUTBOX_READY); /* no memory for a wait: rather early than never */
}

static void count_decision(struct call *call, const struct retry_decision *decision)
{
    semel_channel *channel = call->channel;
    channel->stats.by_rule[decision->rule]++;
    if (decision->denied != SEMEL_REASON_NONE)
        channel->stats.denied_by[decision->denied]++;
    if (decision->charged)
        (void)budget_withdraw(&channel->budget, node_now(channel->node));
}

/* Another attempt, or a verdict to wait for. */
static void go_on(struct call *call, const struct call_failure *failure, const struct retry_decision *decision)
{
    semel_channel *channel = call->channel;
    bool connected = failure->answered || failure->failure == RETRY_ATTEMPT_TIMEOUT;
    call->connection = 0;
    call->endpoint = NULL;
    call->last_wait_ms = decision->wait_ms;
    if (failure->verdict ==
        RETRY_NO_VERDICT) /* a verdict takes no wait of its own: the one under way goes on */
        call->retry_at_ns = node_now(channel->node) + decision->wait_ms * MS_IN_NS;
    if (decision->action == RETRY_HOLD) {
        channel->stats.held++;
        if (call->slot.state != OUTBOX_HELD)
            outbox_set(&channel->outbox, &call->slot, OUTBOX_HELD);
        return;
    }
    channel->stats.retries++;
    if (connected)
        delay(call, decision->wait_ms);
    else if (call->slot.state != OUTBOX_READY)
        outbox_set(&channel->outbox, &call->slot, OUTBOX_READY);
}

static void carry_out(struct call *call, const struct call_failure *failure,
                      const struct retry_decision *decision)
{
    count_decision(call, decision);
    record_decision(call, failure, decision);
    if (!call->cancel_asked)
        loop_timer_stop(channel_loop(call->channel), &call->retry); /* that attempt is over */
    if (decision->action == RETRY_FAIL || decision->action == RETRY_FINISH)
        call_finish(call, failure, decision);
    else
        go_on(call, failure, decision);
}

/* The connection was not its own: the decision it waits under still stands. */
static void ride(struct call *call)
{
    call->connection = 0;
    call->endpoint = NULL;
    outbox_set(&call->channel->outbox, &call->slot, call->slot.exposed ? OUTBOX_HELD : OUTBOX_READY);
}

/* What ends a call between two attempts, its caller or a late answer, has not failed another one. */
static bool is_an_attempt(const struct call *call, const struct call_failure *failure)
{
    if (failure->failure == RETRY_GAVE_UP)
        return call->failures == 0;
    bool ends = failure->failure == RETRY_DEADLINE || failure->failure == RETRY_CANCELLED ||
                failure->failure == RETRY_ANSWERED;
    return !ends || call->failures == 0 || call_is_under_way(call);
}

void call_failed(struct call *call, const struct call_failure *failure)
{
    if (failure->failure == RETRY_REFUSED)
        call->slot.exposed = false; /* the peer's word that it did not run */
    bool counts = is_an_attempt(call, failure);
    const struct retry_input input = describe(call, failure, call->failures + counts);
    const struct retry_decision decision = retry_decide(&input);
    if (decision.action == RETRY_RIDE) {
        ride(call);
        return;
    }
    call->failures += counts;
    if (counts && failure->failure != RETRY_ANSWERED)
        record_attempt(call, failure);
    if (failure->answered && decision.action == RETRY_AGAIN && failure->failure != RETRY_REFUSED) {
        call->slot.exposed = false; /* that run is answered; the next attempt is another one */
        call->slot.exposed_elsewhere = true;
    }
    carry_out(call, failure, &decision);
}

/* An attempt that was written goes on at this server: the next one is for another, if there is one, and else meets
 * it. */
static void leave_attempt(struct call *call, bool barred)
{
    semel_channel *channel = call->channel;
    call->slot.exposed_elsewhere |= call->slot.exposed; /* no later answer is the word on that run */
    if (!barred && channel->reconnector.endpoint_count == 1)
        return;
    call->slot.exposed = false;
    channel_leave(channel, call);
}

void call_attempt_timed_out(struct call *call)
{
    const struct call_failure failure = {.failure = RETRY_ATTEMPT_TIMEOUT,
                                         .reason = SEMEL_REASON_ATTEMPT_TIMEOUT};
    if (call->slot.state != OUTBOX_QUEUED && call->slot.state != OUTBOX_WRITTEN)
        return; /* the attempt was taken back meanwhile */
    semel_channel *channel = call->channel;
    uint64_t seq = call->slot.seq;
    call_failed(call, &failure);
    bool barred = reconnector_trouble(&channel->reconnector);
    call = (struct call *)outbox_find(&channel->outbox, seq);
    if (call != NULL && call_is_idempotent(call))
        leave_attempt(call, barred);
    else if (barred)
        channel_part(channel);
    if (channel->back != NULL)
        back_settle(channel->back); /* a connection that parts may have waited for this attempt */
}

void call_too_large(struct call *call)
{
    const struct call_failure failure = {
        .failure = RETRY_PROTOCOL, .reason = SEMEL_REASON_TOO_LARGE, .code = SEMEL_INVALID_ARGUMENT};
    call_failed(call, &failure);
}

/* What the next server said of the session. */
static void note_verdict(struct call *call, enum retry_verdict verdict)
{
    struct semel_attempt *attempt = trail_latest(call->trail);
    if (attempt == NULL)
        return;
    attempt->resumed = verdict == RETRY_RESUMED;
    attempt->verdict = verdict == RETRY_NEW            ? SEMEL_REASON_SESSION_NEW
                       : verdict == RETRY_OTHER_DOMAIN ? SEMEL_REASON_DOMAIN_CHANGED
                                                       : SEMEL_REASON_NONE;
}

void call_give_up(struct call *call, enum retry_verdict verdict)
{
    const struct semel_attempt *latest = trail_latest(hedge_first(call)->trail);
    const struct call_failure failure = {.failure = RETRY_GAVE_UP,
                                         .verdict = verdict,
                                         .reason = latest != NULL ? latest->failure
                                                                  : SEMEL_REASON_RECOVERY_GAVE_UP,
                                         .os_error = latest != NULL ? latest->os_error : 0};
    if (call->slot.state == OUTBOX_HELD)
        note_verdict(call, verdict);
    call_failed(call, &failure);
}

void call_judge(struct call *call, enum retry_verdict verdict)
{
    struct call_failure failure = {
        .failure = RETRY_CONNECTION_LOST, .verdict = verdict, .reason = SEMEL_REASON_CONNECTION_LOST};
    assert(call->slot.state == OUTBOX_HELD);
    note_verdict(call, verdict);
    const struct retry_input input = describe(call, &failure, call->failures);
    const struct retry_decision decision = retry_decide(&input);
    if (decision.action == RETRY_REPLAY) {
        call->replays++;
        call->channel->stats.replays++;
        call->slot.exposed_elsewhere |= input.idempotent; /* that run left no record to answer from */
    } else if (decision.action == RETRY_AGAIN) {
        call->slot.exposed = false;
        call->slot.exposed_elsewhere = true;
    }
    carry_out(call, &failure, &decision);
}

/* ---- on the wire ---- */

/* The first attempt that is written, whichever it is, is the one that is told of. */
void call_tell_sent(struct call *call)
{
    semel_channel *channel = call->channel;
    semel_sent_fn *sent = call->sent;
    call->was_written = true;
    call->sent = NULL;
    if (sent == NULL)
        return;
    channel->callbacks++;
    sent((semel_call){.seq = call->slot.seq}, call->sent_user);
    channel->callbacks--;
}

void call_sent(struct call *call)
{
    if (call->slot.state == OUTBOX_ENDED) {
        call_free(call);
        return;
    }
    outbox_written(&call->slot);
    call->sent_ns = node_now(call->channel->node);
    if (call->cancel_asked)
        channel_send_cancel(call->channel, call);
    call_tell_sent(hedge_first(call));
}

void call_dropped(struct call *call)
{
    if (call->slot.state == OUTBOX_ENDED)
        call_free(call);
}

void call_stamp(struct call *call)
{
    semel_channel *channel = call->channel;
    uint32_t time_ms = FRAME_NO_DEADLINE;
    if (call->deadline_ns != 0) {
        int64_t left_ns = call->deadline_ns - node_now(channel->node);
        int64_t left_ms = (left_ns + MS_IN_NS - 1) / MS_IN_NS;
        time_ms = left_ms <= 0 ? 0 : left_ms >= FRAME_NO_DEADLINE ? FRAME_NO_DEADLINE - 1 : (uint32_t)left_ms;
    }
    if (call->policy->attempt_timeout_ns != 0)
        time_attempt(call);
    call->connection = channel->connection;
    call->endpoint = channel->endpoint;
    frame_stamp(call->slot.out.bytes, outbox_behind(&channel->outbox, call->slot.seq), time_ms);
}
