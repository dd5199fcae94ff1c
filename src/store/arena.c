/* The memory limit in one place, see arena.h. */
#include "store/arena.h"
#include "base/check.h"

#include <stdlib.h>
#include <sys/mman.h>

/* The address sanitizer sees who still looks into a segment that has been given back. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, len)   ((void)(p), (void)(len))
#define ASAN_UNPOISON_MEMORY_REGION(p, len) ((void)(p), (void)(len))
#endif

enum { HUGE_PAGE = 2 << 20 };

static void *map(uint64_t len)
{
    void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* A hole in the middle of a mapping makes two of one, and the kernel counts them (vm.max_map_count). When it
 * has no more to give, the memory goes back all the same and only the addresses stay. */
static void unmap(void *p, uint64_t len)
{
    ASAN_UNPOISON_MEMORY_REGION(p, len); /* the addresses may be had again by others */
    CHECK(munmap(p, len) == 0 || madvise(p, len, MADV_DONTNEED) == 0);
}

static bool reserve_region(struct arena *arena)
{
    arena->mapping_bytes = arena->region_bytes + HUGE_PAGE;
    arena->mapping = map(arena->mapping_bytes);
    if (arena->mapping == NULL)
        return false;
    size_t over = (uintptr_t)arena->mapping % HUGE_PAGE;
    arena->region = arena->mapping + (over == 0 ? 0 : HUGE_PAGE - over);
    /* A system without huge pages says no: slower, not wrong. */
    (void)madvise(arena->region, arena->region_bytes, MADV_HUGEPAGE);
    return true;
}

enum err arena_init(struct arena *arena, uint64_t limit_bytes, uint64_t region_bytes, uint32_t segment_bytes,
                    uint64_t headroom_bytes, uint64_t reserve_bytes)
{
    *arena = (struct arena){.limit_bytes = limit_bytes,
                            .segment_bytes = segment_bytes,
                            .headroom_bytes = headroom_bytes,
                            .reserve_bytes = reserve_bytes,
                            .nsegments = (uint32_t)(region_bytes / segment_bytes)};
    arena->region_bytes = (uint64_t)arena->nsegments * segment_bytes;
    CHECK(pthread_mutex_init(&arena->lock, NULL) == 0);
    arena->idle = malloc(arena->nsegments * sizeof *arena->idle);
    return arena->idle != NULL && reserve_region(arena) ? ERR_NONE : ERR_MEMORY;
}

void arena_fini(struct arena *arena)
{
    CHECK(arena->used_bytes == 0);
    if (arena->mapping != NULL)
        unmap(arena->mapping, arena->mapping_bytes);
    free(arena->idle);
    pthread_mutex_destroy(&arena->lock);
}

static uint64_t kept_from(const struct arena *arena, enum arena_rank rank)
{
    return (rank < ARENA_COMPACTION ? arena->reserve_bytes : 0) +
           (rank < ARENA_REWRITE ? arena->headroom_bytes : 0);
}

uint64_t arena_new_limit(const struct arena *arena)
{
    uint64_t limit = arena->limit_bytes;
    uint64_t kept = kept_from(arena, ARENA_NEW);
    return limit > kept ? limit - kept : 0;
}

bool arena_could(const struct arena *arena, uint64_t len, enum arena_rank rank)
{
    uint64_t limit = arena->limit_bytes;
    uint64_t floor =
        __atomic_load_n(&arena->floor_bytes, __ATOMIC_RELAXED) + arena->headroom_bytes + arena->reserve_bytes;
    if (floor > arena->region_bytes) /* there are no more segments */
        floor = arena->region_bytes;
    if (rank != ARENA_NEW && floor > limit)
        limit = floor;
    return arena->is_loading || len + kept_from(arena, rank) <= limit;
}

bool arena_has(const struct arena *arena, uint64_t len, enum arena_rank rank)
{
    return arena_could(arena, len + __atomic_load_n(&arena->used_bytes, __ATOMIC_RELAXED), rank);
}

static char *segment_at(const struct arena *arena, uint32_t number)
{
    return arena->region + (uint64_t)number * arena->segment_bytes;
}

/* The one backed by memory first, the never used one last. */
static void *pop_segment(struct arena *arena, bool *ret_is_emptied)
{
    *ret_is_emptied = false;
    if (arena->nidle > 0)
        return segment_at(arena, arena->idle[--arena->nidle]);
    if (arena->nemptied > 0) {
        *ret_is_emptied = true;
        return segment_at(arena, arena->idle[arena->nsegments - arena->nemptied--]);
    }
    CHECK(arena->nfresh < arena->nsegments);
    return segment_at(arena, arena->nfresh++);
}

