/* Leases that the session verbs take, and their fences; see lock.h. */
#include "base/check.h"
#include "engine/decide.h"
#include "engine/lock_private.h"

enum { NS_PER_MS = 1000000, BUCKETS_AT_ONCE = 256 };
#define NS_PER_S ((uint64_t)1000000000)

static uint32_t now_of(const struct lock_table *table)
{
    return clock_seconds(table->clock);
}

void lock_find_again(struct lock_table *table, struct lock *lock)
{
    struct lock **at = &table->lost;
    CHECK(lock->client == NULL);
    while (*at != lock)
        at = &(*at)->next_lost;
    *at = lock->next_lost;
    if (table->lost_tail == &lock->next_lost)
        table->lost_tail = at;
    lock->next_lost = NULL;
    table->nlost--;
}

static void forget_oldest(struct lock_table *table)
{
    struct lock *oldest = table->lost;
    lock_find_again(table, oldest);
    lock_drop(table, oldest);
}

void lock_lose(struct lock_table *table, struct lock *lock)
{
    uint32_t now_s = now_of(table);
    lock->lost_s = now_s;
    lock->next_lost = NULL;
    *table->lost_tail = lock;
    table->lost_tail = &lock->next_lost;
    table->nlost++;
    while (table->nlost > LOCK_LOST_MAX || table->lost->lost_s + LOCK_LOST_S < now_s)
        forget_oldest(table);
}

static void describe(const struct lock_table *table, const struct lock *lock, struct op_session *ret)
{
    ret->waiting = lock->nwaiting;
    ret->held_ms = (clock_steady_ns(table->clock) - lock->held_ns) / NS_PER_MS;
    ret->holder_len = lock->holder_len;
    memcpy(ret->holder_text, lock->holder, lock->holder_len);
}

static void begin(struct lock_table *table, struct lock *lock, struct op *op)
{
    struct op_session *session = op->session;
    size_t len = session->holder.len < OP_HOLDER_MAX ? session->holder.len : OP_HOLDER_MAX;
    lock->is_lease = true;
    lock->holder_len = (uint8_t)len;
    if (len > 0)
        memcpy(lock->holder, session->holder.p, len);
    lock->expiry_s = session->lease_s == 0 ? 0 : decide_later(op->now_s, session->lease_s);
    lock->life_s = session->lease_s;
    lock->flags = 0;
    lock->value_len = 1;
    lock->value[0] = '1';
    lock->fence = ++table->fence; /* also when its connection had it already */
    lock->version = ++table->version;
    session->token.fence = lock->fence;
}

enum lock_open lock_open(struct lock_table *table, struct bytes session, struct op *op)
{
    enum lock_open result = LOCK_OPEN_TAKEN;
    pthread_mutex_lock(&table->mutex);
    struct lock *lock = lock_find_for(table, session, op);
    lock_give_back_others(table, op->client, lock);
    if (op->session->is_gone) {
        if (lock != NULL && lock->client == op->client) /* from before: nobody else is told so */
            lock_break(table, lock);
        result = LOCK_OPEN_GONE;
    } else if (lock != NULL && lock->client != op->client) {
        bool may_wait = op->may_wait && (!op->session->has_wait || op->session->wait_ms > 0);
        may_wait = may_wait && (op->session->has_wait || table->limits.add_wait_ms > 0);
        result = may_wait && lock_wait(table, lock, op) ? LOCK_OPEN_WAITS : LOCK_OPEN_BUSY;
        describe(table, lock, op->session);
    } else {
        if (lock == NULL)
            lock = lock_take(table, session, op);
        if (lock == NULL)
            result = LOCK_OPEN_NO_MEMORY;
        else
            begin(table, lock, op);
    }
    pthread_mutex_unlock(&table->mutex);
    return result;
}

static bool is_of_this_start(const struct lock_table *table, uint64_t fence)
{
    return fence > table->first_fence && fence <= table->fence;
}

enum lock_fence lock_check(struct lock_table *table, struct bytes session, uint64_t fence)
{
    pthread_mutex_lock(&table->mutex);
    const struct lock *lock = lock_find(table, session);
    enum lock_fence result = LOCK_FENCE_PASSED;
    if (lock != NULL && lock->fence == fence)
        result = LOCK_FENCE_LAST;
    else if (lock == NULL)
        result = is_of_this_start(table, fence) ? LOCK_FENCE_UNKNOWN : LOCK_FENCE_FOREIGN;
    pthread_mutex_unlock(&table->mutex);
    return result;
}

static struct lock *find_by(struct lock_table *table, struct bytes session, uint64_t fence)
{
    struct lock *lock = lock_find(table, session);
    return lock != NULL && lock->fence == fence ? lock : NULL;
}

bool lock_release(struct lock_table *table, struct bytes session, uint64_t fence)
{
    pthread_mutex_lock(&table->mutex);
    struct lock *lock = find_by(table, session, fence);
    bool is_lost = lock != NULL && lock->client == NULL;
    if (is_lost) {
        lock_find_again(table, lock);
        lock_drop(table, lock);
    } else if (lock != NULL) {
        lock_give_back(table, lock);
    }
    pthread_mutex_unlock(&table->mutex);
    return lock != NULL;
}

