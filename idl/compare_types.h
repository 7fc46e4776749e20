/* Compares messages and enums of two states: numbers, types, labels.
 *
 * It must not know services.  Reads best next: compare_types.c. */
#ifndef IDL_COMPARE_TYPES_H
#define IDL_COMPARE_TYPES_H

#include "idl/catalog.h"
#include "idl/diagnostics.h"

struct comparison {
    struct catalog old;
    struct catalog now;
    struct diagnostics *list;
};

/* The place of something below a declaration: a field of its descriptor; index -1 when that does not repeat. */
struct place compare_place(const struct catalog_item *item, int32_t field, int32_t index);

/* Compares the type of that name, if both states have it, and all that it reaches; each type is compared once. */
void compare_type(struct comparison *states, const char *name);

#endif
