/* Lock keys as leases, see lock.h. */
#include "engine/lock.h"
#include "base/check.h"
#include "base/hash.h"
#include "engine/decide.h"
#include "engine/keyclass.h"
#include "engine/lock_private.h"

#include <stdlib.h>

enum err lock_table_init(struct lock_table *table, uint64_t seed, const struct clock *clock,
                         struct journal *journal, const struct lock_limits *limits)
{
    /* Fences of one start are not those of another, nor of one in the same second. */
    uint64_t first = (uint64_t)clock_wall_s(clock) << 32 | hash_bytes(bytes_of("fences"), seed) >> 32;
    *table = (struct lock_table){.seed = seed,
                                 .clock = clock,
                                 .journal = journal,
                                 .limits = *limits,
                                 .fence = first,
                                 .first_fence = first};
    table->lost_tail = &table->lost;
    table->buckets = calloc(LOCK_BUCKETS, sizeof *table->buckets);
    if (table->buckets == NULL)
        return ERR_MEMORY;
    CHECK(pthread_mutex_init(&table->mutex, NULL) == 0);
    return ERR_NONE;
}

void lock_read_stats(struct lock_table *table, struct lock_stats *ret)
{
    pthread_mutex_lock(&table->mutex);
    *ret = table->stats;
    pthread_mutex_unlock(&table->mutex);
}

static struct lock **bucket_of(struct lock_table *table, struct bytes key)
{
    return &table->buckets[hash_bytes(key, table->seed) % LOCK_BUCKETS];
}

static void unlink_from_client(struct lock *lock)
{
    struct lock **at = &lock->client->locks;
    while (*at != lock)
        at = &(*at)->next_of_client;
    *at = lock->next_of_client;
    lock->client->nlocks--;
}

/* Nobody holds it any more. */
static void let_go(struct lock_table *table, struct lock *lock)
{
    unlink_from_client(lock);
    lock->client = NULL;
    table->stats.held--;
    if (lock->suffixed)
        __atomic_fetch_sub(&table->nsuffixed, 1, __ATOMIC_RELAXED);
    lock->suffixed = false;
}

void lock_drop(struct lock_table *table, struct lock *lock)
{
    struct lock **at = bucket_of(table, lock_key_of(lock));
    while (*at != lock)
        at = &(*at)->next_in_bucket;
    *at = lock->next_in_bucket;
    if (lock->client != NULL)
        let_go(table, lock);
    free(lock);
}

void lock_move(struct lock *lock, struct engine_client *client)
{
    if (lock->client != NULL)
        unlink_from_client(lock);
    lock->client = client;
    lock->next_of_client = client->locks;
    client->locks = lock;
    client->nlocks++;
}

static void hold(struct lock_table *table, struct lock *lock, struct engine_client *client)
{
    lock_move(lock, client);
    lock->fence = ++table->fence;
    lock->held_ns = clock_steady_ns(table->clock);
}

/* Whatever it says until its new holder writes it, it is not "free", and has no end. */
void lock_pass_on(struct lock_table *table, struct lock *lock, struct engine_client *client)
{
    hold(table, lock, client);
    lock->is_lease = false;
    lock->holder_len = 0;
    lock->expiry_s = 0;
    lock->value_len = 1;
    lock->value[0] = '1';
}

/* True: to who has waited longest. */
static bool give_on(struct lock_table *table, struct lock *lock)
{
    struct op *next = lock_wait_next(table, lock);
    if (next == NULL)
        return false;
    lock_pass_on(table, lock, next->client);
    next->wake(next);
    return true;
}

void lock_give_back(struct lock_table *table, struct lock *lock)
{
    if (!give_on(table, lock))
        lock_drop(table, lock);
}

/* The token of a lease is still right as long as nobody opens the session. */
void lock_break(struct lock_table *table, struct lock *lock)
{
    table->stats.broken++;
    journal_put(table->journal, JOURNAL_BROKEN, lock_key_of(lock));
    if (give_on(table, lock))
        return;
    if (!lock->is_lease) {
        lock_drop(table, lock);
        return;
    }
    let_go(table, lock);
    lock_lose(table, lock);
}

