/* Included before everything else of the runtime when it is built for the simulator: its memory is a host's, and what
 * its store commits goes to a disk that can fail.
 *
 * Reads best next: heap.h, disk.h. */
#ifndef SIM_REDIRECT_H
#define SIM_REDIRECT_H

#include <stdlib.h>
#include <string.h>

#include "sim/heap.h"

#undef strdup
#undef strndup
#define malloc(size) heap_malloc(size)
#define calloc(count, size) heap_calloc(count, size)
#define realloc(memory, size) heap_realloc(memory, size)
#define free(memory) heap_free(memory)
#define strdup(text) heap_strdup(text)
#define strndup(text, most) heap_strndup(text, most)

/* lmdb.h, which comes later, declares them under these names. */
#define mdb_put(txn, dbi, key, data, flags) disk_put(txn, dbi, key, data, flags)
#define mdb_txn_commit(txn) disk_txn_commit(txn)
/* So do sys/uio.h and unistd.h; store/ahead.c uses them. */
#define pwritev(fd, pieces, count, at) disk_pwritev(fd, pieces, count, at)
#define fdatasync(fd) disk_fdatasync(fd)

#endif
