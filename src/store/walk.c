/*
 * walk: housekeeping of one shard in small steps (S7): sweeping, compaction, eviction.
 *
 * All three are the same walk through one segment, record by record; they differ in what happens to what
 * lives:
 *
 *      sweep    expired ones are dropped, the others stay
 *      compact  expired ones are dropped, the others are copied to a head; the segment is freed
 *      evict    all are dropped and counted; the segment is freed
 *      retire   with a log, after the last two: what was dead in it is no longer counted; its file is to go
 *
 * With a log, what a record hid stays hidden: tombstones go along as long as something older may lie on disk, and
 * what expired or is evicted leaves one (S2).
 *
 * A walk stops after STEP_BYTES or STEP_RECORDS and goes on at the next step; in between, requests use the
 * segment as ever, since only the index tells what lives.
 */
#include "base/check.h"
#include "base/hash.h"
#include "store/log.h"

#include <stdlib.h>

enum { STEP_BYTES = 32 << 10, STEP_RECORDS = 128 };

static enum head settled_head(const struct record *record)
{
    return record_is_session(record) ? HEAD_SETTLED : HEAD_CACHE;
}

/* What `record` hid goes on being hidden when its segment is gone. False: no room for that. */
static bool leave_tombstone(struct shard *shard, const struct record *record)
{
    const struct note note = {.kind = RECORD_TOMBSTONE,
                              .is_session = record_is_session(record),
                              .is_hashed = record_is_hashed(record),
                              .key = record_key(record),
                              .version = record_version(record),
                              .is_held = true};
    return shard_append_note(shard, settled_head(record), &note, ARENA_COMPACTION) != NULL;
}

/* A record leaves the index that no newer one supersedes: on disk older ones may lie, which it hides as long as it
 * is there (S2). */
static bool hide_older(struct shard *shard, const struct record *record, uint32_t tag)
{
    if (shard->log == NULL || shard->walk.kind == WALK_SWEEP || !older_has(&shard->older, tag, 0))
        return true;
    return leave_tombstone(shard, record);
}

enum visit { VISIT_ON, VISIT_STUCK };

static enum visit drop(struct shard *shard, const struct record *record, struct slot *slot, uint32_t now_s)
{
    if (!hide_older(shard, record, slot->tag))
        return VISIT_STUCK;
    if (shard_is_gone(shard, record, now_s)) {
        shard_drop_gone(shard, slot, record, now_s);
        return VISIT_ON;
    }
    shard_tell_dropped(shard, record, STORE_EVICTED, now_s);
    enum store_class class = record_is_session(record) ? STORE_SESSION : STORE_CACHE;
    shard->stats.evictions[class]++;
    if (!record_is_fetched(record))
        shard->stats.evicted_unfetched[class]++;
    shard_unlink(shard, slot, record);
    return VISIT_ON;
}

/* A copy at a head, as it is; NULL: no room. */
static struct record *copy_whole(struct shard *shard, const struct record *record,
                                 struct segment **ret_segment)
{
    size_t size = record_size(record);
    struct record *copy = shard_append(shard, settled_head(record), size, ARENA_COMPACTION, ret_segment);
    if (copy == NULL)
        return NULL;
    memcpy(copy, record, size);
    shard->stats.copied_bytes += size;
    return copy;
}

/* The copy has the life that the record has now. */
static enum visit copy_out(struct shard *shard, const struct record *record, struct slot *slot)
{
    struct segment *segment;
    struct record *copy = copy_whole(shard, record, &segment);
    if (copy == NULL)
        return VISIT_STUCK;
    if (record_is_touched(record)) {
        copy->expiry_s = record_expiry(record);
        shard_seal_record(shard, copy);
    }
    struct slot was = *slot;
    slot->place = shard_place(segment, (uint32_t)((char *)copy - segment->base));
    shard_count_live(shard, segment, copy);
    shard_count_dead(shard, was.tag, was.place, record);
    return VISIT_ON;
}

/* As it is: it may have more to say than is known here. */
static enum visit copy_note(struct shard *shard, const struct record *record, uint32_t tag)
{
    struct segment *segment;
    if (copy_whole(shard, record, &segment) == NULL)
        return VISIT_STUCK;
    segment->held += (uint32_t)record_size(record);
    if (record_kind(record) == RECORD_TOUCH)
        older_add(&shard->older, tag);
    return VISIT_ON;
}

/* An item that nothing points to. Superseded, the newer one hides all older; but one that expired may itself be the
 * newest of its key. */
static enum visit visit_dead(struct shard *shard, const struct record *record, uint32_t tag, uint32_t now_s)
{
    uint32_t touched_s = record_expiry(record);
    bool hides =
        (record->expiry_s != 0 && record->expiry_s <= now_s) || (touched_s != 0 && touched_s <= now_s);
    if (!hides || !older_has(&shard->older, tag, 1) ||
        shard_find_slot(shard, record_key(record), tag) != NULL)
        return VISIT_ON;
    return leave_tombstone(shard, record) ? VISIT_ON : VISIT_STUCK;
}

