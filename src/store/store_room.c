/* Making room, housekeeping, and the figures of a store. See store.h. */
#include "store/store.h"
#include "store/store_private.h"

enum {
    BLOCK_SLACK_BYTES = 8 << 10, /* heads, and rounding to pages */
    BEHIND_LEAST_BYTES = 4 << 20,
    RECLAIM_STEPS = 4 * (1 << VERSION_SHARD_BITS), /* a few milliseconds, and more than one round */
};

/* `now_s` is the store's here. */
static bool step_shard(struct shard *shard, const struct walk_policy *policy, uint32_t now_s)
{
    pthread_mutex_lock(&shard->lock);
    uint64_t copied = shard->stats.copied_bytes;
    bool did = shard_step(shard, policy, now_s);
    bool has_copied = shard->stats.copied_bytes != copied;
    shard_unlock(shard);
    /* What a step has copied is written by who made it, a piece at a time, not by the next turn all at once. A
     * failure is on record. */
    if (has_copied && shard->log != NULL)
        (void)log_commit(shard);
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
        bool did = step_shard(&store->shards[at], policy, to_store_s(store, now_s));
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
        sum->evicted_unfetched[class] += part->evicted_unfetched[class];
        sum->expired_unfetched[class] += part->expired_unfetched[class];
        sum->reclaimed[class] += part->reclaimed[class];
    }
    sum->garbage_bytes += part->garbage_bytes;
    sum->total_items += part->total_items;
    sum->copied_bytes += part->copied_bytes;
    sum->appended_bytes += part->appended_bytes;
}

static void read_log_stats(struct store *store, struct store_stats *ret)
{
    const struct log *log = store->log;
    const struct recovery *recovery = &store->recovery;
    ret->has_disk = true;
    ret->sync = log->sync;
    ret->disk_error = log_error(log);
    ret->disk_bytes = __atomic_load_n(&log->disk_bytes, __ATOMIC_RELAXED);
    ret->written_bytes = __atomic_load_n(&log->written_bytes, __ATOMIC_RELAXED);
    ret->syncs = __atomic_load_n(&log->nsyncs, __ATOMIC_RELAXED);
    for (int class = 0; class < STORE_NCLASSES; class ++)
        ret->recovered[class] = recovery->items[class];
    ret->recovery_ms = recovery->took_ms;
    ret->damaged_records = recovery->ndamaged;
    ret->torn_bytes = recovery->torn_bytes;
}

