/* dice: chance from a seed: the same seed, the same run, everywhere (splitmix64). */
#ifndef CLOAKROOM_TEST_DICE_H
#define CLOAKROOM_TEST_DICE_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t dice_next(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

/* From 0 to below n. */
static inline uint32_t dice_roll(uint64_t *seed, uint32_t n)
{
    return (uint32_t)((dice_next(seed) >> 32) * n >> 32);
}

/* True once in n times. */
static inline bool dice_once_in(uint64_t *seed, uint32_t n)
{
    return dice_roll(seed, n) == 0;
}

#endif
