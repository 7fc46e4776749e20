/* The trail: the first and the latest attempts are kept, and the ones between are counted.
 *
 * Reads best next: policy_test.c. */
#include "client/trail.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(trail, .timeout = 60);

enum { HALF = SEMEL_TRAIL_MAX / 2 };

static struct trail *trail_of(uint32_t attempts)
{
    struct trail *trail = NULL;
    for (uint32_t number = 1; number <= attempts; number++) {
        struct semel_attempt *attempt = trail_add(&trail);
        cr_assert_not_null(attempt);
        cr_assert_eq(attempt->number, 0, "empty");
        cr_assert_eq(attempt->endpoint[0], '\0');
        attempt->number = number;
        memset(attempt->endpoint, 'e', sizeof attempt->endpoint);
        cr_assert_eq(trail_latest(trail), attempt);
    }
    return trail;
}

Test(trail, none_costs_nothing)
{
    semel_status status;
    memset(&status, 0xa5, sizeof status);
    cr_assert_null(trail_latest(NULL));
    trail_copy(NULL, &status);
    cr_assert_eq(status.trail_count, 0);
    cr_assert_eq(status.trail_omitted, 0);
}

Test(trail, all_are_kept_as_long_as_they_fit)
{
    for (uint32_t count = 1; count <= SEMEL_TRAIL_MAX; count++) {
        struct trail *trail = trail_of(count);
        cr_assert_eq(trail->count, count);
        cr_assert_eq(trail->omitted, 0);
        for (uint32_t i = 0; i < count; i++)
            cr_assert_eq(trail->attempts[i].number, i + 1);
        free(trail);
    }
}

Test(trail, of_more_the_first_and_the_latest_are_kept)
{
    for (uint32_t count = SEMEL_TRAIL_MAX + 1; count <= 5 * SEMEL_TRAIL_MAX; count++) {
        struct trail *trail = trail_of(count);
        cr_assert_eq(trail->count, SEMEL_TRAIL_MAX);
        cr_assert_eq(trail->omitted, count - SEMEL_TRAIL_MAX);
        for (uint32_t i = 0; i < HALF; i++) {
            cr_assert_eq(trail->attempts[i].number, i + 1);
            cr_assert_eq(trail->attempts[SEMEL_TRAIL_MAX - 1 - i].number, count - i);
        }
        free(trail);
    }
}

Test(trail, a_copy_holds_the_same)
{
    struct trail *trail = trail_of(20);
    semel_status status;
    semel_status_init(&status);
    trail_copy(trail, &status);
    cr_assert_eq(status.trail_count, SEMEL_TRAIL_MAX);
    cr_assert_eq(status.trail_omitted, 20 - SEMEL_TRAIL_MAX);
    cr_assert_arr_eq(status.trail, trail->attempts, sizeof status.trail);
    free(trail);
}
