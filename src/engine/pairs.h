/*
 * pairs: an ordered set of pairs of numbers, for "which sessions have this tag".
 *
 * A B+tree in nodes of 4 KiB. What belongs to one `first` lies side by side, so finding all of it costs what it is, and
 * not what there is besides; it can be gone through in pieces, with anything happening in between.
 *
 *      level 1   | low child | low child | …        up to 170 of them; all below a child are from its `low` on, and
 *                      │           └────────┐       below the next one's
 *      level 0   | pair pair pair … | | pair pair … |     up to 255
 *
 * Promise: 16 bytes a pair and what nodes have free, a third of them or so; a tenth when a `first` is filled in order.
 * Adding and removing change at most two nodes of each level (S7), and nodes that their neighbour can take in are given
 * back; an empty set has none.
 *
 * Ownership: nodes come from the caller's functions and go back there, all of them in pairs_fini().
 * Threads: none of its own; a lock of its owner covers it.
 * Limits: PAIRS_LEVELS_MAX levels, more than any memory has room for.
 * Failure: pairs_add() says PAIRS_NO_ROOM when it needs nodes and is refused one; nothing has changed.
 */
#ifndef CLOAKROOM_ENGINE_PAIRS_H
#define CLOAKROOM_ENGINE_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAIRS_NODE_BYTES = 4096, PAIRS_LEVELS_MAX = 12 };

struct pairs_memory {
    void *(*take)(void *arg); /* PAIRS_NODE_BYTES, aligned as malloc() does, or NULL */
    void (*give)(void *arg, void *node);
    void *arg;
};

struct pairs {
    struct pairs_node *root; /* NULL: empty */
    uint64_t npairs;
    uint64_t nnodes;
    struct pairs_memory memory;
};

enum pairs_add { PAIRS_ADDED, PAIRS_THERE, PAIRS_NO_ROOM };

void pairs_init(struct pairs *pairs, struct pairs_memory memory);
void pairs_fini(struct pairs *pairs);

enum pairs_add pairs_add(struct pairs *pairs, uint64_t first, uint64_t second);
/* False: it was not there. */
bool pairs_remove(struct pairs *pairs, uint64_t first, uint64_t second);

/* The seconds of `first`, rising, that are greater than `after`, or not less when inclusive. How many, at most `max`; fewer
 * than that: there are no more. */
size_t pairs_after(const struct pairs *pairs, uint64_t first, uint64_t after, bool inclusive, uint64_t *ret,
                   size_t max);

static inline uint64_t pairs_count_all(const struct pairs *pairs)
{
    return pairs->npairs;
}

/* Walks through all of it, for tests. */
void pairs_check(const struct pairs *pairs);

#endif
