/* What bank-server and bank-load share: one command line with options and properties, and where messages go.
 * It must not know: servers, channels, or any operation.
 * Reads best next: bank_server.c, bank_load.c. */
#ifndef BANK_PROGRAM_H
#define BANK_PROGRAM_H

#include <stdio.h>

#include <semel/node.h>
#include <semel/properties.h>

#include "args.h"

/* Takes the properties (--Key=Value, --config FILE) out of the command line into *properties, then parses the rest
 * as args says.  --help lists the properties too.  Messages go to stderr. */
enum args_result program_parse(semel_properties *properties, const struct args *args, int argc, char **argv);

/* --verbose: also what is merely good to know, such as each connection that is made or lost. */
extern bool program_verbose;

/* A semel_log_fn for stderr; user is the program's name. */
void program_log(enum semel_log_level level, const char *text, void *user);

/* The member "closed" of a JSON object: how many connections ended, by reason. */
void program_print_closed(const uint64_t *closed_by, FILE *file);

/* Tells on stderr what could not be done and why; returns the exit code for it. */
int program_fail(const char *program, const char *what, const semel_status *status);

/* Microseconds of the monotonic clock. */
int64_t program_now_us(void);

#endif
