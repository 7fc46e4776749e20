/* Bodies of declared errors: there and back, every truncation, and every lie about the length, against an oracle that
 * reads the byte table of the README by itself.
 *
 * Reads best next: nesting_test.c. */
#include "core/raised.h"

#include "support.h"

/* id 0x0102030405060708, message "abc", text "why" */
static const uint8_t golden_raised[] = {8, 7, 6, 5, 4, 3, 2, 1, 3, 0, 0, 0, 'a', 'b', 'c', 'w', 'h', 'y'};
enum { MESSAGE_END = RAISED_HEAD_SIZE + 3 };

static bool read_exact(const uint8_t *bytes, size_t size, uint8_t **ret_exact, struct raised *ret_raised)
{
    *ret_exact = exact_copy(bytes, size);
    return raised_read(*ret_exact, size, ret_raised);
}

Test(raised, reads_every_part)
{
    uint8_t *exact;
    struct raised raised;
    cr_assert(read_exact(golden_raised, sizeof golden_raised, &exact, &raised));
    cr_assert_eq(raised.id, UINT64_C(0x0102030405060708));
    cr_assert_eq(raised.message_size, 3);
    cr_assert_eq(raised.message, exact + RAISED_HEAD_SIZE, "borrowed, not copied");
    cr_assert_eq(raised.text_size, 3);
    cr_assert_eq((const uint8_t *)raised.text, exact + MESSAGE_END);
    free(exact);
}

Test(raised, writes_what_it_reads)
{
    uint8_t *head = malloc(RAISED_HEAD_SIZE); /* exactly: a byte more is seen */
    raised_write_head(head, UINT64_C(0x0102030405060708), 3);
    cr_assert_eq(memcmp(head, golden_raised, RAISED_HEAD_SIZE), 0);
    free(head);
}

/* A text may be cut anywhere, down to nothing; a message and a head may not. */
Test(raised, is_none_when_cut_before_its_text)
{
    for (size_t size = 0; size <= sizeof golden_raised; size++) {
        uint8_t *exact;
        struct raised raised;
        cr_assert_eq(read_exact(golden_raised, size, &exact, &raised), size >= MESSAGE_END, "%zu", size);
        cr_assert(size < MESSAGE_END || raised.text_size == size - MESSAGE_END);
        free(exact);
    }
}

Test(raised, is_none_when_its_message_would_end_beyond_the_body)
{
    static const uint32_t sizes[] = {7, 8, 0xff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffff4, 0xffffffff};
    uint8_t body[sizeof golden_raised];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t *exact;
        struct raised raised;
        memcpy(body, golden_raised, sizeof body);
        raised_write_head(body, 1, sizes[i]);
        cr_assert_not(read_exact(body, sizeof body, &exact, &raised), "%u", (unsigned)sizes[i]);
        free(exact);
    }
}

Test(raised, may_be_empty_of_message_and_text)
{
    uint8_t *exact;
    struct raised raised;
    uint8_t body[RAISED_HEAD_SIZE];
    raised_write_head(body, UINT64_MAX, 0);
    cr_assert(read_exact(body, sizeof body, &exact, &raised));
    cr_assert_eq(raised.id, UINT64_MAX);
    cr_assert(raised.message_size == 0 && raised.text_size == 0);
    free(exact);
}

static uint64_t little_endian(const uint8_t *bytes, int count)
{
    uint64_t value = 0;
    for (int i = count; i-- > 0;)
        value = value * 256 + bytes[i];
    return value;
}

static void check_against_oracle(const uint8_t *bytes, size_t size, unsigned *good)
{
    uint8_t *exact;
    struct raised raised;
    bool read = read_exact(bytes, size, &exact, &raised);
    bool expected = size >= 12 && little_endian(bytes + 8, 4) <= size - 12;
    cr_assert_eq(read, expected, "size %zu", size);
    if (read) {
        size_t message_size = (size_t)little_endian(bytes + 8, 4);
        ++*good;
        cr_assert_eq(raised.id, little_endian(bytes, 8));
        cr_assert(raised.message_size == message_size && raised.message == exact + 12);
        cr_assert(raised.text_size == size - 12 - message_size);
        cr_assert((const uint8_t *)raised.text == exact + 12 + message_size);
    }
    free(exact);
}

Test(raised, random_bytes_are_read_as_the_table_says)
{
    struct rng rng = {23};
    unsigned good = 0;
    enum { ROUNDS = 50000 };
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t bytes[48];
        size_t size = (size_t)rng_below(&rng, sizeof bytes + 1);
        for (size_t at = 0; at < size; at++)
            bytes[at] = (uint8_t)rng_next(&rng);
        if (size >= 12 && rng_below(&rng, 4) > 0) { /* a length near the truth */
            uint32_t near = (uint32_t)(size - 12 + rng_below(&rng, 5) - 2);
            raised_write_head(bytes, rng_next(&rng), near);
        }
        check_against_oracle(bytes, size, &good);
    }
    cr_assert(good > ROUNDS / 10 && good < ROUNDS * 9 / 10, "%u", good);
}
