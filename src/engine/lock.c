/* Lock keys as leases, see lock.h. */
#include "engine/lock.h"
#include "base/check.h"
#include "base/hash.h"
#include "engine/decide.h"
#include "engine/keyclass.h"
#include "engine/lock_private.h"

#include <stdlib.h>

enum err lock_table_init(struct lock_table *table, uint64_t seed, const struct clock *clock,
                         const struct lock_limits *limits)
{
    *table = (struct lock_table){.seed = seed, .clock = clock, .limits = *limits};
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

static struct bytes key_of(const struct lock *lock)
{
    return (struct bytes){.p = lock->key, .len = lock->key_len};
}

static void unlink_from_client(struct lock *lock)
{
    struct lock **at = &lock->client->locks;
    while (*at != lock)
        at = &(*at)->next_of_client;
    *at = lock->next_of_client;
    lock->client->nlocks--;
}

static void drop(struct lock_table *table, struct lock *lock)
{
    struct lock **at = bucket_of(table, key_of(lock));
    while (*at != lock)
        at = &(*at)->next_in_bucket;
    *at = lock->next_in_bucket;
    unlink_from_client(lock);
    table->stats.held--;
    if (lock->suffixed)
        __atomic_fetch_sub(&table->nsuffixed, 1, __ATOMIC_RELAXED);
    free(lock);
}

static void hold(struct lock *lock, struct engine_client *client)
{
    lock->client = client;
    lock->next_of_client = client->locks;
    client->locks = lock;
    client->nlocks++;
}

/* The lock becomes that client's. Whatever it says until its new holder writes it, it is not "free", and has no end. */
static void pass_on(struct lock *lock, struct engine_client *client)
{
    unlink_from_client(lock);
    hold(lock, client);
    lock->expiry_s = 0;
    lock->value_len = 1;
    lock->value[0] = '1';
}

/* To who has waited longest, or to nobody. */
static void give_back(struct lock_table *table, struct lock *lock)
{
    struct op *next = lock_wait_next(table, lock);
    if (next == NULL) {
        drop(table, lock);
        return;
    }
    pass_on(lock, next->client);
    next->wake(next);
}

void lock_table_fini(struct lock_table *table)
{
    if (table->buckets == NULL)
        return;
    for (size_t i = 0; i < LOCK_BUCKETS; i++) {
        while (table->buckets[i] != NULL)
            drop(table, table->buckets[i]);
    }
    free(table->buckets);
    table->buckets = NULL;
    pthread_mutex_destroy(&table->mutex);
}

static struct lock *find(struct lock_table *table, struct bytes key)
{
    struct lock *lock = *bucket_of(table, key);
    while (lock != NULL && !bytes_equal(key_of(lock), key))
        lock = lock->next_in_bucket;
    return lock;
}

static bool is_over(const struct lock *lock, uint32_t now_s)
{
    return lock->expiry_s != 0 && lock->expiry_s <= now_s;
}

/* The same, once what is over has been given to who comes next, if anybody waits. */
static struct lock *find_living(struct lock_table *table, struct bytes key, uint32_t now_s)
{
    struct lock *lock = find(table, key);
    if (lock == NULL || !is_over(lock, now_s))
        return lock;
    give_back(table, lock);
    return find(table, key);
}

bool lock_is_held(struct lock_table *table, struct bytes key, uint32_t now_s)
{
    if (__atomic_load_n(&table->nsuffixed, __ATOMIC_RELAXED) == 0)
        return false;
    pthread_mutex_lock(&table->mutex);
    bool held = find_living(table, key, now_s) != NULL;
    pthread_mutex_unlock(&table->mutex);
    return held;
}

bool lock_is_session(struct lock_table *table, struct bytes id, uint32_t now_s)
{
    char key[256 + sizeof KEYCLASS_LOCK_SUFFIX];
    if (__atomic_load_n(&table->nsuffixed, __ATOMIC_RELAXED) == 0 || id.len > 250)
        return false;
    memcpy(key, id.p, id.len);
    memcpy(key + id.len, KEYCLASS_LOCK_SUFFIX, sizeof KEYCLASS_LOCK_SUFFIX - 1);
    return lock_is_held(table, (struct bytes){.p = key, .len = id.len + sizeof KEYCLASS_LOCK_SUFFIX - 1},
                        now_s);
}

static void give_back_oldest(struct lock_table *table, struct engine_client *client)
{
    struct lock *oldest = client->locks;
    while (oldest->next_of_client != NULL)
        oldest = oldest->next_of_client;
    give_back(table, oldest);
    table->stats.broken++;
}

static struct lock *take(struct lock_table *table, const struct op *op)
{
    struct lock *lock = malloc(sizeof *lock + op->key.len);
    if (lock == NULL)
        return NULL;
    struct lock **bucket = bucket_of(table, op->key);
    *lock = (struct lock){.next_in_bucket = *bucket,
                          .key_len = (uint8_t)op->key.len,
                          .suffixed = keyclass_has_lock_suffix(op->key)};
    memcpy(lock->key, op->key.p, op->key.len);
    *bucket = lock;
    table->stats.held++;
    if (lock->suffixed)
        __atomic_fetch_add(&table->nsuffixed, 1, __ATOMIC_RELAXED);
    if (op->client->nlocks == LOCK_PER_CLIENT_MAX)
        give_back_oldest(table, op->client);
    hold(lock, op->client);
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

static void put(struct lock_table *table, struct op *op, struct lock *lock, const struct verdict *verdict)
{
    op->result = OP_OK;
    op->number = verdict->number;
    op->hit.value_len = verdict->write.head.len + verdict->write.tail.len;
    op->hit.cas = verdict->write.cas != 0 ? verdict->write.cas : ++table->version;
    if (is_release(op)) {
        if (lock != NULL)
            give_back(table, lock);
        return;
    }
    if (lock == NULL)
        lock = take(table, op);
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

static void carry_out(struct lock_table *table, struct op *op, struct lock *lock,
                      const struct verdict *verdict)
{
    switch (verdict->kind) {
    case VERDICT_NOTHING:
        op->result = verdict->result;
        return;
    case VERDICT_PUT:
        put(table, op, lock, verdict);
        return;
    case VERDICT_MAKE:
        put(table, op, NULL, verdict);
        if (op->result == OP_OK)
            op->result = op->place(op, &op->hit) != NULL ? OP_OK : OP_FULL;
        return;
    case VERDICT_REMOVE:
        op->result = OP_OK;
        give_back(table, lock);
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
static void judge(struct lock_table *table, struct op *op, struct lock *found, struct lock *lock)
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
    carry_out(table, op, lock, &verdict);
}

/* It holds the lock it asks for: given by give_back(), or kept from before. To add there is nothing there; a count
 * begins at 1, which tells php-memcache that it has it. */
static void grant(struct lock_table *table, struct op *op, struct lock *lock)
{
    if (op->kind == OP_ADD) {
        judge(table, op, NULL, lock);
        return;
    }
    struct verdict verdict = {.kind = VERDICT_PUT, .number = 1};
    verdict.write = (struct store_write){.head = bytes_of("1"), .flags = lock->flags};
    if (op->create)
        verdict.write.expiry_s = decide_lives(op, table->clock).create_expiry_s;
    else if (lock->life_s != 0) /* in text it cannot say how long: as long as the one before */
        verdict.write.expiry_s = op->now_s + lock->life_s;
    put(table, op, lock, &verdict);
}

/* Stock handlers hold one session at a time: another one that is still held was left behind on a kept connection. */
static void give_back_others(struct lock_table *table, struct engine_client *client, const struct lock *lock)
{
    struct lock *next;
    for (struct lock *other = client->locks; other != NULL; other = next) {
        next = other->next_of_client;
        if (other == lock)
            continue;
        give_back(table, other);
        table->stats.broken++;
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
static struct lock *find_for(struct lock_table *table, struct op *op)
{
    struct lock *lock = op->is_late ? find(table, op->key) : NULL;
    if (lock != NULL && is_over(lock, op->now_s) && lock_wait_is_first(lock, op))
        pass_on(lock, op->client);
    return find_living(table, op->key, op->now_s);
}

enum submit lock_submit(struct lock_table *table, struct op *op)
{
    bool is_awaited = op->may_wait && table->limits.add_wait_ms != 0;
    bool asks = is_awaited && asks_for_it(op);
    enum submit submit = SUBMIT_DONE;
    pthread_mutex_lock(&table->mutex);
    struct lock *lock = find_for(table, op);
    if (asks || (is_awaited && op->kind == OP_ADD))
        give_back_others(table, op->client, lock);
    if (asks && lock != NULL && lock->client == op->client)
        grant(table, op, lock);
    else if (asks && lock != NULL && lock_wait(table, lock, op))
        submit = SUBMIT_PENDING;
    else
        judge(table, op, lock, lock);
    pthread_mutex_unlock(&table->mutex);
    return submit;
}

bool lock_cancel(struct lock_table *table, struct op *op)
{
    pthread_mutex_lock(&table->mutex);
    struct lock *lock = op->waits ? find(table, op->key) : NULL;
    if (lock != NULL)
        lock_wait_leave(table, lock, op);
    pthread_mutex_unlock(&table->mutex);
    return lock != NULL;
}

void lock_client_gone(struct lock_table *table, struct engine_client *client)
{
    pthread_mutex_lock(&table->mutex);
    while (client->locks != NULL) {
        give_back(table, client->locks);
        table->stats.broken++;
    }
    pthread_mutex_unlock(&table->mutex);
}
