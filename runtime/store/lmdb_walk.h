/* The trees of an LMDB file, walked page by page: what LMDB will follow leads somewhere, and nothing is used twice.
 *
 * Each page may be claimed once; so the walk ends, and takes the time that reading the file takes.  It must not know
 * what values say.  Reads best next: lmdb_check.c (heads and pages), lmdb_walk.c (trees). */
#ifndef STORE_LMDB_WALK_H
#define STORE_LMDB_WALK_H

#include "store/lmdb_check.h"
#include "store/lmdb_page.h"

enum {
    LMDB_HEADS = 2,
    LMDB_TREES_DEEP = 3, /* trees within trees: the names, a database, the values of a key */
};

/* A file that is being looked at. */
struct lmdb_check {
    int fd;
    const char *path;
    struct store_problem *problem;
    struct lmdb_head head; /* the newer one */
    size_t page_size;
    uint64_t file_bytes;
    uint8_t *seen; /* a bit for each page */
    uint8_t *buffers[LMDB_TREES_DEEP * LMDB_DEPTH_MAX];
    unsigned level; /* of buffers in use */
    struct lmdb_page_scratch scratch;
};

/* Say what is wrong; false. */
bool lmdb_check_damaged(struct lmdb_check *check, const char *what, uint64_t page);
bool lmdb_check_no_memory(struct lmdb_check *check);

/* Reads all of it, or says why not. */
bool lmdb_check_read(struct lmdb_check *check, void *to, size_t size, uint64_t offset);

/* Takes pages in a row for one use.  used: they must be there. */
bool lmdb_check_claim(struct lmdb_check *check, uint64_t number, uint64_t count, bool used);

/* The same for those that hold a value of this size, behind one header. */
bool lmdb_check_far(struct lmdb_check *check, uint64_t number, size_t value_size);

/* Walks the main tree, all named databases and the free list of check->head. */
bool lmdb_walk(struct lmdb_check *check);

#endif
