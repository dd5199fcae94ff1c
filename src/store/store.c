/* The public face of the store: shards side by side under one memory limit, see store.h. */
#include "store/store.h"
#include "base/check.h"
#include "base/hash.h"
#include "store/pages.h"
#include "store/shard.h"

#include <stdlib.h>

enum {
    MIB = 1 << 20,
    NSHARDS_MAX = 1 << VERSION_SHARD_BITS,
    SEGMENT_MIN_BYTES = 16 << 10,
    SEGMENTS_PER_SHARD = 128, /* so that three heads and the reserve are about 3 % */
    HEADROOM_PERCENT = 5,
    LARGE_SHARE = 2,                 /* what exceeds half a segment would waste its end: it gets its own */
    BLOCK_SLACK_BYTES = 8 << 10,     /* header, and rounding to pages */
    LARGE_MAX_BYTES = 64 << 10,      /* S7 */
    RECLAIM_STEPS = 4 * NSHARDS_MAX, /* a few milliseconds, and more than one round */
};

struct store {
    struct store_config config;
    struct arena arena;
    struct pages pages;
    uint32_t nshards;
    uint32_t nopen; /* shards that store_free() is to close */
    unsigned shard_shift;
    size_t large_bytes;
    uint32_t reclaim_at;   /* where the next reclaim begins, so that shards take turns */
    uint64_t tidied_bytes; /* stats.appended_bytes at the last store_tidy() */
    uint32_t full_s;       /* the second in which no room for new items was found: not looked for twice */
    struct shard *shards;
};

static uint32_t power_of_two_below(uint64_t n)
{
    uint32_t p = 1;
    while (p < 1U << 30 && (uint64_t)p * 2 <= n)
        p *= 2;
    return p;
}

static uint32_t clamp(uint32_t n, uint32_t low, uint32_t high)
{
    return n < low ? low : n > high ? high : n;
}

/* More shards than threads will ever meet in, few enough that their heads cost little. */
static uint32_t choose_nshards(const struct store_config *config)
{
    if (config->nshards != 0)
        return config->nshards;
    uint64_t mib = config->limit_bytes / MIB;
    return mib >= 8192 ? NSHARDS_MAX : clamp(power_of_two_below(mib / 16), 1, 16);
}

static uint32_t choose_segment_bytes(const struct store_config *config, uint32_t nshards)
{
    if (config->segment_bytes != 0)
        return config->segment_bytes;
    uint64_t bytes = config->limit_bytes / nshards / SEGMENTS_PER_SHARD;
    return clamp(power_of_two_below(bytes), SEGMENT_MIN_BYTES, SEGMENT_MAX_BYTES);
}

static unsigned log2_of(uint32_t power)
{
    return (unsigned)__builtin_ctz(power);
}

static enum err open_shards(struct store *store)
{
    struct index_page_source source = {.take = pages_take, .give = pages_give, .arg = &store->pages};
    store->shards = aligned_alloc(64, store->nshards * sizeof *store->shards);
    if (store->shards == NULL)
        return ERR_MEMORY;
    memset(store->shards, 0, store->nshards * sizeof *store->shards);
    for (; store->nopen < store->nshards; store->nopen++) {
        if (!shard_init(&store->shards[store->nopen], &store->arena, store->nopen, store->config.seed,
                        source)) {
            store->nopen++; /* half open: closed like the others */
            return ERR_MEMORY;
        }
    }
    return ERR_NONE;
}

enum err store_new(const struct store_config *config, struct store **ret)
{
    uint32_t nshards = choose_nshards(config);
    uint32_t segment_bytes = choose_segment_bytes(config, nshards);
    CHECK(nshards <= NSHARDS_MAX && (nshards & (nshards - 1)) == 0);

    struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return ERR_MEMORY;
    store->config = *config;
    store->nshards = nshards;
    store->shard_shift = 64 - log2_of(nshards);
    store->large_bytes = segment_bytes / LARGE_SHARE;
    if (store->large_bytes > LARGE_MAX_BYTES)
        store->large_bytes = LARGE_MAX_BYTES;
    uint64_t headroom = config->limit_bytes / 100 * HEADROOM_PERCENT;
    uint64_t reserve = (uint64_t)nshards * segment_bytes;
    enum err err = arena_init(&store->arena, config->limit_bytes, segment_bytes, headroom, reserve);
    pages_init(&store->pages, &store->arena);
    if (err == ERR_NONE)
        err = open_shards(store);
    if (err != ERR_NONE) {
        store_free(&store);
        return err;
    }
    *ret = store;
    return ERR_NONE;
}

