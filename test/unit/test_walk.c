/*
 * Promises of walk.c and store_reclaim() about what goes first (S3): what expired, then garbage, then cache, the
 * oldest first; sessions stay sessions wherever compaction puts them; the sweep comes to whatever has an end.
 */
#include "test_store_play.h"

#include <stdlib.h>

static char block[1000];
static const struct bytes value = {.p = block, .len = sizeof block};

static void put_some(struct store *store, uint32_t from, uint32_t to, uint32_t expiry_s,
                     enum store_class class)
{
    for (uint32_t i = from; i < to; i++)
        assert_int_equal(put(store, key_name(i), value, expiry_s, class, NOW), ERR_NONE);
}

static uint32_t count_found(struct store *store, uint32_t from, uint32_t to, uint32_t now_s)
{
    uint32_t n = 0;
    for (uint32_t i = from; i < to; i++)
        n += has(store, key_name(i), value, now_s);
    return n;
}

static uint64_t evictions(struct store *store)
{
    struct store_stats stats = stats_of(store);
    return stats.evictions[STORE_CACHE] + stats.evictions[STORE_SESSION];
}

/* What lives is a third of the memory, and is written again and again. */
static void garbage_goes_before_cache(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){.limit_bytes = 4 * MIB});
    uint64_t seed = 2;
    for (int step = 0; step < 26000; step++) {
        const char *key = key_name((uint32_t)(unit_random(&seed) % 1300));
        assert_int_equal(put(store, key, value, 0, STORE_CACHE, NOW), ERR_NONE);
    }
    assert_int_equal(evictions(store), 0);
    assert_int_equal(count_found(store, 0, 1300, NOW), stats_of(store).items[STORE_CACHE]);
    assert_true(stats_of(store).copied_bytes > 0);
    store_free(&store);
}

static void what_expired_goes_before_cache(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){.limit_bytes = 4 * MIB});
    for (uint32_t i = 0; i < 3300; i++)
        assert_int_equal(put(store, key_name(i), value, i % 2 == 0 ? 0 : NOW + 10, STORE_CACHE, NOW),
                         ERR_NONE);
    assert_int_equal(evictions(store), 0);
    for (uint32_t i = 5000; i < 6200; i++)
        assert_int_equal(put(store, key_name(i), value, 0, STORE_CACHE, NOW + 10), ERR_NONE);
    assert_int_equal(evictions(store), 0);
    assert_int_equal(count_found(store, 0, 3300, NOW + 10), 1650);
    assert_int_equal(count_found(store, 5000, 6200, NOW + 10), 1200);
    store_free(&store);
}

/* What is over by itself costs no copy: it is looked for before any garbage is. */
static void what_expired_goes_before_garbage(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){.limit_bytes = 4 * MIB});
    uint32_t n = 0;
    while (put(store, key_name(n), value, n < 1500 ? 0 : NOW + 10, STORE_SESSION, NOW) == ERR_NONE)
        n++;
    for (uint32_t i = 0; i < 1500; i += 2)
        drop(store, key_name(i), NOW);
    uint64_t copied = stats_of(store).copied_bytes;
    for (uint32_t i = n; i < n + 300; i++)
        assert_int_equal(put(store, key_name(i), value, 0, STORE_SESSION, NOW + 10), ERR_NONE);
    assert_int_equal(stats_of(store).copied_bytes, copied);
    store_free(&store);
}

/* Sessions that compaction copied lie beside nothing that is evicted. */
static void settled_sessions_stay_when_cache_goes(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){.limit_bytes = 4 * MIB});
    for (uint32_t i = 0; i < 3000; i++) /* every third stays, so that compaction has something to copy */
        assert_int_equal(put(store, key_name(i), value, i % 3 == 0 ? 0 : NOW + 1, STORE_SESSION, NOW),
                         ERR_NONE);
    tidy_up(store, NOW + 100);
    assert_true(stats_of(store).copied_bytes > 0);
    for (uint32_t i = 10000; i < 20000; i++)
        assert_int_equal(put(store, key_name(i), value, 0, STORE_CACHE, NOW + 100), ERR_NONE);
    struct store_stats stats = stats_of(store);
    assert_int_equal(stats.evictions[STORE_SESSION], 0);
    assert_true(stats.evictions[STORE_CACHE] > 0);
    for (uint32_t i = 0; i < 3000; i += 3)
        assert_true(has(store, key_name(i), value, NOW + 100));
    store_free(&store);
}

