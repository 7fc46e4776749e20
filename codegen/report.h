/* Shows what protoc and its plugins complained about: place, text, the source line, a caret.
 *
 * It must not know the rules of the language.  Reads best next: remark.h, aim.h, advice.h. */
#ifndef CODEGEN_REPORT_H
#define CODEGEN_REPORT_H

#include "codegen/text.h"
#include "idl/arena.h"

/* Where .proto files are looked for, as protoc does: the first directory that has the file. */
struct imports {
    const char **directories;
    size_t count;
};

/* Turns all that protoc said into diagnostics on stderr, in the order of the source; returns how many are
 * errors.  failed: protoc ended with an error, so that what cannot be understood is one too. */
size_t report_protoc(const char *said, bool failed, const struct imports *imports, struct arena *arena);

/* "semelc: error: text". */
void report_own(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