void lock_table_fini(struct lock_table *table)
{
    if (table->buckets == NULL)
        return;
    for (size_t i = 0; i < LOCK_BUCKETS; i++) {
        while (table->buckets[i] != NULL)
            lock_drop(table, table->buckets[i]);
    }
    free(table->buckets);
    table->buckets = NULL;
    pthread_mutex_destroy(&table->mutex);
}

struct lock *lock_find(struct lock_table *table, struct bytes session)
{
    struct lock *lock = *bucket_of(table, session);
    while (lock != NULL && !bytes_equal(lock_key_of(lock), session))
        lock = lock->next_in_bucket;
    return lock;
}

bool lock_is_over(const struct lock *lock, uint32_t now_s)
{
    return lock->expiry_s != 0 && lock->expiry_s <= now_s;
}

void lock_end(struct lock_table *table, struct lock *lock)
{
    if (lock->is_lease)
        lock_break(table, lock);
    else
        lock_give_back(table, lock);
}

static struct lock *find_held(struct lock_table *table, struct bytes session)
{
    struct lock *lock = lock_find(table, session);
    return lock != NULL && lock->client != NULL ? lock : NULL;
}

/* The same, once what is over has been given to who comes next, if anybody waits. */
static struct lock *find_living(struct lock_table *table, struct bytes session, uint32_t now_s)
{
    struct lock *lock = find_held(table, session);
    if (lock == NULL || !lock_is_over(lock, now_s))
        return lock;
    lock_end(table, lock);
    return find_held(table, session);
}

bool lock_is_held(struct lock_table *table, struct bytes session, uint32_t now_s)
{
    pthread_mutex_lock(&table->mutex);
    bool held = find_living(table, session, now_s) != NULL;
    pthread_mutex_unlock(&table->mutex);
    return held;
}

bool lock_is_held_suffixed(struct lock_table *table, struct bytes session, uint32_t now_s)
{
    if (!lock_has_suffixed(table))
        return false;
    pthread_mutex_lock(&table->mutex);
    const struct lock *lock = find_living(table, session, now_s);
    bool held = lock != NULL && lock->suffixed;
    pthread_mutex_unlock(&table->mutex);
    return held;
}

static void give_back_oldest(struct lock_table *table, struct engine_client *client)
{
    struct lock *oldest = client->locks;
    while (oldest->next_of_client != NULL)
        oldest = oldest->next_of_client;
    lock_break(table, oldest);
}

static struct lock *make(struct lock_table *table, struct bytes session)
{
    struct lock *lock = malloc(sizeof *lock + session.len);
    if (lock == NULL)
        return NULL;
    struct lock **bucket = bucket_of(table, session);
    *lock = (struct lock){.next_in_bucket = *bucket, .key_len = (uint8_t)session.len};
    memcpy(lock->key, session.p, session.len);
    *bucket = lock;
    return lock;
}

/* A lost one as if it were new. */
static struct lock *find_lost(struct lock_table *table, struct bytes session)
{
    struct lock *lock = lock_find(table, session);
    if (lock == NULL)
        return NULL;
    lock_find_again(table, lock);
    lock->version = 0;
    lock->expiry_s = lock->life_s = 0;
    lock->is_lease = lock->is_stale = lock->is_won = lock->is_fetched = false;
    return lock;
}

struct lock *lock_take(struct lock_table *table, struct bytes session, const struct op *op)
{
    struct lock *lock = find_lost(table, session);
    if (lock == NULL)
        lock = make(table, session);
    if (lock == NULL)
        return NULL;
    lock->suffixed = op->session == NULL && keyclass_has_lock_suffix(op->key);
    lock->seen_s = op->now_s;
    table->stats.held++;
    if (lock->suffixed)
        __atomic_fetch_add(&table->nsuffixed, 1, __ATOMIC_RELAXED);
    if (op->client->nlocks == LOCK_PER_CLIENT_MAX)
        give_back_oldest(table, op->client);
    hold(table, lock, op->client);
    return lock;
}

