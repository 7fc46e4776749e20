/* Properties on a command line: which arguments are ours, reading them, and taking them out.
 * Must not know: keys' meaning, and the program's own options.
 * Reads best next: args.c. */
#ifndef CONFIG_ARGS_H
#define CONFIG_ARGS_H

#include <stdbool.h>

#include "config/report.h"
#include "config/settings.h"

/* The file that --config names, or else SEMEL_CONFIG (then *ret_by_environment); NULL if neither does.  The path is
 * argv's or the environment's.  status may be NULL.  Errors: INVALID_ARGUMENT. */
enum semel_code args_find_config(int argc, char **argv, const char **ret_path, bool *ret_by_environment,
                                 semel_status *status);

/* Reads every --Key=Value into settings, which must be empty; on an error it may hold a part.  argv is not changed.
 * status may be NULL.  Errors: INVALID_ARGUMENT, RESOURCE_EXHAUSTED. */
enum semel_code args_read(int argc, char **argv, struct settings *settings, semel_status *status);

/* Moves what args_read understood behind the rest of argv, each group in its order, and shrinks *argc to the
 * rest.  Only after args_read went well.  scratch: room for *argc pointers. */
void args_take_out(int *argc, char **argv, char **scratch);

#endif
