/* semel_properties_help: complete, one key a line, and with the length rules of snprintf.
 * Must not know: the wording.
 * Reads best next: readme_test.c. */
#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

#include "config/keys.h"

Test(help, each_key_starts_a_line)
{
    char text[8192];
    size_t length = semel_properties_help(text, sizeof text);
    cr_assert_lt(length, sizeof text);
    cr_assert_eq(strlen(text), length);
    char *rest = text;
    for (int key = 0; key < PROPERTIES_KEY_COUNT; key++) {
        const struct properties_key_info *info = keys_info((enum properties_key)key);
        char *line = strsep(&rest, "\n");
        cr_assert_not_null(line);
        cr_assert_eq(strncmp(line, info->name, strlen(info->name)), 0, "%s", line);
        cr_assert_not_null(strstr(line, info->help), "%s", line);
    }
    cr_assert_str_eq(rest, "");
}

Test(help, any_size_is_terminated_and_the_length_stays_the_same)
{
    char whole[8192], part[8192];
    size_t length = semel_properties_help(whole, sizeof whole);
    cr_assert_eq(semel_properties_help(NULL, 0), length);
    for (size_t size = 1; size <= length + 1; size++) {
        memset(part, 'x', sizeof part);
        cr_assert_eq(semel_properties_help(part, size), length);
        cr_assert_eq(strlen(part), size - 1);
        cr_assert_eq(memcmp(part, whole, size - 1), 0);
        cr_assert_eq(part[size], 'x');
    }
}
