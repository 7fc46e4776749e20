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
        bool inside = info->min <= info->fallback && info->fallback <= info->max;
        cr_assert(inside || info->fallback == PROPERTIES_NO_DEFAULT, "%s", info->name);
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
        bool enumerated = keys_are_words(info->type);
        for (int64_t value = info->min; enumerated && value <= info->max; value++)
            cr_assert_not_null(keys_word(info->type, value), "%s", info->name);
        cr_assert_null(keys_word(info->type, -1));
        cr_assert_null(keys_word(info->type, info->max + 1));
    }
    cr_assert_str_eq(keys_word(PROPERTIES_TYPE_ON_UNAVAILABLE, SEMEL_ON_UNAVAILABLE_DROP), "drop");
}

Test(keys, types_of_words)
{
    cr_assert(keys_are_words(PROPERTIES_TYPE_SWITCH));
    cr_assert(keys_are_words(PROPERTIES_TYPE_JITTER));
    cr_assert_not(keys_are_words(PROPERTIES_TYPE_CODES));
    cr_assert_not(keys_are_words(PROPERTIES_TYPE_COUNT));
    cr_assert_str_eq(keys_word(PROPERTIES_TYPE_JITTER, SEMEL_JITTER_DECORRELATED), "decorrelated");
    cr_assert_str_eq(keys_word(PROPERTIES_TYPE_SWITCH, 1), "yes");
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

static const char *const fruits[] = {"apple", "pear", "Plum"};

static const char *fruit(size_t place)
{
    return fruits[place];
}

Test(keys, nearest_of_other_names)
{
    bool case_only = true;
    cr_assert_eq(nearest_of("aple", 4, fruit, 3, &case_only), 0);
    cr_assert_not(case_only);
    cr_assert_eq(nearest_of("plumber", 4, fruit, 3, &case_only), 2, "only the length that was given counts");
    cr_assert(case_only);
    cr_assert_lt(nearest_of("", 0, fruit, 3, &case_only), 3);
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

Test(numbers, factors_are_exact)
{
    static const char *const refused[] = {"",    ".5", "1.",   "1.2345", "1..2", "1.2.3",
                                          "1,5", "-1", "1.5 ", "1.x",    "2x"};
    expect_number(NUMBER_FACTOR, "2", 2000);
    expect_number(NUMBER_FACTOR, "1.5", 1500);
    expect_number(NUMBER_FACTOR, "1.25", 1250);
    expect_number(NUMBER_FACTOR, "1.125", 1125);
    expect_number(NUMBER_FACTOR, "0.001", 1);
    expect_number(NUMBER_FACTOR, "1.000", 1000);
    expect_number(NUMBER_FACTOR, "9223372036854775.808", INT64_MAX);
    expect_number(NUMBER_FACTOR, "99999999999999999999.5", INT64_MAX);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        int64_t value = 77;
        cr_assert_not(number_parse(NUMBER_FACTOR, refused[i], strlen(refused[i]), &value), "%s", refused[i]);
        cr_assert_eq(value, 77);
    }
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
        {NUMBER_FACTOR, 0, "0"},
        {NUMBER_FACTOR, 2000, "2"},
        {NUMBER_FACTOR, 1500, "1.5"},
        {NUMBER_FACTOR, 10050, "10.05"},
        {NUMBER_FACTOR, 1001, "1.001"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[NUMBER_TEXT_MAX];
        number_format(cases[i].kind, cases[i].value, text);
        cr_assert_str_eq(text, cases[i].text);
        expect_number(cases[i].kind, text, cases[i].value);
    }
}
