/*
 * Promises of arena.h: what is out is within the limit (S6), each rank stops where the next one's share begins
 * (S3), and what lies idle but still in memory makes way for blocks.
 */
#include "unit.h"

#include "store/arena.h"

#include <stdlib.h>

enum { SEGMENT = 16 << 10, N = 64, LIMIT = N * SEGMENT, HEADROOM = 6 * SEGMENT, RESERVE = 2 * SEGMENT };

static void open_arena(struct arena *arena)
{
    assert_int_equal(arena_init(arena, LIMIT, LIMIT, SEGMENT, HEADROOM, RESERVE), ERR_NONE);
}

/* Takes until refused; how many there are now. */
static size_t take_all(struct arena *arena, enum arena_rank rank, char *segments[], size_t n)
{
    while ((segments[n] = arena_take_segment(arena, rank)) != NULL) {
        for (size_t i = 0; i < n; i++)
            assert_ptr_not_equal(segments[i], segments[n]);
        assert_int_equal((uintptr_t)segments[n] % 4096, 0);
        memset(segments[n], (int)n + 1, SEGMENT);
        n++;
    }
    return n;
}

static void give_all(struct arena *arena, char *segments[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        arena_give_segment(arena, segments[i]);
}

static void each_rank_stops_where_the_next_begins(void **state)
{
    (void)state;
    struct arena arena;
    char *segments[N + 1];
    open_arena(&arena);
    size_t n = take_all(&arena, ARENA_NEW, segments, 0);
    assert_int_equal(n * SEGMENT, LIMIT - HEADROOM - RESERVE);
    assert_null(arena_take_block(&arena, 4096, ARENA_NEW));
    n = take_all(&arena, ARENA_REWRITE, segments, n);
    assert_int_equal(n * SEGMENT, LIMIT - RESERVE);
    assert_null(arena_take_block(&arena, 4096, ARENA_REWRITE));
    n = take_all(&arena, ARENA_COMPACTION, segments, n);
    assert_int_equal(n, N); /* to the last byte */
    assert_false(arena_has(&arena, 1, ARENA_COMPACTION));
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(segments[i][0], (char)(i + 1));
        assert_int_equal(segments[i][SEGMENT - 1], (char)(i + 1));
    }
    give_all(&arena, segments, n);
    arena_fini(&arena);
}

/* A busy store takes no new memory from the system. */
static void what_was_given_back_is_taken_first(void **state)
{
    (void)state;
    struct arena arena;
    open_arena(&arena);
    char *first = arena_take_segment(&arena, ARENA_NEW);
    char *second = arena_take_segment(&arena, ARENA_NEW);
    arena_give_segment(&arena, first);
    assert_ptr_equal(arena_take_segment(&arena, ARENA_NEW), first);
    arena_give_segment(&arena, first);
    arena_give_segment(&arena, second);
    arena_fini(&arena);
}

static void a_refused_block_costs_nothing(void **state)
{
    (void)state;
    struct arena arena;
    open_arena(&arena);
    assert_null(arena_take_block(&arena, LIMIT + 4096, ARENA_COMPACTION));
    assert_int_equal(arena.used_bytes, 0);
    char *block = arena_take_block(&arena, LIMIT, ARENA_COMPACTION);
    assert_non_null(block);
    assert_int_equal(block[LIMIT - 1], 0);
    assert_null(arena_take_segment(&arena, ARENA_COMPACTION));
    arena_give_block(&arena, block, LIMIT);
    assert_int_equal(arena.used_bytes, 0);
    arena_fini(&arena);
}

__attribute__((no_sanitize("address"))) /* nobody else may look there */
static size_t
count_emptied(char *segments[], size_t n)
{
    size_t emptied = 0;
    for (size_t i = 0; i < n; i++)
        emptied += segments[i][0] == 0;
    return emptied;
}

/* Segments that were in use once and lie idle hold memory: a block has them emptied, as many as it needs and no
 * more, and none of those in use. */
static void idle_segments_make_way_for_blocks(void **state)
{
    (void)state;
    struct arena arena;
    char *segments[N + 1];
    enum { KEPT = 8, BLOCK = 20 * SEGMENT };
    open_arena(&arena);
    size_t n = take_all(&arena, ARENA_COMPACTION, segments, 0);
    give_all(&arena, segments + KEPT, n - KEPT);
    char *block = arena_take_block(&arena, BLOCK, ARENA_NEW);
    assert_non_null(block);
    for (size_t i = 0; i < KEPT; i++) /* all of them: a neighbour emptied is seen at its ends */
        for (size_t at = 0; at < SEGMENT; at += SEGMENT - 1)
            assert_int_equal(segments[i][at], (char)(i + 1));
    assert_int_equal(count_emptied(segments, N), BLOCK / SEGMENT);

    /* The emptied ones serve again, after the others. */
    arena_give_block(&arena, block, BLOCK);
    n = take_all(&arena, ARENA_COMPACTION, segments, KEPT);
    assert_int_equal(n, N);
    give_all(&arena, segments, n);
    assert_int_equal(arena.used_bytes, 0);
    arena_fini(&arena);
}

