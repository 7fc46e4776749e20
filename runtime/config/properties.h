/* What the other floors ask of the properties: a snapshot to look values up in, and whether there is a newer one.
 * Must not know: who asks.
 * Reads best next: snapshot.h, the look-ups; keys.h, the list of keys; properties.c. */
#ifndef CONFIG_PROPERTIES_H
#define CONFIG_PROPERTIES_H

#include <semel/properties.h>

#include "config/snapshot.h"

/* What holds now, with a reference for the caller: properties_snapshot_unref.  NULL for NULL, which all look-ups take.
 * Any thread, while others change or reload the properties. */
struct properties_snapshot *properties_snapshot(const semel_properties *properties);
void properties_snapshot_unref(struct properties_snapshot *snapshot); /* accepts NULL; any thread */

/* Counts the changes: where it is not snapshot_generation of a snapshot, there is a newer one.  0 for NULL.  One atomic
 * read; any thread. */
uint64_t properties_generation(const semel_properties *properties);

/* The look-ups of snapshot.h in what holds now, for keys that are read once, when a node, server or channel opens.
 * Intervals are borrowed until the next change: take a snapshot where a reload may come. */
bool properties_find_int(const semel_properties *properties, const struct properties_scope *scope,
                         enum properties_key key, int64_t *ret);
int64_t properties_get_int(const semel_properties *properties, const struct properties_scope *scope,
                           enum properties_key key);
bool properties_find_intervals(const semel_properties *properties, const struct properties_scope *scope,
                               const uint32_t **ret_ms, size_t *ret_count);
void properties_get_intervals(const semel_properties *properties, const struct properties_scope *scope,
                              const uint32_t **ret_ms, size_t *ret_count);
enum properties_level properties_level(const semel_properties *properties, const struct properties_scope *scope,
                                       enum properties_key key);
size_t properties_origin(const semel_properties *properties, const struct properties_scope *scope,
                         enum properties_key key, char *text, size_t size);

#endif
