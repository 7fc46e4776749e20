/* semel_properties_load: what a file may look like, and that nothing of a bad one is kept.
 * Must not know: the command line.
 * Reads best next: args_test.c. */
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/limits.h"
#include "config/properties.h"

TestSuite(file, .init = workplace_enter, .fini = workplace_leave);

static int64_t deadline(void)
{
    return properties_get_int(properties, NULL, PROPERTIES_DEADLINE);
}

Test(file, every_accepted_form)
{
    static const char *const texts[] = {
        "Deadline=5s\n",
        "Deadline=5s",
        "Deadline = 5s\n",
        "  \tDeadline\t=\t5s \t\n",
        "Deadline=5s\r\n",
        "\r\n\r\nDeadline=5s\r\n\r\n",
        "\357\273\277Deadline=5s\n",
        "\xEF\xBB\xBF  # comment\nDeadline=5s\n",
        "# comment\n; comment\n  # Deadline=6s\n\n \t \nDeadline=5s\n",
        "#[section]\n;Deadline: x\nDeadline=5s\n",
        "Heartbeat=1s\n   Deadline=5s\n", /* inih alone would join the indented line to the first */
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        semel_properties_set(properties, "Deadline", "77", NULL);
        expect_load_text(texts[i], SEMEL_OK, "");
        cr_assert_eq(deadline(), 5000, "%s", texts[i]);
    }
    expect_load_text("", SEMEL_OK, "");
    expect_load_text("\xEF\xBB\xBF", SEMEL_OK, "");
}

Test(file, every_refused_form)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"Deadline\n", "bank.conf:1: \"Deadline\" is not Key=Value"},
        {"\n\nDeadline", "bank.conf:3: \"Deadline\" is not Key=Value"},
        {"Deadline: 5s\n", "bank.conf:1: \"Deadline: 5s\" is not Key=Value"},
        {"a:b.Deadline=5s\n", "bank.conf:1: \"a:b.Deadline=5s\" is not Key=Value"},
        {"=5s\n", "bank.conf:1: \"=5s\" is not Key=Value"},
        {" = \n", "bank.conf:1: \"=\" is not Key=Value"},
        {"Deadline=\n", "bank.conf:1: Deadline: \"\" is not a duration (500, 500ms, 5s or 2min)"},
        {"Deadline==5s\n", "bank.conf:1: Deadline: \"=5s\" is not a duration (500, 500ms, 5s or 2min)"},
        {"Deadline=5s;x\n", "bank.conf:1: Deadline: \"5s;x\" is not a duration (500, 500ms, 5s or 2min)"},
        {"Deadline=;5s\n", "bank.conf:1: Deadline: \";5s\" is not a duration (500, 500ms, 5s or 2min)"},
        {"Deadline=5s ;x\n", "bank.conf:1: a comment needs a line of its own"},
        {"Deadline=5s\t# x\n", "bank.conf:1: a comment needs a line of its own"},
        {"Deadline= ;5s\n", "bank.conf:1: a comment needs a line of its own"},
        {"Deadline ;=5s\n", "bank.conf:1: a comment needs a line of its own"},
        {"Deadline=\"5s\"\n", "bank.conf:1: Deadline: \"\"5s\"\" is not a duration (500, 500ms, 5s or 2min)"},
        {"Deadline=5s\\\n", "bank.conf:1: Deadline: \"5s\\x5c\" is not a duration (500, 500ms, 5s or 2min)"},
        {"Deadline=5s\rHeartbeat=1s\r",
         "bank.conf:1: Deadline: \"5s\\x0dHeartbeat=1s\" is not a duration (500, 500ms, 5s or 2min)"},
        {"Heartbeat=1s\n  5s\n", "bank.conf:2: \"5s\" is not Key=Value"},
        {"\n\357\273\277Deadline=5s\n",
         "bank.conf:2: unknown key \"\\xef\\xbb\\xbfDeadline\"; did you mean \"Deadline\"?"},
        {"[demo.Bank]\n",
         "bank.conf:1: sections are not used; write the scope before the key: demo.Bank.Deadline=5s"},
        {"  [x\n", "bank.conf:1: sections are not used; write the scope before the key: demo.Bank.Deadline=5s"},
        {"# ok\r\nDeadlin=5s\r\n", "bank.conf:2: unknown key \"Deadlin\"; did you mean \"Deadline\"?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_load_text(cases[i].text, SEMEL_INVALID_ARGUMENT, cases[i].message);
}

