/* The result files of a server: one a task, stored in chunks that may come twice and in any order.
 * It must not know: calls, or who may store what.
 * Reads best next: server.c. */
#ifndef WORKER_RESULTS_H
#define WORKER_RESULTS_H

#include <stddef.h>
#include <stdint.h>

/* Most bytes of one result, on both sides: a test that prints for ever must not fill a disk. */
#define RESULT_BYTES_MAX (UINT64_C(4) << 20)
enum { CHUNK_BYTES = 8192 }; /* as in worker.options */

/* Writes size bytes at offset of the file name in the folder folder_fd.  Returns 0, or an errno value: EFBIG (over
 * RESULT_BYTES_MAX). */
int results_put(int folder_fd, const char *name, uint64_t offset, const void *data, size_t size);

/* Tells the size and the XXH3-64 of the file; one that is not there is made, empty.  Returns 0, or an errno value. */
int results_measure(int folder_fd, const char *name, uint64_t *ret_size, uint64_t *ret_digest);

#endif
