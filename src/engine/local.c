/* Ops to store entries and lock keys: see local.h. */
#include "engine/local.h"
#include "base/check.h"
#include "base/hash.h"
#include "engine/decide.h"
#include "engine/lock.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum { RECLAIM_TRIES = 8 };

struct local {
    struct engine engine;
    struct local_config config;
    struct store *store;
    struct lock_table locks;
    _Atomic uint64_t refused_full;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t stop_lock;
    pthread_cond_t stop_cond;
    bool stop;
};

static struct local *local_of(struct engine *engine)
{
    return (struct local *)(void *)engine;
}

/* How an attempt at an op under the shard's lock ended. */
enum attempt { ATTEMPT_DONE, ATTEMPT_NO_ROOM, ATTEMPT_STAGE };

/* What an op needs beyond one attempt. */
struct work {
    struct local *local;
    struct op *op;
    enum keyclass keyclass;
    bool is_locked_session; /* `<key>.lock` is held: a session of php-memcache */
    uint32_t expiry_s;
    struct segment *staged;
    uint64_t staged_for; /* the version that an append was staged on; 0 for what needs no old value */
    bool is_rewrite;     /* of a live session */
    size_t need;         /* bytes that there was no room for */
};

static enum store_class class_of(const struct work *work, const struct store_entry *entry)
{
    if (work->is_locked_session || (entry->found && entry->item.class == STORE_SESSION))
        return STORE_SESSION;
    /* An empty add is php-memcached asking whether an id is free; it leaves such records behind, often
     * without an end of life. There is nothing in them to lose. */
    if (work->op->kind == OP_ADD && work->op->value.len == 0)
        return STORE_CACHE;
    return work->keyclass == KEYCLASS_SESSION ? STORE_SESSION : STORE_CACHE;
}

/* An item that is over as soon as it is stored: only the condition of the op matters, and what it replaces.
 */
static bool put_expired(struct work *work, struct store_entry *entry, const struct store_write *write)
{
    if (write->expiry_s == 0 || write->expiry_s > work->op->now_s)
        return false;
    if (entry->found)
        store_remove(entry);
    work->op->result = OP_OK;
    work->op->hit.cas = store_next_version(entry);
    return true;
}

static bool needs_old_value(const struct op *op)
{
    return op->kind == OP_APPEND || op->kind == OP_PREPEND;
}

static uint64_t old_version(const struct op *op, const struct store_entry *entry)
{
    return needs_old_value(op) ? entry->item.version : 0;
}

static enum attempt put(struct work *work, struct store_entry *entry, struct verdict *verdict)
{
    struct op *op = work->op;
    op->number = verdict->number;
    if (put_expired(work, entry, &verdict->write))
        return ATTEMPT_DONE;
    struct store_write *write = &verdict->write;
    write->class = class_of(work, entry);
    size_t value_len = write->head.len + write->tail.len;
    work->is_rewrite = entry->found && entry->item.class == STORE_SESSION;
    work->need = op->key.len + value_len;

    enum err err;
    if (!store_is_large(work->local->store, op->key.len, value_len))
        err = store_put(entry, write);
    else if (work->staged == NULL || work->staged_for != old_version(op, entry))
        return ATTEMPT_STAGE;
    else
        err = store_put_staged(entry, write, &work->staged);
    if (err != ERR_NONE)
        return ATTEMPT_NO_ROOM;
    op->result = OP_OK;
    op->hit.cas = entry->item.version;
    return ATTEMPT_DONE;
}

static void copy_hit(struct op *op, struct bytes value)
{
    char *to = op->place(op, &op->hit);
    if (to == NULL)
        op->result = OP_FULL;
    else
        memcpy(to, value.p, value.len);
}

