/* Calls: how they fail, how they are answered, how they end.
 *
 * Reads best next: call.h, core/retry.h; stub.c, where calls begin. */
#include "client/call.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/channel.h"
#include "client/stub.h"
#include "core/message.h"
#include "core/units.h"

/* ---- ending ---- */

static void fill_status(const struct call *call, const struct retry_decision *end, uint32_t attempts,
                        semel_status *status)
{
    semel_status_init(status);
    status->code = end->code;
    status->reason = end->reason;
    status->outcome = end->outcome;
    status->rule = end->code == SEMEL_OK ? SEMEL_RULE_NONE : end->rule;
    status->attempts = attempts;
    status->replays = call->replays;
    status->method = call->method->name;
    status->elapsed_us = (node_now(call->channel->node) - call->started_ns) / US_IN_NS;
    trail_copy(call->trail, status);
}

static void count_end(semel_channel *channel, const semel_status *status)
{
    if (status->code == SEMEL_OK) {
        channel->stats.ok++;
        return;
    }
    channel->stats.failed[status->outcome]++;
    channel->stats.failed_by[status->reason]++;
}

/* Without the unused part of the trail, which is most of it. */
static void copy_status(semel_status *into, const semel_status *from)
{
    memcpy(into, from, offsetof(semel_status, trail) + from->trail_count * sizeof from->trail[0]);
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
        call->method->deliver(call->done, reply, error, status, call->user);
        channel->callbacks--;
    }
}

static void end(struct call *call, const void *reply, const void *error, const semel_status *status)
{
    semel_channel *channel = call->channel;
    loop_timer_stop(channel_loop(channel), &call->deadline);
    loop_timer_stop(channel_loop(channel), &call->retry);
    bool frame_is_free = outbox_end(&channel->outbox, &call->slot);
    count_end(channel, status);
    hand_over(call, reply, error, status);
    if (frame_is_free)
        call_free(call);
    channel_call_ended(channel);
}

/* ---- failing ---- */

static enum semel_progress progress_of(const struct call *call)
{
    if (call->slot.exposed)
        return SEMEL_PROGRESS_WRITTEN;
    /* Out of the queue again, a frame that was started can not be completed. */
    return call->slot.out.queued ? outgoing_progress(&call->slot.out) : SEMEL_PROGRESS_QUEUED;
}

static int64_t remaining_ms(const struct call *call)
{
    if (call->policy.deadline_ns == 0)
        return RETRY_NO_DEADLINE;
    return (call->started_ns + call->policy.deadline_ns - node_now(call->channel->node)) / MS_IN_NS;
}

static struct retry_input describe(const struct call *call, const struct call_failure *failure)
{
    return (struct retry_input){
        .idempotent = call->method->mode != SEMEL_AT_MOST_ONCE,
        .progress = progress_of(call),
        .exposed_elsewhere = call->slot.exposed_elsewhere,
        .failure = failure->failure,
        .verdict = failure->verdict,
        .reason = failure->reason,
        .code = failure->code,
        .answered = failure->answered,
        .outcome = failure->outcome,
        .failures = call->failures,
        .cancel_asked = call->cancel_asked,
        .before_its_time = node_now(call->channel->node) < call->retry_at_ns,
        .pushback_ms = failure->pushback_ms,
        .remaining_ms = remaining_ms(call),
        .policy = &call->policy.retry,
    };
}

/* Whether an attempt is under way, as opposed to a wait between two. */
static bool attempt_is_under_way(const struct call *call)
{
    if (call->slot.state == OUTBOX_READY)
        return call->retry_at_ns <= node_now(call->channel->node);
    return call->slot.state == OUTBOX_QUEUED || call->slot.state == OUTBOX_WRITTEN;
}

static void record_attempt(struct call *call, const struct call_failure *failure)
{
    struct semel_attempt *attempt = trail_add(&call->trail);
    if (attempt == NULL)
        return;
    int64_t now_ns = node_now(call->channel->node);
    attempt->number = call->failures;
    attempt->failure = failure->reason;
    attempt->os_error = failure->os_error;
    attempt->lost = failure->failure == RETRY_CONNECTION_LOST;
    attempt->connection = call->connection;
    attempt->bytes_total = call->slot.out.size;
    attempt->failed_us = (now_ns - call->started_ns) / US_IN_NS;
    attempt->sent_us = -1;
    if (call->connection != 0) {
        attempt->bytes_written = call->slot.out.taken;
        attempt->progress = outgoing_progress(&call->slot.out);
        if (attempt->progress == SEMEL_PROGRESS_WRITTEN)
            attempt->sent_us = (call->sent_ns - call->started_ns) / US_IN_NS;
    }
    if (call->endpoint != NULL)
        snprintf(attempt->endpoint, sizeof attempt->endpoint, "%s", call->endpoint);
}

