/* Timers against a naive model, and timers that start and stop others while they fire.
 *
 * Reads best next: pool_test.c. */
#include "core/timers.h"

#include "support.h"

struct alarm {
    struct timer timer;
    int fired;
    int64_t order; /* the how-manieth to fire */
};

static int64_t fired_total;
static struct timers shared;
static struct alarm alarms[2000];

static void note(struct timer *timer)
{
    struct alarm *alarm = (struct alarm *)timer;
    cr_assert_not(timer_running(timer), "stopped before it fires");
    alarm->fired++;
    alarm->order = fired_total++;
}

Test(timers, none_is_never)
{
    struct timers timers;
    timers_init(&timers);
    cr_assert_eq(timers_next(&timers), TIMERS_NEVER);
    timers_run(&timers, TIMERS_NEVER);
    struct timer timer;
    timer_init(&timer, note);
    timers_stop(&timers, &timer);
    cr_assert_not(timer_running(&timer));
    timers_fini(&timers);
}

Test(timers, fire_when_due_and_not_before)
{
    struct timers timers;
    struct alarm alarm = {0};
    timers_init(&timers);
    timer_init(&alarm.timer, note);
    cr_assert(timers_start(&timers, &alarm.timer, 100));
    cr_assert_eq(timers_next(&timers), 100);
    timers_run(&timers, 99);
    cr_assert_eq(alarm.fired, 0);
    timers_run(&timers, 100);
    cr_assert_eq(alarm.fired, 1);
    timers_run(&timers, 1000);
    cr_assert_eq(alarm.fired, 1);
    timers_fini(&timers);
}

Test(timers, starting_again_moves)
{
    struct timers timers;
    struct alarm alarm = {0};
    timers_init(&timers);
    timer_init(&alarm.timer, note);
    timers_start(&timers, &alarm.timer, 100);
    timers_start(&timers, &alarm.timer, 300);
    cr_assert_eq(timers.count, 1);
    cr_assert_eq(timers_next(&timers), 300);
    timers_start(&timers, &alarm.timer, -5);
    timers_run(&timers, 0);
    cr_assert_eq(alarm.fired, 1);
    timers_fini(&timers);
}

Test(timers, many_fire_in_order)
{
    struct timers timers;
    struct rng rng = {13};
    timers_init(&timers);
    cr_assert(timers_reserve(&timers, 2000));
    for (int i = 0; i < 2000; i++) {
        timer_init(&alarms[i].timer, note);
        timers_start(&timers, &alarms[i].timer, (int64_t)rng_below(&rng, 500));
    }
    timers_run(&timers, 499);
    cr_assert_eq(timers.count, 0);
    for (int i = 0; i < 2000; i++)
        for (int k = 0; k < 2000; k += 37)
            if (alarms[i].timer.due_ns < alarms[k].timer.due_ns)
                cr_assert_lt(alarms[i].order, alarms[k].order);
    timers_fini(&timers);
}

Test(timers, keep_to_the_model)
{
    enum { COUNT = 200 };
    struct timers timers;
    struct rng rng = {14};
    int64_t due[COUNT], now = 0; /* due: -1 if it does not run */
    int fired[COUNT] = {0};
    timers_init(&timers);
    for (int i = 0; i < COUNT; i++) {
        due[i] = -1;
        timer_init(&alarms[i].timer, note);
    }
    for (int step = 0; step < 200000; step++) {
        uint64_t i = rng_below(&rng, COUNT);
        uint64_t dice = rng_below(&rng, 10);
        if (dice < 6) {
            /* Some have the same patience, as calls do, and the others any. */
            due[i] = now + (i % 2 == 0 ? 500 : (int64_t)rng_below(&rng, 1000));
            timers_start(&timers, &alarms[i].timer, due[i]);
        } else if (dice < 9) {
            due[i] = -1;
            timers_stop(&timers, &alarms[i].timer);
        } else {
            now += (int64_t)rng_below(&rng, 60);
            timers_run(&timers, now);
        }
        int64_t next = TIMERS_NEVER;
        for (int k = 0; dice >= 9 && k < COUNT; k++) {
            if (due[k] >= 0 && due[k] <= now) {
                due[k] = -1;
                fired[k]++;
            }
            cr_assert_eq(alarms[k].fired, fired[k]);
            cr_assert_eq(timer_running(&alarms[k].timer), due[k] >= 0);
            if (due[k] >= 0 && due[k] < next)
                next = due[k];
        }
        if (dice >= 9)
            cr_assert_eq(timers_next(&timers), next);
    }
    timers_fini(&timers);
}

