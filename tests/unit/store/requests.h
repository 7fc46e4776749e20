/* The file that the tests of the LMDB store have theirs in, and what is in it.
 *
 * Reads best next: lmdb_test.c, lmdb_room_test.c. */
#ifndef TESTS_STORE_REQUESTS_H
#define TESTS_STORE_REQUESTS_H

#include "stores.h"

static char spec[300];
static char path[280];

static inline void requests_prepare(void)
{
    stores_prepare();
    snprintf(path, sizeof path, "%s", stores_path("requests"));
    snprintf(spec, sizeof spec, "lmdb:%s", path);
}

static inline bool count_batch(uint64_t number, const uint8_t *bytes, size_t size, void *user)
{
    (void)number, (void)bytes, (void)size;
    ++*(int *)user;
    return true;
}

static inline int load_count(struct store *store)
{
    int count = 0;
    struct store_problem problem;
    cr_assert(store->ops->load(store, count_batch, &count, &problem), "%s", problem.text);
    return count;
}

static inline void make_store(int batches)
{
    struct store *store = stores_open(spec);
    load_count(store);
    for (int i = 1; i <= batches; i++)
        cr_assert_eq(stores_commit(store, (uint64_t)i, "0123456789", 10, 1), STORE_COMMITTED);
    store->ops->close(store);
}

#endif
