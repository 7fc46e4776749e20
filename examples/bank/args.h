/* Command lines: a table of options, parsed strictly, with a --help made from the same table.
 * It must not know what the options mean, nor anything of Semel: wire-cutter uses it too.
 * Reads best next: args.c, or the table in cutter/main.c. */
#ifndef BANK_ARGS_H
#define BANK_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ARG_LIST_MAX = 16 };

/* Values of an option that may be given several times; they point into argv. */
struct arg_list {
    const char *items[ARG_LIST_MAX];
    size_t count;
};

/* One option.  Exactly one of flag, text, number and list is set; it keeps its value as default if the option
 * is not given. */
struct arg {
    const char *name;  /* "--calls" */
    const char *value; /* what --help calls its value: "N"; NULL for a flag */
    const char *help;  /* may have several lines */
    bool *flag;
    const char **text;
    const char *const *choices; /* with text: the values allowed, ended by NULL; NULL: any */
    uint64_t *number;
    uint64_t min;
    uint64_t max;
    struct arg_list *list;
    bool required;
};

struct args {
    const char *program;
    const char *summary;  /* one paragraph */
    const char *examples; /* whole lines */
    const char *more;     /* printed last, or NULL */
    const struct arg *table;
    size_t count; /* of the table, at most 64 */
};

enum args_result { ARGS_OK, ARGS_HELP, ARGS_ERROR };

/* Parses "--name VALUE", "--name=VALUE" and flags.  Unknown, doubled, empty, misspelt or missing options are
 * errors, told on stderr in one line with the nearest name.  --help prints to stdout.  The caller exits: 0
 * after ARGS_HELP, EXIT_USAGE after ARGS_ERROR. */
enum args_result args_parse(const struct args *args, int argc, char **argv);

enum { EXIT_USAGE = 2 };

#endif
