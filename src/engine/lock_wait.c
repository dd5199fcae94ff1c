/*
 * Who waits for a lock, in the order of arrival (L3, L6), see lock.h.
 *
 * Arrivals are numbered. Who has waited in vain is told so, and may come again: within KEEP_MS it goes by the number it
 * had, which its client keeps; so a stock handler that polls loses nothing by that.
 */
#include "base/hash.h"
#include "engine/lock_private.h"

enum { KEEP_MS = 2000, NS_PER_MS = 1000000 };

static uint64_t name_of(const struct op *op)
{
    return hash_bytes(op->key, 0) | 1; /* 0: none is kept */
}

static uint64_t arrival_of(struct lock_table *table, const struct op *op)
{
    struct engine_client *client = op->client;
    bool is_kept =
        client->arrival_at == name_of(op) && clock_steady_ns(table->clock) < client->arrival_until_ns;
    client->arrival_at = 0;
    return is_kept ? client->arrival : ++table->arrivals;
}

static void keep_arrival(struct lock_table *table, const struct op *op)
{
    op->client->arrival = op->arrival;
    op->client->arrival_at = name_of(op);
    op->client->arrival_until_ns = clock_steady_ns(table->clock) + (uint64_t)KEEP_MS * NS_PER_MS;
}

/* From the end: nearly all come last. */
static void link_in(struct lock *lock, struct op *op)
{
    struct op *before = lock->last;
    while (before != NULL && before->arrival > op->arrival)
        before = before->prev;
    op->prev = before;
    op->next = before == NULL ? lock->first : before->next;
    *(op->prev == NULL ? &lock->first : &op->prev->next) = op;
    *(op->next == NULL ? &lock->last : &op->next->prev) = op;
    lock->nwaiting++;
}

static uint32_t least(uint32_t a, uint64_t b)
{
    return b < a ? (uint32_t)b : a;
}

static uint32_t bound_of(const struct lock_limits *limits, const struct op *op)
{
    if (op->kind == OP_INCR)
        return limits->incr_wait_ms;
    return op->session != NULL && op->session->has_wait ? op->session->wait_ms : limits->add_wait_ms;
}

bool lock_wait(struct lock_table *table, struct lock *lock, struct op *op)
{
    const struct lock_limits *limits = &table->limits;
    if (op->is_late) {
        keep_arrival(table, op);
        table->stats.late++;
        return false;
    }
    if (lock->nwaiting >= limits->max_waiters)
        return false;
    op->arrival = arrival_of(table, op);
    op->wait_ms = bound_of(limits, op);
    if (lock->expiry_s != 0 && op->kind != OP_OPEN) /* then it is over, and nobody else would say so */
        op->wait_ms = least(op->wait_ms, (uint64_t)(lock->expiry_s - op->now_s) * 1000);
    op->waits_for = lock;
    link_in(lock, op);
    table->stats.waiting++;
    table->stats.waits++;
    return true;
}

void lock_wait_leave(struct lock_table *table, struct lock *lock, struct op *op)
{
    *(op->prev == NULL ? &lock->first : &op->prev->next) = op->next;
    *(op->next == NULL ? &lock->last : &op->next->prev) = op->prev;
    lock->nwaiting--;
    op->waits_for = NULL;
    table->stats.waiting--;
}

struct op *lock_wait_next(struct lock_table *table, struct lock *lock)
{
    struct op *op = lock->first;
    if (op != NULL)
        lock_wait_leave(table, lock, op);
    return op;
}

uint32_t lock_position(struct lock_table *table, const struct op *op)
{
    uint32_t position = 0;
    pthread_mutex_lock(&table->mutex);
    if (op->waits_for != NULL && lock_is_over(op->waits_for, clock_seconds(table->clock)))
        lock_end(table, op->waits_for);
    if (op->waits_for != NULL) {
        for (const struct op *at = op; at != NULL; at = at->prev)
            position++;
    }
    pthread_mutex_unlock(&table->mutex);
    return position;
}

bool lock_wait_is_first(const struct lock *lock, const struct op *op)
{
    return lock->first == NULL || op->arrival < lock->first->arrival;
}
