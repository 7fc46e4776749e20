/* Reads the stderr of protoc and of the nanopb generator.
 *
 * It must not know how remarks are shown.  Reads best next: remark.h. */
#include "codegen/remark.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char nanopb_prefix[] = "--nanopb_out: ";
static const char traceback_start[] = "Traceback (most recent call last)";
static const char circle_start[] = "Circular dependency in messages: ";
static const char unmatched_start[] = "Following patterns in ";
static const char unmatched_middle[] = " did not match any fields: ";

struct reader {
    struct remarks *remarks;
    bool failed;
    bool in_traceback;
    const char *last_words; /* of a traceback: its exception */
};

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void append(struct remarks *remarks, struct remark remark)
{
    remark.order = remarks->count;
    remarks->items = array_grow(remarks->items, remarks->count, sizeof *remarks->items);
    remarks->items[remarks->count++] = remark;
}

void remarks_add(struct remarks *remarks, struct remark remark)
{
    for (size_t i = 0; i < remarks->count; i++) {
        const struct remark *other = &remarks->items[i];
        bool same_file = remark.file == other->file ||
                         (remark.file != NULL && other->file != NULL && strcmp(remark.file, other->file) == 0);
        if (same_file && remark.at.line == other->at.line && remark.at.column == other->at.column &&
            strcmp(remark.text, other->text) == 0)
            return; /* nanopb says some things many times */
    }
    append(remarks, remark);
}

/* ":12" -> 12, and where it ends; NULL when there is no number. */
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
    remark->warning = starts_with(text, warning);
    if (remark->warning)
        text += strlen(warning);
    else if (starts_with(text, error))
        text += strlen(error);
    remark->text = text;
}

/* Where the file name at the start of line ends, or NULL. */
static const char *file_end(const char *line)
{
    static const char *const kinds[] = {".proto", ".options"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *end = strstr(line, kinds[i]);
        if (end != NULL && end[strlen(kinds[i])] == ':')
            return end + strlen(kinds[i]);
    }
    return NULL;
}

/* "bank.proto:12:3: text", "bank.options:12: text" or "bank.proto: text". */
static bool read_placed(struct arena *arena, const char *line, struct remark *ret_remark)
{
    const char *end = file_end(line);
    if (end == NULL)
        return false;
    *ret_remark = (struct remark){.file = arena_printf(arena, "%.*s", (int)(end - line), line)};
    const char *after = read_number(end, &ret_remark->at.line);
    if (after != NULL)
        end = after;
    after = read_number(end, &ret_remark->at.column);
    if (after != NULL)
        end = after;
    if (!starts_with(end, ": "))
        return false;
    read_kind(ret_remark, end + 2);
    return true;
}

/* The nanopb generator is a Python program: its stack of calls tells a user nothing, its last line a little. */
static bool swallow_traceback(struct reader *reader, const char *line)
{
    if (starts_with(line, traceback_start))
        reader->in_traceback = true;
    else if (!reader->in_traceback || starts_with(line, "--"))
        return false;
    else if (!isspace((unsigned char)*line))
        reader->last_words = line;
    return true;
}

static void read_nanopb_failure(struct reader *reader, const char *text)
{
    if (reader->last_words != NULL)
        text = reader->last_words;
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '.')
        length--;
    struct arena *arena = reader->remarks->arena;
    remarks_add(
        reader->remarks,
        (struct remark){.text = arena_printf(arena, "the nanopb generator failed: %.*s", (int)length, text)});
}

/* nanopb warns and goes on, but what it then writes does not compile. */
static void read_circle(struct reader *reader, const char *names)
{
    static const char text[] =
        "messages contain themselves or each other by value, which no C struct can: %.*s; an option of nanopb "
        "keeps semelc from making the fields between them pointers";
    int length = (int)strcspn(names, "(");
    while (length > 0 && names[length - 1] == ' ')
        length--;
    remarks_add(reader->remarks,
                (struct remark){.text = arena_printf(reader->remarks->arena, text, length, names)});
}

