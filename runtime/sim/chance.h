/* Chance from a seed: the same numbers on every machine.  A generator for each purpose, so that one more draw here does
 * not change what happens there.
 *
 * It must not know what the numbers decide.  Reads best next: world.h. */
#ifndef SIM_CHANCE_H
#define SIM_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
    uint64_t state;
};

/* SplitMix64: each state gives one well mixed number, and neighbouring seeds share nothing. */
static inline uint64_t chance_next(struct chance *chance)
{
    uint64_t z = chance->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* A generator of its own for a purpose. */
static inline struct chance chance_fork(uint64_t seed, uint64_t purpose)
{
    struct chance chance = {seed ^ (purpose * UINT64_C(0xd1342543de82ef95))};
    chance.state = chance_next(&chance);
    return chance;
}

/* 0 to below - 1; below is not 0. */
static inline uint64_t chance_below(struct chance *chance, uint64_t below)
{
    return chance_next(chance) % below;
}

static inline int64_t chance_between(struct chance *chance, int64_t least, int64_t most)
{
    return least + (int64_t)chance_below(chance, (uint64_t)(most - least) + 1);
}

/* True in so many cases of a thousand. */
static inline bool chance_of(struct chance *chance, uint32_t permille)
{
    return chance_below(chance, 1000) < permille;
}

#endif
