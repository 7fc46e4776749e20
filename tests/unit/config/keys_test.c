/* The key table, finding a key in a scoped name, the nearest key, and numbers with units.
 * Must not know: how settings are kept.
 * Reads best next: set_test.c. */
#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

#include "config/keys.h"
#include "config/nearest.h"
#include "config/number.h"

Test(keys, every_entry_is_sound)
{
    for (int i = 0; i < PROPERTIES_KEY_COUNT; i++) {
        const struct properties_key_info *info = keys_info((enum properties_key)i);
        cr_assert(info->name[0] >= 'A' && info->name[0] <= 'Z', "%s", info->name);
        cr_assert_leq(info->min, info->fallback, "%s", info->name);
        cr_assert_leq(info->fallback, info->max, "%s", info->name);
        cr_assert_geq(info->min, 0, "%s", info->name);
        cr_assert_gt(strlen(info->help), 0, "%s", info->name);
        cr_assert_null(strchr(info->help, '|'), "%s: would break the table in the README", info->name);
    }
}

Test(keys, no_two_keys_differ_in_case_only)
{
    for (int i = 0; i < PROPERTIES_KEY_COUNT; i++) {
        for (int j = 0; j < i; j++)
            cr_assert_neq(
                strcasecmp(keys_info((enum properties_key)i)->name, keys_info((enum properties_key)j)->name),
                0);
    }
}

Test(keys, enumerated_types_have_a_word_for_each_value)
{
    for (int i = 0; i < PROPERTIES_KEY_COUNT; i++) {
        const struct properties_key_info *info = keys_info((enum properties_key)i);
        bool enumerated = info->type == PROPERTIES_TYPE_ON_UNAVAILABLE ||
                          info->type == PROPERTIES_TYPE_SELECTION;
        for (int64_t value = info->min; enumerated && value <= info->max; value++)
            cr_assert_not_null(keys_word(info->type, value), "%s", info->name);
        cr_assert_null(keys_word(info->type, -1));
        cr_assert_null(keys_word(info->type, info->max + 1));
    }
    cr_assert_str_eq(keys_word(PROPERTIES_TYPE_ON_UNAVAILABLE, SEMEL_ON_UNAVAILABLE_DROP), "drop");
}

