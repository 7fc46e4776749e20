/* The policy of a call: who wins over whom, and which options are out of range.
 *
 * Reads best next: reconnector_test.c. */
#include "client/policy.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "core/limits.h"
#include "core/units.h"

static const uint32_t idl_intervals[] = {7, 8};

/* The option of the IDL is set, or not. */
static semel_call_options idl_options(bool set)
{
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    if (set) {
        options.deadline_ms = 700;
        options.retry_intervals_ms = idl_intervals;
        options.retry_interval_count = 2;
        options.on_unavailable = SEMEL_ON_UNAVAILABLE_DROP;
    }
    return options;
}

static semel_properties *properties_with(const char *scope)
{
    semel_properties *properties = semel_properties_create();
    static const char *const settings[][2] = {
        {"Deadline", "900"}, {"RetryIntervals", "1,2,3"}, {"OnUnavailable", "wait"}};
    for (size_t i = 0; scope != NULL && i < 3; i++) {
        char key[100];
        semel_status status;
        snprintf(key, sizeof key, "%s%s", scope, settings[i][0]);
        cr_assert_eq(semel_properties_set(properties, key, settings[i][1], &status), SEMEL_OK, "%s",
                     status.message);
    }
    return properties;
}

/* What a test has made; released when it ends. */
static struct policy *kept[64];
static size_t kept_count;
static struct pool pool;

static struct policy *keep(struct policy *policy)
{
    cr_assert_not_null(policy);
    cr_assert_lt(kept_count, sizeof kept / sizeof *kept);
    return kept[kept_count++] = policy;
}

static void set_up(void)
{
    pool_init(&pool, sizeof(struct policy), 4);
}

static void tear_down(void)
{
    while (kept_count > 0)
        policy_unref(kept[--kept_count]);
    pool_fini(&pool);
}

TestSuite(policy, .timeout = 60, .init = set_up, .fini = tear_down);

static const struct semel_method buy = {.name = "test.Shop.Buy"};
static const struct semel_method look = {.name = "test.Shop.Look", .mode = SEMEL_IDEMPOTENT};

static const struct policy *resolve(const semel_properties *properties, bool idl)
{
    const semel_call_options options = idl_options(true);
    const struct semel_method method = {.name = "test.Shop.Buy", .options = idl ? &options : NULL};
    return keep(policy_resolve(properties, "till", &method));
}

/* The policy with these options on top. */
static const struct policy * override(const struct policy *base, const struct semel_method *method,
                                      const semel_call_options *options)
{
    enum semel_reason reason;
    const char *message;
    return keep(policy_override(base, method, options, &pool, &reason, &message));
}

static void check_refused(const struct semel_method *method, const semel_call_options *options, const char *why)
{
    enum semel_reason reason = SEMEL_REASON_NONE;
    const char *message = "";
    cr_assert_null(policy_override(resolve(NULL, true), method, options, &pool, &reason, &message));
    cr_assert_eq((int)reason, SEMEL_REASON_BAD_ARGUMENT);
    cr_assert_str_eq(message, why);
}

static void check_intervals(const struct policy *policy, const uint32_t *wanted, uint32_t count)
{
    cr_assert_eq(policy->retry.interval_count, count);
    for (uint32_t i = 0; i < count; i++)
        cr_assert_eq(policy->retry.intervals_ms[i], wanted[i]);
    cr_assert_eq(policy->retry.backoff.max_attempts, 0);
}

/* ---- resolving ---- */

Test(policy, without_a_wish_the_defaults_hold)
{
    semel_properties *empty = properties_with(NULL);
    const semel_properties *const both[] = {NULL, empty};
    for (size_t i = 0; i < 2; i++) {
        const struct policy *policy = resolve(both[i], false);
        cr_assert_eq(policy->deadline_ns, 60 * S_IN_NS);
        cr_assert_eq(policy->retry.on_unavailable, SEMEL_ON_UNAVAILABLE_FAIL);
        cr_assert_eq(policy->retry.interval_count, 1);
        cr_assert_eq(policy->retry.intervals_ms[0], 0);
    }
    semel_properties_destroy(empty);
}

Test(policy, the_idl_wins_over_the_defaults)
{
    const struct policy *policy = resolve(NULL, true);
    cr_assert_eq(policy->deadline_ns, 700 * MS_IN_NS);
    cr_assert_eq(policy->retry.on_unavailable, SEMEL_ON_UNAVAILABLE_DROP);
    check_intervals(policy, idl_intervals, 2);
}

