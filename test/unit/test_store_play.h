/*
 * test_store_play: what an engine does with a store, in a few words: put with another try after making room,
 * look, count. Shared by the tests of the store.
 */
#ifndef CLOAKROOM_TEST_STORE_PLAY_H
#define CLOAKROOM_TEST_STORE_PLAY_H

#include "unit.h"

#include "store/store.h"

#include <stdio.h>

enum { MIB = 1 << 20, NOW = 1000 };

static inline struct store *open_store(struct store_config config)
{
    if (config.limit_bytes == 0)
        config.limit_bytes = 8 * MIB;
    if (config.value_max == 0)
        config.value_max = MIB;
    config.seed = 42;
    struct store *store = NULL;
    assert_int_equal(store_new(&config, &store), ERR_NONE);
    return store;
}

/* The store's figures, which must agree with each other: all that is used has a name, and is within limits. */
static inline struct store_stats stats_of(struct store *store)
{
    struct store_stats stats;
    store_read_stats(store, &stats);
    uint64_t named = stats.live_bytes[STORE_CACHE] + stats.live_bytes[STORE_SESSION];
    assert_true(stats.garbage_bytes <= stats.used_bytes);
    assert_true(named + stats.garbage_bytes + stats.index_bytes <= stats.used_bytes);
    assert_true(stats.used_bytes <= stats.limit_bytes);
    return stats;
}

/* What an engine does about ERR_FULL: make room and try again. */
static inline enum err put(struct store *store, const char *key, struct bytes value, uint32_t expiry_s,
                           enum store_class class, uint32_t now_s)
{
    struct store_write write = {.head = value, .flags = 7, .expiry_s = expiry_s, .class = class};
    for (int tries = 0;; tries++) {
        struct store_entry entry;
        struct segment *staged = NULL;
        bool is_large = store_is_large(store, strlen(key), value.len);
        store_lock(store, bytes_of(key), now_s, &entry);
        bool is_rewrite = entry.found && entry.item.class == STORE_SESSION;
        enum err err = ERR_FULL;
        if (!is_large)
            err = store_put(&entry, &write);
        store_unlock(&entry);
        if (is_large) {
            err = store_stage(store, bytes_of(key), &write, is_rewrite, &staged);
            store_lock(store, bytes_of(key), now_s, &entry);
            if (err == ERR_NONE)
                err = store_put_staged(&entry, &write, &staged);
            store_unlock(&entry);
            store_unstage(store, &staged);
        }
        if (err == ERR_NONE || tries == 8 || !store_reclaim(store, value.len + 300, is_rewrite, now_s))
            return err;
    }
}

static inline bool has(struct store *store, const char *key, struct bytes value, uint32_t now_s)
{
    struct store_entry entry;
    store_lock(store, bytes_of(key), now_s, &entry);
    bool found = entry.found && bytes_equal(entry.item.value, value) && entry.item.flags == 7;
    store_unlock(&entry);
    return found;
}

static inline bool is_absent(struct store *store, const char *key, uint32_t now_s)
{
    struct store_entry entry;
    store_lock(store, bytes_of(key), now_s, &entry);
    store_unlock(&entry);
    return !entry.found;
}

static inline void fetch(struct store *store, const char *key, uint32_t now_s)
{
    struct store_entry entry;
    store_lock(store, bytes_of(key), now_s, &entry);
    assert_true(entry.found);
    store_mark_fetched(&entry);
    store_unlock(&entry);
}

static inline void drop(struct store *store, const char *key, uint32_t now_s)
{
    struct store_entry entry;
    store_lock(store, bytes_of(key), now_s, &entry);
    assert_true(entry.found);
    assert_int_equal(store_remove(&entry), ERR_NONE);
    assert_false(entry.found);
    store_unlock(&entry);
}

static inline void flush_at(struct store *store, uint32_t now_s, uint32_t at_s)
{
    uint64_t unwritten = 0;
    assert_int_equal(store_flush(store, now_s, at_s, &unwritten), ERR_NONE);
}

static inline const char *key_name(uint32_t i)
{
    static char name[64];
    snprintf(name, sizeof name, "key-%u-%.*s", i, (int)(i % 30), "abcdefghijklmnopqrstuvwxyzabcd");
    return name;
}

/* Housekeeping until there is nothing to do; how many calls that took. */
static inline unsigned tidy_up(struct store *store, uint32_t now_s)
{
    unsigned calls = 1;
    while (store_tidy(store, now_s) < 500)
        assert_true(++calls < 100000);
    return calls;
}

#endif
