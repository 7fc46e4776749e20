/* A property file.  inih splits a line into key and value; the reader it calls for each line refuses first
 * what inih would cut, join or drop without a word: long lines, NUL bytes, sections, "key: value", indented
 * continuation lines, comments behind a value.
 * Must not know: keys; what else was set.
 * Reads best next: assignment.c. */
#include "config/file.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "config/assignment.h"
#include "config/limits.h"
#include "config/rules.h"

struct reading {
    FILE *stream;
    struct report_place place;
    struct settings *settings;
    semel_status *status;
    enum semel_code code;   /* the first error; nothing is read after it */
    file_problem_fn *found; /* NULL, or told of an error, which is then forgotten */
    void *user;
    unsigned problems; /* that it was told of */
};

/* inih's buffer holds 200 bytes unless its process-wide setting is raised.  Before main nobody can be
 * parsing, so this is the one moment when that is no race; for other users of inih it only means more room. */
__attribute__((constructor)) static void raise_line_limit(void)
{
    if (ini_max_line < CONFIG_LINE_MAX + 1)
        ini_max_line = CONFIG_LINE_MAX + 1;
}

/* Goes on after an error that spoils one line, if every error is asked for. */
static void settle(struct reading *reading)
{
    if (reading->code != SEMEL_INVALID_ARGUMENT || !reading->found)
        return;
    reading->found(reading->status, reading->user);
    reading->problems++;
    reading->code = SEMEL_OK;
}

/* Leaves a line that is too long behind, if its end is in sight. */
static void skip_line(struct reading *reading)
{
    for (int skipped = 0; skipped < CONFIG_LINE_SKIPPED_MAX; skipped++) {
        int c = getc(reading->stream);
        if (c == EOF)
            return;
        if (c == '\n') {
            settle(reading);
            return;
        }
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static int buffer_empty(char *buffer)
{
    *buffer = '\0';
    return 0;
}

/* Reads a line without its end into buffer.  Returns its length, -1 at the end of the file or on an error. */
static int read_line(struct reading *reading, char *buffer, int size)
{
    int length = 0;
    int c;
    reading->place.line++;
    while ((c = getc(reading->stream)) != EOF && c != '\n') {
        if (c == '\0') {
            reading->code = report_bad(reading->status, &reading->place, "a NUL byte: this is not a text file");
            return -1;
        }
        if (length + 1 >= size) {
            reading->code = report_bad(reading->status, &reading->place, "longer than %d bytes", size - 1);
            if (reading->found)
                skip_line(reading);
            return reading->code == SEMEL_OK ? buffer_empty(buffer) : -1;
        }
        buffer[length++] = (char)c;
    }
    buffer[length] = '\0';
    if (c == EOF && ferror(reading->stream)) {
        reading->place.line = 0;
        reading->code = report_bad(reading->status, &reading->place, "%s", strerror(errno));
        return -1;
    }
    return c == EOF && length == 0 ? -1 : length;
}

/* Takes off a byte order mark and blanks on both sides: inih joins an indented line to the one before. */
static void trim(char *line, bool is_first)
{
    static const char mark[] = "\xEF\xBB\xBF";
    const char *start = line;
    if (is_first && strncmp(line, mark, sizeof mark - 1) == 0)
        start += sizeof mark - 1;
    while (is_blank(*start))
        start++;
    size_t length = strlen(start);
    while (length > 0 && is_blank(start[length - 1]))
        length--;
    memmove(line, start, length);
    line[length] = '\0';
}

static const char *trailing_comment(const char *line)
{
    for (const char *c = line + 1; *c; c++) {
        if ((*c == ';' || *c == '#') && is_blank(c[-1]))
            return c;
    }
    return NULL;
}

static enum semel_code check_line(const struct reading *reading, const char *line)
{
    const char *split = line + strcspn(line, "=:");
    if (*line == '[')
        return report_bad(reading->status, &reading->place,
                          "sections are not used; write the scope before the key: demo.Bank.Deadline=5s");
    if (*split != '=' || split == line) {
        struct report_quote quote;
        return report_bad(reading->status, &reading->place, "\"%s\" is not Key=Value",
                          report_quote(&quote, line));
    }
    if (trailing_comment(line))
        return report_bad(reading->status, &reading->place, "a comment needs a line of its own");
    return SEMEL_OK;
}

/* The ini_reader: like fgets, but it hands over only blank lines and sound assignments. */
static char *next_line(char *buffer, int size, void *arg)
{
    struct reading *reading = arg;
    if (reading->code != SEMEL_OK || read_line(reading, buffer, size) < 0)
        return NULL;
    if (reading->place.line > CONFIG_LINES_MAX) {
        reading->code = report_bad(reading->status, &reading->place, "more than %d lines", CONFIG_LINES_MAX);
        return NULL;
    }
    trim(buffer, reading->place.line == 1);
    if (*buffer == '#' || *buffer == ';')
        *buffer = '\0';
    if (*buffer)
        reading->code = check_line(reading, buffer);
    if (reading->code != SEMEL_OK)
        *buffer = '\0';
    settle(reading);
    return reading->code == SEMEL_OK ? buffer : NULL;
}

/* The ini_handler: non-zero is success. */
static int take_pair(void *arg, const char *section, const char *key, const char *value)
{
    struct reading *reading = arg;
    (void)section; /* always empty: check_line refuses sections */
    reading->code = assignment_apply(reading->settings, key, value, &reading->place, reading->status);
    settle(reading);
    return reading->code == SEMEL_OK;
}

static enum semel_code read_file(struct reading *reading, const char *location)
{
    reading->stream = fopen(location, "re");
    if (!reading->stream) {
        enum semel_code code = errno == ENOENT ? SEMEL_NOT_FOUND : SEMEL_INVALID_ARGUMENT;
        return report_fail(reading->status, code, &reading->place, "%s", strerror(errno));
    }
    int result = ini_parse_stream(next_line, reading, take_pair, reading);
    fclose(reading->stream);
    if (result != 0 && reading->code == SEMEL_OK) /* -2: its line buffer, if a host made it use the heap */
        return report_no_memory(reading->status);
    return reading->code;
}

enum semel_code file_load(const struct file_name *name, struct settings *settings, semel_status *status)
{
    struct reading reading = {.place = {REPORT_FILE, name->path, 0}, .settings = settings, .status = status};
    enum semel_code code = read_file(&reading, name->location);
    return code == SEMEL_OK ? rules_check_rivals(settings, status) : code;
}

bool file_check(const char *path, struct settings *settings, file_problem_fn *found, void *user)
{
    semel_status status;
    struct reading reading = {
        .place = {REPORT_FILE, path, 0}, .settings = settings, .status = &status, .found = found, .user = user};
    enum semel_code code = read_file(&reading, path);
    if (code != SEMEL_OK)
        found(&status, user);
    unsigned broken = rules_check_each(settings, found, user);
    return code == SEMEL_OK && reading.problems + broken == 0;
}
