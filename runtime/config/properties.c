/* The set of properties: what was set, layer by layer, and the snapshot that came of it.  A change makes a new snapshot
 * aside and swaps it in whole, so that a reader sees all of it or nothing.
 * Must not know: what the values are used for.
 * Reads best next: layers.c for what a reload does, snapshot.c for the look-ups. */
#include "config/properties.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "config/args.h"
#include "config/assignment.h"
#include "config/layers.h"
#include "config/rules.h"

struct semel_properties {
    pthread_mutex_t changing; /* held for a whole change, files and all */
    struct layers layers;     /* of whoever holds it */
    pthread_mutex_t swapping; /* held to take a reference of current, or to swap it: never for long */
    struct properties_snapshot *current;
    atomic_uint_fast64_t generation;
};

static const struct report_place program = {REPORT_PROGRAM, NULL, 0};

semel_properties *semel_properties_create(void)
{
    struct settings nothing = {0};
    semel_properties *properties = calloc(1, sizeof *properties);
    if (!properties)
        return NULL;
    properties->current = snapshot_create(&nothing, 1);
    if (!properties->current) {
        free(properties);
        return NULL;
    }
    atomic_init(&properties->generation, 1);
    pthread_mutex_init(&properties->changing, NULL);
    pthread_mutex_init(&properties->swapping, NULL);
    return properties;
}

void semel_properties_destroy(semel_properties *properties)
{
    if (!properties)
        return;
    pthread_mutex_destroy(&properties->swapping);
    pthread_mutex_destroy(&properties->changing);
    snapshot_unref(properties->current);
    layers_fini(&properties->layers);
    free(properties);
}

struct properties_snapshot *properties_snapshot(const semel_properties *properties)
{
    if (!properties)
        return NULL;
    /* Reading changes nothing that a caller could see. */
    pthread_mutex_t *swapping = &((semel_properties *)properties)->swapping;
    pthread_mutex_lock(swapping);
    struct properties_snapshot *snapshot = snapshot_ref(properties->current);
    pthread_mutex_unlock(swapping);
    return snapshot;
}

void properties_snapshot_unref(struct properties_snapshot *snapshot)
{
    snapshot_unref(snapshot);
}

uint64_t properties_generation(const semel_properties *properties)
{
    if (!properties)
        return 0;
    return atomic_load_explicit(&((semel_properties *)properties)->generation, memory_order_acquire);
}

static struct properties_snapshot *prepare(semel_properties *properties, struct settings *settings)
{
    uint64_t generation = atomic_load_explicit(&properties->generation, memory_order_relaxed) + 1;
    return snapshot_create(settings, generation);
}

/* Whoever finds the new generation finds the new snapshot too. */
static void swap(semel_properties *properties, struct properties_snapshot *next)
{
    pthread_mutex_lock(&properties->swapping);
    struct properties_snapshot *last = properties->current;
    properties->current = next;
    atomic_store_explicit(&properties->generation, snapshot_generation(next), memory_order_release);
    pthread_mutex_unlock(&properties->swapping);
    snapshot_unref(last);
}

static void start_status(semel_status *status)
{
    if (status)
        semel_status_init(status);
}

/* A change of two parts, either of which may be empty: a file, and on top of it what no file holds. */
struct change {
    struct layer file;
    struct settings settings;
};

static void change_fini(struct change *change)
{
    layer_fini(&change->file);
    settings_fini(&change->settings);
}

/* What holds after the change. */
static enum semel_code combine(const semel_properties *properties, const struct change *change,
                               struct settings *ret, semel_status *status)
{
    enum settings_result result = settings_merge(ret, snapshot_settings(properties->current));
    if (result == SETTINGS_OK)
        result = rules_merge(ret, &change->file.settings);
    if (result == SETTINGS_OK)
        result = rules_merge(ret, &change->settings);
    if (result != SETTINGS_OK)
        return assignment_report_stored(result, &program, status);
    return rules_check_order(ret, status);
}

/* Remembers the change for reloads: all or nothing. */
static enum settings_result remember(semel_properties *properties, struct change *change)
{
    struct layers *layers = &properties->layers;
    /* A file takes a place of its own, and so does what stands above it. */
    enum settings_result result = change->file.path ? layers_reserve(layers, 2) : SETTINGS_OK;
    if (result == SETTINGS_OK && change->settings.count > 0 && !change->file.path)
        return layers_put(layers, &change->settings);
    if (result != SETTINGS_OK || !change->file.path)
        return result;
    struct layer above = {.settings = change->settings};
    layers_append(layers, &change->file);
    change->settings = (struct settings){0};
    if (above.settings.count > 0)
        layers_append(layers, &above);
    layer_fini(&above);
    return SETTINGS_OK;
}

static enum semel_code apply_locked(semel_properties *properties, struct change *change, semel_status *status)
{
    struct settings settings = {0};
    enum semel_code code = combine(properties, change, &settings, status);
    struct properties_snapshot *next = NULL;
    if (code == SEMEL_OK) {
        next = prepare(properties, &settings);
        code = next ? SEMEL_OK : report_no_memory(status);
    }
    if (code == SEMEL_OK)
        code = assignment_report_stored(remember(properties, change), &program, status);
    if (code == SEMEL_OK)
        swap(properties, next);
    else
        snapshot_unref(next);
    settings_fini(&settings);
    return code;
}

