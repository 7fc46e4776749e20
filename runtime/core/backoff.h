/* Exponential backoff: how long to wait after so many failures, spread by chance so that many clients do not come
 * back at once.  It must not know calls or policies: numbers in, a wait out.
 *
 * Reads best next: retry.h, which asks it. */
#ifndef CORE_BACKOFF_H
#define CORE_BACKOFF_H

#include <stdint.h>
#include <semel/options.h>

struct backoff {
    uint32_t max_attempts; /* with the first; 0: no backoff, a list of waits rules */
    uint32_t initial_ms;
    uint32_t max_ms;
    double multiplier;        /* 1 or more */
    enum semel_jitter jitter; /* UNSET: FULL */
};

/* The wait after the given number of failures, at least 1.  With v = min(max, initial * multiplier^(failures - 1)):
 *   NONE          v
 *   FULL          one of 0 .. v
 *   EQUAL         one of v/2 .. v
 *   DECORRELATED  min(max, one of initial .. 3 * last), with last = initial for the first
 * All whole milliseconds within the bounds are equally likely, both bounds included; no wait is above max.
 * random: 64 random bits, drawn for this wait alone. */
uint32_t backoff_wait_ms(const struct backoff *backoff, uint32_t failures, uint32_t last_wait_ms,
                         uint64_t random);

#endif
