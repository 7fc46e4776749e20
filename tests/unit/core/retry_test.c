/* The retry decision: every combination of inputs against the oracle, and the promises that hold over all of them.
 *
 * Reads best next: retry_oracle.c; retry_life_test.c, whole lives of calls. */
#include "core/retry.h"

#include <signal.h>
#include <stdio.h>

#include "core/dedup.h"
#include "retry_oracle.h"
#include "support.h"

/* ---- every combination ---- */

typedef void check_fn(const struct retry_input *input, const struct retry_decision *decision);

static uint64_t combinations;

static void with_times(struct retry_input *input, struct retry_policy *policy, check_fn *check)
{
    static const struct {
        int64_t remaining_ms, elapsed_ms;
        uint32_t max_elapsed_ms, pushback_ms;
        enum semel_reason reason; /* a peer need not give one */
    } cases[] = {{RETRY_NO_DEADLINE, 0, 0, 0, SEMEL_REASON_OVERLOADED},
                 {RETRY_NO_DEADLINE, 700, 800, 0, SEMEL_REASON_OVERLOADED},
                 {RETRY_NO_DEADLINE, 700, 800, 100, SEMEL_REASON_OVERLOADED},
                 {201, 0, 1000, 0, SEMEL_REASON_NONE},
                 {200, 0, 0, 0, SEMEL_REASON_OVERLOADED},
                 {200, 0, 0, 199, SEMEL_REASON_OVERLOADED},
                 {-1, 9000, 1, 1, SEMEL_REASON_NONE}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        input->remaining_ms = cases[c].remaining_ms;
        input->elapsed_ms = cases[c].elapsed_ms;
        input->pushback_ms = cases[c].pushback_ms;
        input->reason = cases[c].reason;
        policy->max_elapsed_ms = cases[c].max_elapsed_ms;
        for (uint32_t bits = 0; bits < 8; bits++) {
            input->budget_empty = bits & 1;
            input->breaker_open = bits & 2;
            input->never = bits & 4;
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
    static const struct {
        uint32_t intervals, attempts; /* a list, or a backoff */
    } plans[] = {{0, 0}, {3, 0}, {3, 1}, {0, 4}};
    for (size_t i = 0; i < 3 * 4 * 2; i++) {
        struct retry_policy policy = {
            .intervals_ms = retry_oracle_waits,
            .interval_count = plans[i % 4].intervals,
            .backoff = {plans[i % 4].attempts, 50, 200, 3, SEMEL_JITTER_NONE},
            .on_unavailable = philosophies[i / 4 % 3],
            .retryable_codes = i / 12 == 0 ? 0 : 1u << SEMEL_UNAVAILABLE | 1u << SEMEL_OK};
        input->policy = &policy;
        for (input->failures = 1; input->failures <= 4; input->failures += input->failures == 1 ? 2 : 1)
            with_times(input, &policy, check);
    }
}

/* Inputs that contradict themselves: a refusal and a word about execution are answers, and say so. */
static bool makes_sense(const struct retry_input *input)
{
    bool refused = input->failure == RETRY_REFUSED;
    if (refused && (!input->answered || input->outcome != SEMEL_OUTCOME_NOT_EXECUTED))
        return false;
    if (input->failure == RETRY_ANSWERED && !input->answered)
        return false;
    if (input->failure == RETRY_ATTEMPT_TIMEOUT && input->answered)
        return false;
    return input->answered || input->outcome == SEMEL_OUTCOME_UNKNOWN;
}

/* Every combination whose mode and flags are these bits. */
static void with_bits(uint32_t bits, check_fn *check)
{
    static const enum semel_code codes[] = {SEMEL_OK, SEMEL_UNAVAILABLE, SEMEL_ABORTED};
    struct retry_input input = {.idempotent = bits & 1,
                                .answered = bits & 2,
                                .exposed_elsewhere = bits & 4,
                                .cancel_asked = bits & 8,
                                .before_its_time = bits & 16};
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

static void with_all(check_fn *check)
{
    combinations = 0;
    for (uint32_t bits = 0; bits < 32; bits++)
        with_bits(bits, check);
    cr_assert_gt(combinations, 1000000);
}

#define TOLD                                                                                                   \
    "%s %s progress %d verdict %d answered %d outcome %d elsewhere %d cancel %d early %d failures %u of "      \
    "%u/%u "                                                                                                   \
    "philosophy %d remaining %lld",                                                                            \
        input->idempotent ? "idempotent" : "at-most-once", retry_failure_name(input->failure),                 \
        (int)input->progress, (int)input->verdict, input->answered, (int)input->outcome,                       \
        input->exposed_elsewhere, input->cancel_asked, input->before_its_time, input->failures,                \
        input->policy->interval_count, input->policy->backoff.max_attempts,                                    \
        (int)input->policy->on_unavailable, (long long)input->remaining_ms

static void agree(const struct retry_input *input, const struct retry_decision *decision)
{
    struct retry_decision expected = retry_oracle(input);
    if (retry_oracle_same(decision, &expected))
        return; /* a call per combination would take most of the time */
    const struct retry_decision *both[] = {decision, &expected};
    for (int i = 0; i < 2; i++)
        cr_log_error("%s: %s %s outcome %s code %s reason %s denied %s wait %u charged %d",
                     i == 0 ? "decided" : "expected", retry_action_name(both[i]->action),
                     semel_rule_name(both[i]->rule), semel_outcome_name(both[i]->outcome),
                     semel_code_name(both[i]->code), semel_reason_name(both[i]->reason),
                     semel_reason_name(both[i]->denied), both[i]->wait_ms, both[i]->charged);
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

static uint32_t retries_of(const struct retry_policy *policy)
{
    return policy->backoff.max_attempts > 0 ? policy->backoff.max_attempts - 1 : policy->interval_count;
}

static void promise(const struct retry_input *input, const struct retry_decision *decision)
{
    bool written = input->progress == SEMEL_PROGRESS_WRITTEN;
    bool told_not_executed = input->answered && input->outcome == SEMEL_OUTCOME_NOT_EXECUTED;
    bool waits = decision->action == RETRY_AGAIN || decision->action == RETRY_HOLD;
    bool judged = decision->rule == SEMEL_RULE_R3 || decision->rule == SEMEL_RULE_R4;
    bool goes_on = waits || decision->action == RETRY_REPLAY || decision->action == RETRY_RIDE;
    const char *broken = NULL;
    if (!input->idempotent && written && runs_again(decision) &&
        !(decision->action == RETRY_REPLAY && input->verdict == RETRY_RESUMED) && !told_not_executed)
        broken = "a written at-most-once call is sent again";
    if (!input->idempotent && input->exposed_elsewhere && goes_on && decision->action != RETRY_REPLAY)
        broken = "an at-most-once call of a session that is gone is sent again";
    if (waits && !judged && (int64_t)decision->wait_ms >= input->remaining_ms)
        broken = "a wait reaches the deadline";
    if (waits && !judged && input->pushback_ms > 0 && decision->wait_ms != input->pushback_ms)
        broken = "the peer's wish is not honoured";
    if (waits && !judged && input->policy->on_unavailable != SEMEL_ON_UNAVAILABLE_WAIT &&
        input->failures > retries_of(input->policy))
        broken = "more attempts than the policy allows";
    if (goes_on && input->cancel_asked)
        broken = "a cancelled call goes on";
    if (decision->charged && (!goes_on || input->budget_empty))
        broken = "a token is taken that is not there, or for nothing";
    if (decision->denied != SEMEL_REASON_NONE && goes_on)
        broken = "it goes on, though it was denied";
    if (decision->rule == SEMEL_RULE_R11 && decision->denied == SEMEL_REASON_NONE)
        broken = "R11 without what it held against the attempt";
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

/* ---- holes that were open once ---- */

static const uint32_t waits_ms[3] = {0, 100, 1000};
static const struct retry_policy once = {
    .intervals_ms = &waits_ms[1], .interval_count = 1, .on_unavailable = SEMEL_ON_UNAVAILABLE_FAIL};
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

Test(retry, who_gives_up_tells_what_broke_before)
{
    struct retry_input input = {.failure = RETRY_GAVE_UP,
                                .verdict = RETRY_RESUMED,
                                .progress = SEMEL_PROGRESS_WRITTEN,
                                .reason = SEMEL_REASON_HEARTBEAT_MISSED,
                                .failures = 1,
                                .policy = &once};
    struct retry_decision end = retry_decide(&input);
    cr_assert_eq(end.action, RETRY_FAIL);
    cr_assert_eq(end.rule, SEMEL_RULE_R11);
    cr_assert_eq(end.code, SEMEL_UNAVAILABLE);
    cr_assert_eq(end.reason, SEMEL_REASON_HEARTBEAT_MISSED);
    cr_assert_eq(end.outcome, SEMEL_OUTCOME_UNKNOWN, "a resumed session has not said that it ran");
    input.progress = SEMEL_PROGRESS_QUEUED;
    input.reason = SEMEL_REASON_NONE;
    end = retry_decide(&input);
    cr_assert_eq(end.reason, SEMEL_REASON_RECOVERY_GAVE_UP);
    cr_assert_eq(end.outcome, SEMEL_OUTCOME_NOT_EXECUTED);
}

Test(retry, waiting_for_ever_repeats_the_last_interval)
{
    static const uint32_t zero[1] = {0};
    struct retry_policy policy = {
        .intervals_ms = waits_ms, .interval_count = 3, .on_unavailable = SEMEL_ON_UNAVAILABLE_WAIT};
    struct retry_input input = {.policy = &policy, .remaining_ms = RETRY_NO_DEADLINE};
    static const uint32_t expected[] = {0, 100, 1000, 1000, 1000, 1000};
    for (input.failures = 1; input.failures <= 6; input.failures++)
        cr_assert_eq(retry_decide(&input).wait_ms, expected[input.failures - 1]);
    policy = (struct retry_policy){
        .intervals_ms = zero, .interval_count = 1, .on_unavailable = SEMEL_ON_UNAVAILABLE_WAIT};
    input.failures = 2;
    cr_assert_eq(retry_decide(&input).wait_ms, RETRY_REPEAT_WAIT_MS, "no storm of attempts");
}

Test(retry, a_backoff_that_waits_for_ever_goes_on_at_its_cap)
{
    struct retry_policy policy = {.backoff = {3, 0, 0, 2, SEMEL_JITTER_NONE},
                                  .on_unavailable = SEMEL_ON_UNAVAILABLE_WAIT};
    struct retry_input input = {.policy = &policy, .failures = 2, .remaining_ms = RETRY_NO_DEADLINE};
    cr_assert_eq(retry_decide(&input).wait_ms, 0);
    for (input.failures = 3; input.failures < 100; input.failures++)
        cr_assert_eq(retry_decide(&input).wait_ms, RETRY_REPEAT_WAIT_MS, "no storm of attempts");
    policy.backoff = (struct backoff){3, 100, 1000, 2, SEMEL_JITTER_NONE};
    static const uint32_t expected[] = {100, 200, 400, 800, 1000, 1000};
    for (input.failures = 1; input.failures <= 6; input.failures++)
        cr_assert_eq(retry_decide(&input).wait_ms, expected[input.failures - 1]);
    input.failures = UINT32_MAX;
    cr_assert_eq(retry_decide(&input).wait_ms, 1000);
    input.pushback_ms = 3;
    cr_assert_eq(retry_decide(&input).wait_ms, 3, "the peer knows best");
}

Test(retry, the_last_retry_may_start_just_at_the_limit)
{
    struct retry_policy policy = {.intervals_ms = waits_ms,
                                  .interval_count = 3,
                                  .on_unavailable = SEMEL_ON_UNAVAILABLE_FAIL,
                                  .max_elapsed_ms = 500};
    struct retry_input input = {
        .policy = &policy, .failures = 2, .remaining_ms = RETRY_NO_DEADLINE, .elapsed_ms = 400};
    cr_assert_eq(retry_decide(&input).action, RETRY_AGAIN);
    input.elapsed_ms = 401;
    cr_assert_eq(retry_decide(&input).denied, SEMEL_REASON_MAX_ELAPSED);
    input.elapsed_ms = INT64_MAX;
    cr_assert_eq(retry_decide(&input).denied, SEMEL_REASON_MAX_ELAPSED);
}

Test(retry, names)
{
    cr_assert_str_eq(retry_failure_name(RETRY_CONNECT_FAILED), "CONNECT_FAILED");
    cr_assert_str_eq(retry_failure_name(RETRY_PROTOCOL), "PROTOCOL");
    cr_assert_str_eq(retry_failure_name(RETRY_FAILURE_COUNT), "?");
    cr_assert_str_eq(retry_action_name(RETRY_FINISH), "finish");
    cr_assert_str_eq(retry_action_name(RETRY_HOLD), "hold");
    cr_assert_str_eq(retry_action_name(RETRY_RIDE), "ride along");
    cr_assert_str_eq(retry_failure_name(RETRY_ATTEMPT_TIMEOUT), "ATTEMPT_TIMEOUT");
    cr_assert_str_eq(retry_failure_name(RETRY_GAVE_UP), "GAVE_UP");
    cr_assert_str_eq(retry_action_name((enum retry_action)99), "?");
}

Test(retry, no_failure_no_decision, .signal = SIGABRT)
{
    struct retry_policy policy = {0};
    retry_decide(&(struct retry_input){.policy = &policy, .failures = 0});
}
