/* Index pages out of arena segments, see pages.h. */
#include "store/pages.h"
#include "base/check.h"
#include "store/index.h"

void pages_init(struct pages *pages, struct arena *arena)
{
    *pages = (struct pages){.arena = arena};
    CHECK(pthread_mutex_init(&pages->lock, NULL) == 0);
}

static void push(void **list, void *page)
{
    memcpy(page, list, sizeof *list);
    *list = page;
}

static void *pop(void **list)
{
    void *page = *list;
    if (page != NULL)
        memcpy(list, page, sizeof *list);
    return page;
}

void pages_fini(struct pages *pages)
{
    void *segment;
    while ((segment = pop(&pages->segments)) != NULL)
        arena_give_segment(pages->arena, segment);
    pthread_mutex_destroy(&pages->lock);
}

/* The first page of a segment is spent on the list of segments. */
static void carve(struct pages *pages)
{
    char *segment = arena_take_segment(pages->arena, ARENA_REWRITE);
    if (segment == NULL)
        return;
    push(&pages->segments, segment);
    for (uint32_t at = INDEX_PAGE_BYTES; at < pages->arena->segment_bytes; at += INDEX_PAGE_BYTES)
        push(&pages->idle, segment + at);
}

void *pages_take(void *arg)
{
    struct pages *pages = arg;
    pthread_mutex_lock(&pages->lock);
    if (pages->idle == NULL)
        carve(pages);
    void *page = pop(&pages->idle);
    pthread_mutex_unlock(&pages->lock);
    if (page != NULL)
        memset(page, 0, INDEX_PAGE_BYTES);
    return page;
}

void pages_give(void *arg, void *page)
{
    struct pages *pages = arg;
    pthread_mutex_lock(&pages->lock);
    push(&pages->idle, page);
    pthread_mutex_unlock(&pages->lock);
}
