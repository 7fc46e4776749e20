/* The rules between options.  To add one: write a judge, add it to its table, add a golden .proto that
 * breaks it.
 *
 * It must not know how values are read.  Reads best next: check.h. */
#include "idl/check.h"

#include <inttypes.h>

enum { METHOD_OUTPUT = 3, METHOD_OPTIONS = 4, OPTION_IDEMPOTENCY = 34 };

typedef void judge(const struct check_method *subject);

static struct place place_of(const struct check_method *subject, struct path path)
{
    struct request_file *file = subject->source->file;
    return locations_find(&file->locations, file->file.name, path);
}

/* ---- oneway ---- */

static void oneway_without_retry(const struct check_method *subject)
{
    static const int32_t backoff[] = {OPTION_RETRY_INITIAL_BACKOFF,    OPTION_RETRY_MAX_BACKOFF,
                                      OPTION_RETRY_BACKOFF_MULTIPLIER, OPTION_RETRY_JITTER,
                                      OPTION_RETRY_MAX_ELAPSED,        0};
    const struct model_options *written = subject->written;
    int32_t option = options_say_one_of(written, backoff);
    if (written->retry_interval_count > 0)
        option = OPTION_RETRY_INTERVALS;
    else if (written->retry_max_attempts > 1)
        option = OPTION_RETRY_MAX_ATTEMPTS;
    if (option != 0)
        diagnostics_error(subject->source->list, options_place(subject->source, option),
                          "%s: method %s is oneway, nobody waits for it; it keeps to the retries of its "
                          "service",
                          options_name(option), subject->method->full_name);
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

/* ---- transactional ---- */

static void transactional_with_an_effect(const struct check_method *subject)
{
    if (subject->method->transactional && subject->method->mode == MODE_NO_SIDE_EFFECTS)
        diagnostics_error(subject->source->list, options_place(subject->source, OPTION_TRANSACTIONAL),
                          "transactional: method %s has no side effects, so there is nothing to commit",
                          subject->method->full_name);
}

/* ---- what needs operations that may run again ---- */

static const int32_t hedging[] = {OPTION_HEDGE_MAX, OPTION_HEDGE_DELAY, 0};

/* hedge_max: 0 asks for nothing. */
static bool hedges(const struct model_options *options)
{
    return options->hedge_max > 0 || (options->hedge_max != 0 && options_say(options, OPTION_HEDGE_DELAY));
}

static void again_only_if_it_may(const struct check_method *subject)
{
    const struct model_options *written = subject->written;
    const struct model_method *method = subject->method;
    int32_t option = options_say(written, OPTION_RETRYABLE_CODES) ? OPTION_RETRYABLE_CODES
                     : hedges(written)                            ? options_say_one_of(written, hedging)
                                                                  : 0;
    if (option == 0 || options_may_run_again(method))
        return;
    struct place place = options_place(subject->source, option);
    if (method->oneway)
        diagnostics_error(subject->source->list, place,
                          "%s: method %s is oneway, there is no answer to wait for", options_name(option),
                          method->full_name);
    else
        diagnostics_error(subject->source->list, place,
                          "%s: method %s is executed at most once; if it may run again, say so: option "
                          "idempotency_level = IDEMPOTENT;",
                          options_name(option), method->full_name);
}

static void hedges_are_counted(const struct check_method *subject)
{
    const struct model_options *merged = &subject->method->options;
    if (!options_say(merged, OPTION_HEDGE_DELAY) || options_say(merged, OPTION_HEDGE_MAX))
        return;
    if (options_say(subject->written, OPTION_HEDGE_DELAY) && options_may_run_again(subject->method))
        diagnostics_error(subject->source->list, options_place(subject->source, OPTION_HEDGE_DELAY),
                          "hedge_delay: how many further attempts?  Add hedge_max to method %s or its service",
                          subject->method->full_name);
}

/* ---- what one level may not undo of the other ---- */

static void retries_under_drop(const struct check_method *subject)
{
    static const int32_t list[] = {OPTION_RETRY_INTERVALS,
                                   OPTION_RETRY_MAX_ATTEMPTS,
                                   OPTION_RETRY_INITIAL_BACKOFF,
                                   OPTION_RETRY_MAX_BACKOFF,
                                   OPTION_RETRY_BACKOFF_MULTIPLIER,
                                   OPTION_RETRY_JITTER,
                                   OPTION_RETRY_MAX_ELAPSED,
                                   OPTION_RETRYABLE_CODES,
                                   OPTION_HEDGE_MAX,
                                   OPTION_HEDGE_DELAY,
                                   0};
    const struct model_options *written = subject->written;
    int32_t option = options_say_one_of(written, list);
    if (option != 0 && subject->service->on_unavailable == ON_UNAVAILABLE_DROP &&
        !options_say(written, OPTION_ON_UNAVAILABLE))
        diagnostics_error(subject->source->list, options_place(subject->source, option),
                          "%s: the service of method %s says on_unavailable: DROP, which never tries again; "
                          "say FAIL or WAIT in the method",
                          options_name(option), subject->method->full_name);
}

static void tuning_of_nothing(const struct check_method *subject)
{
    int32_t option = options_say_one_of(subject->written, options_backoff);
    if (option != 0 && subject->service->retry_interval_count > 0 &&
        !options_say(subject->written, OPTION_RETRY_MAX_ATTEMPTS))
        diagnostics_warn(subject->source->list, options_place(subject->source, option),
                         "%s: a backoff in place of the retry_intervals_ms of its service, but method %s "
                         "does not say retry_max_attempts",
                         options_name(option), subject->method->full_name);
}

/* ---- spans of time: one must stay below the other ---- */

struct span {
    int32_t small;
    int32_t large;
    enum severity severity;
    bool equal; /* whether both may be the same */
    const char *problem;
};

static const struct span spans[] = {
    {OPTION_ATTEMPT_TIMEOUT, OPTION_DEADLINE, SEVERITY_ERROR, false,
     "must be less than the deadline, or 0 for none"},
    {OPTION_HEDGE_DELAY, OPTION_DEADLINE, SEVERITY_ERROR, false,
     "must be less than the deadline, or nothing is ever hedged"},
    {OPTION_RETRY_INITIAL_BACKOFF, OPTION_RETRY_MAX_BACKOFF, SEVERITY_ERROR, true,
     "must not be more than retry_max_backoff"},
    {OPTION_RETRY_MAX_ELAPSED, OPTION_DEADLINE, SEVERITY_WARNING, true,
     "is more than the deadline, which ends the call before it has any effect"},
};

static int64_t span_of(const struct model_options *options, int32_t option)
{
    switch (option) {
    case OPTION_DEADLINE: return options->deadline_ms;
    case OPTION_ATTEMPT_TIMEOUT: return options->attempt_timeout_ms;
    case OPTION_RETRY_MAX_ELAPSED: return options->retry_max_elapsed_ms;
    case OPTION_RETRY_INITIAL_BACKOFF: return options->retry_initial_backoff_ms;
    case OPTION_RETRY_MAX_BACKOFF: return options->retry_max_backoff_ms;
    default: return hedges(options) ? options->hedge_delay_ms : MODEL_UNSET;
    }
}

static bool is_broken(const struct span *span, const struct model_options *options)
{
    int64_t small = span_of(options, span->small);
    int64_t large = span_of(options, span->large);
    if (small <= 0 || large <= 0) /* unset, or no limit asked for */
        return false;
    return span->equal ? small > large : small >= large;
}

static void tell_span(const struct options_source *source, const struct span *span, int32_t at,
                      const struct model_options *options, const char *of)
{
    struct place place = options_place(source, at);
    const char *small = at == span->small
                            ? ""
                            : arena_printf(source->list->arena, "%s of ", options_name(span->small));
    const char *text = arena_printf(source->list->arena, "%s: %s%" PRId64 " ms %s (%s: %" PRId64 " ms)%s",
                                    options_name(at), small, span_of(options, span->small), span->problem,
                                    options_name(span->large), span_of(options, span->large), of);
    if (span->severity == SEVERITY_ERROR)
        diagnostics_error(source->list, place, "%s", text);
    else
        diagnostics_warn(source->list, place, "%s", text);
}

/* A pair that the service wrote alone is told at the service. */
static void spans_of_both(const struct check_method *subject)
{
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        const struct span *span = &spans[i];
        bool small = options_say(subject->written, span->small);
        bool large = options_say(subject->written, span->large);
        if (small != large && is_broken(span, &subject->method->options))
            tell_span(subject->source, span, small ? span->small : span->large, &subject->method->options,
                      "; the other stands in the service");
    }
}

