/* The memory limit in one place, see arena.h. */
#include "store/arena.h"
#include "base/check.h"

#include <sys/mman.h>

void arena_init(struct arena *arena, uint64_t limit_bytes, uint32_t segment_bytes, uint64_t headroom_bytes,
                uint64_t reserve_bytes)
{
    *arena = (struct arena){.limit_bytes = limit_bytes,
                            .segment_bytes = segment_bytes,
                            .headroom_bytes = headroom_bytes,
                            .reserve_bytes = reserve_bytes};
    CHECK(pthread_mutex_init(&arena->lock, NULL) == 0);
}

static void *map(uint64_t len)
{
    void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void unmap(void *p, uint64_t len)
{
    CHECK(munmap(p, len) == 0);
}

static void *pop_idle(struct arena *arena)
{
    void *segment = arena->idle;
    if (segment != NULL) {
        memcpy(&arena->idle, segment, sizeof arena->idle);
        arena->idle_bytes -= arena->segment_bytes;
    }
    return segment;
}

void arena_fini(struct arena *arena)
{
    CHECK(arena->used_bytes == 0);
    void *segment;
    while ((segment = pop_idle(arena)) != NULL)
        unmap(segment, arena->segment_bytes);
    pthread_mutex_destroy(&arena->lock);
}

bool arena_has(const struct arena *arena, uint64_t len, enum arena_rank rank)
{
    uint64_t kept = 0;
    if (rank < ARENA_COMPACTION)
        kept += arena->reserve_bytes;
    if (rank < ARENA_REWRITE)
        kept += arena->headroom_bytes;
    uint64_t used = __atomic_load_n(&arena->used_bytes, __ATOMIC_RELAXED);
    return used + len + kept <= arena->limit_bytes;
}

void *arena_take_segment(struct arena *arena, enum arena_rank rank)
{
    pthread_mutex_lock(&arena->lock);
    if (!arena_has(arena, arena->segment_bytes, rank)) {
        pthread_mutex_unlock(&arena->lock);
        return NULL;
    }
    arena->used_bytes += arena->segment_bytes;
    void *segment = pop_idle(arena);
    pthread_mutex_unlock(&arena->lock);
    if (segment != NULL)
        return segment;

    segment = map(arena->segment_bytes);
    if (segment == NULL) {
        pthread_mutex_lock(&arena->lock);
        arena->used_bytes -= arena->segment_bytes;
        pthread_mutex_unlock(&arena->lock);
    }
    return segment;
}

void arena_give_segment(struct arena *arena, void *segment)
{
    pthread_mutex_lock(&arena->lock);
    CHECK(arena->used_bytes >= arena->segment_bytes);
    arena->used_bytes -= arena->segment_bytes;
    memcpy(segment, &arena->idle, sizeof arena->idle);
    arena->idle = segment;
    arena->idle_bytes += arena->segment_bytes;
    pthread_mutex_unlock(&arena->lock);
}

void *arena_take_block(struct arena *arena, uint64_t len, enum arena_rank rank)
{
    pthread_mutex_lock(&arena->lock);
    if (!arena_has(arena, len, rank)) {
        pthread_mutex_unlock(&arena->lock);
        return NULL;
    }
    arena->used_bytes += len;
    /* Idle segments are still mapped: together with what is out they must not exceed the limit. */
    void *idle;
    while (arena->used_bytes + arena->idle_bytes > arena->limit_bytes && (idle = pop_idle(arena)) != NULL)
        unmap(idle, arena->segment_bytes);
    pthread_mutex_unlock(&arena->lock);

    void *block = map(len);
    if (block == NULL) {
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
    CHECK(arena->used_bytes >= len);
    arena->used_bytes -= len;
    pthread_mutex_unlock(&arena->lock);
}
