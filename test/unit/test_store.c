/*
 * Promises of store.h: what was put is found until it expires, is removed or flushed; no live session is
 * dropped to make room (S3) and what exists can be written again at the brim; all memory stays within the
 * limit (S6); compaction changes no item. Held against a plain array as the model.
 */
#include "test_store_play.h"

#include "base/hash.h"

#include <stdlib.h>

static void puts_gets_removes(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){0});
    assert_int_equal(put(store, "a", bytes_of("one"), 0, STORE_CACHE, NOW), ERR_NONE);
    assert_true(has(store, "a", bytes_of("one"), NOW));
    assert_int_equal(put(store, "a", bytes_of(""), 0, STORE_CACHE, NOW), ERR_NONE);
    assert_true(has(store, "a", bytes_of(""), NOW));
    assert_true(is_absent(store, "b", NOW));
    struct store_entry entry;
    store_lock(store, bytes_of("a"), NOW, &entry);
    assert_int_equal(store_remove(&entry), ERR_NONE);
    store_unlock(&entry);
    assert_true(is_absent(store, "a", NOW));
    assert_int_equal(stats_of(store).items[STORE_CACHE], 0);
    store_free(&store);
}

/* Of each class its own: the one that was used longest ago. */
static void the_oldest_has_an_age(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){0});
    assert_int_equal(store_oldest_age_s(store, STORE_CACHE, NOW), 0);
    assert_int_equal(put(store, "a", bytes_of("one"), 0, STORE_CACHE, NOW), ERR_NONE);
    assert_int_equal(put(store, "s", bytes_of("one"), 0, STORE_SESSION, NOW + 5), ERR_NONE);
    assert_int_equal(put(store, "b", bytes_of("one"), 0, STORE_CACHE, NOW + 10), ERR_NONE);
    assert_int_equal(store_oldest_age_s(store, STORE_CACHE, NOW + 20), 20);
    assert_int_equal(store_oldest_age_s(store, STORE_SESSION, NOW + 20), 15);
    store_free(&store);
}

static void versions_rise(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){0});
    uint64_t last = 0;
    for (int i = 0; i < 100; i++) {
        struct store_entry entry;
        store_lock(store, bytes_of("k"), NOW, &entry);
        assert_int_equal(store_put(&entry, &(struct store_write){.head = bytes_of("v")}), ERR_NONE);
        assert_true(entry.item.version > last);
        last = entry.item.version;
        store_unlock(&entry);
    }
    store_free(&store);
}

/* The index keeps 32 bits of a key's hash: the rest is the key's own to tell. */
static void keys_of_one_tag_are_told_apart(void **state)
{
    (void)state;
    enum { N = 1 << 18, PAIRS_MIN = 3 };
    struct store *store = open_store((struct store_config){.nshards = 1});
    uint32_t *first = calloc(1 << 22, sizeof *first); /* by 22 bits of the tag: the key that had it last */
    uint32_t pairs = 0;
    char key[2][16];
    for (uint32_t i = 1; i <= N; i++) {
        snprintf(key[0], sizeof key[0], "%08u", i);
        uint32_t tag = (uint32_t)hash_bytes(bytes_of(key[0]), 42);
        snprintf(key[1], sizeof key[1], "%08u", first[tag >> 10]);
        if (first[tag >> 10] != 0 && (uint32_t)hash_bytes(bytes_of(key[1]), 42) == tag) {
            pairs++;
            for (int k = 0; k < 2; k++)
                assert_int_equal(put(store, key[k], bytes_of(key[k]), 0, STORE_CACHE, NOW), ERR_NONE);
            for (int k = 0; k < 2; k++)
                assert_true(has(store, key[k], bytes_of(key[k]), NOW));
            drop(store, key[0], NOW);
            assert_true(is_absent(store, key[0], NOW));
            assert_true(has(store, key[1], bytes_of(key[1]), NOW));
        }
        first[tag >> 10] = i;
    }
    assert_true(pairs >= PAIRS_MIN);
    free(first);
    store_free(&store);
}

