/* The parser and the help text of args.h.
 * It must not know: any particular program.
 * Reads best next: cutter/main.c, the simplest program that uses it. */
#include "args.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 64, OPTIONS_MAX = 64 };

static bool complain(const struct args *args, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool complain(const struct args *args, const char *format, ...)
{
    fprintf(stderr, "%s: ", args->program);
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    return false;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Edit distance, so that a slip of the finger gets a useful answer. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_BYTES + 1];
    size_t columns = strlen(b);
    if (columns > NAME_MAX_BYTES)
        return SIZE_MAX;
    for (size_t j = 0; j <= columns; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < columns; j++) {
            size_t cost = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = smallest(row[j + 1] + 1, row[j] + 1, cost);
        }
    }
    return row[columns];
}

static const char *nearest(const struct args *args, const char *name)
{
    const char *best = NULL;
    size_t best_distance = strlen(name) / 3 + 1; /* further away, a guess would only confuse */
    for (size_t i = 0; i < args->count; i++) {
        size_t d = distance(name, args->table[i].name);
        if (d < best_distance) {
            best_distance = d;
            best = args->table[i].name;
        }
    }
    return best;
}

static bool unknown(const struct args *args, const char *word, size_t length)
{
    char name[NAME_MAX_BYTES];
    snprintf(name, sizeof name, "%.*s", (int)length, word);
    if (strncmp(word, "--", 2) != 0)
        return complain(args, "\"%s\" is not an option (try %s --help)", name, args->program);
    const char *guess = nearest(args, name);
    if (guess == NULL)
        return complain(args, "unknown option %s (try %s --help)", name, args->program);
    return complain(args, "unknown option %s, did you mean %s?", name, guess);
}

static const struct arg *find(const struct args *args, const char *word, size_t length)
{
    for (size_t i = 0; i < args->count; i++)
        if (strlen(args->table[i].name) == length && strncmp(args->table[i].name, word, length) == 0)
            return &args->table[i];
    return NULL;
}

static bool take_number(const struct args *args, const struct arg *arg, const char *value)
{
    char *end;
    errno = 0;
    uint64_t number = strtoull(value, &end, 10);
    /* strtoull would take "-1" and " 1". */
    if (!isdigit((unsigned char)value[0]) || *end != '\0' || errno != 0)
        return complain(args, "%s: \"%s\" is not a whole number", arg->name, value);
    if (number < arg->min || number > arg->max)
        return complain(args, "%s: %s is out of range, allowed are %" PRIu64 " to %" PRIu64, arg->name, value,
                        arg->min, arg->max);
    *arg->number = number;
    return true;
}

static bool take_choice(const struct args *args, const struct arg *arg, const char *value)
{
    char allowed[256] = "";
    for (const char *const *choice = arg->choices; *choice != NULL; choice++) {
        if (strcmp(*choice, value) == 0) {
            *arg->text = value;
            return true;
        }
        size_t used = strlen(allowed);
        snprintf(allowed + used, sizeof allowed - used, "%s%s", used == 0 ? "" : ", ", *choice);
    }
    return complain(args, "%s: \"%s\" is not one of %s", arg->name, value, allowed);
}

static bool take_value(const struct args *args, const struct arg *arg, const char *value)
{
    if (value[0] == '\0')
        return complain(args, "%s needs a value: %s", arg->name, arg->value);
    if (arg->number != NULL)
        return take_number(args, arg, value);
    if (arg->choices != NULL)
        return take_choice(args, arg, value);
    if (arg->text != NULL) {
        *arg->text = value;
        return true;
    }
    if (arg->list->count == ARG_LIST_MAX)
        return complain(args, "%s: given more than %d times", arg->name, ARG_LIST_MAX);
    arg->list->items[arg->list->count++] = value;
    return true;
}

/* Takes the option at argv[*index] and its value; moves *index past both. */
static bool take(const struct args *args, bool *given, int argc, char **argv, int *index)
{
    const char *word = argv[(*index)++];
    size_t length = strcspn(word, "=");
    const struct arg *arg = find(args, word, length);
    if (arg == NULL)
        return unknown(args, word, length);
    if (given[arg - args->table] && arg->list == NULL)
        return complain(args, "%s is given twice", arg->name);
    given[arg - args->table] = true;
    if (arg->flag != NULL) {
        *arg->flag = true;
        return word[length] == '\0' || complain(args, "%s takes no value", arg->name);
    }
    if (word[length] == '=')
        return take_value(args, arg, word + length + 1);
    /* "--calls --window 3" is a forgotten value, not a value. */
    bool missing = *index == argc || strncmp(argv[*index], "--", 2) == 0;
    return take_value(args, arg, missing ? "" : argv[(*index)++]);
}

static void print_indented(const char *text, int indent)
{
    for (const char *line = text; *line != '\0';) {
        int length = (int)strcspn(line, "\n");
        printf("%*s%.*s\n", line == text ? 0 : indent, "", length, line);
        line += length;
        line += *line == '\n';
    }
}

static void print_help(const struct args *args)
{
    enum { COLUMN = 28 };
    printf("%s\n\nusage: %s OPTION...\n\n", args->summary, args->program);
    for (size_t i = 0; i < args->count; i++) {
        const struct arg *arg = &args->table[i];
        char left[NAME_MAX_BYTES];
        snprintf(left, sizeof left, "  %s %s", arg->name, arg->value == NULL ? "" : arg->value);
        if (strlen(left) < COLUMN)
            printf("%-*s", COLUMN, left);
        else
            printf("%s\n%*s", left, COLUMN, "");
        print_indented(arg->help, COLUMN);
    }
    printf("%-28s%s\n\nexamples:\n%s", "  --help", "print this text", args->examples);
    if (args->more != NULL)
        printf("\n%s", args->more);
}

enum args_result args_parse(const struct args *args, int argc, char **argv)
{
    bool given[OPTIONS_MAX] = {false};
    assert(args->count <= OPTIONS_MAX);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help(args);
            return ARGS_HELP;
        }
    }
    for (int i = 1; i < argc;)
        if (!take(args, given, argc, argv, &i))
            return ARGS_ERROR;
    for (size_t i = 0; i < args->count; i++) {
        if (args->table[i].required && !given[i]) {
            complain(args, "%s %s is required (try %s --help)", args->table[i].name, args->table[i].value,
                     args->program);
            return ARGS_ERROR;
        }
    }
    return ARGS_OK;
}