static void with_evict_sessions_cache_still_goes_first(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){.limit_bytes = 4 * MIB, .evict_sessions = true});
    put_some(store, 0, 1500, 0, STORE_SESSION);
    put_some(store, 5000, 9000, 0, STORE_CACHE);
    assert_int_equal(stats_of(store).evictions[STORE_SESSION], 0);
    assert_int_equal(count_found(store, 0, 1500, NOW), 1500);
    store_free(&store);
}

/* The headroom is for sessions: rewriting cache does not use it up. */
static void cache_does_not_use_the_headroom(void **state)
{
    (void)state;
    enum { LIMIT = 8 * MIB, SEGMENT = 16 << 10 };
    struct store *store =
        open_store((struct store_config){.limit_bytes = LIMIT, .segment_bytes = SEGMENT, .no_evict = true});
    uint32_t n = 0;
    while (put(store, key_name(n), value, 0, STORE_CACHE, NOW) == ERR_NONE)
        n++;
    for (uint32_t i = 0; i < n; i++) {
        (void)put(store, key_name(i * 4099 % n), value, 0, STORE_CACHE, NOW + 1);
        assert_true(stats_of(store).used_bytes <= LIMIT / 100 * 95); /* with the reserve, for the index */
    }
    assert_int_equal(count_found(store, 0, n, NOW + 1), n);
    store_free(&store);
}

/* Once rewrites live on the headroom, what is left of their segments is theirs, too. */
static void new_items_do_not_fill_the_headroom(void **state)
{
    (void)state;
    enum { LIMIT = 4 * MIB, SEGMENT = 16 << 10 };
    struct store *store = open_store((struct store_config){.limit_bytes = LIMIT, .segment_bytes = SEGMENT});
    uint32_t n = 0;
    while (put(store, key_name(n), value, 0, STORE_SESSION, NOW) == ERR_NONE)
        n++;
    for (uint32_t i = 0; stats_of(store).used_bytes <= LIMIT - LIMIT / 100 * 5 - SEGMENT; i++)
        assert_int_equal(put(store, key_name(i % n), value, 0, STORE_SESSION, NOW), ERR_NONE);
    struct store_write write = {.head = bytes_of("v"), .class = STORE_SESSION};
    struct store_entry entry;
    store_lock(store, bytes_of("new"), NOW, &entry);
    assert_int_equal(store_put(&entry, &write), ERR_FULL);
    store_unlock(&entry);
    store_lock(store, bytes_of(key_name(0)), NOW, &entry);
    assert_int_equal(store_put(&entry, &write), ERR_NONE);
    store_unlock(&entry);
    store_free(&store);
}

/* Where no room can be made for a large value it still can for a small one, in the same second. */
static void a_large_refusal_is_none_of_small_ones(void **state)
{
    (void)state;
    static char big[MIB];
    struct store *store = open_store((struct store_config){.limit_bytes = 4 * MIB});
    uint32_t n = 0;
    while (put(store, key_name(n), value, 0, STORE_SESSION, NOW) == ERR_NONE)
        n++;
    assert_int_equal(put(store, "big", (struct bytes){big, sizeof big}, 0, STORE_SESSION, NOW + 1), ERR_FULL);
    for (uint32_t i = 0; i < n; i += 3)
        drop(store, key_name(i), NOW + 1);
    for (uint32_t i = n; i < n + n / 4; i++)
        assert_int_equal(put(store, key_name(i), value, 0, STORE_SESSION, NOW + 1), ERR_NONE);
    store_free(&store);
}

