/*
 * record: how one thing lies in the log, in memory and on disk alike. Little-endian, 4-aligned head of 28 bytes.
 *
 *      0       4           8          12         14        15     16         20      24      28
 *      | check | value_len | version, 48 bits    | key_len | kind | expiry_s | flags | state | body …, padded to 8
 *
 *      kind:   | 4 bits: what it is | session | has attributes | key form | codec |
 *      body:   [attributes] key value          attributes: | u16 length of all, itself too | … |, padded to 8
 *      state:  memory's own, nothing on disk: | fetched | 31 bits: when it expires now |
 *
 * `check` covers all but itself and `state`, keyed by the store's seed, so that a value cannot pose as a record.
 * What a touch changes is in `state`; expiry_s stays as it was written, so what lies on disk never changes.
 *
 *      item       key and value
 *      tombstone  key; `version` and all older of it are gone
 *      touch      key, and 8 bytes of value: the version it is about; expiry_s is its new life
 *      flush      no key; all up to `version` is gone; with expiry_s: all there is at that store second, then
 *                 (flags: the store second in which it was made)
 *      void       nothing; what is to be stepped over
 *
 * Reserved and carried along untouched: attributes (creation, absolute end, writer revision, tags), a key form
 * (the hash of an id instead of the id), a codec, kinds not known here.
 *
 * Ownership: a record belongs to its segment. It never moves; a newer one supersedes it.
 * Threads: only under the lock of its shard; what lies on disk already may be read without, but for `state`.
 * Limits: key_len fits a byte (250), value_len 30 bits (-I is at most 1 GiB).
 */
#ifndef CLOAKROOM_STORE_RECORD_H
#define CLOAKROOM_STORE_RECORD_H

#include "base/bytes.h"

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
    char bytes[];
};

_Static_assert(offsetof(struct record, bytes) == 28, "the head has 28 bytes");

enum record_kind {
    RECORD_ITEM = 1,
    RECORD_TOMBSTONE = 2,
    RECORD_TOUCH = 3,
    RECORD_FLUSH = 4,
    RECORD_VOID = 5
};

enum {
    RECORD_HEAD = 28,
    RECORD_ALIGN = 8,
    RECORD_KEY_MAX = 250,
    RECORD_VALUE_MAX = 1 << 30,
    RECORD_KIND_MASK = 0x0f,
    RECORD_SESSION = 0x10,
    RECORD_HAS_ATTRIBUTES = 0x20,
    RECORD_ATTRIBUTES_MAX = 4096,
    RECORD_EXPIRY_MAX = 0x7fffffff,
};

#define RECORD_FETCHED 0x80000000U

static inline enum record_kind record_kind(const struct record *record)
{
    return (enum record_kind)(record->kind & RECORD_KIND_MASK);
}

static inline bool record_is_session(const struct record *record)
{
    return (record->kind & RECORD_SESSION) != 0;
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
    return record->state & ~RECORD_FETCHED;
}

static inline void record_set_expiry(struct record *record, uint32_t expiry_s)
{
    record->state = (record->state & RECORD_FETCHED) | expiry_s;
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

static inline size_t record_attributes_len(const struct record *record)
{
    if ((record->kind & RECORD_HAS_ATTRIBUTES) == 0)
        return 0;
    uint16_t len;
    memcpy(&len, record->bytes, sizeof len);
    return ((size_t)len + RECORD_ALIGN - 1) & ~(size_t)(RECORD_ALIGN - 1);
}

static inline size_t record_size_for(size_t key_len, size_t value_len)
{
    return (RECORD_HEAD + key_len + value_len + RECORD_ALIGN - 1) & ~(size_t)(RECORD_ALIGN - 1);
}

static inline size_t record_body_len(const struct record *record)
{
    return record_attributes_len(record) + record->key_len + record->value_len;
}

static inline size_t record_size(const struct record *record)
{
    return record_size_for(record_body_len(record), 0);
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

/* Of the body alone: all of the check that grows with the value. */
uint64_t record_body_hash(const struct record *record, uint64_t seed);

/* The check of a record whose body has this hash. */
uint32_t record_check_for(const struct record *record, uint64_t body_hash);

static inline uint32_t record_check(const struct record *record, uint64_t seed)
{
    return record_check_for(record, record_body_hash(record, seed));
}

#endif
