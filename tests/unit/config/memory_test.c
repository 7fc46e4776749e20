/* Out of memory at every single allocation: an error, nothing leaked, nothing changed.
 * The linker sends the library's allocations through the functions below.
 * Must not know: where the library allocates.
 * Reads best next: properties.c. */
#include "support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "config/properties.h"

TestSuite(memory, .init = workplace_enter, .fini = workplace_leave);

void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strndup(const char *text, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strndup(const char *text, size_t size);

static int allowed = -1; /* allocations until one fails; -1: all succeed */

static bool fails_now(void)
{
    return allowed >= 0 && allowed-- == 0;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails_now() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strndup(const char *text, size_t size)
{
    return fails_now() ? NULL : __real_strndup(text, size);
}

static enum semel_code set_all(void)
{
    return semel_properties_set(properties, "demo.Bank.RetryIntervals", "1 2 3", &status);
}

static enum semel_code load_all(void)
{
    return semel_properties_load(properties, "bank.conf", &status);
}

static enum semel_code parse_all(void)
{
    char *argv[] = {(char *)"x", (char *)"--Deadline=6s", (char *)"--config", (char *)"bank.conf", NULL};
    int argc = 4;
    return semel_properties_parse_args(properties, &argc, argv, &status);
}

/* Runs work with the first allocation failing, then the second, ... until it goes through. */
static void expect_refused_until_it_works(enum semel_code (*work)(void))
{
    int failures = 0;
    write_text("bank.conf", "Deadline=5s\nRetryIntervals=1 2 3\nx.Deadline=7s\ny.Deadline=7s\nz.Deadline=7s\n");
    for (;; failures++) {
        allowed = failures;
        enum semel_code code = work();
        allowed = -1;
        if (code == SEMEL_OK)
            break;
        cr_assert_eq(code, SEMEL_RESOURCE_EXHAUSTED);
        cr_assert_eq(status.reason, SEMEL_REASON_NO_MEMORY);
        cr_assert_str_eq(status.message, "no memory for properties");
        cr_assert_eq(properties_get_int(properties, NULL, PROPERTIES_DEADLINE), 60000);
    }
    cr_assert_geq(failures, 3, "%d", failures);
}

Test(memory, set)
{
    expect_refused_until_it_works(set_all);
}

Test(memory, load)
{
    expect_refused_until_it_works(load_all);
    cr_assert_eq(properties_get_int(properties, NULL, PROPERTIES_DEADLINE), 5000);
}

Test(memory, parse_args)
{
    expect_refused_until_it_works(parse_all);
    cr_assert_eq(properties_get_int(properties, NULL, PROPERTIES_DEADLINE), 6000);
}

static enum semel_code reload_all(void)
{
    return semel_properties_reload(properties, &status);
}

Test(memory, reload)
{
    expect_load_text("", SEMEL_OK, "");
    expect_set("Window", "7", SEMEL_OK, "");
    expect_refused_until_it_works(reload_all);
    cr_assert_eq(properties_get_int(properties, NULL, PROPERTIES_DEADLINE), 5000);
    cr_assert_eq(properties_get_int(properties, NULL, PROPERTIES_WINDOW), 7);
}

Test(memory, create)
{
    for (allowed = 0; allowed < 2; allowed++) {
        int failing = allowed;
        cr_assert_null(semel_properties_create());
        allowed = failing;
    }
}
