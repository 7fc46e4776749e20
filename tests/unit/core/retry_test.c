/* The retry decision: every combination of inputs against an oracle written from semantics.md, section 3; the
 * promises that hold over all of them; and whole lives of calls.
 *
 * Reads best next: status_test.c. */
#include "core/retry.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "core/dedup.h"
#include "support.h"

static const uint32_t intervals[3] = {0, 100, 1000};

/* ---- the oracle ---- */

enum plan { FINISH, FAIL, RETRY, REPLAY, HOLD };

/* What is known about execution when a row ends the call. */
enum knowledge {
    BY_PROGRESS, /* written anywhere: unknown; else it has not run */
    ITS_WORD,    /* what the peer said; by progress if it said nothing */
    NOT_HERE,    /* the peer says it has not run; that is not the word of a session that is gone */
    RAN,
    NOBODY_KNOWS
};

/* The rows of the table, first match first. */
struct row {
    enum semel_rule rule;
    enum retry_failure failure;
    bool written;
    bool any_progress;
    enum retry_verdict verdict;
    bool any_verdict;
    enum plan at_most_once;
    enum plan idempotent;
    enum knowledge known;
    enum semel_code code;     /* OK: the peer's, or UNAVAILABLE if it gave none */
    enum semel_reason reason; /* NONE: as it came */
    bool exhaustible;         /* R11 may forbid it */
};

#define ANY_PROGRESS .any_progress = true
#define ANY_VERDICT .any_verdict = true
#define WRITTEN .written = true
#define UNWRITTEN .written = false
#define LOST_WITH(v) .failure = RETRY_CONNECTION_LOST, .verdict = v

static const struct row rows[] = {
    {SEMEL_RULE_R3, LOST_WITH(RETRY_RESUMED), WRITTEN, .at_most_once = REPLAY, .idempotent = REPLAY},
    {SEMEL_RULE_R4, LOST_WITH(RETRY_NEW), WRITTEN, .at_most_once = FAIL, .idempotent = RETRY,
     .known = NOBODY_KNOWS, .code = SEMEL_UNAVAILABLE, .reason = SEMEL_REASON_SESSION_NEW},
    {SEMEL_RULE_R4, LOST_WITH(RETRY_OTHER_DOMAIN), WRITTEN, .at_most_once = FAIL, .idempotent = RETRY,
     .known = NOBODY_KNOWS, .code = SEMEL_UNAVAILABLE, .reason = SEMEL_REASON_DOMAIN_CHANGED},
    {SEMEL_RULE_R5, LOST_WITH(RETRY_NO_VERDICT), WRITTEN, .at_most_once = HOLD, .idempotent = HOLD,
     .known = NOBODY_KNOWS, .reason = SEMEL_REASON_NO_VERDICT, .exhaustible = true},
    {SEMEL_RULE_R5, RETRY_CONNECT_FAILED, WRITTEN, ANY_VERDICT, .at_most_once = HOLD, .idempotent = HOLD,
     .known = NOBODY_KNOWS, .reason = SEMEL_REASON_NO_VERDICT, .exhaustible = true},
    {SEMEL_RULE_R1, RETRY_CONNECT_FAILED, UNWRITTEN, ANY_VERDICT, .at_most_once = RETRY, .idempotent = RETRY,
     .known = BY_PROGRESS, .exhaustible = true},
    {SEMEL_RULE_R1, RETRY_CONNECTION_LOST, UNWRITTEN, ANY_VERDICT, .at_most_once = RETRY, .idempotent = RETRY,
     .known = BY_PROGRESS, .exhaustible = true},
    {SEMEL_RULE_R2, RETRY_REFUSED, ANY_PROGRESS, ANY_VERDICT, .at_most_once = RETRY, .idempotent = RETRY,
     .known = NOT_HERE, .exhaustible = true},
    {SEMEL_RULE_R6, RETRY_BEGUN, ANY_PROGRESS, ANY_VERDICT, .at_most_once = FAIL, .idempotent = RETRY,
     .known = NOBODY_KNOWS, .reason = SEMEL_REASON_BEGUN, .exhaustible = true},
    {SEMEL_RULE_R7, RETRY_REPLY_GONE, ANY_PROGRESS, ANY_VERDICT, .at_most_once = FAIL, .idempotent = RETRY,
     .known = RAN, .reason = SEMEL_REASON_REPLY_GONE, .exhaustible = true},
    {SEMEL_RULE_R8, RETRY_ANSWERED, ANY_PROGRESS, ANY_VERDICT, .at_most_once = FINISH, .idempotent = FINISH,
     .known = ITS_WORD},
    {SEMEL_RULE_R9, RETRY_DEADLINE, ANY_PROGRESS, ANY_VERDICT, .at_most_once = FAIL, .idempotent = FAIL,
     .known = ITS_WORD, .code = SEMEL_DEADLINE_EXCEEDED},
    {SEMEL_RULE_R9, RETRY_CANCELLED, ANY_PROGRESS, ANY_VERDICT, .at_most_once = FAIL, .idempotent = FAIL,
     .known = ITS_WORD, .code = SEMEL_CANCELLED},
    {SEMEL_RULE_R10, RETRY_PROTOCOL, ANY_PROGRESS, ANY_VERDICT, .at_most_once = FAIL, .idempotent = FAIL,
     .known = ITS_WORD},
};

