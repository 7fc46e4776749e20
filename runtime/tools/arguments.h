/* The command line of one command: its own options, properties as every program takes them, and operands.
 * Must not know: what the options mean.
 * Reads best next: arguments.c. */
#ifndef TOOLS_ARGUMENTS_H
#define TOOLS_ARGUMENTS_H

#include <semel/properties.h>
#include <stdbool.h>
#include <stddef.h>

#include "tools/command.h"

struct arguments_option {
    const char *name;  /* without the dashes */
    const char *value; /* what stands for its value in the help; NULL: it takes none */
    const char *help;
};

struct arguments_usage {
    const char *head; /* help before the list of options */
    const char *tail; /* and after it */
    const struct arguments_option *options;
    size_t option_count;
    bool takes_properties;
    const char *operand; /* what operands are, for the help; NULL: there may be none */
};

#define ARGUMENTS_OPTIONS_MAX 24

struct arguments {
    const char
        *values[ARGUMENTS_OPTIONS_MAX]; /* by place in the list; NULL: not given; "" for one without value */
    semel_properties *properties;       /* of --config, SEMEL_CONFIG and --Key=Value; NULL if not taken */
    char **operands;                    /* in argv's order */
    int operand_count;
};

/* Reads argv.  Returns false if the command ends here, with *ret_exit: --help was printed, or an error was.  Otherwise
 * arguments_fini. */
bool arguments_read(struct arguments *arguments, const struct arguments_usage *usage, int argc, char **argv,
                    enum tool_exit *ret_exit);
void arguments_fini(struct arguments *arguments);

/* Prints "semel: message" on stderr and returns TOOL_USAGE. */
enum tool_exit arguments_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for a word that is not one of count names, with the nearest. */
enum tool_exit arguments_unknown(const char *what, const char *word, const char *(*name_at)(size_t place),
                                 size_t count);

/* Finds word among count names.  Returns false if it is none, after a complaint that names the nearest. */
bool arguments_pick(const char *what, const char *word, const char *(*name_at)(size_t place), size_t count,
                    size_t *ret);
/* Reads a whole number from 0 to max.  Returns false after a complaint. */
bool arguments_number(const char *what, const char *word, long long max, long long *ret);

#endif
