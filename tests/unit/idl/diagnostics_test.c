/* The list of diagnostics and the arena under it.
 * Must not know: rules.
 * Reads best next: locations_test.c. */
#include "idl/diagnostics.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;
static struct diagnostics list;

static void start(void)
{
    diagnostics_init(&list, &arena);
}

static void stop(void)
{
    diagnostics_fini(&list);
    arena_fini(&arena);
}

TestSuite(diagnostics, .init = start, .fini = stop);

Test(diagnostics, are_sorted_by_place_and_kept_in_order_within_one)
{
    diagnostics_error(&list, (struct place){"b.proto", 1, 1}, "fifth");
    diagnostics_error(&list, (struct place){"a.proto", 9, 2}, "third");
    diagnostics_error(&list, (struct place){"a.proto", 9, 2}, "fourth");
    diagnostics_error(&list, (struct place){"a.proto", 9, 1}, "second");
    diagnostics_error(&list, (struct place){"a.proto", 0, 0}, "first");
    diagnostics_sort(&list);
    cr_assert_str_eq(diagnostics_text(&list, SEVERITY_ERROR), "a.proto: error: first\n"
                                                              "a.proto:9:1: error: second\n"
                                                              "a.proto:9:2: error: third\n"
                                                              "a.proto:9:2: error: fourth\n"
                                                              "b.proto:1:1: error: fifth");
}

Test(diagnostics, warnings_are_no_errors)
{
    diagnostics_warn(&list, (struct place){"a.proto", 1, 2}, "%d of %s", 3, "them");
    cr_assert_eq(list.errors, 0);
    cr_assert_str_eq(diagnostics_text(&list, SEVERITY_ERROR), "");
    cr_assert_str_eq(diagnostics_text(&list, SEVERITY_WARNING), "a.proto:1:2: warning: 3 of them");
}

Test(diagnostics, arena_gives_aligned_zeroed_memory_of_any_size)
{
    for (size_t size = 0; size < 100000; size = size * 3 + 1) {
        unsigned char *memory = arena_alloc(&arena, size);
        cr_assert_eq((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            cr_assert_eq(memory[i], 0);
        memset(memory, 0xff, size);
    }
}

Test(diagnostics, arrays_grow_by_doubling)
{
    int *items = NULL;
    for (size_t i = 0; i < 1000; i++) {
        items = array_grow(items, i, sizeof *items);
        items[i] = (int)i;
    }
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(items[i], i);
    free(items);
}
