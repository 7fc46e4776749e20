/* Holds runtime/config/README.md to the code: its tables and examples must be what the library says and does.
 * Must not know: the prose around them.
 * Reads best next: runtime/config/README.md. */
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/help.h"
#include "config/number.h"
#include "config/properties.h"

static char *readme; /* the whole text */

static void enter(void)
{
    workplace_enter();
    FILE *file = fopen(SEMEL_CONFIG_README, "r");
    cr_assert_not_null(file, SEMEL_CONFIG_README);
    readme = calloc(1, 65536);
    size_t size = fread(readme, 1, 65535, file);
    cr_assert(size > 0 && size < 65535);
    fclose(file);
}

static void leave(void)
{
    free(readme);
    workplace_leave();
}

TestSuite(readme, .init = enter, .fini = leave);

/* Cuts out what stands between the line start and the next line end; start must occur once. */
static char *section(const char *start, const char *end)
{
    char *first = strstr(readme, start);
    cr_assert_not_null(first, "no \"%s\"", start);
    cr_assert_null(strstr(first + 1, start), "two of \"%s\"", start);
    first += strlen(start);
    char *last = strstr(first, end);
    cr_assert_not_null(last, "no \"%s\" after \"%s\"", end, start);
    return strndup(first, (size_t)(last - first));
}

Test(readme, table_of_keys_is_the_key_table)
{
    char *table = section("| Key | Value | Default | Scope | Meaning |\n| --- | --- | --- | --- | --- |\n",
                          "\n\n");
    char *rest = table;
    for (int key = 0; key < PROPERTIES_KEY_COUNT; key++) {
        struct help_row row;
        char expected[512];
        help_row((enum properties_key)key, &row);
        snprintf(expected, sizeof expected, "| %s | %s | %s | %s | %s |", row.key, row.value, row.fallback,
                 row.scope, row.meaning);
        const char *line = strsep(&rest, "\n");
        cr_assert_not_null(line, "missing: %s", expected);
        cr_assert_str_eq(line, expected);
    }
    cr_assert_null(rest, "a row too many: %s", rest);
    free(table);
}

Test(readme, errors_are_real_output)
{
    char *block = section("```errors\n", "```\n");
    char *rest = block;
    int examples = 0;
    for (char *line; (line = strsep(&rest, "\n")) && *line; examples++) {
        char *message = strsep(&rest, "\n");
        cr_assert_not_null(message);
        cr_assert_eq(strspn(message, " "), 4, "%s", message);
        expect_load_text(line, SEMEL_INVALID_ARGUMENT, message + 4);
    }
    cr_assert_gt(examples, 5);
    free(block);
}

/* "| demo.Bank.Deposit | audit | 500ms |" */
static void expect_row(char *row)
{
    char method[64], channel[64], expected[64];
    cr_assert_eq(sscanf(row, "| %63s | %63s | %63s |", method, channel, expected), 3, "%s", row);
    const struct properties_scope scope = {channel, method};
    char text[NUMBER_TEXT_MAX];
    number_format(NUMBER_DURATION, properties_get_int(properties, &scope, PROPERTIES_DEADLINE), text);
    cr_assert_str_eq(text, expected, "%s", row);
}

Test(readme, precedence_example_holds)
{
    char *file = section("```properties\n", "```\n");
    expect_load_text(file, SEMEL_OK, "");
    char *table = section("| Method | Channel | Deadline |\n| --- | --- | --- |\n", "\n\n");
    char *rest = table;
    int rows = 0;
    for (char *row; (row = strsep(&rest, "\n")); rows++)
        expect_row(row);
    cr_assert_eq(rows, 4);
    free(file);
    free(table);
}
