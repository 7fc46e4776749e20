/* Rows of cells, printed in columns as narrow as they can be.
 *
 * It must not know what the words say.  Reads best next: describe_tables.c. */
#ifndef CODEGEN_TABLE_H
#define CODEGEN_TABLE_H

#include "idl/arena.h"

#include <stdbool.h>
#include <stdio.h>

/* Zero-initialised but for arena and columns it is empty. */
struct table {
    struct arena *arena; /* borrowed: holds the words */
    size_t columns;
    const char **cells; /* row after row */
    size_t count;
};

/* Adds the next cell; rows fill from left to right.  A newline in it goes on below, in the same column. */
void table_add(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The first row is the head.  A column in which every row below it says "-" is left out when optional has its bit, and
 * the last one needs no room behind it. */
void table_print(FILE *to, const struct table *table, unsigned optional);
void table_fini(struct table *table);

#endif
