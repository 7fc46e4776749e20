/* What protoc and nanopb said, taken apart, and what was found here: a list of remarks, each with its place if it
 * has one.
 *
 * It must not know how remarks are shown.  Reads best next: advice.h, report.h. */
#ifndef CODEGEN_REMARK_H
#define CODEGEN_REMARK_H

#include "codegen/aim.h"
#include "idl/diagnostics.h"

#include <stdbool.h>

struct remark {
    const char *file; /* as protoc names it, NULL: not about a file */
    bool opened;      /* file is a path to open as it is, not a name to look for among the imports */
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

/* Adds what was said; failed: whether protoc ended with an error, which decides what lines of unknown shape
 * are.  remarks needs its arena before; the caller ends it with remarks_fini. */
void remarks_read(struct remarks *remarks, const char *said, bool failed);

/* Adds what was found wrong here: of one place, warnings first, as under plain protoc. */
void remarks_take(struct remarks *remarks, const struct diagnostics *list);

/* Adds one, unless it is there already. */
void remarks_add(struct remarks *remarks, struct remark remark);

size_t remarks_errors(const struct remarks *remarks);
void remarks_fini(struct remarks *remarks);

#endif
