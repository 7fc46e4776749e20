/* Changes an input a little.  mutate.c: a protobuf message, so that it stays one (records are dropped, doubled,
 * swapped, their values changed, and the lengths around them made right).  scramble.c: any bytes.
 *
 * It must not know any schema.  Reads best next: mutate.c, scramble.c. */
#ifndef TESTS_FUZZ_MUTATE_H
#define TESTS_FUZZ_MUTATE_H

#include "codegen/text.h"

#include <stdint.h>

/* A fixed sequence of numbers: a failure comes again. */
uint64_t mutate_random(uint64_t *state);

/* Appends a changed copy of bytes to out. */
void mutate(const char *bytes, size_t size, uint64_t *state, struct text *out);

#endif