void store_free(struct store **store_ptr)
{
    struct store *store = *store_ptr;
    *store_ptr = NULL;
    if (store == NULL)
        return;
    for (uint32_t i = 0; i < store->nopen; i++)
        shard_fini(&store->shards[i]);
    free(store->shards);
    pages_fini(&store->pages);
    arena_fini(&store->arena);
    free(store);
}

/* One shard: a shift by 64 would be undefined. */
static struct shard *shard_of(const struct store *store, uint64_t hash)
{
    return &store->shards[store->nshards == 1 ? 0 : hash >> store->shard_shift];
}

static void show(struct store_entry *entry)
{
    const struct record *record = entry->record;
    entry->found = record != NULL;
    if (record == NULL)
        return;
    entry->item = (struct store_item){.value = record_value(record),
                                      .version = record->version,
                                      .flags = record->flags,
                                      .expiry_s = record->expiry_s,
                                      .class = record->class,
                                      .fetched = record->fetched != 0};
}

void store_lock(struct store *store, struct bytes key, uint32_t now_s, struct store_entry *ret)
{
    uint64_t hash = hash_bytes(key, store->config.seed);
    struct shard *shard = shard_of(store, hash);
    ret->store = store;
    ret->shard = shard;
    ret->key = key;
    ret->tag = shard_tag(hash);
    ret->now_s = now_s;
    pthread_mutex_lock(&shard->lock);
    shard_apply_flush(shard, now_s);
    ret->record = shard_find(shard, key, ret->tag, now_s, &ret->slot, &ret->miss);
    show(ret);
}

/* Two rounds, so that the buckets are at hand when the records are looked for. Under the lock, as the
 * index may be growing. */