/* As many as fit, in the order in which they are due; then all of them in another one. */
Test(timers, what_was_reserved_is_enough_in_any_order)
{
    struct timers timers;
    timers_init(&timers);
    cr_assert(timers_reserve(&timers, 100));
    size_t capacity = timers.capacity;
    cr_assert_leq(capacity, sizeof alarms / sizeof *alarms);
    for (size_t i = 0; i < capacity; i++) {
        timer_init(&alarms[i].timer, note);
        cr_assert(timers_start(&timers, &alarms[i].timer, 100 + (int64_t)i));
    }
    for (size_t i = 0; i + 1 < capacity; i++)
        cr_assert(timers_start(&timers, &alarms[i].timer, -(int64_t)i));
    cr_assert_eq(timers.capacity, capacity);
    cr_assert_eq(timers_next(&timers), 2 - (int64_t)capacity);
    timers_run(&timers, 0);
    cr_assert_eq(timers.count, 1);
    for (size_t i = 0; i + 2 < capacity; i++)
        cr_assert_gt(alarms[i].order, alarms[i + 1].order);
    timers_fini(&timers);
}

/* ---- inside fire ---- */

static void restart_itself(struct timer *timer)
{
    note(timer);
    timers_start(&shared, timer, 0);
}

Test(timers, one_that_restarts_itself_does_not_keep_the_loop)
{
    timers_init(&shared);
    timer_init(&alarms[0].timer, restart_itself);
    timer_init(&alarms[1].timer, note);
    timers_start(&shared, &alarms[0].timer, 0);
    timers_start(&shared, &alarms[1].timer, 1);
    timers_run(&shared, 10);
    cr_assert_leq(alarms[0].fired, 2);
    for (int i = 0; i < 5 && alarms[1].fired == 0; i++)
        timers_run(&shared, 10);
    cr_assert(timer_running(&alarms[0].timer));
    timers_fini(&shared);
}

static void stop_the_others(struct timer *timer)
{
    note(timer);
    for (int i = 0; i < 100; i++)
        timers_stop(&shared, &alarms[i].timer);
}

Test(timers, a_stopped_timer_does_not_fire_even_if_due)
{
    timers_init(&shared);
    for (int i = 0; i < 100; i++) {
        timer_init(&alarms[i].timer, stop_the_others);
        timers_start(&shared, &alarms[i].timer, 5);
    }
    timers_run(&shared, 10);
    cr_assert_eq(fired_total, 1);
    cr_assert_eq(timers_next(&shared), TIMERS_NEVER);
    timers_fini(&shared);
}

static void start_a_hundred(struct timer *timer)
{
    note(timer);
    for (int i = 1; i <= 100; i++)
        timers_start(&shared, &alarms[i].timer, 5 + i);
}

Test(timers, the_heap_may_grow_inside_fire)
{
    timers_init(&shared);
    timer_init(&alarms[0].timer, start_a_hundred);
    for (int i = 1; i <= 100; i++)
        timer_init(&alarms[i].timer, note);
    timers_start(&shared, &alarms[0].timer, 0);
    timers_run(&shared, 50);
    cr_assert_eq(timers_next(&shared), 6, "started inside: their turn comes with the next run");
    timers_run(&shared, 105);
    cr_assert_eq(fired_total, 101);
    timers_fini(&shared);
}
