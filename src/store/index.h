/*
 * index: from the hash of a key to the places that may hold it.
 *
 * Extendible hashing over pages of 4 KiB. A page is 64 buckets of one cache line; a bucket is 7 slots of a
 * tag (32 bits of the hash) and a place. A lookup reads the directory, one bucket, and what the tag matches:
 * no pointers per item, no allocation per item. A full page splits in two by the next bit of its tags, so
 * growing never stops the world (S7): at most one page is copied, and now and then the directory doubled.
 *
 *      tag:  | depth bits: directory |        told apart by these        | 6 bits: bucket |
 *
 * A bucket that is full lets the next one take the item; `passed` counts those who went by, so a search stops
 * at the first bucket that nobody passed.
 *
 * Ownership: pages come from the caller's functions and go back there in index_fini().
 * Threads: none of its own; the shard's lock covers it.
 * Limits: 2^24 pages; pages are never merged again, their room is reused as keys come and go.
 * Failure: index_insert() is false when a page is needed and there is none; nothing changed.
 */
#ifndef CLOAKROOM_STORE_INDEX_H
#define CLOAKROOM_STORE_INDEX_H

#include "base/bytes.h"

enum { INDEX_PAGE_BYTES = 4096, INDEX_BUCKET_SLOTS = 7, INDEX_PAGE_BUCKETS = 64 };

/* A place is never 0; a slot with place 0 is free. */
struct slot {
    uint32_t tag;
    uint32_t place;
};

struct index_page_source {
    void *(*take)(void *arg); /* a zeroed page of INDEX_PAGE_BYTES, aligned to 64, or NULL */
    void (*give)(void *arg, void *page);
    void *arg;
};

struct index {
    struct index_page **directory; /* 2^depth entries; neighbours may share a page */
    unsigned depth;
    uint64_t npages;
    uint64_t nused;
    struct index_page_source source;
};

/* A walk over the slots whose tag matches. */
struct index_search {
    struct index_page *page;
    uint32_t tag;
    unsigned bucket;
    unsigned slot;
    unsigned tried;
};

bool index_init(struct index *index, struct index_page_source source);
void index_fini(struct index *index);

void index_search_begin(const struct index *index, uint32_t tag, struct index_search *ret);
/* The next slot with the tag, or NULL. The slot may be given a new place by writing to it. */
struct slot *index_search_next(struct index_search *search);

/* The slot that holds exactly this tag and place, or NULL. */
struct slot *index_find(const struct index *index, uint32_t tag, uint32_t place);

/* Adds a slot, equal ones not looked for. Slots found before are no longer valid. */
bool index_insert(struct index *index, uint32_t tag, uint32_t place);
/* Frees a slot found by this index. */
void index_remove(struct index *index, struct slot *slot);

/* Where a walk over all slots stands. Zero it to begin. */
struct index_cursor {
    uint64_t tag; /* the lowest of the page under way */
    unsigned depth;
    unsigned bucket;
};

/* Calls see() for the slots of at most `nbuckets` buckets of one page; it may not change the index. False: these were
 * the last. Between two calls anything may happen to the index: what stays in it throughout is seen at least once, and
 * more often only when its page has split meanwhile. */
bool index_visit(const struct index *index, struct index_cursor *cursor, unsigned nbuckets,
                 void (*see)(void *arg, const struct slot *slot), void *arg);

/* Frees every slot that `stays` says no to. */
void index_filter(struct index *index, bool (*stays)(void *arg, const struct slot *slot), void *arg);

/* Asks the processor for the bucket of `tag` ahead of its use. */
void index_prefetch(const struct index *index, uint32_t tag);

#endif
