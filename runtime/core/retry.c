/* The rules R1..R11 as one pure function.  It must not know time, sockets or calls: everything it weighs is in its
 * input.  The table of all combinations is tests/unit/core/retry_test.c.
 *
 * Reads best next: retry.h. */
#include "core/retry.h"

#include <assert.h>

/* What is known about execution from how far the call got. */
static enum semel_outcome outcome_by_progress(const struct retry_input *input)
{
    bool may_have_run = input->exposed_elsewhere || input->progress == SEMEL_PROGRESS_WRITTEN;
    return may_have_run ? SEMEL_OUTCOME_UNKNOWN : SEMEL_OUTCOME_NOT_EXECUTED;
}

/* The peer says that this session did not run it; that says nothing of a session that is gone. */
static enum semel_outcome not_executed(const struct retry_input *input)
{
    return input->exposed_elsewhere ? SEMEL_OUTCOME_UNKNOWN : SEMEL_OUTCOME_NOT_EXECUTED;
}

/* The peer's word on this session's run. */
static enum semel_outcome by_peer(const struct retry_input *input)
{
    return input->outcome == SEMEL_OUTCOME_NOT_EXECUTED ? not_executed(input) : input->outcome;
}

static struct retry_decision fail(enum semel_rule rule, enum semel_code code, enum semel_reason reason,
                                  enum semel_outcome outcome)
{
    return (struct retry_decision){
        .action = RETRY_FAIL, .rule = rule, .code = code, .reason = reason, .outcome = outcome};
}

static bool wait_for_ever(const struct retry_input *input)
{
    return input->policy->on_unavailable == SEMEL_ON_UNAVAILABLE_WAIT && input->policy->interval_count > 0;
}

static bool attempts_used(const struct retry_input *input)
{
    return input->failures > input->policy->interval_count && !wait_for_ever(input);
}

/* The wait before the next attempt; attempts_used must be false. */
static uint32_t next_wait(const struct retry_input *input)
{
    const struct retry_policy *policy = input->policy;
    uint32_t wait_ms;
    if (input->failures <= policy->interval_count) {
        wait_ms = policy->intervals_ms[input->failures - 1];
    } else {
        wait_ms = policy->intervals_ms[policy->interval_count - 1];
        if (wait_ms < RETRY_REPEAT_WAIT_MS)
            wait_ms = RETRY_REPEAT_WAIT_MS;
    }
    return wait_ms > input->pushback_ms ? wait_ms : input->pushback_ms;
}

/* R11: whether something forbids another attempt that the rule would allow, and what. */
static bool is_forbidden(const struct retry_input *input, enum semel_reason exhausted,
                         enum semel_reason *ret_why)
{
    if (input->policy->on_unavailable == SEMEL_ON_UNAVAILABLE_DROP)
        *ret_why = SEMEL_REASON_LOST;
    else if (attempts_used(input))
        *ret_why = exhausted;
    else if (input->budget_empty)
        *ret_why = SEMEL_REASON_BUDGET_EMPTY;
    else if (input->breaker_open)
        *ret_why = SEMEL_REASON_BREAKER_OPEN;
    else if ((int64_t)next_wait(input) >= input->remaining_ms)
        *ret_why = SEMEL_REASON_WAIT_PAST_DEADLINE;
    else
        return false;
    return true;
}

/* Another attempt by this rule, unless R11 forbids it. */
static struct retry_decision another(const struct retry_input *input, enum retry_action action,
                                     enum semel_rule rule, enum semel_reason exhausted,
                                     enum semel_outcome outcome)
{
    /* No caller gets here with such a call; if one ever did, it must not run again. */
    if (!input->idempotent && input->exposed_elsewhere)
        return fail(SEMEL_RULE_R4, SEMEL_UNAVAILABLE, SEMEL_REASON_SESSION_NEW, SEMEL_OUTCOME_UNKNOWN);
    enum semel_reason stop;
    if (is_forbidden(input, exhausted, &stop))
        return fail(SEMEL_RULE_R11, input->code == SEMEL_OK ? SEMEL_UNAVAILABLE : input->code, stop, outcome);
    return (struct retry_decision){.action = action, .rule = rule, .wait_ms = next_wait(input)};
}

/* R1 and R5: there is no connection.  A WRITTEN call can only be held; the others have not run. */
static struct retry_decision disconnected(const struct retry_input *input)
{
    enum semel_outcome outcome = outcome_by_progress(input);
    if (input->progress == SEMEL_PROGRESS_WRITTEN)
        return another(input, RETRY_HOLD, SEMEL_RULE_R5, SEMEL_REASON_NO_VERDICT, outcome);
    return another(input, RETRY_AGAIN, SEMEL_RULE_R1, input->reason, outcome);
}