Test(keys, find_splits_scope_and_key)
{
    static const struct {
        const char *text;
        enum properties_key key;
        size_t scope_length;
    } cases[] = {
        {"Deadline", PROPERTIES_DEADLINE, 0},
        {"demo.Bank.Deposit.Deadline", PROPERTIES_DEADLINE, sizeof "demo.Bank.Deposit" - 1},
        {"Trace.Retry", PROPERTIES_TRACE_RETRY, 0},
        {"audit.Trace.Retry", PROPERTIES_TRACE_RETRY, sizeof "audit" - 1},
        {"Deadline.Deadline", PROPERTIES_DEADLINE, sizeof "Deadline" - 1},
        {"Trace.Retry.Deadline", PROPERTIES_DEADLINE, sizeof "Trace.Retry" - 1},
        {".Deadline", PROPERTIES_DEADLINE, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum properties_key key = PROPERTIES_KEY_COUNT;
        size_t scope_length = 999;
        cr_assert(keys_find(cases[i].text, &key, &scope_length), "%s", cases[i].text);
        cr_assert_eq(key, cases[i].key, "%s", cases[i].text);
        cr_assert_eq(scope_length, cases[i].scope_length, "%s", cases[i].text);
    }
}

Test(keys, find_refuses_what_only_looks_like_a_key)
{
    static const char *const texts[] = {"",          "deadline",     "Deadline.", "XDeadline",    "Deadline ",
                                        "DeadlineX", "Deadline.foo", "Retry",     "a.bDeadline",  "Trace",
                                        ".",         "Trace.retry",  "DEADLINE",  "demo.Bank.Foo"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        enum properties_key key = PROPERTIES_KEY_COUNT;
        size_t scope_length = 999;
        cr_assert_not(keys_find(texts[i], &key, &scope_length), "%s", texts[i]);
        cr_assert_eq(key, PROPERTIES_KEY_COUNT);
        cr_assert_eq(scope_length, 999);
    }
}

Test(keys, nearest_is_what_was_meant)
{
    static const struct {
        const char *text;
        enum properties_key key;
        bool case_only;
    } cases[] = {
        {"Deadlin", PROPERTIES_DEADLINE, false},
        {"deadline", PROPERTIES_DEADLINE, true},
        {"Daedline", PROPERTIES_DEADLINE, false},
        {"demo.Bank.Deposit.Deadlines", PROPERTIES_DEADLINE, false},
        {"trace.retry", PROPERTIES_TRACE_RETRY, true},
        {"audit.TraceRetry", PROPERTIES_TRACE_RETRY, false},
        {"audit.trace.retry", PROPERTIES_TRACE_RETRY, true},
        {"retry_intervals", PROPERTIES_RETRY_INTERVALS, false},
        {"RetryInterval", PROPERTIES_RETRY_INTERVALS, false},
        {"OnUnavailabel", PROPERTIES_ON_UNAVAILABLE, false},
        {"MaxSession", PROPERTIES_MAX_SESSIONS, false},
        {"maxconnections", PROPERTIES_MAX_CONNECTIONS, true},
        {"KeepTotla", PROPERTIES_KEEP_TOTAL, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool case_only = !cases[i].case_only;
        enum properties_key key = nearest_key(cases[i].text, &case_only);
        cr_assert_eq(key, cases[i].key, "%s: %s", cases[i].text, keys_info(key)->name);
        cr_assert_eq(case_only, cases[i].case_only, "%s", cases[i].text);
    }
}

Test(keys, nearest_survives_any_text)
{
    static char text[100000];
    bool case_only;
    memset(text, 'D', sizeof text - 1);
    nearest_key(text, &case_only);
    memset(text, '.', sizeof text - 1);
    nearest_key(text, &case_only);
    memset(text, 0xff, sizeof text - 1);
    nearest_key(text, &case_only);
    nearest_key("", &case_only);
    cr_assert_not(case_only);
}

static void expect_number(enum number_kind kind, const char *text, int64_t expected)
{
    int64_t value = -1;
    cr_assert(number_parse(kind, text, strlen(text), &value), "%s", text);
    cr_assert_eq(value, expected, "%s: %lld", text, (long long)value);
}

Test(numbers, units)
{
    expect_number(NUMBER_PLAIN, "0", 0);
    expect_number(NUMBER_PLAIN, "007", 7); /* not octal */
    expect_number(NUMBER_DURATION, "500", 500);
    expect_number(NUMBER_DURATION, "500ms", 500);
    expect_number(NUMBER_DURATION, "5s", 5000);
    expect_number(NUMBER_DURATION, "2min", 120000);
    expect_number(NUMBER_SIZE, "4096", 4096);
    expect_number(NUMBER_SIZE, "4KiB", 4096);
    expect_number(NUMBER_SIZE, "1MiB", 1048576);
}

Test(numbers, too_large_reads_as_the_largest)
{
    expect_number(NUMBER_PLAIN, "9223372036854775806", INT64_MAX - 1);
    expect_number(NUMBER_PLAIN, "9223372036854775808", INT64_MAX);
    expect_number(NUMBER_PLAIN, "18446744073709551617", INT64_MAX);
    expect_number(NUMBER_DURATION, "9223372036854775807min", INT64_MAX);
    expect_number(NUMBER_SIZE, "8796093022208MiB", INT64_MAX);
}

Test(numbers, nothing_else_is_a_number)
{
    static const char *const texts[] = {"",     "-1", "+1",   " 1",   "1 ",    "1 s",     "1.5s", "0x10",
                                        "1e3",  "s",  "1sec", "1S",   "1MS",   "1Min",    "1h",   "1KB",
                                        "1kib", "1K", "1,",   "1s1s", "1_000", "\xd9\xa1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t value = 77;
        for (int kind = NUMBER_PLAIN; kind <= NUMBER_SIZE; kind++)
            cr_assert_not(number_parse((enum number_kind)kind, texts[i], strlen(texts[i]), &value), "%s",
                          texts[i]);
        cr_assert_eq(value, 77);
    }
    int64_t value;
    cr_assert_not(number_parse(NUMBER_SIZE, "5s", 2, &value));
    cr_assert_not(number_parse(NUMBER_DURATION, "5KiB", 4, &value));
    cr_assert_not(number_parse(NUMBER_PLAIN, "5ms", 3, &value));
}

Test(numbers, format_takes_the_largest_exact_unit_and_reads_back)
{
    static const struct {
        enum number_kind kind;
        int64_t value;
        const char *text;
    } cases[] = {
        {NUMBER_PLAIN, 0, "0"},
        {NUMBER_PLAIN, 4096, "4096"},
        {NUMBER_DURATION, 0, "0"},
        {NUMBER_DURATION, 50, "50ms"},
        {NUMBER_DURATION, 5000, "5s"},
        {NUMBER_DURATION, 90000, "90s"},
        {NUMBER_DURATION, 60000, "1min"},
        {NUMBER_SIZE, 1000, "1000"},
        {NUMBER_SIZE, 4198400, "4100KiB"},
        {NUMBER_SIZE, 268435456, "256MiB"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[NUMBER_TEXT_MAX];
        number_format(cases[i].kind, cases[i].value, text);
        cr_assert_str_eq(text, cases[i].text);
        expect_number(cases[i].kind, text, cases[i].value);
    }
}
