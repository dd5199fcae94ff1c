/*
 * newest: of each key the newest record, as far as counting needs it: no key is kept, but 128 bits of its hash.
 *
 * Ownership: newest_fini() frees it; zeroed it is empty.
 * Threads: one at a time.
 * Failure: false when memory is out; nothing has changed.
 */
#ifndef CLOAKROOM_STORE_NEWEST_H
#define CLOAKROOM_STORE_NEWEST_H

#include "store/record.h"

struct newest_entry {
    uint64_t key[2]; /* both 0: free */
    uint64_t version;
    uint64_t digest; /* of attributes, key, value, flags, staleness and version */
    uint32_t size;   /* as a record */
    bool is_tombstone;
};

struct newest {
    struct newest_entry *entries;
    size_t cap; /* a power of two, or 0 */
    size_t n;
};

/* Takes an item or a tombstone into account. */
bool newest_add(struct newest *newest, const struct record *record);

/* Adds up the items with a version above `flushed` that nothing newer stands for. */
struct newest_sum {
    uint64_t items;
    uint64_t bytes;
    uint64_t digest; /* the same in whatever order they lie */
};
void newest_sum_up(const struct newest *newest, uint64_t flushed, struct newest_sum *sum);

void newest_fini(struct newest *newest);

#endif
