/* What is wrong with a .proto file and where: a list, so that one run tells everything.
 *
 * It must not know what the rules are (check.c) nor how a terminal shows them (codegen/report.c).
 * Reads best next: model.h. */
#ifndef IDL_DIAGNOSTICS_H
#define IDL_DIAGNOSTICS_H

#include "idl/arena.h"

#include <stdint.h>

/* A point in a .proto file.  Lines and columns count from 1; line 0 means the file as a whole.  A tab moves
 * to the next multiple of 8, as protoc counts. */
struct place {
    const char *file; /* borrowed from the request, which outlives the diagnostics */
    uint32_t line;
    uint32_t column;
};

enum severity { SEVERITY_ERROR, SEVERITY_WARNING };

struct diagnostic {
    enum severity severity;
    struct place place;
    const char *text;
    size_t order; /* of its report: keeps two of one place in their order */
};

struct diagnostics {
    struct arena *arena; /* borrowed: holds the texts */
    struct diagnostic *items;
    size_t count;
    size_t errors;
};

void diagnostics_init(struct diagnostics *list, struct arena *arena);
void diagnostics_fini(struct diagnostics *list);

void diagnostics_error(struct diagnostics *list, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diagnostics_warn(struct diagnostics *list, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* By file, then line, then column. */
void diagnostics_sort(struct diagnostics *list);

/* "bank.proto:12:3: error: text", without a newline.  In the list's arena. */
const char *diagnostics_line(struct diagnostics *list, const struct diagnostic *item);

/* All of one severity, one a line, no newline after the last.  In the list's arena. */
const char *diagnostics_text(struct diagnostics *list, enum severity severity);

#endif
