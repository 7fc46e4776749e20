/* semel_properties_parse_args: what is taken, what is left, which source wins.
 * Must not know: how a file is read.
 * Reads best next: memory_test.c. */
#include "support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "config/properties.h"

TestSuite(args, .init = workplace_enter, .fini = workplace_leave);

#define ARGS_MAX 16

static char *argv[ARGS_MAX + 1];
static int argc;

/* Splits a command line at blanks into argv, after a program name; "_" stands for an empty argument. */
static void command_line(const char *text)
{
    static char words[512];
    cr_assert_lt(strlen(text), sizeof words);
    memcpy(words, text, strlen(text) + 1);
    memset(argv, 0, sizeof argv);
    argc = 0;
    argv[argc++] = (char *)"bank-server";
    char *rest = words;
    for (char *word; (word = strsep(&rest, " ")) && *word;) {
        cr_assert_lt(argc, ARGS_MAX);
        argv[argc++] = strcmp(word, "_") == 0 ? word + 1 : word;
    }
}

static void expect_args(int first, int end, const char *expected)
{
    char got[512] = "";
    for (int i = first; i < end; i++) {
        strncat(got, argv[i], sizeof got - strlen(got) - 1);
        strncat(got, i + 1 < end ? " " : "", sizeof got - strlen(got) - 1);
    }
    cr_assert_str_eq(got, expected);
}

static void expect_ok(const char *line, const char *rest, const char *taken)
{
    command_line(line);
    int all = argc;
    enum semel_code code = semel_properties_parse_args(properties, &argc, argv, &status);
    cr_assert_eq(code, SEMEL_OK, "%s: %s", line, status.message);
    cr_assert_str_eq(argv[0], "bank-server");
    expect_args(1, argc, rest);
    expect_args(argc, all, taken);
    cr_assert_null(argv[all]);
}

/* Refused, with argv and properties as they were. */
static void expect_refused(const char *line, enum semel_code code, const char *message)
{
    command_line(line);
    int all = argc;
    char *before[ARGS_MAX + 1];
    memcpy(before, argv, sizeof before);
    cr_assert_eq(semel_properties_parse_args(properties, &argc, argv, &status), code, "%s", line);
    cr_assert_str_eq(status.message, message);
    cr_assert_eq(argc, all);
    cr_assert_arr_eq(argv, before, sizeof before);
    cr_assert_eq(properties_get_int(properties, NULL, PROPERTIES_WINDOW), 4096, "%s", line);
}

static int64_t deadline(void)
{
    return properties_get_int(properties, NULL, PROPERTIES_DEADLINE);
}

Test(args, ours_are_taken_and_the_rest_keeps_its_order)
{
    expect_ok("", "", "");
    expect_ok("--listen x --delay-ms 5", "--listen x --delay-ms 5", "");
    expect_ok("--Deadline=5s", "", "--Deadline=5s");
    expect_ok("a --Deadline=5s b --demo.Bank.Deadline=6s c", "a b c", "--Deadline=5s --demo.Bank.Deadline=6s");
    expect_ok("--rate=5 -Deadline=5s Deadline=5s --verbose", "--rate=5 -Deadline=5s Deadline=5s --verbose", "");
    expect_ok("--Verbose --file a.b", "--Verbose --file a.b", "");
    expect_ok("a -- --Deadline=7s --config x", "a -- --Deadline=7s --config x", "");
    expect_ok("--Deadline=5s -- --Deadline=7s", "-- --Deadline=7s", "--Deadline=5s");
    cr_assert_eq(deadline(), 5000);
}

Test(args, values_arrive)
{
    const struct properties_scope audit = {"audit", NULL};
    expect_ok("--audit.Trace.Retry=2 --RetryIntervals=0,100 --audit.Heartbeat=1s", "",
              "--audit.Trace.Retry=2 --RetryIntervals=0,100 --audit.Heartbeat=1s");
    const uint32_t *intervals_ms;
    size_t count;
    cr_assert(properties_find_intervals(properties, NULL, &intervals_ms, &count));
    cr_assert_eq(count, 2);
    cr_assert_eq(properties_get_int(properties, &audit, PROPERTIES_TRACE_RETRY), 2);
    cr_assert_eq(properties_get_int(properties, &audit, PROPERTIES_HEARTBEAT), 1000);
}

Test(args, the_later_argument_wins)
{
    expect_ok("--Deadline=5s --Deadline=6s", "", "--Deadline=5s --Deadline=6s");
    cr_assert_eq(deadline(), 6000);
}

