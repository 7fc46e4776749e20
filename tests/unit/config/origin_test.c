/* Where a value came from: a file and its line, an argument, the program, or nowhere.
 * Must not know: how settings are kept.
 * Reads best next: reload_test.c. */
#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

#include "config/properties.h"

TestSuite(origin, .init = workplace_enter, .fini = workplace_leave);

static const struct properties_scope deposit = {"audit", "demo.Bank.Deposit"};

static void expect_origin(enum properties_key key, const char *expected)
{
    char text[PROPERTIES_ORIGIN_MAX];
    size_t length = properties_origin(properties, &deposit, key, text, sizeof text);
    cr_assert_str_eq(text, expected);
    cr_assert_eq(length, strlen(expected));
}

static void parse_args(char *first, char *second)
{
    char *argv[] = {(char *)"x", first, second, NULL};
    int argc = 3;
    cr_assert_eq(semel_properties_parse_args(properties, &argc, argv, &status), SEMEL_OK, "%s", status.message);
}

Test(origin, each_source_is_named)
{
    write_text("bank.conf", "# waits\n\nRetryIntervals=0 100\nHeartbeat=1s\nLease=1min\n");
    parse_args((char *)"--config=bank.conf", (char *)"--demo.Bank.Deadline=3s");
    expect_set("audit.Heartbeat", "2s", SEMEL_OK, "");
    expect_origin(PROPERTIES_RETRY_INTERVALS, "bank.conf:3");
    expect_origin(PROPERTIES_DEADLINE, "--demo.Bank.Deadline=3s");
    expect_origin(PROPERTIES_HEARTBEAT, "set by the program");
    expect_origin(PROPERTIES_LEASE, "bank.conf:5");
    expect_origin(PROPERTIES_ON_UNAVAILABLE, "built-in default");
}

Test(origin, the_latest_source_is_named)
{
    expect_load_text("Deadline=5s\nRetryIntervals=1\n", SEMEL_OK, "");
    expect_origin(PROPERTIES_DEADLINE, "bank.conf:1");
    expect_set("Deadline", "6s", SEMEL_OK, "");
    expect_origin(PROPERTIES_DEADLINE, "set by the program");
    parse_args((char *)"--Deadline=1", (char *)"--Deadline=2");
    expect_origin(PROPERTIES_DEADLINE, "--Deadline=2");
    expect_load_text("\nDeadline=5s\n", SEMEL_OK, "");
    expect_origin(PROPERTIES_DEADLINE, "bank.conf:2");
    expect_set("demo.Bank.RetryMaxAttempts", "2", SEMEL_OK, "");
    expect_origin(PROPERTIES_RETRY_INTERVALS, "bank.conf:2"); /* of the first file, of the same name */
}

Test(origin, long_and_hostile_names_are_cut_and_escaped)
{
    char argument[128] = "--audit.RetryIntervals=";
    for (size_t i = strlen(argument); i + 2 < sizeof argument; i += 2)
        memcpy(argument + i, "1 ", 3);
    parse_args(argument, (char *)"--Deadline=1");
    char text[PROPERTIES_ORIGIN_MAX];
    size_t length = properties_origin(properties, &deposit, PROPERTIES_RETRY_INTERVALS, text, sizeof text);
    cr_assert_lt(length, sizeof text);
    cr_assert_eq(strncmp(text, "--audit.RetryIntervals=1 1 1", 28), 0, "%s", text);
    cr_assert_str_eq(text + length - 3, "...");
    write_text("\x1b[31m.conf", "Deadline=7\n");
    cr_assert_eq(semel_properties_load(properties, "\x1b[31m.conf", &status), SEMEL_OK);
    expect_origin(PROPERTIES_DEADLINE, "\\x1b[31m.conf:1");
}

Test(origin, lengths_are_those_of_snprintf)
{
    char text[8];
    cr_assert_eq(properties_origin(NULL, NULL, PROPERTIES_DEADLINE, NULL, 0), strlen("built-in default"));
    cr_assert_eq(properties_origin(properties, NULL, PROPERTIES_DEADLINE, text, sizeof text), 16);
    cr_assert_str_eq(text, "built-i");
}
