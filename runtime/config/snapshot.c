/* The look-ups, and the life of a snapshot.
 * Must not know: what the values are used for, and how settings come together.
 * Reads best next: properties.c. */
#include "config/snapshot.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct properties_snapshot {
    atomic_uint refs;
    uint64_t generation;
    struct settings settings;
};

struct properties_snapshot *snapshot_create(struct settings *settings, uint64_t generation)
{
    struct properties_snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (!snapshot)
        return NULL;
    atomic_init(&snapshot->refs, 1);
    snapshot->generation = generation;
    snapshot->settings = *settings;
    *settings = (struct settings){0};
    return snapshot;
}

struct properties_snapshot *snapshot_ref(struct properties_snapshot *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
    return snapshot;
}

void snapshot_unref(struct properties_snapshot *snapshot)
{
    if (!snapshot || atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) > 1)
        return;
    settings_fini(&snapshot->settings);
    free(snapshot);
}

const struct settings *snapshot_settings(const struct properties_snapshot *snapshot)
{
    return &snapshot->settings;
}

uint64_t snapshot_generation(const struct properties_snapshot *snapshot)
{
    return snapshot ? snapshot->generation : 0;
}

struct found {
    const struct setting *setting; /* NULL: set nowhere */
    enum properties_level level;
};

/* The same in one scope, which may be NULL. */
static bool find_in(const struct properties_snapshot *snapshot, enum properties_key key, const char *scope,
                    size_t length, enum properties_level level, struct found *ret)
{
    if (!scope)
        return false;
    ret->setting = settings_find(&snapshot->settings, key, scope, length);
    if (ret->setting)
        ret->level = level;
    return ret->setting != NULL;
}

static bool find_for_method(const struct properties_snapshot *snapshot, enum properties_key key,
                            const char *method, struct found *ret)
{
    const char *service_end = method ? strrchr(method, '.') : NULL;
    if (!method)
        return false;
    if (find_in(snapshot, key, method, strlen(method), PROPERTIES_LEVEL_METHOD, ret))
        return true;
    return service_end &&
           find_in(snapshot, key, method, (size_t)(service_end - method), PROPERTIES_LEVEL_SERVICE, ret);
}

/* The setting of the most specific scope that key may stand in. */
static struct found find(const struct properties_snapshot *snapshot, const struct properties_scope *scope,
                         enum properties_key key)
{
    const enum properties_reach reach = keys_info(key)->reach;
    struct found found = {NULL, PROPERTIES_LEVEL_UNSET};
    if (!snapshot)
        return found;
    if (scope && reach == PROPERTIES_REACH_CALL && find_for_method(snapshot, key, scope->method, &found))
        return found;
    if (scope && scope->channel && reach != PROPERTIES_REACH_NODE &&
        find_in(snapshot, key, scope->channel, strlen(scope->channel), PROPERTIES_LEVEL_CHANNEL, &found))
        return found;
    find_in(snapshot, key, "", 0, PROPERTIES_LEVEL_GLOBAL, &found);
    return found;
}

bool snapshot_find_int(const struct properties_snapshot *snapshot, const struct properties_scope *scope,
                       enum properties_key key, int64_t *ret)
{
    assert(keys_info(key)->type != PROPERTIES_TYPE_INTERVALS &&
           keys_info(key)->type != PROPERTIES_TYPE_SERVERS);
    struct found found = find(snapshot, scope, key);
    if (found.setting)
        *ret = found.setting->value.number;
    return found.setting != NULL;
}

int64_t snapshot_get_int(const struct properties_snapshot *snapshot, const struct properties_scope *scope,
                         enum properties_key key)
{
    int64_t value = keys_info(key)->fallback;
    snapshot_find_int(snapshot, scope, key, &value);
    return value;
}

bool snapshot_find_intervals(const struct properties_snapshot *snapshot, const struct properties_scope *scope,
                             const uint32_t **ret_ms, size_t *ret_count)
{
    struct found found = find(snapshot, scope, PROPERTIES_RETRY_INTERVALS);
    if (!found.setting)
        return false;
    assert(found.setting->value.intervals_ms);
    *ret_ms = found.setting->value.intervals_ms;
    *ret_count = found.setting->value.interval_count;
    return true;
}

void snapshot_get_intervals(const struct properties_snapshot *snapshot, const struct properties_scope *scope,
                            const uint32_t **ret_ms, size_t *ret_count)
{
    static const uint32_t fallback_ms[] = {0}; /* unset: one retry, at once */
    *ret_ms = fallback_ms;
    *ret_count = 1;
    snapshot_find_intervals(snapshot, scope, ret_ms, ret_count);
}

bool snapshot_find_servers(const struct properties_snapshot *snapshot, const char **ret)
{
    struct found found = find(snapshot, NULL, PROPERTIES_NAME_SERVERS);
    if (!found.setting)
        return false;
    assert(found.setting->value.text);
    *ret = found.setting->value.text;
    return true;
}

enum properties_level snapshot_level(const struct properties_snapshot *snapshot,
                                     const struct properties_scope *scope, enum properties_key key)
{
    return find(snapshot, scope, key).level;
}

size_t snapshot_origin(const struct properties_snapshot *snapshot, const struct properties_scope *scope,
                       enum properties_key key, char *text, size_t size)
{
    struct found found = find(snapshot, scope, key);
    char origin[REPORT_ORIGIN_MAX];
    if (!found.setting)
        return (size_t)snprintf(text, size, "built-in default");
    report_origin(&found.setting->place, origin);
    bool bare = found.setting->place.source == REPORT_PROGRAM;
    return (size_t)snprintf(text, size, "%s%s", bare ? "set by " : "", origin);
}
