/*
 * Promises of store/log.h that need a disk that is slow: dead files do not pile up, and are not synced before they go;
 * opening a segment asks nothing of the disk under the shard's lock.
 */
#include "test_store_play.h"

#include "base/clock.h"
#include "sim/sim_disk.h"
#include "store/store_private.h"

#include <errno.h>

enum { NKEYS = 2000, VALUE = 1000, AT_ONCE = 16, BOUND = 4 * MIB + 4 * MIB };

struct play {
    struct sim_disk *sim;
    struct store *store;
    unsigned n; /* written so far */
};

static struct play begin(enum store_sync sync)
{
    struct sim_disk *sim = sim_disk_new(1);
    return (struct play){.sim = sim,
                         .store = open_store((struct store_config){
                             .disk = sim_disk_as_disk(sim), .sync = sync, .clock = &clock_system})};
}

static void end(struct play *play)
{
    store_free(&play->store);
    sim_disk_free(&play->sim);
}

/* A turn's worth of overwrites, and what its commit says. */
static enum store_commit write_turn(struct play *play, uint64_t *ret_ticket)
{
    static char value[VALUE];
    memset(value, 'v', sizeof value);
    for (unsigned i = 0; i < AT_ONCE; i++) {
        const char *key = key_name(play->n++ % NKEYS);
        assert_int_equal(
            put(play->store, key, (struct bytes){.p = value, .len = VALUE}, 0, STORE_SESSION, NOW), ERR_NONE);
    }
    return store_commit(play->store, UINT64_MAX, ret_ticket);
}

static void test_a_slow_disk_is_waited_for(void **state)
{
    (void)state;
    const enum store_sync modes[] = {STORE_SYNC_INTERVAL, STORE_SYNC_NONE};
    for (size_t i = 0; i < 2; i++) {
        struct play play = begin(modes[i]);
        uint64_t ticket;
        unsigned turns = 0;
        while (write_turn(&play, &ticket) == STORE_COMMIT_DONE)
            assert_true(++turns < 4000); /* 64 MB */
        struct store_stats before = stats_of(play.store);
        assert_true(before.disk_bytes < before.used_bytes + BOUND + MIB / 4);
        assert_true(store_wants_sync(play.store));
        assert_true(store_synced(play.store) < ticket);
        assert_int_equal(store_sync(play.store), ERR_NONE);
        assert_true(store_synced(play.store) >= ticket);
        struct store_stats after = stats_of(play.store);
        assert_true(after.disk_bytes <= after.used_bytes + MIB / 4);
        assert_int_equal(write_turn(&play, &ticket), STORE_COMMIT_DONE);
        end(&play);
    }
}

/* Nothing is to be written but the clock. */
static void test_a_full_disk_may_keep_the_clock(void **state)
{
    (void)state;
    const int errors[] = {ENOSPC, EDQUOT, EIO};
    for (size_t i = 0; i < 3; i++) {
        struct play play = begin(STORE_SYNC_INTERVAL);
        uint64_t ticket;
        sim_disk_fail_at(play.sim, 1, errors[i], i == 1 ? SIM_SYNC : SIM_WRITE);
        assert_int_equal(store_sync(play.store), errors[i] == EIO ? ERR_READ_ONLY : ERR_NONE);
        assert_true(sim_disk_has_failed(play.sim));
        assert_true((store_disk_error(play.store) != NULL) == (errors[i] == EIO));
        if (errors[i] != EIO)
            assert_int_equal(write_turn(&play, &ticket), STORE_COMMIT_DONE);
        end(&play);
    }
}

static void test_what_is_to_go_is_not_synced(void **state)
{
    (void)state;
    struct play play = begin(STORE_SYNC_INTERVAL);
    uint64_t ticket;
    while (write_turn(&play, &ticket) == STORE_COMMIT_DONE)
        ;
    uint64_t most = stats_of(play.store).segments + 1;
    uint64_t files = stats_of(play.store).disk_bytes / play.store->arena.segment_bytes;
    assert_true(files > 2 * most);
    uint64_t before = stats_of(play.store).syncs;
    assert_int_equal(store_sync(play.store), ERR_NONE);
    assert_in_range(stats_of(play.store).syncs - before, 1, most);
    end(&play);
}

