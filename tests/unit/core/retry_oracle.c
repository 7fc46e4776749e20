/* The rows of the retry rule, and how they are read.
 *
 * Reads best next: retry_oracle.h. */
#include "retry_oracle.h"

#include "support.h"

/* A backoff from 50 ms, three times as long each time, at most 200. */
const uint32_t retry_oracle_waits[3] = {50, 150, 200};

enum plan { FINISH, FAIL, RETRY, REPLAY, HOLD };

/* What is known about execution when a row ends the call. */
enum knowledge {
    BY_PROGRESS, /* written anywhere: unknown; else it has not run */
    ITS_WORD,    /* what the peer said; by progress if it said nothing */
    NOT_HERE,    /* the peer says it has not run; that is not the word of a session that is gone */
    RAN,
    NOBODY_KNOWS
};

struct row {
    enum semel_rule rule;
    enum retry_failure failure;
    unsigned progress; /* bits 1 << progress */
    unsigned verdict;  /* bits 1 << verdict */
    enum plan at_most_once;
    enum plan idempotent;
    enum knowledge known;
    enum semel_code code;         /* OK: the peer's, or UNAVAILABLE if it gave none */
    enum semel_reason reason;     /* NONE: as it came */
    enum semel_rule refused_rule; /* of the FAIL of an at-most-once operation, where it is another one */
    bool exhaustible;             /* R11 may forbid it: drop, attempts, elapsed time, deadline */
    bool by_budget, by_breaker, by_peer;
};

#define WRITTEN (1u << SEMEL_PROGRESS_WRITTEN)
#define PARTLY (1u << SEMEL_PROGRESS_PARTLY_WRITTEN)
#define QUEUED (1u << SEMEL_PROGRESS_QUEUED)
#define ANY 15u
#define BOTH(what) .at_most_once = what, .idempotent = what
#define ONLY_IDEMPOTENT .at_most_once = FAIL, .idempotent = RETRY

static const struct row rows[] = {
    {SEMEL_RULE_R3, RETRY_CONNECTION_LOST, WRITTEN, 1u << RETRY_RESUMED, BOTH(REPLAY), .known = NOBODY_KNOWS},
    {SEMEL_RULE_R4, RETRY_CONNECTION_LOST, WRITTEN, 1u << RETRY_NEW, ONLY_IDEMPOTENT, .known = NOBODY_KNOWS,
     .code = SEMEL_UNAVAILABLE, .reason = SEMEL_REASON_SESSION_NEW},
    {SEMEL_RULE_R4, RETRY_CONNECTION_LOST, WRITTEN, 1u << RETRY_OTHER_DOMAIN, ONLY_IDEMPOTENT,
     .known = NOBODY_KNOWS, .code = SEMEL_UNAVAILABLE, .reason = SEMEL_REASON_DOMAIN_CHANGED},
    {SEMEL_RULE_R5, RETRY_CONNECTION_LOST, WRITTEN, 1u << RETRY_NO_VERDICT, BOTH(HOLD), .known = NOBODY_KNOWS,
     .reason = SEMEL_REASON_NO_VERDICT, .exhaustible = true},
    {SEMEL_RULE_R5, RETRY_CONNECT_FAILED, WRITTEN, ANY, BOTH(HOLD), .known = NOBODY_KNOWS,
     .reason = SEMEL_REASON_NO_VERDICT, .exhaustible = true},
    {SEMEL_RULE_R1, RETRY_CONNECT_FAILED, QUEUED | PARTLY, ANY, BOTH(RETRY), .known = BY_PROGRESS,
     .exhaustible = true, .by_breaker = true},
    {SEMEL_RULE_R1, RETRY_CONNECTION_LOST, QUEUED | PARTLY, ANY, BOTH(RETRY), .known = BY_PROGRESS,
     .exhaustible = true, .by_breaker = true},
    {SEMEL_RULE_R1, RETRY_ATTEMPT_TIMEOUT, QUEUED, ANY, BOTH(RETRY), .known = BY_PROGRESS,
     .code = SEMEL_DEADLINE_EXCEEDED, .reason = SEMEL_REASON_ATTEMPT_TIMEOUT, .exhaustible = true,
     .by_breaker = true},
    {SEMEL_RULE_R5, RETRY_ATTEMPT_TIMEOUT, WRITTEN | PARTLY, ANY, ONLY_IDEMPOTENT, .known = NOBODY_KNOWS,
     .code = SEMEL_DEADLINE_EXCEEDED, .reason = SEMEL_REASON_ATTEMPT_TIMEOUT, .refused_rule = SEMEL_RULE_R9,
     .exhaustible = true, .by_budget = true, .by_breaker = true},
    {SEMEL_RULE_R2, RETRY_REFUSED, ANY, ANY, BOTH(RETRY), .known = NOT_HERE, .exhaustible = true,
     .by_budget = true, .by_breaker = true, .by_peer = true},
    {SEMEL_RULE_R6, RETRY_BEGUN, ANY, ANY, ONLY_IDEMPOTENT, .known = NOBODY_KNOWS, .reason = SEMEL_REASON_BEGUN,
     .exhaustible = true, .by_budget = true},
    {SEMEL_RULE_R7, RETRY_REPLY_GONE, ANY, ANY, ONLY_IDEMPOTENT, .known = RAN,
     .reason = SEMEL_REASON_REPLY_GONE, .exhaustible = true, .by_budget = true},
    {SEMEL_RULE_R8, RETRY_ANSWERED, ANY, ANY, BOTH(FINISH), .known = ITS_WORD, .by_budget = true,
     .by_peer = true},
    {SEMEL_RULE_R9, RETRY_DEADLINE, ANY, ANY, BOTH(FAIL), .known = ITS_WORD, .code = SEMEL_DEADLINE_EXCEEDED},
    {SEMEL_RULE_R9, RETRY_CANCELLED, ANY, ANY, BOTH(FAIL), .known = ITS_WORD, .code = SEMEL_CANCELLED},
    {SEMEL_RULE_R10, RETRY_PROTOCOL, ANY, ANY, BOTH(FAIL), .known = ITS_WORD},
    {SEMEL_RULE_R11, RETRY_GAVE_UP, ANY, ANY, BOTH(FAIL), .known = BY_PROGRESS, .code = SEMEL_UNAVAILABLE},
};

