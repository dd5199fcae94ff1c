/* Finding, appending and accounting within one shard, see shard.h. */
#include "store/shard.h"
#include "base/check.h"
#include "base/hash.h"

#include <stdlib.h>

bool shard_init(struct shard *shard, struct arena *arena, uint32_t number, uint64_t seed,
                struct index_page_source pages)
{
    *shard = (struct shard){.arena = arena, .number = number, .seed = seed, .id_hint = 1};
    CHECK(pthread_mutex_init(&shard->lock, NULL) == 0);
    return index_init(&shard->index, pages);
}

void shard_fini(struct shard *shard)
{
    for (uint32_t id = 0; id < shard->segments_cap; id++)
        segment_free(shard->arena, &shard->segments[id]);
    free(shard->segments);
    index_fini(&shard->index);
    pthread_mutex_destroy(&shard->lock);
}

bool shard_is_gone(const struct shard *shard, const struct record *record, uint32_t now_s)
{
    return (record->expiry_s != 0 && record->expiry_s <= now_s) || record->version <= shard->flushed;
}

struct record *shard_find(struct shard *shard, struct bytes key, uint32_t tag, uint32_t now_s,
                          struct slot **ret_slot, enum store_miss *ret_miss)
{
    *ret_miss = STORE_MISS_ABSENT;
    struct index_search search;
    index_search_begin(&shard->index, tag, &search);
    struct slot *slot;
    while ((slot = index_search_next(&search)) != NULL) {
        struct record *record = shard_record_at(shard, slot->place);
        if (!bytes_equal(record_key(record), key))
            continue;
        if (shard_is_gone(shard, record, now_s)) {
            *ret_miss = record->version <= shard->flushed ? STORE_MISS_FLUSHED : STORE_MISS_EXPIRED;
            shard_drop_gone(shard, slot, record);
            return NULL;
        }
        *ret_slot = slot;
        return record;
    }
    return NULL;
}

/* The beginning is enough: the processor goes on by itself where lines are read in a row. */
enum { PREFETCH_LINES = 4, LINE_BYTES = 64 };

void shard_prefetch(struct shard *shard, uint32_t tag)
{
    struct index_search search;
    index_search_begin(&shard->index, tag, &search);
    struct slot *slot;
    while ((slot = index_search_next(&search)) != NULL) {
        const char *record = (const char *)shard_record_at(shard, slot->place);
        for (size_t line = 0; line < PREFETCH_LINES; line++)
            __builtin_prefetch(record + line * LINE_BYTES);
    }
}

static bool grow_table(struct shard *shard)
{
    uint32_t cap = shard->segments_cap == 0 ? 16 : shard->segments_cap * 2;
    if (cap > SHARD_SEGMENTS_MAX + 1)
        return false;
    struct segment **segments = realloc(shard->segments, cap * sizeof *segments);
    if (segments == NULL)
        return false;
    memset(segments + shard->segments_cap, 0, (cap - shard->segments_cap) * sizeof *segments);
    shard->segments = segments;
    shard->segments_cap = cap;
    return true;
}

bool shard_adopt(struct shard *shard, struct segment *segment)
{
    /* The last ids are for what sessions are appended to, however many large values there are. */
    if (segment->large && shard->nsegments + SHARD_SEGMENTS_KEPT >= SHARD_SEGMENTS_MAX)
        return false;
    /* One id is never given out (0), so a table with as many segments as ids minus one is full. */
    if (shard->nsegments + 1 >= shard->segments_cap && !grow_table(shard))
        return false;
    uint32_t id = shard->id_hint;
    while (id == 0 || shard->segments[id] != NULL)
        id = (id + 1) % shard->segments_cap;
    shard->segments[id] = segment;
    shard->id_hint = (id + 1) % shard->segments_cap;
    shard->nsegments++;
    segment->id = (uint16_t)id;
    segment->opened = ++shard->opened;
    return true;
}

