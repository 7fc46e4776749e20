/* A property file: Key=Value lines, read strictly into settings.
 * Must not know: keys; what else was set.
 * Reads best next: file.c. */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include "config/report.h"
#include "config/settings.h"

/* Reads the file at path into settings, which must be empty; on an error it may hold a part.
 * status may be NULL.  Errors: NOT_FOUND, INVALID_ARGUMENT (also: cannot be read), RESOURCE_EXHAUSTED. */
enum semel_code file_load(const char *path, struct settings *settings, semel_status *status);

#endif
