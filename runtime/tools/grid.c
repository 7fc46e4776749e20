/* Rows are kept until all are there, since the longest cell makes the width of its column.
 * Must not know: what the cells say.
 * Reads best next: lists.c. */
#include "tools/grid.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *memory)
{
    if (!memory) {
        fputs("semel: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

void grid_init(struct grid *grid, size_t columns)
{
    assert(columns > 0 && columns <= GRID_COLUMNS_MAX);
    *grid = (struct grid){.columns = columns};
}

void grid_add(struct grid *grid, const char *const *cells)
{
    grid->rows = must(realloc(grid->rows, (grid->row_count + 1) * sizeof *grid->rows));
    char **row = must(calloc(grid->columns, sizeof *row));
    for (size_t i = 0; i < grid->columns; i++)
        row[i] = must(strndup(cells[i], strlen(cells[i])));
    grid->rows[grid->row_count++] = row;
}

static void print_row(const struct grid *grid, char **row, const size_t *widths)
{
    /* The last cell that says something is not filled up. */
    size_t last = grid->columns - 1;
    while (last > 0 && row[last][0] == '\0')
        last--;
    for (size_t i = 0; i < last; i++)
        printf("%-*s  ", (int)widths[i], row[i]);
    printf("%s\n", row[last]);
}

void grid_print(struct grid *grid)
{
    size_t widths[GRID_COLUMNS_MAX] = {0};
    for (size_t at = 0; at < grid->row_count; at++) {
        for (size_t i = 0; i < grid->columns; i++) {
            size_t length = strlen(grid->rows[at][i]);
            widths[i] = length > widths[i] ? length : widths[i];
        }
    }
    for (size_t at = 0; at < grid->row_count; at++) {
        print_row(grid, grid->rows[at], widths);
        for (size_t i = 0; i < grid->columns; i++)
            free(grid->rows[at][i]);
        free(grid->rows[at]);
    }
    free(grid->rows);
    grid_init(grid, grid->columns);
}
