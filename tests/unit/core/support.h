/* What the tests of core share: seeded randomness, exactly sized copies, and hexadecimal text.
 *
 * Reads best next: bytes_test.c. */
#ifndef TESTS_CORE_SUPPORT_H
#define TESTS_CORE_SUPPORT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

/* splitmix64: the same numbers on every machine. */
struct rng {
    uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
    uint64_t mixed = (rng->state += UINT64_C(0x9e3779b97f4a7c15));
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

static inline uint64_t rng_below(struct rng *rng, uint64_t bound)
{
    return rng_next(rng) % bound;
}

/* A copy that ends where its memory ends, so that the sanitizer sees a read past it. */
static inline uint8_t *exact_copy(const void *from, size_t size)
{
    uint8_t *copy = malloc(size);
    assert(copy != NULL || size == 0);
    if (size > 0)
        memcpy(copy, from, size);
    return copy;
}

static inline int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads the hexadecimal digits of a text, passing over everything else; returns how many bytes they make. */
static inline size_t unhex(const char *text, uint8_t *into, size_t room)
{
    size_t digits = 0;
    for (; *text != '\0'; text++) {
        int value = hex_digit(*text);
        if (value < 0)
            continue;
        assert(digits / 2 < room);
        into[digits / 2] = (uint8_t)(digits % 2 == 0 ? value << 4 : into[digits / 2] | value);
        digits++;
    }
    assert(digits % 2 == 0);
    return digits / 2;
}

#endif
