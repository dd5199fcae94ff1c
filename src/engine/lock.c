/* Lock keys as leases, see lock.h. */
#include "engine/lock.h"
#include "base/check.h"
#include "base/hash.h"
#include "engine/decide.h"
#include "engine/keyclass.h"

#include <stdlib.h>

struct lock {
    struct lock *next_in_bucket;
    struct lock *next_of_client;
    struct engine_client *client;
    uint64_t version;
    uint32_t expiry_s;
    uint32_t flags;
    uint32_t seen_s; /* last read or written */
    uint8_t key_len;
    uint8_t value_len;
    bool suffixed;
    bool is_stale;
    bool is_won;
    bool is_fetched;
    char value[LOCK_VALUE_MAX];
    char key[];
};

enum err lock_table_init(struct lock_table *table, uint64_t seed, const struct clock *clock)
{
    *table = (struct lock_table){.seed = seed, .clock = clock};
    table->buckets = calloc(LOCK_BUCKETS, sizeof *table->buckets);
    if (table->buckets == NULL)
        return ERR_MEMORY;
    CHECK(pthread_mutex_init(&table->mutex, NULL) == 0);
    return ERR_NONE;
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
    table->nlocks--;
    if (lock->suffixed)
        __atomic_fetch_sub(&table->nsuffixed, 1, __ATOMIC_RELAXED);
    free(lock);
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

static struct lock *find(struct lock_table *table, struct bytes key, uint32_t now_s)
{
    struct lock *lock = *bucket_of(table, key);
    while (lock != NULL && !bytes_equal(key_of(lock), key))
        lock = lock->next_in_bucket;
    if (lock != NULL && lock->expiry_s != 0 && lock->expiry_s <= now_s) {
        drop(table, lock);
        return NULL;
    }
    return lock;
}

bool lock_is_held(struct lock_table *table, struct bytes key, uint32_t now_s)
{
    if (__atomic_load_n(&table->nsuffixed, __ATOMIC_RELAXED) == 0)
        return false;
    pthread_mutex_lock(&table->mutex);
    bool held = find(table, key, now_s) != NULL;
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
    drop(table, oldest);
    table->nbroken++;
}

static void hold(struct lock *lock, struct engine_client *client)
{
    lock->client = client;
    lock->next_of_client = client->locks;
    client->locks = lock;
    client->nlocks++;
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
    table->nlocks++;
    if (lock->suffixed)
        __atomic_fetch_add(&table->nsuffixed, 1, __ATOMIC_RELAXED);
    if (op->client->nlocks == LOCK_PER_CLIENT_MAX)
        give_back_oldest(table, op->client);
    hold(lock, op->client);
    return lock;
}

static void write_value(struct lock *lock, const struct store_write *write)
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
            drop(table, lock);
        return;
    }
    if (lock == NULL)
        lock = take(table, op);
    if (lock == NULL) {
        op->result = OP_FULL;
        return;
    }
    write_value(lock, &verdict->write);
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
        drop(table, lock);
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

void lock_submit(struct lock_table *table, struct op *op)
{
    const struct decide_lives lives = decide_lives(op, table->clock);
    pthread_mutex_lock(&table->mutex);
    struct lock *lock = find(table, op->key, op->now_s);
    struct decide_item item = {.found = lock != NULL};
    if (lock != NULL) {
        item.value = (struct bytes){.p = lock->value, .len = lock->value_len};
        item.flags = lock->flags;
        item.expiry_s = lock->expiry_s;
        item.cas = lock->version;
        item.is_stale = lock->is_stale;
        item.is_won = lock->is_won;
        item.is_fetched = lock->is_fetched;
    }
    struct verdict verdict;
    decide(op, &item, &lives, LOCK_VALUE_MAX, &verdict);
    if (op->detailed) {
        decide_describe(op, &item, &lives, &verdict, &op->hit);
        if (lock != NULL)
            describe(op, lock);
    }
    carry_out(table, op, lock, &verdict);
    pthread_mutex_unlock(&table->mutex);
}

void lock_client_gone(struct lock_table *table, struct engine_client *client)
{
    pthread_mutex_lock(&table->mutex);
    while (client->locks != NULL) {
        drop(table, client->locks);
        table->nbroken++;
    }
    pthread_mutex_unlock(&table->mutex);
}