/* As its holder had it when the server ended; for how long is not known any more. */
static struct lock *take_anew(struct lock_table *table, struct bytes session, struct op *op)
{
    struct lock *lock = lock_take(table, session, op);
    if (lock == NULL)
        return NULL;
    lock->is_lease = true;
    lock->value_len = 1;
    lock->value[0] = '1';
    lock->version = ++table->version;
    op->session->token.fence = lock->fence;
    return lock;
}

static void keep(struct lock_table *table, struct lock *lock, const struct op *op)
{
    bool is_free = lock->client == NULL;
    if (is_free) {
        lock_find_again(table, lock);
        table->stats.held++;
    }
    if (is_free || (lock_is_over(lock, op->now_s) && lock->first == NULL))
        lock->expiry_s = lock->life_s == 0 ? 0 : decide_later(op->now_s, lock->life_s);
    if (lock->client != op->client)
        lock_move(lock, op->client);
}

bool lock_keep(struct lock_table *table, struct bytes session, struct op *op)
{
    uint64_t fence = op->session->token.fence;
    pthread_mutex_lock(&table->mutex);
    struct lock *lock = lock_find(table, session);
    bool is_its = lock != NULL && lock->fence == fence;
    if (is_its)
        keep(table, lock, op);
    else if (lock == NULL && fence < table->first_fence)
        is_its = take_anew(table, session, op) != NULL;
    pthread_mutex_unlock(&table->mutex);
    return is_its;
}

/* An open of the session that waits is told that it is gone. Locks of stock handlers are theirs to give back. */
static void turn_away(struct lock_table *table, struct lock *lock)
{
    struct op *next;
    for (struct op *op = lock->first; op != NULL; op = next) {
        next = op->next;
        if (op->kind != OP_OPEN)
            continue;
        lock_wait_leave(table, lock, op);
        op->session->is_gone = true;
        op->wake(op);
    }
}

void lock_kill(struct lock_table *table, struct bytes session)
{
    pthread_mutex_lock(&table->mutex);
    struct lock *lock = lock_find(table, session);
    if (lock != NULL)
        turn_away(table, lock);
    if (lock != NULL && lock->client == NULL) {
        lock_find_again(table, lock);
        lock_drop(table, lock);
    } else if (lock != NULL && lock->is_lease) {
        lock_give_back(table, lock);
    }
    pthread_mutex_unlock(&table->mutex);
}

bool lock_describe(struct lock_table *table, struct bytes session, struct op_session *ret)
{
    pthread_mutex_lock(&table->mutex);
    const struct lock *lock = lock_find(table, session);
    bool is_held = lock != NULL && lock->client != NULL;
    if (is_held)
        describe(table, lock, ret);
    pthread_mutex_unlock(&table->mutex);
    return is_held;
}

bool lock_describe_handle(struct lock_table *table, uint32_t bucket, uint64_t handle,
                          struct handle_session *ret_session, struct op_session *ret)
{
    pthread_mutex_lock(&table->mutex);
    const struct lock *lock = table->buckets[bucket];
    while (lock != NULL && (lock->client == NULL || bytes_get_be64(lock->key) != handle))
        lock = lock->next_in_bucket;
    if (lock != NULL) {
        ret_session->len = lock->key_len;
        memcpy(ret_session->bytes, lock->key, lock->key_len);
        describe(table, lock, ret);
    }
    pthread_mutex_unlock(&table->mutex);
    return lock != NULL;
}

static void list_bucket(const struct lock *lock, const uint64_t *after, uint64_t *ret, size_t max,
                        size_t *ret_n)
{
    for (; lock != NULL; lock = lock->next_in_bucket) {
        uint64_t handle = bytes_get_be64(lock->key); /* so a key begins */
        if (lock->client == NULL || (after != NULL && handle <= *after))
            continue;
        size_t at = *ret_n;
        while (at > 0 && ret[at - 1] > handle)
            at--;
        if (at == max)
            continue;
        size_t nmoved = (*ret_n < max ? *ret_n : max - 1) - at;
        memmove(ret + at + 1, ret + at, nmoved * sizeof *ret);
        ret[at] = handle;
        *ret_n += *ret_n < max;
    }
}

bool lock_list(struct lock_table *table, uint32_t *bucket, const uint64_t *after, uint64_t *ret, size_t max,
               size_t *ret_n)
{
    uint32_t end = *bucket + BUCKETS_AT_ONCE;
    *ret_n = 0;
    pthread_mutex_lock(&table->mutex);
    while (*bucket < LOCK_BUCKETS && *bucket < end) {
        list_bucket(table->buckets[*bucket], after, ret, max, ret_n);
        if (*ret_n > 0)
            break;
        (*bucket)++;
        after = NULL;
    }
    pthread_mutex_unlock(&table->mutex);
    return *bucket < LOCK_BUCKETS;
}
