/* The store that remembers nothing: with the process its domain ends, and no client will ask another.
 *
 * Reads best next: store.h. */
#include <stdlib.h>

#include "core/units.h"
#include "store/store.h"

struct memory {
    struct store store;
    struct store_ended ended;
};

static bool load(struct store *store, store_batch_fn *each, void *user, struct store_problem *problem)
{
    (void)store, (void)each, (void)user, (void)problem;
    return true;
}

static void commit(struct store *store, struct store_commit *batch)
{
    store_end(store, &container_of(store, struct memory, store)->ended, batch, STORE_COMMITTED);
}

static void poll(struct store *store)
{
    store_tell(&container_of(store, struct memory, store)->ended, "");
}

static struct store_usage usage(struct store *store)
{
    (void)store;
    return (struct store_usage){.free_bytes = UINT64_MAX, .spare_bytes = UINT64_MAX, .next_bytes = UINT64_MAX};
}

static void close(struct store *store)
{
    free(container_of(store, struct memory, store));
}

static const struct store_ops ops = {
    .load = load, .commit = commit, .poll = poll, .usage = usage, .close = close};

enum semel_code memory_open(const struct store_options *options, struct store **ret_store,
                            struct store_problem *ret_problem)
{
    struct memory *memory = calloc(1, sizeof *memory);
    if (memory == NULL)
        return store_fail(ret_problem, SEMEL_RESOURCE_EXHAUSTED, "out of memory");
    memory->store = (struct store){.ops = &ops, .domain = options->fresh};
    *ret_store = &memory->store;
    return SEMEL_OK;
}
