/* Whether LMDB can use a file: looked at before LMDB opens it, for LMDB believes what it reads, and a damaged file
 * would take the process down.
 *
 * Both heads are looked at, and every page that a tree or the free list names; no page of values alone.  What the
 * values say is for those who wrote them.  Reads best next: lmdb_page.h. */
#ifndef STORE_LMDB_CHECK_H
#define STORE_LMDB_CHECK_H

#include "store/store.h"

/* Behind "PATH is damaged (...); ". */
#define LMDB_HOW_TO_GO_ON "restore a backup, or move it away: what ran before is forgotten then"

/* fd: of the file, readable; path: for what is told.  Nobody may write it meanwhile.  OK: it can be used, or is empty.
 * Errors: FAILED_PRECONDITION (no LMDB file; another format), DATA_LOSS (damaged), RESOURCE_EXHAUSTED (memory), what
 * owner_code_of tells of reading. */
enum semel_code lmdb_check(int fd, const char *path, struct store_problem *ret_problem);

#endif
