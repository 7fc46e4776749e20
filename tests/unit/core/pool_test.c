/* The pool: blocks are reused, and a peak does not stay for ever.
 *
 * Reads best next: support.h. */
#include "core/pool.h"

#include <signal.h>

#include "support.h"

Test(pool, gives_the_last_block_again)
{
    struct pool pool;
    pool_init(&pool, 64, 8);
    void *first = pool_take(&pool);
    memset(first, 1, 64);
    pool_give(&pool, first);
    cr_assert_eq(pool.spare, 1);
    cr_assert_eq(pool_take(&pool), first);
    cr_assert_eq(pool.spare, 0);
    pool_give(&pool, first);
    pool_give(&pool, NULL);
    cr_assert_eq(pool.in_use, 0);
    pool_fini(&pool);
}

Test(pool, a_peak_goes_back_to_the_allocator)
{
    struct pool pool;
    void *blocks[100];
    pool_init(&pool, sizeof(void *), 10);
    for (int i = 0; i < 100; i++)
        blocks[i] = pool_take(&pool);
    cr_assert_eq(pool.in_use, 100);
    for (int i = 0; i < 100; i++)
        pool_give(&pool, blocks[i]);
    cr_assert_eq(pool.spare, 10);
    cr_assert_eq(pool.in_use, 0);
    pool_fini(&pool);
    cr_assert_eq(pool.spare, 0);
}

Test(pool, no_two_hold_the_same_block)
{
    struct pool pool;
    struct rng rng = {12};
    uint64_t *held[64] = {0};
    pool_init(&pool, 32, 16);
    for (int step = 0; step < 50000; step++) {
        uint64_t i = rng_below(&rng, 64);
        if (held[i] == NULL) {
            held[i] = pool_take(&pool);
            *held[i] = i;
        } else {
            cr_assert_eq(*held[i], i);
            pool_give(&pool, held[i]);
            held[i] = NULL;
        }
    }
    for (int i = 0; i < 64; i++)
        pool_give(&pool, held[i]);
    pool_fini(&pool);
}

/* Whoever keeps a block for longer than the pool lives frees it on its own. */
Test(pool, a_disowned_block_outlives_the_pool)
{
    struct pool pool;
    pool_init(&pool, 64, 8);
    void *kept = pool_take(&pool), *given = pool_take(&pool);
    pool_disown(&pool);
    cr_assert_eq(pool.in_use, 1);
    pool_give(&pool, given);
    cr_assert_eq(pool.spare, 1, "the disowned one is none of them");
    pool_fini(&pool);
    memset(kept, 1, 64);
    free(kept);
}

Test(pool, disowning_what_nobody_holds_is_a_bug, .signal = SIGABRT)
{
    struct pool pool;
    pool_init(&pool, 64, 8);
    pool_disown(&pool);
}

Test(pool, leaving_with_blocks_out_is_a_bug, .signal = SIGABRT)
{
    struct pool pool;
    pool_init(&pool, 64, 8);
    pool_take(&pool);
    pool_fini(&pool);
}
