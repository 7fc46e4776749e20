/* Chooses a store by its specification.
 *
 * Reads best next: store.h. */
#include "store/store.h"

#include <string.h>

enum semel_reason store_open(const char *spec, const struct id *fresh, struct store *ret_store,
                             const char **ret_message)
{
    if (spec == NULL || strcmp(spec, "memory") == 0) {
        /* What it remembers is lost with the process, so the domain is a new one each time. */
        ret_store->domain = *fresh;
        return SEMEL_REASON_NONE;
    }
    *ret_message = strncmp(spec, "lmdb:", 5) == 0 ? "this build has no durable store; write memory"
                                                  : "unknown store; write memory";
    return SEMEL_REASON_BAD_ARGUMENT;
}
