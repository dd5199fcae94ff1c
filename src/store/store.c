/* Entries: finding, writing, removing, under the lock of their shard. See store.h. */
#include "store/store.h"
#include "base/check.h"
#include "base/hash.h"
#include "store/index.h"
#include "store/store_private.h"

_Static_assert((int)STORE_PAGE_BYTES == (int)INDEX_PAGE_BYTES, "pages are those of the index");
_Static_assert((int)STORE_LEAD_BYTES == (int)RECORD_HASHED_LEAD, "the front of a hashed key");

/* One shard: a shift by 64 would be undefined. */
static struct shard *shard_of(const struct store *store, uint64_t hash)
{
    return &store->shards[store->nshards == 1 ? 0 : hash >> store->shard_shift];
}

static struct shard *shard_of_record(const struct store *store, const struct record *record)
{
    return shard_of(store, record_hash(record, store->config.seed));
}

struct store_item store_show(const struct store *store, const struct record *record)
{
    return (struct store_item){.value = record_value(record),
                               .version = record_version(record),
                               .cas = record_cas(record),
                               .flags = record->flags,
                               .expiry_s = from_store_s(store, record_expiry(record)),
                               .seen_s = from_store_s(store, record->seen_s),
                               .class = record_is_session(record) ? STORE_SESSION : STORE_CACHE,
                               .attributes = record_attributes(record),
                               .is_hashed = record_is_hashed(record),
                               .fetched = record_is_fetched(record),
                               .is_stale = record_kind(record) == RECORD_STALE,
                               .is_won = record_is_won(record)};
}

static void show(struct store_entry *entry)
{
    entry->found = entry->record != NULL;
    if (entry->found)
        entry->item = store_show(entry->store, entry->record);
}

/* With a failed disk: does the entry show what was never acknowledged? A record that did not get there, or no record
 * where one may be missing for a removal or a flush that did not. */
static bool is_unsafe(const struct store_entry *entry)
{
    const struct shard *shard = entry->shard;
    if (shard->log == NULL || !log_is_broken(shard->log) || !log_is_behind(shard))
        return false;
    return entry->record == NULL ||
           record_version(entry->record) >> VERSION_SHARD_BITS > shard->durable_version;
}

/* Locks the shard where the key belongs. */
static void lock(struct store *store, struct bytes key, bool is_hashed, uint32_t now_s,
                 struct store_entry *ret)
{
    uint64_t hash = record_hash_of_key(key, is_hashed, store->config.seed);
    ret->store = store;
    ret->shard = shard_of(store, hash);
    ret->key = key;
    ret->is_hashed = is_hashed;
    ret->tag = shard_tag(hash);
    ret->now_s = to_store_s(store, now_s);
    ret->unwritten = 0;
    pthread_mutex_lock(&ret->shard->lock);
    shard_apply_flush(ret->shard, ret->now_s);
}

static void find(struct store_entry *entry, struct slot *slot)
{
    entry->record = shard_living(entry->shard, slot, entry->now_s, &entry->slot, &entry->miss);
    entry->is_unsafe = is_unsafe(entry);
    show(entry);
}

void store_lock(struct store *store, struct bytes key, uint32_t now_s, struct store_entry *ret)
{
    lock(store, key, false, now_s, ret);
    find(ret, shard_find_slot(ret->shard, key, ret->tag));
}

void store_lock_hashed(struct store *store, struct bytes key, uint32_t now_s, struct store_entry *ret)
{
    CHECK(key.len >= STORE_LEAD_BYTES);
    lock(store, key, true, now_s, ret);
    find(ret, shard_find_slot(ret->shard, key, ret->tag));
}

void store_lock_lead(struct store *store, const unsigned char lead[STORE_LEAD_BYTES], uint32_t now_s,
                     struct store_entry *ret)
{
    const struct bytes front = {.p = (const char *)lead, .len = STORE_LEAD_BYTES};
    lock(store, front, true, now_s, ret);
    find(ret, shard_find_lead(ret->shard, front, ret->tag));
    if (ret->found)
        ret->key = record_key(ret->record);
}

/* Two rounds, so that the buckets are at hand when the records are looked for. Under the lock, as the
 * index may be growing. */
void store_prefetch(struct store *store, const struct store_key *keys, size_t n)
{
    uint64_t hashes[STORE_PREFETCH_MAX];
    CHECK(n <= STORE_PREFETCH_MAX);
    for (size_t i = 0; i < n; i++) {
        hashes[i] = record_hash_of_key(keys[i].key, keys[i].is_hashed, store->config.seed);
        struct shard *shard = shard_of(store, hashes[i]);
        pthread_mutex_lock(&shard->lock);
        index_prefetch(&shard->index, shard_tag(hashes[i]));
        shard_unlock(shard);
    }
    for (size_t i = 0; i < n; i++) {
        struct shard *shard = shard_of(store, hashes[i]);
        pthread_mutex_lock(&shard->lock);
        shard_prefetch(shard, shard_tag(hashes[i]));
        shard_unlock(shard);
    }
}