void arena_end_loading(struct arena *arena)
{
    arena->is_loading = false;
    arena->floor_bytes = arena->used_bytes;
}

void arena_set_limit(struct arena *arena, uint64_t limit_bytes, uint64_t headroom_bytes)
{
    CHECK(limit_bytes <= arena->region_bytes + arena->segment_bytes);
    pthread_mutex_lock(&arena->lock);
    arena->limit_bytes = limit_bytes;
    arena->headroom_bytes = headroom_bytes;
    arena->floor_bytes = arena->used_bytes > limit_bytes ? arena->used_bytes : 0;
    pthread_mutex_unlock(&arena->lock);
}

/* Under the lock. */
static void count_given(struct arena *arena, uint64_t len)
{
    CHECK(arena->used_bytes >= len);
    arena->used_bytes -= len;
    if (arena->used_bytes < arena->floor_bytes)
        arena->floor_bytes = arena->used_bytes;
}

void *arena_take_segment(struct arena *arena, enum arena_rank rank)
{
    void *segment = NULL;
    bool is_emptied = false;
    pthread_mutex_lock(&arena->lock);
    if (arena_has(arena, arena->segment_bytes, rank)) {
        arena->used_bytes += arena->segment_bytes;
        segment = pop_segment(arena, &is_emptied);
    }
    pthread_mutex_unlock(&arena->lock);
    if (segment != NULL)
        ASAN_UNPOISON_MEMORY_REGION(segment, arena->segment_bytes);
    if (is_emptied)
        (void)madvise(segment, arena->segment_bytes, MADV_HUGEPAGE);
    return segment;
}

void arena_give_segment(struct arena *arena, void *segment)
{
    uint64_t offset = (uint64_t)((char *)segment - arena->region);
    CHECK(offset < arena->region_bytes && offset % arena->segment_bytes == 0);
    ASAN_POISON_MEMORY_REGION(segment, arena->segment_bytes);
    pthread_mutex_lock(&arena->lock);
    count_given(arena, arena->segment_bytes);
    arena->idle[arena->nidle++] = (uint32_t)(offset / arena->segment_bytes);
    pthread_mutex_unlock(&arena->lock);
}

/* Gives the memory of the last idle segment back to the system. */
static void empty_one(struct arena *arena)
{
    uint32_t number = arena->idle[--arena->nidle];
    CHECK(madvise(segment_at(arena, number), arena->segment_bytes, MADV_DONTNEED) == 0);
    /* Else the system may back it again on its own, to make a huge page whole. */
    (void)madvise(segment_at(arena, number), arena->segment_bytes, MADV_NOHUGEPAGE);
    arena->idle[arena->nsegments - ++arena->nemptied] = number;
}

static uint64_t idle_bytes(const struct arena *arena)
{
    return (uint64_t)arena->nidle * arena->segment_bytes;
}

bool arena_trim(struct arena *arena, uint64_t keep_bytes, uint32_t n)
{
    pthread_mutex_lock(&arena->lock);
    for (; n > 0 && idle_bytes(arena) > keep_bytes; n--)
        empty_one(arena);
    bool is_more = idle_bytes(arena) > keep_bytes;
    pthread_mutex_unlock(&arena->lock);
    return is_more;
}

/* Idle segments are still backed by memory: together with what is out they must not exceed the limit. */
static void empty_idle_segments(struct arena *arena)
{
    while (arena->nidle > 0 && arena->used_bytes + idle_bytes(arena) > arena->limit_bytes)
        empty_one(arena);
}

void *arena_take_block(struct arena *arena, uint64_t len, enum arena_rank rank)
{
    pthread_mutex_lock(&arena->lock);
    bool may = arena_has(arena, len, rank);
    if (may) {
        arena->used_bytes += len;
        empty_idle_segments(arena);
    }
    pthread_mutex_unlock(&arena->lock);
    void *block = may ? map(len) : NULL;
    if (may && block == NULL) {
        pthread_mutex_lock(&arena->lock);
        arena->used_bytes -= len;
        pthread_mutex_unlock(&arena->lock);
    }
    return block;
}

void arena_give_block(struct arena *arena, void *block, uint64_t len)
{
    unmap(block, len);
    pthread_mutex_lock(&arena->lock);
    count_given(arena, len);
    pthread_mutex_unlock(&arena->lock);
}
