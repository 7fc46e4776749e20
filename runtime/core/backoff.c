/* The waits of an exponential backoff.  It must not know where the random bits come from.
 *
 * Reads best next: backoff.h. */
#include "core/backoff.h"

#include <assert.h>
#include <stdbool.h>

/* min(max, initial * multiplier^(failures - 1)), by squaring.  What is too large for a double becomes infinite,
 * which is above max like any other large number; with a multiplier of 1 or more nothing becomes NaN. */
static uint32_t grown(const struct backoff *backoff, uint32_t failures)
{
    double wait = backoff->initial_ms;
    double factor = backoff->multiplier;
    if (backoff->initial_ms == 0)
        return 0;
    for (uint32_t power = failures - 1; power > 0; power >>= 1) {
        if ((power & 1) != 0)
            wait *= factor;
        factor *= factor;
    }
    return wait < backoff->max_ms ? (uint32_t)wait : backoff->max_ms;
}

/* One of low .. high: the upper 64 bits of random * (high - low + 1), in two halves.  No value is more than 2^-31
 * likelier than another. */
static uint64_t spread(uint64_t low, uint64_t high, uint64_t random)
{
    uint64_t count = high - low + 1;
    assert(low <= high && count <= UINT64_C(4) << 32);
    uint64_t lower = (random & UINT32_MAX) * count >> 32;
    return low + (((random >> 32) * count + lower) >> 32);
}

static uint32_t decorrelated(const struct backoff *backoff, uint32_t last_wait_ms, uint64_t random)
{
    uint64_t high = 3 * (uint64_t)(last_wait_ms > 0 ? last_wait_ms : backoff->initial_ms);
    if (high < backoff->initial_ms)
        high = backoff->initial_ms;
    uint64_t wait = spread(backoff->initial_ms, high, random);
    return wait < backoff->max_ms ? (uint32_t)wait : backoff->max_ms;
}

uint32_t backoff_wait_ms(const struct backoff *backoff, uint32_t failures, uint32_t last_wait_ms,
                         uint64_t random)
{
    assert(failures >= 1 && backoff->multiplier >= 1);
    uint32_t wait = grown(backoff, failures);
    switch (backoff->jitter) {
    case SEMEL_JITTER_NONE: return wait;
    case SEMEL_JITTER_UNSET:
    case SEMEL_JITTER_FULL: return (uint32_t)spread(0, wait, random);
    case SEMEL_JITTER_EQUAL: return (uint32_t)spread(wait - wait / 2, wait, random);
    case SEMEL_JITTER_DECORRELATED: return decorrelated(backoff, last_wait_ms, random);
    }
    assert(false && "a jitter outside its list");
    return wait;
}
