/* Reads and checks option values, one by one, and merges the two levels.
 *
 * It must not know rules between options.  Reads best next: options.h, then errors.c. */
#include "idl/options.h"

#include "idl/duration.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

struct place options_place(const struct options_source *source, int32_t option)
{
    return locations_find(&source->file->locations, source->file->file.name, path_to(source->path, option, -1));
}

const char *options_name(int32_t option)
{
    static const char *const names[] = {
        [OPTION_RETRY_INTERVALS] = "retry_intervals_ms",
        [OPTION_DEADLINE] = "deadline",
        [OPTION_ONEWAY] = "oneway",
        [OPTION_ON_UNAVAILABLE] = "on_unavailable",
        [OPTION_ERRORS] = "errors",
        [OPTION_ATTEMPT_TIMEOUT] = "attempt_timeout",
        [OPTION_RETRY_MAX_ATTEMPTS] = "retry_max_attempts",
        [OPTION_RETRY_INITIAL_BACKOFF] = "retry_initial_backoff",
        [OPTION_RETRY_MAX_BACKOFF] = "retry_max_backoff",
        [OPTION_RETRY_BACKOFF_MULTIPLIER] = "retry_backoff_multiplier",
        [OPTION_RETRY_JITTER] = "retry_jitter",
        [OPTION_RETRY_MAX_ELAPSED] = "retry_max_elapsed",
        [OPTION_RETRYABLE_CODES] = "retryable_codes",
        [OPTION_HEDGE_DELAY] = "hedge_delay",
        [OPTION_HEDGE_MAX] = "hedge_max",
        [OPTION_TRANSACTIONAL] = "transactional",
    };
    return names[option];
}

bool options_say(const struct model_options *options, int32_t option)
{
    switch (option) {
    case OPTION_RETRY_INTERVALS: return options->retry_interval_count != MODEL_UNSET;
    case OPTION_DEADLINE: return options->deadline_ms != MODEL_UNSET;
    case OPTION_ON_UNAVAILABLE: return options->on_unavailable != ON_UNAVAILABLE_UNSET;
    case OPTION_ERRORS: return options->error_count > 0;
    case OPTION_ATTEMPT_TIMEOUT: return options->attempt_timeout_ms != MODEL_UNSET;
    case OPTION_RETRY_MAX_ATTEMPTS: return options->retry_max_attempts != MODEL_UNSET;
    case OPTION_RETRY_INITIAL_BACKOFF: return options->retry_initial_backoff_ms != MODEL_UNSET;
    case OPTION_RETRY_MAX_BACKOFF: return options->retry_max_backoff_ms != MODEL_UNSET;
    case OPTION_RETRY_BACKOFF_MULTIPLIER: return options->retry_backoff_multiplier != 0;
    case OPTION_RETRY_JITTER: return options->retry_jitter != JITTER_UNSET;
    case OPTION_RETRY_MAX_ELAPSED: return options->retry_max_elapsed_ms != MODEL_UNSET;
    case OPTION_RETRYABLE_CODES: return options->retryable_codes != 0;
    case OPTION_HEDGE_DELAY: return options->hedge_delay_ms != MODEL_UNSET;
    case OPTION_HEDGE_MAX: return options->hedge_max != MODEL_UNSET;
    default: return false;
    }
}

int32_t options_say_one_of(const struct model_options *options, const int32_t *list)
{
    for (; *list != 0; list++)
        if (options_say(options, *list))
            return *list;
    return 0;
}

const int32_t options_backoff[] = {OPTION_RETRY_MAX_ATTEMPTS, OPTION_RETRY_INITIAL_BACKOFF,
                                   OPTION_RETRY_MAX_BACKOFF,  OPTION_RETRY_BACKOFF_MULTIPLIER,
                                   OPTION_RETRY_JITTER,       0};

/* ---- durations ---- */

