/* What the other floors ask of the properties: the value of a key for one call, channel or node.
 * Must not know: who asks, and what an option in the IDL or of a call says (the caller puts those around it).
 * Reads best next: keys.h, the list of keys; properties.c. */
#ifndef CONFIG_PROPERTIES_H
#define CONFIG_PROPERTIES_H

#include <semel/properties.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/keys.h"

/* Where a value is wanted; borrowed during the look-up.  Either may be NULL: a scope without a method sees
 * channel and global values, one without both only global ones. */
struct properties_scope {
    const char *channel; /* name given to semel_channel_open */
    const char *method;  /* full name, "demo.Bank.Deposit"; up to its last dot it names the service */
};

/* In all of these: properties may be NULL (nothing set), scope may be NULL (global).  Most specific wins:
 * method, service, channel, global; a key is not looked for in scopes it may not stand in.  Cost: at most four
 * binary searches, no allocation.  Any number of threads may look up at once while nobody sets. */

/* The value as set: ms, bytes, a count, enum semel_on_unavailable or enum properties_selection.  Returns false
 * and leaves *ret alone if it is set nowhere.  key must not be RETRY_INTERVALS (asserted). */
bool properties_find_int(const semel_properties *properties, const struct properties_scope *scope,
                         enum properties_key key, int64_t *ret);
/* The same, falling back to the built-in default.  It always lies within the range in keys.h. */
int64_t properties_get_int(const semel_properties *properties, const struct properties_scope *scope,
                           enum properties_key key);

/* The waits of RetryIntervals; *ret_count 0: no retry.  *ret_ms is borrowed from properties until they change
 * or go; never NULL on success.  Returns false and leaves both alone if it is set nowhere. */
bool properties_find_intervals(const semel_properties *properties, const struct properties_scope *scope,
                               const uint32_t **ret_ms, size_t *ret_count);
/* The same, falling back to the built-in default (one retry at once), which is static. */
void properties_get_intervals(const semel_properties *properties, const struct properties_scope *scope,
                              const uint32_t **ret_ms, size_t *ret_count);

#endif
