/* Extendible hashing in cache-line buckets, see index.h. */
#include "store/index.h"
#include "base/check.h"

#include <stdlib.h>

struct bucket {
    struct slot slots[INDEX_BUCKET_SLOTS];
    uint16_t passed; /* items that would live here but for want of room */
    uint16_t spare[3];
};

/* The page's own words hide in the spare words of its first bucket, so that it stays 4096 bytes. */
struct index_page {
    struct bucket buckets[INDEX_PAGE_BUCKETS];
};

enum {
    PAGE_SLOTS = INDEX_PAGE_BUCKETS * INDEX_BUCKET_SLOTS,
    PAGE_SPLIT_AT = PAGE_SLOTS * 9 / 10, /* beyond this probing gets long */
    DEPTH_MAX = 24
};

_Static_assert(sizeof(struct bucket) == 64, "a bucket is one cache line");
_Static_assert(sizeof(struct index_page) == INDEX_PAGE_BYTES, "a page is one page");

static uint16_t *page_used(struct index_page *page)
{
    return &page->buckets[0].spare[0];
}

static uint16_t *page_depth(struct index_page *page)
{
    return &page->buckets[0].spare[1];
}

static unsigned home_of(uint32_t tag)
{
    return tag % INDEX_PAGE_BUCKETS;
}

static size_t directory_at(const struct index *index, uint32_t tag)
{
    return (size_t)((uint64_t)tag >> (32 - index->depth));
}

bool index_init(struct index *index, struct index_page_source source)
{
    *index = (struct index){.source = source};
    index->directory = malloc(sizeof *index->directory);
    if (index->directory == NULL)
        return false;
    index->directory[0] = source.take(source.arg);
    if (index->directory[0] == NULL) {
        free(index->directory);
        index->directory = NULL;
        return false;
    }
    index->npages = 1;
    return true;
}

void index_fini(struct index *index)
{
    if (index->directory == NULL)
        return;
    struct index_page *last = NULL;
    for (size_t i = 0; i < (size_t)1 << index->depth; i++) {
        if (index->directory[i] != last)
            index->source.give(index->source.arg, index->directory[i]);
        last = index->directory[i]; /* those who share a page are neighbours */
    }
    free(index->directory);
    index->directory = NULL;
}

void index_prefetch(const struct index *index, uint32_t tag)
{
    __builtin_prefetch(&index->directory[directory_at(index, tag)]->buckets[home_of(tag)]);
}

void index_search_begin(const struct index *index, uint32_t tag, struct index_search *ret)
{
    *ret = (struct index_search){
        .page = index->directory[directory_at(index, tag)], .tag = tag, .bucket = home_of(tag)};
}

struct slot *index_search_next(struct index_search *search)
{
    while (search->tried < INDEX_PAGE_BUCKETS) {
        struct bucket *bucket = &search->page->buckets[search->bucket];
        while (search->slot < INDEX_BUCKET_SLOTS) {
            struct slot *slot = &bucket->slots[search->slot++];
            if (slot->tag == search->tag && slot->place != 0)
                return slot;
        }
        if (bucket->passed == 0)
            return NULL;
        search->bucket = (search->bucket + 1) % INDEX_PAGE_BUCKETS;
        search->slot = 0;
        search->tried++;
    }
    return NULL;
}

struct slot *index_find(const struct index *index, uint32_t tag, uint32_t place)
{
    struct index_search search;
    index_search_begin(index, tag, &search);
    struct slot *slot;
    while ((slot = index_search_next(&search)) != NULL && slot->place != place)
        continue;
    return slot;
}

static void page_insert(struct index_page *page, uint32_t tag, uint32_t place)
{
    CHECK(*page_used(page) < PAGE_SLOTS);
    for (unsigned b = home_of(tag);; b = (b + 1) % INDEX_PAGE_BUCKETS) {
        struct bucket *bucket = &page->buckets[b];
        for (unsigned s = 0; s < INDEX_BUCKET_SLOTS; s++) {
            if (bucket->slots[s].place != 0)
                continue;
            bucket->slots[s] = (struct slot){.tag = tag, .place = place};
            ++*page_used(page);
            return;
        }
        bucket->passed++;
    }
}