/* R3 and R4: a server has answered the HELLO that followed the loss.  The wait was taken before it. */
static struct retry_decision judged(const struct retry_input *input)
{
    if (input->verdict == RETRY_RESUMED)
        return (struct retry_decision){.action = RETRY_REPLAY, .rule = SEMEL_RULE_R3};
    if (input->idempotent)
        return (struct retry_decision){.action = RETRY_AGAIN, .rule = SEMEL_RULE_R4};
    return fail(SEMEL_RULE_R4, SEMEL_UNAVAILABLE,
                input->verdict == RETRY_NEW ? SEMEL_REASON_SESSION_NEW : SEMEL_REASON_DOMAIN_CHANGED,
                SEMEL_OUTCOME_UNKNOWN);
}

static struct retry_decision connection_lost(const struct retry_input *input)
{
    if (input->progress == SEMEL_PROGRESS_WRITTEN && input->verdict != RETRY_NO_VERDICT)
        return judged(input);
    return disconnected(input);
}

static struct retry_decision refused(const struct retry_input *input)
{
    return another(input, RETRY_AGAIN, SEMEL_RULE_R2, input->reason, not_executed(input));
}

/* R8: an answer ends the call, but for codes that the policy of an idempotent operation names. */
static struct retry_decision answered(const struct retry_input *input)
{
    struct retry_decision done = {.action = RETRY_FINISH,
                                  .rule = SEMEL_RULE_R8,
                                  .code = input->code,
                                  .reason = input->reason,
                                  .outcome = by_peer(input)};
    bool retryable = input->idempotent && input->code != SEMEL_OK &&
                     (input->policy->retryable_codes & (1u << input->code)) != 0;
    if (!retryable)
        return done;
    struct retry_decision again = another(input, RETRY_AGAIN, SEMEL_RULE_R8, input->reason, input->outcome);
    return again.action == RETRY_AGAIN ? again : done;
}

static struct retry_decision begun(const struct retry_input *input)
{
    if (input->idempotent)
        return another(input, RETRY_AGAIN, SEMEL_RULE_R6, SEMEL_REASON_BEGUN, SEMEL_OUTCOME_UNKNOWN);
    return fail(SEMEL_RULE_R6, SEMEL_UNAVAILABLE, SEMEL_REASON_BEGUN, SEMEL_OUTCOME_UNKNOWN);
}

static struct retry_decision reply_gone(const struct retry_input *input)
{
    if (input->idempotent)
        return another(input, RETRY_AGAIN, SEMEL_RULE_R7, SEMEL_REASON_REPLY_GONE, SEMEL_OUTCOME_EXECUTED);
    return fail(SEMEL_RULE_R7, SEMEL_DATA_LOSS, SEMEL_REASON_REPLY_GONE, SEMEL_OUTCOME_EXECUTED);
}

/* R9.  A frame that was started on a live connection must be finished, so that PARTLY_WRITTEN may still run. */
static struct retry_decision ended_by_caller(const struct retry_input *input)
{
    enum semel_outcome outcome = outcome_by_progress(input);
    if (input->progress == SEMEL_PROGRESS_PARTLY_WRITTEN)
        outcome = SEMEL_OUTCOME_UNKNOWN;
    if (input->answered)
        outcome = by_peer(input);
    if (input->failure == RETRY_DEADLINE)
        return fail(SEMEL_RULE_R9, SEMEL_DEADLINE_EXCEEDED, input->reason, outcome);
    return fail(SEMEL_RULE_R9, SEMEL_CANCELLED, input->reason, outcome);
}

static struct retry_decision protocol(const struct retry_input *input)
{
    return fail(SEMEL_RULE_R10, input->code, input->reason,
                input->answered ? by_peer(input) : outcome_by_progress(input));
}

struct retry_decision retry_decide(const struct retry_input *input)
{
    static struct retry_decision (*const rules[RETRY_FAILURE_COUNT])(const struct retry_input *) = {
        [RETRY_CONNECT_FAILED] = disconnected,
        [RETRY_CONNECTION_LOST] = connection_lost,
        [RETRY_REFUSED] = refused,
        [RETRY_ANSWERED] = answered,
        [RETRY_BEGUN] = begun,
        [RETRY_REPLY_GONE] = reply_gone,
        [RETRY_DEADLINE] = ended_by_caller,
        [RETRY_CANCELLED] = ended_by_caller,
        [RETRY_PROTOCOL] = protocol,
    };
    assert(input->failure < RETRY_FAILURE_COUNT && input->failures >= 1);
    return rules[input->failure](input);
}

const char *retry_failure_name(enum retry_failure failure)
{
    static const char *const names[RETRY_FAILURE_COUNT] = {"CONNECT_FAILED", "CONNECTION_LOST", "REFUSED",
                                                           "ANSWERED",       "BEGUN",           "REPLY_GONE",
                                                           "DEADLINE",       "CANCELLED",       "PROTOCOL"};
    return failure < RETRY_FAILURE_COUNT ? names[failure] : "?";
}

const char *retry_action_name(enum retry_action action)
{
    static const char *const names[] = {"finish", "fail", "retry", "replay", "hold"};
    return action <= RETRY_HOLD ? names[action] : "?";
}
