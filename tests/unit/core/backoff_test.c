/* Backoff: the formula against an oracle of its own, the bounds of each jitter, and that chance is spread evenly.
 *
 * Reads best next: retry_test.c. */
#include "core/backoff.h"

#include <signal.h>

#include "support.h"

#define DRAWS 1000000

static const enum semel_jitter jitters[] = {SEMEL_JITTER_NONE, SEMEL_JITTER_FULL, SEMEL_JITTER_EQUAL,
                                            SEMEL_JITTER_DECORRELATED};

/* Step by step, as one would on paper. */
static long double on_paper(const struct backoff *backoff, uint32_t failures)
{
    long double wait = backoff->initial_ms;
    for (uint32_t i = 1; i < failures && wait < backoff->max_ms; i++) {
        if (wait == 0 || backoff->multiplier == 1)
            break;
        wait *= backoff->multiplier;
    }
    return wait < backoff->max_ms ? wait : backoff->max_ms;
}

static uint32_t grown(const struct backoff *backoff, uint32_t failures)
{
    struct backoff plain = *backoff;
    plain.jitter = SEMEL_JITTER_NONE;
    return backoff_wait_ms(&plain, failures, 0, 0);
}

Test(backoff, doubles_up_to_its_cap)
{
    static const uint32_t expected[] = {100, 200, 400, 800, 1000, 1000, 1000};
    const struct backoff backoff = {5, 100, 1000, 2, SEMEL_JITTER_NONE};
    for (uint32_t i = 0; i < 7; i++)
        cr_assert_eq(backoff_wait_ms(&backoff, i + 1, 77, UINT64_MAX), expected[i]);
}

Test(backoff, is_the_formula_for_any_number_of_failures)
{
    struct rng rng = {1};
    for (int i = 0; i < 200000; i++) {
        const struct backoff backoff = {.max_attempts = 2,
                                        .initial_ms = (uint32_t)(rng_next(&rng) >> (32 + rng_below(&rng, 32))),
                                        .max_ms = (uint32_t)(rng_next(&rng) >> (32 + rng_below(&rng, 32))),
                                        .multiplier = 1 + (double)rng_below(&rng, 5000) / 1000,
                                        .jitter = SEMEL_JITTER_NONE};
        uint32_t failures = 1 + (uint32_t)rng_below(&rng, 200);
        uint32_t wait = backoff_wait_ms(&backoff, failures, 0, 0);
        long double paper = on_paper(&backoff, failures);
        cr_assert(wait <= backoff.max_ms && (long double)wait <= paper + 0.001L &&
                      (long double)wait > paper - 1.001L,
                  "%u, %Lg on paper", wait, paper);
        cr_assert_leq(wait, grown(&backoff, failures + 1));
    }
}

Test(backoff, overflows_nowhere)
{
    static const double multipliers[] = {1, 1.0000001, 2, 1e300};
    static const uint32_t failures[] = {1, 2, 33, 1u << 31, UINT32_MAX};
    for (size_t m = 0; m < 4; m++)
        for (size_t f = 0; f < 5; f++)
            for (size_t j = 0; j < 4; j++) {
                struct backoff backoff = {9, UINT32_MAX, UINT32_MAX, multipliers[m], jitters[j]};
                cr_assert_eq(backoff_wait_ms(&backoff, failures[f], UINT32_MAX, UINT64_MAX), UINT32_MAX);
                backoff.initial_ms = 0;
                cr_assert_eq(grown(&backoff, failures[f]), 0);
                backoff = (struct backoff){9, 7, 0, multipliers[m], jitters[j]};
                cr_assert_eq(backoff_wait_ms(&backoff, failures[f], 9, UINT64_MAX), 0);
            }
}

/* The bounds that backoff.h names, and both are reached. */
static void check_bounds(const struct backoff *backoff, uint32_t failures, uint32_t last, uint32_t low,
                         uint32_t high)
{
    cr_assert_eq(backoff_wait_ms(backoff, failures, last, 0), low);
    cr_assert_eq(backoff_wait_ms(backoff, failures, last, UINT64_MAX), high);
}

