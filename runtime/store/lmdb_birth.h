/* The first moments of an LMDB file, and what a crash leaves of them.
 *
 * LMDB writes the two heads of a new file without a flush: before there is anything in it, either may be on the disk
 * and the other not.  It must not know what comes later.  Reads best next: lmdb_file.c. */
#ifndef STORE_LMDB_BIRTH_H
#define STORE_LMDB_BIRTH_H

#include <stdbool.h>

/* Whether there is nothing in this file but a part of what LMDB begins with: one head that nothing was committed to, or
 * none.  An empty file is none of these, nor is one with both heads: LMDB takes them. */
bool lmdb_birth_was_cut(int fd);

/* Makes durable what stands in the file, and that it has this name.  0, or an errno. */
int lmdb_birth_end(int fd, const char *path);

#endif
