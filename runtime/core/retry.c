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

/* ---- R11: another attempt, or what is held against it ---- */

/* What may be held against some attempts, and not against others. */
enum {
    BY_BUDGET =
        1, /* it puts load on a live server; none that a lost server makes necessary: those never fail for it */
    BY_BREAKER = 2, /* the endpoints are to be left alone */
    BY_PEER = 4     /* the peer may ask not to try again */
};

/* The attempt that a rule allows. */
struct plan {
    enum retry_action action;
    enum semel_rule rule;
    unsigned deniers;
    enum semel_reason exhausted; /* the reason when the attempts are used up */
    enum semel_outcome outcome;  /* when there is no such attempt */
};

static uint32_t retries_planned(const struct retry_policy *policy)
{
    return policy->backoff.max_attempts > 0 ? policy->backoff.max_attempts - 1 : policy->interval_count;
}

static bool waits(const struct retry_input *input)
{
    return input->policy->on_unavailable == SEMEL_ON_UNAVAILABLE_WAIT;
}

/* A policy without any retry has no wait that could repeat. */
static bool attempts_used(const struct retry_input *input)
{
    uint32_t planned = retries_planned(input->policy);
    return input->failures > planned && !(waits(input) && planned > 0);
}

/* The wait before the next attempt; attempts_used must be false. */
static uint32_t next_wait(const struct retry_input *input)
{
    const struct retry_policy *policy = input->policy;
    uint32_t planned = retries_planned(policy);
    uint32_t wait_ms;
    if (input->pushback_ms > 0)
        return input->pushback_ms;
    if (policy->backoff.max_attempts > 0)
        wait_ms = backoff_wait_ms(&policy->backoff, input->failures, input->last_wait_ms, input->random);
    else
        wait_ms = policy->intervals_ms[(input->failures < planned ? input->failures : planned) - 1];
    bool repeats = input->failures > planned;
    return repeats && wait_ms < RETRY_REPEAT_WAIT_MS ? RETRY_REPEAT_WAIT_MS : wait_ms;
}

static bool is_too_late(const struct retry_input *input, uint32_t wait_ms)
{
    int64_t latest_ms = input->policy->max_elapsed_ms;
    return latest_ms > 0 && input->elapsed_ms > latest_ms - (int64_t)wait_ms;
}

/* What forbids the attempt, the first that does; NONE: nothing, and this is its wait. */
static enum semel_reason denial(const struct retry_input *input, const struct plan *plan, uint32_t *ret_wait_ms)
{
    if (input->policy->on_unavailable == SEMEL_ON_UNAVAILABLE_DROP)
        return SEMEL_REASON_LOST;
    if (attempts_used(input))
        return SEMEL_REASON_ATTEMPTS_USED;
    if (input->never && (plan->deniers & BY_PEER) != 0)
        return SEMEL_REASON_PUSHBACK_NEVER;
    if (input->budget_empty && (plan->deniers & BY_BUDGET) != 0)
        return SEMEL_REASON_BUDGET_EMPTY;
    if (input->breaker_open && (plan->deniers & BY_BREAKER) != 0 && !waits(input))
        return SEMEL_REASON_BREAKER_OPEN;
    *ret_wait_ms = next_wait(input);
    if (is_too_late(input, *ret_wait_ms))
        return SEMEL_REASON_MAX_ELAPSED;
    if ((int64_t)*ret_wait_ms >= input->remaining_ms)
        return SEMEL_REASON_WAIT_PAST_DEADLINE;
    return SEMEL_REASON_NONE;
}

static enum semel_code code_of(const struct retry_input *input)
{
    if (input->failure == RETRY_ATTEMPT_TIMEOUT)
        return SEMEL_DEADLINE_EXCEEDED;
    return input->code == SEMEL_OK ? SEMEL_UNAVAILABLE : input->code;
}

static struct retry_decision cancelled(enum semel_outcome outcome)
{
    return fail(SEMEL_RULE_R9, SEMEL_CANCELLED, SEMEL_REASON_CANCELLED, outcome);
}

/* Whether another attempt would break the promise.  No caller gets here with such a call; if one ever did, it must
 * not run again. */
static bool must_not_run_again(const struct retry_input *input)
{
    return !input->idempotent && input->exposed_elsewhere;
}

static struct retry_decision gone(void)
{
    return fail(SEMEL_RULE_R4, SEMEL_UNAVAILABLE, SEMEL_REASON_SESSION_NEW, SEMEL_OUTCOME_UNKNOWN);
}

