/* Attributes to traits and back, see traits.h. */
#include "engine/traits.h"

static uint32_t read_u32(struct bytes value)
{
    uint32_t n = 0;
    if (value.len == sizeof n)
        memcpy(&n, value.p, sizeof n);
    return n;
}

static uint64_t read_u64(struct bytes value)
{
    uint64_t n = 0;
    if (value.len == sizeof n)
        memcpy(&n, value.p, sizeof n);
    return n;
}

static unsigned read_marks(struct bytes value)
{
    return value.len == 1 ? (unsigned char)value.p[0] : 0U;
}

static void read_tag(struct bytes value, struct traits *ret)
{
    if (ret->ntags < TRAITS_TAGS_MAX && value.len > 0 && value.len <= TRAITS_TAG_MAX)
        ret->tags[ret->ntags++] = value;
}

void traits_read(struct bytes attributes, struct traits *ret)
{
    struct attribute attribute;
    traits_clear(ret);
    for (size_t at = 0; attributes_next(attributes, &at, &attribute);) {
        switch (attribute.type) {
        case ATTRIBUTE_CREATION:
            ret->creation_s = read_u32(attribute.value);
            break;
        case ATTRIBUTE_END:
            ret->end_s = read_u32(attribute.value);
            break;
        case ATTRIBUTE_REVISION:
            ret->revision = read_u64(attribute.value);
            break;
        case ATTRIBUTE_MARKS:
            ret->marks = read_marks(attribute.value);
            break;
        case ATTRIBUTE_TAG:
            read_tag(attribute.value, ret);
            break;
        case ATTRIBUTE_CAS:
            break;
        }
    }
}

unsigned traits_marks(struct bytes attributes)
{
    struct bytes found;
    return attributes_find(attributes, ATTRIBUTE_MARKS, &found) ? read_marks(found) : 0U;
}

bool traits_have_tag(const struct traits *traits, struct bytes tag)
{
    for (size_t i = 0; i < traits->ntags; i++) {
        if (bytes_equal(traits->tags[i], tag))
            return true;
    }
    return false;
}

static struct attribute as(enum attribute_type type, const void *p, size_t len)
{
    return (struct attribute){.type = type, .value = {.p = p, .len = len}};
}

size_t traits_write(const struct traits *traits, struct traits_room *room)
{
    struct attribute *to = room->attributes;
    size_t n = 0;
    room->marks = (unsigned char)traits->marks;
    if (traits->creation_s != 0)
        to[n++] = as(ATTRIBUTE_CREATION, &traits->creation_s, sizeof traits->creation_s);
    if (traits->end_s != 0)
        to[n++] = as(ATTRIBUTE_END, &traits->end_s, sizeof traits->end_s);
    if (traits->revision != 0)
        to[n++] = as(ATTRIBUTE_REVISION, &traits->revision, sizeof traits->revision);
    if (traits->marks != 0)
        to[n++] = as(ATTRIBUTE_MARKS, &room->marks, 1);
    for (size_t i = 0; i < traits->ntags; i++)
        to[n++] = as(ATTRIBUTE_TAG, traits->tags[i].p, traits->tags[i].len);
    return n;
}

void traits_copy(const struct traits *from, struct traits *to, char *room)
{
    if (to != from)
        *to = *from;
    for (size_t i = 0; i < from->ntags; i++) {
        memmove(room, from->tags[i].p, from->tags[i].len); /* they may lie there already */
        to->tags[i].p = room;
        room += from->tags[i].len;
    }
}
