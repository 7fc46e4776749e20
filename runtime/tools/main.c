/* semel: what an operator asks about properties and failures, without a server at hand.
 * Must not know: what a command does.
 * Reads best next: README.md; check.c, show.c, explain.c, lists.c, a command each. */
#include <stdio.h>
#include <string.h>

#include "tools/arguments.h"
#include "tools/command.h"

static const struct {
    const char *name;
    command_fn *run;
    const char *help;
} commands[] = {
    {"config check", check_command, "find every mistake in property files, and what has no effect"},
    {"config show", show_command, "every value that holds for a method, and where it came from"},
    {"explain", explain_command,
     "what happens to a call after a failure, by which rule, and which property said so"},
    {"reasons", reasons_command, "why calls fail, and what to do about it"},
    {"codes", codes_command, "the canonical codes"},
    {"properties", properties_command, "every property that can be set"},
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static const char *command_name(size_t place)
{
    return commands[place].name;
}

static enum tool_exit print_help(enum tool_exit exit_code)
{
    puts("Usage: semel COMMAND [OPTION]...\n\nAsks a Semel installation about properties and failures.  "
         "Nothing it does "
         "changes anything.\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-14s %s\n", commands[i].name, commands[i].help);
    puts("\n  --version      the version of the library it was built with\n"
         "  COMMAND --help the options of a command, with an example\n\n"
         "Exit code: 0 good, 1 a file or property is bad, 2 the command line is.");
    return exit_code;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

/* How many arguments spell the command, 0: they do not. */
static int spelt_by(const char *name, int argc, char **argv)
{
    const char *blank = strchr(name, ' ');
    if (!blank)
        return argc > 1 && strcmp(argv[1], name) == 0 ? 1 : 0;
    size_t length = (size_t)(blank - name);
    bool first = argc > 2 && strncmp(argv[1], name, length) == 0 && argv[1][length] == '\0';
    return first && strcmp(argv[2], blank + 1) == 0 ? 2 : 0;
}

/* The first word alone: "config". */
static const char *first_word(size_t place)
{
    return strncmp(commands[place].name, "config ", 7) == 0 ? "config" : commands[place].name;
}

static enum tool_exit complain(int argc, char **argv)
{
    char words[128];
    if (strcmp(argv[1], "config") != 0)
        return arguments_unknown("command", argv[1], first_word, COMMAND_COUNT);
    if (argc == 2)
        return arguments_complain("config what?  check or show; try semel --help");
    snprintf(words, sizeof words, "config %s", argv[2]);
    return arguments_unknown("command", words, command_name, COMMAND_COUNT);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return (int)print_help(TOOL_USAGE);
    if (asks_for_help(argv[1]) || (strcmp(argv[1], "config") == 0 && argc > 2 && asks_for_help(argv[2])))
        return (int)print_help(TOOL_GOOD);
    if (strcmp(argv[1], "--version") == 0) {
        puts("semel " SEMEL_VERSION_TEXT);
        return (int)TOOL_GOOD;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        int words = spelt_by(commands[i].name, argc, argv);
        if (words > 0)
            return (int)commands[i].run(argc - words, argv + words);
    }
    return (int)complain(argc, argv);
}
