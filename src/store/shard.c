/* Finding, appending and accounting within one shard, see shard.h. */
#include "store/shard.h"
#include "base/check.h"
#include "base/hash.h"
#include "store/log.h"

#include <stdlib.h>

bool shard_init(struct shard *shard, struct arena *arena, uint32_t number, uint64_t seed,
                struct index_page_source pages)
{
    *shard = (struct shard){.arena = arena, .number = number, .seed = seed, .id_hint = 1};
    shard->unwritten_tail = &shard->unwritten;
    shard->retired_tail = &shard->retired;
    CHECK(pthread_mutex_init(&shard->lock, NULL) == 0);
    CHECK(pthread_mutex_init(&shard->log_lock, NULL) == 0);
    return index_init(&shard->index, pages);
}

void shard_fini(struct shard *shard)
{
    for (uint32_t id = 0; id < shard->segments_cap; id++) {
        if (shard->segments[id] != NULL)
            log_free_file(shard->log, &shard->segments[id]->file);
        segment_free(shard->arena, &shard->segments[id]);
    }
    while (shard->retired != NULL) {
        struct file *file = shard->retired;
        shard->retired = file->next_retired;
        log_free_file(shard->log, &file);
    }
    log_free_file(shard->log, &shard->spare);
    free(shard->segments);
    older_fini(&shard->older);
    index_fini(&shard->index);
    pthread_mutex_destroy(&shard->lock);
    pthread_mutex_destroy(&shard->log_lock);
}

bool shard_is_gone(const struct shard *shard, const struct record *record, uint32_t now_s)
{
    uint32_t expiry_s = record_expiry(record);
    return (expiry_s != 0 && expiry_s <= now_s) || record_version(record) <= shard->flushed;
}

struct slot *shard_find_slot(struct shard *shard, struct bytes key, uint32_t tag)
{
    struct index_search search;
    index_search_begin(&shard->index, tag, &search);
    struct slot *slot;
    while ((slot = index_search_next(&search)) != NULL) {
        if (bytes_equal(record_key(shard_record_at(shard, slot->place)), key))
            return slot;
    }
    return NULL;
}

struct slot *shard_find_lead(struct shard *shard, struct bytes lead, uint32_t tag)
{
    struct index_search search;
    index_search_begin(&shard->index, tag, &search);
    struct slot *slot;
    while ((slot = index_search_next(&search)) != NULL) {
        const struct record *record = shard_record_at(shard, slot->place);
        if (record_is_hashed(record) && bytes_starts_with(record_key(record), lead))
            return slot;
    }
    return NULL;
}

struct record *shard_living(struct shard *shard, struct slot *slot, uint32_t now_s, struct slot **ret_slot,
                            enum store_miss *ret_miss)
{
    if (slot == NULL) {
        *ret_miss = STORE_MISS_ABSENT;
        return NULL;
    }
    struct record *record = shard_record_at(shard, slot->place);
    if (shard_is_gone(shard, record, now_s)) {
        *ret_miss = record_version(record) <= shard->flushed ? STORE_MISS_FLUSHED : STORE_MISS_EXPIRED;
        shard_drop_gone(shard, slot, record, now_s);
        return NULL;
    }
    *ret_slot = slot;
    return record;
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

/* The place in the table. */
static bool take_id(struct shard *shard, struct segment *segment)
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
    return true;
}

bool shard_adopt(struct shard *shard, struct segment *segment)
{
    shard->refusal = ERR_FULL;
    segment->opened = ++shard->opened;
    if (!take_id(shard, segment))
        return false;
    if (shard->log != NULL)
        shard->refusal = log_create_file(shard, segment);
    if (shard->log != NULL && shard->refusal != ERR_NONE) {
        shard->segments[segment->id] = NULL;
        shard->nsegments--;
        return false;
    }
    return true;
}

bool shard_readopt(struct shard *shard, struct segment *segment)
{
    if (segment->opened > shard->opened)
        shard->opened = segment->opened;
    return take_id(shard, segment);
}

