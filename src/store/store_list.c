/* All items, a few at a time: see store_list() in store.h. */
#include "base/check.h"
#include "store/store.h"
#include "store/store_private.h"

enum { LIST_BUCKETS = STORE_LIST_MAX / INDEX_BUCKET_SLOTS };

struct list {
    const struct store *store;
    const struct shard *shard;
    uint32_t now_s;
    struct store_listed *ret;
    size_t n;
};

/* With a failed disk: what was never acknowledged is not shown (S1). */
static bool is_safe(const struct shard *shard, const struct record *record)
{
    if (shard->log == NULL || !log_is_broken(shard->log) || !log_is_behind(shard))
        return true;
    return record_version(record) >> VERSION_SHARD_BITS <= shard->durable_version;
}

static void see(void *arg, const struct slot *slot)
{
    struct list *list = arg;
    const struct record *record = shard_record_at(list->shard, slot->place);
    if (shard_is_gone(list->shard, record, list->now_s) || !is_safe(list->shard, record))
        return;
    CHECK(list->n < STORE_LIST_MAX);
    struct store_listed *listed = &list->ret[list->n++];
    listed->item = store_show(list->store, record);
    listed->size = record_size(record);
    listed->value_len = listed->item.value.len;
    listed->item.value = (struct bytes){0};
    struct bytes key = record_key(record);
    listed->key_len = (uint8_t)key.len;
    memcpy(listed->key, key.p, key.len);
}

bool store_list(struct store *store, struct store_cursor *cursor, uint32_t now_s,
                struct store_listed ret[STORE_LIST_MAX], size_t *ret_n, uint64_t *ret_unwritten)
{
    CHECK(cursor->shard < store->nshards);
    struct shard *shard = &store->shards[cursor->shard];
    struct index_cursor at = {.tag = cursor->tag, .depth = cursor->depth, .bucket = cursor->bucket};
    struct list list = {.store = store, .shard = shard, .now_s = to_store_s(store, now_s), .ret = ret};
    pthread_mutex_lock(&shard->lock);
    shard_apply_flush(shard, list.now_s);
    bool has_more = index_visit(&shard->index, &at, LIST_BUCKETS, see, &list);
    if (log_is_behind(shard) && !log_is_broken(shard->log))
        *ret_unwritten |= (uint64_t)1 << shard->number;
    shard_unlock(shard);
    *ret_n = list.n;
    *cursor =
        (struct store_cursor){.shard = cursor->shard, .depth = at.depth, .bucket = at.bucket, .tag = at.tag};
    if (!has_more)
        *cursor = (struct store_cursor){.shard = cursor->shard + 1};
    return cursor->shard < store->nshards;
}