/* ---- the tables ---- */

static judge *const oneway_judges[] = {
    oneway_without_retry,
    oneway_without_reply,
    oneway_without_errors,
    oneway_with_an_effect,
};

static judge *const judges[] = {
    transactional_with_an_effect, again_only_if_it_may, hedges_are_counted,
    retries_under_drop,           tuning_of_nothing,    spans_of_both,
};

void check_method(const struct check_method *subject)
{
    for (size_t i = 0; subject->method->oneway && i < sizeof oneway_judges / sizeof *oneway_judges; i++)
        oneway_judges[i](subject);
    for (size_t i = 0; i < sizeof judges / sizeof *judges; i++)
        judges[i](subject);
}

/* ---- one option alone ---- */

static void check_drop(const struct options_source *source, const struct model_options *written)
{
    static const int32_t list[] = {OPTION_RETRY_MAX_ATTEMPTS, OPTION_RETRY_INITIAL_BACKOFF,
                                   OPTION_RETRY_MAX_BACKOFF,  OPTION_RETRY_BACKOFF_MULTIPLIER,
                                   OPTION_RETRY_JITTER,       OPTION_RETRY_MAX_ELAPSED,
                                   OPTION_RETRYABLE_CODES,    0};
    if (written->on_unavailable != ON_UNAVAILABLE_DROP)
        return;
    int32_t retry = written->retry_interval_count > 0 ? OPTION_RETRY_INTERVALS
                                                      : options_say_one_of(written, list);
    if (retry != 0)
        diagnostics_error(source->list, options_place(source, retry),
                          "%s: on_unavailable is DROP, which never retries", options_name(retry));
    int32_t hedge = hedges(written) ? options_say_one_of(written, hedging) : 0;
    if (hedge != 0)
        diagnostics_error(source->list, options_place(source, hedge),
                          "%s: on_unavailable is DROP, best effort, which sends nothing twice",
                          options_name(hedge));
}

