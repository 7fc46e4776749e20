/* semel config show: every value that holds, its unit, and where it came from.
 * Must not know: how a value is found.
 * Reads best next: effective.h. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tools/arguments.h"
#include "tools/effective.h"
#include "tools/grid.h"

enum { OPTION_METHOD, OPTION_CHANNEL, OPTION_IDL, OPTION_COUNT };

static const struct arguments_option options[OPTION_COUNT] = {
    [OPTION_METHOD] = {"method", "NAME", "a method: demo.Bank.Deposit"},
    [OPTION_CHANNEL] = {"channel", "NAME", "a channel, as the program names it"},
    [OPTION_IDL] = {"idl", "FILE.json", "what the IDL says of the method: written by semelc --describe=json"},
};

/* Parts "5s" into number and unit. */
static const char *split_unit(enum properties_key key, char *value)
{
    enum properties_type type = keys_info(key)->type;
    if (type == PROPERTIES_TYPE_INTERVALS)
        return "ms";
    if (type != PROPERTIES_TYPE_DURATION && type != PROPERTIES_TYPE_SIZE)
        return "";
    char *unit = value + strspn(value, "0123456789");
    size_t length = strlen(unit);
    if (length == 0)
        return type == PROPERTIES_TYPE_DURATION ? "ms" : "bytes";
    memmove(unit + 1, unit, length + 1);
    *unit = '\0';
    return unit + 1;
}

static void add_key(struct grid *grid, const struct effective_scope *scope, enum properties_key key)
{
    struct effective effective;
    effective_find(scope, key, &effective);
    char origin[EFFECTIVE_ORIGIN_MAX + 64];
    snprintf(origin, sizeof origin, "%s%s%s%s", effective.origin, effective.is_used ? "" : "; not used: ",
             effective.is_used ? "" : keys_info(effective_retries(scope))->name,
             effective.is_used ? "" : " rules");
    const char *unit = split_unit(key, effective.value);
    const char *const cells[] = {keys_info(key)->name, effective.value, unit, origin};
    grid_add(grid, cells);
}

static void show(const struct effective_scope *scope)
{
    static const char *const head[] = {"KEY", "VALUE", "UNIT", "ORIGIN"};
    struct grid grid;
    grid_init(&grid, 4);
    grid_add(&grid, head);
    for (int key = 0; key < PROPERTIES_KEY_COUNT; key++)
        add_key(&grid, scope, (enum properties_key)key);
    grid_print(&grid);
}

enum tool_exit show_command(int argc, char **argv)
{
    static const struct arguments_usage usage = {
        .head = "Usage: semel config show [OPTION]...\n\nPrints every property with the value that holds and "
                "where it "
                "came from: a file and its line,\nan argument, the IDL, or the built-in default.  Without "
                "--method and "
                "--channel: for all that\nhave no values of their own.\n",
        .tail = "\nWithout --config the file named by SEMEL_CONFIG is read, as by every program.\nTry: semel "
                "config show "
                "--config bank.conf --method demo.Bank.Deposit\n",
        .options = options,
        .option_count = OPTION_COUNT,
        .takes_properties = true};
    struct arguments arguments;
    struct method method;
    enum tool_exit exit_code;
    if (!arguments_read(&arguments, &usage, argc, argv, &exit_code))
        return exit_code;
    const char *name = arguments.values[OPTION_METHOD];
    exit_code = TOOL_GOOD;
    if (!name && arguments.values[OPTION_IDL]) {
        exit_code = arguments_complain("--idl needs --method: the IDL speaks of methods");
    } else if (!method_read(&method, name ? name : "", arguments.values[OPTION_IDL])) {
        exit_code = TOOL_USAGE;
    } else {
        const struct effective_scope scope = {arguments.properties, arguments.values[OPTION_CHANNEL], &method};
        show(&scope);
        method_fini(&method);
    }
    arguments_fini(&arguments);
    return exit_code;
}
