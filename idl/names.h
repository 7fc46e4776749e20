/* Names: which are legal, how a dotted name becomes a C name, which known name a misspelt one is nearest to.
 *
 * It must not know what is named.  Reads best next: reserved.h, types.h. */
#ifndef IDL_NAMES_H
#define IDL_NAMES_H

#include "idl/arena.h"

#include <stdbool.h>

/* A letter or underscore, then letters, digits, underscores. */
bool name_is_identifier(const char *name);
/* Identifiers joined by single dots. */
bool name_is_dotted(const char *name);
/* A path that is safe to create below an output directory, and to write in an #include line and in a comment. */
bool name_is_file(const char *name);

/* "demo.Bank.Deposit" becomes "demo_Bank_Deposit", as nanopb does it.  In the arena. */
char *name_flatten(struct arena *arena, const char *full_name);

/* What follows the last dot. */
const char *name_last_part(const char *full_name);

/* The one of count candidates that wanted was most likely meant to be, or NULL when none is near. */
const char *name_nearest(const char *wanted, const char *const *candidates, size_t count);

#endif
