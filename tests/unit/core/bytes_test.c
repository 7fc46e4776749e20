/* Wire bytes: byte order, and readers and writers that never pass the end.
 *
 * Reads best next: digest_test.c. */
#include "core/bytes.h"

#include "support.h"

Test(bytes, numbers_are_little_endian)
{
    uint8_t at[8];
    bytes_store16(at, 0x0201);
    cr_assert_eq(memcmp(at, "\x01\x02", 2), 0);
    bytes_store32(at, 0x04030201);
    cr_assert_eq(memcmp(at, "\x01\x02\x03\x04", 4), 0);
    bytes_store64(at, UINT64_C(0x0807060504030201));
    cr_assert_eq(memcmp(at, "\x01\x02\x03\x04\x05\x06\x07\x08", 8), 0);
}

Test(bytes, every_bit_survives_store_and_load)
{
    struct rng rng = {1};
    for (int i = 0; i < 1000; i++) {
        uint64_t value = i < 64 ? UINT64_C(1) << i : rng_next(&rng);
        uint8_t *at = malloc(8); /* not aligned to more than malloc gives, and not longer */
        bytes_store64(at, value);
        cr_assert_eq(bytes_load64(at), value);
        bytes_store32(at, (uint32_t)value);
        cr_assert_eq(bytes_load32(at), (uint32_t)value);
        bytes_store16(at, (uint16_t)value);
        cr_assert_eq(bytes_load16(at), (uint16_t)value);
        free(at);
    }
}

Test(bytes, odd_addresses_work)
{
    uint8_t at[16] = {0};
    for (int offset = 0; offset < 8; offset++) {
        bytes_store64(at + offset, UINT64_C(0xfedcba9876543210));
        cr_assert_eq(bytes_load64(at + offset), UINT64_C(0xfedcba9876543210));
    }
}

Test(bytes, reader_gives_what_the_writer_wrote)
{
    uint8_t *body = malloc(19);
    struct bytes_writer writer = {body, 19, false};
    bytes_write16(&writer, 0xbeef);
    bytes_write32(&writer, 0xdeadbeef);
    bytes_write64(&writer, UINT64_C(0x0123456789abcdef));
    bytes_write(&writer, "Semel", 5);
    cr_assert(!writer.bad);
    cr_assert_eq(writer.left, 0);

    struct bytes_reader reader = {body, 19, false};
    char text[5];
    cr_assert_eq(bytes_read16(&reader), 0xbeef);
    cr_assert_eq(bytes_read32(&reader), 0xdeadbeef);
    cr_assert_eq(bytes_read64(&reader), UINT64_C(0x0123456789abcdef));
    bytes_read(&reader, text, sizeof text);
    cr_assert_eq(memcmp(text, "Semel", 5), 0);
    cr_assert(!reader.bad && reader.left == 0);
    free(body);
}

Test(bytes, reader_turns_bad_once_and_for_all)
{
    for (size_t size = 0; size < 8; size++) {
        uint8_t *body = exact_copy("\xff\xff\xff\xff\xff\xff\xff\xff", size);
        struct bytes_reader reader = {body, size, false};
        cr_assert_eq(bytes_read64(&reader), 0, "a short read gives zeros");
        cr_assert(reader.bad);
        cr_assert_eq(bytes_read16(&reader), 0, "bad stays bad, even where two bytes are left");
        cr_assert_eq(reader.left, size);
        uint8_t into[4] = {1, 2, 3, 4};
        bytes_read(&reader, into, sizeof into);
        cr_assert_eq(memcmp(into, "\0\0\0\0", 4), 0);
        cr_assert_null(bytes_take(&reader, 0));
        free(body);
    }
}

Test(bytes, nothing_is_read_beyond_any_end)
{
    struct rng rng = {2};
    for (int round = 0; round < 20000; round++) {
        uint8_t source[64];
        for (size_t i = 0; i < sizeof source; i++)
            source[i] = (uint8_t)rng_next(&rng);
        size_t size = rng_below(&rng, sizeof source);
        uint8_t *body = exact_copy(source, size);
        struct bytes_reader reader = {body, size, false};
        size_t taken = 0;
        while (!reader.bad) {
            size_t want = rng_below(&rng, 9);
            const uint8_t *at = bytes_take(&reader, want);
            cr_assert_eq(at != NULL, taken + want <= size);
            if (at != NULL)
                cr_assert_eq(memcmp(at, source + taken, want), 0);
            taken += at == NULL ? 0 : want;
            cr_assert_eq(reader.left, size - taken);
            if (at != NULL && want == 0 && reader.left == 0)
                break;
        }
        free(body);
    }
}

Test(bytes, writer_stops_before_the_end)
{
    for (size_t room = 0; room < 8; room++) {
        uint8_t *body = malloc(room);
        struct bytes_writer writer = {body, room, false};
        bytes_write64(&writer, UINT64_MAX);
        cr_assert(writer.bad);
        bytes_write16(&writer, 1);
        bytes_write(&writer, "x", 1);
        cr_assert(writer.bad);
        cr_assert_eq(writer.left, room, "nothing was put after it turned bad");
        free(body);
    }
}
