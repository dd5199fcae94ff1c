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
    *segment = (struct segment){
        .size = arena->segment_bytes, .class = (uint8_t) class, .soonest_s = UINT32_MAX, .pins = 1};
    segment->base = arena_take_segment(arena, rank);
    if (segment->base == NULL) {
        free(segment);
        return NULL;
    }
    return segment;
}

struct segment *segment_stage(struct arena *arena, struct bytes key, const struct store_write *write,
                              enum arena_rank rank)
{
    size_t size = record_size_for(key.len, write->head.len + write->tail.len);
    struct segment *segment = malloc(sizeof *segment);
    if (segment == NULL)
        return NULL;
    *segment = (struct segment){.size = (uint32_t)round_to_pages(size),
                                .used = (uint32_t)size,
                                .class = (uint8_t)write->class,
                                .soonest_s = UINT32_MAX,
                                .sealed = true,
                                .large = true,
                                .pins = 1};
    segment->base = arena_take_block(arena, segment->size, rank);
    if (segment->base == NULL) {
        free(segment);
        return NULL;
    }
    segment_fill(segment_record(segment, 0), key, write);
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
    record->class = (uint8_t)write->class;
}

void segment_fill(struct record *record, struct bytes key, const struct store_write *write)
{
    segment_fill_head(record, write);
    record->value_len = (uint32_t)(write->head.len + write->tail.len);
    record->key_len = (uint8_t)key.len;
    record->fetched = 0;
    record->spare = 0;
    copy(record->bytes, key);
    copy(record->bytes + key.len, write->head);
    copy(record->bytes + key.len + write->head.len, write->tail);
}
