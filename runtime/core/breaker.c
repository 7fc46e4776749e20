/* The states of a circuit breaker, moved by one setter that knows the legal moves.  It must not know a clock.
 *
 * Reads best next: breaker.h. */
#include "core/breaker.h"

#include <assert.h>

#include "core/units.h"

static void set_state(struct breaker *breaker, enum breaker_state to)
{
    static const bool legal[BREAKER_STATE_COUNT][BREAKER_STATE_COUNT] = {
        [BREAKER_CLOSED] = {[BREAKER_OPEN] = true},
        [BREAKER_OPEN] = {[BREAKER_HALF_OPEN] = true, [BREAKER_CLOSED] = true},
        [BREAKER_HALF_OPEN] = {[BREAKER_OPEN] = true, [BREAKER_CLOSED] = true},
    };
    assert(legal[breaker->state][to]);
    breaker->state = to;
}

static int64_t open_until(const struct breaker *breaker, int64_t now_ns)
{
    return now_ns + ((int64_t)breaker->open_ms << breaker->doublings) * MS_IN_NS;
}

void breaker_init(struct breaker *breaker, uint32_t failures_to_open, uint32_t open_ms)
{
    *breaker = (struct breaker){.failures_to_open = failures_to_open, .open_ms = open_ms};
}

bool breaker_would_allow(const struct breaker *breaker, int64_t now_ns)
{
    return breaker->state == BREAKER_CLOSED || now_ns >= breaker->until_ns;
}

bool breaker_allows(struct breaker *breaker, int64_t now_ns)
{
    if (!breaker_would_allow(breaker, now_ns))
        return false;
    if (breaker->state == BREAKER_OPEN)
        set_state(breaker, BREAKER_HALF_OPEN);
    if (breaker->state == BREAKER_HALF_OPEN)
        breaker->until_ns = open_until(breaker, now_ns);
    return true;
}

static void open(struct breaker *breaker, int64_t now_ns)
{
    set_state(breaker, BREAKER_OPEN);
    breaker->until_ns = open_until(breaker, now_ns);
}

void breaker_failed(struct breaker *breaker, int64_t now_ns)
{
    if (breaker->failures < UINT32_MAX)
        breaker->failures++;
    if (breaker->state == BREAKER_HALF_OPEN) {
        if (breaker->doublings < BREAKER_DOUBLINGS_MAX)
            breaker->doublings++;
        open(breaker, now_ns);
    } else if (breaker->state == BREAKER_CLOSED && breaker->failures_to_open > 0 &&
               breaker->failures >= breaker->failures_to_open) {
        open(breaker, now_ns);
    }
    /* Open already: the failure of an attempt from before.  The time it stays open is not drawn out. */
}

void breaker_succeeded(struct breaker *breaker)
{
    breaker->failures = 0;
    breaker->doublings = 0;
    if (breaker->state != BREAKER_CLOSED)
        set_state(breaker, BREAKER_CLOSED);
}

int64_t breaker_opens_at(const struct breaker *breaker)
{
    return breaker->state == BREAKER_CLOSED ? INT64_MIN : breaker->until_ns;
}

const char *breaker_state_name(enum breaker_state state)
{
    static const char *const names[BREAKER_STATE_COUNT] = {"closed", "open", "half-open"};
    return state < BREAKER_STATE_COUNT ? names[state] : "?";
}
