/* The commands of the tool, and what each of them returns to the shell.
 * Must not know: what a command does.
 * Reads best next: main.c, which lists them. */
#ifndef TOOLS_COMMAND_H
#define TOOLS_COMMAND_H

enum tool_exit {
    TOOL_GOOD = 0,
    TOOL_BAD = 1,   /* what was looked at is wrong: a file, a property */
    TOOL_USAGE = 2, /* the command line is wrong */
};

/* argv starts with the name of the command. */
typedef enum tool_exit command_fn(int argc, char **argv);

command_fn check_command, show_command, explain_command, reasons_command, codes_command, properties_command;

#endif
