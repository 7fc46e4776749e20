/* The file of an LMDB store: opening it, and finding out that it is ours.
 *
 * README.md tells its layout.  It must not know what a batch holds.  Reads best next: lmdb.c. */
#ifndef STORE_LMDB_FILE_H
#define STORE_LMDB_FILE_H

#include <lmdb.h>

#include "store/owner.h"
#include "store/store.h"

/* Named databases that handlers may have beside ours. */
enum { LMDB_FILE_DATABASES = 64 };

struct lmdb_file {
    MDB_env *env;
    MDB_dbi meta;
    MDB_dbi journal;
    struct owner owner;
    struct id domain;
    bool is_copy;         /* of a store: it has begun anew, as another domain */
    uint64_t salt;        /* what seeds the checks of what is written ahead */
    uint64_t area_offset; /* where that is */
    size_t area_bytes;    /* 0: nowhere */
};

/* Errors as store_open. */
enum semel_code lmdb_file_open(struct lmdb_file *file, const char *path, const struct store_options *options,
                               struct store_problem *ret_problem);
void lmdb_file_close(struct lmdb_file *file);

/* The area that batches are written to ahead of their place, as this transaction sees it.  0, or what LMDB says. */
int lmdb_file_area(const struct lmdb_file *file, MDB_txn *txn, const uint8_t **ret_bytes);

/* Says what is wrong with the file at path, and what a person can do about it; returns the code for the error of
 * LMDB. */
enum semel_code lmdb_file_refuse(struct store_problem *problem, const char *path, int error, const char *what);

/* The code for what LMDB says. */
enum semel_code lmdb_file_code_of(int error);

#endif
