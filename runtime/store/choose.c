/* Chooses a store by its specification.  The simulator has its own in place of this one.
 *
 * Reads best next: store.h. */
#include <string.h>

#include "store/store.h"

enum semel_code store_open(const char *spec, const struct store_options *options, struct store **ret_store,
                           struct store_problem *ret_problem)
{
    if (spec == NULL || strcmp(spec, "memory") == 0)
        return memory_open(options, ret_store, ret_problem);
    if (strncmp(spec, "lmdb:", 5) != 0)
        return store_fail(ret_problem, SEMEL_INVALID_ARGUMENT, "unknown store; write memory or lmdb:PATH");
    if (spec[5] == '\0')
        return store_fail(ret_problem, SEMEL_INVALID_ARGUMENT, "lmdb: needs a file; write lmdb:PATH");
    return lmdb_open(spec + 5, options, ret_store, ret_problem);
}
