/* Where a file was made: what tells it from every copy of it.
 *
 * A copy of a store is older than its original is by now: it does not know what has run since, and must not pass for
 * the same domain.  A file that is renamed stays what it is; one that is written over in place can not be told.
 * Reads best next: lmdb_file.c. */
#ifndef STORE_ORIGIN_H
#define STORE_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

struct origin {
    uint64_t inode;
    uint64_t born_ns; /* since 1970; 0: the file system does not know */
};

/* Of an open file.  Returns 0 or an errno. */
int origin_of(int fd, struct origin *ret_origin);

static inline bool origin_equal(const struct origin *a, const struct origin *b)
{
    return a->inode == b->inode && a->born_ns == b->born_ns;
}

#endif
