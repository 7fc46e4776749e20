/* Trail, trace and status of a call.
 *
 * Reads best next: record.h. */
#include "client/record.h"

#include <stdio.h>
#include <string.h>

#include "client/channel.h"
#include "client/hedge.h"
#include "core/explain.h"
#include "core/units.h"

void record_attempt(struct call *call, const struct call_failure *failure)
{
    struct call *first = hedge_first(call);
    struct semel_attempt *attempt = trail_add(&first->trail);
    if (attempt == NULL)
        return;
    int64_t now_ns = node_now(call->channel->node);
    attempt->number = first->failures + hedge_failed(first) + (call != first);
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

static bool goes_on(const struct retry_decision *decision)
{
    return decision->action != RETRY_FAIL && decision->action != RETRY_FINISH;
}

static void note_decision(struct semel_attempt *attempt, const struct retry_decision *decision)
{
    attempt->rule = decision->rule;
    attempt->retried = goes_on(decision);
    if (decision->wait_ms > 0)
        attempt->wait_us = (int64_t)decision->wait_ms * 1000;
}

/* One line a decision. */
static void trace(const struct call *call, const struct semel_attempt *attempt,
                  const struct retry_decision *decision)
{
    char text[SEMEL_ENDPOINT_TEXT_MAX + 384];
    semel_status status;
    bool ends = !goes_on(decision);
    if (ends)
        record_status(call, decision, call->failures, &status);
    explain_step(attempt, ends ? &status : NULL, text, sizeof text);
    node_log(call->channel->node, SEMEL_LOG_TRACE, "retry: %s #%llu attempt %u: %s", call->method->name,
             (unsigned long long)call->slot.seq, call->failures, text);
}

void record_decision(struct call *call, const struct call_failure *failure,
                     const struct retry_decision *decision)
{
    struct semel_attempt *attempt = trail_latest(hedge_first(call)->trail);
    if (attempt != NULL)
        note_decision(attempt, decision);
    if (call->channel->trace_retry > (goes_on(decision) ? 0 : 1))
        trace(call, failure->failure != RETRY_ANSWERED ? attempt : NULL, decision);
}

void record_message(semel_status *status, const struct call_failure *failure)
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

void record_status(const struct call *call, const struct retry_decision *end, uint32_t attempts,
                   semel_status *status)
{
    semel_status_init(status);
    status->code = end->code;
    status->reason = end->reason;
    status->outcome = end->outcome;
    status->rule = end->code == SEMEL_OK ? SEMEL_RULE_NONE : end->rule;
    status->denied = end->rule == SEMEL_RULE_R11 ? end->denied : SEMEL_REASON_NONE;
    status->method = call->method->name;
    record_progress(call, attempts, status);
}

void record_progress(const struct call *call, uint32_t attempts, semel_status *status)
{
    status->hedges = hedge_sent(call);
    status->attempts = attempts + status->hedges;
    status->replays = call->replays;
    status->elapsed_us = (node_now(call->channel->node) - call->started_ns) / US_IN_NS;
    trail_copy(call->trail, status);
}
