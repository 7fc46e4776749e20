/* Whole lives of calls in a world of chance: connections that break at any byte, servers that run a request or not,
 * forget it, refuse it, stay silent.  The world knows what really ran; the decisions only see what a client sees. 
 * What is promised must hold against what really happened.
 *
 * Reads best next: retry_test.c. */
#include "core/retry.h"

#include <stdio.h>

#include "core/budget.h"
#include "core/units.h"
#include "support.h"

#define DEADLINE_MS 60000
#define STEPS_MAX 20000
#define LIVES 500000

static const uint32_t intervals[4] = {0, 100, 1000, 5};

struct life {
    struct retry_policy policy;
    struct retry_input input; /* what the client knows */
    struct budget budget;
    int64_t now_ms;
    bool exposed;     /* written in this session, and no word of it */
    bool may_ride;    /* others ask for connections, too */
    uint32_t retries; /* attempts that a rule granted, but for verdicts */
    uint32_t last_wait_ms;
    uint64_t decisions;
    /* What really happened. */
    int runs;
    bool
        recorded; /* the server's session has a record of it: an at-most-once request does not run again in it */
    struct retry_decision end;
};

static bool goes_on(const struct retry_decision *decision)
{
    return decision->action != RETRY_FAIL && decision->action != RETRY_FINISH;
}

static uint32_t retries_of(const struct retry_policy *policy)
{
    return policy->backoff.max_attempts > 0 ? policy->backoff.max_attempts - 1 : policy->interval_count;
}

/* What must hold for every decision to go on. */
static void check_step(struct life *life, const struct retry_decision *decision)
{
    const struct retry_policy *policy = &life->policy;
    bool judged = decision->rule == SEMEL_RULE_R3 || decision->rule == SEMEL_RULE_R4;
    cr_assert(!life->input.cancel_asked, "a cancelled call goes on");
    if (decision->charged)
        cr_assert(budget_withdraw(&life->budget, life->now_ms * MS_IN_NS), "a retry without its token");
    if (judged || decision->action == RETRY_RIDE)
        return;
    life->retries++;
    cr_assert(policy->on_unavailable != SEMEL_ON_UNAVAILABLE_DROP);
    if (policy->on_unavailable != SEMEL_ON_UNAVAILABLE_WAIT)
        cr_assert_leq(life->retries, retries_of(policy));
    cr_assert_lt(life->now_ms + decision->wait_ms, DEADLINE_MS);
    if (policy->max_elapsed_ms > 0)
        cr_assert_leq(life->now_ms + decision->wait_ms, policy->max_elapsed_ms);
    life->last_wait_ms = decision->wait_ms;
    life->now_ms += decision->wait_ms;
}

/* The client's part, as a channel does it: describe, decide, keep count of what has run where. */
static bool decide(struct life *life, struct rng *rng)
{
    struct retry_input *input = &life->input;
    input->remaining_ms = DEADLINE_MS - life->now_ms;
    input->elapsed_ms = life->now_ms;
    input->last_wait_ms = life->last_wait_ms;
    input->random = rng_next(rng);
    input->budget_empty = !budget_has(&life->budget, life->now_ms * MS_IN_NS);
    input->breaker_open = rng_below(rng, 20) == 0;
    struct retry_decision decision = retry_decide(input);
    life->decisions++;
    if (!goes_on(&decision)) {
        life->end = decision;
        return false;
    }
    check_step(life, &decision);
    if (decision.action == RETRY_RIDE)
        input->failures--;
    if (decision.action == RETRY_REPLAY)
        input->exposed_elsewhere |= input->idempotent;
    if (decision.action == RETRY_AGAIN && input->failure != RETRY_REFUSED &&
        input->progress != SEMEL_PROGRESS_QUEUED) {
        input->exposed_elsewhere |= life->exposed;
        life->exposed = false;
    }
    return true;
}

static void fails_by(struct life *life, enum retry_failure failure, enum semel_reason reason)
{
    struct retry_input *input = &life->input;
    input->failure = failure;
    input->reason = reason;
    input->verdict = RETRY_NO_VERDICT;
    input->answered = false;
    input->outcome = SEMEL_OUTCOME_UNKNOWN;
    input->code = SEMEL_OK;
    input->never = false;
    input->pushback_ms = 0;
    if (life->exposed)
        input->progress = SEMEL_PROGRESS_WRITTEN;
    input->failures++;
}

static void answered_with(struct life *life, enum retry_failure failure, enum semel_code code,
                          enum semel_outcome outcome, struct rng *rng)
{
    fails_by(life, failure, SEMEL_REASON_OVERLOADED);
    life->input.answered = true;
    life->input.code = code;
    life->input.outcome = outcome;
    life->input.never = rng_below(rng, 10) == 0;
    life->input.pushback_ms = rng_below(rng, 4) == 0 ? (uint32_t)rng_below(rng, 3000) : 0;
}