/* The attempt that a rule allows, unless the caller, the promise or R11 forbid it. */
static struct retry_decision another(const struct retry_input *input, const struct plan *plan)
{
    uint32_t wait_ms = 0;
    if (input->cancel_asked)
        return cancelled(plan->outcome);
    if (must_not_run_again(input))
        return gone();
    enum semel_reason denied = denial(input, plan, &wait_ms);
    if (denied == SEMEL_REASON_NONE)
        return (struct retry_decision){.action = plan->action,
                                       .rule = plan->rule,
                                       .wait_ms = wait_ms,
                                       .charged = (plan->deniers & BY_BUDGET) != 0};
    enum semel_reason reason = denied == SEMEL_REASON_ATTEMPTS_USED ? plan->exhausted : denied;
    struct retry_decision end = fail(SEMEL_RULE_R11, code_of(input), reason, plan->outcome);
    end.denied = denied;
    return end;
}

/* ---- the rows of the table ---- */

/* R1: it was never fully written.  What an attempt that was not even begun puts on a server is nothing: no budget.
 * */
static struct retry_decision unwritten(const struct retry_input *input, enum semel_reason exhausted)
{
    return another(input, &(struct plan){.action = RETRY_AGAIN,
                                         .rule = SEMEL_RULE_R1,
                                         .deniers = BY_BREAKER,
                                         .exhausted = exhausted,
                                         .outcome = outcome_by_progress(input)});
}

/* R5: it was written, and nobody says what became of it. */
static struct retry_decision held(const struct retry_input *input)
{
    return another(input, &(struct plan){.action = RETRY_HOLD,
                                         .rule = SEMEL_RULE_R5,
                                         .exhausted = SEMEL_REASON_NO_VERDICT,
                                         .outcome = outcome_by_progress(input)});
}

/* There is no connection.  A WRITTEN call can only be held; the others have not run. */
static struct retry_decision disconnected(const struct retry_input *input)
{
    return input->progress == SEMEL_PROGRESS_WRITTEN ? held(input) : unwritten(input, input->reason);
}

/* R3 and R4: a server has answered the HELLO that followed the loss.  The wait was taken before it. */
static struct retry_decision judged(const struct retry_input *input)
{
    bool again = input->verdict == RETRY_RESUMED || input->idempotent;
    if (again && input->cancel_asked)
        return cancelled(SEMEL_OUTCOME_UNKNOWN);
    if (input->verdict == RETRY_RESUMED)
        return (struct retry_decision){.action = RETRY_REPLAY, .rule = SEMEL_RULE_R3};
    if (input->idempotent)
        return (struct retry_decision){.action = RETRY_AGAIN, .rule = SEMEL_RULE_R4};
    return fail(SEMEL_RULE_R4, SEMEL_UNAVAILABLE,
                input->verdict == RETRY_NEW ? SEMEL_REASON_SESSION_NEW : SEMEL_REASON_DOMAIN_CHANGED,
                SEMEL_OUTCOME_UNKNOWN);
}

/* It was on a connection that others had asked for: the decision it waits under still stands. */
static struct retry_decision rode_along(const struct retry_input *input)
{
    bool written = input->progress == SEMEL_PROGRESS_WRITTEN;
    if (must_not_run_again(input))
        return gone();
    return (struct retry_decision){.action = RETRY_RIDE, .rule = written ? SEMEL_RULE_R5 : SEMEL_RULE_R1};
}

static struct retry_decision connection_lost(const struct retry_input *input)
{
    if (input->progress == SEMEL_PROGRESS_WRITTEN && input->verdict != RETRY_NO_VERDICT)
        return judged(input);
    if (input->before_its_time && input->verdict == RETRY_NO_VERDICT && !input->cancel_asked)
        return rode_along(input);
    return disconnected(input);
}

static struct retry_decision refused(const struct retry_input *input)
{
    return another(input, &(struct plan){.action = RETRY_AGAIN,
                                         .rule = SEMEL_RULE_R2,
                                         .deniers = BY_PEER | BY_BUDGET | BY_BREAKER,
                                         .exhausted = input->reason,
                                         .outcome = not_executed(input)});
}

bool retry_is_retryable(const struct retry_policy *policy, bool idempotent, enum semel_code code)
{
    assert(code <= SEMEL_UNAUTHENTICATED);
    return idempotent && code != SEMEL_OK && (policy->retryable_codes & (1u << code)) != 0;
}

/* R8: an answer ends the call, but for codes that the policy of an idempotent operation names. */
static struct retry_decision answered(const struct retry_input *input)
{
    struct retry_decision done = {.action = RETRY_FINISH,
                                  .rule = SEMEL_RULE_R8,
                                  .code = input->code,
                                  .reason = input->reason,
                                  .outcome = by_peer(input)};
    if (!retry_is_retryable(input->policy, input->idempotent, input->code))
        return done;
    struct retry_decision again = another(
        input, &(struct plan){.action = RETRY_AGAIN, .rule = SEMEL_RULE_R8, .deniers = BY_PEER | BY_BUDGET});
    done.denied = again.denied;
    return again.action == RETRY_AGAIN ? again : done;
}

