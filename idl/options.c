/* Reads and checks option values.
 *
 * It must not know rules between options.  Reads best next: options.h. */
#include "idl/options.h"

#include "idl/duration.h"
#include "idl/names.h"

#include <string.h>

struct place options_place(const struct options_source *source, int32_t option)
{
    return locations_find(&source->file->locations, source->file->file.name, path_to(source->path, option, -1));
}

static void read_deadline(const struct options_source *source, const desc_Rules *rules,
                          struct model_options *options)
{
    int64_t deadline_ms;
    if (rules->deadline == NULL)
        return;
    struct place place = options_place(source, OPTION_DEADLINE);
    if (!duration_parse(rules->deadline, &deadline_ms))
        diagnostics_error(source->list, place,
                          "deadline: \"%s\" is not a duration; write milliseconds as \"250\" or "
                          "\"250ms\", or \"5s\", \"2min\"",
                          rules->deadline);
    else if (deadline_ms > MODEL_DEADLINE_MAX_MS)
        diagnostics_error(source->list, place,
                          "deadline: \"%s\" is more than a day, \"1440min\"; \"0\" means no "
                          "deadline",
                          rules->deadline);
    else
        options->deadline_ms = deadline_ms;
}

/* Reports the first thing that is wrong with the list; NULL when it is right. */
static const char *retry_problem(struct arena *arena, const desc_Rules *rules)
{
    if (rules->retry_intervals_ms_count > MODEL_RETRIES_MAX)
        return arena_printf(arena, "%u waits, but at most %d are allowed",
                            (unsigned)rules->retry_intervals_ms_count, MODEL_RETRIES_MAX);
    for (pb_size_t i = 0; i < rules->retry_intervals_ms_count; i++) {
        int32_t wait = rules->retry_intervals_ms[i];
        if (wait == -1 && rules->retry_intervals_ms_count > 1)
            return "-1 means no retry and stands alone";
        if (wait < -1)
            return arena_printf(arena, "%d is not a wait; write milliseconds, or -1 alone for no retry",
                                (int)wait);
        if (wait > MODEL_RETRY_WAIT_MAX_MS)
            return arena_printf(arena, "%d is more than an hour, %d", (int)wait, MODEL_RETRY_WAIT_MAX_MS);
    }
    return NULL;
}

static void read_retries(const struct options_source *source, const desc_Rules *rules,
                         struct model_options *options)
{
    pb_size_t count = rules->retry_intervals_ms_count;
    if (count == 0)
        return;
    const char *problem = retry_problem(&source->model->arena, rules);
    if (problem != NULL) {
        diagnostics_error(source->list, options_place(source, OPTION_RETRY_INTERVALS), "retry_intervals_ms: %s",
                          problem);
        return;
    }
    if (rules->retry_intervals_ms[0] == -1) {
        options->retry_interval_count = 0;
        return;
    }
    uint32_t *waits = arena_alloc(&source->model->arena, count * sizeof *waits);
    for (pb_size_t i = 0; i < count; i++)
        waits[i] = (uint32_t)rules->retry_intervals_ms[i];
    options->retry_intervals_ms = waits;
    options->retry_interval_count = count;
}

static void read_on_unavailable(const struct options_source *source, const desc_Rules *rules,
                                struct model_options *options)
{
    if (!rules->has_on_unavailable)
        return;
    if (rules->on_unavailable >= ON_UNAVAILABLE_WAIT && rules->on_unavailable <= ON_UNAVAILABLE_DROP)
        options->on_unavailable = (enum model_on_unavailable)rules->on_unavailable;
    else
        diagnostics_error(source->list, options_place(source, OPTION_ON_UNAVAILABLE),
                          "on_unavailable: %d is none of WAIT, FAIL and DROP", (int)rules->on_unavailable);
}

static void report_unknown_error(const struct options_source *source, const char *name)
{
    const struct model *model = source->model;
    const char **known = arena_alloc(&source->model->arena, model->message_count * sizeof *known);
    for (size_t i = 0; i < model->message_count; i++)
        known[i] = model->messages[i].full_name;
    const char *nearest = name_nearest(name, known, model->message_count);
    struct place place = options_place(source, OPTION_ERRORS);
    if (nearest != NULL)
        diagnostics_error(source->list, place, "errors: \"%s\" is not a known message; did you mean \"%s\"?",
                          name, nearest);
    else
        diagnostics_error(source->list, place,
                          "errors: \"%s\" is not a known message; write its full name, and import its file",
                          name);
}

static void read_errors(const struct options_source *source, const desc_Rules *rules,
                        struct model_options *options)
{
    const char **errors = arena_alloc(&source->model->arena, rules->errors_count * sizeof *errors);
    options->errors = errors;
    for (pb_size_t i = 0; i < rules->errors_count; i++) {
        const char *name = rules->errors[i];
        const struct model_message *message = model_find_message(source->model, *name == '.' ? name + 1 : name);
        if (message == NULL)
            report_unknown_error(source, name);
        else
            errors[options->error_count++] = message->full_name;
    }
}

struct model_options options_read(const struct options_source *source, const desc_Rules *rules)
{
    struct model_options options = {.deadline_ms = MODEL_UNSET, .retry_interval_count = MODEL_UNSET};
    if (rules == NULL)
        return options;
    read_deadline(source, rules, &options);
    read_retries(source, rules, &options);
    read_on_unavailable(source, rules, &options);
    read_errors(source, rules, &options);
    return options;
}

static bool holds(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void add_errors(const char **errors, size_t *count, const struct model_options *from)
{
    for (size_t i = 0; i < from->error_count; i++)
        if (!holds(errors, *count, from->errors[i]))
            errors[(*count)++] = from->errors[i];
}

struct model_options options_merge(struct arena *arena, const struct model_options *method,
                                   const struct model_options *service)
{
    struct model_options merged = *method;
    if (merged.deadline_ms == MODEL_UNSET)
        merged.deadline_ms = service->deadline_ms;
    if (merged.retry_interval_count == MODEL_UNSET) {
        merged.retry_interval_count = service->retry_interval_count;
        merged.retry_intervals_ms = service->retry_intervals_ms;
    }
    if (merged.on_unavailable == ON_UNAVAILABLE_UNSET)
        merged.on_unavailable = service->on_unavailable;
    const char **errors = arena_alloc(arena, (method->error_count + service->error_count) * sizeof *errors);
    merged.errors = errors;
    merged.error_count = 0;
    add_errors(errors, &merged.error_count, method);
    add_errors(errors, &merged.error_count, service);
    return merged;
}