static void write_value(struct lock *lock, const struct store_write *write, uint32_t now_s)
{
    char value[LOCK_VALUE_MAX]; /* an append reads the value that it replaces */
    if (write->head.len > 0)
        memcpy(value, write->head.p, write->head.len);
    if (write->tail.len > 0)
        memcpy(value + write->head.len, write->tail.p, write->tail.len);
    lock->value_len = (uint8_t)(write->head.len + write->tail.len);
    memcpy(lock->value, value, lock->value_len);
    lock->flags = write->flags;
    lock->expiry_s = write->expiry_s;
    lock->life_s = write->expiry_s > now_s ? write->expiry_s - now_s : 0;
    lock->is_stale = write->is_stale;
}

static bool is_release(const struct op *op)
{
    return op->kind == OP_SET && keyclass_has_lock_suffix(op->key) && bytes_equal(op->value, bytes_of("0"));
}

static void put(struct lock_table *table, struct bytes session, struct op *op, struct lock *lock,
                const struct verdict *verdict)
{
    op->result = OP_OK;
    op->number = verdict->number;
    op->hit.value_len = verdict->write.head.len + verdict->write.tail.len;
    op->hit.cas = verdict->write.cas != 0 ? verdict->write.cas : ++table->version;
    if (is_release(op)) {
        if (lock != NULL)
            lock_give_back(table, lock);
        return;
    }
    if (lock == NULL)
        lock = lock_take(table, session, op);
    if (lock == NULL) {
        op->result = OP_FULL;
        return;
    }
    write_value(lock, &verdict->write, op->now_s);
    lock->version = op->hit.cas;
    lock->seen_s = op->now_s;
    lock->is_won = verdict->marks_won;
    lock->is_fetched = verdict->marks_fetched;
}

static void read_value(struct op *op, struct lock *lock)
{
    op->result = OP_OK;
    op->hit.value_len = lock->value_len;
    op->hit.flags = lock->flags;
    op->hit.cas = lock->version;
    if (!op->unseen) {
        lock->is_fetched = true;
        lock->seen_s = op->now_s;
    }
    char *to = op->place(op, &op->hit);
    if (to == NULL)
        op->result = OP_FULL;
    else if (!op->without_value)
        memcpy(to, lock->value, lock->value_len);
}

static void carry_out(struct lock_table *table, struct bytes session, struct op *op, struct lock *lock,
                      const struct verdict *verdict)
{
    switch (verdict->kind) {
    case VERDICT_NOTHING:
        op->result = verdict->result;
        return;
    case VERDICT_PUT:
        put(table, session, op, lock, verdict);
        return;
    case VERDICT_MAKE:
        put(table, session, op, NULL, verdict);
        if (op->result == OP_OK)
            op->result = op->place(op, &op->hit) != NULL ? OP_OK : OP_FULL;
        return;
    case VERDICT_REMOVE:
        op->result = OP_OK;
        lock_give_back(table, lock);
        return;
    case VERDICT_TOUCH:
        op->result = OP_OK;
        op->hit.cas = lock->version;
        lock->expiry_s = verdict->expiry_s;
        return;
    case VERDICT_READ:
        if (op->touch)
            lock->expiry_s = verdict->expiry_s;
        lock->is_won |= verdict->marks_won;
        read_value(op, lock);
        return;
    }
}

static void describe(struct op *op, const struct lock *lock)
{
    op->hit.idle_s = op->now_s - lock->seen_s;
    op->hit.was_fetched = lock->is_fetched;
    op->hit.size = sizeof *lock + lock->key_len;
}

/* Carries out an op on what it found; NULL: nothing, as it is to see it. */
static void judge(struct lock_table *table, struct bytes session, struct op *op, struct lock *found,
                  struct lock *lock)
{
    const struct decide_lives lives = decide_lives(op, table->clock);
    struct decide_item item = {.found = found != NULL};
    op->was_found = found != NULL;
    op->found_len = found != NULL ? found->value_len : 0;
    if (found != NULL) {
        item.value = (struct bytes){.p = found->value, .len = found->value_len};
        item.flags = found->flags;
        item.expiry_s = found->expiry_s;
        item.cas = found->version;
        item.is_stale = found->is_stale;
        item.is_won = found->is_won;
        item.is_fetched = found->is_fetched;
    }
    struct verdict verdict;
    decide(op, &item, &lives, LOCK_VALUE_MAX, &verdict);
    if (op->detailed) {
        decide_describe(op, &item, &lives, &verdict, &op->hit);
        if (found != NULL)
            describe(op, found);
    }
    carry_out(table, session, op, lock, &verdict);
}