void shard_free_segment(struct shard *shard, struct segment *segment)
{
    CHECK(segment->live == 0 && shard->segments[segment->id] == segment);
    shard->segments[segment->id] = NULL;
    shard->nsegments--;
    shard->stats.garbage_bytes -= segment->used;
    if (segment->large) {
        segment->next_dead = shard->dead;
        shard->dead = segment;
        return;
    }
    segment_free(shard->arena, &segment);
}

void shard_unlock(struct shard *shard)
{
    struct segment *dead = shard->dead;
    shard->dead = NULL;
    pthread_mutex_unlock(&shard->lock);
    while (dead != NULL) {
        struct segment *next = dead->next_dead;
        segment_free(shard->arena, &dead);
        dead = next;
    }
}

static void seal(struct shard *shard, enum head head)
{
    struct segment *segment = shard->heads[head];
    shard->heads[head] = NULL;
    if (segment == NULL)
        return;
    segment->sealed = true;
    if (segment->live == 0 && shard->walk.segment != segment)
        shard_free_segment(shard, segment);
}

static enum store_class class_of_head(enum head head)
{
    return head == HEAD_CACHE ? STORE_CACHE : STORE_SESSION;
}

struct record *shard_append(struct shard *shard, enum head head, size_t size, enum arena_rank rank,
                            struct segment **ret_segment)
{
    struct segment *segment = shard->heads[head];
    struct record *record = segment == NULL ? NULL : segment_append(segment, size);
    if (record == NULL) {
        /* Open the next before giving up the last: a refusal changes nothing. */
        segment = segment_open(shard->arena, class_of_head(head), rank);
        if (segment != NULL && !shard_adopt(shard, segment))
            segment_free(shard->arena, &segment);
        if (segment == NULL)
            return NULL;
        seal(shard, head);
        shard->heads[head] = segment;
        record = segment_append(segment, size);
        CHECK(record != NULL);
    }
    shard->stats.garbage_bytes += size; /* until the index points to it */
    *ret_segment = segment;
    return record;
}

void shard_count_live(struct shard *shard, struct segment *segment, const struct record *record)
{
    size_t size = record_size(record);
    segment->live += (uint32_t)size;
    shard->stats.garbage_bytes -= size;
    shard->stats.live_bytes[record->class] += size;
    shard->stats.items[record->class]++;
    segment_note_expiry(segment, record->expiry_s);
}

void shard_count_dead(struct shard *shard, uint32_t place, const struct record *record)
{
    struct segment *segment = shard_segment_at(shard, place);
    size_t size = record_size(record);
    CHECK(segment->live >= size);
    segment->live -= (uint32_t)size;
    shard->stats.garbage_bytes += size;
    shard->stats.live_bytes[record->class] -= size;
    shard->stats.items[record->class]--;
    if (segment->live == 0 && segment->sealed && shard->walk.segment != segment)
        shard_free_segment(shard, segment);
}

void shard_unlink(struct shard *shard, struct slot *slot, const struct record *record)
{
    uint32_t place = slot->place;
    index_remove(&shard->index, slot);
    shard_count_dead(shard, place, record);
}

void shard_drop_gone(struct shard *shard, struct slot *slot, const struct record *record)
{
    shard->stats.reclaimed++;
    if (!record->fetched)
        shard->stats.expired_unfetched++;
    shard_unlink(shard, slot, record);
}

uint64_t shard_next_version(struct shard *shard)
{
    return ++shard->version << VERSION_SHARD_BITS | shard->number;
}

void shard_apply_flush(struct shard *shard, uint32_t now_s)
{
    if (shard->flush_at_s == 0 || now_s < shard->flush_at_s)
        return;
    shard->flush_at_s = 0;
    shard->flushed = shard->version << VERSION_SHARD_BITS | shard->number;
    for (uint32_t id = 0; id < shard->segments_cap; id++) {
        if (shard->segments[id] != NULL)
            shard->segments[id]->soonest_s = 0; /* have it swept */
    }
}
