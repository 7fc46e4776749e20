/* The values that were set, by key and scope: a sorted array, searched by halves.
 * Must not know: text forms, files, or which scope wins.
 * Reads best next: settings.c. */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "config/value.h"

struct setting {
    enum properties_key key;
    char *scope; /* owned; "" for global */
    struct value value;
    int line; /* of the file it came from, 0: none */
};

struct settings {
    struct setting *items; /* owned; sorted by key, then scope */
    size_t count;
    size_t capacity;
};

/* An empty set is {0}. */
void settings_fini(struct settings *settings);

/* The setting of key in exactly this scope, or NULL.  scope need not be terminated. */
const struct setting *settings_find(const struct settings *settings, enum properties_key key, const char *scope,
                                    size_t scope_length);

enum settings_result { SETTINGS_OK, SETTINGS_FULL, SETTINGS_NO_MEMORY };

/* Sets or replaces.  Takes *value over on success; otherwise nothing is changed.  scope is copied. */
enum settings_result settings_put(struct settings *settings, enum properties_key key, const char *scope,
                                  size_t scope_length, struct value *value, int line);

/* Moves every setting of from over into, replacing; from is empty afterwards.  Otherwise nothing is changed. */
enum settings_result settings_merge(struct settings *into, struct settings *from);

#endif
