/* Real files of an LMDB store, small and of every kind: new, with batches, with a free list, and with databases of
 * handlers.
 *
 * Reads best next: store_files.c. */
#ifndef TESTS_FUZZ_STORE_FILES_H
#define TESTS_FUZZ_STORE_FILES_H

#include <lmdb.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

enum { STORE_FILES_PAGE = 4096, STORE_FILES_LIMIT = 8 << 20 };

struct store_file {
    uint8_t *bytes; /* the caller's */
    size_t size;
};

/* For the options of a store. */
uint64_t store_files_secret(void);

/* A copy of one of them.  They are made at the first call, always the same. */
struct store_file store_files_copy(unsigned which);

/* Writes it where store_files_path says, in a folder of this process that goes when it ends. */
void store_files_write(const struct store_file *file);
const char *store_files_path(void);

/* The databases of handlers. */
extern const char *const store_files_names[];
extern const size_t store_files_name_count;

/* A value for one of them: of the sizes that it takes. */
MDB_val store_files_value(const char *name, char *room, unsigned choice);

#endif
