/* A sorted array of shared settings: few, set once, looked up rarely (callers cache), so no hash is worth its code.
 * Must not know: text forms, files, or which scope wins.
 * Reads best next: rules.c, then snapshot.c, which decides which scope wins. */
#include "config/settings.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/limits.h"

static const struct setting *share(const struct setting *setting)
{
    /* The count is the one part of a setting that changes. */
    atomic_fetch_add_explicit(&((struct setting *)setting)->refs, 1, memory_order_relaxed);
    return setting;
}

static void release(const struct setting *shared)
{
    struct setting *setting = (struct setting *)shared;
    if (atomic_fetch_sub_explicit(&setting->refs, 1, memory_order_acq_rel) > 1)
        return;
    free(setting->scope);
    free((char *)setting->place.file);
    value_fini(&setting->value);
    free(setting);
}

void settings_fini(struct settings *settings)
{
    for (size_t i = 0; i < settings->count; i++)
        release(settings->items[i]);
    free(settings->items);
    *settings = (struct settings){0};
}

static int compare(const struct setting *item, enum properties_key key, const char *scope, size_t scope_length)
{
    if (item->key != key)
        return item->key < key ? -1 : 1;
    int order = strncmp(item->scope, scope, scope_length);
    return order != 0 ? order : item->scope[scope_length] != '\0';
}

/* The place of the first setting that is not below (key, scope). */
static size_t lower_bound(const struct settings *settings, enum properties_key key, const char *scope,
                          size_t scope_length)
{
    size_t low = 0, high = settings->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(settings->items[middle], key, scope, scope_length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether a place that lower_bound gave holds the setting itself. */
static bool is_at(const struct settings *settings, size_t at, enum properties_key key, const char *scope,
                  size_t scope_length)
{
    return at < settings->count && compare(settings->items[at], key, scope, scope_length) == 0;
}

const struct setting *settings_find(const struct settings *settings, enum properties_key key, const char *scope,
                                    size_t scope_length)
{
    size_t at = lower_bound(settings, key, scope, scope_length);
    return is_at(settings, at, key, scope, scope_length) ? settings->items[at] : NULL;
}

static enum settings_result reserve(struct settings *settings, size_t capacity)
{
    if (capacity > CONFIG_SETTINGS_MAX)
        return SETTINGS_FULL;
    if (capacity <= settings->capacity)
        return SETTINGS_OK;
    size_t grown = settings->capacity * 2 > capacity ? settings->capacity * 2 : capacity;
    const struct setting **items = realloc(settings->items, grown * sizeof *items);
    if (!items)
        return SETTINGS_NO_MEMORY;
    settings->items = items;
    settings->capacity = grown;
    return SETTINGS_OK;
}

/* Sets or replaces; there must be room.  Takes one reference over. */
static void place_item(struct settings *settings, const struct setting *setting)
{
    const size_t length = strlen(setting->scope);
    size_t at = lower_bound(settings, setting->key, setting->scope, length);
    if (is_at(settings, at, setting->key, setting->scope, length)) {
        release(settings->items[at]);
    } else {
        assert(settings->count < settings->capacity);
        memmove(&settings->items[at + 1], &settings->items[at],
                (settings->count - at) * sizeof settings->items[0]);
        settings->count++;
    }
    settings->items[at] = setting;
}

/* A setting with one reference, without its value yet; NULL when out of memory. */
static struct setting *make(enum properties_key key, const char *scope, size_t scope_length,
                            const struct report_place *place)
{
    struct setting *setting = calloc(1, sizeof *setting);
    if (!setting)
        return NULL;
    atomic_init(&setting->refs, 1);
    setting->key = key;
    setting->place = *place;
    setting->place.file = place->file ? strndup(place->file, strlen(place->file)) : NULL;
    setting->scope = strndup(scope, scope_length);
    if (setting->scope && (setting->place.file || !place->file))
        return setting;
    release(setting);
    return NULL;
}

enum settings_result settings_put(struct settings *settings, enum properties_key key, const char *scope,
                                  size_t scope_length, struct value *value, const struct report_place *place)
{
    bool replaces = settings_find(settings, key, scope, scope_length) != NULL;
    enum settings_result result = reserve(settings, settings->count + !replaces);
    if (result != SETTINGS_OK)
        return result;
    struct setting *setting = make(key, scope, scope_length, place);
    if (!setting)
        return SETTINGS_NO_MEMORY;
    setting->value = *value;
    *value = (struct value){0};
    place_item(settings, setting);
    return SETTINGS_OK;
}

static size_t count_missing(const struct settings *settings, const struct settings *from)
{
    size_t missing = 0;
    for (size_t i = 0; i < from->count; i++) {
        const struct setting *item = from->items[i];
        missing += settings_find(settings, item->key, item->scope, strlen(item->scope)) == NULL;
    }
    return missing;
}

enum settings_result settings_merge(struct settings *into, const struct settings *from)
{
    const bool copies = into->count == 0;
    enum settings_result result = reserve(into, copies ? from->count : into->count + count_missing(into, from));
    if (result != SETTINGS_OK)
        return result;
    for (size_t i = 0; i < from->count; i++) {
        if (copies)
            into->items[into->count++] = share(from->items[i]);
        else
            place_item(into, share(from->items[i]));
    }
    return SETTINGS_OK;
}

void settings_remove(struct settings *settings, enum properties_key key, const char *scope)
{
    const size_t length = strlen(scope);
    size_t at = lower_bound(settings, key, scope, length);
    if (!is_at(settings, at, key, scope, length))
        return;
    release(settings->items[at]);
    settings->count--;
    memmove(&settings->items[at], &settings->items[at + 1], (settings->count - at) * sizeof settings->items[0]);
}
