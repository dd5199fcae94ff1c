/* An open table from a key's hash to its newest record, see newest.h. */
#include "store/newest.h"
#include "base/hash.h"

#include <stdlib.h>

enum { CAP_MIN = 1024 };

/* Not of the store, so that two directories can be compared. */
static const uint64_t seeds[2] = {0x636c6f616b31U, 0x636c6f616b32U};

static uint64_t digest_of(const struct record *record)
{
    uint64_t is_stale = record_kind(record) == RECORD_STALE;
    uint64_t rest[2] = {is_stale << 32 | record->flags, record_version(record)};
    uint64_t hash = hash_bytes(record_key(record), 0);
    if (record_attributes_len(record) > 0)
        hash = hash_bytes(record_attributes(record), hash);
    hash = hash_bytes(record_value(record), hash);
    return hash_bytes((struct bytes){.p = (const char *)rest, .len = sizeof rest}, hash);
}

static bool is_free(const struct newest_entry *entry)
{
    return entry->key[0] == 0 && entry->key[1] == 0;
}

/* The entry of the key, or the free one where it belongs. */
static struct newest_entry *find(const struct newest *newest, const uint64_t key[2])
{
    size_t at = key[1] & (newest->cap - 1);
    for (;;) {
        struct newest_entry *entry = &newest->entries[at];
        if (is_free(entry) || (entry->key[0] == key[0] && entry->key[1] == key[1]))
            return entry;
        at = (at + 1) & (newest->cap - 1);
    }
}

static bool grow(struct newest *newest)
{
    struct newest wider = {.cap = newest->cap == 0 ? CAP_MIN : 2 * newest->cap, .n = newest->n};
    wider.entries = calloc(wider.cap, sizeof *wider.entries);
    if (wider.entries == NULL)
        return false;
    for (size_t i = 0; i < newest->cap; i++) {
        if (!is_free(&newest->entries[i]))
            *find(&wider, newest->entries[i].key) = newest->entries[i];
    }
    free(newest->entries);
    *newest = wider;
    return true;
}

bool newest_add(struct newest *newest, const struct record *record)
{
    if (newest->n >= newest->cap / 4 * 3 && !grow(newest))
        return false;
    struct bytes key = record_key(record);
    struct newest_entry made = {.key = {hash_bytes(key, seeds[0]) | 1, hash_bytes(key, seeds[1])},
                                .version = record_version(record),
                                .size = (uint32_t)record_size(record),
                                .is_tombstone = record_kind(record) == RECORD_TOMBSTONE};
    struct newest_entry *entry = find(newest, made.key);
    if (is_free(entry))
        newest->n++;
    /* A tombstone that stands for a record has its version. */
    else if (made.version < entry->version || (made.version == entry->version && !made.is_tombstone))
        return true;
    made.digest = made.is_tombstone ? 0 : digest_of(record);
    *entry = made;
    return true;
}

void newest_sum_up(const struct newest *newest, uint64_t flushed, struct newest_sum *sum)
{
    for (size_t i = 0; i < newest->cap; i++) {
        const struct newest_entry *entry = &newest->entries[i];
        if (is_free(entry) || entry->is_tombstone || entry->version <= flushed)
            continue;
        sum->items++;
        sum->bytes += entry->size;
        sum->digest += entry->digest;
    }
}

void newest_fini(struct newest *newest)
{
    free(newest->entries);
    *newest = (struct newest){0};
}
