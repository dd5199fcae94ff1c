/*
 * prefix: commands counted by the prefix of their keys (-D, stats detail).
 *
 *      user:4711    prefix "user"         delimiter ":"
 *      4711         none: not counted
 *
 * Promise: memory is bounded, where memcached's is not: PREFIX_MAX prefixes, what comes after these counts for "*". A
 * session's id is never shown: what stands behind a session prefix is not looked at, and no delimiter is a character of
 * PHP's ids (settings).
 *
 * Threads: any; one lock, taken only while it is on.
 * Ownership: the delimiter's settings outlive it.
 */
#ifndef CLOAKROOM_SERVER_PREFIX_H
#define CLOAKROOM_SERVER_PREFIX_H

#include "base/bytes.h"
#include "server/settings.h"

#include <pthread.h>

enum { PREFIX_MAX = 1024, PREFIX_LEN_MAX = 250 };

struct op;
struct prefix_entry;

struct prefix_counts {
    uint64_t get;
    uint64_t hit;
    uint64_t set;
    uint64_t del;
};

struct prefix_table {
    const struct settings *settings;
    _Atomic bool is_on;
    pthread_mutex_t lock;
    struct prefix_entry *entries; /* hashed; NULL until it is turned on for the first time */
    size_t n;
    uint64_t seed;
    struct prefix_counts others;
};

void prefix_init(struct prefix_table *table, const struct settings *settings);
void prefix_fini(struct prefix_table *table);

/* False: there is no memory, it stays off. What was counted stays. */
bool prefix_turn(struct prefix_table *table, bool on);

static inline bool prefix_is_on(const struct prefix_table *table)
{
    return __atomic_load_n(&table->is_on, __ATOMIC_RELAXED);
}

/* An op that has its result. */
void prefix_count(struct prefix_table *table, const struct op *op);

void prefix_clear(struct prefix_table *table);

/* Calls `each` for every prefix, in no order, with the lock held; "*" last, if there was need of it. */
void prefix_each(struct prefix_table *table,
                 void (*each)(void *arg, struct bytes prefix, const struct prefix_counts *counts), void *arg);

#endif