Test(backoff, each_jitter_reaches_both_of_its_bounds)
{
    struct backoff backoff = {5, 101, 1000, 2, SEMEL_JITTER_NONE};
    check_bounds(&backoff, 1, 0, 101, 101);
    backoff.jitter = SEMEL_JITTER_UNSET;
    check_bounds(&backoff, 2, 0, 0, 202);
    backoff.jitter = SEMEL_JITTER_FULL;
    check_bounds(&backoff, 1, 0, 0, 101);
    check_bounds(&backoff, 9, 0, 0, 1000);
    backoff.jitter = SEMEL_JITTER_EQUAL;
    check_bounds(&backoff, 1, 0, 51, 101); /* 50.5 is the half */
    check_bounds(&backoff, 2, 0, 101, 202);
    check_bounds(&backoff, 9, 0, 500, 1000);
    backoff.jitter = SEMEL_JITTER_DECORRELATED;
    check_bounds(&backoff, 1, 0, 101, 303);
    check_bounds(&backoff, 1, 202, 101, 606);
    check_bounds(&backoff, 1, 900, 101, 1000);
    check_bounds(&backoff, 1, 1, 101, 101); /* after a wait that the peer wished shorter */
}

Test(backoff, no_draw_leaves_its_bounds)
{
    struct rng rng = {2};
    for (int i = 0; i < DRAWS; i++) {
        const struct backoff backoff = {.initial_ms = (uint32_t)rng_below(&rng, 500),
                                        .max_ms = (uint32_t)rng_below(&rng, 3000),
                                        .multiplier = 1 + (double)rng_below(&rng, 30) / 10,
                                        .jitter = jitters[i % 4]};
        uint32_t failures = 1 + (uint32_t)rng_below(&rng, 12), last = (uint32_t)rng_below(&rng, 3000);
        uint32_t wait = backoff_wait_ms(&backoff, failures, last, rng_next(&rng));
        cr_assert_leq(wait, backoff.max_ms);
        if (backoff.jitter == SEMEL_JITTER_DECORRELATED)
            cr_assert(wait == backoff.max_ms || wait >= backoff.initial_ms);
        else
            cr_assert_leq(wait, grown(&backoff, failures));
        if (backoff.jitter == SEMEL_JITTER_EQUAL)
            cr_assert_geq(2 * wait, grown(&backoff, failures));
    }
}

/* Pearson's test over all values from low to high.  With this many degrees of freedom its sum is nearly normal:
 * five standard deviations, in both directions, for what is too even is no chance either. */
static void check_even(const struct backoff *backoff, uint32_t last, uint32_t low, uint32_t high, uint64_t seed)
{
    static uint32_t hits[4096];
    struct rng rng = {seed};
    uint32_t values = high - low + 1;
    memset(hits, 0, sizeof hits);
    for (int i = 0; i < DRAWS; i++)
        hits[backoff_wait_ms(backoff, 1, last, rng_next(&rng)) - low]++;
    double expected = (double)DRAWS / values, sum = 0;
    for (uint32_t i = 0; i < values; i++) {
        double off = hits[i] - expected;
        sum += off * off / expected;
    }
    double freedom = values - 1.0;
    double off = sum - freedom; /* its variance is twice the freedom */
    cr_assert_lt(off * off, 25 * 2 * freedom, "%g for %g degrees of freedom", sum, freedom);
}

Test(backoff, every_millisecond_is_equally_likely)
{
    struct backoff backoff = {5, 999, 5000, 2, SEMEL_JITTER_FULL};
    check_even(&backoff, 0, 0, 999, 3);
    backoff.jitter = SEMEL_JITTER_EQUAL;
    check_even(&backoff, 0, 500, 999, 4);
    backoff.jitter = SEMEL_JITTER_DECORRELATED;
    check_even(&backoff, 0, 999, 2997, 5);
    backoff.initial_ms = 100;
    check_even(&backoff, 999, 100, 2997, 7);
}

Test(backoff, no_failure_no_wait, .signal = SIGABRT)
{
    const struct backoff backoff = {5, 100, 1000, 2, SEMEL_JITTER_NONE};
    backoff_wait_ms(&backoff, 0, 0, 0);
}

Test(backoff, shrinking_is_no_backoff, .signal = SIGABRT)
{
    const struct backoff backoff = {5, 100, 1000, 0.5, SEMEL_JITTER_NONE};
    backoff_wait_ms(&backoff, 1, 0, 0);
}
