/* Reads the JSON that semelc writes.  It may come from anywhere, so each field is checked for its type and range.
 * Must not know: properties.
 * Reads best next: effective.c. */
#include "tools/method.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "tools/arguments.h"

const char *method_mode_name(size_t mode)
{
    static const char *const names[METHOD_MODES] = {
        [SEMEL_AT_MOST_ONCE] = "at-most-once",
        [SEMEL_IDEMPOTENT] = "idempotent",
        [SEMEL_NO_SIDE_EFFECTS] = "no-side-effects",
    };
    return names[mode];
}

/* The description while it is read; the first field that is wrong is named. */
struct reading {
    const json_t *options;
    const char *wrong; /* NULL: nothing */
};

/* A whole number; null or no such field leaves SEMEL_UNSET. */
static int64_t read_number(struct reading *reading, const char *field, enum properties_key key)
{
    const struct properties_key_info *info = keys_info(key);
    const json_t *number = json_object_get(reading->options, field);
    if (!number || json_is_null(number))
        return SEMEL_UNSET;
    int64_t value = json_integer_value(number);
    if (json_is_integer(number) && value >= info->min && value <= info->max)
        return value;
    reading->wrong = field;
    return SEMEL_UNSET;
}

/* One of a key's words, which the IDL writes in capitals; 0: unset. */
static int64_t read_word(struct reading *reading, const char *field, enum properties_key key)
{
    const struct properties_key_info *info = keys_info(key);
    const json_t *word = json_object_get(reading->options, field);
    if (!word || json_is_null(word))
        return 0;
    for (int64_t i = info->min; i <= info->max && json_is_string(word); i++) {
        if (strcasecmp(keys_word(info->type, i), json_string_value(word)) == 0)
            return i;
    }
    reading->wrong = field;
    return 0;
}

static double read_factor(struct reading *reading, const char *field)
{
    const json_t *number = json_object_get(reading->options, field);
    if (!number || json_is_null(number))
        return 0;
    double value = json_number_value(number);
    if (json_is_number(number) && value >= 1 && value <= 100)
        return value;
    reading->wrong = field;
    return 0;
}

static uint32_t read_codes(struct reading *reading, const char *field)
{
    const json_t *names = json_object_get(reading->options, field), *name;
    uint32_t bits = 0;
    size_t i;
    if (names && !json_is_null(names) && !json_is_array(names))
        reading->wrong = field;
    json_array_foreach(names, i, name)
    {
        const char *text = json_string_value(name);
        int code = SEMEL_CANCELLED;
        while (text && code <= SEMEL_UNAUTHENTICATED &&
               strcmp(semel_code_name((enum semel_code)code), text) != 0)
            code++;
        if (!text || code > SEMEL_UNAUTHENTICATED)
            reading->wrong = field;
        else
            bits |= 1u << code;
    }
    return bits;
}

static int32_t read_intervals(struct reading *reading, const char *field, uint32_t *intervals_ms)
{
    const json_t *waits = json_object_get(reading->options, field), *wait;
    size_t i;
    if (!waits || json_is_null(waits))
        return SEMEL_UNSET;
    if (!json_is_array(waits) || json_array_size(waits) > LIMIT_RETRY_INTERVALS) {
        reading->wrong = field;
        return SEMEL_UNSET;
    }
    json_array_foreach(waits, i, wait)
    {
        int64_t value = json_integer_value(wait);
        if (!json_is_integer(wait) || value < 0 || value > keys_info(PROPERTIES_RETRY_INTERVALS)->max)
            reading->wrong = field;
        intervals_ms[i] = (uint32_t)value;
    }
    return (int32_t)json_array_size(waits);
}

