/* The dice and the countdown of schedule.h.
 * It must not know: sockets, time, or what a fault does.
 * Reads best next: flow.c. */
#include "schedule.h"

#include <assert.h>
#include <math.h>

uint64_t dice_roll(struct dice *dice)
{
    dice->state += 0x9e3779b97f4a7c15u;
    uint64_t mixed = dice->state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

uint64_t dice_below(struct dice *dice, uint64_t below)
{
    assert(below > 0);
    return dice_roll(dice) % below; /* the bias is far below what a fault test could notice */
}

bool dice_percent(struct dice *dice, uint64_t percent)
{
    return dice_below(dice, 100) < percent;
}

uint64_t dice_distance(struct dice *dice, uint64_t mean)
{
    double unit = (double)(dice_roll(dice) >> 11) * 0x1p-53; /* [0, 1) */
    return (uint64_t)(-log1p(-unit) * (double)mean);
}

static void draw(struct schedule *schedule, enum fault fault)
{
    uint64_t mean = schedule->mean[fault];
    schedule->left[fault] = mean == 0 ? UINT64_MAX : dice_distance(&schedule->dice, mean);
}

void schedule_init(struct schedule *schedule, const uint64_t mean[FAULT_COUNT], uint64_t seed, uint64_t stream)
{
    struct dice mixer = {seed};
    *schedule = (struct schedule){.dice = {dice_roll(&mixer) ^ (stream * 0xd1b54a32d192ed03u)}};
    for (enum fault fault = 0; fault < FAULT_COUNT; fault++) {
        schedule->mean[fault] = mean[fault];
        draw(schedule, fault);
    }
}

void schedule_set(struct schedule *schedule, enum fault fault, uint64_t left)
{
    assert(fault < FAULT_COUNT);
    schedule->left[fault] = left;
}

enum fault schedule_due(struct schedule *schedule, bool can_corrupt)
{
    for (enum fault fault = 0; fault < FAULT_COUNT; fault++) {
        if (schedule->left[fault] > 0 || (fault == FAULT_CORRUPT && !can_corrupt))
            continue;
        draw(schedule, fault);
        /* At least the byte that is spoilt passes first: else a distance of 0 would flip it back. */
        schedule->left[fault] += fault == FAULT_CORRUPT && schedule->left[fault] == 0;
        return fault;
    }
    return FAULT_NONE;
}

uint64_t schedule_quiet(const struct schedule *schedule)
{
    uint64_t quiet = UINT64_MAX;
    for (enum fault fault = 0; fault < FAULT_COUNT; fault++)
        quiet = schedule->left[fault] < quiet ? schedule->left[fault] : quiet;
    return quiet;
}

void schedule_passed(struct schedule *schedule, uint64_t bytes)
{
    assert(bytes <= schedule_quiet(schedule));
    for (enum fault fault = 0; fault < FAULT_COUNT; fault++)
        if (schedule->left[fault] != UINT64_MAX)
            schedule->left[fault] -= bytes;
}