static const struct row *row_of(const struct retry_input *input)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].failure == input->failure && (rows[i].progress >> input->progress & 1) != 0 &&
            (rows[i].verdict >> input->verdict & 1) != 0)
            return &rows[i];
    cr_assert_fail("a combination without a row");
    return NULL;
}

/* Section 1: the outcome is what is known.  A peer speaks for its own session only. */
static enum semel_outcome known_outcome(const struct row *row, const struct retry_input *input)
{
    if (row->known == RAN)
        return SEMEL_OUTCOME_EXECUTED;
    enum semel_outcome outcome = SEMEL_OUTCOME_UNKNOWN;
    if (row->known == NOT_HERE)
        outcome = SEMEL_OUTCOME_NOT_EXECUTED;
    else if (row->known == ITS_WORD && input->answered)
        outcome = input->outcome;
    else if (row->known != NOBODY_KNOWS && input->progress == SEMEL_PROGRESS_QUEUED)
        outcome = SEMEL_OUTCOME_NOT_EXECUTED;
    else if (row->known != NOBODY_KNOWS && input->progress == SEMEL_PROGRESS_PARTLY_WRITTEN)
        /* It can not run once its connection is lost; before that, its rest still goes out. */
        outcome = row->rule == SEMEL_RULE_R9 ? SEMEL_OUTCOME_UNKNOWN : SEMEL_OUTCOME_NOT_EXECUTED;
    return outcome == SEMEL_OUTCOME_NOT_EXECUTED && input->exposed_elsewhere ? SEMEL_OUTCOME_UNKNOWN : outcome;
}

/* The wait before the retry that follows the n-th failure; -1: there is none. */
static int64_t wait_after(const struct retry_input *input)
{
    const struct retry_policy *policy = input->policy;
    uint32_t attempts = policy->backoff.max_attempts;
    uint32_t retries = attempts > 0 ? attempts - 1 : policy->interval_count;
    bool for_ever = policy->on_unavailable == SEMEL_ON_UNAVAILABLE_WAIT && retries > 0;
    if (input->failures > retries && !for_ever)
        return -1;
    if (input->pushback_ms != 0)
        return input->pushback_ms;
    uint32_t last = attempts > 0 ? 3 : retries; /* a backoff has reached its cap with the third */
    uint32_t n = input->failures < last ? input->failures : last;
    return retry_oracle_waits[n - 1];
}

/* R11: what forbids another attempt; NONE: nothing. */
static enum semel_reason denial(const struct row *row, const struct retry_input *input)
{
    const struct retry_policy *policy = input->policy;
    int64_t wait = wait_after(input);
    bool patient = policy->on_unavailable == SEMEL_ON_UNAVAILABLE_WAIT;
    const struct {
        bool stops;
        enum semel_reason why;
    } in_turn[] = {{policy->on_unavailable == SEMEL_ON_UNAVAILABLE_DROP, SEMEL_REASON_LOST},
                   {wait < 0, SEMEL_REASON_ATTEMPTS_USED},
                   {row->by_peer && input->never, SEMEL_REASON_PUSHBACK_NEVER},
                   {row->by_budget && input->budget_empty, SEMEL_REASON_BUDGET_EMPTY},
                   {row->by_breaker && input->breaker_open && !patient, SEMEL_REASON_BREAKER_OPEN},
                   {policy->max_elapsed_ms != 0 && input->elapsed_ms + wait > policy->max_elapsed_ms,
                    SEMEL_REASON_MAX_ELAPSED},
                   {input->remaining_ms <= wait, SEMEL_REASON_WAIT_PAST_DEADLINE}};
    for (size_t i = 0; i < sizeof in_turn / sizeof *in_turn; i++)
        if (in_turn[i].stops)
            return in_turn[i].why;
    return SEMEL_REASON_NONE;
}