void store_read_stats(struct store *store, struct store_stats *ret)
{
    *ret = (struct store_stats){.limit_bytes = store->arena.limit_bytes,
                                .new_limit_bytes = arena_new_limit(&store->arena),
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
    if (store->log != NULL)
        read_log_stats(store, ret);
}

static uint32_t oldest_of(const struct shard *shard, enum store_class class)
{
    uint32_t oldest_s = UINT32_MAX;
    for (uint32_t id = 1; id < shard->segments_cap; id++) {
        const struct segment *segment = shard->segments[id];
        if (segment != NULL && segment->class == (uint8_t) class && segment->live > 0 &&
            segment->oldest_s < oldest_s)
            oldest_s = segment->oldest_s;
    }
    return oldest_s;
}

uint32_t store_oldest_age_s(struct store *store, enum store_class class, uint32_t now_s)
{
    uint32_t oldest_s = UINT32_MAX;
    for (uint32_t i = 0; i < store->nshards; i++) {
        struct shard *shard = &store->shards[i];
        pthread_mutex_lock(&shard->lock);
        uint32_t of_shard_s = oldest_of(shard, class);
        shard_unlock(shard);
        oldest_s = of_shard_s < oldest_s ? of_shard_s : oldest_s;
    }
    uint32_t now = to_store_s(store, now_s);
    return oldest_s < now ? now - oldest_s : 0;
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

/* In files that nobody needs, or soon will not. */
static uint64_t dead_bytes(const struct store *store)
{
    uint64_t disk_bytes = __atomic_load_n(&store->log->disk_bytes, __ATOMIC_RELAXED);
    uint64_t used_bytes = __atomic_load_n(&store->arena.used_bytes, __ATOMIC_RELAXED);
    return disk_bytes > used_bytes ? disk_bytes - used_bytes : 0;
}

static bool has_open(const struct store *store, uint32_t nfiles)
{
    return __atomic_load_n(&store->log->nopen, __ATOMIC_RELAXED) > nfiles;
}

/* Dead files go when what came of them is synced, and files close after their last sync. A disk that syncs more slowly
 * than it is written to would fill with them, or descriptors run out, so from here on who writes waits for it, as in
 * `always` mode. */
static bool is_disk_behind(const struct store *store)
{
    return dead_bytes(store) > store->config.limit_bytes / 2 + BEHIND_LEAST_BYTES ||
           has_open(store, STORE_FILES_MAX / 4 * 3);
}

uint32_t store_tidy(struct store *store, uint32_t now_s)
{
    if (store_disk_error(store) != NULL)
        return TIDY_REST_MS;
    if (store->log != NULL && is_disk_behind(store))
        return busy.wait_ms; /* compaction makes dead files, too */
    struct store_stats stats;
    store_read_stats(store, &stats);
    const struct eagerness *eager = choose_eagerness(store, &stats);
    bool is_over = stats.used_bytes > store->arena.limit_bytes; /* recovery has loaded more */
    const struct walk_policy policy = {.garbage_percent = eager->garbage_percent,
                                       .sweep_after_s = TIDY_SWEEP_AFTER_S,
                                       .may_evict = is_over && !store->config.no_evict};
    if (is_over)
        (void)arena_trim(&store->arena, 0, TIDY_TRIM_SEGMENTS);
    uint32_t steps = eager->steps;
    uint32_t resting = 0;
    while (steps > 0 && resting < store->nshards) {
        uint32_t at = __atomic_fetch_add(&store->reclaim_at, 1, __ATOMIC_RELAXED) % store->nshards;
        bool did = step_shard(&store->shards[at], &policy, to_store_s(store, now_s));
        steps -= did;
        resting = did ? 0 : resting + 1;
    }
    if (eager == &idle) /* what compaction empties now is not wanted again soon */
        (void)arena_trim(&store->arena, stats.used_bytes / 20, TIDY_TRIM_SEGMENTS);
    if (resting < store->nshards)
        return eager->wait_ms;
    bool is_quiet = eager == &idle || eager == &content || is_over;
    if (is_quiet && arena_trim(&store->arena, stats.used_bytes / 100, TIDY_TRIM_SEGMENTS))
        return eager->wait_ms;
    return eager == &busy ? eager->wait_ms : TIDY_REST_MS;
}

enum store_commit store_commit(struct store *store, uint64_t unwritten, uint64_t *ret_ticket)
{
    bool ok = true;
    for (uint32_t i = 0; i < store->nshards && unwritten != 0; i++, unwritten >>= 1) {
        if ((unwritten & 1) != 0)
            ok = log_commit(&store->shards[i]) && ok;
    }
    if (!ok)
        return STORE_COMMIT_FAILED;
    if (store->log == NULL || (store->log->sync != STORE_SYNC_ALWAYS && !is_disk_behind(store)))
        return STORE_COMMIT_DONE;
    *ret_ticket = __atomic_add_fetch(&store->log->asked, 1, __ATOMIC_ACQ_REL);
    return STORE_COMMIT_WAIT;
}

uint64_t store_synced(const struct store *store)
{
    return store->log == NULL ? UINT64_MAX : __atomic_load_n(&store->log->synced, __ATOMIC_ACQUIRE);
}

bool store_wants_sync(const struct store *store)
{
    if (store->log == NULL || log_is_broken(store->log))
        return false;
    return __atomic_load_n(&store->log->asked, __ATOMIC_ACQUIRE) != store_synced(store) ||
           dead_bytes(store) > store->config.limit_bytes / 8 || has_open(store, STORE_FILES_MAX / 2);
}

const char *store_disk_error(const struct store *store)
{
    return store->log == NULL ? NULL : log_error(store->log);
}

static uint64_t highest_version(struct store *store)
{
    uint64_t version = 0;
    for (uint32_t i = 0; i < store->nshards; i++) {
        struct shard *shard = &store->shards[i];
        pthread_mutex_lock(&shard->lock);
        version = shard->version > version ? shard->version : version;
        shard_unlock(shard);
    }
    return version;
}

enum err store_sync(struct store *store)
{
    if (store->log == NULL)
        return ERR_NONE;
    return log_sync(store->log, store->shards, store->nshards, highest_version(store));
}
