/* Opening and closing a store, with and without a disk. See store.h. */
#include "base/check.h"
#include "base/clock.h"
#include "base/hash.h"
#include "store/store.h"
#include "store/store_private.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    MIB = 1 << 20,
    NSHARDS_MAX = 1 << VERSION_SHARD_BITS,
    NSHARDS_DISK = 4, /* one write for each shard that a turn touches: decision 5 */
    SEGMENT_MIN_BYTES = 16 << 10,
    SEGMENT_DISK_BYTES = 64 << 10, /* a file each, so not too small */
    SEGMENTS_PER_SHARD = 128,      /* so that three heads and the reserve are about 3 % */
    HEADROOM_PERCENT = 5,
    OLDER_SHARE = 1024, /* a count for so many bytes of -m */
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
    if (config->disk != NULL)
        return clamp(power_of_two_below(mib / 16), 1, mib >= 8192 ? 4 * NSHARDS_DISK : NSHARDS_DISK);
    return mib >= 8192 ? NSHARDS_MAX : clamp(power_of_two_below(mib / 16), 1, 16);
}

static uint32_t choose_segment_bytes(const struct store_config *config, uint32_t nshards)
{
    if (config->segment_bytes != 0)
        return config->segment_bytes;
    uint64_t bytes = config->limit_bytes / nshards / SEGMENTS_PER_SHARD;
    uint32_t least =
        config->disk != NULL && bytes > SEGMENT_MIN_BYTES ? SEGMENT_DISK_BYTES : SEGMENT_MIN_BYTES;
    return clamp(power_of_two_below(bytes), least, SEGMENT_MAX_BYTES);
}

static unsigned log2_of(uint32_t power)
{
    return (unsigned)__builtin_ctz(power);
}

static unsigned older_bits(const struct store *store)
{
    uint64_t n = store->config.limit_bytes / store->nshards / OLDER_SHARE;
    return clamp(log2_of(power_of_two_below(n < 2 ? 2 : n)), 8, 24);
}

/* What the log keeps in memory for itself, within -m. */
static uint64_t log_bytes(const struct store *store)
{
    return store->log == NULL ? 0 : store->nshards * (sizeof(uint16_t) << older_bits(store));
}

static bool open_shard(struct store *store, uint32_t number)
{
    struct index_page_source source = {.take = pages_take, .give = pages_give, .arg = &store->pages};
    struct shard *shard = &store->shards[number];
    if (!shard_init(shard, &store->arena, number, store->config.seed, source))
        return false;
    shard->log = store->log;
    shard->dropped = store->config.dropped;
    shard->dropped_arg = store->config.dropped_arg;
    return store->log == NULL || older_init(&shard->older, older_bits(store));
}

static enum err open_shards(struct store *store)
{
    store->shards = aligned_alloc(64, store->nshards * sizeof *store->shards);
    if (store->shards == NULL)
        return ERR_MEMORY;
    memset(store->shards, 0, store->nshards * sizeof *store->shards);
    for (; store->nopen < store->nshards; store->nopen++) {
        if (!open_shard(store, store->nopen)) {
            store->nopen++; /* half open: closed like the others */
            return ERR_MEMORY;
        }
    }
    return ERR_NONE;
}

static enum err open_log(struct store *store, uint32_t nshards, uint32_t segment_bytes, char *problem)
{
    store->log = calloc(1, sizeof *store->log);
    if (store->log == NULL)
        return ERR_MEMORY;
    store->log->sync = store->config.sync;
    CHECK(pthread_mutex_init(&store->log->error_lock, NULL) == 0);
    enum err err = dir_open(&store->log->dir, &store->config, nshards, segment_bytes, problem);
    store->config.seed = store->log->dir.seed;
    return err;
}

/* A directory keeps the layout that it was made with. */
static enum err choose_layout(struct store *store, uint32_t *ret_segment_bytes, char *problem)
{
    uint32_t nshards = choose_nshards(&store->config);
    uint32_t segment_bytes = choose_segment_bytes(&store->config, nshards);
    enum err err = ERR_NONE;
    if (store->config.disk != NULL) {
        err = open_log(store, nshards, segment_bytes, problem);
        nshards = err == ERR_NONE ? store->log->dir.nshards : nshards;
        segment_bytes = err == ERR_NONE ? store->log->dir.segment_bytes : segment_bytes;
    }
    store->nshards = nshards;
    store->shard_shift = 64 - log2_of(nshards);
    store->large_bytes = segment_large_bytes(segment_bytes);
    *ret_segment_bytes = segment_bytes;
    return err;
}

/* Addresses that the limit may be raised into; they cost nothing before they are used. Half of what the shards can have
 * at most is left for their not filling up alike. */
