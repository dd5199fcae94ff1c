/*
 * segment: a stretch of memory that records are appended to, and its life.
 *
 *      segment_open() ── append … ──> full: sealed ── records die or are copied out ──> live == 0: free
 *
 * A large value has a segment of its own, made filled and sealed, and pinned while somebody reads it unlocked.
 *
 * Ownership: a shard owns its segments; a staged one belongs to who staged it until it is put; a pinned one
 * outlives its shard's interest until the last unpin.
 * Threads: all fields under the shard's lock, but `pins`, and a large segment's memory while pinned or
 * staged.
 * Limits: records are 8-aligned; a segment is at most 1 MiB but for a large one, whose record lies at 0.
 */
#ifndef CLOAKROOM_STORE_SEGMENT_H
#define CLOAKROOM_STORE_SEGMENT_H

#include "store/arena.h"
#include "store/record.h"
#include "store/store.h"

struct segment {
    char *base;
    struct segment *next_dead; /* see shard_unlock() */
    uint64_t opened;           /* rises with each segment of a shard: the age, for eviction */
    uint32_t size;
    uint32_t used;      /* appended so far */
    uint32_t live;      /* bytes of records that the index points to */
    uint32_t soonest_s; /* no record expires earlier; UINT32_MAX when none does */
    uint32_t swept_s;   /* when last looked through */
    uint16_t id;        /* in its shard's table, from 1 */
    uint8_t class;      /* enum store_class */
    bool sealed;
    bool large;
    _Atomic uint32_t pins; /* of a large one: readers without the lock, plus one for the shard */
};

/* An empty segment of the arena's size, or NULL. */
struct segment *segment_open(struct arena *arena, enum store_class class, enum arena_rank rank);

/* A segment for one record of a large value, everything but its version filled in; or NULL. */
struct segment *segment_stage(struct arena *arena, struct bytes key, const struct store_write *write,
                              enum arena_rank rank);

/* Gives memory back to the arena; a large one only when this was the last pin. Empties the pointer. */
void segment_free(struct arena *arena, struct segment **segment);

/* Room for a record of `size` bytes, or NULL when the segment is too full. */
struct record *segment_append(struct segment *segment, size_t size);

static inline struct record *segment_record(const struct segment *segment, uint32_t offset)
{
    return (struct record *)(void *)(segment->base + offset);
}

/* Fills a record but for its version. */
void segment_fill(struct record *record, struct bytes key, const struct store_write *write);

/* What of a record may change until it is published. */
void segment_fill_head(struct record *record, const struct store_write *write);

/* A record of this segment may expire at `expiry_s` (0: never). */
static inline void segment_note_expiry(struct segment *segment, uint32_t expiry_s)
{
    if (expiry_s != 0 && expiry_s < segment->soonest_s)
        segment->soonest_s = expiry_s;
}

#endif
