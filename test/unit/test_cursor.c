/*
 * Promises of engine/cursor.h: what was handed out is read back as it was, and anything else is refused.
 */
#include "guard.h"
#include "unit.h"

#include "engine/cursor.h"

#include <stdio.h>

static const struct engine_filter all;
static const struct engine_filter tagged = {.has_tag = true};
static const struct engine_filter held = {.is_held = true};
static const struct engine_filter held_tagged = {.is_held = true, .has_tag = true};

static void read_back(const struct engine_filter *filter, struct engine_cursor cursor)
{
    char text[CURSOR_TEXT_MAX];
    struct engine_cursor got;
    size_t len = cursor_put(&cursor, filter, text);
    assert_int_equal(len, strlen(text));
    assert_true(len < CURSOR_TEXT_MAX);
    assert_true(cursor_read(bytes_of(text), filter, &got));
    assert_int_equal(got.has_handle, cursor.has_handle);
    assert_true(got.handle == cursor.handle && got.at.shard == cursor.at.shard &&
                got.at.depth == cursor.at.depth && got.at.bucket == cursor.at.bucket &&
                got.at.tag == cursor.at.tag);
}

static void what_was_handed_out_is_read_back(void **state)
{
    (void)state;
    const struct store_cursor place = {.shard = 7, .depth = 32, .bucket = UINT32_MAX, .tag = UINT64_MAX};
    static const struct engine_filter *const of_place[] = {&all, &held, &held_tagged};
    for (size_t i = 0; i < 3; i++) {
        read_back(of_place[i], (struct engine_cursor){.at = place});
        read_back(of_place[i], (struct engine_cursor){.at = place, .has_handle = true, .handle = UINT64_MAX});
        read_back(of_place[i], (struct engine_cursor){.has_handle = true});
    }
    read_back(&tagged, (struct engine_cursor){.has_handle = true, .handle = UINT64_MAX});
    read_back(&tagged, (struct engine_cursor){.has_handle = true});
    struct engine_cursor got = {.has_handle = true};
    assert_true(cursor_read((struct bytes){0}, &all, &got));
    assert_false(got.has_handle);
}

static struct bytes placed(struct guard *guard, const char *text)
{
    return (struct bytes){.p = guard_place(guard, text, strlen(text)), .len = strlen(text)};
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    static const char *const of_place[] = {"0",
                                           "1.2.3",
                                           "1.2.3.4.5.6",
                                           "1.2.3.4.",
                                           ".1.2.3.4",
                                           "1..2.3",
                                           "1.2.3.x",
                                           "-1.2.3.4",
                                           "1.33.0.0",
                                           "4294967296.0.0.0",
                                           "0.0.4294967296.0",
                                           "0.0.0.18446744073709551616",
                                           " 0.0.0.0",
                                           "0.0.0.0 ",
                                           "0x1.0.0.0",
                                           "...",
                                           "."};
    static const char *const of_tag[] = {"x",       "1.2", "1.", ".1", "-1", "18446744073709551616",
                                         "1.2.3.4", "."};
    struct guard guard = guard_open(100);
    struct engine_cursor got;
    for (size_t i = 0; i < sizeof of_place / sizeof *of_place; i++) {
        if (cursor_read(placed(&guard, of_place[i]), &all, &got) ||
            cursor_read(bytes_of(of_place[i]), &held_tagged, &got))
            fail_msg("'%s' is read", of_place[i]);
    }
    for (size_t i = 0; i < sizeof of_tag / sizeof *of_tag; i++) {
        if (cursor_read(placed(&guard, of_tag[i]), &tagged, &got))
            fail_msg("'%s' is read", of_tag[i]);
    }
    assert_false(cursor_read((struct bytes){.p = "1.2.3.4\0", .len = 8}, &all, &got));
    guard_close(&guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_handed_out_is_read_back),
        cmocka_unit_test(anything_else_is_refused),
    };
    return cmocka_run_group_tests_name("cursor", tests, NULL, NULL);
}
