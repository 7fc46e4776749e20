/* Durations as people write them: "250", "250ms", "5s", "2min".
 *
 * It must not know which option holds one.  Reads best next: check.c. */
#ifndef IDL_DURATION_H
#define IDL_DURATION_H

#include <stdbool.h>
#include <stdint.h>

/* Reads a whole number with an optional unit (a bare number is milliseconds).  false, and *ret_ms untouched,
 * when text is anything else or exceeds what fits in milliseconds. */
bool duration_parse(const char *text, int64_t *ret_ms);

#endif
