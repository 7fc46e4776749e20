/* Reads protoc's stderr line by line and re-shows it.
 *
 * It must not know the rules of the language.  Reads best next: report.h, aim.c. */
#include "codegen/report.h"

#include "codegen/aim.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char semel_prefix[] = "--semel_out: ";
static const char nanopb_prefix[] = "--nanopb_out: ";

/* One line of protoc, taken apart.  line 0: the file as a whole; no file: not about a file. */
struct remark {
    const char *file;
    struct aim at;
    bool warning;
    const char *text;
};

struct reporter {
    const struct imports *imports;
    struct arena *arena;
    size_t errors;
    const char *last_words; /* of a Python traceback: its exception */
    bool in_traceback;
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

const char *imports_resolve(const struct imports *imports, struct arena *arena, const char *name)
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

static char *read_source(const char *path)
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

/* The source line, and a caret under column; tabs are kept, so that the two agree in every terminal. */
static void show_line(const char *source, struct aim at)
{
    size_t start = aim_line_start(source, at.line);
    if (start == (size_t)-1)
        return;
    const char *line = source + start;
    size_t length = strcspn(line, "\r\n");
    fprintf(stderr, "%.*s\n", (int)length, line);
    uint32_t column = 1;
    for (size_t i = 0; column < at.column; i++) {
        char c = i < length ? line[i] : ' ';
        bool continued = ((unsigned char)c & 0xc0) == 0x80; /* a later byte of a UTF-8 letter has no width */
        if (!continued)
            fputc(c == '\t' ? '\t' : ' ', stderr);
        column = c == '\t' ? (column - 1) / 8 * 8 + 9 : column + 1;
    }
    fputs("^\n", stderr);
}

static void show(struct reporter *reporter, const struct remark *remark)
{
    const char *kind = remark->warning ? "warning" : "error";
    reporter->errors += !remark->warning;
    if (remark->file == NULL) {
        fprintf(stderr, "semelc: %s: %s\n", kind, remark->text);
        return;
    }
    const char *path = imports_resolve(reporter->imports, reporter->arena, remark->file);
    char *source = remark->at.line > 0 ? read_source(path) : NULL;
    if (source == NULL) {
        fprintf(stderr, "%s: %s: %s\n", path, kind, remark->text);
        return;
    }
    struct aim at = aim_at(source, remark->at, remark->text);
    fprintf(stderr, "%s:%u:%u: %s: %s\n", path, (unsigned)at.line, (unsigned)at.column, kind, remark->text);
    show_line(source, at);
    free(source);
}

/* ":12" -> 12; NULL when there is no number. */
static const char *read_number(const char *text, uint32_t *ret_number)
{
    char *end;
    if (*text != ':' || !isdigit((unsigned char)text[1]))
        return NULL;
    unsigned long number = strtoul(text + 1, &end, 10);
    *ret_number = number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
    return end;
}

static void read_kind(struct remark *remark, const char *text)
{
    static const char error[] = "error: ";
    static const char warning[] = "warning: ";
    remark->warning = strncmp(text, warning, strlen(warning)) == 0;
    if (remark->warning)
        text += strlen(warning);
    else if (strncmp(text, error, strlen(error)) == 0)
        text += strlen(error);
    remark->text = text;
}

/* "bank.proto:12:3: text" or "bank.proto: text". */
static bool read_remark(struct arena *arena, const char *line, struct remark *ret_remark)
{
    static const char suffix[] = ".proto";
    const char *end = strstr(line, ".proto:");
    if (end == NULL)
        return false;
    end += strlen(suffix);
    *ret_remark = (struct remark){.file = arena_printf(arena, "%.*s", (int)(end - line), line)};
    const char *after = read_number(end, &ret_remark->at.line);
    if (after != NULL)
        end = read_number(after, &ret_remark->at.column);
    if (end == NULL || strncmp(end, ": ", 2) != 0)
        return false;
    read_kind(ret_remark, end + 2);
    return true;
}

/* The nanopb generator is a Python program: its stack of calls tells a user nothing, its last line a little. */
static bool swallow_traceback(struct reporter *reporter, const char *line)
{
    if (strncmp(line, "Traceback (most recent call last)", 33) == 0)
        reporter->in_traceback = true;
    else if (!reporter->in_traceback || strncmp(line, "--", 2) == 0)
        return false;
    else if (!isspace((unsigned char)*line))
        reporter->last_words = line;
    return true;
}

static void report_nanopb(struct reporter *reporter, const char *text)
{
    if (reporter->last_words != NULL)
        text = reporter->last_words;
    show(reporter, &(struct remark){.text = arena_printf(reporter->arena,
         "the nanopb generator failed: %s; look for an option of nanopb that does not fit, in the .proto or its "
         ".options file", text)});
}

static void report_line(struct reporter *reporter, const char *line)
{
    struct remark remark;
    if (*line == '\0' || swallow_traceback(reporter, line))
        return;
    if (strncmp(line, semel_prefix, strlen(semel_prefix)) == 0)
        line += strlen(semel_prefix);
    if (strncmp(line, nanopb_prefix, strlen(nanopb_prefix)) == 0)
        report_nanopb(reporter, line + strlen(nanopb_prefix));
    else if (read_remark(reporter->arena, line, &remark))
        show(reporter, &remark);
    else
        show(reporter, &(struct remark){.text = line});
}

size_t report_protoc(const char *said, const struct imports *imports, struct arena *arena)
{
    struct reporter reporter = {.imports = imports, .arena = arena};
    while (*said != '\0') {
        size_t length = strcspn(said, "\n");
        report_line(&reporter, arena_printf(arena, "%.*s", (int)length, said));
        said += length;
        said += *said == '\n';
    }
    return reporter.errors;
}
