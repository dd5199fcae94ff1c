/*
 * lock: the lock keys of stock handlers, as leases.
 *
 * Promise: a lock lives in memory only, is never refused for want of room in the store, and is given back
 * when the connection that took it closes (L4). To its users it looks like the memcached item that they think
 * it is.
 *
 *      none ── add, set, incr with initial ──> held
 *      held ── delete, exptime, "0" set on a `<id>.lock`, connection closed ──> the next who waits, or none
 *
 * Who asks for a taken one, by add or by incr, waits instead of being told at once (L3, L6): in the order of arrival,
 * at most so long and so many (lock_limits), and not where the answer is not awaited. A client that asks for what it
 * holds has it; asking for another gives back what it held before, which was left behind on a kept connection.
 *
 * php-memcache releases by setting its counter to 0; such a lock is forgotten at once, since "absent" and "0"
 * both let the next one take it.
 *
 * Ownership: the table owns its locks; a client lists those it holds.
 * Threads: any; one lock of the table, held for one op.
 * Limits: a client holds at most LOCK_PER_CLIENT_MAX; taking one more gives back its oldest. A value is at
 * most LOCK_VALUE_MAX bytes. So the memory is bounded by the number of connections.
 */
#ifndef CLOAKROOM_ENGINE_LOCK_H
#define CLOAKROOM_ENGINE_LOCK_H

#include "base/clock.h"
#include "engine/engine.h"

#include <pthread.h>

enum { LOCK_PER_CLIENT_MAX = 64, LOCK_VALUE_MAX = 32, LOCK_BUCKETS = 4096 };

struct lock_limits {
    uint32_t add_wait_ms; /* 0: nobody waits, and asking again is answered as memcached does */
    uint32_t incr_wait_ms;
    uint32_t max_waiters; /* for one lock */
};

struct lock_table {
    pthread_mutex_t mutex;
    uint64_t seed;
    const struct clock *clock;
    struct lock_limits limits;
    struct lock **buckets;
    _Atomic uint32_t nsuffixed; /* held ones named <id>.lock; 0 spares everybody else the look-up */
    struct lock_stats stats;
    uint64_t version;
    uint64_t arrivals; /* so far */
};

enum err lock_table_init(struct lock_table *table, uint64_t seed, const struct clock *clock,
                         const struct lock_limits *limits) ERR_MUST_CHECK;
void lock_table_fini(struct lock_table *table);

/* Is `<id>.lock` held now, so that `id` is a session of php-memcache? */
bool lock_is_session(struct lock_table *table, struct bytes id, uint32_t now_s);

/* Is `key` a lock in the table? */
bool lock_is_held(struct lock_table *table, struct bytes key, uint32_t now_s);

/* Carries out an op on a lock key, now or later: as engine_submit() and engine_resume(). */
enum submit lock_submit(struct lock_table *table, struct op *op);
/* As engine_cancel(). */
bool lock_cancel(struct lock_table *table, struct op *op);

void lock_read_stats(struct lock_table *table, struct lock_stats *ret);

/* Gives back all that the client holds. */
void lock_client_gone(struct lock_table *table, struct engine_client *client);

#endif
