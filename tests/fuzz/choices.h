/* The bytes of an input as choices: what a fuzz target does next, with what numbers.  When they are used up, every
 * choice is 0.
 *
 * It must not know what is chosen.  Reads best next: dedup_fuzz.c. */
#ifndef TESTS_FUZZ_CHOICES_H
#define TESTS_FUZZ_CHOICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct choices {
    const uint8_t *at;
    size_t left;
};

/* Ends the run: the input breaks a promise. */
#define must(condition)                                                                                        \
    do {                                                                                                       \
        if (!(condition)) {                                                                                    \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);                            \
            abort();                                                                                           \
        }                                                                                                      \
    } while (0)

static inline uint8_t choose_byte(struct choices *choices)
{
    if (choices->left == 0)
        return 0;
    choices->left--;
    return *choices->at++;
}

/* A number below end, which is at most 256. */
static inline unsigned choose(struct choices *choices, unsigned end)
{
    return choose_byte(choices) % end;
}

static inline bool one_in(struct choices *choices, unsigned n)
{
    return choose(choices, n) == n - 1;
}

/* Mostly small, now and then anything. */
static inline uint64_t choose_number(struct choices *choices)
{
    uint64_t number = choose_byte(choices);
    if (number < 224)
        return number;
    for (unsigned i = 0; i < 8; i++)
        number = number << 8 | choose_byte(choices);
    return number;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#endif