static bool server_runs_it(struct life *life)
{
    if (life->recorded && !life->input.idempotent)
        return false;
    life->runs++;
    life->recorded = !life->input.idempotent;
    return true;
}

/* A server answered the HELLO: the verdict over a call that was written before.  false: it ended the call. */
static bool judged(struct life *life, struct rng *rng)
{
    enum retry_verdict verdict = (enum retry_verdict)(1 + rng_below(rng, 3));
    if (verdict != RETRY_RESUMED)
        life->recorded = false; /* whoever answers has never heard of it */
    if (!life->exposed)
        return true;
    struct retry_input *input = &life->input;
    input->failure = RETRY_CONNECTION_LOST;
    input->verdict = verdict;
    input->progress = SEMEL_PROGRESS_WRITTEN;
    input->answered = false;
    bool lives = decide(life, rng);
    input->progress = SEMEL_PROGRESS_QUEUED;
    return lives;
}

/* The server has the whole request: what it does, and what the client hears of it. */
static void served(struct life *life, struct rng *rng)
{
    bool known = life->recorded && !life->input.idempotent;
    uint64_t fate = rng_below(rng, 8);
    if (fate == 0 && !known) { /* refused: no record, and it has not run in this session */
        life->exposed = false;
        answered_with(life, RETRY_REFUSED, SEMEL_UNAVAILABLE, SEMEL_OUTCOME_NOT_EXECUTED, rng);
        return;
    }
    if (fate != 1)
        server_runs_it(life);
    bool ran_here = fate != 1 || known;
    if (fate <= 3 || !ran_here)
        fails_by(life, RETRY_CONNECTION_LOST, SEMEL_REASON_CONNECTION_LOST);
    else if (fate == 4)
        fails_by(life, RETRY_ATTEMPT_TIMEOUT, SEMEL_REASON_ATTEMPT_TIMEOUT);
    else if (fate == 5)
        answered_with(life, RETRY_ANSWERED, SEMEL_ABORTED, SEMEL_OUTCOME_EXECUTED, rng);
    else if (fate == 6)
        answered_with(life, RETRY_BEGUN, SEMEL_UNAVAILABLE, SEMEL_OUTCOME_UNKNOWN, rng);
    else
        answered_with(life, RETRY_REPLY_GONE, SEMEL_DATA_LOSS, SEMEL_OUTCOME_EXECUTED, rng);
}

/* What becomes of the bytes of one attempt. */
static void sent(struct life *life, struct rng *rng)
{
    struct retry_input *input = &life->input;
    uint64_t fate = rng_below(rng, 8);
    input->progress = fate == 0 ? SEMEL_PROGRESS_QUEUED : SEMEL_PROGRESS_PARTLY_WRITTEN;
    if (fate == 2) { /* half-written, and slow: its rest is sent, and runs */
        life->exposed = true;
        server_runs_it(life);
        fails_by(life, RETRY_ATTEMPT_TIMEOUT, SEMEL_REASON_ATTEMPT_TIMEOUT);
        input->progress = rng_below(rng, 2) == 0 ? SEMEL_PROGRESS_PARTLY_WRITTEN : SEMEL_PROGRESS_WRITTEN;
    } else if (fate <= 1) {
        fails_by(life, RETRY_CONNECTION_LOST, SEMEL_REASON_CONNECTION_LOST);
    } else {
        life->exposed = true;
        input->progress = SEMEL_PROGRESS_WRITTEN;
        served(life, rng);
    }
}

/* One attempt, or one ride, and what becomes of it; false: the call has ended. */
static bool live_on(struct life *life, struct rng *rng)
{
    struct retry_input *input = &life->input;
    life->now_ms += (int64_t)rng_below(rng, 20);
    input->before_its_time = life->may_ride && input->failures > 0 && rng_below(rng, 4) == 0;
    input->progress = SEMEL_PROGRESS_QUEUED;
    if (life->now_ms >= DEADLINE_MS)
        fails_by(life, RETRY_DEADLINE, SEMEL_REASON_DEADLINE);
    else if (rng_below(rng, 40) == 0)
        fails_by(life, RETRY_CANCELLED, SEMEL_REASON_CANCELLED);
    else if (!input->before_its_time && rng_below(rng, 3) == 0)
        fails_by(life, RETRY_CONNECT_FAILED, SEMEL_REASON_CONNECT_FAILED);
    else if (rng_below(rng, 60) == 0)
        fails_by(life, RETRY_GAVE_UP, SEMEL_REASON_CONNECTION_LOST);
    else if (!judged(life, rng))
        return false;
    else
        sent(life, rng);
    input->cancel_asked = rng_below(rng, 50) == 0;
    return decide(life, rng);
}

