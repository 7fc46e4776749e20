/* The values that were set, by key and scope: a sorted array, searched by halves.
 * Must not know: text forms, files, or which scope wins.
 * Reads best next: settings.c. */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include <stdatomic.h>

#include "config/report.h"
#include "config/value.h"

/* Never changes once it is made, so any number of sets share it. */
struct setting {
    atomic_uint refs;
    enum properties_key key;
    char *scope; /* owned; "" for global */
    struct value value;
    struct report_place place; /* where it came from; its file is owned */
};

struct settings {
    const struct setting **items; /* owned; each shared; sorted by key, then scope */
    size_t count;
    size_t capacity;
};

/* An empty set is {0}. */
void settings_fini(struct settings *settings);

/* The setting of key in exactly this scope, or NULL.  scope need not be terminated. */
const struct setting *settings_find(const struct settings *settings, enum properties_key key, const char *scope,
                                    size_t scope_length);

enum settings_result { SETTINGS_OK, SETTINGS_FULL, SETTINGS_NO_MEMORY };

/* Sets or replaces.  Takes *value over on success; otherwise nothing is changed.  scope and place are copied. */
enum settings_result settings_put(struct settings *settings, enum properties_key key, const char *scope,
                                  size_t scope_length, struct value *value, const struct report_place *place);

/* Puts every setting of from into the other set too, replacing.  Otherwise nothing is changed. */
enum settings_result settings_merge(struct settings *into, const struct settings *from);

/* Takes one away, if it is there. */
void settings_remove(struct settings *settings, enum properties_key key, const char *scope);

#endif
