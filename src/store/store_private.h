/*
 * store_private: what the files of store.c share: the store itself, and its seconds.
 */
#ifndef CLOAKROOM_STORE_STORE_PRIVATE_H
#define CLOAKROOM_STORE_STORE_PRIVATE_H

#include "store/log.h"
#include "store/pages.h"
#include "store/recover.h"

struct store {
    struct store_config config;
    struct arena arena;
    struct pages pages;
    uint32_t nshards;
    uint32_t nopen; /* shards that store_free() is to close */
    unsigned shard_shift;
    size_t large_bytes;
    uint64_t limit_max_bytes; /* what store_set_limit() takes at most */
    uint32_t reclaim_at;      /* where the next reclaim begins, so that shards take turns */
    uint64_t tidied_bytes;    /* stats.appended_bytes at the last store_tidy() */
    uint32_t full_s;          /* the second in which no room for new items was found: not looked for twice */
    struct shard *shards;
    struct log *log; /* NULL: no disk */
    struct recovery recovery;
};

/* The caller's seconds and the store's, which go on across restarts. 0 stays 0; nothing becomes 0. */
static inline uint32_t to_store_s(const struct store *store, uint32_t s)
{
    int64_t t = (int64_t)s + (store->log == NULL ? 0 : store->log->dir.offset_s);
    return s == 0 ? 0 : t < 1 ? 1 : t > RECORD_EXPIRY_MAX ? RECORD_EXPIRY_MAX : (uint32_t)t;
}

static inline uint32_t from_store_s(const struct store *store, uint32_t s)
{
    int64_t t = (int64_t)s - (store->log == NULL ? 0 : store->log->dir.offset_s);
    return s == 0 ? 0 : t < 1 ? 1 : (uint32_t)t;
}

/* What a record says. */
struct store_item store_show(const struct store *store, const struct record *record);

#endif
