/* Which specifications name a store, what the others are told, and whose domain a store answers for.
 *
 * Reads best next: runtime/store/store.h. */
#include "store/store.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(store, .timeout = 10);

static const struct id fresh = {.bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

static void expect_open(const char *spec)
{
    struct store store;
    const char *message = NULL;
    memset(&store, 0xa5, sizeof store);
    cr_assert_eq(store_open(spec, &fresh, &store, &message), SEMEL_REASON_NONE);
    cr_assert_arr_eq(store.domain.bytes, fresh.bytes, sizeof fresh.bytes);
    cr_assert_null(message, "nothing to say when it is open");
}

static void expect_refused(const char *spec, const char *text)
{
    struct store store;
    struct store before;
    const char *message = NULL;
    memset(&store, 0xa5, sizeof store);
    before = store;
    cr_assert_eq(store_open(spec, &fresh, &store, &message), SEMEL_REASON_BAD_ARGUMENT, "'%s'", spec);
    cr_assert_not_null(message);
    cr_assert_str_eq(message, text, "'%s'", spec);
    cr_assert_arr_eq(&store, &before, sizeof store, "'%s' was refused and must leave the store alone", spec);
}

Test(store, no_specification_is_memory)
{
    expect_open(NULL);
}

Test(store, memory_is_the_domain_it_was_given)
{
    expect_open("memory");
}

/* What one store remembers dies with it: the next is another domain. */
Test(store, each_memory_is_a_domain_of_its_own)
{
    struct id second = fresh;
    second.bytes[15] ^= 1;
    struct store a;
    struct store b;
    const char *message = NULL;
    cr_assert_eq(store_open("memory", &fresh, &a, &message), SEMEL_REASON_NONE);
    cr_assert_eq(store_open("memory", &second, &b, &message), SEMEL_REASON_NONE);
    cr_assert_neq(memcmp(&a.domain, &b.domain, sizeof a.domain), 0);
}

Test(store, a_durable_store_is_not_in_this_build)
{
    expect_refused("lmdb:", "this build has no durable store; write memory");
    expect_refused("lmdb:state/requests", "this build has no durable store; write memory");
}

Test(store, every_other_specification_is_unknown)
{
    static const char *const specs[] = {"",        "Memory",   "MEMORY",  "memory ",     " memory",
                                        "memory:", "memor",    "memoryy", "memory:path", "lmdb",
                                        "LMDB:x",  "sqlite:x", "lmdb x:", ":",           "file:x"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
        expect_refused(specs[i], "unknown store; write memory");
}