/* R4 for life: an at-most-once call that may have run in a session that is gone is sent in no other. */
static const struct retry_decision gone_with_its_session = {.action = RETRY_FAIL,
                                                            .rule = SEMEL_RULE_R4,
                                                            .code = SEMEL_UNAVAILABLE,
                                                            .reason = SEMEL_REASON_SESSION_NEW,
                                                            .outcome = SEMEL_OUTCOME_UNKNOWN};

/* How a row that ends the call ends it. */
static struct retry_decision the_end(const struct row *row, const struct retry_input *input, enum plan plan)
{
    struct retry_decision end = {.action = plan == FINISH ? RETRY_FINISH : RETRY_FAIL,
                                 .rule = row->rule,
                                 .code = row->code,
                                 .reason = row->reason != SEMEL_REASON_NONE ? row->reason : input->reason,
                                 .outcome = known_outcome(row, input)};
    if (row->refused_rule != SEMEL_RULE_NONE)
        end.rule = row->refused_rule;
    if (row->rule == SEMEL_RULE_R8 || row->rule == SEMEL_RULE_R10)
        end.code = input->code;
    if (row->rule == SEMEL_RULE_R6)
        end.code = SEMEL_UNAVAILABLE;
    if (row->failure ==
        RETRY_GAVE_UP) { /* what broke before is told; with nothing broken, the recovery itself */
        end.denied = SEMEL_REASON_RECOVERY_GAVE_UP;
        end.reason = input->reason == SEMEL_REASON_NONE ? end.denied : input->reason;
    }
    if (row->rule == SEMEL_RULE_R7)
        end.code = SEMEL_DATA_LOSS;
    return end;
}

/* R9 and R11 where a row would have gone on. */
static struct retry_decision cancelled(const struct row *row, const struct retry_input *input)
{
    return (struct retry_decision){.action = RETRY_FAIL,
                                   .rule = SEMEL_RULE_R9,
                                   .code = SEMEL_CANCELLED,
                                   .reason = SEMEL_REASON_CANCELLED,
                                   .outcome = known_outcome(row, input)};
}

static struct retry_decision denied(const struct row *row, const struct retry_input *input,
                                    enum semel_reason why)
{
    struct retry_decision end = the_end(row, input, FAIL);
    end.rule = SEMEL_RULE_R11;
    end.code = row->code != SEMEL_OK ? row->code : input->code == SEMEL_OK ? SEMEL_UNAVAILABLE : input->code;
    end.denied = why;
    if (why != SEMEL_REASON_ATTEMPTS_USED)
        end.reason = why;
    return end;
}

/* R8: the answer of an idempotent operation with a code that the policy names. */
static struct retry_decision asked_again(const struct row *row, const struct retry_input *input)
{
    struct retry_decision answer = the_end(row, input, FINISH);
    if (input->cancel_asked)
        return answer;
    answer.denied = denial(row, input);
    if (answer.denied != SEMEL_REASON_NONE)
        return answer;
    return (struct retry_decision){
        .action = RETRY_AGAIN, .rule = row->rule, .wait_ms = (uint32_t)wait_after(input), .charged = true};
}

struct retry_decision retry_oracle(const struct retry_input *input)
{
    static const enum retry_action actions[] = {
        [RETRY] = RETRY_AGAIN, [REPLAY] = RETRY_REPLAY, [HOLD] = RETRY_HOLD};
    const struct row *row = row_of(input);
    enum plan plan = input->idempotent ? row->idempotent : row->at_most_once;
    bool codes_match = (input->policy->retryable_codes >> input->code & 1) != 0;
    if (plan == FINISH && input->idempotent && input->code != SEMEL_OK && codes_match)
        return asked_again(row, input);
    if (plan == FINISH || plan == FAIL)
        return the_end(row, input, plan);
    if (input->cancel_asked)
        return cancelled(row, input);
    if (!input->idempotent && input->exposed_elsewhere && plan != REPLAY)
        return gone_with_its_session;
    if (input->failure == RETRY_CONNECTION_LOST && input->verdict == RETRY_NO_VERDICT && input->before_its_time)
        return (struct retry_decision){.action = RETRY_RIDE, .rule = row->rule};
    enum semel_reason why = row->exhaustible ? denial(row, input) : SEMEL_REASON_NONE;
    if (why != SEMEL_REASON_NONE)
        return denied(row, input, why);
    return (struct retry_decision){.action = actions[plan],
                                   .rule = row->rule,
                                   .wait_ms = row->exhaustible ? (uint32_t)wait_after(input) : 0,
                                   .charged = row->by_budget};
}

bool retry_oracle_same(const struct retry_decision *decision, const struct retry_decision *expected)
{
    if (decision->action != expected->action || decision->rule != expected->rule ||
        decision->wait_ms != expected->wait_ms || decision->charged != expected->charged ||
        decision->denied != expected->denied)
        return false;
    if (expected->action != RETRY_FINISH && expected->action != RETRY_FAIL)
        return true;
    return decision->code == expected->code && decision->reason == expected->reason &&
           decision->outcome == expected->outcome;
}
