/* The token bucket in whole numbers: nothing is rounded, so that nothing drifts.  It must not know a clock.
 *
 * Reads best next: budget.h. */
#include "core/budget.h"

#include <assert.h>

#include "core/units.h"

#define TOKEN UINT64_C(1000000)
#define PERCENT_OF_TOKEN (TOKEN / 100)
/* By then the floor has filled any bucket: 10 seconds of it, or 100 tokens at one a second. */
#define FULL_US UINT64_C(100000000)

static void put(struct budget *budget, uint64_t tokens)
{
    uint64_t room = budget->capacity - budget->tokens;
    budget->tokens += tokens < room ? tokens : room;
}

static uint64_t capacity_of(uint32_t percent, uint32_t floor_per_s)
{
    uint64_t tokens = (uint64_t)floor_per_s * BUDGET_FLOOR_SECONDS;
    if (percent == 0 && floor_per_s == 0)
        return 0;
    return (tokens > BUDGET_CAPACITY_TOKENS ? tokens : BUDGET_CAPACITY_TOKENS) * TOKEN;
}

void budget_init(struct budget *budget, uint32_t percent, uint32_t floor_per_s, int64_t now_ns)
{
    assert(percent <= BUDGET_PERCENT_MAX || percent == BUDGET_UNLIMITED);
    uint64_t capacity = capacity_of(percent, floor_per_s);
    *budget = (struct budget){.percent = percent,
                              .floor_per_s = floor_per_s,
                              .tokens = capacity,
                              .capacity = capacity,
                              .counted_ns = now_ns};
}

void budget_call(struct budget *budget)
{
    if (budget->percent != BUDGET_UNLIMITED)
        put(budget, budget->percent * PERCENT_OF_TOKEN);
}

/* Pays the floor in for the whole microseconds that have passed; the rest of one is left for the next time. */
static void pay_floor(struct budget *budget, int64_t now_ns)
{
    if (now_ns <= budget->counted_ns)
        return;
    uint64_t us = ((uint64_t)now_ns - (uint64_t)budget->counted_ns) / (uint64_t)US_IN_NS;
    budget->counted_ns = (int64_t)((uint64_t)budget->counted_ns + us * (uint64_t)US_IN_NS);
    put(budget, (us < FULL_US ? us : FULL_US) * budget->floor_per_s);
}

bool budget_has(struct budget *budget, int64_t now_ns)
{
    if (budget->percent == BUDGET_UNLIMITED)
        return true;
    pay_floor(budget, now_ns);
    return budget->tokens >= TOKEN;
}

bool budget_withdraw(struct budget *budget, int64_t now_ns)
{
    if (!budget_has(budget, now_ns))
        return false;
    if (budget->percent != BUDGET_UNLIMITED)
        budget->tokens -= TOKEN;
    return true;
}
