/* The owner of a store's file: one process at a time, by whatever name it finds the file.
 *
 * Two locks are held for as long as the process lives: one on the file itself, which every other name of it meets
 * (links, mounts), and one on PATH-owner beside it, which whoever puts another file in its place meets: LMDB's own
 * PATH-lock would serve both.  The kernel ends them with the process, so that nothing is to be cleaned up after a
 * crash.  Reads best next: lmdb_file.c. */
#ifndef STORE_OWNER_H
#define STORE_OWNER_H

#include <limits.h>

#include "store/store.h"

struct owner {
    int file_fd; /* -1: not owned */
    int name_fd;
    char path[PATH_MAX]; /* without links: the name to open it by */
};

/* Makes the file if there is none.  On success ended with owner_give, once nothing else has it open.
 * Errors: FAILED_PRECONDITION (another has it), NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED, INVALID_ARGUMENT. */
enum semel_code owner_take(struct owner *owner, const char *path, struct store_problem *ret_problem);
void owner_give(struct owner *owner);

/* Whether this descriptor is open on the file that is owned: its name may have come to mean another meanwhile. */
bool owner_has(const struct owner *owner, int fd);

/* The code for what the system says of a file. */
enum semel_code owner_code_of(int error);

#endif