/* Across shards, too: a version is also the cas, and the flush goes by it. */
static void versions_are_unique_and_flushed_in_every_shard(void **state)
{
    (void)state;
    enum { N = 400, SHARDS = 8 };
    struct store *store = open_store((struct store_config){.limit_bytes = 64 * MIB, .nshards = SHARDS});
    uint64_t versions[N];
    for (uint32_t i = 0; i < N; i++) {
        struct store_entry entry;
        store_lock(store, bytes_of(key_name(i)), NOW, &entry);
        assert_int_equal(store_put(&entry, &(struct store_write){.head = bytes_of("v")}), ERR_NONE);
        versions[i] = entry.item.version;
        store_unlock(&entry);
        for (uint32_t other = 0; other < i; other++)
            assert_true(versions[other] != versions[i]);
    }
    flush_at(store, NOW, NOW);
    for (uint32_t i = 0; i < N; i++)
        assert_true(is_absent(store, key_name(i), NOW));
    store_free(&store);
}

/* S7, in a store whose segments are as large as they come. */
static void what_exceeds_64_kib_is_large(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){.limit_bytes = 64 * MIB, .segment_bytes = MIB});
    assert_false(store_is_large(store, 10, 60 << 10));
    assert_true(store_is_large(store, 10, 64 << 10));
    store_free(&store);
    store = open_store((struct store_config){.limit_bytes = 64 * MIB, .segment_bytes = 16 << 10});
    assert_false(store_is_large(store, 10, 4000));
    assert_true(store_is_large(store, 10, 16 << 10)); /* no segment would hold it */
    store_free(&store);
}

static void expires_on_the_second(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){0});
    assert_int_equal(put(store, "a", bytes_of("x"), NOW + 5, STORE_SESSION, NOW), ERR_NONE);
    assert_true(has(store, "a", bytes_of("x"), NOW + 4));
    assert_true(is_absent(store, "a", NOW + 5));
    struct store_stats stats = stats_of(store);
    assert_int_equal(stats.reclaimed[STORE_SESSION], 1);
    assert_int_equal(stats.expired_unfetched[STORE_SESSION], 1);

    assert_int_equal(put(store, "b", bytes_of("x"), NOW + 5, STORE_SESSION, NOW), ERR_NONE);
    struct store_entry entry;
    store_lock(store, bytes_of("b"), NOW, &entry);
    store_mark_fetched(&entry);
    assert_int_equal(store_touch(&entry, NOW + 50), ERR_NONE);
    store_unlock(&entry);
    assert_true(has(store, "b", bytes_of("x"), NOW + 49));
    assert_true(is_absent(store, "b", NOW + 50));
    assert_int_equal(stats_of(store).expired_unfetched[STORE_SESSION], 1);
    store_free(&store);
}

static void flush_takes_what_was_before(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){0});
    assert_int_equal(put(store, "a", bytes_of("x"), 0, STORE_SESSION, NOW), ERR_NONE);
    flush_at(store, NOW, NOW);
    assert_true(is_absent(store, "a", NOW));
    assert_int_equal(put(store, "a", bytes_of("y"), 0, STORE_SESSION, NOW), ERR_NONE);
    assert_true(has(store, "a", bytes_of("y"), NOW));

    flush_at(store, NOW, NOW + 10);
    assert_int_equal(put(store, "b", bytes_of("z"), 0, STORE_CACHE, NOW + 9), ERR_NONE);
    assert_true(has(store, "a", bytes_of("y"), NOW + 9));
    assert_true(is_absent(store, "a", NOW + 10));
    assert_true(is_absent(store, "b", NOW + 10));
    assert_int_equal(put(store, "c", bytes_of("z"), 0, STORE_CACHE, NOW + 10), ERR_NONE);
    assert_true(has(store, "c", bytes_of("z"), NOW + 11));
    store_free(&store);
}

/* The model: what each of N keys holds, by the seed that made its value. */
struct model {
    struct store *store;
    uint64_t seed;
    uint32_t n;
    size_t value_max;
    struct held {
        uint64_t value_seed; /* 0: absent */
        size_t len;
        uint32_t expiry_s;
    } * held;
    char *value;
};

static struct model open_model(struct store *store, uint32_t n, size_t value_max, uint64_t seed)
{
    print_message("seed %llu\n", (unsigned long long)seed);
    return (struct model){.store = store,
                          .seed = seed,
                          .n = n,
                          .value_max = value_max,
                          .held = calloc(n, sizeof(struct held)),
                          .value = malloc(value_max)};
}