static const struct row *row_of(const struct retry_input *input)
{
    bool written = input->progress == SEMEL_PROGRESS_WRITTEN;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].failure == input->failure && (rows[i].any_progress || rows[i].written == written) &&
            (rows[i].any_verdict || rows[i].verdict == input->verdict))
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
static int64_t oracle_wait(const struct retry_input *input)
{
    const struct retry_policy *policy = input->policy;
    uint32_t count = policy->interval_count;
    int64_t wait = -1;
    if (count > 0 && input->failures <= count)
        wait = policy->intervals_ms[input->failures - 1];
    else if (count > 0 && policy->on_unavailable == SEMEL_ON_UNAVAILABLE_WAIT)
        wait = policy->intervals_ms[count - 1] < 10 ? 10 : policy->intervals_ms[count - 1];
    return wait >= 0 && wait < (int64_t)input->pushback_ms ? (int64_t)input->pushback_ms : wait;
}

/* R11: whether the policy allows no other attempt, and why. */
static bool oracle_stops(const struct retry_input *input, enum semel_reason exhausted,
                         enum semel_reason *ret_why)
{
    int64_t wait = oracle_wait(input);
    const struct {
        bool stops;
        enum semel_reason why;
    } in_turn[] = {{input->policy->on_unavailable == SEMEL_ON_UNAVAILABLE_DROP, SEMEL_REASON_LOST},
                   {wait < 0, exhausted},
                   {input->budget_empty, SEMEL_REASON_BUDGET_EMPTY},
                   {input->breaker_open, SEMEL_REASON_BREAKER_OPEN},
                   {wait >= input->remaining_ms, SEMEL_REASON_WAIT_PAST_DEADLINE}};
    for (size_t i = 0; i < sizeof in_turn / sizeof *in_turn; i++) {
        *ret_why = in_turn[i].why;
        if (in_turn[i].stops)
            return true;
    }
    return false;
}

/* R4 for life: an at-most-once call that may have run in a session that is gone is sent in no other. */
static const struct retry_decision gone_with_its_session = {.action = RETRY_FAIL,
                                                            .rule = SEMEL_RULE_R4,
                                                            .code = SEMEL_UNAVAILABLE,
                                                            .reason = SEMEL_REASON_SESSION_NEW,
                                                            .outcome = SEMEL_OUTCOME_UNKNOWN};

