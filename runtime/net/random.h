/* Random numbers from the kernel: session ids, nonces, incarnations.
 *
 * Reads best next: core/id.h. */
#ifndef NET_RANDOM_H
#define NET_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "core/id.h"

/* Fills with bytes that nobody can guess.  Without them nothing may go on (asserted): a guessable session id would
 * break the promise. */
void random_bytes(void *into, size_t size);
uint64_t random_u64(void);
struct id random_id(void);

#endif
