/*
 * traits: what a session has beyond its value: read from the attributes of its record, and written there.
 *
 * Revisions tell copies of a session on several servers apart: the higher one is the newer. The upper 48 bits count
 * writes, the lower 16 are whatever the writer has drawn, so that two writers who have seen the same are told apart; all
 * of them are ones where a session is killed or succeeded, which so beats each write that did not know.
 *
 * Ownership: tags borrow from the bytes that were read.
 * Threads: pure.
 * Limits: TRAITS_TAGS_MAX tags of 1 to TRAITS_TAG_MAX bytes.
 */
#ifndef CLOAKROOM_ENGINE_TRAITS_H
#define CLOAKROOM_ENGINE_TRAITS_H

#include "base/bytes.h"
#include "store/attributes.h"

enum { TRAITS_TAGS_MAX = 8, TRAITS_TAG_MAX = 64, TRAITS_ATTRIBUTES_MAX = TRAITS_TAGS_MAX + 4 };

enum traits_mark {
    MARK_KILLED = 1,    /* no session, but what keeps it from coming back (L5) */
    MARK_SUCCEEDED = 2, /* another id has taken its place: for reading only, for a while */
    MARK_FIRST = 4,     /* has been written once, and has the short life of that */
    MARK_BOT = 8,
    MARK_BARE = 16 /* php-memcache knows it by its bare id */
};

enum { TRAITS_REVISION_STEP = 1 << 16 };

struct traits {
    uint32_t creation_s; /* kept seconds, as the next; 0: unknown */
    uint32_t end_s;      /* its absolute end; 0: none */
    uint64_t revision;   /* of its writer; 0: none */
    unsigned marks;
    size_t ntags;
    struct bytes tags[TRAITS_TAGS_MAX];
};

/* None: but for tags that are not counted, as this is done for each request. */
static inline void traits_clear(struct traits *ret)
{
    ret->creation_s = ret->end_s = 0;
    ret->revision = 0;
    ret->marks = 0;
    ret->ntags = 0;
}

/* The same as another's, whose tags they share. */
static inline void traits_share(const struct traits *from, struct traits *to)
{
    to->creation_s = from->creation_s;
    to->end_s = from->end_s;
    to->revision = from->revision;
    to->marks = from->marks;
    to->ntags = from->ntags;
    for (size_t i = 0; i < from->ntags; i++)
        to->tags[i] = from->tags[i];
}

/* Whatever makes no sense is left out. */
void traits_read(struct bytes attributes, struct traits *ret);

bool traits_have_tag(const struct traits *traits, struct bytes tag);

/* As attributes, which borrow from the traits and from `room`. Returns how many. */
struct traits_room {
    struct attribute attributes[TRAITS_ATTRIBUTES_MAX];
    unsigned char marks;
};
size_t traits_write(const struct traits *traits, struct traits_room *room);

/* With its tags in `room`, of TRAITS_TAGS_MAX * TRAITS_TAG_MAX bytes. */
void traits_copy(const struct traits *from, struct traits *to, char *room);

/* Has it been killed? */
static inline bool traits_are_killed(const struct traits *traits)
{
    return (traits->marks & MARK_KILLED) != 0;
}

/* Of the writer after that one, who has drawn nothing; and of who kills it. 0, which is none, stays so. */
static inline uint64_t traits_next_revision(uint64_t revision)
{
    return revision == 0 ? 0 : (revision | (TRAITS_REVISION_STEP - 1)) + 1;
}

static inline uint64_t traits_last_revision(uint64_t revision)
{
    return revision == 0 ? 0 : (revision | (TRAITS_REVISION_STEP - 1)) + TRAITS_REVISION_STEP;
}

/* Is it that of who ends the session? */
static inline bool traits_is_last_revision(uint64_t revision)
{
    return revision % TRAITS_REVISION_STEP == TRAITS_REVISION_STEP - 1;
}

/* Of two who have seen the same, and not each other? */
static inline bool traits_count_alike(uint64_t a, uint64_t b)
{
    return a / TRAITS_REVISION_STEP == b / TRAITS_REVISION_STEP;
}

/* The marks alone. */
unsigned traits_marks(struct bytes attributes);

#endif
