/* The policy of a call: who wins over whom, and which options are out of range.
 *
 * Reads best next: reconnector_test.c. */
#include "client/policy.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/limits.h"
#include "core/units.h"

TestSuite(policy, .timeout = 10);

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

static struct policy resolve(const semel_properties *properties, bool idl)
{
    struct policy policy;
    const semel_call_options options = idl_options(true);
    struct semel_method method = {.name = "test.Shop.Buy", .options = idl ? &options : NULL};
    policy_resolve(properties, "till", &method, &policy);
    return policy;
}

/* ---- resolving ---- */

Test(policy, without_a_wish_the_defaults_hold)
{
    semel_properties *empty = properties_with(NULL);
    const semel_properties *const both[] = {NULL, empty};
    for (size_t i = 0; i < 2; i++) {
        struct policy policy = resolve(both[i], false);
        cr_assert_eq(policy.deadline_ns, 60 * S_IN_NS);
        cr_assert_eq(policy.retry.on_unavailable, SEMEL_ON_UNAVAILABLE_FAIL);
        cr_assert_eq(policy.retry.interval_count, 1);
        cr_assert_eq(policy.retry.intervals_ms[0], 0);
    }
    semel_properties_destroy(empty);
}

Test(policy, the_idl_wins_over_the_defaults)
{
    struct policy policy = resolve(NULL, true);
    cr_assert_eq(policy.deadline_ns, 700 * MS_IN_NS);
    cr_assert_eq(policy.retry.on_unavailable, SEMEL_ON_UNAVAILABLE_DROP);
    cr_assert_eq(policy.retry.interval_count, 2);
    cr_assert_eq(policy.retry.intervals_ms, idl_intervals);
}

Test(policy, properties_of_every_scope_win_over_the_idl)
{
    static const char *const scopes[] = {"", "till.", "test.Shop.", "test.Shop.Buy."};
    for (size_t i = 0; i < 4; i++) {
        semel_properties *properties = properties_with(scopes[i]);
        for (int idl = 0; idl < 2; idl++) {
            struct policy policy = resolve(properties, idl);
            cr_assert_eq(policy.deadline_ns, 900 * MS_IN_NS, "'%s'", scopes[i]);
            cr_assert_eq(policy.retry.on_unavailable, SEMEL_ON_UNAVAILABLE_WAIT);
            cr_assert_eq(policy.retry.interval_count, 3);
            cr_assert_eq(policy.retry.intervals_ms[2], 3);
        }
        semel_properties_destroy(properties);
    }
}

Test(policy, properties_of_others_do_not)
{
    static const char *const scopes[] = {"door.", "test.Shop.Sell.", "test.Shops.", "test.Shop.Buy2."};
    for (size_t i = 0; i < 4; i++) {
        semel_properties *properties = properties_with(scopes[i]);
        cr_assert_eq(resolve(properties, true).deadline_ns, 700 * MS_IN_NS, "'%s'", scopes[i]);
        cr_assert_eq(resolve(properties, false).deadline_ns, 60 * S_IN_NS);
        cr_assert_eq(resolve(properties, false).retry.on_unavailable, SEMEL_ON_UNAVAILABLE_FAIL);
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
        cr_assert_eq(resolve(properties, true).deadline_ns, (100 + i) * MS_IN_NS);
    }
    semel_properties_destroy(properties);
}

Test(policy, zero_is_a_wish_too)
{
    semel_call_options options = idl_options(true);
    struct semel_method method = {.name = "test.Shop.Buy", .options = &options};
    struct policy policy;
    options.deadline_ms = 0;
    options.retry_interval_count = 0;
    options.retry_intervals_ms = NULL;
    policy_resolve(NULL, NULL, &method, &policy);
    cr_assert_eq(policy.deadline_ns, 0);
    cr_assert_eq(policy.retry.interval_count, 0);
    semel_properties *properties = semel_properties_create();
    cr_assert_eq(semel_properties_set(properties, "Deadline", "0", NULL), SEMEL_OK);
    cr_assert_eq(semel_properties_set(properties, "RetryIntervals", "-1", NULL), SEMEL_OK);
    policy = resolve(properties, true);
    cr_assert_eq(policy.deadline_ns, 0);
    cr_assert_eq(policy.retry.interval_count, 0);
    semel_properties_destroy(properties);
}

Test(policy, who_waits_gets_waits_of_its_own_unless_they_are_given)
{
    semel_properties *properties = semel_properties_create();
    cr_assert_eq(semel_properties_set(properties, "OnUnavailable", "wait", NULL), SEMEL_OK);
    struct policy policy = resolve(properties, false);
    cr_assert_gt(policy.retry.interval_count, 1);
    for (uint32_t i = 1; i < policy.retry.interval_count; i++)
        cr_assert_gt(policy.retry.intervals_ms[i], policy.retry.intervals_ms[i - 1], "slower and slower");
    cr_assert_eq(policy.retry.intervals_ms[policy.retry.interval_count - 1], 1000);
    cr_assert_eq(resolve(properties, true).retry.intervals_ms, idl_intervals);
    semel_properties_destroy(properties);
}

/* ---- options of one call ---- */

static const uint32_t many[LIMIT_RETRY_INTERVALS + 1] = {4, 5, 6};

static struct policy base(void)
{
    return resolve(NULL, true);
}

