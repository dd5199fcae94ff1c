/*
 * ranking: which of several servers has what (rendezvous hashing).
 *
 * Promise: pure. The score of a server for an id is weight / -ln(u), u the XXH3 of the id, seeded by that of the server's
 * name, as a number between 0 and 1; the highest score is first. So all who know the same servers rank them alike, in
 * whatever order they know them; one that is added or taken away moves only what it is first for, and each is first for
 * its weight's share. The vectors in the test are what all releases keep to.
 */
#ifndef CLOAKROOM_CLIENT_RANKING_H
#define CLOAKROOM_CLIENT_RANKING_H

#include "base/bytes.h"

struct ranked {
    uint64_t seed; /* of ranking_seed() */
    uint32_t weight;
};

uint64_t ranking_seed(struct bytes name);

/* The places in `all` of the first `most`, best first; returns how many, the lesser of n and most. */
size_t ranking_first(const struct ranked *all, size_t n, struct bytes id, size_t *ret, size_t most);

#endif