static uint64_t bytes_to_grow(const struct store *store, uint32_t segment_bytes)
{
    uint64_t limit = store->config.limit_bytes;
    uint64_t most = (uint64_t)store->nshards * segment_bytes * (SHARD_SEGMENTS_MAX / 2);
    if (!store->config.may_grow || limit >= most)
        return 0;
    uint64_t more = (STORE_GROWTH_MAX - 1) * limit;
    return more < most - limit ? more : most - limit;
}

/* What lies on disk is loaded even when it is more than the limit (S6). */
static enum err open_arena(struct store *store, uint32_t segment_bytes, uint64_t loaded_bytes)
{
    uint64_t limit = store->config.limit_bytes - log_bytes(store);
    uint64_t headroom = limit / 100 * HEADROOM_PERCENT;
    uint64_t reserve = (uint64_t)store->nshards * segment_bytes;
    uint64_t needed = limit + loaded_bytes + loaded_bytes / 8;
    uint64_t wanted = needed + bytes_to_grow(store, segment_bytes);
    enum err err = arena_init(&store->arena, limit, wanted, segment_bytes, headroom, reserve);
    if (err != ERR_NONE && wanted > needed) {
        arena_fini(&store->arena);
        err = arena_init(&store->arena, limit, needed, segment_bytes, headroom, reserve);
    }
    store->limit_max_bytes = log_bytes(store) + limit +
                             (store->arena.region_bytes > needed ? store->arena.region_bytes - needed : 0);
    pages_init(&store->pages, &store->arena);
    return err;
}

/* The layout stays: below a few segments for each shard it would not work. */
enum { RESERVES_LEAST = 8 };

bool store_set_limit(struct store *store, uint64_t limit_bytes)
{
    uint64_t own = log_bytes(store);
    if (limit_bytes > store->limit_max_bytes ||
        limit_bytes < own + RESERVES_LEAST * store->arena.reserve_bytes)
        return false;
    limit_bytes -= own;
    arena_set_limit(&store->arena, limit_bytes, limit_bytes / 100 * HEADROOM_PERCENT);
    return true;
}

static enum err recover(struct store *store, char *problem)
{
    struct recovery *recovery = &store->recovery;
    recovery->large_bytes = store->large_bytes;
    recovery->now_s = to_store_s(store, clock_seconds(store->config.clock));
    store->arena.is_loading = true;
    enum err err = recover_run(recovery, store->log, store->shards, store->nshards, problem);
    arena_end_loading(&store->arena);
    return err;
}

enum err store_new(const struct store_config *config, struct store **ret)
{
    char unasked[STORE_PROBLEM_MAX];
    char *problem = config->problem != NULL ? config->problem : unasked;
    problem[0] = '\0';
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return ERR_MEMORY;
    store->config = *config;
    uint32_t segment_bytes;
    enum err err = choose_layout(store, &segment_bytes, problem);
    CHECK(store->nshards <= NSHARDS_MAX && (store->nshards & (store->nshards - 1)) == 0);
    if (err == ERR_NONE && store->log != NULL) {
        store->recovery = (struct recovery){
            .notice = config->notice, .notice_arg = config->notice_arg, .progress = config->progress};
        err = recover_list(&store->recovery, store->log, segment_bytes, problem);
    }
    if (err == ERR_NONE)
        err = open_arena(store, segment_bytes, store->recovery.room_bytes);
    if (err == ERR_NONE)
        err = open_shards(store);
    if (err == ERR_NONE && store->log != NULL)
        err = recover(store, problem);
    if (err != ERR_NONE) {
        store_abandon(&store);
        return err;
    }
    *ret = store;
    return ERR_NONE;
}

void store_abandon(struct store **store_ptr)
{
    struct store *store = *store_ptr;
    *store_ptr = NULL;
    if (store == NULL)
        return;
    recover_fini(&store->recovery);
    for (uint32_t i = 0; i < store->nopen; i++)
        shard_fini(&store->shards[i]);
    free(store->shards);
    if (store->pages.arena != NULL) {
        pages_fini(&store->pages);
        arena_fini(&store->arena);
    }
    if (store->log != NULL) {
        dir_close(&store->log->dir);
        pthread_mutex_destroy(&store->log->error_lock);
    }
    free(store->log);
    free(store);
}

void store_free(struct store **store)
{
    uint64_t ticket;
    if (*store != NULL && (*store)->log != NULL) {
        (void)store_commit(*store, UINT64_MAX, &ticket);
        enum err err = store_sync(*store);
        (void)err; /* what could not be synced is what a power cut may take: nobody is left to be told */
        for (uint32_t i = 0; i < (*store)->nopen; i++)
            log_remove_unused(&(*store)->shards[i], &(*store)->shards[i].spare);
    }
    store_abandon(store);
}
