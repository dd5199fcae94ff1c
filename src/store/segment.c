/* Opening, filling and freeing segments, see segment.h. */
#include "store/segment.h"
#include "base/check.h"
#include "base/hash.h"
#include "store/attributes.h"

#include <stdlib.h>

enum { PAGE = 4096 };

uint64_t segment_round(uint64_t bytes)
{
    return (bytes + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

void segment_seal_head(struct segment_head *head, uint64_t seed)
{
    size_t from = offsetof(struct segment_head, shard);
    memcpy(head->magic, SEGMENT_MAGIC, sizeof head->magic);
    head->check =
        (uint32_t)hash_bytes((struct bytes){.p = (char *)head + from, .len = sizeof *head - from}, seed);
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
                                .oldest_s = UINT32_MAX,
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
    *segment = (struct segment){.size = (uint32_t)segment_round(bytes),
                                .used = (uint32_t)bytes,
                                .soonest_s = UINT32_MAX,
                                .oldest_s = UINT32_MAX,
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
    size_t size = SEGMENT_HEAD + segment_size_of(key, write);
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
    unsigned has_attributes = record->kind & RECORD_HAS_ATTRIBUTES; /* they lie in the body */
    unsigned is_hashed = write->is_hashed ? RECORD_HASHED : 0U;
    record->kind = (uint8_t)(has_attributes | is_hashed | (write->is_stale ? RECORD_STALE : RECORD_ITEM) |
                             (write->class == STORE_SESSION ? RECORD_SESSION : 0U));
    record_reset_state(record, 0);
}

/* How many there are, at most STORE_ATTRIBUTES_MAX + 1. */
static size_t attributes_of(const struct store_write *write, struct attribute *ret)
{
    size_t n = 0;
    CHECK(write->nattributes <= STORE_ATTRIBUTES_MAX);
    if (write->cas != 0)
        ret[n++] = (struct attribute){.type = ATTRIBUTE_CAS,
                                      .value = {.p = (const char *)&write->cas, .len = sizeof write->cas}};
    for (size_t i = 0; i < write->nattributes; i++)
        ret[n++] = write->attributes[i];
    return n;
}

size_t segment_size_of(struct bytes key, const struct store_write *write)
{
    struct attribute attributes[STORE_ATTRIBUTES_MAX + 1];
    size_t len = attributes_len(attributes, attributes_of(write, attributes));
    return record_size_for(record_pad(len) + key.len, write->head.len + write->tail.len);
}

/* Where the key begins. */
static char *fill_attributes(struct record *record, const struct store_write *write)
{
    struct attribute attributes[STORE_ATTRIBUTES_MAX + 1];
    size_t n = attributes_of(write, attributes);
    size_t len = attributes_len(attributes, n);
    record->kind = n > 0 ? RECORD_HAS_ATTRIBUTES : 0;
    attributes_write(record->bytes, attributes, n);
    memset(record->bytes + len, 0, record_pad(len) - len);
    return record->bytes + record_pad(len);
}

void segment_fill(struct record *record, struct bytes key, const struct store_write *write)
{
    char *to = fill_attributes(record, write);
    segment_fill_head(record, write);
    record->value_len = (uint32_t)(write->head.len + write->tail.len);
    record->key_len = (uint8_t)key.len;
    copy(to, key);
    copy(to + key.len, write->head);
    copy(to + key.len + write->head.len, write->tail);
    /* What pads it to its size lies on disk, too: nothing of what the memory held before. */
    size_t len = RECORD_HEAD + record_body_len(record);
    memset((char *)record + len, 0, record_size(record) - len);
}