/* Whoever held it before may have called it otherwise. */
static void note_suffix(struct lock_table *table, const struct op *op, struct lock *lock)
{
    if (lock->suffixed || !keyclass_has_lock_suffix(op->key))
        return;
    lock->suffixed = true;
    __atomic_fetch_add(&table->nsuffixed, 1, __ATOMIC_RELAXED);
}

/* It holds the lock it asks for: given by give_back(), or kept from before. To add there is nothing there; a count
 * begins at 1, which tells php-memcache that it has it. */
static void grant(struct lock_table *table, struct bytes session, struct op *op, struct lock *lock)
{
    note_suffix(table, op, lock);
    if (op->kind == OP_ADD) {
        judge(table, session, op, NULL, lock);
        return;
    }
    struct verdict verdict = {.kind = VERDICT_PUT, .number = 1};
    verdict.write = (struct store_write){.head = bytes_of("1"), .flags = lock->flags};
    if (op->create)
        verdict.write.expiry_s = decide_lives(op, table->clock).create_expiry_s;
    else if (lock->life_s != 0) /* in text it cannot say how long: as long as the one before */
        verdict.write.expiry_s = decide_later(op->now_s, lock->life_s);
    put(table, session, op, lock, &verdict);
}

void lock_give_back_others(struct lock_table *table, struct engine_client *client, const struct lock *lock)
{
    struct lock *next;
    for (struct lock *other = client->locks; other != NULL; other = next) {
        next = other->next_of_client;
        if (other != lock)
            lock_break(table, other);
    }
}

/* php-memcache's add comes behind its incr, which has waited already. */
static bool asks_for_it(const struct op *op)
{
    if (keyclass_has_lock_suffix(op->key))
        return op->kind == OP_INCR && op->delta == 1;
    return op->kind == OP_ADD;
}

/* One whose wait is over because the lock is, and who was first, has it. */
struct lock *lock_find_for(struct lock_table *table, struct bytes session, struct op *op)
{
    struct lock *lock = op->is_late ? find_held(table, session) : NULL;
    if (lock != NULL && lock_is_over(lock, op->now_s) && lock_wait_is_first(lock, op))
        lock_pass_on(table, lock, op->client);
    return find_living(table, session, op->now_s);
}

enum submit lock_submit(struct lock_table *table, struct bytes session, struct op *op)
{
    bool is_awaited = op->may_wait && table->limits.add_wait_ms != 0;
    bool asks = is_awaited && asks_for_it(op);
    enum submit submit = SUBMIT_DONE;
    pthread_mutex_lock(&table->mutex);
    struct lock *lock = lock_find_for(table, session, op);
    if (asks || (is_awaited && op->kind == OP_ADD))
        lock_give_back_others(table, op->client, lock);
    if (asks && lock != NULL && lock->client == op->client)
        grant(table, session, op, lock);
    else if (asks && lock != NULL && lock_wait(table, lock, op))
        submit = SUBMIT_PENDING;
    else
        judge(table, session, op, lock, lock);
    pthread_mutex_unlock(&table->mutex);
    return submit;
}

bool lock_cancel(struct lock_table *table, struct op *op)
{
    pthread_mutex_lock(&table->mutex);
    struct lock *lock = op->waits_for;
    if (lock != NULL)
        lock_wait_leave(table, lock, op);
    pthread_mutex_unlock(&table->mutex);
    return lock != NULL;
}

void lock_client_gone(struct lock_table *table, struct engine_client *client)
{
    pthread_mutex_lock(&table->mutex);
    while (client->locks != NULL)
        lock_break(table, client->locks);
    pthread_mutex_unlock(&table->mutex);
}
