/*
 * Holds the promise of cli/human.h and cli/cell.h: one word each, nothing rounded up, any number fits, and what a server
 * sent cannot steer the terminal.
 */
#include "cli/cell.h"
#include "cli/human.h"
#include "unit.h"

#include <stdlib.h>
#include <time.h>

static void test_seconds(void **state)
{
    static const struct {
        uint64_t s;
        const char *text;
    } rows[] = {
        {0, "0s"},
        {59, "59s"},
        {60, "1m00s"},
        {3599, "59m59s"},
        {3600, "1h00m"},
        {86399, "23h59m"},
        {86400, "1d00h"},
        {100 * 86400 - 1, "99d23h"},
        {8640000, "100d"},
        {35596800, "412d"},
        {UINT64_MAX, "213503982334601d"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[HUMAN_MAX];
        human_put_seconds(rows[i].s, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void test_ms(void **state)
{
    static const struct {
        uint64_t ms;
        const char *text;
    } rows[] = {{0, "0ms"}, {999, "999ms"}, {1000, "1.0s"}, {9999, "9.9s"}, {10000, "10s"}, {59999, "59s"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[HUMAN_MAX];
        human_put_ms(rows[i].ms, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void test_sizes(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {{0, "0B"},         {1023, "1023B"},      {1024, "1.0K"}, {1536, "1.5K"}, {1048575, "1023.9K"},
                {1048576, "1.0M"}, {UINT64_MAX, "15.9E"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[HUMAN_MAX];
        human_put_size(rows[i].bytes, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void test_durations_are_read(void **state)
{
    static const struct {
        const char *text;
        uint64_t s;
    } rows[] = {{"0", 0},
                {"90", 90},
                {"90s", 90},
                {"15m", 900},
                {"2h", 7200},
                {"7d", 604800},
                {"18446744073709551615", UINT64_MAX}};
    static const char *const none[] = {"",
                                       "s",
                                       "m",
                                       "-1",
                                       "1.5h",
                                       "1h30m",
                                       "1w",
                                       "1 s",
                                       " 1",
                                       "0x1",
                                       "1M",
                                       "18446744073709551616",
                                       "213503982334602d"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t s = 77;
        assert_true(human_parse_duration(bytes_of(rows[i].text), &s));
        assert_int_equal(s, rows[i].s);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        uint64_t s = 77;
        assert_false(human_parse_duration(bytes_of(none[i]), &s));
        assert_int_equal(s, 77);
    }
}

static void test_time(void **state)
{
    char text[HUMAN_MAX];
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    human_put_time(1795571220231, text);
    assert_string_equal(text, "2026-11-25T01:47:00");
    human_put_time(UINT64_MAX, text);
    assert_true(strlen(text) > 0);
}

static void test_cells(void **state)
{
    static char letters[2 * CELL_MAX];
    struct bytes tags[] = {bytes_of("a\033[2J"), bytes_of(""), bytes_of("b")};
    char text[CELL_MAX];
    (void)state;
    memset(letters, 'x', sizeof letters);
    struct cell tagged = {.kind = CELL_TEXTS, .texts = {.items = tags, .n = 3}};
    struct cell empty = cell_text(bytes_of(""));
    struct cell large = cell_text((struct bytes){.p = letters, .len = sizeof letters});
    struct cell size = cell_number(CELL_SIZE, 2048);
    struct cell ever = cell_number(CELL_SECONDS, CELL_FOR_EVER);
    cell_put(&tagged, false, text);
    assert_string_equal(text, "a?[2J,,b");
    cell_put(&empty, false, text);
    assert_string_equal(text, "-");
    cell_put(&large, false, text);
    assert_int_equal(strlen(text), CELL_MAX - 1);
    cell_put(&size, false, text);
    assert_string_equal(text, "2.0K");
    cell_put(&size, true, text);
    assert_string_equal(text, "2048");
    cell_put(&ever, true, text);
    assert_string_equal(text, "ever");
    size.is_blank = true;
    cell_put(&size, false, text);
    assert_string_equal(text, "-");
}

/* Many tags, each of which fits, do not run over. */
static void test_many_texts(void **state)
{
    static char letters[CELL_MAX - 1];
    struct bytes tags[8];
    char text[CELL_MAX];
    (void)state;
    memset(letters, 'y', sizeof letters);
    for (size_t len = CELL_MAX - 4; len < CELL_MAX; len++) {
        for (size_t i = 0; i < 8; i++)
            tags[i] = (struct bytes){.p = letters, .len = len};
        struct cell cell = {.kind = CELL_TEXTS, .texts = {.items = tags, .n = 8}};
        cell_put(&cell, false, text);
        assert_true(strlen(text) < CELL_MAX);
    }
}

static void test_json(void **state)
{
    struct cell cells[] = {cell_text(bytes_of("m\xc3\xbc")), cell_text(bytes_of("m\xff")),
                           cell_number(CELL_SECONDS, CELL_FOR_EVER)};
    static const char *const texts[] = {"\"m\xc3\xbc\"", "\"m?\"", "-1"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        json_t *json = cell_json(&cells[i]);
        char *text = json_dumps(json, JSON_ENCODE_ANY);
        assert_string_equal(text, texts[i]);
        free(text);
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seconds), cmocka_unit_test(test_ms),
        cmocka_unit_test(test_sizes),   cmocka_unit_test(test_time),
        cmocka_unit_test(test_cells),   cmocka_unit_test(test_durations_are_read),
        cmocka_unit_test(test_json),    cmocka_unit_test(test_many_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
