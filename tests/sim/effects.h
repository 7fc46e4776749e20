/* What transactional handlers leave behind: in a database of their own in the server's store, how often each operation
 * has had its effect.
 *
 * They must not know what the store remembers of requests.  Reads best next: effects.c. */
#ifndef TESTS_SIM_EFFECTS_H
#define TESTS_SIM_EFFECTS_H

#include <lmdb.h>

#include "history.h"

struct effects {
    MDB_env *env;
    MDB_dbi counts; /* by operation */
};

/* Opens the database, or makes it with this much in it that is of no use. */
void effects_open(struct effects *effects, MDB_env *env, uint32_t ballast_bytes);
/* The ballast goes. */
void effects_make_room(const struct effects *effects);
/* Within a transaction: one more of this operation.  false: there is no room. */
bool effects_add(const struct effects *effects, MDB_txn *txn, const struct op *op);
/* Adds what is there to each operation of the history. */
void effects_count(const struct effects *effects);

#endif
