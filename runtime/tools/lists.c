/* The lists the library is made of, for a person who met one of their names: reasons, codes, properties.
 * Must not know: files and values.
 * Reads best next: semel/status.h and config/keys.h, where the lists stand. */
#include <semel/status.h>
#include <stdio.h>
#include <string.h>

#include "config/help.h"
#include "tools/arguments.h"
#include "tools/grid.h"

static const char *reason_name(size_t place)
{
    return semel_reason_name((enum semel_reason)place);
}

static const char *code_name(size_t place)
{
    return semel_code_name((enum semel_code)place);
}

static const char *key_name(size_t place)
{
    return keys_info((enum properties_key)place)->name;
}

/* One list: its names, and what to say of each. */
struct list {
    struct arguments_usage usage;
    const char *what;
    size_t count;
    size_t columns;
    const char *(*name_at)(size_t place);
    void (*add)(struct grid *grid, size_t place);
};

static void add_reason(struct grid *grid, size_t place)
{
    enum semel_reason reason = (enum semel_reason)place;
    const char *const cells[] = {semel_reason_name(reason), semel_reason_text(reason),
                                 semel_reason_advice(reason)};
    grid_add(grid, cells);
}

static void add_code(struct grid *grid, size_t place)
{
    char number[8];
    snprintf(number, sizeof number, "%zu", place);
    const char *const cells[] = {code_name(place), number};
    grid_add(grid, cells);
}

static void add_key(struct grid *grid, size_t place)
{
    struct help_row row;
    help_row((enum properties_key)place, &row);
    const char *const cells[] = {row.key, row.value, row.fallback, row.scope, row.meaning};
    grid_add(grid, cells);
}

/* All of a list, or what the operands name. */
static enum tool_exit print_list(const struct list *list, int argc, char **argv)
{
    struct arguments arguments;
    enum tool_exit exit_code;
    if (!arguments_read(&arguments, &list->usage, argc, argv, &exit_code))
        return exit_code;
    struct grid grid;
    grid_init(&grid, list->columns);
    exit_code = TOOL_GOOD;
    for (size_t i = 0; i < list->count && arguments.operand_count == 0; i++)
        list->add(&grid, i);
    for (int i = 0; i < arguments.operand_count; i++) {
        size_t place;
        if (arguments_pick(list->what, arguments.operands[i], list->name_at, list->count, &place))
            list->add(&grid, place);
        else
            exit_code = TOOL_USAGE;
    }
    grid_print(&grid);
    arguments_fini(&arguments);
    return exit_code;
}

enum tool_exit reasons_command(int argc, char **argv)
{
    static const struct list reasons = {{"Usage: semel reasons [REASON]...\n\nWhy calls fail: each reason, "
                                         "what happened, and what it means or what to "
                                         "do about it.\n",
                                         "\nTry: semel reasons DOMAIN_CHANGED\n", NULL, 0, false, "REASON"},
                                        "reason",
                                        SEMEL_REASON_COUNT,
                                        3,
                                        reason_name,
                                        add_reason};
    return print_list(&reasons, argc, argv);
}

enum tool_exit codes_command(int argc, char **argv)
{
    static const struct list codes = {
        {"Usage: semel codes [CODE]...\n\nThe canonical codes and their numbers on the wire.\n",
         "\nTry: semel codes UNAVAILABLE\n", NULL, 0, false, "CODE"},
        "code",
        SEMEL_UNAUTHENTICATED + 1,
        2,
        code_name,
        add_code};
    return print_list(&codes, argc, argv);
}

enum tool_exit properties_command(int argc, char **argv)
{
    static const struct list keys = {{"Usage: semel properties [KEY]...\n\nEvery property: its values, its "
                                      "default, the scopes it may stand in, and "
                                      "what it does.\n",
                                      "\nTry: semel properties Deadline RetryIntervals\n", NULL, 0, false,
                                      "KEY"},
                                     "property",
                                     PROPERTIES_KEY_COUNT,
                                     5,
                                     key_name,
                                     add_key};
    return print_list(&keys, argc, argv);
}
