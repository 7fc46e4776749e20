/* The fading memory of failures, in whole numbers.  It must not know a clock.
 *
 * Reads best next: health.h. */
#include "core/health.h"

#include <assert.h>
#include <stdbool.h>

#include "core/units.h"

#define HALF_LIFE_NS (HEALTH_HALF_LIFE_MS * MS_IN_NS)
#define FORGOTTEN (HEALTH_FAILURE / 16)
#define HALVINGS_MAX 31 /* of a penalty of 32 bits nothing is left then */

static uint32_t faded(const struct health *health, int64_t now_ns)
{
    if (now_ns <= health->changed_ns)
        return health->penalty;
    uint64_t passed_ns = (uint64_t)now_ns - (uint64_t)health->changed_ns;
    uint64_t halvings = passed_ns / (uint64_t)HALF_LIFE_NS;
    if (halvings > HALVINGS_MAX)
        return 0;
    uint64_t left = health->penalty >> halvings;
    uint64_t part_ms = passed_ns % (uint64_t)HALF_LIFE_NS / (uint64_t)MS_IN_NS;
    return (uint32_t)(left - left * part_ms / (2 * HEALTH_HALF_LIFE_MS));
}

uint32_t health_penalty(const struct health *health, int64_t now_ns)
{
    uint32_t penalty = faded(health, now_ns);
    return penalty < FORGOTTEN ? 0 : penalty;
}

static void set(struct health *health, uint32_t penalty, int64_t now_ns)
{
    health->penalty = penalty < HEALTH_PENALTY_MAX ? penalty : HEALTH_PENALTY_MAX;
    health->changed_ns = now_ns;
}

void health_failed(struct health *health, int64_t now_ns)
{
    set(health, faded(health, now_ns) + HEALTH_FAILURE, now_ns);
}

void health_worked(struct health *health, int64_t now_ns)
{
    set(health, faded(health, now_ns) / 8, now_ns);
}

/* Whether endpoint a is to be tried after endpoint b, another one. */
static bool is_behind(const struct health *endpoints, size_t a, size_t b, size_t last_failed, int64_t now_ns)
{
    if (a == last_failed || b == last_failed)
        return a == last_failed;
    return health_penalty(&endpoints[a], now_ns) > health_penalty(&endpoints[b], now_ns);
}

/* By insertion: endpoints are few, and nearly in order. */
void health_order(const struct health *endpoints, size_t count, size_t last_failed, int64_t now_ns,
                  size_t *order)
{
    for (size_t i = 0; i < count; i++) {
        size_t moved = order[i];
        assert(moved < count);
        size_t at = i;
        for (; at > 0 && is_behind(endpoints, order[at - 1], moved, last_failed, now_ns); at--)
            order[at] = order[at - 1];
        order[at] = moved;
    }
}
