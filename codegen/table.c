/* Prints tables.
 *
 * It must not know what the words say.  Reads best next: table.h. */
#include "codegen/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void table_add(struct table *table, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    table->cells = array_grow(table->cells, table->count, sizeof(const char *));
    table->cells[table->count++] = arena_vprintf(table->arena, format, arguments);
    va_end(arguments);
}

void table_fini(struct table *table)
{
    free(table->cells);
    table->cells = NULL;
    table->count = 0;
}

/* One line of a cell, counted from 0; its length is 0 behind the last. */
static const char *line_of(const char *cell, size_t line, int *ret_length)
{
    for (; line > 0 && *cell != '\0'; line--) {
        cell += strcspn(cell, "\n");
        cell += *cell == '\n';
    }
    *ret_length = (int)strcspn(cell, "\n");
    return cell;
}

static size_t lines_of(const char *cell)
{
    size_t lines = 1;
    while ((cell = strchr(cell, '\n')) != NULL) {
        cell++;
        lines++;
    }
    return lines;
}

static int width_of(const struct table *table, size_t column)
{
    int width = 0;
    for (size_t i = column; i < table->count; i += table->columns) {
        for (size_t line = 0; line < lines_of(table->cells[i]); line++) {
            int length;
            line_of(table->cells[i], line, &length);
            width = length > width ? length : width;
        }
    }
    return width;
}

static bool is_empty(const struct table *table, size_t column)
{
    for (size_t i = column + table->columns; i < table->count; i += table->columns)
        if (strcmp(table->cells[i], "-") != 0)
            return false;
    return true;
}

static void print_line(FILE *to, const struct table *table, size_t row, size_t line, unsigned optional)
{
    int owed = 2; /* spaces before the next word, so that none stand at the end */
    for (size_t i = 0; i < table->columns; i++) {
        int length;
        const char *words = line_of(table->cells[row + i], line, &length);
        if ((optional >> i & 1) != 0 && is_empty(table, i))
            continue;
        if (length > 0) {
            fprintf(to, "%*s%.*s", owed, "", length, words);
            owed = 0;
        }
        owed += width_of(table, i) - length + 2;
    }
    fputc('\n', to);
}

void table_print(FILE *to, const struct table *table, unsigned optional)
{
    assert(table->columns > 0 && table->count % table->columns == 0);
    for (size_t row = 0; row < table->count; row += table->columns) {
        size_t lines = 1;
        for (size_t i = 0; i < table->columns; i++) {
            size_t own = lines_of(table->cells[row + i]);
            lines = own > lines ? own : lines;
        }
        for (size_t line = 0; line < lines; line++)
            print_line(to, table, row, line, optional);
    }
}
