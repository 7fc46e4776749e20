/* The registry of methods: everything added is found, under collisions and growth; what is refused leaves no trace.
 *
 * Reads best next: request_test.c. */
#include "server/services.h"

#include <criterion/criterion.h>
#include <stdalign.h>

#include "server/request.h"
#include "tables.h"

TestSuite(services, .timeout = 60);

enum { MANY = 5000 };

static struct semel_method methods[MANY];
static char who; /* the user pointer; only its address counts */

static struct semel_service service_of(const struct semel_method *first, size_t count)
{
    return (struct semel_service){
        .version = SEMEL_SERVICE_VERSION, .name = "test.Notes", .methods = first, .method_count = count};
}

static enum services_add_result add(struct services *services, const struct semel_method *first, size_t count)
{
    const struct semel_service service = service_of(first, count);
    return services_add(services, &service, &some_handlers, &who);
}

static void expect_found(const struct services *services, const struct semel_method *method)
{
    const struct services_entry *entry = services_find(services, method->id);
    cr_assert_not_null(entry, "method %llx is lost", (unsigned long long)method->id);
    cr_assert_eq(entry->method, method);
    cr_assert_eq(entry->handlers, &some_handlers);
    cr_assert_eq(entry->user, &who);
    cr_assert_eq(entry->implemented, method->id % 2 == 0);
}

Test(services, none_knows_nothing)
{
    struct services services;
    services_init(&services);
    cr_assert_null(services_find(&services, 0));
    cr_assert_null(services_find(&services, 1));
    services_fini(&services);
}

Test(services, an_empty_service_is_fine)
{
    struct services services;
    services_init(&services);
    cr_assert_eq(add(&services, NULL, 0), SERVICES_ADDED);
    cr_assert_eq(services.count, 0);
    cr_assert_null(services_find(&services, 0));
    services_fini(&services);
}

Test(services, many_methods_of_one_service_are_all_found)
{
    struct services services;
    services_init(&services);
    for (size_t i = 0; i < 1000; i++)
        methods[i] = method_with(i * UINT64_C(0x9e3779b97f4a7c15));
    cr_assert_eq(add(&services, methods, 1000), SERVICES_ADDED);
    cr_assert_eq(services.count, 1000);
    for (size_t i = 0; i < 1000; i++)
        expect_found(&services, &methods[i]);
    cr_assert_null(services_find(&services, UINT64_C(0x123456789abcdef1)));
    services_fini(&services);
}

Test(services, growing_moves_everything_along)
{
    struct services services;
    services_init(&services);
    for (size_t i = 0; i < MANY; i++) {
        methods[i] = method_with((i + 1) * UINT64_C(0x9e3779b97f4a7c15));
        size_t before = services.table_size;
        cr_assert_eq(add(&services, &methods[i], 1), SERVICES_ADDED);
        cr_assert_eq(services.table_size & (services.table_size - 1), 0, "a power of two");
        cr_assert_leq(services.count * 2, services.table_size, "at most half full");
        if (services.table_size == before)
            continue;
        for (size_t k = 0; k <= i; k++)
            expect_found(&services, &methods[k]);
    }
    cr_assert_eq(services.count, MANY);
    services_fini(&services);
}

/* Ids that fall on one place, at the end of the table too, where the search wraps around. */
Test(services, ids_that_collide_are_told_apart)
{
    struct services services;
    services_init(&services);
    for (size_t i = 0; i < 14; i++) {
        methods[i] = method_with(31 + i * 32); /* of a table of 32: always the last place */
        cr_assert_eq(add(&services, &methods[i], 1), SERVICES_ADDED);
    }
    cr_assert_eq(services.table_size, 32);
    for (size_t i = 0; i < 14; i++)
        expect_found(&services, &methods[i]);
    cr_assert_null(services_find(&services, 31 + 14 * 32), "same place, never added");
    cr_assert_null(services_find(&services, 0), "a place that only others have run into");
    services_fini(&services);
}

Test(services, the_ends_of_the_id_range_are_ids_like_others)
{
    struct services services;
    services_init(&services);
    methods[0] = method_with(0);
    methods[1] = method_with(UINT64_MAX);
    methods[2] = method_with(UINT64_C(1) << 63);
    cr_assert_eq(add(&services, methods, 3), SERVICES_ADDED);
    for (size_t i = 0; i < 3; i++)
        expect_found(&services, &methods[i]);
    services_fini(&services);
}

Test(services, a_service_is_added_once)
{
    struct services services;
    services_init(&services);
    for (size_t i = 0; i < 4; i++)
        methods[i] = method_with(i + 1);
    cr_assert_eq(add(&services, methods, 4), SERVICES_ADDED);
    cr_assert_eq(add(&services, methods, 4), SERVICES_EXISTS);
    cr_assert_eq(services.count, 4);
    services_fini(&services);
}

Test(services, all_methods_of_a_service_or_none)
{
    struct services services;
    services_init(&services);
    methods[0] = method_with(1);
    cr_assert_eq(add(&services, methods, 1), SERVICES_ADDED);
    struct semel_method second[3] = {method_with(2), method_with(3), method_with(1)};
    cr_assert_eq(add(&services, second, 3), SERVICES_EXISTS);
    cr_assert_null(services_find(&services, 2));
    cr_assert_null(services_find(&services, 3));
    expect_found(&services, &methods[0]);
    cr_assert_eq(services.count, 1);
    cr_assert_eq(add(&services, second, 2), SERVICES_ADDED, "without the one that is known");
    services_fini(&services);
}

Test(services, two_methods_of_one_service_must_not_share_an_id)
{
    struct services services;
    services_init(&services);
    struct semel_method twins[3] = {method_with(5), method_with(6), method_with(5)};
    cr_assert_eq(add(&services, twins, 3), SERVICES_EXISTS);
    cr_assert_null(services_find(&services, 5));
    cr_assert_null(services_find(&services, 6));
    cr_assert_eq(services.count, 0);
    services_fini(&services);
}

Test(services, tables_of_another_version_are_refused)
{
    static const uint32_t versions[] = {0, SEMEL_SERVICE_VERSION + 1, UINT32_MAX};
    struct services services;
    services_init(&services);
    methods[0] = method_with(1);
    for (size_t i = 0; i < 3; i++) {
        struct semel_service service = service_of(methods, 1);
        service.version = versions[i];
        cr_assert_eq(services_add(&services, &service, &some_handlers, NULL), SERVICES_WRONG_VERSION);
        cr_assert_null(services_find(&services, 1));
    }
    services_fini(&services);
}

Test(services, messages_have_their_place_behind_the_request)
{
    struct services services;
    services_init(&services);
    methods[0] = method_with(2);
    methods[0].request_size = 13;
    methods[0].reply_size = 1;
    cr_assert_eq(add(&services, methods, 1), SERVICES_ADDED);
    const struct services_entry *entry = services_find(&services, 2);
    cr_assert_geq(entry->in_offset, sizeof(struct semel_request));
    cr_assert_geq(entry->out_offset, entry->in_offset + 13);
    cr_assert_geq(entry->requests.block_size, entry->out_offset + 1);
    cr_assert_eq(entry->in_offset % alignof(max_align_t), 0);
    cr_assert_eq(entry->out_offset % alignof(max_align_t), 0);
    services_fini(&services);
}