static void close_model(struct model *model)
{
    free(model->held);
    free(model->value);
    store_free(&model->store);
}

static struct bytes make_value(struct model *model, const struct held *held)
{
    uint64_t seed = held->value_seed;
    for (size_t i = 0; i < held->len; i++) {
        if (i % 8 == 0)
            unit_random(&seed);
        model->value[i] = (char)(seed >> (i % 8 * 8));
    }
    return (struct bytes){.p = model->value, .len = held->len};
}

static enum err model_put(struct model *model, uint32_t i, size_t len, uint32_t expiry_s, uint32_t now_s)
{
    struct held held = {.value_seed = unit_random(&model->seed) | 1, .len = len, .expiry_s = expiry_s};
    enum err err = put(model->store, key_name(i), make_value(model, &held), expiry_s, STORE_SESSION, now_s);
    if (err == ERR_NONE)
        model->held[i] = held;
    return err;
}

static void model_check(struct model *model, uint32_t i, uint32_t now_s)
{
    const struct held *held = &model->held[i];
    bool is_live = held->value_seed != 0 && (held->expiry_s == 0 || held->expiry_s > now_s);
    if (is_live)
        assert_true(has(model->store, key_name(i), make_value(model, held), now_s));
    else
        assert_true(is_absent(model->store, key_name(i), now_s));
}

static void model_check_all(struct model *model, uint32_t now_s)
{
    for (uint32_t i = 0; i < model->n; i++)
        model_check(model, i, now_s);
}

/* Puts, removals, expiry, housekeeping in any order, with values from nothing to several segments. */
static void follows_the_model(void **state)
{
    (void)state;
    struct model model =
        open_model(open_store((struct store_config){.limit_bytes = 64 * MIB}), 2000, 200000, 11);
    uint32_t now_s = NOW;
    for (int step = 0; step < 60000; step++) {
        uint32_t i = (uint32_t)(unit_random(&model.seed) % model.n);
        uint64_t what = unit_random(&model.seed) % 100;
        if (what < 55) {
            size_t len = unit_random(&model.seed) % (what == 0 ? model.value_max : 2000);
            uint32_t life = unit_random(&model.seed) % 2 == 0 ? 0 : now_s + 1 + (uint32_t)(what % 20);
            assert_int_equal(model_put(&model, i, len, life, now_s), ERR_NONE);
        } else if (what < 60 && model.held[i].value_seed != 0) {
            struct store_entry entry;
            store_lock(model.store, bytes_of(key_name(i)), now_s, &entry);
            if (entry.found)
                assert_int_equal(store_remove(&entry), ERR_NONE);
            store_unlock(&entry);
            model.held[i] = (struct held){0};
        } else if (what < 62) {
            store_tidy(model.store, now_s);
        } else {
            model_check(&model, i, now_s);
        }
        now_s += step % 2000 == 1999;
    }
    model_check_all(&model, now_s);
    close_model(&model);
}

/* S3: fills up with sessions, then writes them all again many times. None is refused, none is lost. */
static void at_the_brim_sessions_stay_and_can_be_rewritten(void **state)
{
    (void)state;
    static const uint64_t limits[] = {2 * MIB, 8 * MIB, 64 * MIB};
    for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
        uint32_t now_s = NOW;
        struct model model =
            open_model(open_store((struct store_config){.limit_bytes = limits[l]}), 100000, 2000, l + 1);
        uint32_t n = 0;
        while (n < model.n &&
               model_put(&model, n, 200 + unit_random(&model.seed) % 1200, 0, now_s) == ERR_NONE)
            n++;
        struct store_stats full = stats_of(model.store);
        assert_true(n < model.n);
        assert_int_equal(full.items[STORE_SESSION], n);
        assert_true(full.live_bytes[STORE_SESSION] > limits[l] / 100 * 80);
        uint64_t rewritten = 0;
        for (uint64_t step = 0; rewritten < limits[l] * 4; step++) {
            uint32_t i = (uint32_t)(unit_random(&model.seed) % n);
            size_t len = model.held[i].len;
            assert_int_equal(model_put(&model, i, len, 0, now_s), ERR_NONE);
            rewritten += len;
            now_s += step % 4096 == 0;
        }
        for (uint32_t i = 0; i < n; i++)
            model_check(&model, i, now_s);
        assert_int_equal(stats_of(model.store).evictions[STORE_SESSION], 0);
        close_model(&model);
    }
}

