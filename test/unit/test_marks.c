/*
 * Promises of store.h about what belongs to an item beyond its value: staleness and a cas that a client has set are
 * the item's own, over touches, compaction and a restart; that it was read or won is known until it is written.
 */
#include "test_store_play.h"

#include "base/clock.h"
#include "sim/sim_disk.h"
#include "store/record.h"

enum { LARGE = 100 << 10 };

static const uint64_t cas_set = UINT64_MAX - 3;

static uint64_t steady_ns(const struct clock *clock)
{
    (void)clock;
    return (uint64_t)NOW * 1000000000U;
}

static int64_t wall_s(const struct clock *clock)
{
    (void)clock;
    return 1700000000;
}

static const struct clock stopped = {.steady_ns = steady_ns, .wall_s = wall_s};

static struct store *open_on(struct sim_disk *sim)
{
    return open_store((struct store_config){.nshards = 1,
                                            .segment_bytes = 64 << 10,
                                            .disk = sim_disk_as_disk(sim),
                                            .clock = &stopped,
                                            .boot_id = "one"});
}

static void restart(struct store **store, struct sim_disk *sim)
{
    store_free(store);
    sim_disk_kill(sim);
    *store = open_on(sim);
}

static struct store_item item_of(struct store *store, const char *key, uint32_t now_s)
{
    struct store_entry entry;
    store_lock(store, bytes_of(key), now_s, &entry);
    assert_true(entry.found);
    store_unlock(&entry);
    return entry.item;
}

static struct store_item put_marked(struct store *store, const char *key, size_t len,
                                    const struct store_write *how)
{
    static char zeros[LARGE];
    struct store_entry entry;
    struct segment *staged = NULL;
    struct store_write write = *how;
    write.head = (struct bytes){.p = zeros, .len = len};
    write.class = STORE_SESSION;
    bool is_large = store_is_large(store, strlen(key), len);
    if (is_large)
        assert_int_equal(store_stage(store, bytes_of(key), &write, false, &staged), ERR_NONE);
    store_lock(store, bytes_of(key), NOW, &entry);
    enum err err = is_large ? store_put_staged(&entry, &write, &staged) : store_put(&entry, &write);
    assert_int_equal(err, ERR_NONE);
    store_unlock(&entry);
    return entry.item;
}

static void is_marked(struct store *store, const char *key, size_t len)
{
    struct store_item item = item_of(store, key, NOW);
    assert_int_equal(item.value.len, len);
    assert_true(item.is_stale);
    assert_true(item.cas == cas_set);
    assert_true(item.version != cas_set);
    assert_int_equal(item.flags, 5);
}

/* Long and short, with and without a place of its own for the value. */
static void marks_are_kept_on_disk(void **state)
{
    (void)state;
    struct sim_disk *sim = sim_disk_new(1);
    struct store *store = open_on(sim);
    const struct store_write marked = {.cas = cas_set, .flags = 5, .is_stale = true};
    const struct store_write plain = {.flags = 5};
    put_marked(store, "short", 100, &marked);
    put_marked(store, "plain", 100, &plain);
    put_marked(store, "empty", 0, &marked);
    put_marked(store, "large", LARGE, &marked);
    struct store_entry entry;
    store_lock(store, bytes_of("short"), NOW, &entry);
    assert_int_equal(store_touch(&entry, NOW + 100), ERR_NONE);
    store_unlock(&entry);
    for (int round = 0; round < 3; round++) {
        is_marked(store, "short", 100);
        is_marked(store, "empty", 0);
        is_marked(store, "large", LARGE);
        struct store_item item = item_of(store, "plain", NOW);
        assert_false(item.is_stale);
        assert_int_equal(item.cas, item.version);
        for (uint32_t i = 0; i < 3000; i++) /* so that all is copied */
            assert_int_equal(put(store, key_name(i % 10), bytes_of("garbage"), 0, STORE_SESSION, NOW),
                             ERR_NONE);
        tidy_up(store, NOW);
        restart(&store, sim);
    }
    put_marked(store, "short", 100, &plain);
    assert_false(item_of(store, "short", NOW).is_stale);
    restart(&store, sim);
    assert_false(item_of(store, "short", NOW).is_stale);
    store_free(&store);
    sim_disk_free(&sim);
}

