/* Durations: what is one, what is none.
 * Must not know: options.
 * Reads best next: names_test.c. */
#include "idl/duration.h"

#include <criterion/criterion.h>

Test(duration, reads_every_unit)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"0", 0},
        {"250", 250},
        {"250ms", 250},
        {"5s", 5000},
        {"2min", 120000},
        {"007s", 7000},
        {"9000000000000000000", 9000000000000000000},
        {"0min", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = -7;
        cr_assert(duration_parse(cases[i].text, &ms), "%s", cases[i].text);
        cr_assert_eq(ms, cases[i].ms, "%s", cases[i].text);
    }
}

Test(duration, refuses_everything_else_and_touches_nothing)
{
    static const char *const cases[] = {
        "",
        " 5s",
        "5 s",
        "5s ",
        "-1",
        "+1",
        "1.5s",
        "s",
        "5S",
        "5sec",
        "5h",
        "0x10",
        "5ms5",
        "99999999999999999999",
        "9223372036854775807s",
        "200000000000000min",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = -7;
        cr_assert_not(duration_parse(cases[i], &ms), "\"%s\"", cases[i]);
        cr_assert_eq(ms, -7);
    }
}