void store_unlock(struct store_entry *entry)
{
    struct shard *shard = entry->shard;
    if (log_is_behind(shard) && !log_is_broken(shard->log))
        entry->unwritten = (uint64_t)1 << shard->number;
    shard_unlock(shard);
}

bool store_is_large(const struct store *store, size_t key_len, size_t value_len)
{
    return record_size_for(key_len, value_len) > store->large_bytes;
}

static enum arena_rank rank_of(const struct store_entry *entry)
{
    return entry->found && entry->item.class == STORE_SESSION ? ARENA_REWRITE : ARENA_NEW;
}

/* The one moment of a write: the index points to the new record, and no longer to the old. */
static bool publish(struct store_entry *entry, struct segment *segment, struct record *record,
                    const struct store_write *write)
{
    struct shard *shard = entry->shard;
    uint32_t place = shard_place(segment, (uint32_t)((char *)record - segment->base));
    record_set_version(record, shard_next_version(shard));
    record->seen_s = entry->now_s;
    if (entry->record == NULL) {
        if (!index_insert(&shard->index, entry->tag, place))
            return false;
        entry->slot = index_find(&shard->index, entry->tag, place);
        shard_count_live(shard, segment, record);
    } else {
        uint32_t old = entry->slot->place;
        shard_count_live(shard, segment, record);
        entry->slot->place = place;
        shard_count_dead(shard, entry->tag, old, entry->record);
    }
    shard->stats.total_items += !write->is_in_place;
    shard->stats.appended_bytes += record_size(record);
    entry->record = record;
    show(entry);
    return true;
}

/* A write is not for a disk that has failed, nor before a flush that is due has found room for its note. */
static enum err may_write(const struct store_entry *entry)
{
    const struct shard *shard = entry->shard;
    if (shard->log != NULL && log_is_broken(shard->log))
        return ERR_READ_ONLY;
    return shard->flush_at_s != 0 && shard->flush_at_s <= entry->now_s ? shard->refusal : ERR_NONE;
}

static struct store_write in_store_s(const struct store_entry *entry, const struct store_write *write)
{
    struct store_write copy = *write;
    copy.expiry_s = to_store_s(entry->store, write->expiry_s);
    copy.is_hashed = entry->is_hashed;
    return copy;
}

enum err store_put(struct store_entry *entry, const struct store_write *write)
{
    struct shard *shard = entry->shard;
    enum arena_rank rank = rank_of(entry);
    enum err err = may_write(entry);
    if (err != ERR_NONE)
        return err;
    if (!arena_has(shard->arena, 0, rank))
        return ERR_FULL; /* a new item may not fill the heads that rewrites need */
    size_t size = segment_size_of(entry->key, write);
    CHECK(size <= shard->arena->segment_bytes - SEGMENT_HEAD);
    struct segment *segment;
    enum head head = write->class == STORE_SESSION ? HEAD_SESSION : HEAD_CACHE;
    struct record *record = shard_append(shard, head, size, rank, &segment);
    if (record == NULL)
        return shard->refusal;
    const struct store_write own = in_store_s(entry, write);
    segment_fill(record, entry->key, &own);
    if (publish(entry, segment, record, write)) {
        shard_seal_record(shard, record);
        return ERR_NONE;
    }
    shard_void_record(shard, record);
    return ERR_FULL;
}

enum err store_stage(struct store *store, struct bytes key, const struct store_write *write, bool is_rewrite,
                     struct segment **ret)
{
    struct segment *staged = segment_stage(&store->arena, key, write, is_rewrite ? ARENA_REWRITE : ARENA_NEW);
    if (staged == NULL)
        return ERR_FULL;
    if (store->log != NULL) {
        staged->body_hash = record_body_hash(segment_only_record(staged), store->log->dir.seed);
        log_stage_file(shard_of_record(store, segment_only_record(staged)), staged);
    }
    *ret = staged;
    return ERR_NONE;
}

enum err store_put_staged(struct store_entry *entry, const struct store_write *write, struct segment **staged)
{
    struct shard *shard = entry->shard;
    struct segment *segment = *staged;
    enum err err = may_write(entry);
    if (err != ERR_NONE)
        return err;
    if (!shard_adopt(shard, segment))
        return shard->refusal;
    *staged = NULL;
    segment->class = (uint8_t)write->class;
    struct record *record = segment_only_record(segment);
    const struct store_write own = in_store_s(entry, write);
    segment_fill_head(record, &own);
    shard->stats.garbage_bytes += segment->used - SEGMENT_HEAD;
    if (shard->log != NULL)
        log_note_appended(shard, segment);
    if (publish(entry, segment, record, write)) {
        if (shard->log != NULL)
            record->check = record_check_for(record, segment->body_hash);
        return ERR_NONE;
    }
    if (shard->log != NULL)
        shard_void_record(shard, record); /* the segment is dead: a walk takes it away */
    else
        shard_free_segment(shard, segment);
    return ERR_FULL;
}