static struct retry_decision oracle(const struct retry_input *input)
{
    const struct row *row = row_of(input);
    enum plan plan = input->idempotent ? row->idempotent : row->at_most_once;
    enum semel_reason reason = row->reason != SEMEL_REASON_NONE ? row->reason : input->reason;
    struct retry_decision decision = {.rule = row->rule, .reason = reason, .code = row->code};
    bool exhaustible = row->exhaustible;
    enum semel_rule stopped_by = SEMEL_RULE_R11;
    if (row->rule == SEMEL_RULE_R8 && input->idempotent && input->code != SEMEL_OK &&
        (input->policy->retryable_codes >> input->code & 1) != 0) {
        plan = RETRY;
        exhaustible = true;
        stopped_by = SEMEL_RULE_R8; /* no more retries: then the answer stands */
    }
    if (!input->idempotent && input->exposed_elsewhere && (plan == RETRY || plan == HOLD))
        return gone_with_its_session;
    enum semel_reason stop;
    if (exhaustible && plan != FAIL && oracle_stops(input, reason, &stop)) {
        plan = stopped_by == SEMEL_RULE_R8 ? FINISH : FAIL;
        decision.rule = stopped_by;
        decision.reason = stopped_by == SEMEL_RULE_R8 ? reason : stop;
        decision.code = input->code == SEMEL_OK ? SEMEL_UNAVAILABLE : input->code;
    }
    decision.outcome = known_outcome(row, input);
    if (plan == RETRY || plan == REPLAY || plan == HOLD) {
        decision.action = plan == RETRY ? RETRY_AGAIN : plan == REPLAY ? RETRY_REPLAY : RETRY_HOLD;
        decision.wait_ms = exhaustible ? (uint32_t)oracle_wait(input) : 0;
        return decision;
    }
    decision.action = plan == FINISH ? RETRY_FINISH : RETRY_FAIL;
    if (row->rule == SEMEL_RULE_R8 || row->rule == SEMEL_RULE_R10)
        decision.code = input->code;
    if (row->rule == SEMEL_RULE_R6 && !input->idempotent)
        decision.code = SEMEL_UNAVAILABLE;
    if (row->rule == SEMEL_RULE_R7 && !input->idempotent)
        decision.code = SEMEL_DATA_LOSS;
    return decision;
}

/* ---- every combination ---- */

typedef void check_fn(const struct retry_input *input, const struct retry_decision *decision);

static uint64_t combinations;

/* Inputs that contradict themselves: a refusal and a word about execution are answers, and say so. */
static bool makes_sense(const struct retry_input *input)
{
    bool refused = input->failure == RETRY_REFUSED;
    if (refused && (!input->answered || input->outcome != SEMEL_OUTCOME_NOT_EXECUTED))
        return false;
    if (input->failure == RETRY_ANSWERED && !input->answered)
        return false;
    return input->answered || input->outcome == SEMEL_OUTCOME_UNKNOWN;
}

static void with_times(struct retry_input *input, check_fn *check)
{
    static const struct {
        int64_t remaining_ms;
        enum semel_reason reason; /* a peer need not give one */
    } cases[] = {{RETRY_NO_DEADLINE, SEMEL_REASON_OVERLOADED},
                 {RETRY_NO_DEADLINE, SEMEL_REASON_NONE},
                 {1000, SEMEL_REASON_OVERLOADED},
                 {101, SEMEL_REASON_NONE},
                 {100, SEMEL_REASON_OVERLOADED},
                 {0, SEMEL_REASON_OVERLOADED},
                 {-1, SEMEL_REASON_NONE}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        for (uint32_t bits = 0; bits < 8; bits++) {
            input->remaining_ms = cases[c].remaining_ms;
            input->reason = cases[c].reason;
            input->budget_empty = bits & 1;
            input->breaker_open = bits & 2;
            input->pushback_ms = bits & 4 ? 500 : 0;
            struct retry_decision decision = retry_decide(input);
            check(input, &decision);
            combinations++;
        }
    }
}

