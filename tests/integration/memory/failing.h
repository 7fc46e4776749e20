/* An allocator that fails when it is told to, under everything that is linked into this program statically: the
 * library, nanopb and the test itself.
 *
 * It must not know who allocates.  Reads best next: failing.c, world.h. */
#ifndef MEMORY_FAILING_H
#define MEMORY_FAILING_H

#include <stdbool.h>
#include <stdint.h>

/* From now on the n-th allocation fails (from 1), and of those after it every further one with one_in (1: all; 0: none
 * of them).  n 0: none fails. */
void failing_from(uint64_t n, uint64_t one_in);

/* None fails any more; the counts stay. */
void failing_stop(void);

/* Allocations since failing_from, failed ones included; and how many of them failed. */
uint64_t failing_count(void);
uint64_t failing_failed(void);

/* What is allocated and not freed. */
int64_t failing_outstanding(void);

#endif