/* Returns the name of a field that is wrong, or NULL. */
static const char *read_options(struct method *method, const json_t *described)
{
    struct reading reading = {json_object_get(described, "options"), NULL};
    semel_call_options *options = &method->options;
    if (!json_is_object(reading.options))
        return "options";
    options->deadline_ms = read_number(&reading, "deadline_ms", PROPERTIES_DEADLINE);
    options->attempt_timeout_ms = read_number(&reading, "attempt_timeout_ms", PROPERTIES_ATTEMPT_TIMEOUT);
    options->on_unavailable = (enum semel_on_unavailable)read_word(&reading, "on_unavailable",
                                                                   PROPERTIES_ON_UNAVAILABLE);
    options->retry_interval_count = read_intervals(&reading, "retry_intervals_ms", method->intervals_ms);
    options->retry_intervals_ms = options->retry_interval_count > 0 ? method->intervals_ms : NULL;
    options->retry_max_attempts = (int32_t)read_number(&reading, "retry_max_attempts",
                                                       PROPERTIES_RETRY_MAX_ATTEMPTS);
    options->retry_jitter = (enum semel_jitter)read_word(&reading, "retry_jitter", PROPERTIES_RETRY_JITTER);
    options->retry_initial_backoff_ms = read_number(&reading, "retry_initial_backoff_ms",
                                                    PROPERTIES_RETRY_INITIAL_BACKOFF);
    options->retry_max_backoff_ms = read_number(&reading, "retry_max_backoff_ms", PROPERTIES_RETRY_MAX_BACKOFF);
    options->retry_backoff_multiplier = read_factor(&reading, "retry_backoff_multiplier");
    options->retry_max_elapsed_ms = read_number(&reading, "retry_max_elapsed_ms", PROPERTIES_RETRY_MAX_ELAPSED);
    options->retryable_codes = read_codes(&reading, "retryable_codes");
    options->hedge_max = (int32_t)read_number(&reading, "hedge_max", PROPERTIES_HEDGE_MAX);
    options->hedge_delay_ms = read_number(&reading, "hedge_delay_ms", PROPERTIES_HEDGE_DELAY);
    return reading.wrong;
}

static const char *text_of(const json_t *object, const char *field)
{
    const char *text = json_string_value(json_object_get(object, field));
    return text ? text : "";
}

/* The names a description holds, for the nearest one. */
struct names {
    const char **items;
    size_t count;
};
static struct names known;

static const char *known_name(size_t place)
{
    return known.items[place];
}

static void remember(const char *name)
{
    const char **grown = realloc(known.items, (known.count + 1) * sizeof *grown);
    if (!grown)
        return; /* it is only a hint */
    known.items = grown;
    known.items[known.count++] = name;
}

/* The method, and *ret_file, of its .proto; both are root's. */
static const json_t *find(const json_t *root, const char *name, const char **ret_file)
{
    size_t i, j;
    const json_t *service, *method;
    json_array_foreach(json_object_get(root, "services"), i, service)
    {
        json_array_foreach(json_object_get(service, "methods"), j, method)
        {
            *ret_file = text_of(service, "file");
            if (strcmp(text_of(method, "full_name"), name) == 0)
                return method;
            remember(text_of(method, "full_name"));
        }
    }
    return NULL;
}

static bool read_method(struct method *method, const json_t *described, const char *file, const char *path)
{
    size_t mode = 0;
    while (mode < METHOD_MODES && strcmp(text_of(described, "mode"), method_mode_name(mode)) != 0)
        mode++;
    const char *wrong = mode < METHOD_MODES ? read_options(method, described) : "mode";
    if (wrong) {
        arguments_complain("%s: %s: the field %s is not as semelc --describe=json writes it", path,
                           method->name, wrong);
        return false;
    }
    method->is_described = true;
    method->table.mode = (enum semel_mode)mode;
    method->file = strndup(file, strlen(file));
    return true;
}

static bool read_description(struct method *method, const char *path)
{
    json_error_t error;
    const char *file = "";
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        arguments_complain("%s:%d: %s", path, error.line > 0 ? error.line : 1, error.text);
        return false;
    }
    const json_t *described = find(root, method->name, &file);
    bool good = described && read_method(method, described, file, path);
    if (!described && known.count > 0)
        arguments_unknown("method", method->name, known_name, known.count);
    else if (!described)
        arguments_complain("%s: no service is described here; write it with semelc --describe=json", path);
    free(known.items);
    known = (struct names){0};
    json_decref(root);
    return good;
}

bool method_read(struct method *method, const char *name, const char *description)
{
    *method = (struct method){.options = SEMEL_CALL_OPTIONS_INIT, .name = strndup(name, strlen(name))};
    method->table.name = method->name;
    method->table.options = &method->options;
    if (method->name && (!description || read_description(method, description)))
        return true;
    method_fini(method);
    return false;
}

void method_fini(struct method *method)
{
    free(method->name);
    free(method->file);
    *method = (struct method){0};
}