static bool double_directory(struct index *index)
{
    if (index->depth == DEPTH_MAX)
        return false;
    size_t n = (size_t)1 << index->depth;
    struct index_page **directory = malloc(2 * n * sizeof *directory);
    if (directory == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        directory[2 * i] = directory[2 * i + 1] = index->directory[i];
    free(index->directory);
    index->directory = directory;
    index->depth++;
    return true;
}

/* Gives the upper half of `page` (by the next bit of its tags) a page of its own. */
static bool split_page(struct index *index, struct index_page *page, uint32_t tag)
{
    unsigned depth = *page_depth(page);
    if (depth == index->depth && !double_directory(index))
        return false;
    struct index_page *lower = index->source.take(index->source.arg);
    struct index_page *upper = index->source.take(index->source.arg);
    if (lower == NULL || upper == NULL) {
        if (lower != NULL)
            index->source.give(index->source.arg, lower);
        if (upper != NULL)
            index->source.give(index->source.arg, upper);
        return false;
    }
    *page_depth(lower) = *page_depth(upper) = (uint16_t)(depth + 1);
    for (unsigned b = 0; b < INDEX_PAGE_BUCKETS; b++) {
        for (unsigned s = 0; s < INDEX_BUCKET_SLOTS; s++) {
            struct slot slot = page->buckets[b].slots[s];
            if (slot.place != 0)
                page_insert(slot.tag >> (31 - depth) & 1 ? upper : lower, slot.tag, slot.place);
        }
    }
    size_t span = (size_t)1 << (index->depth - depth);
    size_t first = directory_at(index, tag) & ~(span - 1);
    for (size_t i = 0; i < span; i++)
        index->directory[first + i] = i < span / 2 ? lower : upper;
    index->source.give(index->source.arg, page);
    index->npages++;
    return true;
}

bool index_insert(struct index *index, uint32_t tag, uint32_t place)
{
    CHECK(place != 0);
    struct index_page *page = index->directory[directory_at(index, tag)];
    while (*page_used(page) >= PAGE_SPLIT_AT) {
        /* Without room for a split a page may still be filled to the last slot. */
        if (!split_page(index, page, tag)) {
            if (*page_used(page) == PAGE_SLOTS)
                return false;
            break;
        }
        page = index->directory[directory_at(index, tag)];
    }
    page_insert(page, tag, place);
    index->nused++;
    return true;
}

void index_remove(struct index *index, struct slot *slot)
{
    struct index_page *page = index->directory[directory_at(index, slot->tag)];
    size_t at = (size_t)((char *)slot - (char *)page) / sizeof(struct bucket);
    CHECK(at < INDEX_PAGE_BUCKETS && slot->place != 0);
    for (unsigned b = home_of(slot->tag); b != at; b = (b + 1) % INDEX_PAGE_BUCKETS)
        page->buckets[b].passed--;
    slot->place = 0;
    --*page_used(page);
    index->nused--;
}

static void filter_page(struct index *index, struct index_page *page,
                        bool (*stays)(void *arg, const struct slot *slot), void *arg)
{
    for (unsigned b = 0; b < INDEX_PAGE_BUCKETS; b++) {
        for (unsigned s = 0; s < INDEX_BUCKET_SLOTS; s++) {
            struct slot *slot = &page->buckets[b].slots[s];
            if (slot->place != 0 && !stays(arg, slot))
                index_remove(index, slot);
        }
    }
}

void index_filter(struct index *index, bool (*stays)(void *arg, const struct slot *slot), void *arg)
{
    struct index_page *last = NULL;
    for (size_t i = 0; i < (size_t)1 << index->depth; i++) {
        if (index->directory[i] != last)
            filter_page(index, index->directory[i], stays, arg);
        last = index->directory[i];
    }
}

/* A slot stays where it is until its page splits; the halves are then walked from their beginning. */
bool index_visit(const struct index *index, struct index_cursor *cursor, unsigned nbuckets,
                 void (*see)(void *arg, const struct slot *slot), void *arg)
{
    struct index_page *page = index->directory[directory_at(index, (uint32_t)cursor->tag)];
    if (cursor->depth != *page_depth(page))
        cursor->bucket = 0;
    cursor->depth = *page_depth(page);
    for (; nbuckets > 0 && cursor->bucket < INDEX_PAGE_BUCKETS; nbuckets--, cursor->bucket++) {
        const struct bucket *bucket = &page->buckets[cursor->bucket];
        for (unsigned s = 0; s < INDEX_BUCKET_SLOTS; s++) {
            if (bucket->slots[s].place != 0)
                see(arg, &bucket->slots[s]);
        }
    }
    if (cursor->bucket == INDEX_PAGE_BUCKETS) {
        cursor->bucket = 0;
        cursor->tag += (uint64_t)1 << (32 - cursor->depth);
    }
    return cursor->tag >> 32 == 0;
}