static void with_policies(struct retry_input *input, check_fn *check)
{
    static const enum semel_on_unavailable philosophies[] = {
        SEMEL_ON_UNAVAILABLE_WAIT, SEMEL_ON_UNAVAILABLE_FAIL, SEMEL_ON_UNAVAILABLE_DROP};
    for (size_t p = 0; p < 3; p++) {
        for (uint32_t count = 0; count <= 3; count += 3) {
            for (uint32_t codes = 0; codes <= 1; codes++) {
                struct retry_policy policy = {
                    .intervals_ms = intervals,
                    .interval_count = count,
                    .on_unavailable = philosophies[p],
                    .retryable_codes = codes == 0 ? 0 : 1u << SEMEL_UNAVAILABLE | 1u << SEMEL_OK};
                input->policy = &policy;
                for (input->failures = 1; input->failures <= 5; input->failures++)
                    with_times(input, check);
            }
        }
    }
}

static void with_all(check_fn *check)
{
    static const enum semel_code codes[] = {SEMEL_OK, SEMEL_UNAVAILABLE, SEMEL_ABORTED};
    struct retry_input input = {0};
    combinations = 0;
    for (uint32_t bits = 0; bits < 8; bits++) {
        input.idempotent = bits & 1;
        input.answered = bits & 2;
        input.exposed_elsewhere = bits & 4;
        for (int i = 0; i < 3 * 3 * 3 * RETRY_FAILURE_COUNT * RETRY_VERDICT_COUNT; i++) {
            input.progress = (enum semel_progress)(i % 3);
            input.outcome = (enum semel_outcome)(i / 3 % 3);
            input.code = codes[i / 9 % 3];
            input.failure = (enum retry_failure)(i / 27 % RETRY_FAILURE_COUNT);
            input.verdict = (enum retry_verdict)(i / 27 / RETRY_FAILURE_COUNT);
            if (makes_sense(&input))
                with_policies(&input, check);
        }
    }
    cr_assert_gt(combinations, 1000000);
}

#define TOLD                                                                                                   \
    "%s %s progress %d verdict %d answered %d outcome %d elsewhere %d failures %u of %u philosophy %d "        \
    "remaining %lld",                                                                                          \
        input->idempotent ? "idempotent" : "at-most-once", retry_failure_name(input->failure),                 \
        (int)input->progress, (int)input->verdict, input->answered, (int)input->outcome,                       \
        input->exposed_elsewhere, input->failures, input->policy->interval_count,                              \
        (int)input->policy->on_unavailable, (long long)input->remaining_ms

static void agree(const struct retry_input *input, const struct retry_decision *decision)
{
    struct retry_decision expected = oracle(input);
    bool same = decision->action == expected.action && decision->rule == expected.rule &&
                decision->wait_ms == expected.wait_ms;
    if (expected.action == RETRY_FINISH || expected.action == RETRY_FAIL)
        same = same && decision->code == expected.code && decision->reason == expected.reason &&
               decision->outcome == expected.outcome;
    if (same)
        return; /* a call per combination would take most of the time */
    cr_log_error("%s %s outcome %s code %s reason %s wait %u", retry_action_name(decision->action),
                 semel_rule_name(decision->rule), semel_outcome_name(decision->outcome),
                 semel_code_name(decision->code), semel_reason_name(decision->reason), decision->wait_ms);
    cr_log_error("%s %s outcome %s code %s reason %s wait %u expected", retry_action_name(expected.action),
                 semel_rule_name(expected.rule), semel_outcome_name(expected.outcome),
                 semel_code_name(expected.code), semel_reason_name(expected.reason), expected.wait_ms);
    cr_assert_fail(TOLD);
}

Test(retry, every_combination_is_decided_as_the_table_says)
{
    with_all(agree);
    printf("retry: %llu combinations agree\n", (unsigned long long)combinations);
}

/* ---- promises over all combinations ---- */

static bool runs_again(const struct retry_decision *decision)
{
    return decision->action == RETRY_AGAIN || decision->action == RETRY_REPLAY;
}