static enum semel_code apply(semel_properties *properties, struct change *change, semel_status *status)
{
    pthread_mutex_lock(&properties->changing);
    enum semel_code code = apply_locked(properties, change, status);
    pthread_mutex_unlock(&properties->changing);
    return code;
}

enum semel_code semel_properties_set(semel_properties *properties, const char *key, const char *value,
                                     semel_status *ret_status)
{
    struct change change = {0};
    start_status(ret_status);
    if (!key || !value)
        return report_bad(ret_status, &program, "a property needs a key and a value");
    enum semel_code code = assignment_apply(&change.settings, key, value, &program, ret_status);
    if (code == SEMEL_OK)
        code = apply(properties, &change, ret_status);
    change_fini(&change);
    return code;
}

enum semel_code semel_properties_load(semel_properties *properties, const char *path, semel_status *ret_status)
{
    struct change change = {0};
    start_status(ret_status);
    enum semel_code code = layer_load(&change.file, path, ret_status);
    if (code == SEMEL_OK)
        code = apply(properties, &change, ret_status);
    change_fini(&change);
    return code;
}

static enum semel_code read_args(int argc, char **argv, struct change *change, semel_status *status)
{
    const char *path;
    bool by_environment;
    enum semel_code code = args_find_config(argc, argv, &path, &by_environment, status);
    if (code == SEMEL_OK && path)
        code = layer_load(&change->file, path, status);
    if (code != SEMEL_OK && by_environment)
        report_append(status, " (file named by SEMEL_CONFIG)");
    return code == SEMEL_OK ? args_read(argc, argv, &change->settings, status) : code;
}

enum semel_code semel_properties_parse_args(semel_properties *properties, int *argc, char **argv,
                                            semel_status *ret_status)
{
    struct change change = {0};
    start_status(ret_status);
    /* First of all, so that nothing can fail half-way. */
    char **scratch = calloc((size_t)*argc + 1, sizeof *scratch);
    if (!scratch)
        return report_no_memory(ret_status);
    enum semel_code code = read_args(*argc, argv, &change, ret_status);
    if (code == SEMEL_OK)
        code = apply(properties, &change, ret_status);
    if (code == SEMEL_OK)
        args_take_out(argc, argv, scratch);
    change_fini(&change);
    free(scratch);
    return code;
}

static enum semel_code reload_locked(semel_properties *properties, semel_status *status)
{
    struct settings settings = {0};
    enum semel_code code = layers_replay(&properties->layers, &settings, status);
    if (code == SEMEL_OK) {
        struct properties_snapshot *next = prepare(properties, &settings);
        if (next)
            swap(properties, next);
        else
            code = report_no_memory(status);
    }
    settings_fini(&settings);
    return code;
}

enum semel_code semel_properties_reload(semel_properties *properties, semel_status *ret_status)
{
    start_status(ret_status);
    pthread_mutex_lock(&properties->changing);
    enum semel_code code = reload_locked(properties, ret_status);
    pthread_mutex_unlock(&properties->changing);
    return code;
}

bool properties_find_int(const semel_properties *properties, const struct properties_scope *scope,
                         enum properties_key key, int64_t *ret)
{
    struct properties_snapshot *snapshot = properties_snapshot(properties);
    bool found = snapshot_find_int(snapshot, scope, key, ret);
    snapshot_unref(snapshot);
    return found;
}

int64_t properties_get_int(const semel_properties *properties, const struct properties_scope *scope,
                           enum properties_key key)
{
    struct properties_snapshot *snapshot = properties_snapshot(properties);
    int64_t value = snapshot_get_int(snapshot, scope, key);
    snapshot_unref(snapshot);
    return value;
}

bool properties_find_intervals(const semel_properties *properties, const struct properties_scope *scope,
                               const uint32_t **ret_ms, size_t *ret_count)
{
    struct properties_snapshot *snapshot = properties_snapshot(properties);
    bool found = snapshot_find_intervals(snapshot, scope, ret_ms, ret_count);
    snapshot_unref(snapshot);
    return found;
}

void properties_get_intervals(const semel_properties *properties, const struct properties_scope *scope,
                              const uint32_t **ret_ms, size_t *ret_count)
{
    struct properties_snapshot *snapshot = properties_snapshot(properties);
    snapshot_get_intervals(snapshot, scope, ret_ms, ret_count);
    snapshot_unref(snapshot);
}

enum properties_level properties_level(const semel_properties *properties, const struct properties_scope *scope,
                                       enum properties_key key)
{
    struct properties_snapshot *snapshot = properties_snapshot(properties);
    enum properties_level level = snapshot_level(snapshot, scope, key);
    snapshot_unref(snapshot);
    return level;
}

size_t properties_origin(const semel_properties *properties, const struct properties_scope *scope,
                         enum properties_key key, char *text, size_t size)
{
    struct properties_snapshot *snapshot = properties_snapshot(properties);
    size_t length = snapshot_origin(snapshot, scope, key, text, size);
    snapshot_unref(snapshot);
    return length;
}
