/*
 * Promises of upgrade.h: all that was good is there after it, in a directory of this format; what is damaged costs only
 * itself and is kept; a disk without room, or that fails, leaves all as it was. Crashes in the middle: `crash
 * --upgrade`.
 */
#include "test_store_play.h"

#include "base/clock.h"
#include "sim/old_format.h"
#include "sim/sim_disk.h"
#include "store/check.h"
#include "store/dir.h"
#include "store/names.h"
#include "store/segment.h"

#include <errno.h>

enum { N = 400, LARGE = 100 << 10, SEGMENT = 16 << 10, HARMED = 32 };

struct world {
    struct sim_disk *sim;
    struct disk *disk;
    struct store *store;
    unsigned ntold;
    char told[STORE_PROBLEM_MAX]; /* the last line */
    char problem[STORE_PROBLEM_MAX];
};

static uint64_t steady_ns(const struct clock *clock)
{
    (void)clock;
    return (uint64_t)(NOW - 16) * 1000000000U; /* clock_seconds() is NOW */
}

static int64_t wall_s(const struct clock *clock)
{
    (void)clock;
    return 1700000000;
}

static const struct clock stopped = {.steady_ns = steady_ns, .wall_s = wall_s};

static void hear(void *arg, const char *line)
{
    struct world *world = arg;
    world->ntold++;
    snprintf(world->told, sizeof world->told, "%s", line);
}

static enum err start(struct world *world)
{
    struct store_config config = {.limit_bytes = 8 * MIB,
                                  .value_max = MIB,
                                  .seed = 42,
                                  .nshards = 2,
                                  .segment_bytes = SEGMENT,
                                  .disk = world->disk,
                                  .clock = &stopped,
                                  .boot_id = "one",
                                  .problem = world->problem,
                                  .notice = hear,
                                  .notice_arg = world};
    world->ntold = 0;
    return store_new(&config, &world->store);
}

static void stop(struct world *world)
{
    store_free(&world->store);
    sim_disk_kill(world->sim);
}

static struct bytes value_of(uint32_t i)
{
    static char value[LARGE];
    memset(value, 'a' + (int)(i % 26), sizeof value);
    return (struct bytes){.p = value, .len = i == 7 ? LARGE : i * 3 % 1000};
}

static enum store_class class_of(uint32_t i)
{
    return i % 3 == 0 ? STORE_CACHE : STORE_SESSION;
}

/* A directory of format 1 with all that a record can be: N items, every tenth of which is deleted again, and one whose
 * record is just not large there, but is here. */
static void set_up_old(struct world *world)
{
    static char edge[SEGMENT];
    *world = (struct world){.sim = sim_disk_new(1)};
    world->disk = sim_disk_as_disk(world->sim);
    assert_int_equal(start(world), ERR_NONE);
    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(put(world->store, key_name(i), value_of(i), 0, class_of(i), NOW), ERR_NONE);
    for (uint32_t i = 0; i < N; i += 10)
        drop(world->store, key_name(i), NOW);
    struct bytes value = {.p = edge, .len = segment_large_bytes(SEGMENT) - RECORD_HEAD};
    assert_int_equal(put(world->store, "edge", value, 0, STORE_SESSION, NOW), ERR_NONE);
    struct store_entry entry;
    store_lock(world->store, bytes_of(key_name(1)), NOW, &entry);
    assert_int_equal(store_touch(&entry, NOW + 50), ERR_NONE);
    store_unlock(&entry);
    stop(world);
    assert_true(old_format_make(world->disk));
}

static void tear_down(struct world *world)
{
    store_free(&world->store);
    sim_disk_free(&world->sim);
}

/* How many of the N are missing; none is wrong, and none has risen. */
static unsigned count_missing(struct world *world)
{
    unsigned nmissing = 0;
    for (uint32_t i = 0; i < N; i++) {
        bool is_there = has(world->store, key_name(i), value_of(i), NOW);
        assert_true(is_there || is_absent(world->store, key_name(i), NOW));
        assert_true(i % 10 != 0 || !is_there);
        nmissing += i % 10 != 0 && !is_there;
    }
    return nmissing;
}

static size_t count_names(struct world *world, bool (*parse)(const char *, uint32_t *, uint64_t *))
{
    struct names names = {0};
    assert_int_equal(names_read(&names, world->disk, parse), 0);
    size_t n = names.n;
    names_fini(&names);
    return n;
}

static uint32_t format_of(struct world *world)
{
    struct dir dir;
    assert_int_equal(dir_read_layout(&dir, world->disk, world->problem), ERR_NONE);
    return dir.format;
}