static void record_decision(struct call *call, const struct retry_decision *decision)
{
    struct semel_attempt *attempt = trail_latest(call->trail);
    if (attempt == NULL)
        return;
    attempt->rule = decision->rule;
    attempt->retried = decision->action != RETRY_FAIL && decision->action != RETRY_FINISH;
    if (decision->wait_ms > 0)
        attempt->wait_us = (int64_t)decision->wait_ms * 1000;
}

static void trace(const struct call *call, const struct call_failure *failure,
                  const struct retry_decision *decision)
{
    bool stops = decision->action == RETRY_FAIL || decision->action == RETRY_FINISH;
    if (call->channel->trace_retry == 0 || (stops && call->channel->trace_retry < 2))
        return;
    node_log(call->channel->node, SEMEL_LOG_TRACE,
             "retry: %s seq %llu attempt %u: %s (%s), %s -> %s by %s, wait %u ms", call->method->name,
             (unsigned long long)call->slot.seq, call->failures, retry_failure_name(failure->failure),
             semel_reason_name(failure->reason), semel_progress_name(progress_of(call)),
             retry_action_name(decision->action), semel_rule_name(decision->rule), decision->wait_ms);
}

static void set_message(semel_status *status, const struct call_failure *failure)
{
    if (failure->text != NULL && failure->text_size > 0) {
        size_t size = failure->text_size;
        bool cut = size >= sizeof status->message;
        if (cut)
            size = sizeof status->message - 4;
        for (size_t i = 0; i < size; i++) /* the peer's words go to terminals and logs */
            status->message[i] = (unsigned char)failure->text[i] < ' ' ? '?' : failure->text[i];
        memcpy(status->message + size, cut ? "..." : "", cut ? 4 : 1);
        return;
    }
    if (failure->os_error != 0)
        snprintf(status->message, sizeof status->message, "%s: %s", semel_reason_text(status->reason),
                 strerror(failure->os_error));
    else
        snprintf(status->message, sizeof status->message, "%s", semel_reason_text(status->reason));
}

static const struct semel_error_type *declared_error(const struct semel_method *method, uint64_t id)
{
    for (uint32_t i = 0; i < method->error_count; i++)
        if (method->errors[i].id == id)
            return &method->errors[i];
    return NULL;
}

/* Decodes the error into the receipt of whoever asked.  *ret_receipt: NULL if nobody did. */
static bool fill_receipt(struct call *call, const struct semel_error_type *type, const struct raised *raised,
                         void **ret_receipt, const char **ret_problem)
{
    const struct semel_method *method = call->method;
    void *receipt = call->sync != NULL ? call->sync->ret_error : NULL;
    *ret_receipt = NULL;
    if (call->sync == NULL && call->done != NULL) {
        receipt = channel_reply_scratch(call->channel, method->error_size);
        *ret_problem = "out of memory for the error";
        if (receipt == NULL)
            return false;
    }
    if (receipt == NULL)
        return true;
    memset(receipt, 0, method->error_size);
    if (!message_decode(type->fields, type->recursive, (char *)receipt + method->error_offset, raised->message,
                        raised->message_size, ret_problem)) {
        memset(receipt, 0, method->error_size);
        return false;
    }
    const unsigned which = (unsigned)(type - method->errors) + 1;
    memcpy(receipt, &which, sizeof which);
    *ret_receipt = receipt;
    return true;
}

/* A declared error arrived: typed if this side knows it, as UNKNOWN with its text if not. */
static void end_by_error(struct call *call, const struct raised *raised, semel_status *status)
{
    const struct semel_error_type *type = declared_error(call->method, raised->id);
    void *receipt = NULL;
    const char *problem;
    if (type == NULL) {
        status->code = SEMEL_UNKNOWN;
        status->reason = SEMEL_REASON_UNDECLARED_ERROR;
    } else if (fill_receipt(call, type, raised, &receipt, &problem)) {
        status->error = type->name;
    } else {
        status->code = SEMEL_INTERNAL;
        status->reason = SEMEL_REASON_DECODE_FAILED;
        snprintf(status->message, sizeof status->message, "%s: %s", type->name, problem);
    }
    bool release = receipt != NULL && call->sync == NULL;
    const struct semel_method *method = call->method;
    end(call, NULL, receipt, status);
    if (release)
        semel_error_release(method, receipt);
}

/* FAIL and FINISH: the call is over. */
static void end_by_decision(struct call *call, const struct call_failure *failure,
                            const struct retry_decision *decision)
{
    semel_status status;
    fill_status(call, decision, call->failures, &status);
    set_message(&status, failure);
    if (failure->raised != NULL && decision->action == RETRY_FINISH)
        end_by_error(call, failure->raised, &status);
    else
        end(call, NULL, NULL, &status);
}