static char block[1000];

static void cache_goes_first_oldest_first(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){.limit_bytes = 4 * MIB});
    struct bytes value = {.p = block, .len = sizeof block};
    for (uint32_t i = 0; i < 2000; i++)
        assert_int_equal(put(store, key_name(i), value, 0, STORE_SESSION, NOW), ERR_NONE);
    for (uint32_t i = 2000; i < 10000; i++)
        assert_int_equal(put(store, key_name(i), value, 0, STORE_CACHE, NOW), ERR_NONE);
    struct store_stats stats = stats_of(store);
    assert_int_equal(stats.items[STORE_SESSION], 2000);
    assert_int_equal(stats.evictions[STORE_SESSION], 0);
    assert_true(stats.evictions[STORE_CACHE] > 4000);
    for (uint32_t i = 0; i < 2000; i++)
        assert_true(has(store, key_name(i), value, NOW));
    assert_true(is_absent(store, key_name(2000), NOW));
    for (uint32_t i = 9500; i < 10000; i++)
        assert_true(has(store, key_name(i), value, NOW));

    /* New sessions push out cache before they are refused. */
    uint32_t i = 10000;
    while (put(store, key_name(i), value, 0, STORE_SESSION, NOW) == ERR_NONE)
        i++;
    stats = stats_of(store);
    assert_true(stats.items[STORE_CACHE] * 1100 < 2 * (uint64_t)stats.segment_bytes);
    assert_true(i > 10000 + 1000);
    store_free(&store);
}

static void without_eviction_cache_is_refused(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){.limit_bytes = 2 * MIB, .no_evict = true});
    struct bytes value = {.p = block, .len = sizeof block};
    uint32_t n = 0;
    while (put(store, key_name(n), value, 0, STORE_CACHE, NOW) == ERR_NONE)
        n++;
    assert_int_equal(stats_of(store).evictions[STORE_CACHE], 0);
    for (uint32_t i = 0; i < n; i++)
        assert_true(has(store, key_name(i), value, NOW));
    store_free(&store);
}

static void evict_sessions_gives_way_and_counts(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){.limit_bytes = 2 * MIB, .evict_sessions = true});
    struct bytes value = {.p = block, .len = sizeof block};
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(put(store, key_name(i), value, 0, STORE_SESSION, NOW), ERR_NONE);
    struct store_stats stats = stats_of(store);
    assert_int_equal(stats.evictions[STORE_SESSION] + stats.items[STORE_SESSION], 5000);
    assert_true(has(store, key_name(4999), value, NOW));
    store_free(&store);
}

static void expired_sessions_make_room(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){.limit_bytes = 2 * MIB});
    struct bytes value = {.p = block, .len = sizeof block};
    uint32_t n = 0;
    while (put(store, key_name(n), value, n % 2 == 0 ? 0 : NOW + 10, STORE_SESSION, NOW) == ERR_NONE)
        n++;
    assert_int_not_equal(put(store, "new", value, 0, STORE_SESSION, NOW + 9), ERR_NONE);
    for (uint32_t i = 0; i < n / 2 - 100; i++) {
        char name[32];
        snprintf(name, sizeof name, "new-%u", i);
        assert_int_equal(put(store, name, value, 0, STORE_SESSION, NOW + 10), ERR_NONE);
    }
    for (uint32_t i = 0; i < n; i += 2)
        assert_true(has(store, key_name(i), value, NOW + 10));
    store_free(&store);
}

/* Large values at the brim: refused or stored, never harmful; and a pinned one outlives its removal. */
static void large_values(void **state)
{
    (void)state;
    struct model model = open_model(open_store((struct store_config){.limit_bytes = 8 * MIB}), 64, MIB, 5);
    uint32_t refused = 0;
    for (int step = 0; step < 2000; step++) {
        uint32_t i = (uint32_t)(unit_random(&model.seed) % model.n);
        refused += model_put(&model, i, unit_random(&model.seed) % model.value_max, 0, NOW) != ERR_NONE;
        model_check(&model, i, NOW);
    }
    assert_true(refused > 0);
    model_check_all(&model, NOW);
    close_model(&model);

    struct store *store = open_store((struct store_config){0});
    static char big[300000];
    memset(big, 'x', sizeof big);
    assert_int_equal(put(store, "big", (struct bytes){big, sizeof big}, 0, STORE_CACHE, NOW), ERR_NONE);
    struct store_entry entry;
    store_lock(store, bytes_of("big"), NOW, &entry);
    struct bytes value = entry.item.value;
    struct segment *pinned = store_pin(&entry);
    assert_int_equal(store_remove(&entry), ERR_NONE);
    store_unlock(&entry);
    assert_int_equal(value.len, sizeof big);
    assert_memory_equal(value.p, big, sizeof big);
    store_unpin(store, pinned);
    store_free(&store);
}