static void promise(const struct retry_input *input, const struct retry_decision *decision)
{
    bool written = input->progress == SEMEL_PROGRESS_WRITTEN;
    bool told_not_executed = input->answered && input->outcome == SEMEL_OUTCOME_NOT_EXECUTED;
    bool waits = decision->action == RETRY_AGAIN || decision->action == RETRY_HOLD;
    bool judged = decision->rule == SEMEL_RULE_R3 || decision->rule == SEMEL_RULE_R4;
    const char *broken = NULL;
    if (!input->idempotent && written && runs_again(decision) &&
        !(decision->action == RETRY_REPLAY && input->verdict == RETRY_RESUMED) && !told_not_executed)
        broken = "a written at-most-once call is sent again";
    if (!input->idempotent && input->exposed_elsewhere && waits)
        broken = "an at-most-once call of a session that is gone is sent again";
    if (waits && !judged && (int64_t)decision->wait_ms >= input->remaining_ms)
        broken = "a wait reaches the deadline";
    if (waits && !judged && decision->wait_ms < input->pushback_ms)
        broken = "the peer's wish is not honoured";
    if (waits && !judged && input->policy->on_unavailable != SEMEL_ON_UNAVAILABLE_WAIT &&
        input->failures > input->policy->interval_count)
        broken = "more attempts than the policy allows";
    if (waits && !judged && input->policy->on_unavailable == SEMEL_ON_UNAVAILABLE_DROP)
        broken = "best effort is retried";
    if (!runs_again(decision) && input->exposed_elsewhere && decision->outcome == SEMEL_OUTCOME_NOT_EXECUTED)
        broken = "a call that may have run elsewhere is told as not executed";
    if (decision->action == RETRY_FAIL && written && !input->answered &&
        decision->outcome == SEMEL_OUTCOME_NOT_EXECUTED)
        broken = "a written call that nobody answered is told as not executed";
    if (decision->action == RETRY_FAIL &&
        (decision->rule == SEMEL_RULE_NONE || decision->rule == SEMEL_RULE_R8))
        broken = "a failure without its rule";
    if (broken != NULL) {
        cr_log_error("%s", broken);
        cr_assert_fail(TOLD);
    }
}

Test(retry, promises_hold_over_every_combination)
{
    with_all(promise);
}

/* ---- whole lives ---- */

struct life {
    struct retry_input input;
    struct retry_policy policy;
    int attempts;
    int sent_after_written; /* without a RESUMED or a word in between */
    int64_t now_ms;
};

/* One attempt, and what becomes of it, drawn at random; false: the call has ended. */
static bool live_on(struct life *life, struct rng *rng)
{
    struct retry_input *input = &life->input;
    input->failures++;
    input->verdict = RETRY_NO_VERDICT;
    input->answered = false;
    input->outcome = SEMEL_OUTCOME_UNKNOWN;
    input->code = SEMEL_OK;
    switch (rng_below(rng, 4)) {
    case 0: input->failure = RETRY_CONNECT_FAILED; break;
    case 1:
        input->failure = RETRY_REFUSED;
        input->answered = true;
        input->outcome = SEMEL_OUTCOME_NOT_EXECUTED;
        input->code = SEMEL_UNAVAILABLE;
        break;
    default:
        input->failure = RETRY_CONNECTION_LOST;
        if (input->progress != SEMEL_PROGRESS_WRITTEN)
            input->progress = (enum semel_progress)rng_below(rng, 3);
    }
    input->remaining_ms = 60000 - life->now_ms;
    struct retry_decision decision = retry_decide(input);
    life->now_ms += decision.wait_ms;
    if (decision.action == RETRY_HOLD && rng_below(rng, 3) > 0) {
        input->failure = RETRY_CONNECTION_LOST;
        input->verdict = rng_below(rng, 2) == 0 ? RETRY_RESUMED : RETRY_NEW;
        decision = retry_decide(input);
        if (input->verdict == RETRY_NEW)
            input->exposed_elsewhere = true;
    }
    if (decision.action == RETRY_AGAIN && input->progress == SEMEL_PROGRESS_WRITTEN && !input->answered)
        life->sent_after_written++;
    if (decision.action == RETRY_AGAIN)
        input->progress = SEMEL_PROGRESS_QUEUED;
    if (runs_again(&decision))
        life->attempts++;
    return decision.action != RETRY_FAIL && decision.action != RETRY_FINISH;
}