/* Cache gives way to large values, too, and to all of them. */
static void large_sessions_push_out_cache(void **state)
{
    (void)state;
    static char big[300000];
    struct store *store = open_store((struct store_config){.limit_bytes = 8 * MIB});
    put_some(store, 0, 20000, 0, STORE_CACHE);
    char name[32];
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "big-%d", i);
        assert_int_equal(put(store, name, (struct bytes){big, sizeof big}, 0, STORE_SESSION, NOW), ERR_NONE);
    }
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "big-%d", i);
        assert_true(has(store, name, (struct bytes){big, sizeof big}, NOW));
    }
    assert_true(stats_of(store).live_bytes[STORE_SESSION] > 20 * sizeof big);
    store_free(&store);
}

/* A large session at the brim can be written again, as small ones can. */
static void a_large_session_can_be_rewritten_at_the_brim(void **state)
{
    (void)state;
    static char big[100000];
    struct store *store = open_store((struct store_config){.limit_bytes = 8 * MIB});
    assert_int_equal(put(store, "big", (struct bytes){big, sizeof big}, 0, STORE_SESSION, NOW), ERR_NONE);
    uint32_t n = 0;
    while (put(store, key_name(n), value, 0, STORE_SESSION, NOW) == ERR_NONE)
        n++;
    for (uint32_t round = 0; round < 10; round++) {
        big[0] = (char)round;
        assert_int_equal(put(store, "big", (struct bytes){big, sizeof big}, 0, STORE_SESSION, NOW), ERR_NONE);
        assert_true(has(store, "big", (struct bytes){big, sizeof big}, NOW));
    }
    assert_int_equal(count_found(store, 0, n, NOW), n);
    store_free(&store);
}

/* That a new one was refused is remembered for a second, and is no reason to refuse a rewrite within it. */
static void a_refusal_of_new_ones_is_none_of_rewrites(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){.limit_bytes = 4 * MIB});
    uint32_t n = 0;
    while (put(store, key_name(n), value, 0, STORE_SESSION, NOW) == ERR_NONE)
        n++;
    for (uint32_t i = 0; i < 3 * n; i++) {
        if (i % 100 == 0)
            assert_int_equal(put(store, "new", value, 0, STORE_SESSION, NOW), ERR_FULL);
        assert_int_equal(put(store, key_name(i * 4099 % n), value, 0, STORE_SESSION, NOW), ERR_NONE);
    }
    store_free(&store);
}

/* Keys and nothing else: the index, too, must find room or be refused without harm. */
static void the_smallest_items_fill_up_without_harm(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){.limit_bytes = 2 * MIB});
    uint32_t n = 0;
    while (put(store, key_name(n), bytes_of(""), 0, STORE_SESSION, NOW) == ERR_NONE)
        n++;
    assert_true(n > 20000);
    assert_int_equal(stats_of(store).items[STORE_SESSION], n);
    assert_true(is_absent(store, key_name(n), NOW));
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(put(store, key_name(i), bytes_of("1"), 0, STORE_SESSION, NOW + 1), ERR_NONE);
    for (uint32_t i = 0; i < n; i++)
        assert_true(has(store, key_name(i), bytes_of("1"), NOW + 1));
    store_free(&store);
}

/* The index may fill its pages to the last slot, and then it is the index that refuses: what was stored is there,
 * what was refused is not, and it goes on when there is room again. */
