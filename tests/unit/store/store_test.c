/* Which specifications name a store, what the others are told, and whose domain a store answers for.
 *
 * Reads best next: conformance_test.c, lmdb_test.c. */
#include "stores.h"

TestSuite(store, .timeout = 60);

static struct store *open_with(const char *spec, uint8_t first_byte)
{
    const struct store_options options = {
        .fresh = {.bytes = {first_byte}}, .secret = stores_secret, .size_bytes = STORES_SIZE};
    struct store *store = NULL;
    struct store_problem problem = {.text = ""};
    cr_assert_eq(store_open(spec, &options, &store, &problem), SEMEL_OK, "%s", problem.text);
    return store;
}

static void expect_refused(const char *spec, const char *text)
{
    struct store_problem problem = stores_refusal(spec);
    cr_assert_eq(problem.code, SEMEL_INVALID_ARGUMENT, "'%s'", spec);
    cr_assert_str_eq(problem.text, text, "'%s'", spec);
}

/* What one store remembers dies with it: the next is another domain. */
Test(store, each_memory_is_a_domain_of_its_own)
{
    struct store *none = open_with(NULL, 1);
    struct store *memory = open_with("memory", 2);
    cr_assert_eq(none->domain.bytes[0], 1, "no specification is memory");
    cr_assert_eq(memory->domain.bytes[0], 2);
    cr_assert_not(none->ops->durable || memory->ops->durable);
    none->ops->close(none);
    memory->ops->close(memory);
}

/* What a file remembers it remembers for its whole life, whoever opens it. */
Test(store, a_file_is_one_domain)
{
    stores_prepare();
    char spec[300];
    snprintf(spec, sizeof spec, "lmdb:%s", stores_path("requests"));
    struct store *store = open_with(spec, 1);
    cr_assert(store->ops->durable);
    cr_assert_eq(store->domain.bytes[0], 1);
    store->ops->close(store);
    store = open_with(spec, 2);
    cr_assert_eq(store->domain.bytes[0], 1);
    store->ops->close(store);
    stores_clean();
}

Test(store, a_file_needs_a_name)
{
    expect_refused("lmdb:", "lmdb: needs a file; write lmdb:PATH");
}

Test(store, every_other_specification_is_unknown)
{
    static const char *const specs[] = {"",        "Memory",   "MEMORY",  "memory ",     " memory",
                                        "memory:", "memor",    "memoryy", "memory:path", "lmdb",
                                        "LMDB:x",  "sqlite:x", "lmdb x:", ":",           "file:x"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
        expect_refused(specs[i], "unknown store; write memory or lmdb:PATH");
}

Test(store, a_long_story_ends_in_dots)
{
    struct store_problem problem;
    char text[400];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    cr_assert_eq(store_fail(&problem, SEMEL_INTERNAL, "%s", text), SEMEL_INTERNAL);
    cr_assert_eq(strlen(problem.text), STORE_TEXT_MAX - 1);
    cr_assert_str_eq(problem.text + STORE_TEXT_MAX - 4, "...");
}