Test(retry, attempts_are_bounded_and_at_most_once_holds_for_life)
{
    struct rng rng = {15};
    for (int i = 0; i < 200000; i++) {
        struct life life = {.attempts = 1};
        life.policy = (struct retry_policy){
            .intervals_ms = intervals,
            .interval_count = (uint32_t)rng_below(&rng, 4),
            .on_unavailable = (enum semel_on_unavailable)(1 + rng_below(&rng, 3))};
        life.input.policy = &life.policy;
        life.input.reason = SEMEL_REASON_CONNECTION_LOST;
        life.input.idempotent = rng_below(&rng, 2);
        int steps = 0;
        while (live_on(&life, &rng))
            cr_assert_lt(++steps, 20000, "every call ends by its deadline");
        if (life.policy.on_unavailable == SEMEL_ON_UNAVAILABLE_FAIL)
            cr_assert_leq(life.attempts, 1 + (int)life.policy.interval_count);
        if (life.policy.on_unavailable == SEMEL_ON_UNAVAILABLE_DROP)
            cr_assert_eq(life.attempts, 1);
        if (!life.input.idempotent)
            cr_assert_eq(life.sent_after_written, 0);
        cr_assert_lt(life.now_ms, 60000);
    }
}

/* ---- holes that were open once ---- */

static const struct retry_policy once = {
    .intervals_ms = intervals + 1, .interval_count = 1, .on_unavailable = SEMEL_ON_UNAVAILABLE_FAIL};
static const struct retry_policy never = {.on_unavailable = SEMEL_ON_UNAVAILABLE_FAIL};

Test(retry, a_protocol_error_after_writing_is_not_known)
{
    struct retry_input input = {.progress = SEMEL_PROGRESS_WRITTEN,
                                .failure = RETRY_PROTOCOL,
                                .failures = 1,
                                .reason = SEMEL_REASON_TOO_LARGE,
                                .remaining_ms = 1000,
                                .policy = &once};
    cr_assert_eq(retry_decide(&input).outcome, SEMEL_OUTCOME_UNKNOWN);
    input.progress = SEMEL_PROGRESS_QUEUED;
    cr_assert_eq(retry_decide(&input).outcome, SEMEL_OUTCOME_NOT_EXECUTED);
}

Test(retry, a_policy_ends_without_a_reason_too)
{
    struct retry_input input = {
        .failure = RETRY_CONNECT_FAILED, .failures = 2, .remaining_ms = 1000, .policy = &once};
    cr_assert_eq(retry_decide(&input).action, RETRY_FAIL);
    cr_assert_eq(retry_decide(&input).rule, SEMEL_RULE_R11);
}

Test(retry, an_answer_does_not_speak_for_a_session_that_is_gone)
{
    struct retry_input input = {.idempotent = true,
                                .exposed_elsewhere = true,
                                .answered = true,
                                .outcome = SEMEL_OUTCOME_NOT_EXECUTED,
                                .failure = RETRY_ANSWERED,
                                .failures = 1,
                                .code = SEMEL_ABORTED,
                                .remaining_ms = 1000,
                                .policy = &once};
    cr_assert_eq(retry_decide(&input).outcome, SEMEL_OUTCOME_UNKNOWN);
}

Test(retry, at_most_once_of_a_session_that_is_gone_is_never_sent_again)
{
    struct retry_input input = {.exposed_elsewhere = true,
                                .failure = RETRY_CONNECT_FAILED,
                                .failures = 1,
                                .reason = SEMEL_REASON_CONNECT_FAILED,
                                .remaining_ms = 1000,
                                .policy = &once};
    cr_assert_eq(retry_decide(&input).action, RETRY_FAIL);
    cr_assert_eq(retry_decide(&input).outcome, SEMEL_OUTCOME_UNKNOWN);
}

