/* Reads one shard's files: scan, index the newest, apply touches, drop what is gone. See recover.h. */
#include "base/clock.h"
#include "base/hash.h"
#include "store/recover_part.h"
#include "store/scan.h"

#include <stdio.h>
#include <stdlib.h>

struct loaded {
    char name[DIR_NAME_MAX];
    int number;
    uint64_t size;
    uint64_t end;       /* of the last good record */
    bool is_unreadable; /* in places */
    bool has_good_head;
    struct segment_head head;
};

/* Once a second, when it lasts. */
static void tell_progress(struct recovery *recovery, const struct clock *clock, uint64_t bytes)
{
    uint64_t sum = __atomic_add_fetch(&recovery->read_bytes, bytes, __ATOMIC_RELAXED);
    if (recovery->progress != NULL)
        __atomic_store_n(&recovery->progress->loaded_bytes, sum, __ATOMIC_RELAXED);
    uint64_t passed_s = (clock_steady_ns(clock) - recovery->began_ns) / 1000000000U;
    uint64_t told_s = __atomic_load_n(&recovery->told_s, __ATOMIC_RELAXED);
    if (passed_s > told_s && __atomic_compare_exchange_n(&recovery->told_s, &told_s, passed_s, false,
                                                         __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        recover_tell(recovery, "recovering: %llu of %llu MB", (unsigned long long)(sum >> 20),
                     (unsigned long long)(recovery->file_bytes >> 20));
}

static enum err fail(struct part *part, const char *name, int error)
{
    snprintf(part->problem, sizeof part->problem, "%s there: %s", name, strerror(-error));
    return ERR_SYSTEM;
}

static void read_head(const struct part *part, struct loaded *file)
{
    struct disk *disk = part->log->dir.disk;
    int64_t n = disk->ops->read(disk, file->number, &file->head, sizeof file->head, 0);
    size_t from = offsetof(struct segment_head, shard);
    struct bytes rest = {.p = (const char *)&file->head + from, .len = sizeof file->head - from};
    file->has_good_head = n == (int64_t)sizeof file->head &&
                          memcmp(file->head.magic, SEGMENT_MAGIC, sizeof file->head.magic) == 0 &&
                          file->head.check == (uint32_t)hash_bytes(rest, part->shard->seed);
}

/* Without a good head, the first record tells. */
static bool is_large(const struct part *part, const struct loaded *file)
{
    struct disk *disk = part->log->dir.disk;
    struct record record;
    if (file->has_good_head)
        return file->head.large != 0;
    if (disk->ops->read(disk, file->number, &record, RECORD_HEAD, SEGMENT_HEAD) != RECORD_HEAD)
        return false;
    return file->size > part->shard->arena->segment_bytes ||
           record_size_for(record.key_len, record.value_len & (RECORD_VALUE_MAX - 1)) >
               part->recovery->large_bytes;
}

static struct segment *make_segment(struct part *part, const struct loaded *file, uint64_t serial)
{
    struct arena *arena = part->shard->arena;
    bool large = is_large(part, file);
    struct segment *segment =
        large ? segment_open_large(arena, file->size) : segment_open(arena, STORE_SESSION, ARENA_COMPACTION);
    if (segment == NULL)
        return NULL;
    segment->file = calloc(1, sizeof *segment->file);
    if (segment->file == NULL) {
        segment_free(arena, &segment);
        return NULL;
    }
    *segment->file =
        (struct file){.serial = serial, .number = -1, .is_complete = true, .bytes = segment->size};
    segment->opened = serial;
    segment->sealed = true;
    segment->class = file->has_good_head ? file->head.class % STORE_NCLASSES : STORE_SESSION;
    return segment;
}

static bool is_newer(const struct record *a, const struct record *b)
{
    /* A tombstone that stands for a record has its version. */
    return record_version(a) > record_version(b) ||
           (record_version(a) == record_version(b) && record_kind(a) == RECORD_TOMBSTONE);
}

static void count_dead(struct shard *shard, const struct record *record, uint32_t tag)
{
    if (record_is_item(record))
        older_add(&shard->older, tag);
}

static bool take_keyed(struct shard *shard, const struct record *record, uint32_t place)
{
    uint32_t tag = shard_tag(record_hash(record, shard->seed));
    struct slot *slot = shard_find_slot(shard, record_key(record), tag);
    if (slot == NULL)
        return index_insert(&shard->index, tag, place);
    const struct record *other = shard_record_at(shard, slot->place);
    if (!is_newer(record, other)) {
        count_dead(shard, record, tag);
        return true;
    }
    count_dead(shard, other, tag);
    slot->place = place;
    return true;
}

/* Touches and flushes, to be gone through in order when all has been read. */
static bool take_note(struct part *part, struct record *record)
{
    if (part->nnotes == part->notes_cap) {
        size_t cap = part->notes_cap == 0 ? 64 : part->notes_cap * 2;
        struct record **notes = realloc(part->notes, cap * sizeof(struct record *));
        if (notes == NULL)
            return false;
        part->notes = notes;
        part->notes_cap = cap;
    }
    if (record_kind(record) == RECORD_TOUCH)
        older_add(&part->shard->older, shard_tag(record_hash(record, part->shard->seed)));
    part->notes[part->nnotes++] = record;
    return true;
}

static bool take(struct part *part, struct record *record, uint32_t place)
{
    struct shard *shard = part->shard;
    uint64_t version = record_version(record) >> VERSION_SHARD_BITS;
    if (version > shard->version)
        shard->version = version;
    record_reset_state(record, part->recovery->now_s);
    switch (record_kind(record)) {
    case RECORD_ITEM:
    case RECORD_STALE:
    case RECORD_TOMBSTONE:
        return take_keyed(shard, record, place);
    case RECORD_TOUCH:
    case RECORD_FLUSH:
        return take_note(part, record);
    case RECORD_VOID:
        return true;
    }
    return true; /* of a later version: carried along */
}

/* A run without a good record becomes one that says nothing, in memory: so all walks can step over it. */
static void step_over(struct record *record, size_t len)
{
    memset(record, 0, RECORD_HEAD);
    record->kind = RECORD_VOID;
    record->value_len = (uint32_t)(len - RECORD_HEAD);
}

/* False: no memory. */
static bool scan_segment(struct part *part, struct segment *segment, struct loaded *file, size_t len)
{
    struct scan scan = {
        .p = segment->base, .len = len, .at = SEGMENT_HEAD, .head = RECORD_HEAD, .seed = part->shard->seed};
    size_t at;
    size_t n;
    size_t closed = 0; /* gaps too short for a record that says nothing: what follows moves up, in memory */
    enum scan_kind kind;
    while ((kind = scan_next(&scan, &at, &n)) != SCAN_END) {
        struct record *record = segment_record(segment, (uint32_t)at);
        if (kind == SCAN_DAMAGED) {
            recover_tell_damage(part->recovery, file->name, at + closed, n);
            if (n >= RECORD_HEAD) {
                step_over(record, n);
                continue;
            }
            memmove(record, (char *)record + n, scan.len - at - n);
            scan.len -= n;
            scan.at = at;
            closed += n;
        } else if (!take(part, record, shard_place(segment, (uint32_t)at))) {
            return false;
        }
    }
    __atomic_fetch_add(&part->recovery->torn_bytes, n, __ATOMIC_RELAXED);
    segment->used = segment->written = (uint32_t)at;
    file->end = at + closed;
    return true;
}

/* What is kept of it is synced before it is served; a torn end is cut, or it might look whole one day. */
static int settle(struct part *part, const struct loaded *file)
{
    struct disk *disk = part->log->dir.disk;
    int error = 0;
    if (file->end < file->size && !file->is_unreadable)
        error = disk->ops->truncate(disk, file->number, file->end);
    if (error == 0 && part->log->sync != STORE_SYNC_NONE)
        error = disk->ops->sync(disk, file->number);
    return error;
}

/* A segment with nothing in it: made just before the end, or torn from its beginning on. */
static enum err drop_empty(struct part *part, struct segment *segment, const struct loaded *file)
{
    struct disk *disk = part->log->dir.disk;
    struct shard *shard = part->shard;
    if (segment != NULL) {
        shard->segments[segment->id] = NULL;
        shard->nsegments--;
        log_free_file(part->log, &segment->file);
        segment_free(shard->arena, &segment);
    }
    int error = file->is_unreadable ? 0 : disk->ops->remove(disk, file->name);
    return error < 0 ? fail(part, "cannot remove an empty segment", error) : ERR_NONE;
}

static enum err load_open(struct part *part, struct loaded *file, uint64_t serial)
{
    struct disk *disk = part->log->dir.disk;
    struct shard *shard = part->shard;
    if (file->size <= SEGMENT_HEAD)
        return drop_empty(part, NULL, file);
    read_head(part, file);
    struct segment *segment = make_segment(part, file, serial);
    if (segment == NULL || !shard_readopt(shard, segment)) {
        snprintf(part->problem, sizeof part->problem, "no memory to load what lies there");
        return ERR_MEMORY;
    }
    size_t len = file->size < segment->size ? file->size : segment->size;
    file->is_unreadable = !disk_read_whole(disk, file->number, segment->base, len);
    if (!file->has_good_head)
        recover_tell_damage(part->recovery, file->name, 0, SEGMENT_HEAD);
    if (!scan_segment(part, segment, file, len)) {
        snprintf(part->problem, sizeof part->problem, "no memory to load what lies there");
        return ERR_MEMORY;
    }
    if (segment->used == SEGMENT_HEAD)
        return drop_empty(part, segment, file);
    shard->stats.garbage_bytes += segment->used - SEGMENT_HEAD;
    __atomic_fetch_add(&part->log->disk_bytes, segment->size, __ATOMIC_RELAXED);
    int error = settle(part, file);
    return error < 0 ? fail(part, "cannot cut and sync a segment", error) : ERR_NONE;
}

static enum err load(struct part *part, const struct name *found)
{
    struct disk *disk = part->log->dir.disk;
    struct loaded file = {0};
    dir_segment_name(found->shard, found->serial, file.name);
    file.number = disk->ops->open(disk, file.name, DISK_WRITE);
    if (file.number < 0)
        return fail(part, "cannot open a segment", file.number);
    int64_t size = disk->ops->size(disk, file.number);
    file.size = size < 0 ? 0 : (uint64_t)size;
    enum err err =
        size < 0 ? fail(part, "cannot read a segment", (int)size) : load_open(part, &file, found->serial);
    disk->ops->close(disk, file.number);
    tell_progress(part->recovery, part->log->dir.clock, file.size);
    return err;
}

static int by_version(const void *a, const void *b)
{
    uint64_t x = record_version(*(struct record *const *)a);
    uint64_t y = record_version(*(struct record *const *)b);
    return x < y ? -1 : x > y;
}

static void apply_touch(struct shard *shard, const struct record *touch)
{
    uint64_t target;
    struct slot *slot = shard_find_slot(shard, record_key(touch), shard_tag(record_hash(touch, shard->seed)));
    if (slot == NULL || touch->value_len != sizeof target)
        return;
    memcpy(&target, record_value(touch).p, sizeof target);
    struct record *record = shard_record_at(shard, slot->place);
    if (record_is_item(record) && record_version(record) == target)
        record_set_expiry(record, touch->expiry_s);
}

/* A delayed one that was due when the next was made has come into force, though the record that said so may be lost
 * with what was not synced. */
static void apply_flush(struct shard *shard, const struct record *flush)
{
    uint64_t version = record_version(flush);
    if (shard->flush_at_s != 0 && shard->flush_at_s <= flush->flags)
        shard->flushed = version - 1;
    shard->flush_at_s = flush->expiry_s;
    if (flush->expiry_s == 0)
        shard->flushed = version;
    else
        shard->flush_version = version;
}

/* In the order in which they were made: the last one about a record counts. */
static void apply_notes(struct part *part)
{
    if (part->nnotes > 0)
        qsort(part->notes, part->nnotes, sizeof(struct record *), by_version);
    for (size_t i = 0; i < part->nnotes; i++) {
        if (record_kind(part->notes[i]) == RECORD_TOUCH)
            apply_touch(part->shard, part->notes[i]);
        else
            apply_flush(part->shard, part->notes[i]);
    }
    free(part->notes);
    part->notes = NULL;
}

/* What stays in the index is alive from here on. */
static bool is_to_stay(void *arg, const struct slot *slot)
{
    struct part *part = arg;
    struct shard *shard = part->shard;
    struct record *record = shard_record_at(shard, slot->place);
    if (record_kind(record) == RECORD_TOMBSTONE)
        return false;
    if (shard_is_gone(shard, record, part->recovery->now_s)) {
        older_add(&shard->older, slot->tag);
        return false;
    }
    shard_count_live(shard, shard_segment_at(shard, slot->place), record);
    return true;
}

enum err recover_load(struct part *part)
{
    const struct recovery *recovery = part->recovery;
    struct shard *shard = part->shard;
    for (size_t i = 0; i < recovery->files.n; i++) {
        if (recovery->files.list[i].shard != shard->number)
            continue;
        enum err err = load(part, &recovery->files.list[i]);
        if (err != ERR_NONE) {
            free(part->notes);
            return err;
        }
    }
    apply_notes(part);
    index_filter(&shard->index, is_to_stay, part);
    return ERR_NONE;
}
