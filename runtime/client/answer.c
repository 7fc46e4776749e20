/* Answers taken apart.
 *
 * Reads best next: answer.h. */
#include "client/answer.h"

#include <stdio.h>
#include <string.h>

#include "client/channel.h"
#include "client/hedge.h"
#include "client/record.h"
#include "core/message.h"
#include "core/raised.h"
#include "core/receipt.h"

/* ---- declared errors ---- */

static const struct semel_error_type *declared_error(const struct semel_method *method, uint64_t id)
{
    for (uint32_t i = 0; i < method->error_count; i++)
        if (method->errors[i].id == id)
            return &method->errors[i];
    return NULL;
}

/* What arrived could not be decoded: its bytes are wrong, or there was no memory for it. */
static enum semel_code undecoded_code(const char *problem)
{
    return problem == message_no_memory ? SEMEL_RESOURCE_EXHAUSTED : SEMEL_INTERNAL;
}

static enum semel_reason undecoded_reason(const char *problem)
{
    return problem == message_no_memory ? SEMEL_REASON_NO_MEMORY : SEMEL_REASON_DECODE_FAILED;
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
        *ret_problem = message_no_memory;
        if (receipt == NULL)
            return false;
    }
    if (receipt == NULL)
        return true;
    memset(receipt, 0, method->error_size);
    const struct message_type error = {type->fields, type->size, type->recursive};
    if (!message_decode(error, (char *)receipt + method->error_offset, raised->message, raised->message_size,
                        ret_problem)) {
        memset(receipt, 0, method->error_size);
        return false;
    }
    const unsigned which = (unsigned)(type - method->errors) + 1;
    memcpy(receipt, &which, sizeof which);
    *ret_receipt = receipt;
    return true;
}

void answer_end_by_error(struct call *call, const struct raised *raised, semel_status *status)
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
        status->code = undecoded_code(problem);
        status->reason = undecoded_reason(problem);
        snprintf(status->message, sizeof status->message, "%s: %s", type->name, problem);
    }
    bool release = receipt != NULL && call->sync == NULL;
    const struct semel_method *method = call->method;
    call_end(call, NULL, receipt, status);
    if (release)
        semel_error_release(method, receipt);
}

/* ---- replies ---- */

static void decode_failed(struct call *call, const char *error)
{
    const struct retry_decision decision = {.action = RETRY_FINISH,
                                            .rule = SEMEL_RULE_R8,
                                            .code = undecoded_code(error),
                                            .reason = undecoded_reason(error),
                                            .outcome = SEMEL_OUTCOME_EXECUTED};
    const struct call_failure failure = {.text = error, .text_size = strlen(error)};
    call->failures += call_is_under_way(call);
    call->channel->stats.by_rule[SEMEL_RULE_R8]++;
    call_finish(call, &failure, &decision);
}

static void end_ok(struct call *call, const void *reply)
{
    const struct retry_decision decision = {.rule = SEMEL_RULE_R8, .outcome = SEMEL_OUTCOME_EXECUTED};
    semel_status status;
    call->channel->stats.by_rule[SEMEL_RULE_R8]++;
    record_status(call, &decision, call->failures + call_is_under_way(call), &status);
    call_end(call, reply, NULL, &status);
}

