/* Resolving the policy of a call: layers of options, laid over one another.
 *
 * Reads best next: policy.h. */
#include "client/policy.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/properties.h"
#include "core/units.h"

/* OnUnavailable=wait without RetryIntervals: quick at first, then once a second until the deadline. */
static const uint32_t waiting_intervals_ms[] = {0, 50, 100, 250, 500, 1000};

enum {
    ATTEMPTS_MAX = LIMIT_RETRY_INTERVALS + 1,
    WAIT_MAX_MS = 60 * 60 * 1000,
    ELAPSED_MAX_MS = 24 * 60 * 60 * 1000,
    MULTIPLIER_MAX = 100,
    CODES_MASK = 0x1ffff /* the 17 codes; the bit of OK says that the set is wanted even if empty */
};

#define THOUSANDTHS 1000.0 /* the unit in which the property keeps the multiplier */

static const semel_call_options unset = SEMEL_CALL_OPTIONS_INIT;

/* ---- what may be asked for ---- */

static bool within(int64_t value, int64_t least, int64_t most)
{
    return value == SEMEL_UNSET || (value >= least && value <= most);
}

static bool numbers_fit(const semel_call_options *options)
{
    double multiplier = options->retry_backoff_multiplier;
    return within(options->deadline_ms, 0, INT64_MAX / MS_IN_NS) &&
           within(options->attempt_timeout_ms, 0, INT64_MAX / MS_IN_NS) &&
           within(options->retry_interval_count, 0, LIMIT_RETRY_INTERVALS) &&
           within(options->retry_max_attempts, 1, ATTEMPTS_MAX) &&
           within(options->retry_initial_backoff_ms, 1, WAIT_MAX_MS) &&
           within(options->retry_max_backoff_ms, 1, WAIT_MAX_MS) &&
           within(options->retry_max_elapsed_ms, 0, ELAPSED_MAX_MS) &&
           within(options->hedge_max, 0, LIMIT_HEDGES) && within(options->hedge_delay_ms, 0, WAIT_MAX_MS) &&
           (multiplier == 0 || (isfinite(multiplier) && multiplier >= 1 && multiplier <= MULTIPLIER_MAX));
}

const char *policy_problem(const struct semel_method *method, const semel_call_options *options)
{
    if (!numbers_fit(options) || (unsigned)options->on_unavailable > SEMEL_ON_UNAVAILABLE_DROP ||
        (unsigned)options->retry_jitter > SEMEL_JITTER_DECORRELATED ||
        (options->retryable_codes & ~(uint32_t)CODES_MASK) != 0 ||
        (options->retry_interval_count > 0 && options->retry_intervals_ms == NULL))
        return "call options: a field is out of its range";
    if (options->retry_interval_count >= 0 && options->retry_max_attempts >= 0)
        return "call options: retry_intervals_ms and retry_max_attempts exclude each other";
    bool runs_again = options->hedge_max > 0 || options->retryable_codes != 0;
    if (runs_again && method->mode == SEMEL_AT_MOST_ONCE)
        return "call options: hedging and retryable codes need an idempotent operation";
    return NULL;
}

/* ---- layers ---- */

/* Of a list of waits and a backoff, the layer that is asked later rules whole. */
static void lay_retries(semel_call_options *under, const semel_call_options *over)
{
    if (over->retry_interval_count != SEMEL_UNSET) {
        under->retry_interval_count = over->retry_interval_count;
        under->retry_intervals_ms = over->retry_intervals_ms;
        under->retry_max_attempts = SEMEL_UNSET;
    }
    if (over->retry_max_attempts != SEMEL_UNSET) {
        under->retry_max_attempts = over->retry_max_attempts;
        under->retry_interval_count = SEMEL_UNSET;
        under->retry_intervals_ms = NULL;
    }
}

static void lay_over(semel_call_options *under, const semel_call_options *over)
{
#define LAY(field, nothing)                                                                                    \
    do {                                                                                                       \
        if (over->field != (nothing))                                                                          \
            under->field = over->field;                                                                        \
    } while (0)
    lay_retries(under, over);
    LAY(deadline_ms, SEMEL_UNSET);
    LAY(attempt_timeout_ms, SEMEL_UNSET);
    LAY(on_unavailable, SEMEL_ON_UNAVAILABLE_UNSET);
    LAY(retry_jitter, SEMEL_JITTER_UNSET);
    LAY(retry_initial_backoff_ms, SEMEL_UNSET);
    LAY(retry_max_backoff_ms, SEMEL_UNSET);
    LAY(retry_backoff_multiplier, 0);
    LAY(retry_max_elapsed_ms, SEMEL_UNSET);
    LAY(retryable_codes, 0);
    LAY(hedge_max, SEMEL_UNSET);
    LAY(hedge_delay_ms, SEMEL_UNSET);
#undef LAY
}

