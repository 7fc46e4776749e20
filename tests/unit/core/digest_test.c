/* The digest: published vectors, and the same value from the short and the long path.
 *
 * Reads best next: frame_test.c. */
#include "core/digest.h"

#include <xxhash.h>

#include "support.h"

Test(digest, known_values)
{
    cr_assert_eq(digest("", 0, 0), UINT64_C(0x2d06800538d394c2), "the published value of empty input");
    cr_assert_eq(digest("demo.Bank.Deposit", 17, 0), UINT64_C(0x0a89e8769eeabc73));
}

Test(digest, is_xxh3_for_every_size_and_alignment)
{
    struct rng rng = {3};
    uint8_t bytes[2048 + 8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)rng_next(&rng);
    for (size_t size = 0; size <= 2048; size++) {
        uint64_t seed = rng_next(&rng);
        const uint8_t *at = bytes + size % 8;
        cr_assert_eq(digest(at, size, seed), XXH3_64bits_withSeed(at, size, seed), "size %zu", size);
    }
}

Test(digest, reads_no_byte_too_many)
{
    struct rng rng = {4};
    for (size_t size = 0; size <= 600; size++) {
        uint8_t *bytes = malloc(size);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)rng_next(&rng);
        cr_assert_eq(digest(bytes, size, 7), digest(bytes, size, 7));
        if (size > 0) {
            uint64_t before = digest(bytes, size, 7);
            bytes[size - 1] ^= 1;
            cr_assert_neq(digest(bytes, size, 7), before, "the last byte counts");
        }
        free(bytes);
    }
}

Test(digest, every_bit_of_the_seed_counts)
{
    const uint8_t header[40] = {48};
    uint64_t plain = digest(header, sizeof header, 0);
    for (int bit = 0; bit < 64; bit++)
        cr_assert_neq(digest(header, sizeof header, UINT64_C(1) << bit), plain, "seed bit %d", bit);
}