static void succeed(struct call *call, const struct frame *frame)
{
    const struct semel_method *method = call->method;
    const struct message_type type = {method->reply_fields, method->reply_size, method->reply_recursive};
    bool wanted = (call->sync != NULL || call->done != NULL);
    void *reply = call->sync != NULL ? call->sync->out : NULL;
    const char *error = message_no_memory;
    if (wanted && reply == NULL)
        reply = channel_reply_scratch(call->channel, method->reply_size);
    if (wanted && (reply == NULL || !message_decode(type, reply, frame->body, frame->body_size, &error))) {
        if (call->sync != NULL)
            memset(reply, 0, method->reply_size);
        decode_failed(call, error);
        return;
    }
    bool release = wanted && call->sync == NULL;
    end_ok(call, reply);
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

/* Whether there is an attempt of this call that could be answered.  An idempotent call may have left one behind on a
 * connection that parts. */
static bool was_asked(const struct call *call)
{
    return call->slot.exposed || (call_is_idempotent(call) && call->slot.exposed_elsewhere);
}

/* Whether it answers an attempt of this call.  That a oneway was executed is told by a receipt alone. */
static bool makes_sense(const struct call *call, const struct frame *frame)
{
    enum semel_outcome outcome = (enum semel_outcome)(frame->flags & FRAME_OUTCOME_MASK);
    if (!was_asked(call) || frame->method != call->method->id)
        return false;
    if (frame->code == SEMEL_OK)
        return !call->method->oneway && outcome == SEMEL_OUTCOME_EXECUTED && frame->aux == SEMEL_REASON_NONE;
    /* Whatever raised an error has run, and so can not have been refused. */
    bool refused = (frame->flags & FRAME_REFUSED) != 0;
    return frame->aux != SEMEL_REASON_NONE && !(refused && frame->aux == SEMEL_REASON_DECLARED_ERROR);
}

/* A refusal may say that the server has too much to do. */
static void judge_server(semel_channel *channel, const struct call_failure *failure)
{
    bool overloaded = failure->reason == SEMEL_REASON_OVERLOADED ||
                      failure->reason == SEMEL_REASON_TABLE_FULL || failure->reason == SEMEL_REASON_INACTIVE;
    if (failure->failure == RETRY_REFUSED && overloaded && reconnector_trouble(&channel->reconnector))
        channel_part(channel);
}

/* A declared error whose body is none: what is known of the run is the peer's word still. */
static void set_unreadable(struct call_failure *failure)
{
    static const char text[] = "a declared error that cannot be read";
    failure->reason = SEMEL_REASON_DECODE_FAILED;
    failure->code = SEMEL_INTERNAL;
    failure->text = text;
    failure->text_size = sizeof text - 1;
}

static void take_failure(struct call *call, const struct frame *frame)
{
    struct raised raised;
    struct call_failure failure = {
        .failure = classify(frame),
        .reason = (enum semel_reason)frame->aux,
        .code = (enum semel_code)frame->code,
        .outcome = (enum semel_outcome)(frame->flags & FRAME_OUTCOME_MASK),
        .answered = true,
        .pushback_ms = frame->time_ms,
        .text = (const char *)frame->body,
        .text_size = frame->body_size,
    };
    if (failure.reason == SEMEL_REASON_DECLARED_ERROR) {
        if (raised_read(frame->body, frame->body_size, &raised)) {
            failure.raised = &raised;
            failure.text = raised.text;
            failure.text_size = raised.text_size;
        } else {
            set_unreadable(&failure);
        }
    }
    semel_channel *channel = call->channel;
    call_failed(call, &failure);
    judge_server(channel, &failure);
    if (failure.failure == RETRY_REFUSED && (frame->flags & FRAME_ELSEWHERE) != 0 &&
        channel->reconnector.endpoint_count > 1)
        channel_part(channel); /* the endpoint that is left is tried last */
}

/* Whether the attempt it answers was given up before, and the next one has not begun: such an answer counts only if
 * it ends the call. */
static bool comes_late(const struct call *call, const struct frame *frame)
{
    bool between = call->slot.state == OUTBOX_DELAYED || call->slot.state == OUTBOX_READY;
    return between && !answer_is_final(call, frame);
}

bool answer_arrived(struct call *call, const struct frame *frame)
{
    if (!makes_sense(call, frame))
        return false;
    if ((frame->flags & FRAME_REFUSED) == 0)
        reconnector_prove(
            &call->channel->reconnector); /* the server of this attempt works, whoever's call it was */
    if (comes_late(call, frame))
        return true;
    if (call->hedge_of != NULL && hedge_answered(call, frame))
        return true;
    if (frame->code == SEMEL_OK)
        succeed(call, frame);
    else
        take_failure(call, frame);
    return true;
}

bool answer_is_final(const struct call *call, const struct frame *frame)
{
    if (frame->code == SEMEL_OK)
        return true;
    return classify(frame) == RETRY_ANSWERED &&
           !retry_is_retryable(&call->policy->retry, call_is_idempotent(call), (enum semel_code)frame->code);
}

void answer_take(struct call *call, const struct frame *frame)
{
    if (call->slot.state == OUTBOX_WRITTEN)
        channel_send_cancel(call->channel, call); /* its own attempt is asked for nothing more */
    if (frame->code == SEMEL_OK)
        succeed(call, frame);
    else
        take_failure(call, frame);
}

/* ---- receipts ---- */

/* Calls fn for every call of a run that has not ended; stops at the first false. */
static bool each_of_run(semel_channel *channel, const struct receipt_run *run, bool (*fn)(struct call *call))
{
    uint64_t end = run->first + run->count;
    uint64_t floor = channel->outbox.floor; /* what is below has ended, and is no longer of interest */
    for (uint64_t seq = run->first > floor ? run->first : floor; seq < end; seq++) {
        struct outbox_call *slot = outbox_find(&channel->outbox, seq);
        if (slot != NULL && !fn((struct call *)slot))
            return false;
    }
    return true;
}

static bool is_acknowledgeable(struct call *call)
{
    return call->method->oneway && was_asked(call);
}

/* Looked at again: a callback may have started another call within the run (of a seq that was kept for recovery). */
static bool acknowledge(struct call *call)
{
    if (is_acknowledgeable(call))
        end_ok(call, NULL);
    return true;
}

enum semel_reason answer_receipt(semel_channel *channel, const struct frame *frame)
{
    struct receipt receipt;
    enum semel_reason bad = receipt_read(frame->body, frame->body_size, channel->outbox.next, &receipt);
    /* All of it is looked at before any of it counts: what lies in one place is not believed in another. */
    for (uint32_t i = 0; bad == SEMEL_REASON_NONE && i < receipt.count; i++)
        if (!each_of_run(channel, &receipt.runs[i], is_acknowledgeable))
            bad = SEMEL_REASON_BAD_FIELD;
    if (bad != SEMEL_REASON_NONE)
        return bad;
    channel->stats.receipts++;
    reconnector_prove(&channel->reconnector);
    for (uint32_t i = 0; i < receipt.count; i++)
        (void)each_of_run(channel, &receipt.runs[i], acknowledge);
    return SEMEL_REASON_NONE;
}
