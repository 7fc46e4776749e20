/* The circuit breaker of an endpoint: after so many failures in a row it lets nothing through for a while, then one
 * probe at a time.  It must not know what counts as a failure, nor who asks.
 *
 * Reads best next: health.h. */
#ifndef CORE_BREAKER_H
#define CORE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_DOUBLINGS_MAX 4 /* the open time grows to 16 times open_ms while probes fail */

enum breaker_state {
    BREAKER_CLOSED,    /* everything passes */
    BREAKER_OPEN,      /* nothing passes before until_ns */
    BREAKER_HALF_OPEN, /* a probe is out; it is given up at until_ns, and another one may go */
    BREAKER_STATE_COUNT
};

struct breaker {
    enum breaker_state state;
    uint32_t failures_to_open;
    uint32_t open_ms;
    uint32_t failures;  /* in a row */
    uint32_t doublings; /* of the open time */
    int64_t until_ns;
};

/* failures_to_open: in a row; 0: it never opens. */
void breaker_init(struct breaker *breaker, uint32_t failures_to_open, uint32_t open_ms);

/* Whether an attempt may be made now.  true in an open breaker takes the place of the probe: make the attempt, and
 * tell how it ended.  A probe nobody tells about (its caller went away) is given up after the open time. */
bool breaker_allows(struct breaker *breaker, int64_t now_ns);

/* The same question without taking the place. */
bool breaker_would_allow(const struct breaker *breaker, int64_t now_ns);

void breaker_failed(struct breaker *breaker, int64_t now_ns);
/* Closes it, also where the attempt had begun before it opened: the endpoint does work. */
void breaker_succeeded(struct breaker *breaker);

/* When the next attempt may be made; INT64_MIN: at any time. */
int64_t breaker_opens_at(const struct breaker *breaker);

const char *breaker_state_name(enum breaker_state state);

#endif