static enum visit visit_tombstone(struct shard *shard, const struct record *record, uint32_t tag)
{
    if (!older_has(&shard->older, tag, 0) || shard_find_slot(shard, record_key(record), tag) != NULL)
        return VISIT_ON;
    return copy_note(shard, record, tag);
}

/* Needed until its record was copied with the new life, and what says otherwise is gone from the disk. Without its
 * record it is one more thing that hides older ones: it may have ended a life early. */
static enum visit visit_touch(struct shard *shard, const struct record *record, uint32_t tag)
{
    uint64_t target;
    if (record->value_len != sizeof target)
        return copy_note(shard, record, tag);
    memcpy(&target, record_value(record).p, sizeof target);
    const struct slot *slot = shard_find_slot(shard, record_key(record), tag);
    if (slot == NULL) {
        if (!older_has(&shard->older, tag, 1))
            return VISIT_ON;
        return leave_tombstone(shard, record) ? VISIT_ON : VISIT_STUCK;
    }
    const struct record *living = shard_record_at(shard, slot->place);
    bool is_current = record_version(living) == target && record_expiry(living) == record->expiry_s;
    bool is_told = living->expiry_s == record->expiry_s && !older_has(&shard->older, tag, 1);
    return is_current && !is_told ? copy_note(shard, record, tag) : VISIT_ON;
}

static enum visit visit_flush(struct shard *shard, const struct record *record, uint32_t tag)
{
    uint64_t version = record_version(record);
    bool is_pending = shard->flush_at_s != 0 && version == shard->flush_version;
    return is_pending || version == shard->flushed ? copy_note(shard, record, tag) : VISIT_ON;
}

/* What was counted as dead while it lay on disk is so until its file has gone. */
static enum visit forget(struct shard *shard, const struct record *record, uint32_t tag)
{
    struct file *file = shard->walk.segment->file;
    if (record_is_item(record) || record_kind(record) == RECORD_TOUCH)
        file->tags[file->ntags++] = tag;
    return VISIT_ON;
}

static enum visit visit_item(struct shard *shard, const struct record *record, uint32_t tag, uint32_t now_s)
{
    struct walk *walk = &shard->walk;
    struct slot *slot = index_find(&shard->index, tag, shard_place(walk->segment, walk->offset));
    if (slot == NULL)
        return walk->kind == WALK_SWEEP || shard->log == NULL ? VISIT_ON
                                                              : visit_dead(shard, record, tag, now_s);
    if (walk->kind == WALK_EVICT || shard_is_gone(shard, record, now_s))
        return drop(shard, record, slot, now_s);
    if (walk->kind == WALK_COMPACT)
        return copy_out(shard, record, slot);
    segment_note_expiry(walk->segment, record_expiry(record));
    segment_note_use(walk->segment, record->seen_s);
    return VISIT_ON;
}

/* VISIT_STUCK when there was no memory to copy to: the walk cannot go on. */
static enum visit visit(struct shard *shard, const struct record *record, uint32_t now_s)
{
    uint32_t tag = shard_tag(record_hash(record, shard->seed));
    if (shard->walk.kind == WALK_RETIRE)
        return forget(shard, record, tag);
    if (record_is_item(record))
        return visit_item(shard, record, tag, now_s);
    if (shard->walk.kind == WALK_SWEEP)
        return VISIT_ON;
    switch (record_kind(record)) {
    case RECORD_ITEM:
    case RECORD_STALE:
    case RECORD_VOID:
        return VISIT_ON;
    case RECORD_TOMBSTONE:
        return visit_tombstone(shard, record, tag);
    case RECORD_TOUCH:
        return visit_touch(shard, record, tag);
    case RECORD_FLUSH:
        return visit_flush(shard, record, tag);
    }
    return copy_note(shard, record, tag); /* of a later version: not ours to drop */
}

static void begin(struct shard *shard, enum walk_kind kind, struct segment *segment)
{
    shard->walk = (struct walk){.kind = kind, .segment = segment, .offset = SEGMENT_HEAD};
    if (kind == WALK_SWEEP)
        segment->soonest_s = segment->oldest_s =
            UINT32_MAX; /* what is found, written or touched from here on notes itself */
}

/* Is there nothing more to be had from the segment but its room? */
static bool is_over(const struct shard *shard, const struct walk *walk)
{
    bool is_emptied = shard->log == NULL || walk->kind == WALK_COMPACT || walk->kind == WALK_EVICT;
    return is_emptied && walk->segment->live == 0 && walk->segment->sealed;
}

/* Without memory it stays as it is, the emptiest of all, and is tried again. */
static void begin_retiring(struct shard *shard, struct segment *segment)
{
    size_t most = segment->used / record_size_for(0, 0);
    free(segment->file->tags);
    segment->file->ntags = 0;
    segment->file->tags = malloc((most + 1) * sizeof *segment->file->tags);
    if (segment->file->tags != NULL)
        begin(shard, WALK_RETIRE, segment);
}

