/* A pool of blocks of one size: no allocation on the hot path once it is warm.
 *
 * Reads best next: outbox.h. */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include <stddef.h>

struct pool {
    void *free_list;
    size_t block_size;
    size_t spare;     /* blocks in the free list */
    size_t spare_max; /* more than this go back to the allocator, so that a peak does not stay for ever */
    size_t in_use;
};

/* block_size is at least a pointer's. */
void pool_init(struct pool *pool, size_t block_size, size_t spare_max);
/* Every block must have been given back (asserted). */
void pool_fini(struct pool *pool);
/* Not cleared.  NULL: no memory. */
void *pool_take(struct pool *pool);
/* A block leaves the pool for good: whoever holds it calls free. */
void pool_disown(struct pool *pool);
/* Accepts NULL. */
void pool_give(struct pool *pool, void *block);

#endif