Test(policy, properties_of_every_scope_win_over_the_idl)
{
    static const char *const scopes[] = {"", "till.", "test.Shop.", "test.Shop.Buy."};
    for (size_t i = 0; i < 4; i++) {
        semel_properties *properties = properties_with(scopes[i]);
        for (int idl = 0; idl < 2; idl++) {
            const struct policy *policy = resolve(properties, idl);
            cr_assert_eq(policy->deadline_ns, 900 * MS_IN_NS, "'%s'", scopes[i]);
            cr_assert_eq(policy->retry.on_unavailable, SEMEL_ON_UNAVAILABLE_WAIT);
            cr_assert_eq(policy->retry.interval_count, 3);
            cr_assert_eq(policy->retry.intervals_ms[2], 3);
        }
        semel_properties_destroy(properties);
    }
}

Test(policy, properties_of_others_do_not)
{
    static const char *const scopes[] = {"door.", "test.Shop.Sell.", "test.Shops.", "test.Shop.Buy2."};
    for (size_t i = 0; i < 4; i++) {
        semel_properties *properties = properties_with(scopes[i]);
        cr_assert_eq(resolve(properties, true)->deadline_ns, 700 * MS_IN_NS, "'%s'", scopes[i]);
        cr_assert_eq(resolve(properties, false)->deadline_ns, 60 * S_IN_NS);
        cr_assert_eq(resolve(properties, false)->retry.on_unavailable, SEMEL_ON_UNAVAILABLE_FAIL);
        semel_properties_destroy(properties);
    }
}

Test(policy, the_most_specific_scope_wins)
{
    static const char *const keys[] = {"Deadline", "till.Deadline", "test.Shop.Deadline",
                                       "test.Shop.Buy.Deadline"};
    semel_properties *properties = semel_properties_create();
    for (int i = 0; i < 4; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", 100 + i);
        cr_assert_eq(semel_properties_set(properties, keys[i], value, NULL), SEMEL_OK);
        cr_assert_eq(resolve(properties, true)->deadline_ns, (100 + i) * MS_IN_NS);
    }
    semel_properties_destroy(properties);
}

Test(policy, zero_is_a_wish_too)
{
    semel_call_options options = idl_options(true);
    const struct semel_method method = {.name = "test.Shop.Buy", .options = &options};
    options.deadline_ms = 0;
    options.retry_interval_count = 0;
    options.retry_intervals_ms = NULL;
    const struct policy *policy = keep(policy_resolve(NULL, NULL, &method));
    cr_assert_eq(policy->deadline_ns, 0);
    check_intervals(policy, NULL, 0);
    semel_properties *properties = semel_properties_create();
    cr_assert_eq(semel_properties_set(properties, "Deadline", "0", NULL), SEMEL_OK);
    cr_assert_eq(semel_properties_set(properties, "RetryIntervals", "-1", NULL), SEMEL_OK);
    policy = resolve(properties, true);
    cr_assert_eq(policy->deadline_ns, 0);
    check_intervals(policy, NULL, 0);
    semel_properties_destroy(properties);
}

Test(policy, who_waits_gets_waits_of_its_own_unless_they_are_given)
{
    semel_properties *properties = semel_properties_create();
    cr_assert_eq(semel_properties_set(properties, "OnUnavailable", "wait", NULL), SEMEL_OK);
    const struct policy *policy = resolve(properties, false);
    cr_assert_gt(policy->retry.interval_count, 1);
    for (uint32_t i = 1; i < policy->retry.interval_count; i++)
        cr_assert_gt(policy->retry.intervals_ms[i], policy->retry.intervals_ms[i - 1], "slower and slower");
    cr_assert_eq(policy->retry.intervals_ms[policy->retry.interval_count - 1], 1000);
    check_intervals(resolve(properties, true), idl_intervals, 2);
    semel_properties_destroy(properties);
}

/* ---- a list of waits, or a backoff ---- */

static semel_properties *properties_of(const char *const settings[][2], size_t count)
{
    semel_properties *properties = semel_properties_create();
    for (size_t i = 0; i < count; i++) {
        semel_status status;
        cr_assert_eq(semel_properties_set(properties, settings[i][0], settings[i][1], &status), SEMEL_OK, "%s",
                     status.message);
    }
    return properties;
}

Test(policy, attempts_ask_for_a_backoff_with_defaults)
{
    static const char *const settings[][2] = {{"RetryMaxAttempts", "4"}};
    semel_properties *properties = properties_of(settings, 1);
    const struct backoff *backoff = &resolve(properties, true)->retry.backoff;
    cr_assert_eq(backoff->max_attempts, 4);
    cr_assert_eq(backoff->initial_ms, 100);
    cr_assert_eq(backoff->max_ms, 10000);
    cr_assert_float_eq(backoff->multiplier, 2, 0.0001);
    cr_assert_eq((int)backoff->jitter, SEMEL_JITTER_FULL);
    semel_properties_destroy(properties);
}

