/* The retry budget: exact to the token over years, and what it promises to a server whose calls fail.
 *
 * Reads best next: retry_life_test.c. */
#include "core/budget.h"

#include <signal.h>

#include "core/units.h"
#include "support.h"

static uint32_t withdraw_all(struct budget *budget, int64_t now_ns)
{
    uint32_t count = 0;
    while (budget_withdraw(budget, now_ns))
        count++;
    cr_assert_not(budget_has(budget, now_ns));
    return count;
}

Test(budget, starts_full)
{
    struct budget budget;
    budget_init(&budget, 20, 0, 5);
    cr_assert_eq(withdraw_all(&budget, 5), 100);
    budget_init(&budget, 0, 1, 5);
    cr_assert_eq(withdraw_all(&budget, 5), 100);
    budget_init(&budget, 0, 50, 5);
    cr_assert_eq(withdraw_all(&budget, 5), 500);
}

Test(budget, nothing_is_nothing_for_ever)
{
    struct budget budget;
    budget_init(&budget, 0, 0, 0);
    for (int64_t s = 0; s < 1000; s++) {
        budget_call(&budget);
        cr_assert_not(budget_has(&budget, s * S_IN_NS));
        cr_assert_not(budget_withdraw(&budget, s * S_IN_NS));
    }
}

Test(budget, without_limit_is_without_limit)
{
    struct budget budget;
    budget_init(&budget, BUDGET_UNLIMITED, 0, 0);
    for (int i = 0; i < 1000000; i++) {
        budget_call(&budget);
        cr_assert(budget_withdraw(&budget, 0));
    }
}

Test(budget, lets_its_share_of_the_calls_be_retries)
{
    static const uint32_t percents[] = {1, 7, 20, 100, 250, 1000};
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
        struct budget budget;
        uint64_t retries = 0;
        budget_init(&budget, percents[i], 0, 0);
        withdraw_all(&budget, 0);
        for (int call = 0; call < 100000; call++) {
            budget_call(&budget);
            retries += withdraw_all(&budget, 0);
        }
        cr_assert_eq(retries, 1000u * percents[i]);
    }
}

Test(budget, pays_its_floor_to_the_token_whenever_it_is_asked)
{
    struct rng rng = {9};
    static const uint32_t floors[] = {1, 3, 10, 999, 1000000};
    for (size_t i = 0; i < sizeof floors / sizeof *floors; i++) {
        struct budget budget;
        uint64_t retries = 0;
        int64_t begin_ns = INT64_C(123456789012345), now_ns = begin_ns;
        budget_init(&budget, 0, floors[i], begin_ns);
        withdraw_all(&budget, now_ns);
        while (retries < 1000000 && now_ns - begin_ns < 1000 * S_IN_NS) {
            now_ns += (int64_t)rng_below(&rng, 20 * MS_IN_NS); /* at odd nanoseconds */
            retries += withdraw_all(&budget, now_ns);
        }
        uint64_t due = (uint64_t)((now_ns - begin_ns) / US_IN_NS) * floors[i] / 1000000;
        cr_assert_eq(retries, due, "floor %u: %llu for %llu", floors[i], (unsigned long long)retries,
                     (unsigned long long)due);
    }
}

Test(budget, holds_no_more_than_ten_seconds_of_its_floor)
{
    const int64_t year_ns = 365 * 86400 * S_IN_NS;
    static const uint32_t floors[] = {0, 1, 10, 11, 1000, UINT32_MAX};
    for (size_t i = 0; i < sizeof floors / sizeof *floors; i++) {
        struct budget budget;
        uint64_t expected = floors[i] > 10 ? UINT64_C(10) * floors[i] : 100;
        budget_init(&budget, 1000, floors[i], INT64_MIN);
        for (int64_t year = 0; year < 280; year++) {
            budget_call(&budget);
            cr_assert(budget_withdraw(&budget, year * year_ns));
            cr_assert_leq(budget.tokens, expected * 1000000);
        }
        if (floors[i] > 0)
            cr_assert(budget_has(&budget, INT64_MAX) && budget.tokens == expected * 1000000);
    }
}

/* 2^33 microseconds at 2^31 tokens a second are 2^64 millionths. */
Test(budget, a_long_pause_does_not_overflow)
{
    struct budget budget;
    budget_init(&budget, 0, UINT32_C(1) << 31, 0);
    budget.tokens = 0;
    cr_assert(budget_has(&budget, (INT64_C(1) << 33) * US_IN_NS));
    cr_assert_eq(budget.tokens, budget.capacity);
}

Test(budget, a_clock_that_goes_back_pays_nothing)
{
    struct budget budget;
    budget_init(&budget, 0, 10, S_IN_NS);
    withdraw_all(&budget, S_IN_NS);
    cr_assert_not(budget_has(&budget, 0));
    cr_assert_not(budget_has(&budget, S_IN_NS + 99 * MS_IN_NS));
    cr_assert_not(budget_has(&budget, INT64_MIN));
    cr_assert(budget_has(&budget, S_IN_NS + 100 * MS_IN_NS));
}

/* What it is for: with every call failing, a server gets no more than its share on top. */
Test(budget, bounds_the_load_of_an_outage)
{
    struct budget budget;
    budget_init(&budget, 20, 10, 0);
    uint64_t calls = 0, retries = 0;
    for (int64_t ms = 0; ms < 100000; ms++, calls++) {
        budget_call(&budget);
        for (int attempt = 1; attempt < 4; attempt++)
            retries += budget_withdraw(&budget, ms * MS_IN_NS);
    }
    cr_assert_leq(retries, 100 + calls / 5 + 10 * 100);
    cr_assert_geq(retries, calls / 5 + 10 * 99);
}

Test(budget, more_than_a_thousand_percent_is_a_mistake, .signal = SIGABRT)
{
    struct budget budget;
    budget_init(&budget, BUDGET_PERCENT_MAX + 1, 0, 0);
}
