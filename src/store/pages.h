/*
 * pages: index pages, carved from segments of the arena so that the index counts against -m like all else.
 *
 * Ownership: a page belongs to who took it until given back; the segments behind stay taken until
 * pages_fini().
 * Threads: any; one lock, held for a few instructions.
 * Failure: NULL when the arena has no segment left for rewrites.
 */
#ifndef CLOAKROOM_STORE_PAGES_H
#define CLOAKROOM_STORE_PAGES_H

#include "store/arena.h"

struct pages {
    pthread_mutex_t lock;
    struct arena *arena;
    void *idle;     /* free pages: a list through their first word */
    void *segments; /* all segments taken: a list through the first word of their first page */
};

void pages_init(struct pages *pages, struct arena *arena);
void pages_fini(struct pages *pages);

/* For struct index_page_source; `arg` is the struct pages. */
void *pages_take(void *arg);
void pages_give(void *arg, void *page);

#endif
