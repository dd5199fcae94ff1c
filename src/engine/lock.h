/*
 * lock: leases of sessions: who may write one, and who waits for it. The lock keys of stock handlers are leases, too:
 * at most one is valid for a session, whoever asked in which dialect (L1).
 *
 * Promise: a lease lives in memory only, is never refused for want of room in the store, and is given on
 * when the connection that took it closes (L4). To stock handlers it looks like the memcached item that they think
 * it is.
 *
 *      none ── open; add, set, incr with initial ──> held
 *      held ── close, write, kill; delete, exptime, "0" set on a `<id>.lock` ──> the next who waits, or none
 *      held ── its time is over, connection closed ──> the next who waits, or lost, or (of a lock key) none
 *      lost ── somebody opens it ──> held          lost ── its holder writes, which is still right (L2) ──> none
 *
 * Who asks for a taken one, by open, add or incr, waits instead of being told at once (L3, L6): in the order of arrival,
 * at most so long and so many (lock_limits), and not where the answer is not awaited. A client that asks for what it
 * holds has it; asking for another gives back what it held before, which was left behind on a kept connection.
 *
 * Each time a lease is given it has a new fence, a number that is never used again. A token names it: as long as no
 * higher one was given, its holder is the last who has opened the session.
 *
 * php-memcache releases by setting its counter to 0; such a lock is forgotten at once, since "absent" and "0"
 * both let the next one take it.
 *
 * Ownership: the table owns its leases; a client lists those it holds.
 * Threads: any; one lock of the table, held for one op. It may be taken with a shard's lock held.
 * Limits: a client holds at most LOCK_PER_CLIENT_MAX; taking one more gives back its oldest. A value is at
 * most LOCK_VALUE_MAX bytes. At most LOCK_LOST_MAX are lost, the oldest are forgotten, as are those of LOCK_LOST_S ago;
 * their tokens are refused from then on. So the memory is bounded by the number of connections.
 */
#ifndef CLOAKROOM_ENGINE_LOCK_H
#define CLOAKROOM_ENGINE_LOCK_H

#include "base/clock.h"
#include "engine/engine.h"
#include "engine/journal.h"

#include <pthread.h>

enum { LOCK_PER_CLIENT_MAX = 64, LOCK_VALUE_MAX = 32, LOCK_BUCKETS = 4096 };
enum { LOCK_LOST_MAX = 16384, LOCK_LOST_S = 3600 };

struct lock_limits {
    uint32_t add_wait_ms; /* 0: nobody waits, and asking again is answered as memcached does */
    uint32_t incr_wait_ms;
    uint32_t max_waiters; /* for one lock */
};

struct lock_table {
    pthread_mutex_t mutex;
    uint64_t seed;
    const struct clock *clock;
    struct journal *journal;
    struct lock_limits limits;
    struct lock **buckets;
    _Atomic uint32_t nsuffixed; /* held ones named <id>.lock; 0 spares everybody else the look-up */
    struct lock_stats stats;
    uint64_t version;
    uint64_t arrivals; /* so far */
    uint64_t fence;    /* the last one given */
    uint64_t first_fence;
    struct lock *lost; /* oldest first */
    struct lock **lost_tail;
    uint32_t nlost;
};

enum err lock_table_init(struct lock_table *table, uint64_t seed, const struct clock *clock,
                         struct journal *journal, const struct lock_limits *limits) ERR_MUST_CHECK;
void lock_table_fini(struct lock_table *table);

/* Sessions are named by their keys, as handle_session() makes them. Is the lease of one held now? */
bool lock_is_held(struct lock_table *table, struct bytes session, uint32_t now_s);
/* ... as `<id>.lock`, so that the bare `id` is a session of php-memcache? */
bool lock_is_held_suffixed(struct lock_table *table, struct bytes session, uint32_t now_s);
static inline bool lock_has_suffixed(const struct lock_table *table)
{
    return __atomic_load_n(&table->nsuffixed, __ATOMIC_RELAXED) > 0;
}

/* Carries out an op on a lock key, now or later: as engine_submit() and engine_resume(). */
enum submit lock_submit(struct lock_table *table, struct bytes session, struct op *op);
/* As engine_cancel(). */
bool lock_cancel(struct lock_table *table, struct op *op);
/* How many are to come before a pending op, and itself; 0: it does not wait here. To be asked now and then for an open
 * that waits: a lease whose time is over goes on then, though nobody else has asked for it. */
uint32_t lock_position(struct lock_table *table, const struct op *op);

void lock_read_stats(struct lock_table *table, struct lock_stats *ret);

/* Gives back all that the client holds. */
void lock_client_gone(struct lock_table *table, struct engine_client *client);

/* Of the verbs, lock_lease.c. Takes the lease for an open; TAKEN: op->session has its fence; BUSY: who has it. */
enum lock_open { LOCK_OPEN_TAKEN, LOCK_OPEN_WAITS, LOCK_OPEN_BUSY, LOCK_OPEN_GONE, LOCK_OPEN_NO_MEMORY };
enum lock_open lock_open(struct lock_table *table, struct bytes session, struct op *op);

/* What a fence is worth: its holder is the last who opened the session; it is not; or nothing is known of it, since it
 * is older than this start of the server (FOREIGN), or was given back or forgotten (UNKNOWN). */
enum lock_fence { LOCK_FENCE_LAST, LOCK_FENCE_PASSED, LOCK_FENCE_FOREIGN, LOCK_FENCE_UNKNOWN };
enum lock_fence lock_check(struct lock_table *table, struct bytes session, uint64_t fence);

/* Gives it on; false: it is another's, or nobody's. */
bool lock_release(struct lock_table *table, struct bytes session, uint64_t fence);
/* It stays with who has it by the fence of the op's token, from now on on this connection. One that was lost, or is over,
 * begins its time anew, unless somebody waits for it; one from before a restart is taken anew, under a new fence. False:
 * it has none, another has, or there is no memory. */
bool lock_keep(struct lock_table *table, struct bytes session, struct op *op);

/* The session is no more: an open of it that waits is told so, and the lease of an open is given on. */
void lock_kill(struct lock_table *table, struct bytes session);

/* Who holds it, as an open that is busy is told. False: nobody. */
bool lock_describe(struct lock_table *table, struct bytes session, struct op_session *ret);

/* The same for a held one of which only its handle, and the bucket in which lock_list() has found it, are known. */
bool lock_describe_handle(struct lock_table *table, uint32_t bucket, uint64_t handle,
                          struct handle_session *ret_session, struct op_session *ret);

/* The handles of held ones, at most `max` (and the lowest), in ascending order: those above *after (NULL: all) in bucket
 * *bucket, or where there are none, all of a later one, which *bucket is then. None, and true: *bucket is where to go on.
 * False: that was all. */
bool lock_list(struct lock_table *table, uint32_t *bucket, const uint64_t *after, uint64_t *ret, size_t max,
               size_t *ret_n);

#endif
