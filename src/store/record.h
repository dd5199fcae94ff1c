/*
 * record: how an item lies in a segment.
 *
 *      0        8          12        16          20       21      22       23      24
 *      | version | expiry_s | flags  | value_len | key_len | class | fetched | spare | key … value …, padded to 8
 *
 * Ownership: a record belongs to its segment. It never moves; a newer one supersedes it.
 * Threads: only under the lock of its shard; a pinned large record's key and value may be read without.
 * Limits: key_len fits a byte (250), value_len 32 bits (-I is at most 1 GiB).
 */
#ifndef CLOAKROOM_STORE_RECORD_H
#define CLOAKROOM_STORE_RECORD_H

#include "base/bytes.h"

struct record {
    uint64_t version;
    uint32_t expiry_s;
    uint32_t flags;
    uint32_t value_len;
    uint8_t key_len;
    uint8_t class;
    uint8_t fetched;
    uint8_t spare;
    char bytes[];
};

enum { RECORD_ALIGN = 8 };

static inline size_t record_size_for(size_t key_len, size_t value_len)
{
    return (sizeof(struct record) + key_len + value_len + RECORD_ALIGN - 1) & ~(size_t)(RECORD_ALIGN - 1);
}

static inline size_t record_size(const struct record *record)
{
    return record_size_for(record->key_len, record->value_len);
}

static inline struct bytes record_key(const struct record *record)
{
    return (struct bytes){.p = record->bytes, .len = record->key_len};
}

static inline struct bytes record_value(const struct record *record)
{
    return (struct bytes){.p = record->bytes + record->key_len, .len = record->value_len};
}

#endif
