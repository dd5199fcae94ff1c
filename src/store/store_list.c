/* All items, a few at a time: see store_list() in store.h. */
#include "base/check.h"
#include "store/attributes.h"
#include "store/store.h"
#include "store/store_private.h"

enum { LIST_BUCKETS = STORE_LIST_MAX / INDEX_BUCKET_SLOTS };

struct each {
    const struct store *store;
    const struct shard *shard;
    uint32_t now_s;
    void (*see)(void *arg, struct bytes key, const struct store_item *item);
    void *arg;
};

/* With a failed disk: what was never acknowledged is not shown (S1). */
static bool is_safe(const struct shard *shard, const struct record *record)
{
    if (shard->log == NULL || !log_is_broken(shard->log) || !log_is_behind(shard))
        return true;
    return record_version(record) >> VERSION_SHARD_BITS <= shard->durable_version;
}

static void visit(void *arg, const struct slot *slot)
{
    const struct each *each = arg;
    const struct record *record = shard_record_at(each->shard, slot->place);
    if (shard_is_gone(each->shard, record, each->now_s) || !is_safe(each->shard, record))
        return;
    const struct store_item item = store_show(each->store, record);
    each->see(each->arg, record_key(record), &item);
}

bool store_each(struct store *store, struct store_cursor *cursor, uint32_t now_s,
                void (*see)(void *arg, struct bytes key, const struct store_item *item), void *arg,
                struct store_cursor *ret_next, uint64_t *ret_unwritten)
{
    CHECK(cursor->shard < store->nshards);
    struct shard *shard = &store->shards[cursor->shard];
    struct index_cursor at = {.tag = cursor->tag, .depth = cursor->depth, .bucket = cursor->bucket};
    struct each each = {
        .store = store, .shard = shard, .now_s = to_store_s(store, now_s), .see = see, .arg = arg};
    pthread_mutex_lock(&shard->lock);
    shard_apply_flush(shard, each.now_s);
    bool has_more = index_visit(&shard->index, &at, LIST_BUCKETS, visit, &each);
    if (log_is_behind(shard) && !log_is_broken(shard->log))
        *ret_unwritten |= (uint64_t)1 << shard->number;
    shard_unlock(shard);
    if (cursor->depth != at.depth)
        *cursor = (struct store_cursor){.shard = cursor->shard, .depth = at.depth, .tag = cursor->tag};
    *ret_next =
        (struct store_cursor){.shard = cursor->shard, .depth = at.depth, .bucket = at.bucket, .tag = at.tag};
    if (!has_more)
        *ret_next = (struct store_cursor){.shard = cursor->shard + 1};
    return ret_next->shard < store->nshards;
}

bool store_cursor_is_sound(const struct store *store, const struct store_cursor *cursor)
{
    return cursor->shard < store->nshards && cursor->bucket < INDEX_PAGE_BUCKETS && cursor->tag >> 32 == 0;
}

struct list {
    struct store_listed *ret;
    size_t n;
};

static void copy(void *arg, struct bytes key, const struct store_item *item)
{
    struct list *list = arg;
    CHECK(list->n < STORE_LIST_MAX);
    struct store_listed *listed = &list->ret[list->n++];
    listed->item = *item;
    listed->size = record_size_for(record_pad(item->attributes.len) + key.len, item->value.len);
    listed->value_len = item->value.len;
    struct bytes marks;
    bool has_marks = attributes_find(item->attributes, ATTRIBUTE_MARKS, &marks) && marks.len == 1;
    listed->marks = has_marks ? (uint8_t)marks.p[0] : 0;
    listed->item.value = listed->item.attributes = (struct bytes){0};
    listed->key_len = (uint8_t)key.len;
    memcpy(listed->key, key.p, key.len);
}

bool store_list(struct store *store, struct store_cursor *cursor, uint32_t now_s,
                struct store_listed ret[STORE_LIST_MAX], size_t *ret_n, uint64_t *ret_unwritten)
{
    struct list list = {.ret = ret};
    struct store_cursor next;
    bool has_more = store_each(store, cursor, now_s, copy, &list, &next, ret_unwritten);
    *cursor = next;
    *ret_n = list.n;
    return has_more;
}
