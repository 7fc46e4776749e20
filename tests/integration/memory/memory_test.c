/* Each allocation of a whole life fails once, and then all of them from there on: errors, and nothing else.
 *
 * Reads best next: world.h, failing.h. */
#include <criterion/criterion.h>

#include "failing.h"
#include "leaks.h"
#include "world.h"

TestSuite(memory, .timeout = 600);

/* A life in which the n-th allocation fails leaves nothing behind. */
static struct world_result live_failing(uint64_t n, uint64_t one_in)
{
    unsigned open = descriptors();
    int64_t outstanding = failing_outstanding();
    failing_from(n, one_in);
    struct world_result result = world_live();
    failing_stop();
    cr_assert_eq(failing_outstanding(), outstanding, "allocation %llu: %lld are left", (unsigned long long)n,
                 (long long)(failing_outstanding() - outstanding));
    cr_assert_eq(descriptors(), open, "allocation %llu", (unsigned long long)n);
    return result;
}

/* Allocations of a life in which none fails. */
static uint64_t measure(void)
{
    failing_from(0, 0);
    (void)world_live();
    return failing_count();
}

Test(memory, suffices)
{
    struct world_result result = live_failing(0, 0);
    cr_assert(result.opened);
    cr_assert_eq(result.ok + 2, result.started - 1,
                 "all but the raised error, the cancelled call, and the oneway");
    cr_assert_eq(result.unknown, 0);
    cr_assert_gt(result.recoveries, 3);
}

Test(memory, fails_once_at_every_place)
{
    uint64_t all = measure();
    unsigned whole = 0;
    cr_assert_gt(all, 100);
    for (uint64_t n = 1; n <= all; n++) {
        struct world_result result = live_failing(n, 0);
        whole += result.opened;
        cr_assert_leq(result.unknown, result.started / 2, "allocation %llu", (unsigned long long)n);
    }
    cr_assert_gt(whole, all / 2, "most failures hit a running world");
}

Test(memory, fails_from_every_place_on)
{
    uint64_t all = measure();
    for (uint64_t n = 1; n <= all; n++)
        (void)live_failing(n, 1);
}

Test(memory, fails_now_and_then)
{
    uint64_t all = measure();
    for (uint64_t n = 1; n <= all; n++)
        (void)live_failing(n, 7);
}