/* Unlocks the entry itself: a large value is copied outside the lock. */
static void read_and_unlock(struct work *work, struct store_entry *entry, uint32_t expiry_s)
{
    struct op *op = work->op;
    struct store *store = work->local->store;
    op->result = OP_OK;
    op->hit = (struct op_hit){
        .value_len = entry->item.value.len, .flags = entry->item.flags, .cas = entry->item.version};
    if (op->touch)
        store_touch(entry, expiry_s);
    store_mark_fetched(entry);
    if (!store_is_large(store, op->key.len, op->hit.value_len)) {
        copy_hit(op, entry->item.value);
        store_unlock(entry);
    } else {
        struct bytes value = entry->item.value;
        struct segment *pinned = store_pin(entry);
        store_unlock(entry);
        copy_hit(op, value);
        store_unpin(store, pinned);
    }
}

/* An append reads the old value while it copies, outside the lock: a large one is pinned for that, of any
 * other a copy is made. */
struct old_value {
    struct segment *pinned;
    char *copy;
};

static bool hold_old_value(struct work *work, struct store_entry *entry, struct store_write *write,
                           struct old_value *ret)
{
    struct bytes old = entry->item.value;
    *ret = (struct old_value){0};
    if (!needs_old_value(work->op) || old.len == 0)
        return true;
    if (store_is_large(work->local->store, work->op->key.len, old.len)) {
        ret->pinned = store_pin(entry);
        return true;
    }
    ret->copy = malloc(old.len);
    if (ret->copy == NULL)
        return false;
    memcpy(ret->copy, old.p, old.len);
    struct bytes *part = work->op->kind == OP_APPEND ? &write->head : &write->tail;
    part->p = ret->copy;
    return true;
}

static void let_go_old_value(struct work *work, struct old_value *old)
{
    if (old->pinned != NULL)
        store_unpin(work->local->store, old->pinned);
    free(old->copy);
}

/* Copies a large value to a segment of its own, outside the lock of the shard (S7). The entry is locked on
 * arrival and unlocked on return. */
static enum attempt stage_and_unlock(struct work *work, struct store_entry *entry,
                                     const struct verdict *verdict)
{
    struct store *store = work->local->store;
    struct store_write write = verdict->write;
    struct old_value old;
    store_unstage(store, &work->staged);
    work->staged_for = old_version(work->op, entry);
    bool held = hold_old_value(work, entry, &write, &old);
    store_unlock(entry);
    enum err err = ERR_FULL;
    if (held)
        err = store_stage(store, work->op->key, &write, work->is_rewrite, &work->staged);
    let_go_old_value(work, &old);
    return err == ERR_NONE ? ATTEMPT_STAGE : ATTEMPT_NO_ROOM;
}

static enum attempt attempt(struct work *work)
{
    struct op *op = work->op;
    struct store_entry entry;
    store_lock(work->local->store, op->key, op->now_s, &entry);
    op->miss = entry.miss;
    struct decide_item item = {.found = entry.found};
    if (entry.found) {
        item.value = entry.item.value;
        item.flags = entry.item.flags;
        item.expiry_s = entry.item.expiry_s;
        item.version = entry.item.version;
    }
    struct verdict verdict;
    decide(op, &item, work->expiry_s, work->local->config.store.value_max, &verdict);

    enum attempt result = ATTEMPT_DONE;
    switch (verdict.kind) {
    case VERDICT_NOTHING:
        op->result = verdict.result;
        break;
    case VERDICT_READ:
        read_and_unlock(work, &entry, verdict.expiry_s);
        return ATTEMPT_DONE;
    case VERDICT_REMOVE:
        op->result = OP_OK;
        store_remove(&entry);
        break;
    case VERDICT_TOUCH:
        op->result = OP_OK;
        op->hit = (struct op_hit){.flags = entry.item.flags, .cas = entry.item.version};
        store_touch(&entry, verdict.expiry_s);
        break;
    case VERDICT_PUT:
        result = put(work, &entry, &verdict);
        if (result == ATTEMPT_STAGE)
            return stage_and_unlock(work, &entry, &verdict);
        break;
    }
    store_unlock(&entry);
    return result;
}

