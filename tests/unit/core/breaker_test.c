/* The circuit breaker: its states step by step, and over long lives against a model.
 *
 * Reads best next: health_test.c. */
#include "core/breaker.h"

#include "core/units.h"
#include "support.h"

static struct breaker opened(uint32_t open_ms)
{
    struct breaker breaker;
    breaker_init(&breaker, 3, open_ms);
    for (int i = 0; i < 3; i++) {
        cr_assert(breaker_allows(&breaker, 0));
        breaker_failed(&breaker, 0);
    }
    cr_assert_eq((int)breaker.state, BREAKER_OPEN);
    return breaker;
}

Test(breaker, opens_after_failures_in_a_row_only)
{
    struct breaker breaker;
    breaker_init(&breaker, 3, 100);
    for (int i = 0; i < 100; i++) {
        breaker_failed(&breaker, i);
        breaker_failed(&breaker, i);
        cr_assert(breaker_allows(&breaker, i));
        breaker_succeeded(&breaker);
    }
    cr_assert_eq(breaker_opens_at(&breaker), INT64_MIN);
    for (int i = 0; i < 3; i++)
        breaker_failed(&breaker, 5 * MS_IN_NS);
    cr_assert_not(breaker_allows(&breaker, 5 * MS_IN_NS));
    cr_assert_eq(breaker_opens_at(&breaker), 105 * MS_IN_NS);
}

Test(breaker, never_opens_if_it_is_not_to)
{
    struct breaker breaker;
    breaker_init(&breaker, 0, 100);
    breaker.failures = UINT32_MAX - 10;
    for (int i = 0; i < 100; i++)
        breaker_failed(&breaker, i);
    cr_assert(breaker_allows(&breaker, 100));
    cr_assert_eq(breaker.failures, UINT32_MAX);
}

Test(breaker, lets_one_probe_through_at_a_time)
{
    struct breaker breaker = opened(100);
    cr_assert_not(breaker_allows(&breaker, 100 * MS_IN_NS - 1));
    cr_assert(breaker_would_allow(&breaker, 100 * MS_IN_NS));
    cr_assert_eq((int)breaker.state, BREAKER_OPEN, "a question takes no place");
    cr_assert(breaker_allows(&breaker, 100 * MS_IN_NS));
    cr_assert_eq((int)breaker.state, BREAKER_HALF_OPEN);
    cr_assert_not(breaker_would_allow(&breaker, 101 * MS_IN_NS));
    cr_assert_not(breaker_allows(&breaker, 101 * MS_IN_NS));
    breaker_succeeded(&breaker);
    cr_assert(breaker_allows(&breaker, 101 * MS_IN_NS) && breaker_allows(&breaker, 101 * MS_IN_NS));
}

Test(breaker, a_probe_that_nobody_tells_about_is_given_up)
{
    struct breaker breaker = opened(100);
    for (int64_t ms = 100; ms < 10000; ms += 100) {
        cr_assert(breaker_allows(&breaker, ms * MS_IN_NS));
        cr_assert_not(breaker_allows(&breaker, (ms + 99) * MS_IN_NS));
    }
}

Test(breaker, stays_open_longer_while_probes_fail)
{
    static const int64_t open_ms[] = {200, 400, 800, 1600, 1600, 1600};
    struct breaker breaker = opened(100);
    int64_t now_ns = 100 * MS_IN_NS;
    for (size_t i = 0; i < sizeof open_ms / sizeof *open_ms; i++) {
        cr_assert(breaker_allows(&breaker, now_ns));
        breaker_failed(&breaker, now_ns);
        now_ns += open_ms[i] * MS_IN_NS;
        cr_assert_eq(breaker_opens_at(&breaker), now_ns);
        cr_assert_not(breaker_allows(&breaker, now_ns - 1));
    }
    cr_assert(breaker_allows(&breaker, now_ns));
    breaker_succeeded(&breaker);
    for (int i = 0; i < 3; i++)
        breaker_failed(&breaker, now_ns);
    cr_assert_eq(breaker_opens_at(&breaker), now_ns + 100 * MS_IN_NS, "a success takes the doublings back");
}

Test(breaker, late_failures_do_not_draw_the_time_out)
{
    struct breaker breaker = opened(100);
    for (int ms = 0; ms < 99; ms++)
        breaker_failed(&breaker, ms * MS_IN_NS);
    cr_assert(breaker_allows(&breaker, 100 * MS_IN_NS));
}

Test(breaker, a_late_success_closes_it)
{
    struct breaker breaker = opened(100);
    breaker_succeeded(&breaker);
    cr_assert(breaker_allows(&breaker, 1));
}

Test(breaker, the_longest_time_fits)
{
    struct breaker breaker = opened(UINT32_MAX);
    int64_t now_ns = breaker_opens_at(&breaker);
    for (int i = 0; i < 6; i++) {
        cr_assert(breaker_allows(&breaker, now_ns));
        breaker_failed(&breaker, now_ns);
        cr_assert_gt(breaker_opens_at(&breaker), now_ns);
        now_ns = breaker_opens_at(&breaker);
    }
}

/* Over any life: closed lets everything through, open nothing before its time, and after it somebody may always
 * try. */
Test(breaker, is_never_stuck)
{
    struct rng rng = {4};
    for (int life = 0; life < 2000; life++) {
        struct breaker breaker;
        uint32_t to_open = (uint32_t)rng_below(&rng, 5), open_ms = (uint32_t)rng_below(&rng, 50), in_a_row = 0;
        int64_t now_ns = 0;
        breaker_init(&breaker, to_open, open_ms);
        for (int step = 0; step < 500; step++) {
            now_ns += (int64_t)rng_below(&rng, 20) * MS_IN_NS;
            bool would = breaker_would_allow(&breaker, now_ns);
            cr_assert_eq(breaker_allows(&breaker, now_ns), would);
            cr_assert(would || breaker_opens_at(&breaker) <= now_ns + 16 * open_ms * MS_IN_NS);
            cr_assert(would || in_a_row >= to_open);
            uint64_t told = rng_below(&rng, 4);
            if (told == 0)
                breaker_succeeded(&breaker);
            else if (told < 3)
                breaker_failed(&breaker, now_ns);
            in_a_row = told == 0 ? 0 : told < 3 ? in_a_row + 1 : in_a_row;
        }
        cr_assert(breaker_would_allow(&breaker, now_ns + 16 * open_ms * MS_IN_NS));
    }
}

Test(breaker, names)
{
    cr_assert_str_eq(breaker_state_name(BREAKER_CLOSED), "closed");
    cr_assert_str_eq(breaker_state_name(BREAKER_HALF_OPEN), "half-open");
    cr_assert_str_eq(breaker_state_name(BREAKER_STATE_COUNT), "?");
}