static void open_nothing(struct play *play, unsigned *ret_nopened)
{
    const struct shard *shard = &play->store->shards[0];
    uint64_t segments = stats_of(play->store).segments;
    while (stats_of(play->store).segments == segments) {
        uint64_t calls = sim_disk_calls(play->sim);
        static char value[VALUE];
        assert_int_equal(put(play->store, key_name(play->n++), (struct bytes){.p = value, .len = VALUE}, 0,
                             STORE_SESSION, NOW),
                         ERR_NONE);
        assert_true(sim_disk_calls(play->sim) == calls); /* not within the put */
        uint64_t ticket;
        assert_int_equal(store_commit(play->store, UINT64_MAX, &ticket), STORE_COMMIT_DONE);
        assert_non_null(shard->spare);
    }
    ++*ret_nopened;
}

static void test_segments_open_without_the_disk(void **state)
{
    (void)state;
    struct play play = begin(STORE_SYNC_INTERVAL);
    uint64_t ticket;
    assert_int_equal(write_turn(&play, &ticket), STORE_COMMIT_DONE);
    assert_int_equal(play.store->nshards, 1);
    unsigned nopened = 0;
    for (unsigned i = 0; i < 5; i++)
        open_nothing(&play, &nopened);
    assert_int_equal(nopened, 5);
    end(&play);
}

static void count_segments(void *arg, const char *name, uint64_t len)
{
    unsigned *counts = arg;
    if (strstr(name, ".seg") != NULL)
        counts[len > 0]++;
}

static void test_large_values_are_put_without_the_disk(void **state)
{
    (void)state;
    static char value[200000];
    struct play play = begin(STORE_SYNC_INTERVAL);
    const struct store_write write = {.head = {.p = value, .len = sizeof value}, .class = STORE_SESSION};
    struct bytes key = bytes_of("large");
    for (int i = 0; i < 3; i++) {
        struct segment *staged = NULL;
        struct store_entry entry;
        assert_int_equal(store_stage(play.store, key, &write, false, &staged), ERR_NONE);
        uint64_t calls = sim_disk_calls(play.sim);
        store_lock(play.store, key, NOW, &entry);
        if (i != 1) /* that one is not put after all */
            assert_int_equal(store_put_staged(&entry, &write, &staged), ERR_NONE);
        store_unlock(&entry);
        assert_true(sim_disk_calls(play.sim) == calls);
        store_unstage(play.store, &staged);
    }
    unsigned counts[2] = {0, 0};
    uint64_t ticket;
    assert_int_equal(store_commit(play.store, UINT64_MAX, &ticket), STORE_COMMIT_DONE);
    sim_disk_each(play.sim, count_segments, counts);
    assert_int_equal(counts[0], 1); /* the spare one */
    assert_int_equal(counts[1], 2);
    end(&play);
}

static void test_no_spare_stays_behind(void **state)
{
    (void)state;
    struct play play = begin(STORE_SYNC_INTERVAL);
    uint64_t ticket;
    unsigned while_open[2] = {0, 0};
    unsigned after[2] = {0, 0};
    assert_int_equal(write_turn(&play, &ticket), STORE_COMMIT_DONE);
    sim_disk_each(play.sim, count_segments, while_open);
    assert_int_equal(while_open[0], 1);
    store_free(&play.store);
    sim_disk_each(play.sim, count_segments, after);
    assert_int_equal(after[0], 0);
    assert_int_equal(after[1], while_open[1]);
    end(&play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_slow_disk_is_waited_for),
        cmocka_unit_test(test_a_full_disk_may_keep_the_clock),
        cmocka_unit_test(test_what_is_to_go_is_not_synced),
        cmocka_unit_test(test_segments_open_without_the_disk),
        cmocka_unit_test(test_large_values_are_put_without_the_disk),
        cmocka_unit_test(test_no_spare_stays_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