/* Garbage is worked off while nobody writes, so memory follows what lives. */
static void tidy_works_off_garbage(void **state)
{
    (void)state;
    struct model model =
        open_model(open_store((struct store_config){.limit_bytes = 64 * MIB}), 5000, 2000, 9);
    for (int step = 0; step < 60000; step++) {
        uint32_t i = (uint32_t)(unit_random(&model.seed) % model.n);
        assert_int_equal(model_put(&model, i, 900, 0, NOW), ERR_NONE);
        if (step % 16 == 0)
            store_tidy(model.store, NOW);
    }
    for (int i = 0; i < 5000; i++)
        store_tidy(model.store, NOW);
    struct store_stats stats = stats_of(model.store);
    assert_true(stats.garbage_bytes < stats.live_bytes[STORE_SESSION] / 10 + 2 * MIB);
    model_check_all(&model, NOW);
    close_model(&model);
}

static void tidy_drops_what_expired_unseen(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){0});
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(put(store, key_name(i), bytes_of("v"), NOW + 10 + i % 2 * 100, STORE_SESSION, NOW),
                         ERR_NONE);
    for (int i = 0; i < 1000; i++)
        store_tidy(store, NOW + 60);
    assert_int_equal(stats_of(store).items[STORE_SESSION], 500);
    store_free(&store);
}

/* A later touch, and a sweep that leaves an item alone, are both remembered: the item goes in its time. */
static void tidy_drops_what_was_touched_or_swept_before(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){0});
    struct store_entry entry;
    assert_int_equal(put(store, "touched", bytes_of("v"), 0, STORE_SESSION, NOW), ERR_NONE);
    store_lock(store, bytes_of("touched"), NOW, &entry);
    assert_int_equal(store_touch(&entry, NOW + 200), ERR_NONE);
    store_unlock(&entry);
    for (int i = 0; i < 100; i++)
        store_tidy(store, NOW + 260);
    assert_int_equal(stats_of(store).items[STORE_SESSION], 0);

    assert_int_equal(put(store, "early", bytes_of("v"), NOW + 310, STORE_SESSION, NOW + 300), ERR_NONE);
    assert_int_equal(put(store, "late", bytes_of("v"), NOW + 400, STORE_SESSION, NOW + 300), ERR_NONE);
    for (uint32_t now_s = NOW + 350; now_s <= NOW + 450; now_s += 100) {
        for (int i = 0; i < 100; i++)
            store_tidy(store, now_s);
        assert_int_equal(stats_of(store).items[STORE_SESSION], now_s < NOW + 400);
    }
    store_free(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_gets_removes),
        cmocka_unit_test(the_oldest_has_an_age),
        cmocka_unit_test(versions_rise),
        cmocka_unit_test(keys_of_one_tag_are_told_apart),
        cmocka_unit_test(versions_are_unique_and_flushed_in_every_shard),
        cmocka_unit_test(what_exceeds_64_kib_is_large),
        cmocka_unit_test(expires_on_the_second),
        cmocka_unit_test(flush_takes_what_was_before),
        cmocka_unit_test(follows_the_model),
        cmocka_unit_test(at_the_brim_sessions_stay_and_can_be_rewritten),
        cmocka_unit_test(cache_goes_first_oldest_first),
        cmocka_unit_test(without_eviction_cache_is_refused),
        cmocka_unit_test(evict_sessions_gives_way_and_counts),
        cmocka_unit_test(expired_sessions_make_room),
        cmocka_unit_test(large_values),
        cmocka_unit_test(tidy_works_off_garbage),
        cmocka_unit_test(tidy_drops_what_expired_unseen),
        cmocka_unit_test(tidy_drops_what_was_touched_or_swept_before),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