/* It ran, its reply was lost, the session is resumed, and its replay is refused: idempotent runs leave no record, so
 * that the server's word is about the replay only.  The client knows, and says so in exposed_elsewhere. */
Test(retry, a_refused_replay_of_an_idempotent_call_may_have_run)
{
    struct dedup_domain domain = {.keep_reply = 1000, .keep_total = 100000};
    struct dedup_table table;
    struct dedup_run run;
    struct dedup_question question = {.seq = 1, .method = 1, .digest = 1, .idempotent = true};
    dedup_init(&table, &domain, 1, 10);
    cr_assert_eq(dedup_admit(&table, &question, &run).answer, DEDUP_RUN);
    dedup_finish(&run, NULL);
    question.unfit = SEMEL_REASON_OVERLOADED;
    struct dedup_verdict verdict = dedup_admit(&table, &question, &run);
    dedup_fini(&table);
    cr_assert_eq(verdict.outcome, SEMEL_OUTCOME_NOT_EXECUTED);
    struct retry_input input = {.idempotent = true,
                                .exposed_elsewhere = true,
                                .failure = RETRY_REFUSED,
                                .reason = verdict.reason,
                                .code = SEMEL_UNAVAILABLE,
                                .answered = true,
                                .outcome = verdict.outcome,
                                .failures = 2,
                                .remaining_ms = 1000,
                                .policy = &never};
    cr_assert_eq(retry_decide(&input).outcome, SEMEL_OUTCOME_UNKNOWN);
}

/* ---- details ---- */

Test(retry, waiting_for_ever_repeats_the_last_interval)
{
    static const uint32_t zero[1] = {0};
    struct retry_policy policy = {
        .intervals_ms = intervals, .interval_count = 3, .on_unavailable = SEMEL_ON_UNAVAILABLE_WAIT};
    struct retry_input input = {.policy = &policy, .remaining_ms = RETRY_NO_DEADLINE};
    static const uint32_t expected[] = {0, 100, 1000, 1000, 1000, 1000};
    for (input.failures = 1; input.failures <= 6; input.failures++)
        cr_assert_eq(retry_decide(&input).wait_ms, expected[input.failures - 1]);
    policy = (struct retry_policy){
        .intervals_ms = zero, .interval_count = 1, .on_unavailable = SEMEL_ON_UNAVAILABLE_WAIT};
    input.failures = 2;
    cr_assert_eq(retry_decide(&input).wait_ms, RETRY_REPEAT_WAIT_MS, "no storm of attempts");
}

Test(retry, names)
{
    cr_assert_str_eq(retry_failure_name(RETRY_CONNECT_FAILED), "CONNECT_FAILED");
    cr_assert_str_eq(retry_failure_name(RETRY_PROTOCOL), "PROTOCOL");
    cr_assert_str_eq(retry_failure_name(RETRY_FAILURE_COUNT), "?");
    cr_assert_str_eq(retry_action_name(RETRY_FINISH), "finish");
    cr_assert_str_eq(retry_action_name(RETRY_HOLD), "hold");
    cr_assert_str_eq(retry_action_name((enum retry_action)99), "?");
}

Test(retry, no_failure_no_decision, .signal = SIGABRT)
{
    struct retry_policy policy = {0};
    retry_decide(&(struct retry_input){.policy = &policy, .failures = 0});
}

static void add_up(const struct retry_input *input, const struct retry_decision *decision)
{
    (void)input;
    static volatile uint64_t sum;
    sum = sum + decision->wait_ms;
}

/* Told, not judged: what it costs depends on the machine and its other work. */
Test(retry, cost_of_a_decision)
{
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    with_all(add_up);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double ns = (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
    printf("retry: %.1f ns a decision\n", ns / (double)combinations);
    cr_assert_gt(combinations, 0);
}
