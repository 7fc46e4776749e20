/* A property file: Key=Value lines, read strictly into settings.
 * Must not know: keys; what else was set.
 * Reads best next: file.c. */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include <stdbool.h>

#include "config/report.h"
#include "config/settings.h"

/* The file under the name that messages use, and where it is. */
struct file_name {
    const char *path; /* as it was given */
    const char
        *location; /* what is opened: the same, from the root of the file system where path is relative */
};

/* Reads the file into settings, which must be empty; on an error it may hold a part.
 * status may be NULL.  Errors: NOT_FOUND, INVALID_ARGUMENT (also: cannot be read), RESOURCE_EXHAUSTED. */
enum semel_code file_load(const struct file_name *name, struct settings *settings, semel_status *status);

/* The same, but it goes on after a bad line, and calls back for each problem with a filled status.  Returns whether
 * there was none. */
typedef void file_problem_fn(const semel_status *status, void *user);
bool file_check(const char *path, struct settings *settings, file_problem_fn *found, void *user);

#endif