void store_prefetch(struct store *store, const struct bytes *keys, size_t n)
{
    uint64_t hashes[STORE_PREFETCH_MAX];
    CHECK(n <= STORE_PREFETCH_MAX);
    for (size_t i = 0; i < n; i++) {
        hashes[i] = hash_bytes(keys[i], store->config.seed);
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
    shard_unlock(entry->shard);
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
static bool publish(struct store_entry *entry, struct segment *segment, struct record *record)
{
    struct shard *shard = entry->shard;
    uint32_t place = shard_place(segment, (uint32_t)((char *)record - segment->base));
    record->version = shard_next_version(shard);
    if (entry->record == NULL) {
        if (!index_insert(&shard->index, entry->tag, place))
            return false;
        entry->slot = index_find(&shard->index, entry->tag, place);
        shard_count_live(shard, segment, record);
    } else {
        uint32_t old = entry->slot->place;
        shard_count_live(shard, segment, record);
        entry->slot->place = place;
        shard_count_dead(shard, old, entry->record);
    }
    shard->stats.total_items++;
    shard->stats.appended_bytes += record_size(record);
    entry->record = record;
    show(entry);
    return true;
}

enum err store_put(struct store_entry *entry, const struct store_write *write)
{
    struct shard *shard = entry->shard;
    enum arena_rank rank = rank_of(entry);
    if (!arena_has(shard->arena, 0, rank))
        return ERR_FULL; /* a new item may not fill the heads that rewrites need */
    size_t size = record_size_for(entry->key.len, write->head.len + write->tail.len);
    CHECK(size <= shard->arena->segment_bytes);
    struct segment *segment;
    enum head head = write->class == STORE_SESSION ? HEAD_SESSION : HEAD_CACHE;
    struct record *record = shard_append(shard, head, size, rank, &segment);
    if (record == NULL)
        return ERR_FULL;
    segment_fill(record, entry->key, write);
    return publish(entry, segment, record) ? ERR_NONE : ERR_FULL;
}

enum err store_stage(struct store *store, struct bytes key, const struct store_write *write, bool is_rewrite,
                     struct segment **ret)
{
    struct segment *staged = segment_stage(&store->arena, key, write, is_rewrite ? ARENA_REWRITE : ARENA_NEW);
    if (staged == NULL)
        return ERR_FULL;
    *ret = staged;
    return ERR_NONE;
}

enum err store_put_staged(struct store_entry *entry, const struct store_write *write, struct segment **staged)
{
    struct shard *shard = entry->shard;
    struct segment *segment = *staged;
    if (!shard_adopt(shard, segment))
        return ERR_FULL;
    *staged = NULL;
    segment->class = (uint8_t)write->class;
    segment_fill_head(segment_record(segment, 0), write);
    shard->stats.garbage_bytes += segment->used;
    if (publish(entry, segment, segment_record(segment, 0)))
        return ERR_NONE;
    shard_free_segment(shard, segment);
    return ERR_FULL;
}

void store_unstage(struct store *store, struct segment **staged)
{
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

void store_remove(struct store_entry *entry)
{
    shard_unlink(entry->shard, entry->slot, entry->record);
    entry->record = NULL;
    entry->found = false;
}

uint64_t store_next_version(struct store_entry *entry)
{
    return shard_next_version(entry->shard);
}

void store_touch(struct store_entry *entry, uint32_t expiry_s)
{
    entry->record->expiry_s = expiry_s;
    entry->item.expiry_s = expiry_s;
    segment_note_expiry(shard_segment_at(entry->shard, entry->slot->place), expiry_s);
}

void store_mark_fetched(struct store_entry *entry)
{
    if (entry->record->fetched == 0)
        entry->record->fetched = 1;
}

void store_flush(struct store *store, uint32_t now_s, uint32_t at_s)
{
    for (uint32_t i = 0; i < store->nshards; i++) {
        struct shard *shard = &store->shards[i];
        pthread_mutex_lock(&shard->lock);
        shard->flush_at_s = at_s;
        shard_apply_flush(shard, now_s);
        shard_unlock(shard);
    }
}

static bool step_shard(struct shard *shard, const struct walk_policy *policy, uint32_t now_s)
{
    pthread_mutex_lock(&shard->lock);
    bool did = shard_step(shard, policy, now_s);
    shard_unlock(shard);
    return did;
}

/* Steps through the shards in turn until there is room; false when a whole round found nothing to do, or when
 * `*steps_left` came to 0. */
static bool reclaim_by(struct store *store, const struct walk_policy *policy, uint64_t goal,
                       enum arena_rank rank, uint32_t now_s, uint32_t *steps_left)
{
    uint32_t idle = 0;
    while (idle<store->nshards && * steps_left> 0) {
        --*steps_left;
        uint32_t at = __atomic_load_n(&store->reclaim_at, __ATOMIC_RELAXED) % store->nshards;
        bool did = step_shard(&store->shards[at], policy, now_s);
        if (arena_has(&store->arena, goal, rank))
            return true;
        if (!did)
            __atomic_fetch_add(&store->reclaim_at, 1, __ATOMIC_RELAXED);
        idle = did ? 0 : idle + 1;
    }
    return false;
}

bool store_reclaim(struct store *store, size_t len, bool is_rewrite, uint32_t now_s)
{
    enum { DROP_NOTHING = 101, SWEEP_NOTHING = UINT32_MAX >> 1 };
    /* In the order of S3; a rewrite may squeeze out the last garbage, a new item is refused before that. */
    const struct walk_policy order[] = {
        {.garbage_percent = 25, .sweep_after_s = 0},
        {.garbage_percent = DROP_NOTHING, .sweep_after_s = SWEEP_NOTHING, .may_evict = true},
        {.garbage_percent = is_rewrite ? 1 : 5, .sweep_after_s = 0},
        {.garbage_percent = DROP_NOTHING,
         .sweep_after_s = SWEEP_NOTHING,
         .may_evict = true,
         .may_evict_sessions = true},
    };
    if (!is_rewrite && __atomic_load_n(&store->full_s, __ATOMIC_RELAXED) == now_s)
        return false;
    enum arena_rank rank = is_rewrite ? ARENA_REWRITE : ARENA_NEW;
    uint64_t goal = store->arena.segment_bytes;
    if (len > store->large_bytes)
        goal = len + BLOCK_SLACK_BYTES;
    if (!arena_could(&store->arena, goal, rank))
        return false; /* not even in an empty store */
    bool is_tired = false;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (order[i].may_evict && store->config.no_evict)
            continue;
        if (order[i].may_evict_sessions && !store->config.evict_sessions)
            continue;
        /* What is not sure to help is done in pieces: the next who is short goes on where this one stops. */
        bool is_sure = order[i].may_evict || (is_rewrite && i > 0);
        uint32_t steps_left = is_sure ? UINT32_MAX : RECLAIM_STEPS;
        if (reclaim_by(store, &order[i], goal, rank, now_s, &steps_left))
            return true;
        is_tired = is_tired || steps_left == 0;
    }
    if (!is_rewrite && !is_tired && len <= store->large_bytes)
        __atomic_store_n(&store->full_s, now_s, __ATOMIC_RELAXED);
    return false;
}

static void add_stats(struct store_stats *sum, const struct store_stats *part)
{
    for (int class = 0; class < STORE_NCLASSES; class ++) {
        sum->items[class] += part->items[class];
        sum->live_bytes[class] += part->live_bytes[class];
        sum->evictions[class] += part->evictions[class];
    }
    sum->garbage_bytes += part->garbage_bytes;
    sum->total_items += part->total_items;
    sum->evicted_unfetched += part->evicted_unfetched;
    sum->expired_unfetched += part->expired_unfetched;
    sum->reclaimed += part->reclaimed;
    sum->copied_bytes += part->copied_bytes;
    sum->appended_bytes += part->appended_bytes;
}

void store_read_stats(struct store *store, struct store_stats *ret)
{
    *ret = (struct store_stats){.limit_bytes = store->arena.limit_bytes,
                                .nshards = store->nshards,
                                .segment_bytes = store->arena.segment_bytes};
    for (uint32_t i = 0; i < store->nshards; i++) {
        struct shard *shard = &store->shards[i];
        pthread_mutex_lock(&shard->lock);
        add_stats(ret, &shard->stats);
        ret->segments += shard->nsegments;
        ret->index_bytes += shard->index.npages * INDEX_PAGE_BYTES;
        shard_unlock(shard);
    }
    ret->used_bytes = __atomic_load_n(&store->arena.used_bytes, __ATOMIC_RELAXED);
}

/*
 * How eagerly to tidy. Compaction is cheap where most of a segment is garbage and dear where little is. So
 * while memory is free a busy store keeps up to as much garbage as living data, and works off only what is
 * cheap; an idle one works off nearly all, and gives the memory back.
 */
struct eagerness {
    unsigned garbage_percent;
    uint32_t steps; /* at most, in one call */
    uint32_t wait_ms;
};

static const struct eagerness urgent = {.garbage_percent = 20, .steps = 128, .wait_ms = 1};
static const struct eagerness busy = {.garbage_percent = 30, .steps = 8, .wait_ms = 5};
static const struct eagerness idle = {.garbage_percent = 4, .steps = 64, .wait_ms = 5};
static const struct eagerness content = {.garbage_percent = 101, .steps = 64, .wait_ms = 5};

enum {
    TIDY_SWEEP_AFTER_S = 30,
    TIDY_GARBAGE_PERCENT = 5,   /* of what lives: less is left alone */
    TIDY_IDLE_BYTES = 64 << 10, /* written since the last call */
    TIDY_TRIM_SEGMENTS = 8,     /* given back to the system in one call */
    TIDY_REST_MS = 500
};

static const struct eagerness *choose_eagerness(struct store *store, const struct store_stats *stats)
{
    uint64_t live = stats->live_bytes[STORE_CACHE] + stats->live_bytes[STORE_SESSION];
    uint64_t written = stats->appended_bytes - store->tidied_bytes;
    store->tidied_bytes = stats->appended_bytes;
    bool is_short = !arena_has(&store->arena, stats->limit_bytes / 32, ARENA_NEW);
    if (is_short || stats->garbage_bytes > live + stats->limit_bytes / 64)
        return &urgent;
    if (stats->garbage_bytes < live / 100 * TIDY_GARBAGE_PERCENT + 4 * (uint64_t)stats->segment_bytes)
        return &content;
    return written < TIDY_IDLE_BYTES ? &idle : &busy;
}

uint32_t store_tidy(struct store *store, uint32_t now_s)
{
    struct store_stats stats;
    store_read_stats(store, &stats);
    const struct eagerness *eager = choose_eagerness(store, &stats);
    const struct walk_policy policy = {.garbage_percent = eager->garbage_percent,
                                       .sweep_after_s = TIDY_SWEEP_AFTER_S};
    uint32_t steps = eager->steps;
    uint32_t resting = 0;
    while (steps > 0 && resting < store->nshards) {
        uint32_t at = __atomic_fetch_add(&store->reclaim_at, 1, __ATOMIC_RELAXED) % store->nshards;
        bool did = step_shard(&store->shards[at], &policy, now_s);
        steps -= did;
        resting = did ? 0 : resting + 1;
    }
    if (resting < store->nshards)
        return eager->wait_ms;
    bool is_quiet = eager == &idle || eager == &content;
    if (is_quiet && arena_trim(&store->arena, stats.used_bytes / 100, TIDY_TRIM_SEGMENTS))
        return eager->wait_ms;
    return eager == &busy ? eager->wait_ms : TIDY_REST_MS;
}
