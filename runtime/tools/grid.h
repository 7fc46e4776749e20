/* A table of text whose columns are aligned.
 * Must not know: what the cells say.
 * Reads best next: grid.c. */
#ifndef TOOLS_GRID_H
#define TOOLS_GRID_H

#include <stddef.h>

#define GRID_COLUMNS_MAX 6

struct grid {
    char ***rows; /* owned, each with a cell a column */
    size_t row_count;
    size_t columns;
};

/* An empty grid of so many columns. */
void grid_init(struct grid *grid, size_t columns);
/* Adds a row of as many texts as there are columns; they are copied.  Out of memory ends the program. */
void grid_add(struct grid *grid, const char *const *cells);
/* Writes it to stdout, and forgets it. */
void grid_print(struct grid *grid);

#endif