/* "Following patterns in ./bank.options did not match any fields: a, b" */
static void read_unmatched(struct reader *reader, const char *text)
{
    const char *middle = strstr(text, unmatched_middle);
    if (middle == NULL)
        return;
    struct arena *arena = reader->remarks->arena;
    const char *file = arena_printf(arena, "%.*s", (int)(middle - text), text);
    const char *pattern = middle + strlen(unmatched_middle);
    while (*pattern != '\0') {
        int length = (int)strcspn(pattern, " ");
        const char *next = pattern + length + (pattern[length] == ' ');
        if (length > 0 && pattern[length - 1] == ',')
            length--;
        remarks_add(
            reader->remarks,
            (struct remark){.file = file,
                            .warning = true,
                            .text = arena_printf(arena, "pattern \"%.*s\" matches nothing", length, pattern)});
        pattern = next;
    }
}

/* "[libprotobuf WARNING google/protobuf/compiler/parser.cc:646] text" */
static const char *strip_library(const char *line)
{
    const char *end = starts_with(line, "[libprotobuf ") ? strstr(line, "] ") : NULL;
    return end == NULL ? line : end + 2;
}

/* "DIR: warning: directory does not exist.", or words without a form. */
static void read_loose(struct reader *reader, const char *line)
{
    static const char middle[] = ": warning: ";
    const char *text = strip_library(line);
    const char *at = strstr(text, middle);
    bool warning = !reader->failed || at != NULL;
    if (at != NULL)
        text = arena_printf(reader->remarks->arena, "%.*s: %s", (int)(at - text), text, at + strlen(middle));
    remarks_add(reader->remarks, (struct remark){.warning = warning, .text = text});
}

static void read_line(struct reader *reader, const char *line)
{
    struct remark remark;
    if (*line == '\0' || swallow_traceback(reader, line))
        return;
    if (starts_with(line, nanopb_prefix))
        read_nanopb_failure(reader, line + strlen(nanopb_prefix));
    else if (starts_with(line, circle_start))
        read_circle(reader, line + strlen(circle_start));
    else if (starts_with(line, unmatched_start))
        read_unmatched(reader, line + strlen(unmatched_start));
    else if (starts_with(line, "Use  protoc --nanopb-out=-v"))
        return; /* how to see names: our users do not run protoc */
    else if (starts_with(line, "Could not determine size for submessage"))
        return; /* nanopb guesses the width of a table; the C compiler checks the guess */
    else if (reader->failed && strstr(line, "] No syntax specified for the proto file:") != NULL)
        return; /* said of editions files, too; beside an error it only distracts */
    else if (starts_with(line, "[libprotobuf WARNING"))
        remarks_add(reader->remarks, (struct remark){.warning = true, .text = strip_library(line)});
    else if (read_placed(reader->remarks->arena, line, &remark))
        remarks_add(reader->remarks, remark);
    else
        read_loose(reader, line);
}

void remarks_read(struct remarks *remarks, const char *said, bool failed)
{
    struct reader reader = {.remarks = remarks, .failed = failed};
    while (*said != '\0') {
        size_t length = strcspn(said, "\n");
        read_line(&reader, arena_printf(remarks->arena, "%.*s", (int)length, said));
        said += length;
        said += *said == '\n';
    }
}

static void take(struct remarks *remarks, const struct diagnostics *list, enum severity severity)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct diagnostic *item = &list->items[i];
        if (item->severity == severity)
            append(remarks, (struct remark){.file = item->place.file,
                                            .at = {item->place.line, item->place.column},
                                            .warning = severity == SEVERITY_WARNING,
                                            .text = item->text});
    }
}

void remarks_take(struct remarks *remarks, const struct diagnostics *list)
{
    take(remarks, list, SEVERITY_WARNING);
    take(remarks, list, SEVERITY_ERROR);
}

size_t remarks_errors(const struct remarks *remarks)
{
    size_t errors = 0;
    for (size_t i = 0; i < remarks->count; i++)
        errors += !remarks->items[i].warning;
    return errors;
}

void remarks_fini(struct remarks *remarks)
{
    free(remarks->items);
    *remarks = (struct remarks){.arena = remarks->arena};
}