static void a_full_index_refuses_without_harm(void **state)
{
    (void)state;
    enum { SEGMENT = 64 << 10, PAGE = 4096, FILLER = 190 * PAGE };
    static char filler[MIB];
    struct store *store =
        open_store((struct store_config){.limit_bytes = MIB, .segment_bytes = SEGMENT, .nshards = 1});
    char key[16];
    uint32_t n = 0;
    for (; stats_of(store).index_bytes < SEGMENT - 2 * PAGE; n++) {
        snprintf(key, sizeof key, "%05u", n);
        assert_int_equal(put(store, key, bytes_of(""), 0, STORE_SESSION, NOW), ERR_NONE);
    }
    /* All but a few bytes of what new items may have: no segment for the index can be taken any more. */
    uint64_t left = MIB - SEGMENT - MIB / 100 * 5 - stats_of(store).used_bytes;
    struct bytes fill = {.p = filler, .len = left / PAGE * PAGE - 128};
    assert_int_equal(put(store, "filler", fill, 0, STORE_SESSION, NOW), ERR_NONE);
    for (;; n++) {
        struct store_write write = {.flags = 7, .class = STORE_SESSION};
        struct store_entry entry;
        snprintf(key, sizeof key, "%05u", n);
        store_lock(store, bytes_of(key), NOW, &entry);
        enum err err = store_put(&entry, &write);
        store_unlock(&entry);
        if (err != ERR_NONE)
            break;
        assert_true(has(store, key, bytes_of(""), NOW));
    }
    assert_true(is_absent(store, key, NOW));
    assert_int_equal(stats_of(store).items[STORE_SESSION], n + 1);
    drop(store, "filler", NOW);
    assert_int_equal(put(store, key, bytes_of(""), 0, STORE_SESSION, NOW), ERR_NONE);
    for (uint32_t i = 0; i <= n; i++) {
        snprintf(key, sizeof key, "%05u", i);
        assert_true(has(store, key, bytes_of(""), NOW));
    }
    store_free(&store);
}

/* Ends a hundred seconds apart, in the same segments: each sweep leaves what is needed to know the next. */
static void the_sweep_comes_again(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){.limit_bytes = 32 * MIB});
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(put(store, key_name(i), value, NOW + 10 + i % 5 * 100, STORE_SESSION, NOW),
                         ERR_NONE);
    for (uint32_t round = 0; round < 5; round++) {
        tidy_up(store, NOW + 60 + round * 100);
        assert_int_equal(stats_of(store).items[STORE_SESSION], 800 - round * 200);
    }
    assert_int_equal(stats_of(store).reclaimed[STORE_SESSION], 1000);
    store_free(&store);
}

static void the_sweep_comes_after_a_touch(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){0});
    put_some(store, 0, 1000, 0, STORE_SESSION);
    for (uint32_t i = 0; i < 1000; i += 2) {
        struct store_entry entry;
        store_lock(store, bytes_of(key_name(i)), NOW, &entry);
        assert_int_equal(store_touch(&entry, NOW + 10), ERR_NONE);
        store_unlock(&entry);
    }
    tidy_up(store, NOW + 60);
    assert_int_equal(stats_of(store).items[STORE_SESSION], 500);
    store_free(&store);
}

/* Nobody looks: what a flush took goes all the same, also when the flush was to come later. */
static void the_sweep_comes_after_a_flush(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){.limit_bytes = 64 * MIB});
    put_some(store, 0, 1000, 0, STORE_SESSION);
    flush_at(store, NOW, NOW);
    tidy_up(store, NOW + 60);
    assert_int_equal(stats_of(store).items[STORE_SESSION], 0);
    put_some(store, 0, 1000, 0, STORE_SESSION);
    flush_at(store, NOW + 100, NOW + 200);
    tidy_up(store, NOW + 199);
    assert_int_equal(stats_of(store).items[STORE_SESSION], 1000);
    tidy_up(store, NOW + 300);
    assert_int_equal(stats_of(store).items[STORE_SESSION], 0);
    store_free(&store);
}

/* More garbage than living data is worked off at once, not in the slow steps of a busy store. */
static void much_garbage_is_worked_off_fast(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){.limit_bytes = 64 * MIB});
    put_some(store, 0, 50000, 0, STORE_SESSION);
    for (uint32_t i = 0; i < 50000; i++)
        if (i % 4 != 0)
            drop(store, key_name(i), NOW);
    int calls = 0;
    while (stats_of(store).garbage_bytes > 16 * MIB) {
        store_tidy(store, NOW);
        assert_true(++calls < 30);
    }
    assert_int_equal(count_found(store, 0, 50000, NOW), 12500);
    store_free(&store);
}

