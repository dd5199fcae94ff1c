/*
 * hash: one seeded 64-bit hash for every table in memory (XXH3).
 *
 * Promise: without the seed, keys that collide cannot be chosen from outside; the seed is made at start.
 */
#ifndef CLOAKROOM_BASE_HASH_H
#define CLOAKROOM_BASE_HASH_H

#include "base/bytes.h"

uint64_t hash_bytes(struct bytes b, uint64_t seed);

/* A seed from the kernel's random source. */
uint64_t hash_random_seed(void);

#endif
