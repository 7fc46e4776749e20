/* The weighing of speed against the promise.
 *
 * Reads best next: order.h. */
#include "core/order.h"

#include <assert.h>
#include <errno.h>

#include "core/limits.h"
#include "core/units.h"

/* Moves one index to the front; the others keep their order. */
static void bring_forward(size_t chosen, size_t count, size_t *order)
{
    size_t at = 0;
    while (at < count && order[at] != chosen)
        at++;
    assert(at < count);
    for (; at > 0; at--)
        order[at] = order[at - 1];
    order[0] = chosen;
}

void order_endpoints(const struct order_facts *facts, size_t *order)
{
    health_order(facts->health, facts->count, facts->failed_last, facts->now_ns, order);
    if (facts->favourite < facts->count && facts->favourite != facts->failed_last)
        bring_forward(facts->favourite, facts->count, order);
    if (facts->witness < facts->count)
        bring_forward(facts->witness, facts->count, order);
}

int64_t order_next_ns(const struct order_pace *pace)
{
    if (pace->running == 0)
        return INT64_MIN;
    if (pace->verdict_wanted && !pace->same_endpoint)
        return INT64_MAX;
    return pace->failed ? INT64_MIN : pace->last_begun_ns + LIMIT_DIAL_STAGGER_MS * MS_IN_NS;
}

bool order_is_silence(enum semel_reason reason, int os_error)
{
    if (reason == SEMEL_REASON_HEARTBEAT_MISSED || reason == SEMEL_REASON_PEER_STUCK ||
        reason == SEMEL_REASON_SLOW_READER)
        return true;
    return os_error == ETIMEDOUT || os_error == EHOSTUNREACH || os_error == EHOSTDOWN ||
           os_error == ENETUNREACH;
}

/* The first index from here on with an address of this family; count: none. */
static size_t next_of(const bool *is_six, size_t count, size_t from, bool six)
{
    while (from < count && is_six[from] != six)
        from++;
    return from;
}

void order_families(const bool *is_six, size_t count, size_t *order)
{
    size_t next[2] = {next_of(is_six, count, 0, false), next_of(is_six, count, 0, true)};
    bool six = true;
    for (size_t i = 0; i < count; i++, six = !six) {
        if (next[six] == count)
            six = !six; /* one family is used up: the other goes on alone */
        order[i] = next[six];
        next[six] = next_of(is_six, count, next[six] + 1, six);
    }
}