static void check_family(const struct options_source *source, const struct model_options *written)
{
    int32_t backoff = options_say_one_of(written, options_backoff);
    if (backoff != 0 && options_say(written, OPTION_RETRY_INTERVALS))
        diagnostics_error(source->list, options_place(source, backoff),
                          "%s: waits are either listed by retry_intervals_ms or made by a backoff; leave one "
                          "of them out",
                          options_name(backoff));
}

void check_options(const struct options_source *source, const struct model_options *written)
{
    check_drop(source, written);
    check_family(source, written);
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
        if (is_broken(&spans[i], written))
            tell_span(source, &spans[i], spans[i].small, written, "");
}

/* ---- a service and all its methods ---- */

static const struct model_method *find_uncounted(const struct model_service *service)
{
    for (size_t i = 0; i < service->method_count; i++) {
        const struct model_method *method = &service->methods[i];
        if (options_may_run_again(method) && options_say(&method->options, OPTION_HEDGE_DELAY) &&
            !options_say(&method->options, OPTION_HEDGE_MAX))
            return method;
    }
    return NULL;
}

static bool any_may_run_again(const struct model_service *service)
{
    for (size_t i = 0; i < service->method_count; i++)
        if (options_may_run_again(&service->methods[i]))
            return true;
    return false;
}

void check_service(const struct options_source *source, const struct model_options *written,
                   const struct model_service *service)
{
    static const int32_t again[] = {OPTION_RETRYABLE_CODES, OPTION_HEDGE_MAX, OPTION_HEDGE_DELAY, 0};
    int32_t option = options_say_one_of(written, again);
    if (option == 0 || service->method_count == 0)
        return;
    const struct model_method *uncounted = find_uncounted(service);
    if (!any_may_run_again(service))
        diagnostics_warn(source->list, options_place(source, option),
                         "%s: no method of service %s may run again, so it has no effect; "
                         "idempotency_level marks those that may",
                         options_name(option), service->full_name);
    else if (uncounted != NULL && options_say(written, OPTION_HEDGE_DELAY))
        diagnostics_error(source->list, options_place(source, OPTION_HEDGE_DELAY),
                          "hedge_delay: how many further attempts?  Neither service %s nor its method %s says "
                          "hedge_max",
                          service->full_name, uncounted->name);
}
