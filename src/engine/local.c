/* Ops to store entries and lock keys: see local.h. */
#include "engine/local.h"
#include "base/check.h"
#include "base/hash.h"
#include "engine/decide.h"
#include "engine/local_private.h"

#include <stdlib.h>

static struct local *local_of(struct engine *engine)
{
    return (struct local *)(void *)engine;
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
    op->unwritten = 0;
    op->was_found = false;
    op->found_len = 0;
    op->miss = STORE_MISS_ABSENT;
    op->class = STORE_CACHE;
    op->hit = (struct op_hit){0};
    enum keyclass keyclass = keyclass_of(&local->config.keyclass, op->key);
    if (is_lock(local, op, keyclass)) {
        return lock_submit(&local->locks, op);
    }
    struct work work = {
        .local = local, .op = op, .keyclass = keyclass, .lives = decide_lives(op, local->config.clock)};
    if (keyclass == KEYCLASS_PLAIN && (op->kind != OP_GET || op->is_watched))
        work.is_locked_session = lock_is_session(&local->locks, op->key, op->now_s);
    work_run(&work);
    return SUBMIT_DONE;
}

static void local_prefetch(struct engine *engine, const struct bytes *keys, size_t n)
{
    store_prefetch(local_of(engine)->store, keys, n);
}

/* It has waited for a lock, or for the store to be loaded. */
static enum submit local_resume(struct engine *engine, struct op *op)
{
    return local_submit(engine, op);
}

static bool local_cancel(struct engine *engine, struct op *op)
{
    return lock_cancel(&local_of(engine)->locks, op);
}

static void local_client_gone(struct engine *engine, struct engine_client *client)
{
    lock_client_gone(&local_of(engine)->locks, client);
}

static enum op_result local_flush(struct engine *engine, uint32_t now_s, int64_t exptime,
                                  uint64_t *ret_unwritten)
{
    struct local *local = local_of(engine);
    uint32_t at_s = exptime == 0 ? now_s : decide_expiry(exptime, now_s, local->config.clock);
    enum err err = store_flush(local->store, now_s, at_s, ret_unwritten);
    return err == ERR_NONE ? OP_OK : err == ERR_READ_ONLY ? OP_READ_ONLY : OP_FULL;
}

static enum store_commit local_commit(struct engine *engine, uint64_t unwritten, uint64_t *ret_ticket)
{
    struct local *local = local_of(engine);
    enum store_commit commit = store_commit(local->store, unwritten, ret_ticket);
    if (commit == STORE_COMMIT_WAIT)
        house_hurry(&local->sync);
    return commit;
}

static uint64_t local_synced(struct engine *engine)
{
    const struct store *store = local_of(engine)->store;
    return store_disk_error(store) != NULL ? ENGINE_SYNC_FAILED : store_synced(store);
}

static void local_watch(struct engine *engine, struct engine_watch *watch)
{
    struct local *local = local_of(engine);
    pthread_mutex_lock(&local->watch_lock);
    watch->next = local->watches;
    local->watches = watch;
    pthread_mutex_unlock(&local->watch_lock);
}

static void local_forget_watches(struct engine *engine)
{
    struct local *local = local_of(engine);
    pthread_mutex_lock(&local->watch_lock);
    local->watches = NULL;
    pthread_mutex_unlock(&local->watch_lock);
}

static bool local_set_limit(struct engine *engine, uint64_t limit_bytes)
{
    return store_set_limit(local_of(engine)->store, limit_bytes);
}

static void local_read_stats(struct engine *engine, struct engine_stats *ret)
{
    struct local *local = local_of(engine);
    store_read_stats(local->store, &ret->store);
    lock_read_stats(&local->locks, &ret->locks);
    for (int class = 0; class < STORE_NCLASSES; class ++)
        ret->refused_full[class] = __atomic_load_n(&local->refused_full[class], __ATOMIC_RELAXED);
    ret->refused_disk = __atomic_load_n(&local->refused_disk, __ATOMIC_RELAXED);
}

