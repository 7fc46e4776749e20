/* The owner of a store's file: one process at a time.
 *
 * A file PATH-owner beside it is locked for as long as the process lives and says which it is.  The kernel ends the
 * lock with the process, so that nothing is to be cleaned up after a crash.  Reads best next: lmdb.c. */
#ifndef STORE_OWNER_H
#define STORE_OWNER_H

#include "store/store.h"

/* On success *ret_fd holds the ownership until it is closed.
 * Errors: FAILED_PRECONDITION (another has it), NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED, INVALID_ARGUMENT. */
enum semel_code owner_take(const char *path, int *ret_fd, struct store_problem *ret_problem);

/* The code for what the system says of a file. */
enum semel_code owner_code_of(int error);

#endif