Test(policy, every_term_can_be_set)
{
    static const char *const settings[][2] = {
        {"RetryMaxAttempts", "9"}, {"RetryInitialBackoff", "20"},
        {"RetryMaxBackoff", "3s"}, {"RetryBackoffMultiplier", "1.5"},
        {"RetryJitter", "equal"},  {"RetryMaxElapsed", "7s"},
        {"AttemptTimeout", "150"}, {"RetryableCodes", "ABORTED UNAVAILABLE"},
        {"HedgeMax", "2"},         {"HedgeDelay", "30"}};
    semel_properties *properties = properties_of(settings, sizeof settings / sizeof *settings);
    const struct policy *policy = keep(policy_resolve(properties, NULL, &look));
    const struct backoff *backoff = &policy->retry.backoff;
    cr_assert_eq(backoff->max_attempts, 9);
    cr_assert_eq(backoff->initial_ms, 20);
    cr_assert_eq(backoff->max_ms, 3000);
    cr_assert_float_eq(backoff->multiplier, 1.5, 0.0001);
    cr_assert_eq((int)backoff->jitter, SEMEL_JITTER_EQUAL);
    cr_assert_eq(policy->retry.max_elapsed_ms, 7000);
    cr_assert_eq(policy->attempt_timeout_ns, 150 * MS_IN_NS);
    cr_assert_eq(policy->retry.retryable_codes & ~1u, 1u << SEMEL_ABORTED | 1u << SEMEL_UNAVAILABLE);
    cr_assert_eq(policy->hedge_max, 2);
    cr_assert_eq(policy->hedge_delay_ns, 30 * MS_IN_NS);
    semel_properties_destroy(properties);
}

Test(policy, what_runs_at_most_once_is_never_hedged)
{
    static const char *const settings[][2] = {{"HedgeMax", "2"}, {"RetryableCodes", "UNAVAILABLE"}};
    semel_properties *properties = properties_of(settings, 2);
    const struct policy *policy = resolve(properties, true);
    cr_assert_eq(policy->hedge_max, 0);
    cr_assert_eq(policy->retry.retryable_codes, 0);
    semel_properties_destroy(properties);
}

Test(policy, of_list_and_backoff_the_more_specific_one_rules)
{
    static const char *const list[][2] = {{"RetryMaxAttempts", "4"}, {"test.Shop.RetryIntervals", "7 8"}};
    static const char *const backoff[][2] = {{"RetryIntervals", "1"}, {"test.Shop.Buy.RetryMaxAttempts", "4"}};
    semel_properties *properties = properties_of(list, 2);
    check_intervals(resolve(properties, false), idl_intervals, 2);
    semel_properties_destroy(properties);
    properties = properties_of(backoff, 2);
    cr_assert_eq(resolve(properties, false)->retry.backoff.max_attempts, 4);
    cr_assert_eq(resolve(properties, true)->retry.backoff.max_attempts, 4, "over the list of the IDL");
    semel_properties_destroy(properties);
}

/* ---- options of one call ---- */

static const uint32_t many[LIMIT_RETRY_INTERVALS + 1] = {4, 5, 6};

Test(policy, unset_options_change_nothing)
{
    const semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    const struct policy *policy = override(resolve(NULL, true), &buy, &options);
    cr_assert_eq(policy->deadline_ns, 700 * MS_IN_NS);
    cr_assert_eq(policy->retry.on_unavailable, SEMEL_ON_UNAVAILABLE_DROP);
    check_intervals(policy, idl_intervals, 2);
}

Test(policy, options_win_over_everything_and_are_copied)
{
    uint32_t intervals[] = {40, 50, 60};
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    options.deadline_ms = 123;
    options.retry_intervals_ms = intervals;
    options.retry_interval_count = 3;
    options.on_unavailable = SEMEL_ON_UNAVAILABLE_WAIT;
    const struct policy *policy = override(resolve(NULL, true), &buy, &options);
    intervals[2] = 0;
    cr_assert_eq(policy->deadline_ns, 123 * MS_IN_NS);
    cr_assert_eq(policy->retry.on_unavailable, SEMEL_ON_UNAVAILABLE_WAIT);
    check_intervals(policy, (const uint32_t[]){40, 50, 60}, 3);
}

Test(policy, options_may_ask_for_no_deadline_and_no_retry)
{
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    options.deadline_ms = SEMEL_DEADLINE_NONE;
    options.retry_interval_count = 0;
    const struct policy *policy = override(resolve(NULL, true), &buy, &options);
    cr_assert_eq(policy->deadline_ns, 0);
    check_intervals(policy, NULL, 0);
}

