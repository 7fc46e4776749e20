/* How much room there is in an LMDB file for the next commits.
 *
 * It must not know what is committed.  Reads best next: lmdb_room.c, store.h (struct store_usage). */
#ifndef STORE_LMDB_ROOM_H
#define STORE_LMDB_ROOM_H

#include <lmdb.h>

#include "store/store.h"

struct lmdb_room {
    uint64_t free_bytes; /* as in struct store_usage */
    uint64_t spare_bytes;
    uint64_t next_bytes;
    uint64_t unused_bytes; /* at the end of the file; 0: half of it has been used */
    size_t measured;       /* the transaction after which they were so */
};

/* Measures, if a transaction has been committed since: the application has its own. */
void lmdb_room_measure(struct lmdb_room *room, MDB_env *env);

#endif
