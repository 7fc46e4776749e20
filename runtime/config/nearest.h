/* The valid key that is nearest to a misspelt one, for the error message.
 * Must not know: how the message is worded.
 * Reads best next: nearest.c. */
#ifndef CONFIG_NEAREST_H
#define CONFIG_NEAREST_H

#include <stdbool.h>

#include "config/keys.h"

/* The key whose name takes the fewest edits from the end of text (a bare or scoped name).  *ret_case_only: it
 * differs in nothing but case.  There always is one, however far. */
enum properties_key nearest_key(const char *text, bool *ret_case_only);

#endif
