/* All settings as they were at one moment: never changes, is shared by reference, and answers look-ups.
 * Must not know: who asks, and what an option in the IDL or of a call says (the caller puts those around it).
 * Reads best next: keys.h, the list of keys; properties.h, where a snapshot comes from; snapshot.c. */
#ifndef CONFIG_SNAPSHOT_H
#define CONFIG_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/settings.h"

/* Where a value is wanted; borrowed during the look-up.  Either may be NULL: a scope without a method sees
 * channel and global values, one without both only global ones. */
struct properties_scope {
    const char *channel; /* name given to semel_channel_open */
    const char *method;  /* full name, "demo.Bank.Deposit"; up to its last dot it names the service */
};

/* How specific the scope is in which a value was found.  The smaller, the more specific. */
enum properties_level {
    PROPERTIES_LEVEL_UNSET = -1, /* set nowhere */
    PROPERTIES_LEVEL_METHOD = 0,
    PROPERTIES_LEVEL_SERVICE,
    PROPERTIES_LEVEL_CHANNEL,
    PROPERTIES_LEVEL_GLOBAL,
};

struct properties_snapshot;

/* The next four are for properties.c and tests; others get theirs from properties_snapshot. */
/* One reference; the settings are moved, and left alone when out of memory (NULL). */
struct properties_snapshot *snapshot_create(struct settings *settings, uint64_t generation);
struct properties_snapshot *snapshot_ref(struct properties_snapshot *snapshot);
void snapshot_unref(struct properties_snapshot *snapshot); /* accepts NULL */
const struct settings *snapshot_settings(const struct properties_snapshot *snapshot);

/* The generation it belongs to; 0 for NULL. */
uint64_t snapshot_generation(const struct properties_snapshot *snapshot);

/* In all of these: snapshot may be NULL (nothing set), scope may be NULL (global).  Most specific wins: method,
 * service, channel, global; a key is not looked for in scopes it may not stand in.  Cost: at most four binary
 * searches, no allocation.  Any thread. */

/* The value as set: ms, bytes, a count, thousandths, bits 1 << code, or the enum of the key's type.  Returns false
 * and leaves *ret alone if it is set nowhere.  key must not be RETRY_INTERVALS or NAME_SERVERS
 * (asserted). */
bool snapshot_find_int(const struct properties_snapshot *snapshot, const struct properties_scope *scope,
                       enum properties_key key, int64_t *ret);
/* The same, falling back to the built-in default, PROPERTIES_NO_DEFAULT where there is none.  Any other lies within
 * the range in keys.h. */
int64_t snapshot_get_int(const struct properties_snapshot *snapshot, const struct properties_scope *scope,
                         enum properties_key key);

/* The waits of RetryIntervals; *ret_count 0: no retry.  *ret_ms is borrowed from the snapshot; never NULL on success.
 * Returns false and leaves both alone if it is set nowhere. */
bool snapshot_find_intervals(const struct properties_snapshot *snapshot, const struct properties_scope *scope,
                             const uint32_t **ret_ms, size_t *ret_count);
/* The same, falling back to the built-in default (one retry at once), which is static. */
void snapshot_get_intervals(const struct properties_snapshot *snapshot, const struct properties_scope *scope,
                            const uint32_t **ret_ms, size_t *ret_count);

/* The list of NameServers, separated by blanks; *ret is borrowed from the snapshot.  Returns false and leaves it alone
 * if it is set nowhere. */
bool snapshot_find_servers(const struct properties_snapshot *snapshot, const char **ret);

/* In which scope the value stands that a look-up finds.  Of two keys that exclude each other (RetryIntervals and
 * RetryMaxAttempts) the one with the smaller level rules; they are never equal unless both are unset. */
enum properties_level snapshot_level(const struct properties_snapshot *snapshot,
                                     const struct properties_scope *scope, enum properties_key key);

/* Longest text of snapshot_origin and properties_origin with its terminator. */
#define PROPERTIES_ORIGIN_MAX 96
/* Where that value came from: "bank.conf:12", "--Deadline=3s", "set by the program", "built-in default".  Writes as
 * snprintf does. */
size_t snapshot_origin(const struct properties_snapshot *snapshot, const struct properties_scope *scope,
                       enum properties_key key, char *text, size_t size);

#endif
