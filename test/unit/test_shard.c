/*
 * Promises of shard.h that store.h does not show: a refusal changes nothing, a step of housekeeping is bounded
 * (S7) and misses no record, and what a walk is in stays in memory whatever dies meanwhile.
 */
#include "unit.h"

#include "base/hash.h"
#include "store/pages.h"
#include "store/shard.h"

#include <stdio.h>

enum { SEGMENT = 256 << 10, NSEGMENTS = 32, NOW = 1000, SEED = 5 };

struct bench {
    struct arena arena;
    struct pages pages;
    struct shard shard;
    char value[1000];
};

static int open_bench(void **state)
{
    static struct bench bench;
    assert_int_equal(
        arena_init(&bench.arena, NSEGMENTS * SEGMENT, NSEGMENTS * SEGMENT, SEGMENT, 2 * SEGMENT, 2 * SEGMENT),
        ERR_NONE);
    pages_init(&bench.pages, &bench.arena);
    struct index_page_source source = {.take = pages_take, .give = pages_give, .arg = &bench.pages};
    assert_true(shard_init(&bench.shard, &bench.arena, 0, SEED, source));
    *state = &bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    shard_fini(&bench->shard);
    pages_fini(&bench->pages);
    arena_fini(&bench->arena);
    return 0;
}

static struct bytes key_of(uint32_t i)
{
    static char key[32];
    return (struct bytes){.p = key, .len = (size_t)snprintf(key, sizeof key, "key-%u", i)};
}

static uint32_t tag_of(struct bytes key)
{
    return shard_tag(hash_bytes(key, SEED));
}

static bool put(struct bench *bench, uint32_t i, size_t len, uint32_t expiry_s)
{
    struct shard *shard = &bench->shard;
    struct bytes key = key_of(i);
    struct store_write write = {
        .head = {.p = bench->value, .len = len}, .expiry_s = expiry_s, .class = STORE_SESSION};
    struct segment *segment;
    size_t size = record_size_for(key.len, len);
    struct record *record = shard_append(shard, HEAD_SESSION, size, ARENA_NEW, &segment);
    if (record == NULL)
        return false;
    segment_fill(record, key, &write);
    record_set_version(record, shard_next_version(shard));
    uint32_t place = shard_place(segment, (uint32_t)((char *)record - segment->base));
    assert_true(index_insert(&shard->index, tag_of(key), place));
    shard_count_live(shard, segment, record);
    return true;
}

static bool find(struct bench *bench, uint32_t i, uint32_t now_s, struct slot **ret)
{
    enum store_miss miss;
    struct bytes key = key_of(i);
    return shard_find(&bench->shard, key, tag_of(key), now_s, ret, &miss) != NULL;
}

static void drop(struct bench *bench, uint32_t i)
{
    struct slot *slot;
    assert_true(find(bench, i, NOW, &slot));
    shard_unlink(&bench->shard, slot, shard_record_at(&bench->shard, slot->place));
}

static uint64_t nitems(const struct bench *bench)
{
    return bench->shard.stats.items[STORE_SESSION];
}

static void step_until_done(struct bench *bench, const struct walk_policy *policy, uint32_t now_s)
{
    int steps = 0;
    while (shard_step(&bench->shard, policy, now_s))
        assert_true(++steps < 10000);
}

/* Neither many small records nor few long ones make a step long: 128 records, or 32 KiB and the last one. */
static void a_step_is_bounded(void **state)
{
    struct bench *bench = *state;
    for (uint32_t i = 0; i < 3000; i++)
        assert_true(put(bench, i, i < 2000 ? 0 : sizeof bench->value, NOW + 10));
    const struct walk_policy policy = {.garbage_percent = 101};
    const uint64_t *bytes = &bench->shard.stats.live_bytes[STORE_SESSION];
    for (;;) {
        uint64_t items_before = nitems(bench);
        uint64_t bytes_before = *bytes;
        if (!shard_step(&bench->shard, &policy, NOW + 10))
            break;
        assert_true(items_before - nitems(bench) <= 128);
        assert_true(bytes_before - *bytes <= (32 << 10) + record_size_for(8, sizeof bench->value));
    }
    assert_int_equal(nitems(bench), 0);
}

/* One segment, one sweep: each of its records is looked at, those at the ends of the steps, too. */
static void a_sweep_misses_none(void **state)
{
    struct bench *bench = *state;
    for (uint32_t i = 0; i < 5000; i++)
        assert_true(put(bench, i, 0, i % 2 == 0 ? 0 : NOW + 10));
    const struct walk_policy policy = {.garbage_percent = 101};
    step_until_done(bench, &policy, NOW + 10);
    assert_int_equal(nitems(bench), 2500);
    struct slot *slot;
    for (uint32_t i = 0; i < 5000; i += 2)
        assert_true(find(bench, i, NOW + 10, &slot));
    /* And it is over: nothing is left that would have it begin again. */
    assert_false(shard_step(&bench->shard, &policy, NOW + 11));
    assert_false(shard_step(&bench->shard, &policy, NOW + 1000000));
}

static void compaction_frees_in_one_go(void **state)
{
    struct bench *bench = *state;
    for (uint32_t i = 0; i < 2000; i++)
        assert_true(put(bench, i, sizeof bench->value, 0));
    for (uint32_t i = 0; i < 2000; i++)
        if (i % 2 == 0)
            drop(bench, i);
    const struct walk_policy policy = {.garbage_percent = 40};
    step_until_done(bench, &policy, NOW);
    /* The living once, no more: what is left over would be copied again. */
    assert_true(bench->shard.stats.copied_bytes <= bench->shard.stats.live_bytes[STORE_SESSION]);
    assert_true(bench->shard.nsegments <= 1000 * 1040 / SEGMENT + 3);
    assert_int_equal(nitems(bench), 1000);
}

