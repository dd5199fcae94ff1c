/*
 * older: may an older record of this key still lie on the shard's disk? Told by counts, not by keys.
 *
 * A tombstone is needed as long as a dead record that it hides may come back after a crash, and no longer. So each
 * dead item and each touch on disk is counted under its key's tag, from the moment it is dead until its file is
 * removed. Several tags share a count: the answer may be yes in vain (a tombstone is kept a little longer), never
 * no in vain.
 *
 * Threads: the shard's lock.
 * Limits: a count that reaches its maximum stays there until the next start.
 */
#ifndef CLOAKROOM_STORE_OLDER_H
#define CLOAKROOM_STORE_OLDER_H

#include "base/bytes.h"
#include "base/check.h"

#include <stdlib.h>

struct older {
    uint16_t *counts;
    unsigned shift;
};

/* 2^`bits` counts of two bytes; false: no memory. */
static inline bool older_init(struct older *older, unsigned bits)
{
    *older = (struct older){.counts = calloc((size_t)1 << bits, sizeof *older->counts), .shift = 32 - bits};
    return older->counts != NULL;
}

static inline void older_fini(struct older *older)
{
    free(older->counts);
    older->counts = NULL;
}

static inline uint16_t *older_count(const struct older *older, uint32_t tag)
{
    return &older->counts[(tag * 0x9e3779b1U) >> older->shift];
}

static inline void older_add(struct older *older, uint32_t tag)
{
    uint16_t *count = older_count(older, tag);
    *count = (uint16_t)(*count + (*count < UINT16_MAX));
}

static inline void older_drop(struct older *older, uint32_t tag)
{
    uint16_t *count = older_count(older, tag);
    CHECK(*count > 0);
    *count = (uint16_t)(*count - (*count < UINT16_MAX));
}

/* Are there more than `own` of them? */
static inline bool older_has(const struct older *older, uint32_t tag, unsigned own)
{
    return *older_count(older, tag) > own;
}

#endif