static void run(struct work *work)
{
    struct local *local = work->local;
    for (int tries = 0; tries < RECLAIM_TRIES;) {
        enum attempt result = attempt(work);
        if (result == ATTEMPT_DONE)
            break;
        if (result == ATTEMPT_STAGE)
            continue; /* again, with the value at hand */
        tries++;
        if (tries == RECLAIM_TRIES ||
            !store_reclaim(local->store, work->need, work->is_rewrite, work->op->now_s)) {
            work->op->result = OP_FULL;
            __atomic_fetch_add(&local->refused_full, 1, __ATOMIC_RELAXED);
            break;
        }
    }
    store_unstage(local->store, &work->staged);
}

/* What lies under `key` in the store; false: nothing. */
static bool look_up(struct local *local, struct bytes key, uint32_t now_s, enum store_class *ret)
{
    struct store_entry entry;
    store_lock(local->store, key, now_s, &entry);
    bool found = entry.found;
    if (found)
        *ret = entry.item.class;
    store_unlock(&entry);
    return found;
}

/*
 * php-memcache takes the lock of session <id> by incr <id>.lock 1, add <id>.lock with the integer 1 (flags
 * 768) and get <id>, one after the other, in one packet or in three; in its binary protocol the incr brings
 * the initial value along. Remembers the incr.
 */
enum { PHP_MEMCACHE_INTEGER = 768 };

static bool is_asked_for(const struct op *op, uint64_t asked)
{
    uint64_t key = hash_bytes(op->key, 0);
    if (op->kind == OP_ADD)
        return asked == key && op->flags == PHP_MEMCACHE_INTEGER && bytes_equal(op->value, bytes_of("1"));
    if (op->kind != OP_INCR || op->delta != 1)
        return false;
    op->client->lock_asked = key;
    return op->create && op->initial == 1;
}

/*
 * Is `<id>.lock` a lock of php-memcache? The suffix is a common one of caches, so it takes more: the lock is
 * held, or the id is known as that of a session, or (at first contact) the way it is asked for says so, and
 * no cache item of that name is in the way.
 */
static bool is_suffixed_lock(struct local *local, const struct op *op, uint64_t asked)
{
    enum store_class class = STORE_CACHE;
    struct bytes id = {.p = op->key.p, .len = op->key.len - (sizeof KEYCLASS_LOCK_SUFFIX - 1)};
    bool is_first_contact = is_asked_for(op, asked);
    if (lock_is_held(&local->locks, op->key, op->now_s))
        return true;
    if (look_up(local, id, op->now_s, &class) && class == STORE_SESSION)
        return true;
    return is_first_contact && !look_up(local, op->key, op->now_s, &class);
}

static bool is_lock(struct local *local, const struct op *op, enum keyclass keyclass)
{
    uint64_t asked = op->client->lock_asked;
    op->client->lock_asked = 0;
    if (keyclass == KEYCLASS_LOCK)
        return true;
    return keyclass_has_lock_suffix(op->key) && is_suffixed_lock(local, op, asked);
}

static enum submit local_submit(struct engine *engine, struct op *op)
{
    struct local *local = local_of(engine);
    op->number = 0;
    op->miss = STORE_MISS_ABSENT;
    op->hit = (struct op_hit){0};
    enum keyclass keyclass = keyclass_of(&local->config.keyclass, op->key);
    if (is_lock(local, op, keyclass)) {
        lock_submit(&local->locks, op);
        return SUBMIT_DONE;
    }
    struct work work = {.local = local, .op = op, .keyclass = keyclass};
    if (op->exptime != 0)
        work.expiry_s = decide_expiry(op->exptime, op->now_s, local->config.clock);
    if (keyclass == KEYCLASS_PLAIN && op->kind != OP_GET)
        work.is_locked_session = lock_is_session(&local->locks, op->key, op->now_s);
    run(&work);
    return SUBMIT_DONE;
}

static void local_prefetch(struct engine *engine, const struct bytes *keys, size_t n)
{
    store_prefetch(local_of(engine)->store, keys, n);
}

/* Nothing is ever pending here as yet: every op is answered before submit returns. */
static enum submit local_resume(struct engine *engine, struct op *op)
{
    (void)engine;
    (void)op;
    CHECK(!"an op to resume");
    return SUBMIT_DONE;
}

