/* Which value holds: precedence of scopes, built-in defaults, and scopes that a key is not looked for in.
 * Must not know: text forms.
 * Reads best next: file_test.c. */
#include "support.h"

#include <criterion/criterion.h>

#include "config/properties.h"

TestSuite(lookup, .init = workplace_enter, .fini = workplace_leave);

static const struct properties_scope deposit = {"audit", "demo.Bank.Deposit"};

static void set(const char *key, const char *value)
{
    expect_set(key, value, SEMEL_OK, "");
}

Test(lookup, defaults_where_nothing_is_set)
{
    for (int i = 0; i < PROPERTIES_KEY_COUNT; i++) {
        enum properties_key key = (enum properties_key)i;
        int64_t value = 77;
        if (keys_info(key)->type == PROPERTIES_TYPE_INTERVALS ||
            keys_info(key)->type == PROPERTIES_TYPE_SERVERS)
            continue;
        cr_assert_not(properties_find_int(properties, &deposit, key, &value));
        cr_assert_eq(value, 77);
        cr_assert_eq(properties_get_int(properties, &deposit, key), keys_info(key)->fallback);
        cr_assert_eq(properties_get_int(NULL, NULL, key), keys_info(key)->fallback);
    }
}

Test(lookup, interval_default_is_one_retry_at_once)
{
    const uint32_t *intervals_ms = NULL;
    size_t count = 77;
    cr_assert_not(properties_find_intervals(properties, &deposit, &intervals_ms, &count));
    cr_assert_not(properties_find_intervals(NULL, NULL, &intervals_ms, &count));
    cr_assert_null(intervals_ms);
    cr_assert_eq(count, 77);
    properties_get_intervals(NULL, NULL, &intervals_ms, &count);
    cr_assert_eq(count, 1);
    cr_assert_eq(intervals_ms[0], 0);
}

Test(lookup, name_servers_are_those_of_the_system_by_default)
{
    const char *servers = NULL;
    cr_assert_not(snapshot_find_servers(NULL, &servers));
    set("NameServers", "10.0.0.1,  ::1 ,[::1]:53 127.0.0.1:5353");
    struct properties_snapshot *snapshot = properties_snapshot(properties);
    cr_assert(snapshot_find_servers(snapshot, &servers));
    cr_assert_str_eq(servers, "10.0.0.1 ::1 [::1]:53 127.0.0.1:5353");
    properties_snapshot_unref(snapshot);
}

Test(lookup, documented_defaults)
{
    cr_assert_eq(properties_get_int(NULL, NULL, PROPERTIES_DEADLINE), 60000);
    cr_assert_eq(properties_get_int(NULL, NULL, PROPERTIES_ON_UNAVAILABLE), SEMEL_ON_UNAVAILABLE_FAIL);
    cr_assert_eq(properties_get_int(NULL, NULL, PROPERTIES_HEARTBEAT), 10000);
    cr_assert_eq(properties_get_int(NULL, NULL, PROPERTIES_FRAME_LIMIT), 4194304 + 4096);
    cr_assert_eq(properties_get_int(NULL, NULL, PROPERTIES_LEASE), 300000);
}

/* Sets from the least specific scope on; each new one must win for deposit at once. */
Test(lookup, most_specific_wins)
{
    static const char *const keys[] = {"Deadline", "audit.Deadline", "demo.Bank.Deadline",
                                       "demo.Bank.Deposit.Deadline"};
    static const char *const values[] = {"1", "2", "3", "4"};
    for (int i = 0; i < 4; i++) {
        set(keys[i], values[i]);
        cr_assert_eq(properties_get_int(properties, &deposit, PROPERTIES_DEADLINE), i + 1);
    }
}

Test(lookup, most_specific_wins_whatever_the_order)
{
    set("demo.Bank.Deposit.Deadline", "4");
    set("demo.Bank.Deadline", "3");
    set("audit.Deadline", "2");
    set("Deadline", "1");
    const struct {
        struct properties_scope scope;
        int64_t expected;
    } cases[] = {
        {{"audit", "demo.Bank.Deposit"}, 4},
        {{NULL, "demo.Bank.Deposit"}, 4},
        {{"audit", "demo.Bank.Other"}, 3},
        {{"audit", "demo.Ledger.Add"}, 2},
        {{"audit", NULL}, 2},
        {{"other", "demo.Ledger.Add"}, 1},
        {{"", ""}, 1},
        {{NULL, "Deposit"}, 1},
        {{NULL, NULL}, 1},
        {{NULL, "demo.Bank.Deposits"}, 3},
        {{NULL, "demo.Bank.Deposi"}, 3},
        {{NULL, "demo.Ban.Deposit"}, 1},
        {{"audi", NULL}, 1},
        {{"audits", NULL}, 1},
        {{NULL, "demo.Banks.Deposit"}, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_eq(properties_get_int(properties, &cases[i].scope, PROPERTIES_DEADLINE), cases[i].expected,
                     "case %zu", i);
    cr_assert_eq(properties_get_int(properties, NULL, PROPERTIES_DEADLINE), 1);
}

Test(lookup, intervals_follow_the_same_order)
{
    const uint32_t *intervals_ms;
    size_t count;
    set("RetryIntervals", "1 2");
    set("demo.Bank.Deposit.RetryIntervals", "-1");
    properties_get_intervals(properties, &deposit, &intervals_ms, &count);
    cr_assert_eq(count, 0);
    properties_get_intervals(properties, NULL, &intervals_ms, &count);
    cr_assert_eq(count, 2);
    cr_assert_eq(intervals_ms[1], 2);
}

/* "Bank" can be a channel or a service without a package: a channel's key means the channel. */
Test(lookup, channel_keys_are_not_looked_for_under_a_service)
{
    const struct properties_scope elsewhere = {"audit", "Bank.Deposit"};
    const struct properties_scope here = {"Bank", "Bank.Deposit"};
    set("Bank.Heartbeat", "1s");
    cr_assert_eq(properties_get_int(properties, &elsewhere, PROPERTIES_HEARTBEAT), 10000);
    cr_assert_eq(properties_get_int(properties, &here, PROPERTIES_HEARTBEAT), 1000);
}

Test(lookup, node_keys_ignore_the_scope)
{
    set("Window", "16");
    cr_assert_eq(properties_get_int(properties, &deposit, PROPERTIES_WINDOW), 16);
}

Test(lookup, keys_with_a_dot)
{
    const struct properties_scope audit = {"audit", NULL};
    set("audit.Trace.Retry", "2");
    cr_assert_eq(properties_get_int(properties, &audit, PROPERTIES_TRACE_RETRY), 2);
    cr_assert_eq(properties_get_int(properties, NULL, PROPERTIES_TRACE_RETRY), 0);
}