/* The value that is there is written again over itself. */
static void what_is_there_becomes_stale(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){0});
    assert_int_equal(put(store, "a", bytes_of("value"), 0, STORE_SESSION, NOW), ERR_NONE);
    uint64_t version = item_of(store, "a", NOW).version;
    struct store_entry entry;
    store_lock(store, bytes_of("a"), NOW, &entry);
    store_mark_won(&entry);
    const struct store_write stale = {.head = entry.item.value, .flags = 7, .is_stale = true};
    assert_int_equal(store_put(&entry, &stale), ERR_NONE);
    assert_true(entry.item.is_stale);
    assert_false(entry.item.is_won);
    store_unlock(&entry);
    assert_true(has(store, "a", bytes_of("value"), NOW));
    assert_true(item_of(store, "a", NOW).version > version);
    store_free(&store);
}

static void winning_is_known_until_it_is_written(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){0});
    put_marked(store, "a", 10, &(struct store_write){0});
    assert_false(item_of(store, "a", NOW).is_won);
    struct store_entry entry;
    store_lock(store, bytes_of("a"), NOW, &entry);
    store_mark_won(&entry);
    assert_int_equal(store_touch(&entry, NOW + 100), ERR_NONE);
    store_unlock(&entry);
    struct store_item item = item_of(store, "a", NOW);
    assert_true(item.is_won);
    assert_false(item.fetched);
    assert_int_equal(item.expiry_s, NOW + 100);
    fetch(store, "a", NOW);
    item = item_of(store, "a", NOW);
    assert_true(item.is_won && item.fetched);
    assert_int_equal(item.expiry_s, NOW + 100);
    put_marked(store, "a", 10, &(struct store_write){0});
    item = item_of(store, "a", NOW);
    assert_false(item.is_won || item.fetched);
    store_free(&store);
}

/* A time beyond what a record can say is the last it can. */
static void a_far_end_marks_nothing(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){0});
    put_marked(store, "a", 10, &(struct store_write){.expiry_s = UINT32_MAX});
    struct store_item item = item_of(store, "a", NOW);
    assert_int_equal(item.expiry_s, RECORD_EXPIRY_MAX);
    assert_false(item.is_won || item.fetched);
    struct store_entry entry;
    store_lock(store, bytes_of("a"), NOW, &entry);
    assert_int_equal(store_touch(&entry, UINT32_MAX - 1), ERR_NONE);
    store_unlock(&entry);
    item = item_of(store, "a", RECORD_EXPIRY_MAX - 1);
    assert_false(item.is_won || item.fetched);
    store_free(&store);
}

/* Reads and writes are noted, looking is not. */
static void the_last_use_is_known(void **state)
{
    (void)state;
    struct sim_disk *sim = sim_disk_new(1);
    struct store *store = open_on(sim);
    put_marked(store, "a", 10, &(struct store_write){0});
    assert_int_equal(item_of(store, "a", NOW + 3).seen_s, NOW);
    fetch(store, "a", NOW + 5);
    assert_int_equal(item_of(store, "a", NOW + 9).seen_s, NOW + 5);
    fetch(store, "a", NOW + 10);
    assert_int_equal(item_of(store, "a", NOW + 11).seen_s, NOW + 10);
    put_marked(store, "a", 10, &(struct store_write){0}); /* at NOW */
    assert_int_equal(item_of(store, "a", NOW + 11).seen_s, NOW);
    fetch(store, "a", NOW + 10);
    for (uint32_t i = 0; i < 3000; i++) /* so that it is copied */
        assert_int_equal(put(store, key_name(i % 10), bytes_of("garbage"), 0, STORE_SESSION, NOW), ERR_NONE);
    tidy_up(store, NOW);
    assert_int_equal(item_of(store, "a", NOW + 11).seen_s, NOW + 10);
    restart(&store, sim);
    assert_int_equal(item_of(store, "a", NOW + 100).seen_s, clock_seconds(&stopped));
    store_free(&store);
    sim_disk_free(&sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_are_kept_on_disk),
        cmocka_unit_test(what_is_there_becomes_stale),
        cmocka_unit_test(winning_is_known_until_it_is_written),
        cmocka_unit_test(a_far_end_marks_nothing),
        cmocka_unit_test(the_last_use_is_known),
    };
    return cmocka_run_group_tests_name("marks", tests, NULL, NULL);
}
