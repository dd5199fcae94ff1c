/* Ops to store entries and lock keys: see local.h. */
#include "engine/local.h"
#include "base/check.h"
#include "base/hash.h"
#include "engine/decide.h"
#include "engine/adopt.h"
#include "engine/local_private.h"
#include "engine/roster.h"

#include <stdio.h>
#include <stdlib.h>

static struct local *local_of(struct engine *engine)
{
    return (struct local *)(void *)engine;
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
    if (op->session != NULL)
        return session_submit(local, op);
    struct work work;
    work_init(&work, local, op);
    work.lives = decide_lives(op, local->config.clock);
    naming_find(local, op, &work.name);
    if (work.name.kind == KEYCLASS_LOCK)
        return lock_submit(&local->locks, handle_session_key(&work.name.session), op);
    if (work.name.kind == KEYCLASS_SESSION)
        adopt(local, op, &work.name);
    work_run(&work);
    return SUBMIT_DONE;
}

static void local_prefetch(struct engine *engine, struct engine_memo *memo, const struct bytes *keys,
                           size_t n)
{
    struct local *local = local_of(engine);
    struct store_key found[ENGINE_PREFETCH_MAX];
    struct name names[ENGINE_PREFETCH_MAX];
    CHECK(n <= ENGINE_PREFETCH_MAX);
    for (size_t i = 0; i < n; i++) {
        found[i] = (struct store_key){.key = keys[i]};
        if (!naming_guess(local, memo, keys[i], &names[i]))
            continue;
        found[i] = (struct store_key){.key = handle_session_key(&names[i].session), .is_hashed = true};
    }
    store_prefetch(local->store, found, n);
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

static uint32_t local_oldest_age_s(struct engine *engine, enum store_class class, uint32_t now_s)
{
    return store_oldest_age_s(local_of(engine)->store, class, now_s);
}

static void local_read_stats(struct engine *engine, struct engine_stats *ret)
{
    struct local *local = local_of(engine);
    store_read_stats(local->store, &ret->store);
    lock_read_stats(&local->locks, &ret->locks);
    ret->sessions = census_count(&local->census, NULL);
    journal_read_counts(&local->journal, ret->events);
    for (int class = 0; class < STORE_NCLASSES; class ++)
        ret->refused_full[class] = __atomic_load_n(&local->refused_full[class], __ATOMIC_RELAXED);
    ret->refused_disk = __atomic_load_n(&local->refused_disk, __ATOMIC_RELAXED);
}

static bool local_list(struct engine *engine, struct store_cursor *cursor, uint32_t now_s,
                       struct store_listed *ret, size_t *ret_n, uint64_t *ret_unwritten)
{
    size_t n;
    bool has_more = store_list(local_of(engine)->store, cursor, now_s, ret, &n, ret_unwritten);
    *ret_n = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_killed = ret[i].item.class == STORE_SESSION && (ret[i].marks & MARK_KILLED) != 0;
        if (!is_killed)
            ret[(*ret_n)++] = ret[i];
    }
    return has_more;
}

static enum engine_kind local_kind(struct engine *engine, struct bytes key, bool is_session,
                                   unsigned char ret_handle[HANDLE_BYTES])
{
    struct name name;
    naming_show(local_of(engine), key, is_session, &name);
    if (name.kind == KEYCLASS_PLAIN)
        return ENGINE_PLAIN;
    memcpy(ret_handle, name.session.bytes, HANDLE_BYTES);
    return name.kind == KEYCLASS_LOCK ? ENGINE_LOCK : ENGINE_SESSION;
}

static uint32_t local_position(struct engine *engine, const struct op *op)
{
    return lock_position(&local_of(engine)->locks, op);
}

static bool local_list_sessions(struct engine *engine, const struct engine_filter *filter,
                                struct engine_cursor *cursor, uint32_t now_s, struct engine_session *ret,
                                size_t max, size_t *ret_n, uint64_t *ret_unwritten)
{
    return roster_list(local_of(engine), filter, cursor, now_s, ret, max, ret_n, ret_unwritten);
}

static bool local_kill_tagged(struct engine *engine, const struct engine_filter *filter,
                              struct engine_cursor *cursor, struct op *op, uint64_t *ret_nkilled)
{
    return roster_kill(local_of(engine), filter, cursor, op, ret_nkilled);
}

static uint64_t local_count_sessions(struct engine *engine, const struct bytes *application)
{
    return census_count(&local_of(engine)->census, application);
}

static bool local_application(struct engine *engine, uint32_t n, struct bytes *ret_name,
                              uint64_t *ret_nsessions)
{
    return census_application(&local_of(engine)->census, n, ret_name, ret_nsessions);
}

