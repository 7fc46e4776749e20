/* Two passes: the first sorts argv into options, properties and operands; the second reads files and properties, so
 * files come first wherever they stand.
 * Must not know: what the options mean.
 * Reads best next: show.c. */
#include "tools/arguments.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/nearest.h"
#include "config/number.h"
#include "config/report.h"

struct sorting {
    const struct arguments_usage *usage;
    struct arguments *arguments;
    char **configs;    /* of --config */
    char **properties; /* --Key=Value, behind a place for a program's name */
    int config_count, property_count;
    char **rest; /* what is left of argv */
    int rest_count;
    enum tool_exit exit;
};

enum tool_exit arguments_complain(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("semel: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    return TOOL_USAGE;
}

enum tool_exit arguments_unknown(const char *what, const char *word, const char *(*name_at)(size_t place),
                                 size_t count)
{
    struct report_quote quote, meant;
    bool case_only;
    size_t nearest = nearest_of(word, strlen(word), name_at, count, &case_only);
    return arguments_complain("%s \"%s\" is unknown; %sdid you mean \"%s\"?", what, report_quote(&quote, word),
                              case_only ? "case matters, " : "", report_quote_end(&meant, name_at(nearest)));
}

bool arguments_pick(const char *what, const char *word, const char *(*name_at)(size_t place), size_t count,
                    size_t *ret)
{
    for (*ret = 0; *ret < count; ++*ret) {
        if (strcmp(name_at(*ret), word) == 0)
            return true;
    }
    arguments_unknown(what, word, name_at, count);
    return false;
}

bool arguments_number(const char *what, const char *word, long long max, long long *ret)
{
    int64_t number;
    struct report_quote quote;
    if (number_parse(NUMBER_PLAIN, word, strlen(word), &number) && number <= max) {
        *ret = number;
        return true;
    }
    arguments_complain("%s: \"%s\" is not a whole number from 0 to %lld", what, report_quote(&quote, word),
                       max);
    return false;
}

static void print_help(const struct arguments_usage *usage)
{
    fputs(usage->head, stdout);
    if (usage->option_count > 0 || usage->takes_properties)
        putchar('\n');
    for (size_t i = 0; i < usage->option_count; i++) {
        const struct arguments_option *option = &usage->options[i];
        char name[64];
        snprintf(name, sizeof name, "--%s%s%s", option->name, option->value ? " " : "",
                 option->value ? option->value : "");
        printf("  %-24s %s\n", name, option->help);
    }
    if (usage->takes_properties)
        printf("  %-24s %s\n  %-24s %s\n", "--config FILE",
               "a property file; may be given again, the later one wins", "--Key=Value",
               "a property; wins over the files");
    fputs(usage->tail, stdout);
}

/* What --name or --name=VALUE says, with the next argument if need be.  Returns false after a complaint. */
static bool take_value(const char *name, char **argument, char *next, bool *ret_took_next, const char **ret)
{
    char *equals = strchr(*argument, '=');
    *ret_took_next = !equals;
    *ret = equals ? equals + 1 : next;
    if (*ret)
        return true;
    arguments_complain("--%s needs a value", name);
    return false;
}

static bool is_property(const char *name)
{
    const char *dot = memchr(name, '.', strcspn(name, "="));
    return (*name >= 'A' && *name <= 'Z') || dot;
}

/* The names of the options that there are, for the nearest one. */
static const struct arguments_usage *named;

static const char *option_name(size_t place)
{
    if (place < named->option_count)
        return named->options[place].name;
    return place == named->option_count ? "help" : "config";
}

static bool unknown_option(struct sorting *sorting, const char *name, size_t length)
{
    char *copy = strndup(name, length);
    named = sorting->usage;
    sorting->exit = arguments_unknown("option", copy ? copy : "", option_name,
                                      named->option_count + 1 + named->takes_properties);
    free(copy);
    return false;
}

/* An option of the command itself.  Returns how many arguments it took, 0 after a complaint. */
static int take_option(struct sorting *sorting, char **at)
{
    const char *name = *at + 2;
    const size_t length = strcspn(name, "=");
    size_t place = 0;
    while (place < sorting->usage->option_count &&
           (strncmp(sorting->usage->options[place].name, name, length) != 0 ||
            sorting->usage->options[place].name[length] != '\0'))
        place++;
    if (place == sorting->usage->option_count)
        return unknown_option(sorting, name, length);
    const struct arguments_option *option = &sorting->usage->options[place];
    bool took_next = false;
    sorting->exit = TOOL_USAGE;
    if (sorting->arguments->values[place]) {
        arguments_complain("--%s is given twice", option->name);
        return 0;
    }
    if (!option->value && name[length] == '=') {
        arguments_complain("--%s takes no value", option->name);
        return 0;
    }
    sorting->arguments->values[place] = "";
    if (option->value && !take_value(option->name, at, at[1], &took_next, &sorting->arguments->values[place]))
        return 0;
    return took_next ? 2 : 1;
}

/* Sorts the arguments from at on.  Returns how many it took, 0 when the command ends here. */
static int sort_one(struct sorting *sorting, char **at)
{
    bool took_next;
    const char *path;
    if (strncmp(*at, "--", 2) != 0 && strcmp(*at, "-h") != 0) {
        sorting->rest[sorting->rest_count++] = *at;
        return 1;
    }
    if (strcmp(*at, "--help") == 0 || strcmp(*at, "-h") == 0) {
        print_help(sorting->usage);
        sorting->exit = TOOL_GOOD;
        return 0;
    }
    if (!sorting->usage->takes_properties ||
        (strcmp(*at, "--config") != 0 && strncmp(*at, "--config=", 9) != 0)) {
        if (!sorting->usage->takes_properties || !is_property(*at + 2))
            return take_option(sorting, at);
        sorting->properties[++sorting->property_count] = *at;
        return 1;
    }
    sorting->exit = TOOL_USAGE;
    if (!take_value("config", at, at[1], &took_next, &path))
        return 0;
    sorting->configs[sorting->config_count++] = (char *)path;
    return took_next ? 2 : 1;
}

static bool sort(struct sorting *sorting, int argc, char **argv)
{
    for (int i = 1, taken; i < argc; i += taken) {
        if (strcmp(argv[i], "--") == 0) {
            while (++i < argc)
                sorting->rest[sorting->rest_count++] = argv[i];
            return true;
        }
        taken = sort_one(sorting, argv + i);
        if (taken == 0)
            return false;
    }
    return true;
}

static bool read_properties(struct sorting *sorting)
{
    semel_properties *properties = sorting->arguments->properties;
    semel_status status;
    enum semel_code code = SEMEL_OK;
    int count = sorting->property_count + 1;
    if (sorting->config_count > 0)
        unsetenv("SEMEL_CONFIG"); /* as for every program: --config comes instead of it */
    for (int i = 0; i < sorting->config_count && code == SEMEL_OK; i++)
        code = semel_properties_load(properties, sorting->configs[i], &status);
    if (code == SEMEL_OK)
        code = semel_properties_parse_args(properties, &count, sorting->properties, &status);
    if (code == SEMEL_OK && count == 1)
        return true;
    sorting->exit = TOOL_BAD;
    if (code != SEMEL_OK)
        fprintf(stderr, "semel: %s\n", status.message);
    else
        sorting->exit = arguments_complain("\"%s\" is not --Key=Value", sorting->properties[1]);
    return false;
}

static bool check_operands(struct sorting *sorting)
{
    struct report_quote quote;
    if (sorting->usage->operand || sorting->rest_count == 0)
        return true;
    sorting->exit = arguments_complain("what is \"%s\"?  This command takes options only; try --help",
                                       report_quote(&quote, sorting->rest[0]));
    return false;
}

bool arguments_read(struct arguments *arguments, const struct arguments_usage *usage, int argc, char **argv,
                    enum tool_exit *ret_exit)
{
    assert(usage->option_count <= ARGUMENTS_OPTIONS_MAX);
    struct sorting sorting = {.usage = usage, .arguments = arguments, .exit = TOOL_BAD};
    *arguments = (struct arguments){.properties = usage->takes_properties ? semel_properties_create() : NULL};
    const size_t room = (size_t)argc + 2;
    sorting.configs = calloc(room, sizeof(char *));
    sorting.properties = calloc(room, sizeof(char *));
    sorting.rest = calloc(room, sizeof(char *));
    bool good = sorting.configs && sorting.properties && sorting.rest &&
                (arguments->properties || !usage->takes_properties);
    if (!good)
        fputs("semel: out of memory\n", stderr);
    if (good)
        sorting.properties[0] = argv[0];
    good = good && sort(&sorting, argc, argv) && check_operands(&sorting) &&
           (!usage->takes_properties || read_properties(&sorting));
    arguments->operands = sorting.rest;
    arguments->operand_count = sorting.rest_count;
    free(sorting.configs);
    free(sorting.properties);
    if (!good)
        arguments_fini(arguments);
    *ret_exit = sorting.exit;
    return good;
}

void arguments_fini(struct arguments *arguments)
{
    semel_properties_destroy(arguments->properties);
    free(arguments->operands);
    *arguments = (struct arguments){0};
}