static uint64_t resident_bytes(void)
{
    unsigned long total;
    unsigned long resident;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &total, &resident), 2);
    assert_int_equal(fclose(file), 0);
    return resident * 4096;
}

static void a_quiet_store_gives_memory_back(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){.limit_bytes = 64 * MIB});
    put_some(store, 0, 50000, 0, STORE_SESSION);
    uint64_t full = resident_bytes();
    flush_at(store, NOW, NOW);
    tidy_up(store, NOW + 60);
    assert_true(resident_bytes() + 30 * MIB < full);
    put_some(store, 0, 50000, 0, STORE_SESSION);
    assert_int_equal(count_found(store, 0, 50000, NOW + 60), 50000);
    store_free(&store);
}

static void what_was_read_is_told_apart(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){.limit_bytes = 2 * MIB});
    put_some(store, 0, 1000, 0, STORE_CACHE);
    for (uint32_t i = 0; i < 1000; i += 2)
        fetch(store, key_name(i), NOW);
    put_some(store, 1000, 20000, 0, STORE_CACHE); /* in memory that the first ones were in, too */
    struct store_stats stats = stats_of(store);
    assert_true(stats.evictions[STORE_CACHE] > 10000);
    assert_int_equal(stats.evictions[STORE_CACHE] - stats.evicted_unfetched[STORE_CACHE], 500);
    store_free(&store);
}

/* Half of the segments are nearly empty, the others nearly full: room is made of the former, so little is copied. */
static void compaction_takes_the_emptiest_first(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){.limit_bytes = 8 * MIB});
    uint32_t n = 0;
    while (put(store, key_name(n), value, 0, STORE_SESSION, NOW) == ERR_NONE)
        n++;
    for (uint32_t i = 0; i < n; i++)
        if (i / 500 % 2 == 0 ? i % 10 != 0 : i % 10 < 3)
            drop(store, key_name(i), NOW);
    struct store_stats before = stats_of(store);
    for (uint32_t i = n; i < n + 500; i++)
        assert_int_equal(put(store, key_name(i), value, 0, STORE_SESSION, NOW + 1), ERR_NONE);
    struct store_stats after = stats_of(store);
    assert_true(after.copied_bytes > before.copied_bytes);
    assert_true(after.copied_bytes - before.copied_bytes <
                (after.appended_bytes - before.appended_bytes) / 2);
    store_free(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(garbage_goes_before_cache),
        cmocka_unit_test(what_expired_goes_before_cache),
        cmocka_unit_test(what_expired_goes_before_garbage),
        cmocka_unit_test(settled_sessions_stay_when_cache_goes),
        cmocka_unit_test(with_evict_sessions_cache_still_goes_first),
        cmocka_unit_test(cache_does_not_use_the_headroom),
        cmocka_unit_test(new_items_do_not_fill_the_headroom),
        cmocka_unit_test(a_large_refusal_is_none_of_small_ones),
        cmocka_unit_test(large_sessions_push_out_cache),
        cmocka_unit_test(a_large_session_can_be_rewritten_at_the_brim),
        cmocka_unit_test(a_refusal_of_new_ones_is_none_of_rewrites),
        cmocka_unit_test(the_smallest_items_fill_up_without_harm),
        cmocka_unit_test(a_full_index_refuses_without_harm),
        cmocka_unit_test(the_sweep_comes_again),
        cmocka_unit_test(the_sweep_comes_after_a_touch),
        cmocka_unit_test(the_sweep_comes_after_a_flush),
        cmocka_unit_test(much_garbage_is_worked_off_fast),
        cmocka_unit_test(a_quiet_store_gives_memory_back),
        cmocka_unit_test(what_was_read_is_told_apart),
        cmocka_unit_test(compaction_takes_the_emptiest_first),
    };
    return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