static size_t local_read_events(struct engine *engine, uint64_t after, struct journal_event *ret, size_t max)
{
    return journal_read(&local_of(engine)->journal, after, ret, max);
}

/* From within the store: what went by itself. */
static void dropped(void *arg, const struct store_dropped *dropped)
{
    struct local *local = arg;
    const struct local_config *config = &local->config;
    if (config->store.dropped != NULL)
        config->store.dropped(config->store.dropped_arg, dropped);
    if (!local->is_counted || !dropped->is_hashed || dropped->class != STORE_SESSION)
        return;
    struct traits was;
    traits_read(dropped->attributes, &was);
    census_settle(&local->census, dropped->key, &was, NULL);
    if (!traits_are_killed(&was))
        journal_put(&local->journal, dropped->why == STORE_EVICTED ? JOURNAL_EVICTED : JOURNAL_EXPIRED,
                    dropped->key);
}

static uint32_t tidy(void *arg)
{
    struct local *local = arg;
    if (local->sync.has_thread && store_wants_sync(local->store))
        house_hurry(&local->sync);
    return store_tidy(local->store, clock_seconds(local->config.clock));
}

static void tell_failure(const struct local *local)
{
    const struct store_config *config = &local->config.store;
    char line[STORE_PROBLEM_MAX + 128];
    snprintf(
        line, sizeof line,
        "%s: read-only from now on, what is there can be read; see to the disk, then start the server again",
        store_disk_error(local->store));
    config->notice(config->notice_arg, line);
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
            tell_failure(local);
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
    census_fini(&local->census);
    claims_fini(&local->claims);
    store_free(&local->store);
    journal_fini(&local->journal);
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

struct counting {
    struct census *census;
    bool has_failed;
    bool has_plain;
};

static void count_one(void *arg, struct bytes key, const struct store_item *item)
{
    struct counting *counting = arg;
    struct traits is;
    if (item->class != STORE_SESSION)
        return;
    if (!item->is_hashed) {
        counting->has_plain = true;
        return;
    }
    traits_read(item->attributes, &is);
    if (census_prepare(counting->census, key, NULL, &is))
        census_settle(counting->census, key, NULL, &is);
    else
        counting->has_failed = true;
}

/* What lies on disk is counted before anybody can change it. False: there is no room for their tags. */
static bool count_all(struct local *local)
{
    struct store_cursor cursor = {0};
    struct store_cursor next;
    uint64_t unwritten;
    struct counting counting = {.census = &local->census};
    uint32_t now_s = clock_seconds(local->config.clock);
    while (store_each(local->store, &cursor, now_s, count_one, &counting, &next, &unwritten))
        cursor = next;
    local->is_counted = true;
    local->has_plain = counting.has_plain;
    return !counting.has_failed;
}

static enum err open_parts(struct local *local)
{
    const struct local_config *config = &local->config;
    struct store_config store = config->store;
    struct handle_key key;
    handle_key_random(&key);
    handle_maker_init(&local->maker, &key);
    store.dropped = dropped;
    store.dropped_arg = local;
    enum err err = journal_init(&local->journal, config->clock);
    if (err == ERR_NONE)
        err = store_new(&store, &local->store);
    if (err == ERR_NONE)
        err = census_init(&local->census, local->store);
    if (err == ERR_NONE)
        err = claims_init(&local->claims);
    if (err == ERR_NONE && !count_all(local))
        err = ERR_MEMORY;
    if (err == ERR_NONE)
        err = lock_table_init(&local->locks, config->store.seed, config->clock, &local->journal,
                              &config->locks);
    return err;
}

void local_set_keys(struct engine *engine, const struct handle_key *key, const struct handle_key *former)
{
    struct local *local = local_of(engine);
    if (key != NULL)
        handle_maker_init(&local->maker, key);
    if (former != NULL)
        handle_maker_init(&local->former, former);
    local->has_former = former != NULL;
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
                                          .oldest_age_s = local_oldest_age_s,
                                          .list = local_list,
                                          .kind = local_kind,
                                          .position = local_position,
                                          .list_sessions = local_list_sessions,
                                          .kill_tagged = local_kill_tagged,
                                          .count_sessions = local_count_sessions,
                                          .application = local_application,
                                          .read_events = local_read_events,
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
    enum err err = open_parts(local);
    if (err == ERR_NONE && !config->without_thread)
        err = start_threads(local);
    struct engine *engine = &local->engine;
    if (err == ERR_NONE)
        *ret = engine;
    else
        engine_free(&engine);
    return err;
}