/* Lowered below what is out: nothing new, but rewrites and compaction go on within what was out at the least since, and
 * never beyond the region; raised again, all of it is there. */
static void the_limit_may_be_lowered_and_raised(void **state)
{
    (void)state;
    struct arena arena;
    char *segments[N + 1];
    open_arena(&arena);
    size_t n = take_all(&arena, ARENA_COMPACTION, segments, 0);
    assert_int_equal(n, N);
    arena_set_limit(&arena, LIMIT / 4, HEADROOM / 4);
    n -= 1;
    arena_give_segment(&arena, segments[n]);
    assert_null(arena_take_segment(&arena, ARENA_NEW));
    n = take_all(&arena, ARENA_COMPACTION, segments, n);
    assert_int_equal(n, N);
    give_all(&arena, segments + N / 2, N / 2);
    n = take_all(&arena, ARENA_COMPACTION, segments, N / 2);
    assert_int_equal(n * SEGMENT, LIMIT / 2 + HEADROOM / 4 / SEGMENT * SEGMENT + RESERVE);
    give_all(&arena, segments, n);
    n = take_all(&arena, ARENA_NEW, segments, 0);
    assert_int_equal(n, (LIMIT / 4 - HEADROOM / 4 - RESERVE) / SEGMENT);
    arena_set_limit(&arena, LIMIT, HEADROOM);
    n = take_all(&arena, ARENA_COMPACTION, segments, n);
    assert_int_equal(n, N);
    give_all(&arena, segments, n);
    arena_fini(&arena);
}

/* In pieces, down to what is to be kept; what is in use is not touched. */
static void idle_memory_is_given_back(void **state)
{
    (void)state;
    struct arena arena;
    char *segments[N + 1];
    enum { USED = 10, KEEP = 5 };
    open_arena(&arena);
    size_t n = take_all(&arena, ARENA_COMPACTION, segments, 0);
    give_all(&arena, segments + USED, n - USED);
    size_t emptied = 0;
    for (bool is_more = true; is_more; assert_true(emptied <= N)) {
        is_more = arena_trim(&arena, KEEP * SEGMENT, 8);
        size_t before = emptied;
        emptied = count_emptied(segments, N);
        assert_true(emptied - before <= 8);
        assert_int_equal(is_more, emptied < N - USED - KEEP);
    }
    assert_int_equal(emptied, N - USED - KEEP);
    assert_int_equal(count_emptied(segments, USED), 0);
    assert_int_equal(take_all(&arena, ARENA_COMPACTION, segments, USED), N);
    give_all(&arena, segments, N);
    arena_fini(&arena);
}

/* Over and over, in any order: nothing is handed out twice, nothing gets lost. */
static void follows_the_model(void **state)
{
    (void)state;
    struct arena arena;
    open_arena(&arena);
    char *segments[N + 1];
    char *blocks[N];
    uint64_t lens[N];
    size_t nsegments = 0;
    size_t nblocks = 0;
    uint64_t seed = 8;
    for (int step = 0; step < 20000; step++) {
        uint64_t what = unit_random(&seed) % 8;
        if (what < 3 && (segments[nsegments] = arena_take_segment(&arena, ARENA_COMPACTION)) != NULL) {
            *segments[nsegments] = 'x';
            nsegments++;
        } else if (what < 5 && nsegments > 0) {
            arena_give_segment(&arena, segments[--nsegments]);
        } else if (what < 6 && nblocks < N) {
            lens[nblocks] = (unit_random(&seed) % 30 + 1) * 4096;
            blocks[nblocks] = arena_take_block(&arena, lens[nblocks], ARENA_COMPACTION);
            nblocks += blocks[nblocks] != NULL;
        } else if (nblocks > 0) {
            nblocks--;
            arena_give_block(&arena, blocks[nblocks], lens[nblocks]);
        }
        uint64_t out = nsegments * SEGMENT;
        for (size_t i = 0; i < nblocks; i++)
            out += lens[i];
        assert_int_equal(arena.used_bytes, out);
        assert_true(out + (uint64_t)arena.nidle * SEGMENT <= LIMIT);
    }
    while (nblocks > 0) {
        nblocks--;
        arena_give_block(&arena, blocks[nblocks], lens[nblocks]);
    }
    give_all(&arena, segments, nsegments);
    assert_int_equal(take_all(&arena, ARENA_COMPACTION, segments, 0), N);
    give_all(&arena, segments, N);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rank_stops_where_the_next_begins),
        cmocka_unit_test(what_was_given_back_is_taken_first),
        cmocka_unit_test(a_refused_block_costs_nothing),
        cmocka_unit_test(idle_segments_make_way_for_blocks),
        cmocka_unit_test(the_limit_may_be_lowered_and_raised),
        cmocka_unit_test(idle_memory_is_given_back),
        cmocka_unit_test(follows_the_model),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