Test(policy, unset_options_change_nothing)
{
    struct policy policy = base();
    const semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    uint32_t *copy = (uint32_t *)&policy;
    const char *message = "";
    cr_assert_eq(policy_override(&policy, &options, &copy, &message), SEMEL_REASON_NONE);
    cr_assert_null(copy);
    cr_assert_eq(policy.deadline_ns, base().deadline_ns);
    cr_assert_eq(policy.retry.on_unavailable, SEMEL_ON_UNAVAILABLE_DROP);
    cr_assert_eq(policy.retry.intervals_ms, idl_intervals);
    cr_assert_eq(policy.retry.interval_count, 2);
}

Test(policy, options_win_over_everything_and_are_copied)
{
    struct policy policy = base();
    uint32_t intervals[] = {40, 50, 60};
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    options.deadline_ms = 123;
    options.retry_intervals_ms = intervals;
    options.retry_interval_count = 3;
    options.on_unavailable = SEMEL_ON_UNAVAILABLE_WAIT;
    uint32_t *copy = NULL;
    const char *message = "";
    cr_assert_eq(policy_override(&policy, &options, &copy, &message), SEMEL_REASON_NONE);
    intervals[2] = 0;
    cr_assert_eq(policy.deadline_ns, 123 * MS_IN_NS);
    cr_assert_eq(policy.retry.on_unavailable, SEMEL_ON_UNAVAILABLE_WAIT);
    cr_assert_eq(policy.retry.interval_count, 3);
    cr_assert_eq(policy.retry.intervals_ms, copy);
    cr_assert_eq(copy[2], 60);
    free(copy);
}

Test(policy, options_may_ask_for_no_deadline_and_no_retry)
{
    struct policy policy = base();
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    options.deadline_ms = SEMEL_DEADLINE_NONE;
    options.retry_interval_count = 0;
    uint32_t *copy = NULL;
    const char *message = "";
    cr_assert_eq(policy_override(&policy, &options, &copy, &message), SEMEL_REASON_NONE);
    cr_assert_null(copy);
    cr_assert_eq(policy.deadline_ns, 0);
    cr_assert_eq(policy.retry.interval_count, 0);
}

Test(policy, a_call_that_waits_gets_waits_of_its_own_unless_they_are_given)
{
    semel_call_options waits = SEMEL_CALL_OPTIONS_INIT;
    waits.on_unavailable = SEMEL_ON_UNAVAILABLE_WAIT;
    struct policy policy = resolve(NULL, false);
    uint32_t *copy;
    const char *message = "";
    cr_assert_eq(policy_override(&policy, &waits, &copy, &message), SEMEL_REASON_NONE);
    cr_assert_eq(policy.retry.intervals_ms[policy.retry.interval_count - 1], 1000);
    policy = base();
    cr_assert_eq(policy_override(&policy, &waits, &copy, &message), SEMEL_REASON_NONE);
    cr_assert_eq(policy.retry.intervals_ms, idl_intervals);
}

Test(policy, options_out_of_range_change_nothing)
{
    static const struct {
        int64_t deadline_ms;
        const uint32_t *intervals;
        int32_t count;
        enum semel_on_unavailable on_unavailable;
    } bad[] = {
        {-2, NULL, -1, SEMEL_ON_UNAVAILABLE_UNSET},
        {INT64_MIN, NULL, -1, SEMEL_ON_UNAVAILABLE_UNSET},
        {INT64_MAX / 1000000 + 1, NULL, -1, SEMEL_ON_UNAVAILABLE_UNSET},
        {INT64_MAX, NULL, -1, SEMEL_ON_UNAVAILABLE_UNSET},
        {5, many, -2, SEMEL_ON_UNAVAILABLE_UNSET},
        {5, many, LIMIT_RETRY_INTERVALS + 1, SEMEL_ON_UNAVAILABLE_UNSET},
        {5, many, INT32_MAX, SEMEL_ON_UNAVAILABLE_UNSET},
        {5, NULL, 1, SEMEL_ON_UNAVAILABLE_UNSET},
        {5, many, 1, (enum semel_on_unavailable)4},
        {5, many, 1, (enum semel_on_unavailable)UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
        options.deadline_ms = bad[i].deadline_ms;
        options.retry_intervals_ms = bad[i].intervals;
        options.retry_interval_count = bad[i].count;
        options.on_unavailable = bad[i].on_unavailable;
        struct policy policy = base();
        uint32_t *copy = (uint32_t *)&policy;
        const char *message = "";
        cr_assert_eq(policy_override(&policy, &options, &copy, &message), SEMEL_REASON_BAD_ARGUMENT, "%zu", i);
        cr_assert_str_eq(message, "call options: a field is out of its range");
        cr_assert_null(copy);
        cr_assert_eq(policy.deadline_ns, base().deadline_ns);
        cr_assert_eq(policy.retry.intervals_ms, idl_intervals);
        cr_assert_eq(policy.retry.on_unavailable, SEMEL_ON_UNAVAILABLE_DROP);
    }
}

Test(policy, options_at_the_ends_of_their_ranges)
{
    struct policy policy = base();
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    options.deadline_ms = INT64_MAX / 1000000;
    options.retry_intervals_ms = many;
    options.retry_interval_count = LIMIT_RETRY_INTERVALS;
    options.on_unavailable = SEMEL_ON_UNAVAILABLE_DROP;
    uint32_t *copy = NULL;
    const char *message = "";
    cr_assert_eq(policy_override(&policy, &options, &copy, &message), SEMEL_REASON_NONE);
    cr_assert_eq(policy.deadline_ns, INT64_MAX / 1000000 * 1000000);
    cr_assert_eq(policy.retry.interval_count, LIMIT_RETRY_INTERVALS);
    cr_assert_arr_eq(copy, many, LIMIT_RETRY_INTERVALS * sizeof *many);
    free(copy);
}
