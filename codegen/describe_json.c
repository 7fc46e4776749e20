/* Describes services as JSON; the fields are documented in README.md.
 *
 * It must not know how options are read.  Reads best next: describe.h. */
#include "codegen/describe.h"

#include <jansson.h>
#include <stdlib.h>

const char *describe_mode(enum model_mode mode)
{
    switch (mode) {
    case MODE_IDEMPOTENT: return "idempotent";
    case MODE_NO_SIDE_EFFECTS: return "no-side-effects";
    default: return "at-most-once";
    }
}

const char *describe_on_unavailable(enum model_on_unavailable value)
{
    static const char *const names[] = {NULL, "WAIT", "FAIL", "DROP"};
    return names[value];
}

const char *describe_jitter(enum model_jitter value)
{
    static const char *const names[] = {NULL, "NONE", "FULL", "EQUAL", "DECORRELATED"};
    return names[value];
}

const char *describe_code(unsigned code)
{
    static const char *const names[] = {
        "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
        "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
        "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
        "DATA_LOSS", "UNAUTHENTICATED"};
    return code < sizeof names / sizeof *names ? names[code] : NULL;
}

/* Takes value over; out of memory ends the process, as it does everywhere in these programs (idl/arena.h). */
static void set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0) {
        fputs("semel: out of memory\n", stderr);
        exit(1);
    }
}

static void append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0) {
        fputs("semel: out of memory\n", stderr);
        exit(1);
    }
}

static json_t *number(int64_t value)
{
    return value == MODEL_UNSET ? json_null() : json_integer(value);
}

static json_t *word(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

static json_t *waits(const struct model_options *options)
{
    if (options->retry_interval_count == MODEL_UNSET)
        return json_null();
    json_t *array = json_array();
    for (int32_t i = 0; i < options->retry_interval_count; i++)
        append(array, json_integer(options->retry_intervals_ms[i]));
    return array;
}

static json_t *codes(uint32_t bits)
{
    if (bits == 0)
        return json_null();
    json_t *array = json_array();
    for (unsigned code = 0; describe_code(code) != NULL; code++)
        if ((bits >> code & 1) != 0)
            append(array, json_string(describe_code(code)));
    return array;
}

static json_t *describe_options(const struct model_options *options)
{
    json_t *object = json_object();
    double multiplier = options->retry_backoff_multiplier;
    set(object, "deadline_ms", number(options->deadline_ms));
    set(object, "attempt_timeout_ms", number(options->attempt_timeout_ms));
    set(object, "on_unavailable", word(describe_on_unavailable(options->on_unavailable)));
    set(object, "retry_intervals_ms", waits(options));
    set(object, "retry_max_attempts", number(options->retry_max_attempts));
    set(object, "retry_initial_backoff_ms", number(options->retry_initial_backoff_ms));
    set(object, "retry_max_backoff_ms", number(options->retry_max_backoff_ms));
    set(object, "retry_backoff_multiplier", multiplier > 0 ? json_real(multiplier) : json_null());
    set(object, "retry_jitter", word(describe_jitter(options->retry_jitter)));
    set(object, "retry_max_elapsed_ms", number(options->retry_max_elapsed_ms));
    set(object, "retryable_codes", codes(options->retryable_codes));
    set(object, "hedge_delay_ms", number(options->hedge_delay_ms));
    set(object, "hedge_max", number(options->hedge_max));
    return object;
}

static json_t *describe_errors(const struct model_options *options)
{
    json_t *array = json_array();
    for (size_t i = 0; i < options->error_count; i++)
        append(array, json_string(options->errors[i].message->full_name));
    return array;
}

static json_t *describe_method(const struct model_method *method)
{
    json_t *object = json_object();
    set(object, "name", json_string(method->name));
    set(object, "full_name", json_string(method->full_name));
    set(object, "id", json_sprintf("0x%016llx", (unsigned long long)method->id));
    set(object, "mode", json_string(describe_mode(method->mode)));
    set(object, "oneway", json_boolean(method->oneway));
    set(object, "transactional", json_boolean(method->transactional));
    set(object, "deprecated", json_boolean(method->deprecated));
    set(object, "request", json_string(method->request->full_name));
    set(object, "reply", json_string(method->reply->full_name));
    set(object, "errors", describe_errors(&method->options));
    set(object, "options", describe_options(&method->options));
    return object;
}

static json_t *describe_service(const struct model_file *file, const struct model_service *service)
{
    json_t *object = json_object();
    json_t *methods = json_array();
    set(object, "name", json_string(service->name));
    set(object, "full_name", json_string(service->full_name));
    set(object, "file", json_string(file->name));
    set(object, "deprecated", json_boolean(service->deprecated));
    for (size_t i = 0; i < service->method_count; i++)
        append(methods, describe_method(&service->methods[i]));
    set(object, "methods", methods);
    return object;
}

bool describe_json(FILE *to, const struct model *model)
{
    json_t *root = json_object();
    json_t *services = json_array();
    for (size_t i = 0; i < model->file_count; i++)
        for (size_t j = 0; j < model->files[i].service_count; j++)
            append(services, describe_service(&model->files[i], &model->files[i].services[j]));
    set(root, "services", services);
    bool written = json_dumpf(root, to, JSON_INDENT(2)) == 0 && fputc('\n', to) != EOF && fflush(to) == 0;
    json_decref(root);
    return written;
}
