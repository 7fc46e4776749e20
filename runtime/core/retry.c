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

/* R11: what forbids another attempt that the rule would allow; NONE if nothing does. */
static enum semel_reason forbidden(const struct retry_input *input, enum semel_reason exhausted)
{
    if (input->policy->on_unavailable == SEMEL_ON_UNAVAILABLE_DROP)
        return SEMEL_REASON_LOST;
    if (attempts_used(input))
        return exhausted;
    if (input->budget_empty)
        return SEMEL_REASON_BUDGET_EMPTY;
    if (input->breaker_open)
        return SEMEL_REASON_BREAKER_OPEN;
    if ((int64_t)next_wait(input) >= input->remaining_ms)
        return SEMEL_REASON_WAIT_PAST_DEADLINE;
    return SEMEL_REASON_NONE;
}

/* Another attempt by this rule, unless R11 forbids it. */
static struct retry_decision another(const struct retry_input *input, enum retry_action action,
                                     enum semel_rule rule, enum semel_reason exhausted,
                                     enum semel_outcome outcome)
{
    enum semel_reason stop = forbidden(input, exhausted);
    if (stop != SEMEL_REASON_NONE)
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
                                  .outcome = input->outcome};
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
        outcome = input->outcome == SEMEL_OUTCOME_NOT_EXECUTED ? not_executed(input) : input->outcome;
    if (input->failure == RETRY_DEADLINE)
        return fail(SEMEL_RULE_R9, SEMEL_DEADLINE_EXCEEDED, input->reason, outcome);
    return fail(SEMEL_RULE_R9, SEMEL_CANCELLED, input->reason, outcome);
}

static struct retry_decision protocol(const struct retry_input *input)
{
    bool certain = !input->answered || input->outcome == SEMEL_OUTCOME_NOT_EXECUTED;
    return fail(SEMEL_RULE_R10, input->code, input->reason, certain ? not_executed(input) : input->outcome);
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