/* Though the sweep has not come yet, what has expired is not copied. */
static void compaction_drops_what_expired(void **state)
{
    struct bench *bench = *state;
    for (uint32_t i = 0; i < 1000; i++)
        assert_true(put(bench, i, sizeof bench->value, NOW + 10));
    for (uint32_t i = 0; i < 1000; i += 2)
        drop(bench, i);
    const struct walk_policy policy = {.garbage_percent = 40, .sweep_after_s = 1000};
    step_until_done(bench, &policy, NOW + 10);
    assert_int_equal(bench->shard.stats.copied_bytes, 0);
    assert_true(nitems(bench) <= SEGMENT / 1000 / 2 + 1); /* the head is left alone */
}

/* Touched into the past every second: looked through once in thirty all the same. */
static void sweeps_keep_their_distance(void **state)
{
    struct bench *bench = *state;
    for (uint32_t i = 0; i < 100; i++)
        assert_true(put(bench, i, 0, 0));
    const struct walk_policy policy = {.garbage_percent = 101, .sweep_after_s = 30};
    int sweeps = 0;
    for (uint32_t s = 0; s < 90; s++) {
        struct slot *slot;
        assert_true(find(bench, s, NOW, &slot));
        shard_record_at(&bench->shard, slot->place)->expiry_s = 1;
        segment_note_expiry(shard_segment_at(&bench->shard, slot->place), 1);
        while (shard_step(&bench->shard, &policy, NOW + s))
            sweeps++;
    }
    assert_in_range(sweeps, 2, 4);
}

/* All records of a segment die while a walk is in it: when it is full already, or when that makes it full. */
static void what_is_walked_through_may_die(void **state)
{
    struct bench *bench = *state;
    const struct walk_policy policy = {.garbage_percent = 101};
    struct shard *shard = &bench->shard;
    for (int is_full = 0; is_full < 2; is_full++) {
        uint32_t n = 200;
        for (uint32_t i = 0; i < n; i++)
            assert_true(put(bench, i, sizeof bench->value, NOW + 10));
        assert_true(shard_step(shard, &policy, NOW + 10));
        struct segment *walked = shard->walk.segment;
        uint32_t id = walked->id;
        while (is_full && shard->heads[HEAD_SESSION] == walked)
            assert_true(put(bench, n++, sizeof bench->value, 0));
        struct slot *slot;
        for (uint32_t i = 0; i < n; i++)
            if (find(bench, i, NOW, &slot))
                drop(bench, i);
        for (n = 1000; shard->heads[HEAD_SESSION] == walked; n++) {
            assert_true(put(bench, n, sizeof bench->value, 0));
            drop(bench, n);
        }
        assert_ptr_equal(shard->walk.segment, walked);
        assert_ptr_equal(shard->segments[id], walked);
        assert_int_equal(walked->live, 0);
        step_until_done(bench, &policy, NOW + 10);
        assert_int_equal(shard->walk.kind, WALK_NONE);
        assert_ptr_not_equal(shard->segments[id], walked);
        assert_int_equal(nitems(bench), 0);
    }
}

static void a_refusal_changes_nothing(void **state)
{
    struct bench *bench = *state;
    enum { LEN = 888 }; /* so that a segment ends with some bytes left over */
    uint32_t n = 0;
    while (put(bench, n, LEN, 0))
        n++;
    struct segment *head = bench->shard.heads[HEAD_SESSION];
    assert_non_null(head);
    uint64_t garbage = bench->shard.stats.garbage_bytes;
    assert_false(put(bench, n, LEN, 0));
    assert_ptr_equal(bench->shard.heads[HEAD_SESSION], head);
    assert_int_equal(bench->shard.stats.garbage_bytes, garbage);
    assert_true(put(bench, n, 0, 0)); /* the end of the head is still of use */
}

/* Without the last of the memory a compaction gives up, and the next one begins anew. */
static void compaction_without_memory_gives_up(void **state)
{
    struct bench *bench = *state;
    uint32_t n = 0;
    while (put(bench, n, sizeof bench->value, 0))
        n++;
    for (uint32_t i = 0; i < n; i++)
        if (i % 4 == 0)
            drop(bench, i);
    void *rest[NSEGMENTS];
    size_t nrest = 0;
    while ((rest[nrest] = arena_take_segment(&bench->arena, ARENA_COMPACTION)) != NULL)
        nrest++;
    const struct walk_policy policy = {.garbage_percent = 20};
    assert_false(shard_step(&bench->shard, &policy, NOW));
    assert_int_equal(bench->shard.walk.kind, WALK_NONE);
    while (nrest > 0)
        arena_give_segment(&bench->arena, rest[--nrest]);
    uint32_t before = bench->shard.nsegments;
    step_until_done(bench, &policy, NOW);
    assert_true(bench->shard.nsegments < before);
    struct slot *slot;
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(find(bench, i, NOW, &slot), i % 4 != 0);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(a_step_is_bounded),          WITH_BENCH(a_sweep_misses_none),
        WITH_BENCH(compaction_frees_in_one_go), WITH_BENCH(compaction_drops_what_expired),
        WITH_BENCH(sweeps_keep_their_distance), WITH_BENCH(what_is_walked_through_may_die),
        WITH_BENCH(a_refusal_changes_nothing),  WITH_BENCH(compaction_without_memory_gives_up),
    };
    return cmocka_run_group_tests_name("shard", tests, NULL, NULL);
}
