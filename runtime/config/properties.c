/* The set of properties: the public functions, and which scope wins in a look-up.
 * Must not know: what the values are used for.
 * Reads best next: assignment.c for how a value gets in, keys.h for the keys. */
#include "config/properties.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/args.h"
#include "config/assignment.h"
#include "config/file.h"

struct semel_properties {
    struct settings settings;
};

static const struct report_place program = {REPORT_PROGRAM, NULL, 0};

semel_properties *semel_properties_create(void)
{
    return calloc(1, sizeof(semel_properties));
}

void semel_properties_destroy(semel_properties *properties)
{
    if (!properties)
        return;
    settings_fini(&properties->settings);
    free(properties);
}

static void start_status(semel_status *status)
{
    if (status)
        semel_status_init(status);
}

enum semel_code semel_properties_set(semel_properties *properties, const char *key, const char *value,
                                     semel_status *ret_status)
{
    start_status(ret_status);
    if (!key || !value)
        return report_bad(ret_status, &program, "a property needs a key and a value");
    return assignment_apply(&properties->settings, key, value, &program, ret_status);
}

/* Takes over what was read aside, all or nothing. */
static enum semel_code adopt(semel_properties *properties, struct settings *read, semel_status *status)
{
    return assignment_report_stored(settings_merge(&properties->settings, read), &program, status);
}

enum semel_code semel_properties_load(semel_properties *properties, const char *path, semel_status *ret_status)
{
    struct settings read = {0};
    start_status(ret_status);
    enum semel_code code = file_load(path, &read, ret_status);
    if (code == SEMEL_OK)
        code = adopt(properties, &read, ret_status);
    settings_fini(&read);
    return code;
}

enum semel_code semel_properties_parse_args(semel_properties *properties, int *argc, char **argv,
                                            semel_status *ret_status)
{
    struct settings read = {0};
    start_status(ret_status);
    /* First of all, so that nothing can fail half-way. */
    char **scratch = calloc((size_t)*argc + 1, sizeof *scratch);
    if (!scratch)
        return report_no_memory(ret_status);
    enum semel_code code = args_read(*argc, argv, &read, ret_status);
    if (code == SEMEL_OK)
        code = adopt(properties, &read, ret_status);
    if (code == SEMEL_OK)
        args_take_out(argc, argv, scratch);
    settings_fini(&read);
    free(scratch);
    return code;
}

/* The setting of the most specific scope that key may stand in, or NULL. */
static const struct setting *find(const semel_properties *properties, const struct properties_scope *scope,
                                  enum properties_key key)
{
    static const struct properties_scope global = {NULL, NULL};
    const enum properties_reach reach = keys_info(key)->reach;
    const struct setting *found = NULL;
    if (!properties)
        return NULL;
    if (!scope)
        scope = &global;
    if (reach == PROPERTIES_REACH_CALL && scope->method) {
        const char *service_end = strrchr(scope->method, '.');
        found = settings_find(&properties->settings, key, scope->method, strlen(scope->method));
        if (!found && service_end)
            found = settings_find(&properties->settings, key, scope->method,
                                  (size_t)(service_end - scope->method));
    }
    if (!found && reach != PROPERTIES_REACH_NODE && scope->channel)
        found = settings_find(&properties->settings, key, scope->channel, strlen(scope->channel));
    return found ? found : settings_find(&properties->settings, key, "", 0);
}

bool properties_find_int(const semel_properties *properties, const struct properties_scope *scope,
                         enum properties_key key, int64_t *ret)
{
    assert(keys_info(key)->type != PROPERTIES_TYPE_INTERVALS);
    const struct setting *setting = find(properties, scope, key);
    if (setting)
        *ret = setting->value.number;
    return setting != NULL;
}

int64_t properties_get_int(const semel_properties *properties, const struct properties_scope *scope,
                           enum properties_key key)
{
    int64_t value = keys_info(key)->fallback;
    properties_find_int(properties, scope, key, &value);
    return value;
}

bool properties_find_intervals(const semel_properties *properties, const struct properties_scope *scope,
                               const uint32_t **ret_ms, size_t *ret_count)
{
    const struct setting *setting = find(properties, scope, PROPERTIES_RETRY_INTERVALS);
    if (!setting)
        return false;
    assert(setting->value.intervals_ms);
    *ret_ms = setting->value.intervals_ms;
    *ret_count = setting->value.interval_count;
    return true;
}

void properties_get_intervals(const semel_properties *properties, const struct properties_scope *scope,
                              const uint32_t **ret_ms, size_t *ret_count)
{
    static const uint32_t fallback_ms[] = {0}; /* unset: one retry, at once */
    *ret_ms = fallback_ms;
    *ret_count = 1;
    properties_find_intervals(properties, scope, ret_ms, ret_count);
}
