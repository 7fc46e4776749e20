/* What protoc and its plugins said, taken apart: a list of remarks, each with its place if it has one.
 *
 * It must not know how remarks are shown.  Reads best next: advice.h, report.h. */
#ifndef CODEGEN_REMARK_H
#define CODEGEN_REMARK_H

#include "codegen/aim.h"
#include "idl/arena.h"

#include <stdbool.h>

struct remark {
    const char *file; /* as protoc names it, NULL: not about a file */
    struct aim at;    /* line 0: the file as a whole; column 0: the whole line */
    bool warning;
    const char *text;
    size_t order;
};

struct remarks {
    struct arena *arena; /* borrowed: holds the texts */
    struct remark *items;
    size_t count;
};

/* Reads all that was said; failed: whether protoc ended with an error, which decides what lines of unknown
 * shape are.  The caller ends it with remarks_fini. */
void remarks_read(struct remarks *remarks, struct arena *arena, const char *said, bool failed);
void remarks_fini(struct remarks *remarks);

#endif