static void ask(const struct properties_snapshot *properties, const struct properties_scope *scope,
                enum properties_key key, int64_t *value)
{
    (void)snapshot_find_int(properties, scope, key, value); /* left unset if it is set nowhere */
}

/* Of a list and a backoff, the one that is set in the more specific scope rules. */
static void ask_retries(const struct properties_snapshot *properties, const struct properties_scope *scope,
                        semel_call_options *layer)
{
    int64_t attempts = SEMEL_UNSET;
    size_t count;
    int list = (int)snapshot_level(properties, scope, PROPERTIES_RETRY_INTERVALS);
    int backoff = (int)snapshot_level(properties, scope, PROPERTIES_RETRY_MAX_ATTEMPTS);
    if (list >= 0 && (backoff < 0 || list <= backoff) &&
        snapshot_find_intervals(properties, scope, &layer->retry_intervals_ms, &count)) {
        layer->retry_interval_count = (int32_t)count;
        return;
    }
    ask(properties, scope, PROPERTIES_RETRY_MAX_ATTEMPTS, &attempts);
    layer->retry_max_attempts = (int32_t)attempts;
}

static semel_call_options properties_layer(const struct properties_snapshot *properties,
                                           const struct properties_scope *scope)
{
    semel_call_options layer = unset;
    int64_t on_unavailable = SEMEL_ON_UNAVAILABLE_UNSET;
    int64_t jitter = SEMEL_JITTER_UNSET;
    int64_t multiplier = 0;
    int64_t codes = 0;
    int64_t hedge_max = SEMEL_UNSET;
    ask_retries(properties, scope, &layer);
    ask(properties, scope, PROPERTIES_DEADLINE, &layer.deadline_ms);
    ask(properties, scope, PROPERTIES_ATTEMPT_TIMEOUT, &layer.attempt_timeout_ms);
    ask(properties, scope, PROPERTIES_ON_UNAVAILABLE, &on_unavailable);
    ask(properties, scope, PROPERTIES_RETRY_JITTER, &jitter);
    ask(properties, scope, PROPERTIES_RETRY_INITIAL_BACKOFF, &layer.retry_initial_backoff_ms);
    ask(properties, scope, PROPERTIES_RETRY_MAX_BACKOFF, &layer.retry_max_backoff_ms);
    ask(properties, scope, PROPERTIES_RETRY_BACKOFF_MULTIPLIER, &multiplier);
    ask(properties, scope, PROPERTIES_RETRY_MAX_ELAPSED, &layer.retry_max_elapsed_ms);
    ask(properties, scope, PROPERTIES_RETRYABLE_CODES, &codes);
    ask(properties, scope, PROPERTIES_HEDGE_MAX, &hedge_max);
    ask(properties, scope, PROPERTIES_HEDGE_DELAY, &layer.hedge_delay_ms);
    layer.on_unavailable = (enum semel_on_unavailable)on_unavailable;
    layer.retry_jitter = (enum semel_jitter)jitter;
    layer.retry_backoff_multiplier = (double)multiplier / THOUSANDTHS;
    layer.retryable_codes = (uint32_t)codes;
    layer.hedge_max = (int32_t)hedge_max;
    return layer;
}

/* ---- from options to the terms of the decision ---- */

static int64_t or_default(int64_t value, enum properties_key key)
{
    return value != SEMEL_UNSET ? value : properties_get_int(NULL, NULL, key);
}

static void set_backoff(struct policy *policy)
{
    const semel_call_options *options = &policy->options;
    struct backoff *backoff = &policy->retry.backoff;
    int64_t multiplier = properties_get_int(NULL, NULL, PROPERTIES_RETRY_BACKOFF_MULTIPLIER);
    *backoff = (struct backoff){
        .max_attempts = (uint32_t)options->retry_max_attempts,
        .initial_ms = (uint32_t)or_default(options->retry_initial_backoff_ms, PROPERTIES_RETRY_INITIAL_BACKOFF),
        .max_ms = (uint32_t)or_default(options->retry_max_backoff_ms, PROPERTIES_RETRY_MAX_BACKOFF),
        .multiplier = options->retry_backoff_multiplier != 0 ? options->retry_backoff_multiplier
                                                             : (double)multiplier / THOUSANDTHS,
        .jitter = options->retry_jitter != SEMEL_JITTER_UNSET ? options->retry_jitter : SEMEL_JITTER_FULL,
    };
}

static void set_intervals(struct policy *policy, const uint32_t *intervals_ms, size_t count)
{
    if (count > 0)
        memcpy(policy->intervals_ms, intervals_ms, count * sizeof *intervals_ms);
    policy->retry.intervals_ms = policy->intervals_ms;
    policy->retry.interval_count = (uint32_t)count;
    if (policy->options.retry_interval_count > 0)
        policy->options.retry_intervals_ms = policy->intervals_ms;
}

