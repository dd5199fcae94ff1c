/*
 * Promises of segment.h and record.h: records fill a segment to its last byte, a record says nothing but what
 * was written, a large value has whole pages of its own and lives until the last pin.
 */
#include "unit.h"

#include "store/segment.h"

enum { SEGMENT = 16 << 10, LIMIT = 64 * SEGMENT };

static void open_arena(struct arena *arena)
{
    assert_int_equal(arena_init(arena, LIMIT, LIMIT, SEGMENT, 0, 0), ERR_NONE);
}

static void fills_to_the_last_byte(void **state)
{
    (void)state;
    struct arena arena;
    open_arena(&arena);
    struct segment *segment = segment_open(&arena, STORE_CACHE, ARENA_NEW);
    assert_non_null(segment);
    for (uint32_t at = SEGMENT_HEAD; at < SEGMENT; at += (SEGMENT - SEGMENT_HEAD) / 4)
        assert_ptr_equal(segment_append(segment, (SEGMENT - SEGMENT_HEAD) / 4), segment->base + at);
    assert_int_equal(segment->used, SEGMENT);
    assert_null(segment_append(segment, RECORD_ALIGN));
    segment_free(&arena, &segment);
    assert_null(segment);
    assert_int_equal(arena.used_bytes, 0);
    arena_fini(&arena);
}

/* Memory is used again and again: nothing of what was there before shines through. */
static void a_record_says_what_was_written(void **state)
{
    (void)state;
    struct arena arena;
    open_arena(&arena);
    struct segment *segment = segment_open(&arena, STORE_SESSION, ARENA_NEW);
    memset(segment->base, 0xee, SEGMENT);
    struct store_write write = {.head = bytes_of("head"),
                                .tail = bytes_of("tail"),
                                .flags = 5,
                                .expiry_s = 77,
                                .class = STORE_SESSION};
    struct record *record = segment_append(segment, record_size_for(3, 8));
    segment_fill(record, bytes_of("key"), &write);
    assert_true(bytes_equal(record_key(record), bytes_of("key")));
    assert_true(bytes_equal(record_value(record), bytes_of("headtail")));
    assert_int_equal(record->flags, 5);
    assert_int_equal(record->expiry_s, 77);
    assert_true(record_is_session(record));
    assert_int_equal(record_kind(record), RECORD_ITEM);
    assert_int_equal(record_expiry(record), 77);
    assert_false(record_is_fetched(record));
    assert_int_equal(record_size(record) % RECORD_ALIGN, 0);
    segment_free(&arena, &segment);
    arena_fini(&arena);
}

static void a_large_value_has_whole_pages(void **state)
{
    (void)state;
    struct arena arena;
    open_arena(&arena);
    static char big[100000];
    const size_t overhead = SEGMENT_HEAD + RECORD_HEAD + 1;
    const size_t lens[] = {4096 - overhead, 4097 - overhead, 65536, sizeof big};
    const size_t pages[] = {1, 2, 17, 25};
    for (size_t i = 0; i < 4; i++) {
        struct store_write write = {.head = {.p = big, .len = lens[i]}, .expiry_s = 9};
        struct segment *staged = segment_stage(&arena, bytes_of("k"), &write, ARENA_NEW);
        assert_non_null(staged);
        assert_int_equal(arena.used_bytes, pages[i] * 4096);
        assert_true(staged->sealed && staged->large);
        assert_int_equal(record_value(segment_only_record(staged)).len, lens[i]);
        segment_free(&arena, &staged);
        assert_int_equal(arena.used_bytes, 0);
    }
    arena_fini(&arena);
}

static void lives_until_the_last_pin(void **state)
{
    (void)state;
    struct arena arena;
    open_arena(&arena);
    static char big[100000];
    struct store_write write = {.head = {.p = big, .len = sizeof big}};
    struct segment *staged = segment_stage(&arena, bytes_of("k"), &write, ARENA_NEW);
    struct segment *reader = staged;
    __atomic_add_fetch(&staged->pins, 1, __ATOMIC_RELAXED);
    segment_free(&arena, &staged);
    assert_null(staged);
    assert_true(arena.used_bytes > 0);
    assert_int_equal(record_value(segment_only_record(reader)).len, sizeof big);
    segment_free(&arena, &reader);
    assert_int_equal(arena.used_bytes, 0);
    arena_fini(&arena);
}

static void a_refused_one_leaves_nothing(void **state)
{
    (void)state;
    struct arena arena;
    open_arena(&arena);
    static char big[LIMIT];
    struct store_write write = {.head = {.p = big, .len = sizeof big}};
    assert_null(segment_stage(&arena, bytes_of("k"), &write, ARENA_NEW));
    assert_int_equal(arena.used_bytes, 0);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_to_the_last_byte),        cmocka_unit_test(a_record_says_what_was_written),
        cmocka_unit_test(a_large_value_has_whole_pages), cmocka_unit_test(lives_until_the_last_pin),
        cmocka_unit_test(a_refused_one_leaves_nothing),
    };
    return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}
