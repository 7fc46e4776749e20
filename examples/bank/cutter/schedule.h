/* When the faults of one direction of one connection happen, counted in bytes; and the dice for them.
 * It must not know: sockets, time, or what a fault does.
 * Reads best next: flow.h, which carries bytes and asks this when to misbehave. */
#ifndef CUTTER_SCHEDULE_H
#define CUTTER_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

enum fault {
    FAULT_CUT,
    FAULT_STALL,
    FAULT_TRICKLE,
    FAULT_CORRUPT, /* of the byte that would be sent next */
    FAULT_COUNT,
    FAULT_NONE = FAULT_COUNT
};

/* A small generator of its own (splitmix64), so that a seed means the same faults on every machine. */
struct dice {
    uint64_t state;
};

uint64_t dice_roll(struct dice *dice);
/* Evenly from 0 to below - 1; below is not 0. */
uint64_t dice_below(struct dice *dice, uint64_t below);
bool dice_percent(struct dice *dice, uint64_t percent);
/* Exponentially distributed with this mean: where the next fault comes does not depend on where the last one
 * was, so no part of a protocol is spared. */
uint64_t dice_distance(struct dice *dice, uint64_t mean);

struct schedule {
    struct dice dice;
    uint64_t mean[FAULT_COUNT]; /* bytes between two faults, 0: never */
    uint64_t left[FAULT_COUNT]; /* bytes that pass before the next */
};

/* The faults depend on seed and stream only: give each direction of each connection a stream number of its
 * own. */
void schedule_init(struct schedule *schedule, const uint64_t mean[FAULT_COUNT], uint64_t seed, uint64_t stream);
/* Moves the next fault of a kind to exactly this many bytes from here. */
void schedule_set(struct schedule *schedule, enum fault fault, uint64_t left);
/* The fault that is due now, once; FAULT_NONE if there is none.  Corruption is reported when can_corrupt
 * only. */
enum fault schedule_due(struct schedule *schedule, bool can_corrupt);
/* How many bytes may pass before the next fault. */
uint64_t schedule_quiet(const struct schedule *schedule);
/* Tells that so many bytes have passed, at most schedule_quiet (asserted). */
void schedule_passed(struct schedule *schedule, uint64_t bytes);

#endif
