/* Output that appears whole or not at all: files are made in a hidden directory beside their place, then
 * renamed.
 *
 * It must not know what the files are.  Reads best next: semelc.c. */
#ifndef CODEGEN_OUTPUT_H
#define CODEGEN_OUTPUT_H

#include "idl/arena.h"

#include <stdbool.h>

struct output {
    const char *directory; /* borrowed: where the files go */
    char *workshop;        /* owned: a hidden directory below it */
    const char *made;      /* in the workshop: the files to publish are made here */
    const char *notes;     /* in the workshop: what is only needed on the way */
    const char *culprit;   /* what output_publish could not replace */
    bool made_directory;   /* by output_open, so that a failure can take it back */
    bool published;
};

/* Makes directory (and those above it) if needed, and the workshop.  false with errno and *ret_culprit, the
 * path that could not be made; then output_close is still right to call. */
bool output_open(struct output *output, struct arena *arena, const char *directory, const char **ret_culprit);

/* Writes a file and the directories between directory and it; false with errno. */
bool output_write(struct arena *arena, const char *directory, const char *relative, const void *bytes,
                  size_t size);

/* Moves every file made to its place; one that is there already with the same bytes is not touched, so that a
 * build sees no news.  false with errno and *ret_culprit. */
bool output_publish(struct output *output, struct arena *arena, const char **ret_culprit);

/* Removes the workshop with all that is left in it. */
void output_close(struct output *output, struct arena *arena);

/* One file, whole or not at all, and the directories above it; nothing is touched when it has these bytes.  false
 * with errno. */
bool output_replace(struct arena *arena, const char *path, const void *bytes, size_t size);

#endif
