/* What is known of one method without its program: its name, and, from a description by semelc, its mode and options.
 * Must not know: properties.
 * Reads best next: method.c, effective.h. */
#ifndef TOOLS_METHOD_H
#define TOOLS_METHOD_H

#include <semel/service.h>
#include <stdbool.h>

#include "core/limits.h"

struct method {
    struct semel_method table; /* name, mode and options; the rest is empty */
    bool is_described;         /* false: the mode is not known, and the options are unset */
    semel_call_options options;
    uint32_t intervals_ms[LIMIT_RETRY_INTERVALS];
    char *name; /* owned */
    char *file; /* owned; the .proto; NULL if it is not described */
};

/* A method of that name; with description (what semelc --describe=json wrote; NULL: none) what the IDL says of it.
 * Returns false after a complaint: no such file or method, or not a description.  Otherwise method_fini. */
bool method_read(struct method *method, const char *name, const char *description);
void method_fini(struct method *method);

/* "at-most-once", ...; as semelc and the tool's options spell it. */
const char *method_mode_name(size_t mode);
enum { METHOD_MODES = 3 };

#endif
