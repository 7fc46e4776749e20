/* Words that C, C++, their libraries and the headers of generated code keep for themselves.
 *
 * It must not know what is named.  Reads best next: names.h. */
#ifndef IDL_RESERVED_H
#define IDL_RESERVED_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a struct member cannot carry this name: a keyword of C or C++, a macro, or reserved for the compiler.
 * Returns what it is ("a C++ keyword"), or NULL when it is free. */
const char *reserved_as(const char *name);
bool reserved_for_cpp_only(const char *name);

/* The prefix of c_name that belongs to the runtime, to nanopb or to the compiler; NULL when it has none of these. */
const char *reserved_prefix(const char *c_name);

/* All words, for a register of global names; ended by a table without words. */
struct reserved_table {
    const char *what; /* "a C keyword" */
    const char *const *words;
    size_t count;
};
extern const struct reserved_table reserved_tables[];

#endif
