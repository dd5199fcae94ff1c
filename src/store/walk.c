/*
 * walk: housekeeping of one shard in small steps (S7): sweeping, compaction, eviction.
 *
 * All three are the same walk through one segment, record by record; they differ in what happens to what
 * lives:
 *
 *      sweep    expired ones are dropped, the others stay
 *      compact  expired ones are dropped, the others are copied to a head; the segment is freed
 *      evict    all are dropped and counted; the segment is freed
 *
 * A walk stops after STEP_BYTES or STEP_RECORDS and goes on at the next step; in between, requests use the
 * segment as ever, since only the index tells what lives.
 */
#include "base/check.h"
#include "base/hash.h"
#include "store/shard.h"

enum { STEP_BYTES = 32 << 10, STEP_RECORDS = 128 };

static bool is_gone_or_evicted(struct shard *shard, const struct record *record, struct slot *slot,
                               uint32_t now_s)
{
    if (shard_is_gone(shard, record, now_s)) {
        shard_drop_gone(shard, slot, record);
        return true;
    }
    if (shard->walk.kind != WALK_EVICT)
        return false;
    shard->stats.evictions[record->class]++;
    if (!record->fetched)
        shard->stats.evicted_unfetched++;
    shard_unlink(shard, slot, record);
    return true;
}

static bool copy_out(struct shard *shard, const struct record *record, struct slot *slot)
{
    enum head head = record->class == STORE_SESSION ? HEAD_SETTLED : HEAD_CACHE;
    size_t size = record_size(record);
    struct segment *segment;
    struct record *copy = shard_append(shard, head, size, ARENA_COMPACTION, &segment);
    if (copy == NULL)
        return false;
    memcpy(copy, record, size);
    shard_count_live(shard, segment, copy);
    shard_count_dead(shard, slot->place, record);
    slot->place = shard_place(segment, (uint32_t)((char *)copy - segment->base));
    shard->stats.copied_bytes += size;
    return true;
}

/* False when there was no memory to copy to: the walk cannot go on. */
static bool visit(struct shard *shard, struct record *record, uint32_t now_s)
{
    struct walk *walk = &shard->walk;
    uint32_t tag = shard_tag(hash_bytes(record_key(record), shard->seed));
    struct slot *slot = index_find(&shard->index, tag, shard_place(walk->segment, walk->offset));
    if (slot == NULL || is_gone_or_evicted(shard, record, slot, now_s))
        return true;
    if (walk->kind == WALK_COMPACT)
        return copy_out(shard, record, slot);
    segment_note_expiry(walk->segment, record->expiry_s);
    return true;
}

static void begin(struct shard *shard, enum walk_kind kind, struct segment *segment)
{
    shard->walk = (struct walk){.kind = kind, .segment = segment};
    if (kind == WALK_SWEEP)
        segment->soonest_s = UINT32_MAX; /* what is found, written or touched from here on notes itself */
}

static void end(struct shard *shard, uint32_t now_s)
{
    struct segment *segment = shard->walk.segment;
    segment->swept_s = now_s;
    shard->walk = (struct walk){.kind = WALK_NONE};
    if (segment->live == 0 && segment->sealed)
        shard_free_segment(shard, segment);
}

static bool go_on(struct shard *shard, uint32_t now_s)
{
    struct walk *walk = &shard->walk;
    uint32_t stop_at = walk->offset + STEP_BYTES;
    for (unsigned n = 0; walk->offset < walk->segment->used; n++) {
        if (walk->offset >= stop_at || n == STEP_RECORDS)
            return true;
        struct record *record = segment_record(walk->segment, walk->offset);
        if (!visit(shard, record, now_s)) {
            end(shard, now_s);
            return false;
        }
        walk->offset += (uint32_t)record_size(record);
    }
    end(shard, now_s);
    return true;
}

static bool wants_sweep(const struct segment *segment, uint32_t now_s, uint32_t sweep_after_s)
{
    return (uint64_t)segment->soonest_s + sweep_after_s <= now_s && segment->swept_s < now_s &&
           segment->swept_s + sweep_after_s <= now_s;
}

static bool has_garbage(const struct segment *segment, unsigned percent)
{
    if (!segment->sealed || segment->large)
        return false;
    uint64_t garbage = segment->used - segment->live;
    return garbage * 100 >= (uint64_t)segment->used * percent;
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
        if (has_garbage(s, policy->garbage_percent) && (c.emptiest == NULL || s->live < c.emptiest->live))
            c.emptiest = s;
        if (s->sealed && (c.oldest[s->class] == NULL || s->opened < c.oldest[s->class]->opened))
            c.oldest[s->class] = s;
    }
    return c;
}

bool shard_step(struct shard *shard, const struct walk_policy *policy, uint32_t now_s)
{
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