static void all_is_there(void **state)
{
    (void)state;
    struct world world;
    set_up_old(&world);
    assert_int_equal(format_of(&world), 1);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(start(&world), ERR_NONE);
        assert_int_equal(world.ntold, round == 0 ? 1 : 0);
        assert_non_null(strstr(world.told, "format 1 to format 2"));
        assert_int_equal(count_missing(&world), 0);
        struct store_stats stats;
        store_read_stats(world.store, &stats);
        assert_int_equal(stats.damaged_records, 0);
        struct store_entry entry;
        store_lock(world.store, bytes_of(key_name(1)), NOW, &entry);
        assert_int_equal(entry.item.expiry_s, NOW + 50);
        assert_int_equal(entry.item.seen_s, NOW);
        store_unlock(&entry);
        store_lock(world.store, bytes_of("edge"), NOW, &entry);
        assert_true(entry.found);
        assert_true(store_is_large(world.store, 4, entry.item.value.len));
        store_unpin(world.store, store_pin(&entry)); /* as an engine does with what is large */
        store_unlock(&entry);
        stop(&world);
        assert_int_equal(format_of(&world), 2);
        assert_int_equal(count_names(&world, dir_parse_old_segment_name), 0);
    }
    tear_down(&world);
}

/* The new segments, too, are filled: no more of them than the records' heads have grown. */
static void segments_are_filled(void **state)
{
    (void)state;
    struct world world;
    set_up_old(&world);
    size_t before = count_names(&world, dir_parse_old_segment_name);
    assert_int_equal(start(&world), ERR_NONE);
    struct store_stats stats;
    store_read_stats(world.store, &stats);
    assert_true(stats.segments <= before + before / 8 + 2);
    tear_down(&world);
}

static void first_old_name(void *arg, const char *name, uint64_t len)
{
    uint32_t shard;
    uint64_t serial;
    if (len > SEGMENT / 4 * 3 && len <= SEGMENT && dir_parse_old_segment_name(name, &shard, &serial))
        snprintf(arg, DIR_NAME_MAX, "%s", name);
}

static void count_kept(void *arg, const char *name, uint64_t len)
{
    *(uint64_t *)arg += strstr(name, ".seg.damaged-0") != NULL ? len : 0;
}

static void damage_costs_itself_and_is_kept(void **state)
{
    (void)state;
    struct world world;
    set_up_old(&world);
    char name[DIR_NAME_MAX] = "";
    sim_disk_each(world.sim, first_old_name, name);
    for (uint64_t i = 0; i < HARMED; i++) /* more than what pads one */
        sim_disk_damage(world.sim, name, SEGMENT / 4 + i, 1);
    assert_int_equal(start(&world), ERR_NONE);
    assert_int_equal(world.ntold, 2);
    assert_true(count_missing(&world) <= 2);
    struct store_stats stats;
    store_read_stats(world.store, &stats);
    assert_int_equal(stats.damaged_records, 1);
    uint64_t kept = 0;
    sim_disk_each(world.sim, count_kept, &kept);
    assert_true(kept > SEGMENT / 2);
    tear_down(&world);
}

/* At whichever call it is full, or fails: then no start, a line that says so, and nothing has changed. */
static void without_room_nothing_changes(void **state)
{
    (void)state;
    struct world world;
    set_up_old(&world);
    size_t nold = count_names(&world, dir_parse_old_segment_name);
    unsigned nrefused = 0;
    for (uint64_t nth = 1;; nth++) {
        sim_disk_fail_at(world.sim, nth, ENOSPC, SIM_OPEN | SIM_WRITE | SIM_SYNC);
        enum err err = start(&world);
        bool was_hit = sim_disk_has_failed(world.sim);
        sim_disk_fail_at(world.sim, 0, 0, 0);
        sim_disk_kill(world.sim);
        if (format_of(&world) == 2 || !was_hit) {
            store_abandon(&world.store);
            break;
        }
        nrefused++;
        assert_int_equal(err, ERR_SYSTEM);
        assert_non_null(strstr(world.problem, strerror(ENOSPC)));
        assert_int_equal(count_names(&world, dir_parse_old_segment_name), nold);
        /* Once they might count, they are left to the next start. */
        if (strstr(world.problem, "nothing there has changed") != NULL)
            assert_int_equal(count_names(&world, dir_parse_segment_name), 0);
    }
    assert_true(nrefused > 2 * nold);
    sim_disk_kill(world.sim);
    assert_int_equal(start(&world), ERR_NONE);
    assert_int_equal(count_missing(&world), 0);
    tear_down(&world);
}

static void check_says_what_to_do(void **state)
{
    (void)state;
    struct world world;
    set_up_old(&world);
    struct check_report report;
    assert_int_equal(check_run(world.disk, true, &report, NULL, NULL, world.problem), ERR_USAGE);
    assert_non_null(strstr(world.problem, "format 1"));
    assert_non_null(strstr(world.problem, "start the server"));
    assert_int_equal(format_of(&world), 1);
    tear_down(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_there),
        cmocka_unit_test(segments_are_filled),
        cmocka_unit_test(damage_costs_itself_and_is_kept),
        cmocka_unit_test(without_room_nothing_changes),
        cmocka_unit_test(check_says_what_to_do),
    };
    return cmocka_run_group_tests_name("upgrade", tests, NULL, NULL);
}