/* AGAIN after an answer: the connection is there, the call waits for its time. */
static void delay(struct call *call, uint32_t wait_ms)
{
    struct outbox *outbox = &call->channel->outbox;
    if (call->slot.state == OUTBOX_QUEUED && !outbox_unqueue(outbox, &call->slot))
        return; /* a replay is half-written already: it is the next attempt */
    outbox_set(outbox, &call->slot, OUTBOX_DELAYED);
    int64_t due_ns = node_now(call->channel->node) + wait_ms * MS_IN_NS;
    if (!loop_timer_start(channel_loop(call->channel), &call->retry, due_ns))
        outbox_set(outbox, &call->slot, OUTBOX_READY); /* no memory for a wait: rather early than never */
}

static void carry_out(struct call *call, const struct call_failure *failure,
                      const struct retry_decision *decision)
{
    semel_channel *channel = call->channel;
    channel->stats.by_rule[decision->rule]++;
    record_decision(call, decision);
    trace(call, failure, decision);
    if (decision->action == RETRY_FAIL || decision->action == RETRY_FINISH) {
        end_by_decision(call, failure, decision);
        return;
    }
    call->connection = 0;
    call->endpoint = NULL;
    if (failure->verdict ==
        RETRY_NO_VERDICT) /* a verdict takes no wait of its own: the one under way goes on */
        call->retry_at_ns = node_now(channel->node) + decision->wait_ms * MS_IN_NS;
    if (decision->action != RETRY_HOLD)
        channel->stats.retries++;
    if (decision->action == RETRY_HOLD) {
        channel->stats.held++;
        if (call->slot.state != OUTBOX_HELD)
            outbox_set(&channel->outbox, &call->slot, OUTBOX_HELD);
    } else if (failure->answered) {
        delay(call, decision->wait_ms);
    } else if (call->slot.state != OUTBOX_READY) {
        outbox_set(&channel->outbox, &call->slot, OUTBOX_READY);
    }
}

/* RIDE: the decision it waits under still stands. */
static void wait_on(struct call *call)
{
    call->connection = 0;
    call->endpoint = NULL;
    outbox_set(&call->channel->outbox, &call->slot, call->slot.exposed ? OUTBOX_HELD : OUTBOX_READY);
}

/* Whether it ends an attempt; the caller may also end a call between two of them. */
static bool ends_attempt(const struct call *call, const struct call_failure *failure)
{
    bool by_caller = failure->failure == RETRY_DEADLINE || failure->failure == RETRY_CANCELLED;
    return !by_caller || call->failures == 0 || attempt_is_under_way(call);
}

void call_failed(struct call *call, const struct call_failure *failure)
{
    if (failure->failure == RETRY_REFUSED)
        call->slot.exposed = false; /* the peer's word that it did not run */
    struct retry_input input = describe(call, failure);
    input.failures += ends_attempt(call, failure);
    struct retry_decision decision = retry_decide(&input);
    if (decision.action == RETRY_RIDE) {
        wait_on(call);
        return;
    }
    if (input.failures > call->failures) {
        call->failures = input.failures;
        if (failure->failure != RETRY_ANSWERED)
            record_attempt(call, failure);
    }
    if (failure->answered && decision.action == RETRY_AGAIN && failure->failure != RETRY_REFUSED) {
        call->slot.exposed = false; /* that run is answered; the next attempt is another one */
        call->slot.exposed_elsewhere = true;
    }
    carry_out(call, failure, &decision);
}

void call_too_large(struct call *call)
{
    const struct call_failure failure = {
        .failure = RETRY_PROTOCOL, .reason = SEMEL_REASON_TOO_LARGE, .code = SEMEL_INVALID_ARGUMENT};
    call_failed(call, &failure);
}

