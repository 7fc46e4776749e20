/* Shows remarks as FILE:LINE:COL: error: text, the source line, a caret.
 *
 * It must not know the rules of the language.  Reads best next: report.h. */
#include "codegen/report.h"

#include "codegen/advice.h"
#include "codegen/aim.h"
#include "codegen/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A source file that remarks are about; NULL text: it could not be read. */
struct source {
    const char *name;
    const char *path;
    char *text;
};

struct reporter {
    const struct imports *imports;
    struct arena *arena;
    struct source *sources;
    size_t source_count;
};

void report_own(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("semelc: error: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

const char *report_path(struct arena *arena, const struct imports *imports, const char *name)
{
    for (size_t i = 0; i < imports->count; i++) {
        const char *directory = imports->directories[i];
        bool here = strcmp(directory, ".") == 0;
        const char *path = here ? name : arena_printf(arena, "%s/%s", directory, name);
        if (access(path, R_OK) == 0)
            return path;
    }
    return name;
}

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    struct text text = {.bytes = NULL};
    char chunk[4096];
    size_t size;
    while ((size = fread(chunk, 1, sizeof chunk, file)) > 0)
        text_add(&text, chunk, size);
    fclose(file);
    return text.bytes;
}

static const struct source *source_of(struct reporter *reporter, const struct remark *remark)
{
    const char *name = remark->file;
    for (size_t i = 0; i < reporter->source_count; i++)
        if (strcmp(reporter->sources[i].name, name) == 0)
            return &reporter->sources[i];
    reporter->sources = array_grow(reporter->sources, reporter->source_count, sizeof *reporter->sources);
    struct source *source = &reporter->sources[reporter->source_count++];
    const char *path = remark->opened ? name : report_path(reporter->arena, reporter->imports, name);
    *source = (struct source){name, path, read_text(path)};
    return source;
}

/* Better place, better text. */
static void refine(struct reporter *reporter, struct remark *remark)
{
    const char *rest = NULL;
    const char *file = NULL;
    if (remark->file != NULL && remark->at.line > 0) {
        const struct source *source = source_of(reporter, remark);
        file = source->text;
        if (source->text != NULL) {
            remark->at = aim_at(source->text, remark->at, remark->text);
            rest = aim_text(source->text, remark->at);
        }
    }
    remark->text = advice_add(reporter->arena, remark->text, rest, file);
}

static int by_place(const void *left, const void *right)
{
    const struct remark *a = left;
    const struct remark *b = right;
    if (a->file == NULL || b->file == NULL) { /* those about no file come last */
        if (a->file != b->file)
            return a->file == NULL ? 1 : -1;
        return a->order < b->order ? -1 : a->order > b->order;
    }
    int order = strcmp(a->file, b->file);
    if (order != 0)
        return order;
    if (a->at.line != b->at.line)
        return a->at.line < b->at.line ? -1 : 1;
    if (a->at.column != b->at.column)
        return a->at.column < b->at.column ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* Control characters of a source must not reach the terminal. */
static char shown(char c)
{
    return c != '\t' && ((unsigned char)c < ' ' || c == 0x7f) ? '?' : c;
}

/* The source line, and a caret under column; tabs are kept, so that the two agree in every terminal. */
static void show_line(const char *source, struct aim at)
{
    const char *line = aim_text(source, (struct aim){at.line, 1});
    if (line == NULL)
        return;
    size_t length = strcspn(line, "\r\n");
    for (size_t i = 0; i < length; i++)
        fputc(shown(line[i]), stderr);
    fputc('\n', stderr);
    if (at.column == 0)
        return;
    uint32_t column = 1;
    for (size_t i = 0; column < at.column; i++) {
        char c = i < length ? line[i] : ' ';
        bool continued = ((unsigned char)c & 0xc0) == 0x80; /* a later byte of a UTF-8 letter has no width */
        if (!continued)
            fputc(c == '\t' ? '\t' : ' ', stderr);
        column = c == '\t' ? (column - 1) / AIM_TAB * AIM_TAB + AIM_TAB + 1 : column + 1;
    }
    fputs("^\n", stderr);
}

static void show(struct reporter *reporter, const struct remark *remark)
{
    const char *kind = remark->warning ? "warning" : "error";
    if (remark->file == NULL) {
        fprintf(stderr, "semelc: %s: %s\n", kind, remark->text);
        return;
    }
    const struct source *source = source_of(reporter, remark);
    fputs(source->path, stderr);
    if (remark->at.line > 0)
        fprintf(stderr, ":%u", (unsigned)remark->at.line);
    if (remark->at.column > 0)
        fprintf(stderr, ":%u", (unsigned)remark->at.column);
    fprintf(stderr, ": %s: %s\n", kind, remark->text);
    if (source->text != NULL && remark->at.line > 0)
        show_line(source->text, remark->at);
}

void report_remarks(struct remarks *remarks, const struct imports *imports)
{
    struct reporter reporter = {.imports = imports, .arena = remarks->arena};
    for (size_t i = 0; i < remarks->count; i++)
        refine(&reporter, &remarks->items[i]);
    if (remarks->count > 1)
        qsort(remarks->items, remarks->count, sizeof *remarks->items, by_place);
    for (size_t i = 0; i < remarks->count; i++)
        show(&reporter, &remarks->items[i]);
    for (size_t i = 0; i < reporter.source_count; i++)
        free(reporter.sources[i].text);
    free(reporter.sources);
}
