/* Opening, filling and freeing segments, see segment.h. */
#include "store/segment.h"
#include "base/check.h"

#include <stdlib.h>

enum { PAGE = 4096 };

static uint64_t round_to_pages(uint64_t len)
{
    return (len + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

struct segment *segment_open(struct arena *arena, enum store_class class, enum arena_rank rank)
{
    struct segment *segment = malloc(sizeof *segment);
    if (segment == NULL)
        return NULL;
    *segment = (struct segment){.size = arena->segment_bytes,
                                .used = SEGMENT_HEAD,
                                .class = (uint8_t) class,
                                .soonest_s = UINT32_MAX,
                                .pins = 1};
    segment->base = arena_take_segment(arena, rank);
    if (segment->base == NULL) {
        free(segment);
        return NULL;
    }
    return segment;
}

static struct segment *open_block(struct arena *arena, uint64_t bytes, enum arena_rank rank)
{
    struct segment *segment = malloc(sizeof *segment);
    if (segment == NULL)
        return NULL;
    *segment = (struct segment){.size = (uint32_t)round_to_pages(bytes),
                                .used = (uint32_t)bytes,
                                .soonest_s = UINT32_MAX,
                                .sealed = true,
                                .large = true,
                                .pins = 1};
    segment->base = arena_take_block(arena, segment->size, rank);
    if (segment->base == NULL) {
        free(segment);
        return NULL;
    }
    return segment;
}

struct segment *segment_open_large(struct arena *arena, uint64_t bytes)
{
    return bytes > RECORD_VALUE_MAX + 2 * PAGE ? NULL : open_block(arena, bytes, ARENA_COMPACTION);
}

struct segment *segment_stage(struct arena *arena, struct bytes key, const struct store_write *write,
                              enum arena_rank rank)
{
    size_t size = SEGMENT_HEAD + record_size_for(key.len, write->head.len + write->tail.len);
    struct segment *segment = open_block(arena, size, rank);
    if (segment == NULL)
        return NULL;
    segment->class = (uint8_t)write->class;
    segment_fill(segment_only_record(segment), key, write);
    return segment;
}

void segment_free(struct arena *arena, struct segment **segment)
{
    struct segment *s = *segment;
    *segment = NULL;
    if (s == NULL || __atomic_sub_fetch(&s->pins, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (s->large)
        arena_give_block(arena, s->base, s->size);
    else
        arena_give_segment(arena, s->base);
    free(s);
}

struct record *segment_append(struct segment *segment, size_t size)
{
    if (size > segment->size - segment->used)
        return NULL;
    struct record *record = segment_record(segment, segment->used);
    segment->used += (uint32_t)size;
    return record;
}

static void copy(char *to, struct bytes from)
{
    if (from.len > 0)
        memcpy(to, from.p, from.len);
}

void segment_fill_head(struct record *record, const struct store_write *write)
{
    record->expiry_s = write->expiry_s;
    record->flags = write->flags;
    record->kind = RECORD_ITEM | (write->class == STORE_SESSION ? RECORD_SESSION : 0);
    record->state = write->expiry_s;
}

void segment_fill(struct record *record, struct bytes key, const struct store_write *write)
{
    segment_fill_head(record, write);
    record->value_len = (uint32_t)(write->head.len + write->tail.len);
    record->key_len = (uint8_t)key.len;
    copy(record->bytes, key);
    copy(record->bytes + key.len, write->head);
    copy(record->bytes + key.len + write->head.len, write->tail);
    /* What pads it to its size lies on disk, too: nothing of what the memory held before. */
    size_t len = RECORD_HEAD + record_body_len(record);
    memset((char *)record + len, 0, record_size(record) - len);
}
