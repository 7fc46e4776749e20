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
    MDB_dbi journal;
    struct owner owner;
    struct id domain;
    bool is_copy; /* of a store: it has begun anew, as another domain */
};

/* Errors as store_open. */
enum semel_code lmdb_file_open(struct lmdb_file *file, const char *path, const struct store_options *options,
                               struct store_problem *ret_problem);
void lmdb_file_close(struct lmdb_file *file);

/* The code for what LMDB says. */
enum semel_code lmdb_file_code_of(int error);

#endif
