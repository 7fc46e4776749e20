/* The valid key, or other name, that is nearest to a misspelt one, for the error message.
 * Must not know: how the message is worded.
 * Reads best next: nearest.c. */
#ifndef CONFIG_NEAREST_H
#define CONFIG_NEAREST_H

#include <stdbool.h>

#include "config/keys.h"

/* The key whose name takes the fewest edits from the end of text (a bare or scoped name).  *ret_case_only: it
 * differs in nothing but case.  There always is one, however far. */
enum properties_key nearest_key(const char *text, bool *ret_case_only);

/* The same among count names (at least one), for length bytes of text: the place of the nearest. */
size_t nearest_of(const char *text, size_t length, const char *(*name_at)(size_t place), size_t count,
                  bool *ret_case_only);

#endif