void shard_free_segment(struct shard *shard, struct segment *segment)
{
    CHECK(segment->live == 0 && shard->segments[segment->id] == segment);
    shard->segments[segment->id] = NULL;
    shard->nsegments--;
    shard->stats.garbage_bytes -= segment->used - SEGMENT_HEAD;
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
    segment->retired_at = shard->nretired;
    if (shard->log != NULL)
        log_note_sealed(shard, segment);
    else if (segment->live == 0 && shard->walk.segment != segment)
        shard_free_segment(shard, segment);
}

static enum store_class class_of_head(enum head head)
{
    return head == HEAD_CACHE ? STORE_CACHE : STORE_SESSION;
}

static struct segment *open_next(struct shard *shard, enum store_class class, enum arena_rank rank)
{
    shard->refusal = ERR_FULL;
    struct segment *segment = segment_open(shard->arena, class, rank);
    if (segment != NULL && !shard_adopt(shard, segment))
        segment_free(shard->arena, &segment);
    return segment;
}

struct record *shard_append(struct shard *shard, enum head head, size_t size, enum arena_rank rank,
                            struct segment **ret_segment)
{
    struct segment *segment = shard->heads[head];
    struct record *record = segment == NULL ? NULL : segment_append(segment, size);
    if (record == NULL) {
        /* Open the next before giving up the last: a refusal changes nothing. */
        segment = open_next(shard, class_of_head(head), rank);
        if (segment == NULL)
            return NULL;
        seal(shard, head);
        shard->heads[head] = segment;
        record = segment_append(segment, size);
        CHECK(record != NULL);
    }
    shard->stats.garbage_bytes += size; /* until the index points to it */
    if (shard->log != NULL)
        log_note_appended(shard, segment);
    *ret_segment = segment;
    return record;
}

static enum store_class class_of(const struct record *record)
{
    return record_is_session(record) ? STORE_SESSION : STORE_CACHE;
}

void shard_count_live(struct shard *shard, struct segment *segment, const struct record *record)
{
    size_t size = record_size(record);
    segment->live += (uint32_t)size;
    shard->stats.garbage_bytes -= size;
    shard->stats.live_bytes[class_of(record)] += size;
    shard->stats.items[class_of(record)]++;
    segment_note_expiry(segment, record_expiry(record));
    segment_note_use(segment, record->seen_s);
}

void shard_count_dead(struct shard *shard, uint32_t tag, uint32_t place, const struct record *record)
{
    struct segment *segment = shard_segment_at(shard, place);
    size_t size = record_size(record);
    CHECK(segment->live >= size);
    segment->live -= (uint32_t)size;
    shard->stats.garbage_bytes += size;
    shard->stats.live_bytes[class_of(record)] -= size;
    shard->stats.items[class_of(record)]--;
    if (shard->log != NULL) /* its file says still what it said: a walk sees to that */
        older_add(&shard->older, tag);
    else if (segment->live == 0 && segment->sealed && shard->walk.segment != segment)
        shard_free_segment(shard, segment);
}

void shard_unlink(struct shard *shard, struct slot *slot, const struct record *record)
{
    struct slot was = *slot;
    index_remove(&shard->index, slot);
    shard_count_dead(shard, was.tag, was.place, record);
}

void shard_tell_dropped(const struct shard *shard, const struct record *record, enum store_drop why,
                        uint32_t now_s)
{
    if (shard->dropped == NULL)
        return;
    uint32_t expiry_s = record_expiry(record);
    const struct store_dropped dropped = {.why = why,
                                          .key = record_key(record),
                                          .is_hashed = record_is_hashed(record),
                                          .attributes = record_attributes(record),
                                          .value_len = record->value_len,
                                          .ttl_s = expiry_s == 0 ? -1 : (int64_t)expiry_s - now_s,
                                          .idle_s = now_s > record->seen_s ? now_s - record->seen_s : 0,
                                          .class = class_of(record),
                                          .fetched = record_is_fetched(record)};
    shard->dropped(shard->dropped_arg, &dropped);
}

