/* The memory of failures: how it fades, and the order that comes of it.
 *
 * Reads best next: limiter_test.c. */
#include "core/health.h"

#include "core/units.h"
#include "support.h"

#define HALF_LIFE_NS (HEALTH_HALF_LIFE_MS * MS_IN_NS)

Test(health, halves_in_half_a_minute)
{
    struct health health = {0};
    cr_assert_eq(health_penalty(&health, 0), 0);
    health_failed(&health, S_IN_NS);
    cr_assert_eq(health_penalty(&health, S_IN_NS), 1000);
    cr_assert_eq(health_penalty(&health, S_IN_NS + HALF_LIFE_NS / 2), 750);
    cr_assert_eq(health_penalty(&health, S_IN_NS + HALF_LIFE_NS), 500);
    cr_assert_eq(health_penalty(&health, S_IN_NS + 2 * HALF_LIFE_NS), 250);
    cr_assert_eq(health_penalty(&health, S_IN_NS + 5 * HALF_LIFE_NS), 0, "forgotten");
    cr_assert_eq(health_penalty(&health, INT64_MAX), 0);
    cr_assert_eq(health_penalty(&health, INT64_MIN), 1000, "a clock that goes back changes nothing");
}

Test(health, only_ever_fades)
{
    struct rng rng = {3};
    for (int i = 0; i < 1000; i++) {
        struct health health = {.penalty = (uint32_t)rng_below(&rng, HEALTH_PENALTY_MAX + 1)};
        uint32_t last = health.penalty;
        for (int64_t ns = 0; ns < 20 * HALF_LIFE_NS; ns += (int64_t)rng_below(&rng, S_IN_NS * 10)) {
            uint32_t now = health_penalty(&health, ns);
            cr_assert_leq(now, last);
            last = now;
        }
    }
}

Test(health, a_success_takes_most_of_it)
{
    struct health health = {0};
    for (int i = 0; i < 8; i++)
        health_failed(&health, 0);
    cr_assert_eq(health_penalty(&health, 0), 8000);
    health_worked(&health, 0);
    cr_assert_eq(health_penalty(&health, 0), 1000);
    health_worked(&health, 0);
    health_worked(&health, 0);
    cr_assert_eq(health_penalty(&health, 0), 0);
}

Test(health, an_endpoint_that_failed_for_years_is_back_in_minutes)
{
    struct health health = {0};
    for (int i = 0; i < 1000000; i++)
        health_failed(&health, i * MS_IN_NS);
    cr_assert_leq(health_penalty(&health, 1000 * S_IN_NS), HEALTH_PENALTY_MAX);
    cr_assert_eq(health_penalty(&health, 1000 * S_IN_NS + 10 * HALF_LIFE_NS), 0);
}

Test(health, puts_the_healthy_first)
{
    const struct health endpoints[] = {{3000, 0}, {0, 0}, {1000, 0}, {0, 0}, {1000, -HALF_LIFE_NS}};
    size_t order[] = {0, 1, 2, 3, 4};
    static const size_t expected[] = {1, 3, 4, 2, 0}, worse[] = {3, 4, 2, 0, 1};
    health_order(endpoints, 5, 5, 0, order);
    cr_assert_arr_eq(order, expected, sizeof expected);
    health_order(endpoints, 5, 1, 0, order);
    cr_assert_arr_eq(order, worse, sizeof worse);
}

/* Against what the words mean, for any endpoints in any order. */
Test(health, order_is_a_stable_sort_with_the_last_failed_last)
{
    struct rng rng = {8};
    for (int i = 0; i < 100000; i++) {
        struct health endpoints[8];
        size_t order[8], place[8], count = rng_below(&rng, 9), last_failed = rng_below(&rng, count + 1);
        for (size_t e = 0; e < count; e++) {
            endpoints[e] = (struct health){(uint32_t)rng_below(&rng, 4) * 500, 0};
            size_t other = rng_below(&rng, e + 1);
            order[e] = e;
            order[e] = order[other];
            order[other] = e;
        }
        for (size_t at = 0; at < count; at++)
            place[order[at]] = at;
        health_order(endpoints, count, last_failed, S_IN_NS, order);
        uint32_t seen = 0;
        for (size_t at = 0; at < count; at++)
            seen |= 1u << order[at];
        cr_assert_eq(seen, (1u << count) - 1, "each endpoint once");
        if (last_failed < count)
            cr_assert_eq(order[count - 1], last_failed);
        for (size_t at = 1; at < count - (last_failed < count) && count > 0; at++) {
            uint32_t before = health_penalty(&endpoints[order[at - 1]], S_IN_NS);
            uint32_t after = health_penalty(&endpoints[order[at]], S_IN_NS);
            cr_assert(before < after || (before == after && place[order[at - 1]] < place[order[at]]));
        }
    }
}
