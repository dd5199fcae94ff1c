/*
 * record: how one thing lies in the log, in memory and on disk alike. Little-endian, 8-aligned head of 32 bytes.
 *
 *      0       4           8          12         14        15     16         20      24      28       32
 *      | check | value_len | version, 48 bits    | key_len | kind | expiry_s | flags | state | seen_s | body …, padded to 8
 *
 *      kind:   | 4 bits: what it is | session | has attributes | key form | codec |
 *      body:   [attributes] key value          attributes: | u16 length of all, itself too | … |, padded to 8
 *      state:  memory's own, nothing on disk: | fetched | won | 30 bits: when it expires now |
 *      seen_s: memory's own: when it was last read or written
 *
 * `check` covers all but itself, `state` and `seen_s`, keyed by the store's seed, so that a value cannot pose as a record.
 * What a touch changes is in `state`; expiry_s stays as it was written, so what lies on disk never changes.
 *
 *      item       key and value
 *      tombstone  key; `version` and all older of it are gone
 *      touch      key, and 8 bytes of value: the version it is about; expiry_s is its new life
 *      flush      no key; all up to `version` is gone; with expiry_s: all there is at that store second, then
 *                 (flags: the store second in which it was made)
 *      void       nothing; what is to be stepped over
 *      stale      an item that somebody should refresh; in all else an item: record_is_item()
 *
 * Attributes are those of attributes.h. Key form 1: the key is a hash that somebody has made, with 8 bytes at its
 * front that are enough to find it by. Reserved and carried along untouched: attributes not known there, a codec, kinds
 * not known here.
 *
 * Ownership: a record belongs to its segment. It never moves; a newer one supersedes it.
 * Threads: only under the lock of its shard; what lies on disk already may be read without, but for `state` and `seen_s`.
 * Limits: key_len fits a byte (250), value_len 30 bits (-I is at most 1 GiB).
 */
#ifndef CLOAKROOM_STORE_RECORD_H
#define CLOAKROOM_STORE_RECORD_H

#include "base/bytes.h"
#include "base/hash.h"

#include <stddef.h>

struct record {
    uint32_t check;
    uint32_t value_len;
    uint32_t version_low;
    uint16_t version_high;
    uint8_t key_len;
    uint8_t kind;
    uint32_t expiry_s; /* as written, in store seconds; 0: never */
    uint32_t flags;
    uint32_t state;
    uint32_t seen_s; /* in store seconds */
    char bytes[];
};

_Static_assert(offsetof(struct record, bytes) == 32, "the head has 32 bytes");

enum record_kind {
    RECORD_ITEM = 1,
    RECORD_TOMBSTONE = 2,
    RECORD_TOUCH = 3,
    RECORD_FLUSH = 4,
    RECORD_VOID = 5,
    RECORD_STALE = 6
};

enum {
    RECORD_HEAD = 32,
    RECORD_ALIGN = 8,
    RECORD_KEY_MAX = 250,
    RECORD_VALUE_MAX = 1 << 30,
    RECORD_KIND_MASK = 0x0f,
    RECORD_SESSION = 0x10,
    RECORD_HAS_ATTRIBUTES = 0x20,
    RECORD_HASHED = 0x40, /* the key is the hash of what a client calls it */
    RECORD_HASHED_LEAD = 8,
    RECORD_ATTRIBUTES_MAX = 4096,
    RECORD_EXPIRY_MAX = 0x3fffffff, /* store seconds: 34 years */
};

#define RECORD_FETCHED 0x80000000U
#define RECORD_WON     0x40000000U /* somebody has been told to refresh it */

static inline enum record_kind record_kind(const struct record *record)
{
    return (enum record_kind)(record->kind & RECORD_KIND_MASK);
}

static inline bool record_is_item(const struct record *record)
{
    return record_kind(record) == RECORD_ITEM || record_kind(record) == RECORD_STALE;
}

static inline bool record_is_session(const struct record *record)
{
    return (record->kind & RECORD_SESSION) != 0;
}

static inline bool record_is_hashed(const struct record *record)
{
    return (record->kind & RECORD_HASHED) != 0;
}

