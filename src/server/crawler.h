/*
 * crawler: the command lru_crawler. There is no LRU to crawl: what expires is dropped by housekeeping, which needs no
 * orders. What memcached lets its crawler be told is taken, kept and answered as there; metadump and mgdump are real.
 *
 * Threads: crawler_run() from a connection's worker; the fields are atomic.
 */
#ifndef CLOAKROOM_SERVER_CRAWLER_H
#define CLOAKROOM_SERVER_CRAWLER_H

#include <stdbool.h>
#include <stdint.h>

struct conn;

/* Zeroed, it is one as memcached starts it. */
struct crawler {
    _Atomic bool is_off;
    _Atomic uint32_t sleep_us; /* kept, and of no effect, as is the next */
    _Atomic uint32_t tocrawl;
    _Atomic uint32_t ndumps; /* under way: dump.h */
};

void crawler_run(struct conn *conn);

#endif
