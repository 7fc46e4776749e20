/* The retry budget of a channel: a token bucket that lets a share of the calls, and a few a second besides, be
 * retries. When most calls fail, retries are held back instead of doubling the load on what is left of the servers.
 *  It must not know which retries cost a token: retry.c says.
 *
 * Reads best next: breaker.h. */
#ifndef CORE_BUDGET_H
#define CORE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#define BUDGET_UNLIMITED UINT32_MAX /* as percent: every retry is allowed */
#define BUDGET_PERCENT_MAX 1000
#define BUDGET_FLOOR_SECONDS                                                                                   \
    10 /* a channel that was idle may spend this many seconds of its floor at once ... */
#define BUDGET_CAPACITY_TOKENS 100 /* ... or this many retries, if that is more */

struct budget {
    uint32_t percent;
    uint32_t floor_per_s;
    uint64_t tokens; /* in millionths: a microsecond is worth floor_per_s of them, a percent 10,000 */
    uint64_t capacity;
    int64_t counted_ns; /* up to here the floor has been paid in; whole microseconds after the start */
};

/* percent: of the calls that may be retries, 0 to BUDGET_PERCENT_MAX, or BUDGET_UNLIMITED.  floor_per_s: retries a
 * second that are allowed besides.  Starts full; with both 0 it stays empty: no retry that costs a token is ever
 * allowed. */
void budget_init(struct budget *budget, uint32_t percent, uint32_t floor_per_s, int64_t now_ns);

/* A new call was started: pays percent/100 of a token in. */
void budget_call(struct budget *budget);

/* Whether a whole token is there. */
bool budget_has(struct budget *budget, int64_t now_ns);

/* Takes a token.  false: there was none; nothing was taken. */
bool budget_withdraw(struct budget *budget, int64_t now_ns);

#endif