static bool local_list(struct engine *engine, struct store_cursor *cursor, uint32_t now_s,
                       struct store_listed *ret, size_t *ret_n, uint64_t *ret_unwritten)
{
    return store_list(local_of(engine)->store, cursor, now_s, ret, ret_n, ret_unwritten);
}

static enum engine_kind local_kind(struct engine *engine, struct bytes key, bool is_session,
                                   struct bytes *ret_id)
{
    enum keyclass class = keyclass_split(&local_of(engine)->config.keyclass, key, ret_id);
    if (class != KEYCLASS_PLAIN)
        return class == KEYCLASS_LOCK ? ENGINE_LOCK : ENGINE_SESSION;
    if (!is_session && keyclass_has_lock_suffix(key)) {
        ret_id->len -= sizeof KEYCLASS_LOCK_SUFFIX - 1;
        return ENGINE_LOCK;
    }
    return is_session ? ENGINE_SESSION : ENGINE_PLAIN;
}

static uint32_t tidy(void *arg)
{
    struct local *local = arg;
    if (local->sync.has_thread && store_wants_sync(local->store))
        house_hurry(&local->sync);
    return store_tidy(local->store, clock_seconds(local->config.clock));
}

/* A round by the policy; in `always` mode the next at once while somebody waits. */
static uint32_t sync_round(void *arg)
{
    struct local *local = arg;
    const struct store_config *config = &local->config.store;
    enum err err = store_sync(local->store);
    if (err != ERR_NONE && !local->has_told) {
        local->has_told = true;
        if (config->notice != NULL)
            config->notice(config->notice_arg, store_disk_error(local->store));
    }
    pthread_mutex_lock(&local->watch_lock);
    for (struct engine_watch *watch = local->watches; watch != NULL; watch = watch->next)
        watch->synced(watch);
    pthread_mutex_unlock(&local->watch_lock);
    return local->config.sync_interval_ms;
}

static void local_free(struct engine *engine)
{
    struct local *local = local_of(engine);
    house_stop(&local->tidy);
    house_stop(&local->sync);
    lock_table_fini(&local->locks);
    store_free(&local->store);
    pthread_mutex_destroy(&local->watch_lock);
    free(local);
}

static enum err start_threads(struct local *local)
{
    enum err err = ERR_NONE;
    if (local->config.store.disk != NULL)
        err = house_start(&local->sync, sync_round, local);
    if (err == ERR_NONE)
        err = house_start(&local->tidy, tidy, local);
    return err;
}

enum err local_new(const struct local_config *config, struct engine **ret)
{
    static const struct engine_ops ops = {.submit = local_submit,
                                          .prefetch = local_prefetch,
                                          .resume = local_resume,
                                          .cancel = local_cancel,
                                          .client_gone = local_client_gone,
                                          .flush = local_flush,
                                          .set_limit = local_set_limit,
                                          .read_stats = local_read_stats,
                                          .list = local_list,
                                          .kind = local_kind,
                                          .commit = local_commit,
                                          .synced = local_synced,
                                          .watch = local_watch,
                                          .forget_watches = local_forget_watches,
                                          .free = local_free};
    struct local *local = calloc(1, sizeof *local);
    if (local == NULL)
        return ERR_MEMORY;
    local->engine.ops = &ops;
    local->config = *config;
    CHECK(pthread_mutex_init(&local->watch_lock, NULL) == 0);
    enum err err = store_new(&config->store, &local->store);
    if (err == ERR_NONE)
        err = lock_table_init(&local->locks, config->store.seed, config->clock, &config->locks);
    if (err == ERR_NONE && !config->without_thread)
        err = start_threads(local);
    struct engine *engine = &local->engine;
    if (err == ERR_NONE)
        *ret = engine;
    else
        engine_free(&engine);
    return err;
}