static const struct duration_option {
    int32_t option;
    int64_t least_ms;
    int64_t most_ms;
    size_t text;      /* its place in desc_Rules */
    size_t value;     /* its place in struct model_options */
    const char *zero; /* what "0" means, NULL: nothing */
} durations[] = {
#define DURATION(option, name, least, most, zero)                                                              \
    {                                                                                                          \
        option, least, most, offsetof(desc_Rules, name), offsetof(struct model_options, name##_ms), zero       \
    }
    DURATION(OPTION_DEADLINE, deadline, 0, MODEL_DEADLINE_MAX_MS, "no deadline"),
    DURATION(OPTION_ATTEMPT_TIMEOUT, attempt_timeout, 0, MODEL_DEADLINE_MAX_MS, "none"),
    DURATION(OPTION_RETRY_INITIAL_BACKOFF, retry_initial_backoff, 1, MODEL_RETRY_WAIT_MAX_MS, NULL),
    DURATION(OPTION_RETRY_MAX_BACKOFF, retry_max_backoff, 1, MODEL_RETRY_WAIT_MAX_MS, NULL),
    DURATION(OPTION_RETRY_MAX_ELAPSED, retry_max_elapsed, 0, MODEL_DEADLINE_MAX_MS, "no such limit"),
    DURATION(OPTION_HEDGE_DELAY, hedge_delay, 0, MODEL_RETRY_WAIT_MAX_MS, "at once"),
#undef DURATION
};

/* Reports what is wrong with the text of a duration; the tail tells of the largest one. */
static void report_duration(const struct options_source *source, const struct duration_option *entry,
                            const char *text, const char *problem)
{
    bool day = entry->most_ms == MODEL_DEADLINE_MAX_MS;
    const char *zero = entry->zero == NULL
                           ? ""
                           : arena_printf(&source->model->arena, "; \"0\" means %s", entry->zero);
    if (problem != NULL)
        diagnostics_error(source->list, options_place(source, entry->option), "%s: \"%s\" %s",
                          options_name(entry->option), text, problem);
    else
        diagnostics_error(source->list, options_place(source, entry->option), "%s: \"%s\" is more than %s%s",
                          options_name(entry->option), text, day ? "a day, \"1440min\"" : "an hour, \"60min\"",
                          zero);
}

static void read_duration(const struct options_source *source, const desc_Rules *rules,
                          const struct duration_option *entry, struct model_options *options)
{
    const char *text = *(char *const *)((const char *)rules + entry->text);
    int64_t ms;
    if (text == NULL)
        return;
    if (!duration_parse(text, &ms))
        report_duration(source, entry, text,
                        "is not a duration; write milliseconds as \"250\" or \"250ms\", or \"5s\", \"2min\"");
    else if (ms < entry->least_ms)
        report_duration(source, entry, text, "is no wait at all; write at least \"1ms\"");
    else if (ms > entry->most_ms)
        report_duration(source, entry, text, NULL);
    else
        *(int64_t *)((char *)options + entry->value) = ms;
}

/* ---- numbers ---- */

/* Whether value lies within the bounds; if not, it is told. */
static bool is_within(const struct options_source *source, int32_t option, int32_t value, int32_t least,
                      int32_t most, const char *meaning)
{
    if (value >= least && value <= most)
        return true;
    diagnostics_error(source->list, options_place(source, option), "%s: %d is not %s, from %d to %d",
                      options_name(option), (int)value, meaning, (int)least, (int)most);
    return false;
}

static void read_counts(const struct options_source *source, const desc_Rules *rules,
                        struct model_options *options)
{
    if (rules->has_retry_max_attempts &&
        is_within(source, OPTION_RETRY_MAX_ATTEMPTS, rules->retry_max_attempts, 1, MODEL_RETRIES_MAX + 1,
                  "a number of attempts, the first included"))
        options->retry_max_attempts = rules->retry_max_attempts;
    if (rules->has_hedge_max && is_within(source, OPTION_HEDGE_MAX, rules->hedge_max, 0, MODEL_HEDGES_MAX,
                                          "a number of further attempts"))
        options->hedge_max = rules->hedge_max;
}

static void read_multiplier(const struct options_source *source, const desc_Rules *rules,
                            struct model_options *options)
{
    double value = rules->retry_backoff_multiplier;
    if (!rules->has_retry_backoff_multiplier)
        return;
    if (isfinite(value) && value >= 1 && value <= MODEL_MULTIPLIER_MAX)
        options->retry_backoff_multiplier = value;
    else
        diagnostics_error(source->list, options_place(source, OPTION_RETRY_BACKOFF_MULTIPLIER),
                          "retry_backoff_multiplier: %g is not a factor from 1 to %d", value,
                          MODEL_MULTIPLIER_MAX);
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

/* ---- enumerations ---- */

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

static void read_jitter(const struct options_source *source, const desc_Rules *rules,
                        struct model_options *options)
{
    if (!rules->has_retry_jitter)
        return;
    if (rules->retry_jitter >= JITTER_NONE && rules->retry_jitter <= JITTER_DECORRELATED)
        options->retry_jitter = (enum model_jitter)rules->retry_jitter;
    else
        diagnostics_error(source->list, options_place(source, OPTION_RETRY_JITTER),
                          "retry_jitter: %d is none of NONE, FULL, EQUAL and DECORRELATED",
                          (int)rules->retry_jitter);
}

/* As in semel/options.proto, from 1. */
static const char *const code_names[] = {
    "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",   "NOT_FOUND",
    "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
    "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",         "DATA_LOSS",
    "UNAUTHENTICATED",
};
enum { CODE_COUNT = sizeof code_names / sizeof *code_names };

static void read_codes(const struct options_source *source, const desc_Rules *rules,
                       struct model_options *options)
{
    struct place place = options_place(source, OPTION_RETRYABLE_CODES);
    for (pb_size_t i = 0; i < rules->retryable_codes_count; i++) {
        int32_t code = rules->retryable_codes[i];
        if (code < 1 || code > CODE_COUNT) {
            diagnostics_error(source->list, place, "retryable_codes: %d is not a code a call can fail with",
                              (int)code);
            continue;
        }
        if (options->retryable_codes & UINT32_C(1) << code)
            diagnostics_warn(source->list, place, "retryable_codes: \"%s\" is listed twice",
                             code_names[code - 1]);
        options->retryable_codes |= UINT32_C(1) << code;
    }
}

/* ---- all of them ---- */

struct model_options options_read(const struct options_source *source, const desc_Rules *rules)
{
    struct model_options options = {.deadline_ms = MODEL_UNSET,
                                    .attempt_timeout_ms = MODEL_UNSET,
                                    .retry_interval_count = MODEL_UNSET,
                                    .retry_max_attempts = MODEL_UNSET,
                                    .retry_initial_backoff_ms = MODEL_UNSET,
                                    .retry_max_backoff_ms = MODEL_UNSET,
                                    .retry_max_elapsed_ms = MODEL_UNSET,
                                    .hedge_max = MODEL_UNSET,
                                    .hedge_delay_ms = MODEL_UNSET};
    if (rules == NULL)
        return options;
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++)
        read_duration(source, rules, &durations[i], &options);
    read_counts(source, rules, &options);
    read_multiplier(source, rules, &options);
    read_retries(source, rules, &options);
    read_on_unavailable(source, rules, &options);
    read_jitter(source, rules, &options);
    read_codes(source, rules, &options);
    return options;
}

/* ---- method over service ---- */

static void inherit(int64_t *value, int64_t inherited)
{
    if (*value == MODEL_UNSET)
        *value = inherited;
}

static void inherit_count(int32_t *value, int32_t inherited)
{
    if (*value == MODEL_UNSET)
        *value = inherited;
}

/* The two families, a list of waits and a backoff, exclude each other: that of the method wins whole. */
static void merge_retries(struct model_options *merged, const struct model_options *service)
{
    if (options_say(merged, OPTION_RETRY_INTERVALS))
        return;
    if (options_say_one_of(merged, options_backoff) == 0) {
        merged->retry_interval_count = service->retry_interval_count;
        merged->retry_intervals_ms = service->retry_intervals_ms;
    }
    inherit_count(&merged->retry_max_attempts, service->retry_max_attempts);
    inherit(&merged->retry_initial_backoff_ms, service->retry_initial_backoff_ms);
    inherit(&merged->retry_max_backoff_ms, service->retry_max_backoff_ms);
    if (merged->retry_backoff_multiplier == 0)
        merged->retry_backoff_multiplier = service->retry_backoff_multiplier;
    if (merged->retry_jitter == JITTER_UNSET)
        merged->retry_jitter = service->retry_jitter;
}

/* What the service says of operations that may run again reaches those only. */
static void merge_again(const struct model_method *method, struct model_options *merged,
                        const struct model_options *service)
{
    if (!options_may_run_again(method) || merged->on_unavailable == ON_UNAVAILABLE_DROP)
        return;
    if (merged->retryable_codes == 0)
        merged->retryable_codes = service->retryable_codes;
    inherit_count(&merged->hedge_max, service->hedge_max);
    inherit(&merged->hedge_delay_ms, service->hedge_delay_ms);
}

static bool says_anything(const struct model_options *options)
{
    for (int32_t option = OPTION_FIRST; option <= OPTION_LAST; option++)
        if (option != OPTION_ERRORS && options_say(options, option))
            return true;
    return false;
}

bool options_may_run_again(const struct model_method *method)
{
    return !method->oneway && method->mode != MODE_AT_MOST_ONCE;
}

struct model_options options_merge(const struct model_method *method, const struct model_options *written,
                                   const struct model_options *service)
{
    struct model_options merged = *written;
    inherit(&merged.deadline_ms, service->deadline_ms);
    inherit(&merged.attempt_timeout_ms, service->attempt_timeout_ms);
    inherit(&merged.retry_max_elapsed_ms, service->retry_max_elapsed_ms);
    if (merged.on_unavailable == ON_UNAVAILABLE_UNSET)
        merged.on_unavailable = service->on_unavailable;
    merge_retries(&merged, service);
    merge_again(method, &merged, service);
    merged.said = says_anything(&merged);
    return merged;
}