void shard_drop_gone(struct shard *shard, struct slot *slot, const struct record *record, uint32_t now_s)
{
    enum store_class class = class_of(record);
    bool is_flushed = record_version(record) <= shard->flushed;
    shard_tell_dropped(shard, record, is_flushed ? STORE_FLUSHED : STORE_EXPIRED, now_s);
    shard->stats.reclaimed[class]++;
    if (!record_is_fetched(record))
        shard->stats.expired_unfetched[class]++;
    shard_unlink(shard, slot, record);
}

uint64_t shard_next_version(struct shard *shard)
{
    return ++shard->version << VERSION_SHARD_BITS | shard->number;
}

void shard_seal_record(struct shard *shard, struct record *record)
{
    if (shard->log != NULL)
        record->check = record_check(record, shard->seed);
}

void shard_void_record(struct shard *shard, struct record *record)
{
    record->kind = RECORD_VOID;
    record->expiry_s = 0;
    record_reset_state(record, 0);
    record_set_version(record, 0);
    shard_seal_record(shard, record);
}

struct record *shard_append_note(struct shard *shard, enum head head, const struct note *note,
                                 enum arena_rank rank)
{
    struct segment *segment;
    size_t size = record_size_for(note->key.len, note->value.len);
    struct record *record = shard_append(shard, head, size, rank, &segment);
    if (record == NULL)
        return NULL;
    const struct store_write write = {.head = note->value, .flags = note->flags, .expiry_s = note->expiry_s};
    segment_fill(record, note->key, &write);
    record->kind = (uint8_t)((unsigned)note->kind | (note->is_session ? RECORD_SESSION : 0U) |
                             (note->is_hashed ? RECORD_HASHED : 0U));
    record_set_version(record, note->version);
    shard_seal_record(shard, record);
    if (note->is_held)
        segment->held += (uint32_t)size;
    if (note->kind == RECORD_TOUCH)
        older_add(&shard->older, shard_tag(record_hash(record, shard->seed)));
    return record;
}

void shard_retire(struct shard *shard, struct segment *segment)
{
    struct file *file = segment->file;
    CHECK(segment->live == 0 && segment->sealed && !segment->is_unwritten);
    file->is_retired = true;
    file->after = shard->appended;
    file->next_retired = NULL;
    *shard->retired_tail = file;
    shard->retired_tail = &file->next_retired;
    segment->file = NULL;
    shard->nretired++;
    shard_free_segment(shard, segment);
}

static bool log_flush(struct shard *shard, uint64_t version, uint32_t now_s, uint32_t at_s)
{
    const struct note note = {.kind = RECORD_FLUSH,
                              .version = version,
                              .flags = now_s,
                              .expiry_s = at_s,
                              .is_session = true,
                              .is_held = true};
    return shard->log == NULL || shard_append_note(shard, HEAD_SESSION, &note, ARENA_COMPACTION) != NULL;
}

static bool flush_now(struct shard *shard, uint32_t now_s)
{
    uint64_t version = shard_next_version(shard);
    if (!log_flush(shard, version, now_s, 0))
        return false;
    shard->flush_at_s = 0;
    shard->flushed = version;
    for (uint32_t id = 0; id < shard->segments_cap; id++) {
        if (shard->segments[id] != NULL)
            shard->segments[id]->soonest_s = 0; /* have it swept */
    }
    return true;
}

bool shard_flush(struct shard *shard, uint32_t now_s, uint32_t at_s)
{
    shard_apply_flush(shard, now_s); /* one that is due comes before it is replaced */
    if (now_s >= at_s)
        return flush_now(shard, now_s);
    uint64_t version = shard_next_version(shard);
    if (!log_flush(shard, version, now_s, at_s))
        return false;
    shard->flush_at_s = at_s;
    shard->flush_version = version;
    return true;
}

/* Without room for the note it stays pending, and nothing is stored meanwhile. */
void shard_apply_flush(struct shard *shard, uint32_t now_s)
{
    if (shard->flush_at_s != 0 && now_s >= shard->flush_at_s)
        (void)flush_now(shard, now_s);
}
