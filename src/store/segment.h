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
 * Limits: records are 8-aligned and begin behind the head; a segment is at most 1 MiB but for a large one.
 */
#ifndef CLOAKROOM_STORE_SEGMENT_H
#define CLOAKROOM_STORE_SEGMENT_H

#include "store/arena.h"
#include "store/record.h"
#include "store/store.h"

/* What a segment begins with, in memory and on disk: little-endian. */
struct segment_head {
    char magic[8];
    uint32_t check; /* of all behind it, keyed by the store's seed */
    uint16_t shard;
    uint8_t class;
    uint8_t large;
    uint64_t serial;
    uint32_t size; /* in memory */
    uint32_t spare;
};

enum { SEGMENT_HEAD = sizeof(struct segment_head) };
_Static_assert(SEGMENT_HEAD == 32, "the head of a segment has 32 bytes");

#define SEGMENT_MAGIC "CLKSEG2\n"

struct file;

struct segment {
    char *base;
    struct segment *next_dead;      /* see shard_unlock() */
    struct segment *next_unwritten; /* see log.h */
    struct file *file;              /* where it lies on disk; NULL without a log */
    uint64_t opened;                /* rises with each segment of a shard: the age, for eviction */
    uint64_t unwritten_since;       /* the shard's `appended` when it was put on the list of unwritten ones */
    uint64_t body_hash;             /* of a staged one's record */
    uint64_t retired_at;            /* the shard's `nretired` when it was sealed or last walked */
    uint32_t size;
    uint32_t used;      /* appended so far */
    uint32_t written;   /* of these, what lies in the file */
    uint32_t live;      /* bytes of records that the index points to */
    uint32_t held;      /* bytes of tombstones, touches and flushes that were needed when copied here */
    uint32_t soonest_s; /* no record expires earlier; UINT32_MAX when none does */
    uint32_t swept_s;   /* when last looked through */
    uint32_t oldest_s;  /* no living record was last used earlier; UINT32_MAX when there is none */
    uint16_t id;        /* in its shard's table, from 1 */
    uint8_t class;      /* enum store_class */
    bool sealed;
    bool large;
    bool is_unwritten;     /* on the list of unwritten ones */
    _Atomic uint32_t pins; /* of a large one: readers without the lock, plus one for the shard */
};

/* Fills in what the head says of itself: magic and check. */
void segment_seal_head(struct segment_head *head, uint64_t seed);

/* A record beyond this has a segment of its own: two halves waste the end of a segment, and no more than 64 KiB are
 * copied under a lock (S7). */
enum { SEGMENT_LARGE_SHARE = 2, SEGMENT_LARGE_MAX = 64 << 10 };
static inline size_t segment_large_bytes(uint32_t segment_bytes)
{
    uint32_t share = segment_bytes / SEGMENT_LARGE_SHARE;
    return share < SEGMENT_LARGE_MAX ? share : SEGMENT_LARGE_MAX;
}

/* What a large segment of so many bytes takes up in memory. */
uint64_t segment_round(uint64_t bytes);

/* An empty segment of the arena's size, or NULL. */
struct segment *segment_open(struct arena *arena, enum store_class class, enum arena_rank rank);

/* One of its own for a large record that fills a file of `bytes`; or NULL. */
struct segment *segment_open_large(struct arena *arena, uint64_t bytes);

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

/* The record of a large one. */
static inline struct record *segment_only_record(const struct segment *segment)
{
    return segment_record(segment, SEGMENT_HEAD);
}

/* Fills a record but for its version and check. */
void segment_fill(struct record *record, struct bytes key, const struct store_write *write);

/* The size of the record that a write makes. */
size_t segment_size_of(struct bytes key, const struct store_write *write);

/* What of a record may change until it is published. */
void segment_fill_head(struct record *record, const struct store_write *write);

/* A record of this segment may expire at `expiry_s` (0: never). */
static inline void segment_note_expiry(struct segment *segment, uint32_t expiry_s)
{
    if (expiry_s != 0 && expiry_s < segment->soonest_s)
        segment->soonest_s = expiry_s;
}

/* One of its living records was last used at `seen_s`. */
static inline void segment_note_use(struct segment *segment, uint32_t seen_s)
{
    if (seen_s < segment->oldest_s)
        segment->oldest_s = seen_s;
}

#endif
