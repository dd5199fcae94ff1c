/*
 * shard: one lock, one index, one log. Everything here is called with the shard's lock held.
 *
 * A record is alive exactly when a slot of the index points to it: what is alive is derived, never stored.
 *
 *      place:  | 15 bits: segment id, from 1 | 17 bits: offset / 8 |
 *
 * Three heads are appended to, so that what dies together lies together: sessions as written, sessions that
 * compaction found still living, and cache.
 *
 * Threads: `lock` covers all of it.
 * Limits: 32767 segments.
 */
#ifndef CLOAKROOM_STORE_SHARD_H
#define CLOAKROOM_STORE_SHARD_H

#include "store/index.h"
#include "store/older.h"
#include "store/segment.h"

#include <pthread.h>

enum head { HEAD_SESSION, HEAD_SETTLED, HEAD_CACHE, NHEADS };

enum {
    PLACE_OFFSET_BITS = 17,
    SEGMENT_MAX_BYTES = RECORD_ALIGN << PLACE_OFFSET_BITS,
    SHARD_SEGMENTS_MAX = (1 << (32 - PLACE_OFFSET_BITS)) - 1,
    SHARD_SEGMENTS_KEPT = 4096, /* not for large values */
    VERSION_SHARD_BITS =
        6 /* the low bits of a version name the shard, so shards need not agree on a counter */
};

/* What a walk through a segment does with what lives there (walk.c). */
enum walk_kind { WALK_NONE, WALK_SWEEP, WALK_COMPACT, WALK_EVICT, WALK_RETIRE };

struct walk {
    enum walk_kind kind;
    struct segment *segment;
    uint32_t offset;
};

struct shard {
    pthread_mutex_t lock;
    struct arena *arena;
    uint32_t number;
    uint64_t seed;
    struct index index;
    struct segment **segments; /* by id; [0] unused */
    uint32_t segments_cap;
    uint32_t nsegments;
    uint32_t id_hint; /* where to look for a free id next */
    uint64_t opened;
    struct segment *heads[NHEADS];
    struct walk walk;
    struct segment *dead; /* large ones that nobody points to: unmapped once the lock is given back (S7) */
    uint64_t version;     /* the last one given, without the shard's bits */
    uint64_t flushed;     /* versions up to this one are gone */
    uint32_t flush_at_s;
    struct store_stats stats;                                        /* the shard's share */
    void (*dropped)(void *arg, const struct store_dropped *dropped); /* as store_config has it */
    void *dropped_arg;

    /* With a log only, see log.h. */
    struct log *log;          /* NULL: nothing lies on disk */
    pthread_mutex_t log_lock; /* who writes; taken before `lock` */
    struct older older;       /* dead records on disk */
    uint64_t flush_version;   /* of the pending flush's record */
    uint64_t appended;        /* rises with each record appended */
    _Atomic uint64_t written; /* all appended up to this lies in files */
    _Atomic uint64_t durable; /* all appended up to this may be answered */
    uint64_t written_version; /* the last one given when `written` was noted; under the lock, as the next */
    uint64_t durable_version;
    struct segment *unwritten; /* with bytes that are not in their file yet; oldest first */
    struct segment **unwritten_tail;
    struct file *spare;    /* for the next segment; NULL: none is ready */
    struct file *unsynced; /* written to since their last sync */
    struct file *retired;  /* to be removed; oldest first */
    struct file **retired_tail;
    uint64_t nretired;
    enum err refusal; /* why shard_append() last gave no room */
} __attribute__((aligned(64)));

bool shard_init(struct shard *shard, struct arena *arena, uint32_t number, uint64_t seed,
                struct index_page_source pages);
void shard_fini(struct shard *shard);

void shard_unlock(struct shard *shard);

static inline uint32_t shard_place(const struct segment *segment, uint32_t offset)
{
    return (uint32_t)segment->id << PLACE_OFFSET_BITS | offset / RECORD_ALIGN;
}

static inline struct segment *shard_segment_at(const struct shard *shard, uint32_t place)
{
    return shard->segments[place >> PLACE_OFFSET_BITS];
}

static inline struct record *shard_record_at(const struct shard *shard, uint32_t place)
{
    uint32_t offset = (place & ((1U << PLACE_OFFSET_BITS) - 1)) * RECORD_ALIGN;
    return segment_record(shard_segment_at(shard, place), offset);
}

/* The bits of a key's hash that the index keeps. */
static inline uint32_t shard_tag(uint64_t hash)
{
    return (uint32_t)hash;
}