Test(args, the_command_line_wins_over_the_file)
{
    write_text("bank.conf", "Deadline=5s\nHeartbeat=1s\n");
    expect_ok("--Deadline=6s --config bank.conf x", "x", "--Deadline=6s --config bank.conf");
    cr_assert_eq(deadline(), 6000);
    cr_assert_eq(properties_get_int(properties, NULL, PROPERTIES_HEARTBEAT), 1000);
    expect_ok("y --config=bank.conf", "y", "--config=bank.conf");
    cr_assert_eq(deadline(), 5000);
}

Test(args, a_config_file_may_be_named_like_anything)
{
    write_text("--Deadline=9s", "Deadline=5s\n");
    expect_ok("--config --Deadline=9s --config.d", "--config.d", "--config --Deadline=9s");
    cr_assert_eq(deadline(), 5000);
}

Test(args, semel_config_names_the_file)
{
    write_text("env.conf", "Deadline=5s\n");
    write_text("arg.conf", "Heartbeat=1s\n");
    setenv("SEMEL_CONFIG", "env.conf", 1);
    expect_ok("--config arg.conf", "", "--config arg.conf");
    cr_assert_eq(deadline(), 60000, "--config comes instead of SEMEL_CONFIG");
    expect_ok("a", "a", "");
    cr_assert_eq(deadline(), 5000);
    expect_ok("--Deadline=6s", "", "--Deadline=6s");
    cr_assert_eq(deadline(), 6000);
    setenv("SEMEL_CONFIG", "", 1);
    expect_ok("a", "a", "");
}

Test(args, semel_config_is_named_in_the_error)
{
    setenv("SEMEL_CONFIG", "none.conf", 1);
    expect_refused("a", SEMEL_NOT_FOUND, "none.conf: No such file or directory (file named by SEMEL_CONFIG)");
    write_text("env.conf", "Deadlin=5s\n");
    setenv("SEMEL_CONFIG", "env.conf", 1);
    expect_refused(
        "a", SEMEL_INVALID_ARGUMENT,
        "env.conf:1: unknown key \"Deadlin\"; did you mean \"Deadline\"? (file named by SEMEL_CONFIG)");
    cr_assert_eq(semel_properties_parse_args(properties, &argc, argv, NULL), SEMEL_INVALID_ARGUMENT);
}

Test(args, errors_keep_nothing)
{
    write_text("bank.conf", "Window=7\n");
    expect_refused("--Window=7 x --Deadlin=5s", SEMEL_INVALID_ARGUMENT,
                   "command line: unknown key \"Deadlin\"; did you mean \"Deadline\"?");
    expect_refused("--config bank.conf --deadline.x=5s", SEMEL_INVALID_ARGUMENT,
                   "command line: unknown key \"deadline.x\"; did you mean \"Lease\"?");
    expect_refused("--Window=7 --Heartbeat=1", SEMEL_INVALID_ARGUMENT,
                   "command line: Heartbeat: \"1\" is outside 50ms to 60min");
    expect_refused("--Window=", SEMEL_INVALID_ARGUMENT, "command line: Window: \"\" is not a whole number");
    expect_refused(
        "--.Window=7", SEMEL_INVALID_ARGUMENT,
        "command line: \".Window\": what stands before Window is not the name of a method, service or "
        "channel");
}

Test(args, a_key_without_a_value)
{
    expect_refused("--Window 7", SEMEL_INVALID_ARGUMENT,
                   "command line: --Window needs a value: --Window=VALUE");
    expect_refused("--demo.Bank.Deadline", SEMEL_INVALID_ARGUMENT,
                   "command line: --demo.Bank.Deadline needs a value: --demo.Bank.Deadline=VALUE");
}

Test(args, config_without_a_good_file)
{
    write_text("bank.conf", "Window=7\n");
    expect_refused("--Window=7 --config", SEMEL_INVALID_ARGUMENT, "command line: --config needs a file");
    expect_refused("--config bank.conf --config bank.conf", SEMEL_INVALID_ARGUMENT,
                   "command line: --config is given twice");
    expect_refused("--config bank.conf --config=bank.conf", SEMEL_INVALID_ARGUMENT,
                   "command line: --config is given twice");
    expect_refused("--config none.conf", SEMEL_NOT_FOUND, "none.conf: No such file or directory");
    expect_refused("--config _", SEMEL_NOT_FOUND, ": No such file or directory");
    expect_refused("--config=", SEMEL_NOT_FOUND, ": No such file or directory");
}

Test(args, no_arguments_at_all)
{
    argc = 0;
    cr_assert_eq(semel_properties_parse_args(properties, &argc, argv, &status), SEMEL_OK);
    cr_assert_eq(argc, 0);
}
