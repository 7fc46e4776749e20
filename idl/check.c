/* The rules between options.  To add one: write a judge, add it to the table, add a golden .proto that
 * breaks it.
 *
 * It must not know how values are read.  Reads best next: check.h. */
#include "idl/check.h"

enum { METHOD_OUTPUT = 3, METHOD_OPTIONS = 4, OPTION_IDEMPOTENCY = 34 };

typedef void judge(const struct check_method *subject);

static struct place place_of(const struct check_method *subject, struct path path)
{
    struct request_file *file = subject->source->file;
    return locations_find(&file->locations, file->file.name, path);
}

static void oneway_without_retry(const struct check_method *subject)
{
    if (subject->written->retry_interval_count > 0)
        diagnostics_error(
            subject->source->list, options_place(subject->source, OPTION_RETRY_INTERVALS),
            "retry_intervals_ms: method %s is oneway, nobody waits for it; it keeps to those of its "
            "service",
            subject->method->full_name);
}

static void oneway_without_reply(const struct check_method *subject)
{
    const struct model_message *reply = subject->method->reply;
    if (reply == NULL || reply->field_count == 0)
        return;
    diagnostics_error(subject->source->list, place_of(subject, path_to(subject->path, METHOD_OUTPUT, -1)),
                      "method %s is oneway, so its reply must be an empty message, but %s has %zu field%s",
                      subject->method->full_name, reply->full_name, reply->field_count,
                      reply->field_count == 1 ? "" : "s");
}

static void oneway_without_errors(const struct check_method *subject)
{
    if (subject->written->error_count > 0)
        diagnostics_error(subject->source->list, options_place(subject->source, OPTION_ERRORS),
                          "errors: method %s is oneway, so nobody would receive them",
                          subject->method->full_name);
}

static void oneway_with_an_effect(const struct check_method *subject)
{
    if (subject->method->mode != MODE_NO_SIDE_EFFECTS)
        return;
    struct path options = path_to(subject->path, METHOD_OPTIONS, -1);
    diagnostics_error(
        subject->source->list, place_of(subject, path_to(options, OPTION_IDEMPOTENCY, -1)),
        "idempotency_level: method %s is oneway and answers nothing, so with NO_SIDE_EFFECTS it would "
        "do nothing at all",
        subject->method->full_name);
}

static judge *const oneway_judges[] = {
    oneway_without_retry,
    oneway_without_reply,
    oneway_without_errors,
    oneway_with_an_effect,
};

void check_method(const struct check_method *subject)
{
    if (!subject->method->oneway)
        return;
    for (size_t i = 0; i < sizeof oneway_judges / sizeof *oneway_judges; i++)
        oneway_judges[i](subject);
}

void check_options(const struct options_source *source, const struct model_options *written)
{
    if (written->on_unavailable == ON_UNAVAILABLE_DROP && written->retry_interval_count > 0)
        diagnostics_error(source->list, options_place(source, OPTION_RETRY_INTERVALS),
                          "retry_intervals_ms: on_unavailable is DROP, which never retries");
}