Test(policy, a_call_may_ask_for_a_backoff_instead_of_a_list_and_back)
{
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    options.retry_max_attempts = 3;
    options.retry_initial_backoff_ms = 5;
    const struct policy *backoff = override(resolve(NULL, true), &buy, &options);
    cr_assert_eq(backoff->retry.backoff.max_attempts, 3);
    cr_assert_eq(backoff->retry.backoff.initial_ms, 5);
    semel_call_options list = SEMEL_CALL_OPTIONS_INIT;
    list.retry_intervals_ms = many;
    list.retry_interval_count = 3;
    check_intervals(override(backoff, &buy, &list), many, 3);
}

Test(policy, a_call_that_waits_gets_waits_of_its_own_unless_they_are_given)
{
    semel_call_options waits = SEMEL_CALL_OPTIONS_INIT;
    waits.on_unavailable = SEMEL_ON_UNAVAILABLE_WAIT;
    const struct policy *policy = override(resolve(NULL, false), &buy, &waits);
    cr_assert_eq(policy->retry.intervals_ms[policy->retry.interval_count - 1], 1000);
    check_intervals(override(resolve(NULL, true), &buy, &waits), idl_intervals, 2);
}

static const char out_of_range[] = "call options: a field is out of its range";

Test(policy, options_out_of_range_are_refused)
{
#define BAD(field, value)                                                                                      \
    do {                                                                                                       \
        semel_call_options options = SEMEL_CALL_OPTIONS_INIT;                                                  \
        options.field = value;                                                                                 \
        check_refused(&look, &options, out_of_range);                                                          \
    } while (0)
    BAD(deadline_ms, -2);
    BAD(deadline_ms, INT64_MIN);
    BAD(deadline_ms, INT64_MAX / MS_IN_NS + 1);
    BAD(attempt_timeout_ms, -2);
    BAD(attempt_timeout_ms, INT64_MAX);
    BAD(retry_interval_count, -2);
    BAD(retry_interval_count, 1);
    BAD(retry_max_attempts, 0);
    BAD(retry_max_attempts, 66);
    BAD(retry_initial_backoff_ms, 0);
    BAD(retry_initial_backoff_ms, 3600001);
    BAD(retry_max_backoff_ms, 0);
    BAD(retry_max_elapsed_ms, -2);
    BAD(retry_backoff_multiplier, 0.5);
    BAD(retry_backoff_multiplier, 101);
    BAD(retry_backoff_multiplier, -1);
    BAD(retry_backoff_multiplier, NAN);
    BAD(retry_backoff_multiplier, INFINITY);
    BAD(retryable_codes, 1u << 17);
    BAD(hedge_max, -2);
    BAD(hedge_max, LIMIT_HEDGES + 1);
    BAD(hedge_delay_ms, 3600001);
    BAD(on_unavailable, (enum semel_on_unavailable)4);
    BAD(retry_jitter, (enum semel_jitter)5);
#undef BAD
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    options.retry_intervals_ms = many;
    options.retry_interval_count = LIMIT_RETRY_INTERVALS + 1;
    check_refused(&buy, &options, out_of_range);
}

Test(policy, options_that_exclude_each_other_are_refused)
{
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    options.retry_interval_count = 0;
    options.retry_max_attempts = 2;
    check_refused(&buy, &options, "call options: retry_intervals_ms and retry_max_attempts exclude each other");
    options = (semel_call_options)SEMEL_CALL_OPTIONS_INIT;
    options.hedge_max = 1;
    check_refused(&buy, &options, "call options: hedging and retryable codes need an idempotent operation");
    options = (semel_call_options)SEMEL_CALL_OPTIONS_INIT;
    options.retryable_codes = 1u << SEMEL_UNAVAILABLE;
    check_refused(&buy, &options, "call options: hedging and retryable codes need an idempotent operation");
}

Test(policy, options_at_the_ends_of_their_ranges)
{
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    options.deadline_ms = INT64_MAX / MS_IN_NS;
    options.retry_intervals_ms = many;
    options.retry_interval_count = LIMIT_RETRY_INTERVALS;
    options.on_unavailable = SEMEL_ON_UNAVAILABLE_DROP;
    const struct policy *policy = override(resolve(NULL, true), &buy, &options);
    cr_assert_eq(policy->deadline_ns, INT64_MAX / MS_IN_NS * MS_IN_NS);
    check_intervals(policy, many, LIMIT_RETRY_INTERVALS);
}
