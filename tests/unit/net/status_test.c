/* Filling a status, and random numbers.
 *
 * Reads best next: loop_test.c. */
#include "net/status.h"

#include <criterion/criterion.h>
#include <string.h>

#include "net/random.h"

TestSuite(status, .timeout = 60);
TestSuite(random, .timeout = 60);

Test(status, set_fills_everything_and_returns_the_code)
{
    semel_status status;
    memset(&status, 0xa5, sizeof status);
    cr_assert_eq(status_set(&status, SEMEL_NOT_FOUND, SEMEL_REASON_BAD_ADDRESS, "%s %d", "line", 7),
                 SEMEL_NOT_FOUND);
    cr_assert_eq(status.code, SEMEL_NOT_FOUND);
    cr_assert_eq(status.reason, SEMEL_REASON_BAD_ADDRESS);
    cr_assert_eq(status.outcome, SEMEL_OUTCOME_NOT_EXECUTED);
    cr_assert_eq(status.trail_count, 0);
    cr_assert_eq(status.attempts, 0);
    cr_assert_str_eq(status.message, "line 7");
}

Test(status, nobody_wants_to_know)
{
    cr_assert_eq(status_set(NULL, SEMEL_INTERNAL, SEMEL_REASON_NONE, "%s", "unread"), SEMEL_INTERNAL);
}

Test(status, a_message_is_cut_with_dots_only_if_it_must_be)
{
    semel_status status;
    char text[600];
    for (size_t length = SEMEL_MESSAGE_MAX - 6; length < sizeof text; length++) {
        memset(text, 'x', length);
        text[length] = '\0';
        status_set(&status, SEMEL_INTERNAL, SEMEL_REASON_NONE, "%s", text);
        if (length < SEMEL_MESSAGE_MAX) {
            cr_assert_str_eq(status.message, text);
            continue;
        }
        cr_assert_eq(strlen(status.message), SEMEL_MESSAGE_MAX - 1);
        cr_assert_eq(strspn(status.message, "x"), SEMEL_MESSAGE_MAX - 4);
        cr_assert_str_eq(status.message + SEMEL_MESSAGE_MAX - 4, "...");
    }
}

Test(random, numbers_differ)
{
    uint64_t ones = 0;
    uint64_t first = random_u64();
    bool differs = false;
    for (int i = 0; i < 64; i++) {
        uint64_t value = random_u64();
        differs = differs || value != first;
        ones |= value;
    }
    cr_assert(differs);
    cr_assert_eq(ones, UINT64_MAX, "every bit is one now and then");
}

Test(random, ids_differ_and_are_never_none)
{
    struct id before = random_id();
    for (int i = 0; i < 100; i++) {
        struct id id = random_id();
        cr_assert_not(id_is_none(&id));
        cr_assert_not(id_equal(&id, &before));
        before = id;
    }
}

Test(random, bytes_fill_exactly_what_they_are_given)
{
    uint8_t bytes[1024];
    unsigned set = 0;
    memset(bytes, 0, sizeof bytes);
    random_bytes(bytes + 1, sizeof bytes - 2);
    random_bytes(bytes, 0);
    for (size_t i = 1; i + 1 < sizeof bytes; i++)
        set += bytes[i] != 0;
    cr_assert_gt(set, 900);
    cr_assert_eq(bytes[0], 0);
    cr_assert_eq(bytes[sizeof bytes - 1], 0);
}