void call_judge(struct call *call, enum retry_verdict verdict)
{
    struct call_failure failure = {
        .failure = RETRY_CONNECTION_LOST, .verdict = verdict, .reason = SEMEL_REASON_CONNECTION_LOST};
    assert(call->slot.state == OUTBOX_HELD);
    struct semel_attempt *attempt = trail_latest(call->trail);
    if (attempt != NULL) {
        attempt->resumed = verdict == RETRY_RESUMED;
        attempt->verdict = verdict == RETRY_NEW            ? SEMEL_REASON_SESSION_NEW
                           : verdict == RETRY_OTHER_DOMAIN ? SEMEL_REASON_DOMAIN_CHANGED
                                                           : SEMEL_REASON_NONE;
    }
    struct retry_input input = describe(call, &failure);
    struct retry_decision decision = retry_decide(&input);
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

/* ---- being answered ---- */

static void decode_failed(struct call *call, const char *error)
{
    const struct retry_decision decision = {.action = RETRY_FINISH,
                                            .rule = SEMEL_RULE_R8,
                                            .code = SEMEL_INTERNAL,
                                            .reason = SEMEL_REASON_DECODE_FAILED,
                                            .outcome = SEMEL_OUTCOME_EXECUTED};
    const struct call_failure failure = {.text = error, .text_size = strlen(error)};
    call->failures++;
    end_by_decision(call, &failure, &decision);
}

static void succeed(struct call *call, const struct frame *frame)
{
    const struct semel_method *method = call->method;
    bool wanted = !method->oneway && (call->sync != NULL || call->done != NULL);
    void *reply = call->sync != NULL ? call->sync->out : NULL;
    const char *error = "out of memory for the reply";
    if (wanted && reply == NULL)
        reply = channel_reply_scratch(call->channel, method->reply_size);
    if (wanted && (reply == NULL || !message_decode(method->reply_fields, method->reply_recursive, reply,
                                                    frame->body, frame->body_size, &error))) {
        if (call->sync != NULL)
            memset(reply, 0, method->reply_size);
        decode_failed(call, error);
        return;
    }
    semel_channel *channel = call->channel;
    bool release = wanted && call->sync == NULL;
    const struct retry_decision decision = {.rule = SEMEL_RULE_R8, .outcome = SEMEL_OUTCOME_EXECUTED};
    semel_status status;
    channel->stats.by_rule[SEMEL_RULE_R8]++;
    fill_status(call, &decision, call->failures + 1, &status);
    end(call, reply, NULL, &status);
    if (release)
        message_release(method->reply_fields, reply);
}

/* What an answer that is no success means to the rules. */
static enum retry_failure classify(const struct frame *frame)
{
    if ((frame->flags & FRAME_REFUSED) != 0)
        return RETRY_REFUSED;
    switch ((enum semel_reason)frame->aux) {
    case SEMEL_REASON_BEGUN: return RETRY_BEGUN;
    case SEMEL_REASON_REPLY_GONE: return RETRY_REPLY_GONE;
    case SEMEL_REASON_EXPIRED: return RETRY_DEADLINE;
    case SEMEL_REASON_CANCELLED: return RETRY_CANCELLED;
    case SEMEL_REASON_FALSE_RETRY:
    case SEMEL_REASON_MODE_MISMATCH:
    case SEMEL_REASON_MALFORMED:
    case SEMEL_REASON_NO_METHOD:
    case SEMEL_REASON_NO_HANDLER:
    case SEMEL_REASON_STALE: return RETRY_PROTOCOL;
    default: return RETRY_ANSWERED;
    }
}

bool call_answered(struct call *call, const struct frame *frame)
{
    enum semel_outcome outcome = (enum semel_outcome)(frame->flags & FRAME_OUTCOME_MASK);
    if (!call->slot.exposed || frame->method != call->method->id)
        return false;
    if (frame->code == SEMEL_OK) {
        if (outcome != SEMEL_OUTCOME_EXECUTED)
            return false;
        succeed(call, frame);
        return true;
    }
    struct call_failure failure = {
        .failure = classify(frame),
        .reason = (enum semel_reason)frame->aux,
        .code = (enum semel_code)frame->code,
        .outcome = outcome,
        .answered = true,
        .pushback_ms = frame->time_ms,
        .text = (const char *)frame->body,
        .text_size = frame->body_size,
    };
    if (failure.reason == SEMEL_REASON_NONE)
        return false;
    struct raised raised;
    if (failure.reason == SEMEL_REASON_DECLARED_ERROR) {
        if (!raised_read(frame->body, frame->body_size, &raised)) {
            decode_failed(call, "a declared error that cannot be read");
            return true;
        }
        failure.raised = &raised;
        failure.text = raised.text;
        failure.text_size = raised.text_size;
    }
    semel_channel *channel = call->channel;
    call_failed(call, &failure);
    if (failure.failure == RETRY_REFUSED && (frame->flags & FRAME_ELSEWHERE) != 0 &&
        channel->reconnector.endpoint_count > 1)
        channel_part(channel); /* the endpoint that is left is tried last */
    return true;
}

/* ---- on the wire ---- */

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
    if (call->policy.deadline_ns != 0) {
        int64_t left_ns = call->started_ns + call->policy.deadline_ns - node_now(channel->node);
        int64_t left_ms = (left_ns + MS_IN_NS - 1) / MS_IN_NS;
        time_ms = left_ms <= 0 ? 0 : left_ms >= FRAME_NO_DEADLINE ? FRAME_NO_DEADLINE - 1 : (uint32_t)left_ms;
    }
    call->connection = channel->connection;
    call->endpoint = channel->endpoint;
    frame_stamp(call->slot.out.bytes, outbox_behind(&channel->outbox, call->slot.seq), time_ms);
}
