/* Hedging: what is held against a further attempt, in which order.
 *
 * Reads best next: retry_test.c. */
#include "core/retry.h"
#include "support.h"

TestSuite(retry_hedge, .timeout = 60);

static const struct retry_hedge fine = {
    .idempotent = true, .sent = 1, .most = 2, .remaining_ms = 1, .budget_empty = false, .breaker_open = false};

Test(retry_hedge, nothing_is_held_against_an_idempotent_call_with_time_and_budget)
{
    struct retry_hedge input = fine;
    cr_assert_eq((int)retry_may_hedge(&input), SEMEL_REASON_NONE);
    input.remaining_ms = RETRY_NO_DEADLINE;
    input.sent = 0;
    cr_assert_eq((int)retry_may_hedge(&input), SEMEL_REASON_NONE);
}

/* Every combination; the first that holds is told. */
Test(retry_hedge, every_combination_is_judged_in_order)
{
    static const enum semel_reason in_order[] = {SEMEL_REASON_MODE_MISMATCH, SEMEL_REASON_CANCELLED,
                                                 SEMEL_REASON_ATTEMPTS_USED, SEMEL_REASON_WAIT_PAST_DEADLINE,
                                                 SEMEL_REASON_BUDGET_EMPTY,  SEMEL_REASON_BREAKER_OPEN};
    for (unsigned set = 0; set < 1u << 6; set++) {
        const struct retry_hedge input = {
            .idempotent = (set & 1) == 0,
            .cancelled = (set & 2) != 0,
            .sent = (set & 4) != 0 ? 2 : 1,
            .most = 2,
            .remaining_ms = (set & 8) != 0 ? 0 : 1,
            .budget_empty = (set & 16) != 0,
            .breaker_open = (set & 32) != 0,
        };
        unsigned first = 0;
        while (first < 6 && (set & (1u << first)) == 0)
            first++;
        cr_assert_eq((int)retry_may_hedge(&input), first < 6 ? (int)in_order[first] : SEMEL_REASON_NONE, "%u",
                     set);
    }
}

Test(retry_hedge, what_runs_at_most_once_is_never_hedged)
{
    struct retry_hedge input = fine;
    input.idempotent = false;
    for (uint32_t most = 0; most < 20; most++) {
        input.most = most;
        cr_assert_eq((int)retry_may_hedge(&input), SEMEL_REASON_MODE_MISMATCH);
    }
}
