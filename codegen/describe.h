/* What files declare, for people and for programs: services, methods, ids, types and the options in force.
 *
 * It must not know how options are read.  Reads best next: describe_tables.c, describe_json.c. */
#ifndef CODEGEN_DESCRIBE_H
#define CODEGEN_DESCRIBE_H

#include "idl/model.h"

#include <stdbool.h>
#include <stdio.h>

/* Both keep the order of the source and return false with errno when to cannot be written. */
bool describe_tables(FILE *to, const struct model *model);
bool describe_json(FILE *to, const struct model *model);

/* The words both use. */
const char *describe_mode(enum model_mode mode);                      /* "at-most-once" */
const char *describe_on_unavailable(enum model_on_unavailable value); /* "WAIT"; NULL: unset */
const char *describe_jitter(enum model_jitter value);                 /* "FULL"; NULL: unset */
const char *describe_code(unsigned code);                             /* "UNAVAILABLE"; NULL: there is none */

#endif
