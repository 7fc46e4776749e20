/* Resolving the policy of a call.
 *
 * Reads best next: policy.h. */
#include "client/policy.h"

#include <stdlib.h>
#include <string.h>

#include "config/properties.h"
#include "core/limits.h"
#include "core/units.h"

/* OnUnavailable=wait without RetryIntervals: quick at first, then once a second until the deadline. */
static const uint32_t waiting_intervals_ms[] = {0, 50, 100, 250, 500, 1000};

static void resolve_on_unavailable(const semel_properties *properties, const struct properties_scope *scope,
                                   const struct semel_method *method, struct retry_policy *retry)
{
    int64_t value;
    if (properties_find_int(properties, scope, PROPERTIES_ON_UNAVAILABLE, &value))
        retry->on_unavailable = (enum semel_on_unavailable)value;
    else if (method->options != NULL && method->options->on_unavailable != SEMEL_ON_UNAVAILABLE_UNSET)
        retry->on_unavailable = method->options->on_unavailable;
    else
        retry->on_unavailable = SEMEL_ON_UNAVAILABLE_FAIL;
}

/* The intervals that nobody asked for. */
static void set_default_intervals(struct policy *policy)
{
    size_t count;
    policy->intervals_by_default = true;
    if (policy->retry.on_unavailable == SEMEL_ON_UNAVAILABLE_WAIT) {
        policy->retry.intervals_ms = waiting_intervals_ms;
        policy->retry.interval_count = sizeof waiting_intervals_ms / sizeof *waiting_intervals_ms;
        return;
    }
    properties_get_intervals(NULL, NULL, &policy->retry.intervals_ms, &count);
    policy->retry.interval_count = (uint32_t)count;
}

static void resolve_intervals(const semel_properties *properties, const struct properties_scope *scope,
                              const struct semel_method *method, struct policy *policy)
{
    size_t count;
    if (properties_find_intervals(properties, scope, &policy->retry.intervals_ms, &count)) {
        policy->retry.interval_count = (uint32_t)count;
    } else if (method->options != NULL && method->options->retry_interval_count >= 0) {
        policy->retry.intervals_ms = method->options->retry_intervals_ms;
        policy->retry.interval_count = (uint32_t)method->options->retry_interval_count;
    } else {
        set_default_intervals(policy);
    }
}

void policy_resolve(const semel_properties *properties, const char *channel, const struct semel_method *method,
                    struct policy *ret_policy)
{
    struct properties_scope scope = {.channel = channel, .method = method->name};
    *ret_policy = (struct policy){0};
    resolve_on_unavailable(properties, &scope, method, &ret_policy->retry);
    resolve_intervals(properties, &scope, method, ret_policy);
    int64_t deadline_ms;
    if (!properties_find_int(properties, &scope, PROPERTIES_DEADLINE, &deadline_ms))
        deadline_ms = method->options != NULL && method->options->deadline_ms >= 0
                          ? method->options->deadline_ms
                          : properties_get_int(properties, &scope, PROPERTIES_DEADLINE);
    ret_policy->deadline_ns = deadline_ms * MS_IN_NS;
}

enum semel_reason policy_override(struct policy *policy, const semel_call_options *options,
                                  uint32_t **ret_intervals, const char **ret_message)
{
    *ret_intervals = NULL;
    if (options->deadline_ms < SEMEL_DEADLINE_UNSET || options->deadline_ms > INT64_MAX / MS_IN_NS ||
        options->retry_interval_count < -1 || options->retry_interval_count > LIMIT_RETRY_INTERVALS ||
        options->on_unavailable > SEMEL_ON_UNAVAILABLE_DROP ||
        (options->retry_interval_count > 0 && options->retry_intervals_ms == NULL)) {
        *ret_message = "call options: a field is out of its range";
        return SEMEL_REASON_BAD_ARGUMENT;
    }
    if (options->deadline_ms != SEMEL_DEADLINE_UNSET)
        policy->deadline_ns = options->deadline_ms * MS_IN_NS;
    if (options->on_unavailable != SEMEL_ON_UNAVAILABLE_UNSET)
        policy->retry.on_unavailable = options->on_unavailable;
    if (options->retry_interval_count < 0 && policy->intervals_by_default)
        set_default_intervals(policy);
    if (options->retry_interval_count < 0)
        return SEMEL_REASON_NONE;
    policy->intervals_by_default = false;
    policy->retry.interval_count = (uint32_t)options->retry_interval_count;
    if (options->retry_interval_count == 0)
        return SEMEL_REASON_NONE;
    size_t size = (size_t)options->retry_interval_count * sizeof(uint32_t);
    *ret_intervals = malloc(size);
    if (*ret_intervals == NULL)
        return SEMEL_REASON_NO_MEMORY;
    memcpy(*ret_intervals, options->retry_intervals_ms, size);
    policy->retry.intervals_ms = *ret_intervals;
    return SEMEL_REASON_NONE;
}
