/* The key table as text, cell by cell: for --help, and for the test that compares README.md with it.
 * Must not know: values that were set.
 * Reads best next: help.c. */
#ifndef CONFIG_HELP_H
#define CONFIG_HELP_H

#include "config/keys.h"

struct help_row {
    const char *key;
    char value[96];    /* type and range: "duration, 50ms to 60min" */
    char fallback[32]; /* in the unit that reads best */
    const char *scope;
    const char *meaning;
};

void help_row(enum properties_key key, struct help_row *ret);

#endif
