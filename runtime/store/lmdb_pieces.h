/* Batches in the journal's tree, each cut into pieces under its number and theirs: large ones as long as there is room
 * in a row for them, for these are written in one go; small ones in a file that fills up, of which any two free pages
 * will do, so that it does not become too full of holes for a large batch.
 *
 * It must not know what a batch holds, nor which are wanted.  Reads best next: lmdb_pieces.c, lmdb.c. */
#ifndef STORE_LMDB_PIECES_H
#define STORE_LMDB_PIECES_H

#include <lmdb.h>

#include "store/lmdb_file.h"

struct lmdb_log {
    uint64_t oldest;     /* batch, in the tree or ahead of it; 0: none */
    uint64_t tree_bytes; /* of those in the tree */
};

/* Puts a batch behind all others.  0, or what LMDB says; so below. */
int lmdb_pieces_put(MDB_txn *txn, MDB_dbi journal, uint64_t number, const uint8_t *bytes, size_t size,
                    bool in_a_row);
/* Deletes batches from the oldest, `from`, up to `stop`, and takes their bytes off. */
int lmdb_pieces_delete(MDB_txn *txn, MDB_dbi journal, uint64_t from, uint64_t stop, uint64_t *bytes);
/* The newest batch in the tree; 0: none. */
int lmdb_pieces_last(MDB_txn *txn, MDB_dbi journal, uint64_t *ret_last);
/* Tells all batches in order, and what there is of them.  false: problem says why. */
bool lmdb_pieces_load(const struct lmdb_file *file, store_batch_fn *each, void *user, struct lmdb_log *ret_log,
                      struct store_problem *problem);

#endif
