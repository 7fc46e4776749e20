/* The stores that the conformance suite runs over, and one commit after the other on them.
 *
 * Reads best next: conformance_test.c. */
#ifndef TESTS_STORE_STORES_H
#define TESTS_STORE_STORES_H

#include <criterion/criterion.h>
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"

#define STORES_SIZE (UINT64_C(8) << 20)

/* A folder of the test's own, below the working folder of the test; removed by stores_clean. */
void stores_prepare(void);
void stores_clean(void);
/* A path in it. */
const char *stores_path(const char *name);

/* "memory", "lmdb:..." */
struct stores_kind {
    const char *name;
    const char *(*spec)(void);
};
extern const struct stores_kind stores_kinds[];
extern const size_t stores_count;

struct store *stores_open(const char *spec);
/* For options of a test's own. */
uint64_t stores_secret(void);
/* What it is told when it is opened; the store must refuse. */
struct store_problem stores_refusal(const char *spec);

/* Commits these bytes and waits until the store has told the end. */
enum store_result stores_commit(struct store *store, uint64_t number, const void *bytes, size_t size,
                                uint64_t wanted_from);

/* Of an LMDB store: a database such as handlers have, "accounts". */
MDB_dbi stores_open_own(struct store *store);

#endif
