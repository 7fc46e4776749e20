/* The slice: it ends in time, and the clock is read seldom where handlers are quick.
 *
 * Reads best next: request_test.c. */
#include "server/slice.h"

#include <criterion/criterion.h>

TestSuite(slice, .timeout = 60);

struct run {
    unsigned handlers;
    unsigned looks;
    int64_t took_ns;
};

/* Handlers of one length, until the slice is spent. */
static struct run run_all(int64_t handler_ns)
{
    struct slice slice;
    struct run run = {0};
    slice_begin(&slice, 1000);
    while (!slice.spent) {
        run.handlers++;
        run.took_ns += handler_ns;
        if (!slice_wants_look(&slice))
            continue;
        run.looks++;
        slice_look(&slice, 1000 + run.took_ns);
    }
    return run;
}

Test(slice, one_long_handler_spends_it)
{
    struct run run = run_all(50 * SLICE_NS);
    cr_assert_eq(run.handlers, 1);
}

Test(slice, slow_handlers_are_looked_after_one_by_one)
{
    struct run run = run_all(SLICE_NS / 10);
    cr_assert_eq(run.looks, run.handlers);
    cr_assert_eq(run.took_ns, SLICE_NS);
}

Test(slice, quick_handlers_cost_few_looks)
{
    struct run run = run_all(600);
    cr_assert_leq(run.looks, run.handlers / SLICE_GAP_MAX + 6);
    cr_assert_leq(run.took_ns, SLICE_NS + 600 * SLICE_GAP_MAX);
}

Test(slice, whatever_they_take_it_ends_within_a_third_more_or_a_handler)
{
    for (int64_t handler_ns = 100; handler_ns < 4 * SLICE_NS; handler_ns += handler_ns / 3) {
        struct run run = run_all(handler_ns);
        int64_t over_ns = SLICE_QUICK_NS * SLICE_GAP_MAX > handler_ns ? SLICE_QUICK_NS * SLICE_GAP_MAX
                                                                      : handler_ns;
        cr_assert(run.took_ns >= SLICE_NS && run.took_ns <= SLICE_NS + over_ns, "%lld: %lld",
                  (long long)handler_ns, (long long)run.took_ns);
    }
}

/* Handlers that suddenly are slow: as many as between two looks, and then no more. */
Test(slice, a_change_is_seen_at_the_next_look)
{
    struct slice slice;
    int64_t now_ns = 0;
    unsigned slow = 0;
    slice_begin(&slice, now_ns);
    for (unsigned i = 0; i < 100 && !slice.spent; i++) {
        bool is_slow = i >= 40;
        slow += is_slow;
        now_ns += is_slow ? SLICE_NS / 4 : 100;
        if (slice_wants_look(&slice))
            slice_look(&slice, now_ns);
    }
    cr_assert(slice.spent && slow <= SLICE_GAP_MAX, "%u", slow);
}