Test(file, a_key_set_twice)
{
    expect_load_text("Deadline=5s\n\nDeadline=5s\n", SEMEL_INVALID_ARGUMENT,
                     "bank.conf:3: \"Deadline\" is set twice, first in line 1");
    expect_load_text("a.Deadline=5s\nDeadline=6s\na.Deadline = 7s", SEMEL_INVALID_ARGUMENT,
                     "bank.conf:3: \"a.Deadline\" is set twice, first in line 1");
    expect_load_text("a.Deadline=5s\nb.Deadline=6s\nDeadline=7s\n", SEMEL_OK, "");
}

Test(file, a_later_file_replaces_an_earlier_one)
{
    expect_load_text("Deadline=5s\nHeartbeat=1s\n", SEMEL_OK, "");
    expect_load_text("Deadline=6s\n", SEMEL_OK, "");
    cr_assert_eq(deadline(), 6000);
    cr_assert_eq(properties_get_int(properties, NULL, PROPERTIES_HEARTBEAT), 1000);
}

Test(file, nothing_of_a_bad_file_is_kept)
{
    semel_properties_set(properties, "Deadline", "77", NULL);
    expect_load_text("Deadline=5s\nWindow=7\nx.RetryIntervals=1 2\nDeadlin=5s\n", SEMEL_INVALID_ARGUMENT,
                     "bank.conf:4: unknown key \"Deadlin\"; did you mean \"Deadline\"?");
    cr_assert_eq(deadline(), 77);
    cr_assert_eq(properties_get_int(properties, NULL, PROPERTIES_WINDOW), 4096);
}

Test(file, nul_bytes)
{
    const char *message = "bank.conf:1: a NUL byte: this is not a text file";
    expect_load("\0", 1, SEMEL_INVALID_ARGUMENT, message);
    expect_load("Deadline=5s\0garbage\n", 20, SEMEL_INVALID_ARGUMENT, message);
    expect_load("# \0\n", 4, SEMEL_INVALID_ARGUMENT, message);
    expect_load("Deadline=5s\n\0", 13, SEMEL_INVALID_ARGUMENT,
                "bank.conf:2: a NUL byte: this is not a text file");
    expect_load("\377\376D\0", 4, SEMEL_INVALID_ARGUMENT, message); /* UTF-16 */
}

/* The longest line that is taken, with its newline or without, and one byte more. */
Test(file, line_length)
{
    char text[CONFIG_LINE_MAX + 3];
    memset(text, ' ', sizeof text);
    memcpy(text, "Deadline=5s", 11);
    expect_load(text, CONFIG_LINE_MAX, SEMEL_OK, "");
    text[CONFIG_LINE_MAX] = '\n';
    expect_load(text, CONFIG_LINE_MAX + 1, SEMEL_OK, "");
    text[CONFIG_LINE_MAX] = ' ';
    text[CONFIG_LINE_MAX + 1] = '\n';
    expect_load(text, CONFIG_LINE_MAX + 2, SEMEL_INVALID_ARGUMENT, "bank.conf:1: longer than 2048 bytes");
}

Test(file, a_line_of_a_megabyte)
{
    const size_t size = 1 << 20;
    char *text = malloc(size);
    memset(text, 'a', size);
    expect_load(text, size, SEMEL_INVALID_ARGUMENT, "bank.conf:1: longer than 2048 bytes");
    text[0] = '#'; /* comments are not exempt: nothing is cut silently */
    expect_load(text, size, SEMEL_INVALID_ARGUMENT, "bank.conf:1: longer than 2048 bytes");
    memset(text, '\xff', size);
    expect_load(text, size, SEMEL_INVALID_ARGUMENT, "bank.conf:1: longer than 2048 bytes");
    memset(text, '\n', size);
    expect_load(text, size, SEMEL_INVALID_ARGUMENT, "bank.conf:1000001: more than 1000000 lines");
    free(text);
}