static struct backoff draw_backoff(struct rng *rng)
{
    struct backoff backoff = {.max_attempts = (uint32_t)rng_below(rng, 6),
                              .initial_ms = (uint32_t)rng_below(rng, 200),
                              .max_ms = (uint32_t)rng_below(rng, 20000),
                              .multiplier = 1 + (double)rng_below(rng, 30) / 10,
                              .jitter = (enum semel_jitter)rng_below(rng, 5)};
    if (rng_below(rng, 2) == 0)
        backoff.max_attempts = 0;
    return backoff;
}

static struct life draw_life(struct rng *rng)
{
    struct life life = {.policy = {.intervals_ms = intervals,
                                   .interval_count = (uint32_t)rng_below(rng, 5),
                                   .on_unavailable = (enum semel_on_unavailable)(1 + rng_below(rng, 3)),
                                   .retryable_codes = rng_below(rng, 2) == 0 ? 1u << SEMEL_ABORTED : 0,
                                   .backoff = draw_backoff(rng),
                                   .max_elapsed_ms = rng_below(rng, 3) == 0 ? 5000 : 0}};
    life.input.idempotent = rng_below(rng, 2);
    life.may_ride = rng_below(rng, 2);
    return life;
}

/* Lives it to its end.  Every step has its own chances, so that a life that ends earlier is the beginning of the
 * other. */
static void live(struct life *life, uint64_t seed)
{
    uint64_t step = 0;
    struct rng rng;
    life->input.policy = &life->policy;
    do {
        rng = (struct rng){seed ^ (++step << 32)};
        cr_assert_lt(step, STEPS_MAX, "every call ends by its deadline");
    } while (live_on(life, &rng));
}

static void check_end(const struct life *life)
{
    if (!life->input.idempotent)
        cr_assert_leq(life->runs, 1, "an at-most-once call ran %d times", life->runs);
    if (life->end.outcome == SEMEL_OUTCOME_NOT_EXECUTED)
        cr_assert_eq(life->runs, 0, "it ran, and is told not to have: %s after %u failures",
                     semel_rule_name(life->end.rule), life->input.failures);
    if (life->end.outcome == SEMEL_OUTCOME_EXECUTED)
        cr_assert_geq(life->runs, 1, "it has not run, and is told to have");
}

static uint64_t lives(const struct budget *budget, bool compare)
{
    struct rng rng = {15};
    uint64_t decisions = 0, told[3] = {0};
    for (uint64_t i = 0; i < LIVES; i++) {
        struct life life = draw_life(&rng);
        struct life poorer = life;
        life.budget = *budget;
        live(&life, i);
        check_end(&life);
        decisions += life.decisions;
        told[life.end.outcome]++;
        if (!compare)
            continue;
        budget_init(&poorer.budget, 0, 0, 0);
        live(&poorer, i);
        check_end(&poorer);
        cr_assert_leq(poorer.now_ms, life.now_ms, "a call lives longer without a budget");
        cr_assert_leq(poorer.decisions, life.decisions);
    }
    for (int outcome = 0; outcome < 3; outcome++)
        cr_assert_gt(told[outcome], LIVES / 1000, "outcome %d is never told", outcome);
    return decisions;
}

Test(retry_life, what_is_promised_holds_against_what_happened)
{
    struct budget budget;
    budget_init(&budget, BUDGET_UNLIMITED, 0, 0);
    uint64_t decisions = lives(&budget, false);
    printf("retry: %llu decisions in %d lives\n", (unsigned long long)decisions, LIVES);
    cr_assert_gt(decisions, 1000000);
}

Test(retry_life, less_budget_never_makes_a_call_live_longer)
{
    struct budget budget;
    budget_init(&budget, 20, 1, 0);
    budget.tokens = 2000000; /* two retries, then one a second */
    lives(&budget, true);
}

/* The budget holds back load, not calls that a lost server makes wait. */
Test(retry_life, an_idempotent_call_outlives_its_server_without_a_budget)
{
    static const enum retry_failure lost[] = {RETRY_CONNECT_FAILED, RETRY_CONNECTION_LOST};
    struct retry_policy policy = {
        .intervals_ms = intervals, .interval_count = 4, .on_unavailable = SEMEL_ON_UNAVAILABLE_FAIL};
    for (uint32_t i = 0; i < 3 * 2 * 4; i++) {
        struct retry_input input = {.idempotent = true,
                                    .progress = (enum semel_progress)(i % 3),
                                    .failure = lost[i / 3 % 2],
                                    .verdict = (enum retry_verdict)(i / 6),
                                    .failures = 1,
                                    .remaining_ms = 1000,
                                    .budget_empty = true,
                                    .policy = &policy};
        struct retry_decision decision = retry_decide(&input);
        cr_assert(goes_on(&decision));
        cr_assert(!decision.charged);
    }
}