/* Where a key belongs. A hashed one by what stands at its front. */
static inline uint64_t record_hash_of_key(struct bytes key, bool is_hashed, uint64_t seed)
{
    if (is_hashed && key.len > RECORD_HASHED_LEAD)
        key.len = RECORD_HASHED_LEAD;
    return hash_bytes(key, seed);
}

static inline uint64_t record_version(const struct record *record)
{
    return (uint64_t)record->version_high << 32 | record->version_low;
}

static inline void record_set_version(struct record *record, uint64_t version)
{
    record->version_low = (uint32_t)version;
    record->version_high = (uint16_t)(version >> 32);
}

/* When it expires as of now, in store seconds; 0: never. */
static inline uint32_t record_expiry(const struct record *record)
{
    return record->state & RECORD_EXPIRY_MAX;
}

static inline void record_set_expiry(struct record *record, uint32_t expiry_s)
{
    uint32_t marks = record->state & (RECORD_FETCHED | RECORD_WON);
    record->state = marks | (expiry_s < RECORD_EXPIRY_MAX ? expiry_s : RECORD_EXPIRY_MAX);
}

/* Memory's own part as it is after a write, or when it has been read from a disk. */
static inline void record_reset_state(struct record *record, uint32_t now_s)
{
    record->state = 0;
    record->seen_s = now_s;
    record_set_expiry(record, record->expiry_s);
}

static inline bool record_is_won(const struct record *record)
{
    return (record->state & RECORD_WON) != 0;
}

static inline bool record_is_fetched(const struct record *record)
{
    return (record->state & RECORD_FETCHED) != 0;
}

/* Has it been touched since it was written? */
static inline bool record_is_touched(const struct record *record)
{
    return record_expiry(record) != record->expiry_s;
}

static inline size_t record_pad(size_t len)
{
    return (len + RECORD_ALIGN - 1) & ~(size_t)(RECORD_ALIGN - 1);
}

/* With what pads them. `body` lies behind the head: that of an older format is shorter. */
static inline size_t record_attributes_len_in(const struct record *record, const char *body)
{
    if ((record->kind & RECORD_HAS_ATTRIBUTES) == 0)
        return 0;
    uint16_t len;
    memcpy(&len, body, sizeof len);
    return record_pad(len);
}

static inline size_t record_attributes_len(const struct record *record)
{
    return record_attributes_len_in(record, record->bytes);
}

static inline size_t record_size_for(size_t key_len, size_t value_len)
{
    return record_pad(RECORD_HEAD + key_len + value_len);
}

static inline size_t record_body_len_in(const struct record *record, const char *body)
{
    return record_attributes_len_in(record, body) + record->key_len + record->value_len;
}

static inline size_t record_body_len(const struct record *record)
{
    return record_body_len_in(record, record->bytes);
}

static inline size_t record_size(const struct record *record)
{
    return record_size_for(record_body_len(record), 0);
}

/* Empty: none. */
static inline struct bytes record_attributes(const struct record *record)
{
    return (struct bytes){.p = record->bytes, .len = record_attributes_len(record)};
}

static inline struct bytes record_key(const struct record *record)
{
    return (struct bytes){.p = record->bytes + record_attributes_len(record), .len = record->key_len};
}

static inline struct bytes record_value(const struct record *record)
{
    return (struct bytes){.p = record->bytes + record_attributes_len(record) + record->key_len,
                          .len = record->value_len};
}

/* Of its key. */
static inline uint64_t record_hash(const struct record *record, uint64_t seed)
{
    return record_hash_of_key(record_key(record), record_is_hashed(record), seed);
}

/* What a client has set in place of the version; else that. For a record with attributes. */
uint64_t record_cas_set(const struct record *record);

/* What a client compares, and is shown. */
static inline uint64_t record_cas(const struct record *record)
{
    return (record->kind & RECORD_HAS_ATTRIBUTES) != 0 ? record_cas_set(record) : record_version(record);
}

/* Of the body alone: all of the check that grows with the value. */
uint64_t record_body_hash(const struct record *record, uint64_t seed);

/* The check of a record whose body has this hash. */
uint32_t record_check_for(const struct record *record, uint64_t body_hash);

static inline uint32_t record_check(const struct record *record, uint64_t seed)
{
    return record_check_for(record, record_body_hash(record, seed));
}

#endif