/* Beyond inih's own buffer of 200 bytes. */
Test(file, a_long_list_of_intervals_fits_in_a_line)
{
    char text[1024];
    int length = snprintf(text, sizeof text, "a.long.package.name.Service.Method.RetryIntervals =");
    for (int i = 0; i < 64; i++)
        length += snprintf(text + length, sizeof text - (size_t)length, " 3600000");
    const struct properties_scope scope = {NULL, "a.long.package.name.Service.Method"};
    const uint32_t *intervals_ms;
    size_t count = 0;
    expect_load_text(text, SEMEL_OK, "");
    cr_assert(properties_find_intervals(properties, &scope, &intervals_ms, &count));
    cr_assert_eq(count, 64);
    cr_assert_eq(intervals_ms[63], 3600000);
}

Test(file, too_many_settings)
{
    FILE *file = fopen("many.conf", "w");
    for (int i = 0; i <= CONFIG_SETTINGS_MAX; i++)
        fprintf(file, "c%d.Deadline=5s\n", i);
    fclose(file);
    cr_assert_eq(semel_properties_load(properties, "many.conf", &status), SEMEL_RESOURCE_EXHAUSTED);
    cr_assert_str_eq(status.message, "many.conf:8193: more than 8192 properties");
    cr_assert_eq(status.reason, SEMEL_REASON_BAD_PROPERTY);
}

Test(file, what_can_not_be_read)
{
    cr_assert_eq(semel_properties_load(properties, "none.conf", &status), SEMEL_NOT_FOUND);
    cr_assert_str_eq(status.message, "none.conf: No such file or directory");
    cr_assert_eq(semel_properties_load(properties, ".", &status), SEMEL_INVALID_ARGUMENT);
    cr_assert_str_eq(status.message, ".: Is a directory");
    cr_assert_eq(semel_properties_load(properties, "", &status), SEMEL_NOT_FOUND);
    write_text("bank.conf", "");
    cr_assert_eq(semel_properties_load(properties, "bank.conf/x", &status), SEMEL_INVALID_ARGUMENT);
    cr_assert_str_eq(status.message, "bank.conf/x: Not a directory");
    cr_assert_eq(semel_properties_load(properties, "none.conf", NULL), SEMEL_NOT_FOUND);
}

Test(file, a_long_path_keeps_its_end)
{
    char path[600] = "";
    for (size_t i = 0; i < 140; i++)
        memcpy(path + i * 4, "abc/", 5);
    strncat(path, "bank.conf", sizeof path - strlen(path) - 1);
    cr_assert_eq(semel_properties_load(properties, path, &status), SEMEL_NOT_FOUND);
    cr_assert_eq(strncmp(status.message, "...", 3), 0, "%s", status.message);
    cr_assert_not_null(strstr(status.message, "/abc/bank.conf: No such file"), "%s", status.message);
}

Test(file, random_bytes_never_crash)
{
    static const char alphabet[] = "=;#:[] .\n\r\tDeadlineTrace.Retry0159smin\xEF\xBB\xBF\xff";
    unsigned seed = 1;
    char text[300];
    for (int round = 0; round < 2000; round++) {
        size_t size = (size_t)rand_r(&seed) % sizeof text;
        for (size_t i = 0; i < size; i++)
            text[i] = alphabet[(size_t)rand_r(&seed) % (sizeof alphabet - 1)];
        write_bytes("bank.conf", text, size);
        enum semel_code code = semel_properties_load(properties, "bank.conf", &status);
        cr_assert(code == SEMEL_OK || code == SEMEL_INVALID_ARGUMENT);
        cr_assert_eq(status.code, code);
        cr_assert_lt(strlen(status.message), SEMEL_MESSAGE_MAX);
    }
}
