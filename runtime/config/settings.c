/* A sorted array of settings: few, set once, looked up rarely (callers cache), so no hash is worth its code.
 * Must not know: text forms, files, or which scope wins.
 * Reads best next: properties.c, which decides which scope wins. */
#include "config/settings.h"

#include <stdlib.h>
#include <string.h>

#include "config/limits.h"

void settings_fini(struct settings *settings)
{
    for (size_t i = 0; i < settings->count; i++) {
        free(settings->items[i].scope);
        value_fini(&settings->items[i].value);
    }
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
        if (compare(&settings->items[middle], key, scope, scope_length) < 0)
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
    return at < settings->count && compare(&settings->items[at], key, scope, scope_length) == 0;
}

const struct setting *settings_find(const struct settings *settings, enum properties_key key, const char *scope,
                                    size_t scope_length)
{
    size_t at = lower_bound(settings, key, scope, scope_length);
    return is_at(settings, at, key, scope, scope_length) ? &settings->items[at] : NULL;
}

static enum settings_result reserve(struct settings *settings, size_t capacity)
{
    if (capacity > CONFIG_SETTINGS_MAX)
        return SETTINGS_FULL;
    if (capacity <= settings->capacity)
        return SETTINGS_OK;
    size_t grown = settings->capacity * 2 > capacity ? settings->capacity * 2 : capacity;
    struct setting *items = realloc(settings->items, grown * sizeof *items);
    if (!items)
        return SETTINGS_NO_MEMORY;
    settings->items = items;
    settings->capacity = grown;
    return SETTINGS_OK;
}

static void replace(struct setting *item, struct value *value, int line)
{
    value_fini(&item->value);
    item->value = *value;
    item->line = line;
    *value = (struct value){0};
}

/* Opens a gap at a place, for which there is room, and fills it.  Takes scope and *value over. */
static void insert(struct settings *settings, size_t at, enum properties_key key, char *scope,
                   struct value *value, int line)
{
    struct setting *item = &settings->items[at];
    memmove(item + 1, item, (settings->count - at) * sizeof *item);
    *item = (struct setting){.key = key, .scope = scope, .value = *value, .line = line};
    settings->count++;
    *value = (struct value){0};
}

enum settings_result settings_put(struct settings *settings, enum properties_key key, const char *scope,
                                  size_t scope_length, struct value *value, int line)
{
    size_t at = lower_bound(settings, key, scope, scope_length);
    if (is_at(settings, at, key, scope, scope_length)) {
        replace(&settings->items[at], value, line);
        return SETTINGS_OK;
    }
    enum settings_result result = reserve(settings, settings->count + 1);
    if (result != SETTINGS_OK)
        return result;
    char *copy = strndup(scope, scope_length);
    if (!copy)
        return SETTINGS_NO_MEMORY;
    insert(settings, at, key, copy, value, line);
    return SETTINGS_OK;
}

static size_t count_missing(const struct settings *settings, const struct settings *from)
{
    size_t missing = 0;
    for (size_t i = 0; i < from->count; i++) {
        const struct setting *item = &from->items[i];
        missing += settings_find(settings, item->key, item->scope, strlen(item->scope)) == NULL;
    }
    return missing;
}

enum settings_result settings_merge(struct settings *into, struct settings *from)
{
    enum settings_result result = reserve(into, into->count + count_missing(into, from));
    if (result != SETTINGS_OK)
        return result;
    for (size_t i = 0; i < from->count; i++) {
        struct setting *item = &from->items[i];
        size_t at = lower_bound(into, item->key, item->scope, strlen(item->scope));
        if (is_at(into, at, item->key, item->scope, strlen(item->scope))) {
            replace(&into->items[at], &item->value, item->line);
        } else {
            insert(into, at, item->key, item->scope, &item->value, item->line);
            item->scope = NULL; /* moved */
        }
    }
    settings_fini(from);
    return SETTINGS_OK;
}