void store_unstage(struct store *store, struct segment **staged)
{
    if (*staged != NULL && store->log != NULL)
        log_remove_unused(shard_of_record(store, segment_only_record(*staged)), &(*staged)->file);
    segment_free(&store->arena, staged);
}

struct segment *store_pin(struct store_entry *entry)
{
    struct segment *segment = shard_segment_at(entry->shard, entry->slot->place);
    CHECK(segment->large);
    __atomic_add_fetch(&segment->pins, 1, __ATOMIC_RELAXED);
    return segment;
}

void store_unpin(struct store *store, struct segment *pinned)
{
    segment_free(&store->arena, &pinned);
}

/* A tombstone or a touch, when there is a disk to tell. */
static enum err note(struct store_entry *entry, enum record_kind kind, struct bytes value, uint32_t expiry_s)
{
    struct shard *shard = entry->shard;
    if (shard->log == NULL)
        return ERR_NONE;
    enum err err = may_write(entry);
    if (err != ERR_NONE)
        return err;
    enum head head = entry->item.class == STORE_SESSION ? HEAD_SESSION : HEAD_CACHE;
    const struct note note = {.kind = kind,
                              .is_session = entry->item.class == STORE_SESSION,
                              .is_hashed = entry->is_hashed,
                              .key = entry->key,
                              .value = value,
                              .version = shard_next_version(shard),
                              .expiry_s = expiry_s};
    return shard_append_note(shard, head, &note, ARENA_REWRITE) != NULL ? ERR_NONE : shard->refusal;
}

enum err store_remove(struct store_entry *entry)
{
    enum err err = note(entry, RECORD_TOMBSTONE, (struct bytes){0}, 0);
    if (err != ERR_NONE)
        return err;
    shard_unlink(entry->shard, entry->slot, entry->record);
    entry->record = NULL;
    entry->found = false;
    return ERR_NONE;
}

uint64_t store_next_version(struct store_entry *entry)
{
    return shard_next_version(entry->shard);
}

enum err store_touch(struct store_entry *entry, uint32_t expiry_s)
{
    uint32_t own_s = to_store_s(entry->store, expiry_s);
    uint64_t version = entry->item.version;
    const struct bytes target = {.p = (const char *)&version, .len = sizeof version};
    if (own_s != record_expiry(entry->record)) {
        enum err err = note(entry, RECORD_TOUCH, target, own_s);
        if (err != ERR_NONE)
            return err;
    }
    record_set_expiry(entry->record, own_s);
    entry->item.expiry_s = expiry_s;
    segment_note_expiry(shard_segment_at(entry->shard, entry->slot->place), own_s);
    return ERR_NONE;
}

void store_mark_fetched(struct store_entry *entry)
{
    /* Written only when it says something new: the line need not leave the other processors' caches. */
    struct record *record = entry->record;
    if (!record_is_fetched(record))
        record->state |= RECORD_FETCHED;
    if (record->seen_s != entry->now_s)
        record->seen_s = entry->now_s;
}

size_t store_item_size(const struct store_entry *entry)
{
    return record_size(entry->record);
}

void store_mark_won(struct store_entry *entry)
{
    entry->record->state |= RECORD_WON;
}

enum err store_flush(struct store *store, uint32_t now_s, uint32_t at_s, uint64_t *ret_unwritten)
{
    bool ok = store->log == NULL || !log_is_broken(store->log);
    for (uint32_t i = 0; i < store->nshards && ok; i++) {
        struct shard *shard = &store->shards[i];
        pthread_mutex_lock(&shard->lock);
        ok = shard_flush(shard, to_store_s(store, now_s), to_store_s(store, at_s));
        if (log_is_behind(shard))
            *ret_unwritten |= (uint64_t)1 << i;
        shard_unlock(shard);
    }
    return ok ? ERR_NONE : store_disk_error(store) != NULL ? ERR_READ_ONLY : ERR_FULL;
}

uint32_t store_to_kept_s(const struct store *store, uint32_t s)
{
    return to_store_s(store, s);
}

uint32_t store_from_kept_s(const struct store *store, uint32_t s)
{
    return from_store_s(store, s);
}

void *store_take_page(struct store *store)
{
    return pages_take(&store->pages);
}

void store_give_page(struct store *store, void *page)
{
    pages_give(&store->pages, page);
}
