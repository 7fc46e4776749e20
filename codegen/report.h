/* Shows what protoc and its plugins complained about: place, text, the source line, a caret.
 *
 * It must not know the rules of the language.  Reads best next: aim.h. */
#ifndef CODEGEN_REPORT_H
#define CODEGEN_REPORT_H

#include "codegen/text.h"
#include "idl/arena.h"

#include <stdint.h>

/* Where .proto files are looked for, as protoc does: the first directory that has the file. */
struct imports {
    const char **directories;
    size_t count;
};

/* The path of an imported name as a person would open it, or name itself when no directory has it.  In the arena. */
const char *imports_resolve(const struct imports *imports, struct arena *arena, const char *name);

/* Turns everything protoc said into diagnostics on stderr.  Returns how many were errors. */
size_t report_protoc(const char *said, const struct imports *imports, struct arena *arena);

/* "semelc: error: text". */
void report_own(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
