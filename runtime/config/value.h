/* One property value, typed: reading it from text, strictly, by the type and range of its key.
 * Must not know: scopes, files, or where values are kept.
 * Reads best next: value.c. */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include "config/keys.h"
#include "config/report.h"

struct value {
    int64_t number;         /* every type but intervals and servers; see enum properties_type */
    uint32_t *intervals_ms; /* intervals: owned, never NULL; else NULL */
    size_t interval_count;
    char *text; /* servers: owned, as value_format gives it back; else NULL */
};

/* Reads text as a value of key.  On OK *ret is the caller's: value_fini.  Otherwise *ret is left alone and
 * status (may be NULL) tells what was wrong, after place and written_key (the key with its scope).
 * Errors: INVALID_ARGUMENT, RESOURCE_EXHAUSTED. */
enum semel_code value_parse(enum properties_key key, const char *written_key, const char *text,
                            const struct report_place *place, struct value *ret, semel_status *status);
void value_fini(struct value *value);

/* Longest text of value_format with its terminator: 64 waits, or 16 codes. */
#define VALUE_TEXT_MAX 640
/* Writes a value of key as it could be set: "0 100 500", "5s", "wait". */
void value_format(enum properties_key key, const struct value *value, char text[VALUE_TEXT_MAX]);

#endif
