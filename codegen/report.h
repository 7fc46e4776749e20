/* Shows what is wrong: place, text, the source line, a caret.
 *
 * It must not know the rules of the language.  Reads best next: remark.h, aim.h, advice.h. */
#ifndef CODEGEN_REPORT_H
#define CODEGEN_REPORT_H

#include "codegen/remark.h"

/* Where .proto files are looked for, as protoc does: the first directory that has the file. */
struct imports {
    const char **directories;
    size_t count;
};

/* Shows all remarks on stderr, in the order of the source, with the line and a caret where there is one; places and
 * texts of remarks are refined on the way. */
void report_remarks(struct remarks *remarks, const struct imports *imports);

/* The path of a name as a person would open it: below the first directory that has it; name itself when none has. */
const char *report_path(struct arena *arena, const struct imports *imports, const char *name);

/* "semelc: error: text". */
void report_own(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
