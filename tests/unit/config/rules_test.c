/* Rules between keys: which pairs are refused in one scope, which displaces the other, and which rules a call.
 * Must not know: how settings are kept.
 * Reads best next: reload_test.c. */
#include "support.h"

#include <criterion/criterion.h>

#include "config/properties.h"

TestSuite(rules, .init = workplace_enter, .fini = workplace_leave);

static const struct properties_scope deposit = {"audit", "demo.Bank.Deposit"};

static bool intervals_are_set(void)
{
    const uint32_t *intervals_ms;
    size_t count;
    return properties_find_intervals(properties, NULL, &intervals_ms, &count);
}

Test(rules, rivals_in_one_file)
{
    expect_load_text("RetryIntervals=0\n\nRetryMaxAttempts=3\n", SEMEL_INVALID_ARGUMENT,
                     "bank.conf:3: RetryMaxAttempts: RetryIntervals and RetryMaxAttempts can not both hold in "
                     "one scope; the other is set by bank.conf:1");
    expect_load_text("a.b.C.RetryMaxAttempts=3\na.b.C.RetryIntervals=0\n", SEMEL_INVALID_ARGUMENT,
                     "bank.conf:2: a.b.C.RetryIntervals: RetryIntervals and RetryMaxAttempts can not both hold "
                     "in one scope; the other is set by bank.conf:1");
    cr_assert_not(intervals_are_set());
    expect_load_text("RetryIntervals=0\ndemo.Bank.RetryMaxAttempts=3\naudit.RetryIntervals=5\n", SEMEL_OK, "");
}

Test(rules, rivals_on_one_command_line)
{
    char *argv[] = {(char *)"x", (char *)"--RetryIntervals=0", (char *)"--RetryMaxAttempts=3", NULL};
    int argc = 3;
    cr_assert_eq(semel_properties_parse_args(properties, &argc, argv, &status), SEMEL_INVALID_ARGUMENT);
    cr_assert_str_eq(status.message,
                     "command line: RetryMaxAttempts: RetryIntervals and RetryMaxAttempts can not both hold in "
                     "one scope; the other is set by --RetryIntervals=0");
    cr_assert_eq(argc, 3);
}

Test(rules, what_comes_later_displaces_its_rival_in_the_same_scope_only)
{
    expect_load_text("RetryIntervals=0 5\naudit.RetryIntervals=7\n", SEMEL_OK, "");
    expect_set("RetryMaxAttempts", "3", SEMEL_OK, "");
    cr_assert_not(intervals_are_set());
    cr_assert_eq(properties_level(properties, &deposit, PROPERTIES_RETRY_INTERVALS), PROPERTIES_LEVEL_CHANNEL);
    expect_set("RetryIntervals", "1", SEMEL_OK, "");
    cr_assert(intervals_are_set());
    cr_assert_eq(properties_get_int(properties, NULL, PROPERTIES_RETRY_MAX_ATTEMPTS), PROPERTIES_NO_DEFAULT);
}

Test(rules, the_command_line_displaces_what_the_file_says)
{
    char *argv[] = {(char *)"x", (char *)"--RetryMaxAttempts=3", (char *)"--config=bank.conf", NULL};
    int argc = 3;
    write_text("bank.conf", "RetryIntervals=0 100\n");
    cr_assert_eq(semel_properties_parse_args(properties, &argc, argv, &status), SEMEL_OK, "%s", status.message);
    cr_assert_not(intervals_are_set());
    cr_assert_eq(properties_get_int(properties, NULL, PROPERTIES_RETRY_MAX_ATTEMPTS), 3);
}

Test(rules, levels_tell_which_of_two_is_more_specific)
{
    static const char *const scopes[] = {"RetryMaxAttempts", "audit.RetryMaxAttempts",
                                         "demo.Bank.RetryMaxAttempts", "demo.Bank.Deposit.RetryMaxAttempts"};
    cr_assert_eq(properties_level(NULL, &deposit, PROPERTIES_DEADLINE), PROPERTIES_LEVEL_UNSET);
    cr_assert_eq(properties_level(properties, &deposit, PROPERTIES_RETRY_MAX_ATTEMPTS), -1);
    for (int i = 0; i < 4; i++) {
        expect_set(scopes[i], "3", SEMEL_OK, "");
        cr_assert_eq(properties_level(properties, &deposit, PROPERTIES_RETRY_MAX_ATTEMPTS), 3 - i);
    }
    cr_assert_eq(properties_level(properties, NULL, PROPERTIES_RETRY_MAX_ATTEMPTS), PROPERTIES_LEVEL_GLOBAL);
    cr_assert_eq(properties_level(properties, &deposit, PROPERTIES_RETRY_INTERVALS), PROPERTIES_LEVEL_UNSET);
}

Test(rules, backoffs_in_order)
{
    expect_load_text(
        "a.RetryMaxBackoff=50ms\na.RetryInitialBackoff=1s\n", SEMEL_INVALID_ARGUMENT,
        "bank.conf:1: a.RetryMaxBackoff: 50ms is below RetryInitialBackoff, 1s, set by bank.conf:2");
    expect_load_text("RetryInitialBackoff=1s\nRetryMaxBackoff=1s\na.RetryMaxBackoff=50ms\n", SEMEL_OK, "");
    expect_set("RetryMaxBackoff", "999ms", SEMEL_INVALID_ARGUMENT,
               "RetryMaxBackoff: 999ms is below RetryInitialBackoff, 1s, set by bank.conf:1");
    expect_set("RetryInitialBackoff", "1001ms", SEMEL_INVALID_ARGUMENT,
               "bank.conf:2: RetryMaxBackoff: 1s is below RetryInitialBackoff, 1001ms, set by the program");
    cr_assert_eq(properties_get_int(properties, NULL, PROPERTIES_RETRY_INITIAL_BACKOFF), 1000);
}
