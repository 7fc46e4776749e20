/* Names: legal, reserved, flattened, nearest.
 * Must not know: messages or services.
 * Reads best next: diagnostics_test.c. */
#include "idl/names.h"
#include "idl/reserved.h"

#include <criterion/criterion.h>

Test(names, identifiers)
{
    cr_assert(name_is_identifier("Bank"));
    cr_assert(name_is_identifier("_b2"));
    cr_assert_not(name_is_identifier(""));
    cr_assert_not(name_is_identifier("2b"));
    cr_assert_not(name_is_identifier("a.b"));
    cr_assert_not(name_is_identifier("a;b"));
    cr_assert_not(name_is_identifier("\xc3\xa4"));
}

Test(names, dotted)
{
    cr_assert(name_is_dotted("demo"));
    cr_assert(name_is_dotted("demo.bank.v1"));
    cr_assert_not(name_is_dotted(""));
    cr_assert_not(name_is_dotted(".demo"));
    cr_assert_not(name_is_dotted("demo."));
    cr_assert_not(name_is_dotted("demo..bank"));
}

Test(names, files_stay_below_the_output_and_within_quotes)
{
    static const char *const good[] = {"bank.proto", "sub/bank.proto", "a b.proto", "..bank.proto",
                                       "b\xc3\xa4nk.proto"};
    static const char *const bad[] = {
        "",     "/etc/passwd", "../bank.proto", "sub/../../bank.proto", "sub//bank.proto",
        "sub/", "a\"b.proto",  "a\nb.proto",    "a\\b.proto",           "a*/b.proto",
        ".."};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_assert(name_is_file(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_not(name_is_file(bad[i]), "%s", bad[i]);
}

/* The lists are searched by halves: each end and the middle must be found. */
Test(names, reserved)
{
    static const char *const reserved[] = {
        "auto",
        "int",
        "while",
        "typeof",
        "restrict",
        "static",
        "alignas",
        "delete",
        "xor_eq",
        "class",
        "this",
        "requires",
        "reinterpret_cast",
        "char8_t",
        "EOF",
        "errno",
        "unix",
        "linux",
        "__x",
        "_Bool",
        "bool",
        "asm",
        "SIZE_MAX",
    };
    static const char *const free_names[] = {"Deposit", "Auto", "_private", "int32", "Delete", "x", "integer"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        cr_assert_not_null(reserved_as(reserved[i]), "%s", reserved[i]);
    for (size_t i = 0; i < sizeof free_names / sizeof *free_names; i++)
        cr_assert_null(reserved_as(free_names[i]), "%s", free_names[i]);
    cr_assert_str_eq(reserved_as("delete"), "a C++ keyword");
    cr_assert_str_eq(reserved_as("register"), "a C keyword");
}

Test(names, flatten_and_last_part)
{
    struct arena arena = {NULL};
    cr_assert_str_eq(name_flatten(&arena, "demo.v1.Bank.Get"), "demo_v1_Bank_Get");
    cr_assert_str_eq(name_flatten(&arena, "E"), "E");
    cr_assert_str_eq(name_last_part("demo.v1.Bank"), "Bank");
    cr_assert_str_eq(name_last_part("Bank"), "Bank");
    arena_fini(&arena);
}

Test(names, nearest)
{
    static const char *const known[] = {"demo.Bank", "demo.InsufficientFunds", "other.Closed"};
    cr_assert_str_eq(name_nearest("demo.InsuficientFunds", known, 3), "demo.InsufficientFunds");
    cr_assert_str_eq(name_nearest("InsufficientFunds", known, 3), "demo.InsufficientFunds");
    cr_assert_str_eq(name_nearest("demo.insufficientfunds", known, 3), "demo.InsufficientFunds");
    cr_assert_str_eq(name_nearest("demo.Closed", known, 3), "other.Closed");
    cr_assert_null(name_nearest("demo.Zebra", known, 3));
    cr_assert_null(name_nearest("x", known, 0));
}

Test(names, nearest_of_very_long_names_stays_in_bounds)
{
    char longer[1000];
    for (size_t i = 0; i < sizeof longer; i++)
        longer[i] = 'a';
    longer[sizeof longer - 1] = '\0';
    const char *known[] = {longer};
    cr_assert_eq(name_nearest(longer, known, 1), known[0]);
    cr_assert_null(name_nearest("short", known, 1));
}