static bool local_cancel(struct engine *engine, struct op *op)
{
    (void)engine;
    (void)op;
    CHECK(!"an op to cancel");
    return false;
}

static void local_client_gone(struct engine *engine, struct engine_client *client)
{
    lock_client_gone(&local_of(engine)->locks, client);
}

static void local_flush(struct engine *engine, uint32_t now_s, int64_t exptime)
{
    struct local *local = local_of(engine);
    uint32_t at_s = exptime == 0 ? now_s : decide_expiry(exptime, now_s, local->config.clock);
    store_flush(local->store, now_s, at_s);
}

static void local_read_stats(struct engine *engine, struct engine_stats *ret)
{
    struct local *local = local_of(engine);
    store_read_stats(local->store, &ret->store);
    pthread_mutex_lock(&local->locks.mutex);
    ret->locks = local->locks.nlocks;
    ret->locks_broken = local->locks.nbroken;
    pthread_mutex_unlock(&local->locks.mutex);
    ret->refused_full = __atomic_load_n(&local->refused_full, __ATOMIC_RELAXED);
}

static struct timespec in_ms(uint32_t ms)
{
    struct timespec ts;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
    ts.tv_nsec += (long)(ms % 1000) * 1000000;
    ts.tv_sec += ms / 1000 + ts.tv_nsec / 1000000000;
    ts.tv_nsec %= 1000000000;
    return ts;
}

static void *keep_house(void *arg)
{
    struct local *local = arg;
    pthread_mutex_lock(&local->stop_lock);
    while (!local->stop) {
        pthread_mutex_unlock(&local->stop_lock);
        struct timespec until =
            in_ms(store_tidy(local->store, engine_now_s(clock_steady_ns(local->config.clock))));
        pthread_mutex_lock(&local->stop_lock);
        while (!local->stop &&
               pthread_cond_timedwait(&local->stop_cond, &local->stop_lock, &until) != ETIMEDOUT)
            continue;
    }
    pthread_mutex_unlock(&local->stop_lock);
    return NULL;
}

static void stop_house(struct local *local)
{
    pthread_mutex_lock(&local->stop_lock);
    local->stop = true;
    pthread_cond_signal(&local->stop_cond);
    pthread_mutex_unlock(&local->stop_lock);
    CHECK(pthread_join(local->thread, NULL) == 0);
}

static void local_free(struct engine *engine)
{
    struct local *local = local_of(engine);
    if (local->has_thread)
        stop_house(local);
    lock_table_fini(&local->locks);
    store_free(&local->store);
    pthread_cond_destroy(&local->stop_cond);
    pthread_mutex_destroy(&local->stop_lock);
    free(local);
}

static void init_stop(struct local *local)
{
    pthread_condattr_t attr;
    CHECK(pthread_condattr_init(&attr) == 0);
    CHECK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&local->stop_cond, &attr) == 0);
    CHECK(pthread_condattr_destroy(&attr) == 0);
    CHECK(pthread_mutex_init(&local->stop_lock, NULL) == 0);
}

enum err local_new(const struct local_config *config, struct engine **ret)
{
    static const struct engine_ops ops = {.submit = local_submit,
                                          .prefetch = local_prefetch,
                                          .resume = local_resume,
                                          .cancel = local_cancel,
                                          .client_gone = local_client_gone,
                                          .flush = local_flush,
                                          .read_stats = local_read_stats,
                                          .free = local_free};
    struct local *local = calloc(1, sizeof *local);
    if (local == NULL)
        return ERR_MEMORY;
    local->engine.ops = &ops;
    local->config = *config;
    init_stop(local);
    enum err err = store_new(&config->store, &local->store);
    if (err == ERR_NONE)
        err = lock_table_init(&local->locks, config->store.seed, config->clock);
    if (err == ERR_NONE && !config->without_thread) {
        local->has_thread = pthread_create(&local->thread, NULL, keep_house, local) == 0;
        err = local->has_thread ? ERR_NONE : ERR_MEMORY;
    }
    struct engine *engine = &local->engine;
    if (err == ERR_NONE)
        *ret = engine;
    else
        engine_free(&engine);
    return err;
}