static struct retry_decision begun(const struct retry_input *input)
{
    if (!input->idempotent)
        return fail(SEMEL_RULE_R6, SEMEL_UNAVAILABLE, SEMEL_REASON_BEGUN, SEMEL_OUTCOME_UNKNOWN);
    return another(input, &(struct plan){.action = RETRY_AGAIN,
                                         .rule = SEMEL_RULE_R6,
                                         .deniers = BY_BUDGET,
                                         .exhausted = SEMEL_REASON_BEGUN,
                                         .outcome = SEMEL_OUTCOME_UNKNOWN});
}

static struct retry_decision reply_gone(const struct retry_input *input)
{
    if (!input->idempotent)
        return fail(SEMEL_RULE_R7, SEMEL_DATA_LOSS, SEMEL_REASON_REPLY_GONE, SEMEL_OUTCOME_EXECUTED);
    return another(input, &(struct plan){.action = RETRY_AGAIN,
                                         .rule = SEMEL_RULE_R7,
                                         .deniers = BY_BUDGET,
                                         .exhausted = SEMEL_REASON_REPLY_GONE,
                                         .outcome = SEMEL_OUTCOME_EXECUTED});
}

/* R1, R5 or R9: the attempt took too long.  What was begun on a live connection may still run, and no verdict will
 * ever come: an idempotent operation is tried again, any other must not be. */
static struct retry_decision attempt_timed_out(const struct retry_input *input)
{
    if (input->progress == SEMEL_PROGRESS_QUEUED)
        return unwritten(input, SEMEL_REASON_ATTEMPT_TIMEOUT);
    if (!input->idempotent)
        return fail(SEMEL_RULE_R9, SEMEL_DEADLINE_EXCEEDED, SEMEL_REASON_ATTEMPT_TIMEOUT,
                    SEMEL_OUTCOME_UNKNOWN);
    return another(input, &(struct plan){.action = RETRY_AGAIN,
                                         .rule = SEMEL_RULE_R5,
                                         .deniers = BY_BUDGET | BY_BREAKER,
                                         .exhausted = SEMEL_REASON_ATTEMPT_TIMEOUT,
                                         .outcome = SEMEL_OUTCOME_UNKNOWN});
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

/* R11: nobody asked a server, so that only what was known before is known now. */
static struct retry_decision gave_up(const struct retry_input *input)
{
    bool failed_before = input->reason != SEMEL_REASON_NONE;
    struct retry_decision end = fail(SEMEL_RULE_R11, SEMEL_UNAVAILABLE,
                                     failed_before ? input->reason : SEMEL_REASON_RECOVERY_GAVE_UP,
                                     outcome_by_progress(input));
    end.denied = SEMEL_REASON_RECOVERY_GAVE_UP;
    return end;
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
        [RETRY_ATTEMPT_TIMEOUT] = attempt_timed_out,
        [RETRY_GAVE_UP] = gave_up,
    };
    assert(input->failure < RETRY_FAILURE_COUNT && input->failures >= 1);
    return rules[input->failure](input);
}

enum semel_reason retry_may_hedge(const struct retry_hedge *input)
{
    if (!input->idempotent) /* no policy asks for it; if one ever did, it must not run beside itself */
        return SEMEL_REASON_MODE_MISMATCH;
    if (input->cancelled)
        return SEMEL_REASON_CANCELLED;
    if (input->sent >= input->most)
        return SEMEL_REASON_ATTEMPTS_USED;
    if (input->remaining_ms <= 0)
        return SEMEL_REASON_WAIT_PAST_DEADLINE;
    if (input->budget_empty)
        return SEMEL_REASON_BUDGET_EMPTY;
    return input->breaker_open ? SEMEL_REASON_BREAKER_OPEN : SEMEL_REASON_NONE;
}

const char *retry_failure_name(enum retry_failure failure)
{
    static const char *const names[RETRY_FAILURE_COUNT] = {
        "CONNECT_FAILED", "CONNECTION_LOST", "REFUSED",  "ANSWERED",        "BEGUN",  "REPLY_GONE",
        "DEADLINE",       "CANCELLED",       "PROTOCOL", "ATTEMPT_TIMEOUT", "GAVE_UP"};
    return failure < RETRY_FAILURE_COUNT ? names[failure] : "?";
}

const char *retry_action_name(enum retry_action action)
{
    static const char *const names[] = {"finish", "fail", "retry", "replay", "hold", "ride along"};
    return action <= RETRY_RIDE ? names[action] : "?";
}
