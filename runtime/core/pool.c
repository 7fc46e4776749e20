/* The pool: a free list in front of malloc.
 *
 * Reads best next: pool.h. */
#include "core/pool.h"

#include <assert.h>
#include <stdlib.h>

void pool_init(struct pool *pool, size_t block_size, size_t spare_max)
{
    assert(block_size >= sizeof(void *));
    *pool = (struct pool){.block_size = block_size, .spare_max = spare_max};
}

void pool_fini(struct pool *pool)
{
    assert(pool->in_use == 0);
    while (pool->free_list != NULL) {
        void *block = pool->free_list;
        pool->free_list = *(void **)block;
        free(block);
    }
    pool->spare = 0;
}

void *pool_take(struct pool *pool)
{
    void *block = pool->free_list;
    if (block != NULL) {
        pool->free_list = *(void **)block;
        pool->spare--;
    } else {
        block = malloc(pool->block_size);
        if (block == NULL)
            return NULL;
    }
    pool->in_use++;
    return block;
}

void pool_disown(struct pool *pool)
{
    assert(pool->in_use > 0);
    pool->in_use--;
}

void pool_give(struct pool *pool, void *block)
{
    if (block == NULL)
        return;
    assert(pool->in_use > 0);
    pool->in_use--;
    if (pool->spare >= pool->spare_max) {
        free(block);
        return;
    }
    *(void **)block = pool->free_list;
    pool->free_list = block;
    pool->spare++;
}