/* What nobody asked for follows on_unavailable. */
static void set_default_intervals(struct policy *policy)
{
    const uint32_t *intervals_ms = waiting_intervals_ms;
    size_t count = sizeof waiting_intervals_ms / sizeof *waiting_intervals_ms;
    if (policy->retry.on_unavailable != SEMEL_ON_UNAVAILABLE_WAIT)
        properties_get_intervals(NULL, NULL, &intervals_ms, &count);
    set_intervals(policy, intervals_ms, count);
}

static void set_retries(struct policy *policy)
{
    const semel_call_options *options = &policy->options;
    if (options->retry_max_attempts != SEMEL_UNSET)
        set_backoff(policy);
    else if (options->retry_interval_count != SEMEL_UNSET)
        set_intervals(policy, options->retry_intervals_ms, (size_t)options->retry_interval_count);
    else
        set_default_intervals(policy);
}

/* Hedges and retryable codes hold for operations that may run again; for others they are nobody's wish. */
static void set_reruns(struct policy *policy)
{
    const semel_call_options *options = &policy->options;
    policy->retry.retryable_codes = options->retryable_codes;
    policy->hedge_max = (uint32_t)or_default(options->hedge_max, PROPERTIES_HEDGE_MAX);
    policy->hedge_delay_ns = or_default(options->hedge_delay_ms, PROPERTIES_HEDGE_DELAY) * MS_IN_NS;
}

/* Makes the terms of policy->options, which may point to intervals elsewhere: they are copied. */
static void settle(struct policy *policy, const struct semel_method *method)
{
    const semel_call_options *options = &policy->options;
    policy->references = 1;
    policy->hedge_max = 0;
    policy->hedge_delay_ns = 0;
    policy->retry = (struct retry_policy){
        .on_unavailable = options->on_unavailable != SEMEL_ON_UNAVAILABLE_UNSET ? options->on_unavailable
                                                                                : SEMEL_ON_UNAVAILABLE_FAIL,
        .max_elapsed_ms = (uint32_t)or_default(options->retry_max_elapsed_ms, PROPERTIES_RETRY_MAX_ELAPSED),
    };
    policy->deadline_ns = or_default(options->deadline_ms, PROPERTIES_DEADLINE) * MS_IN_NS;
    policy->attempt_timeout_ns = or_default(options->attempt_timeout_ms, PROPERTIES_ATTEMPT_TIMEOUT) * MS_IN_NS;
    set_retries(policy);
    if (method->mode != SEMEL_AT_MOST_ONCE && !method->oneway)
        set_reruns(policy);
}

/* ---- life ---- */

struct policy *policy_resolve(const semel_properties *properties, const char *channel,
                              const struct semel_method *method)
{
    const struct properties_scope scope = {.channel = channel, .method = method->name};
    struct policy *policy = malloc(sizeof *policy);
    if (policy == NULL)
        return NULL;
    struct properties_snapshot *snapshot = properties_snapshot(properties);
    const semel_call_options layer = properties_layer(snapshot, &scope);
    policy->pool = NULL;
    policy->options = unset;
    if (method->options != NULL)
        lay_over(&policy->options, method->options);
    lay_over(&policy->options, &layer);
    settle(policy, method);
    properties_snapshot_unref(snapshot); /* its intervals are copied */
    return policy;
}

struct policy *policy_override(const struct policy *base, const struct semel_method *method,
                               const semel_call_options *options, struct pool *pool,
                               enum semel_reason *ret_reason, const char **ret_message)
{
    *ret_reason = SEMEL_REASON_BAD_ARGUMENT;
    *ret_message = policy_problem(method, options);
    if (*ret_message != NULL)
        return NULL;
    *ret_reason = SEMEL_REASON_NO_MEMORY;
    *ret_message = "out of memory";
    struct policy *policy = pool_take(pool);
    if (policy == NULL)
        return NULL;
    policy->pool = pool;
    policy->options = base->options;
    lay_over(&policy->options, options);
    settle(policy, method);
    return policy;
}

struct policy *policy_once(void)
{
    struct policy *policy = calloc(1, sizeof *policy);
    if (policy == NULL)
        return NULL;
    policy->references = 1;
    policy->options = unset;
    policy->retry.on_unavailable = SEMEL_ON_UNAVAILABLE_FAIL;
    return policy;
}

void policy_unref(struct policy *policy)
{
    if (policy == NULL)
        return;
    assert(policy->references > 0);
    if (--policy->references > 0)
        return;
    if (policy->pool != NULL)
        pool_give(policy->pool, policy);
    else
        free(policy);
}
