/* The dedup stores behind one small interface: what remembers executed requests, and for how long.
 *
 * memory: lives and dies with the process; each process is a domain of its own.
 *
 * It must not know connections or requests.  Reads best next: core/sessions.h, which holds the records. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <semel/status.h>

#include "core/id.h"

struct store {
    struct id domain; /* what a client compares to learn whether its replay can be recognised */
};

/* Opens the store a specification names: NULL or "memory".  fresh: a random id, for a store that is new.
 * On failure *ret_message (static) says why.  Errors: BAD_ARGUMENT. */
enum semel_reason store_open(const char *spec, const struct id *fresh, struct store *ret_store,
                             const char **ret_message);

#endif