/* The slot of `key`, whether its record's time has come or not; or NULL. */
struct slot *shard_find_slot(struct shard *shard, struct bytes key, uint32_t tag);

/* The same for a hashed key, by what stands at its front. */
struct slot *shard_find_lead(struct shard *shard, struct bytes lead, uint32_t tag);

/* The living record of the slot, which is then in *ret_slot; or, for NULL too, NULL and the reason in *ret_miss. What
 * has expired is dropped on the way. */
struct record *shard_living(struct shard *shard, struct slot *slot, uint32_t now_s, struct slot **ret_slot,
                            enum store_miss *ret_miss);

static inline struct record *shard_find(struct shard *shard, struct bytes key, uint32_t tag, uint32_t now_s,
                                        struct slot **ret_slot, enum store_miss *ret_miss)
{
    return shard_living(shard, shard_find_slot(shard, key, tag), now_s, ret_slot, ret_miss);
}

/* Asks the processor for the records that may be `tag`'s, ahead of their use. */
void shard_prefetch(struct shard *shard, uint32_t tag);

/* Has it expired, or been flushed? */
bool shard_is_gone(const struct shard *shard, const struct record *record, uint32_t now_s);

/* Room at a head; *ret_segment is where. NULL when a new segment is needed and `rank` may not take one, or there is
 * none on disk: shard->refusal says which. With a log the record must be finished, by shard_seal_record() or
 * shard_void_record(), before the lock is given back. */
struct record *shard_append(struct shard *shard, enum head head, size_t size, enum arena_rank rank,
                            struct segment **ret_segment);

/* Gives a record its check; what must be last. Nothing without a log. */
void shard_seal_record(struct shard *shard, struct record *record);
/* Makes it one that says nothing. */
void shard_void_record(struct shard *shard, struct record *record);

/* Appends a record without a place in the index: a tombstone, a touch, a flush. NULL: shard->refusal says why. */
struct note {
    enum record_kind kind;
    bool is_session;
    bool is_hashed; /* the key */
    struct bytes key;
    struct bytes value;
    uint64_t version;
    uint32_t flags;
    uint32_t expiry_s;
    bool is_held; /* needed for a while, as far as is known */
};
struct record *shard_append_note(struct shard *shard, enum head head, const struct note *note,
                                 enum arena_rank rank);

/* Adopts a staged segment into the table; false when the table is full or memory is out. */
bool shard_adopt(struct shard *shard, struct segment *segment);

/* The same for one that recovery has read, with its file and its age. */
bool shard_readopt(struct shard *shard, struct segment *segment);

/* Accounts for a record that the index now points to, or no longer does; the latter may free its segment. */
void shard_count_live(struct shard *shard, struct segment *segment, const struct record *record);
void shard_count_dead(struct shard *shard, uint32_t tag, uint32_t place, const struct record *record);

/* Takes a living record out of the index. */
void shard_unlink(struct shard *shard, struct slot *slot, const struct record *record);
/* The same for one that has expired or was flushed, counted as such. */
void shard_drop_gone(struct shard *shard, struct slot *slot, const struct record *record, uint32_t now_s);
/* Says so to who wants to know, before it is done. */
void shard_tell_dropped(const struct shard *shard, const struct record *record, enum store_drop why,
                        uint32_t now_s);

/* Frees a segment nobody points to. */
void shard_free_segment(struct shard *shard, struct segment *segment);

uint64_t shard_next_version(struct shard *shard);

/* Notes a flush, at once or for later; false: no room for the note, nothing changed. */
bool shard_flush(struct shard *shard, uint32_t now_s, uint32_t at_s);
/* Brings a delayed flush into force once its second has come. */
void shard_apply_flush(struct shard *shard, uint32_t now_s);

/* Takes a segment that nothing lives in out of the table, and has its file removed once what came of it is safe. */
void shard_retire(struct shard *shard, struct segment *segment);

/* walk.c: one bounded step of housekeeping (S7), as far as the policy goes: false when there is nothing left to do.
 */
struct walk_policy {
    bool may_evict; /* cache */
    bool may_evict_sessions;
    unsigned garbage_percent; /* compact segments from this share of garbage on */
    uint32_t sweep_after_s;   /* look through a segment so long after the first of it expired, and after the
                                 last look */
};
bool shard_step(struct shard *shard, const struct walk_policy *policy, uint32_t now_s);

#endif