/* What was counted on is not all needed: most records are larger than their head. */
static void shrink_tags(struct file *file)
{
    uint32_t *tags = realloc(file->tags, (file->ntags + 1) * sizeof *tags);
    if (tags != NULL)
        file->tags = tags;
}

static void end(struct shard *shard, uint32_t now_s, bool is_whole)
{
    struct walk walk = shard->walk;
    walk.segment->swept_s = now_s;
    walk.segment->retired_at = shard->nretired;
    shard->walk = (struct walk){.kind = WALK_NONE};
    if (walk.kind == WALK_RETIRE) {
        shrink_tags(walk.segment->file);
        shard_retire(shard, walk.segment);
        return;
    }
    if (is_over(shard, &walk) && shard->log == NULL)
        shard_free_segment(shard, walk.segment);
    else if (is_over(shard, &walk) && is_whole)
        begin_retiring(shard, walk.segment);
}

static bool go_on(struct shard *shard, uint32_t now_s)
{
    struct walk *walk = &shard->walk;
    uint32_t stop_at = walk->offset + STEP_BYTES;
    for (unsigned n = 0; walk->offset < walk->segment->used; n++) {
        if (walk->offset >= stop_at || n == STEP_RECORDS)
            return true;
        struct record *record = segment_record(walk->segment, walk->offset);
        if (visit(shard, record, now_s) == VISIT_STUCK) {
            end(shard, now_s, false);
            return false;
        }
        walk->offset += (uint32_t)record_size(record);
    }
    end(shard, now_s, true);
    return true;
}

static bool wants_sweep(const struct segment *segment, uint32_t now_s, uint32_t sweep_after_s)
{
    return (uint64_t)segment->soonest_s + sweep_after_s <= now_s && segment->swept_s < now_s &&
           segment->swept_s + sweep_after_s <= now_s;
}

/* Tombstones and the like that were copied are looked at again after a while: what they hide may be gone. */
static bool has_stale_notes(const struct shard *shard, const struct segment *segment)
{
    return segment->held > segment->size / 4 &&
           shard->nretired - segment->retired_at > 8 + (uint64_t)shard->nsegments / 2;
}

/* A large one that is no item is of a later version: there may be nowhere to copy it to. */
static bool is_known(const struct segment *segment)
{
    const struct record *record = segment_only_record(segment);
    return !segment->large || record_is_item(record) || record_kind(record) == RECORD_VOID;
}

static bool has_garbage(const struct shard *shard, const struct segment *segment, unsigned percent)
{
    if (!segment->sealed || segment->is_unwritten || !is_known(segment))
        return false;
    if (segment->large)
        return shard->log != NULL && segment->live == 0;
    uint64_t full = shard->log == NULL ? segment->used - SEGMENT_HEAD : segment->size - SEGMENT_HEAD;
    uint64_t needed = (uint64_t)segment->live + (has_stale_notes(shard, segment) ? 0 : segment->held);
    uint64_t garbage = full > needed ? full - needed : 0;
    return garbage * 100 >= full * percent;
}

struct candidates {
    struct segment *sweep;
    struct segment *emptiest;
    struct segment *oldest[STORE_NCLASSES];
};

static struct candidates look(const struct shard *shard, const struct walk_policy *policy, uint32_t now_s)
{
    struct candidates c = {0};
    for (uint32_t id = 0; id < shard->segments_cap; id++) {
        struct segment *s = shard->segments[id];
        if (s == NULL)
            continue;
        if (wants_sweep(s, now_s, policy->sweep_after_s))
            c.sweep = s;
        if (has_garbage(shard, s, policy->garbage_percent) &&
            (c.emptiest == NULL || s->live + s->held < c.emptiest->live + c.emptiest->held))
            c.emptiest = s;
        if (s->sealed && !s->is_unwritten &&
            (c.oldest[s->class] == NULL || s->opened < c.oldest[s->class]->opened))
            c.oldest[s->class] = s;
    }
    return c;
}

bool shard_step(struct shard *shard, const struct walk_policy *policy, uint32_t now_s)
{
    if (shard->log != NULL && log_is_broken(shard->log))
        return false;
    shard_apply_flush(shard, now_s);
    if (shard->walk.kind != WALK_NONE)
        return go_on(shard, now_s);
    struct candidates c = look(shard, policy, now_s);
    if (c.sweep != NULL)
        begin(shard, WALK_SWEEP, c.sweep);
    else if (c.emptiest != NULL)
        begin(shard, WALK_COMPACT, c.emptiest);
    else if (policy->may_evict && c.oldest[STORE_CACHE] != NULL)
        begin(shard, WALK_EVICT, c.oldest[STORE_CACHE]);
    else if (policy->may_evict_sessions && c.oldest[STORE_SESSION] != NULL)
        begin(shard, WALK_EVICT, c.oldest[STORE_SESSION]);
    else
        return false;
    return go_on(shard, now_s);
}
