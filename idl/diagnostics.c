/* The list of diagnostics.
 *
 * It must not know what the rules are.  Reads best next: diagnostics.h. */
#include "idl/diagnostics.h"

#include <stdlib.h>
#include <string.h>

void diagnostics_init(struct diagnostics *list, struct arena *arena)
{
    *list = (struct diagnostics){.arena = arena};
}

void diagnostics_fini(struct diagnostics *list)
{
    free(list->items);
    list->items = NULL;
    list->count = 0;
}

static void add(struct diagnostics *list, enum severity severity, struct place place, const char *text)
{
    list->items = array_grow(list->items, list->count, sizeof *list->items);
    list->items[list->count] = (struct diagnostic){severity, place, text, list->count};
    list->count++;
    list->errors += severity == SEVERITY_ERROR;
}

void diagnostics_error(struct diagnostics *list, struct place place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(list, SEVERITY_ERROR, place, arena_vprintf(list->arena, format, arguments));
    va_end(arguments);
}

void diagnostics_warn(struct diagnostics *list, struct place place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(list, SEVERITY_WARNING, place, arena_vprintf(list->arena, format, arguments));
    va_end(arguments);
}

static int by_place(const void *left, const void *right)
{
    const struct diagnostic *a = left;
    const struct diagnostic *b = right;
    int order = strcmp(a->place.file, b->place.file);
    if (order != 0)
        return order;
    if (a->place.line != b->place.line)
        return a->place.line < b->place.line ? -1 : 1;
    if (a->place.column != b->place.column)
        return a->place.column < b->place.column ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

void diagnostics_sort(struct diagnostics *list)
{
    if (list->count > 1)
        qsort(list->items, list->count, sizeof *list->items, by_place);
}

const char *diagnostics_line(struct diagnostics *list, const struct diagnostic *item)
{
    const char *kind = item->severity == SEVERITY_ERROR ? "error" : "warning";
    if (item->place.line == 0)
        return arena_printf(list->arena, "%s: %s: %s", item->place.file, kind, item->text);
    return arena_printf(list->arena, "%s:%u:%u: %s: %s", item->place.file, (unsigned)item->place.line,
                        (unsigned)item->place.column, kind, item->text);
}

const char *diagnostics_text(struct diagnostics *list, enum severity severity)
{
    const char **lines = arena_alloc(list->arena, list->count * sizeof *lines);
    size_t size = 1;
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].severity == severity) {
            lines[i] = diagnostics_line(list, &list->items[i]);
            size += strlen(lines[i]) + 1;
        }
    }
    char *text = arena_alloc(list->arena, size);
    char *end = text;
    for (size_t i = 0; i < list->count; i++) {
        if (lines[i] == NULL)
            continue;
        if (end != text)
            *end++ = '\n';
        size_t length = strlen(lines[i]);
        memcpy(end, lines[i], length);
        end += length;
    }
    return text;
}
