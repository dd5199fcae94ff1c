/*
 * Holds the promise of proto/frame.h: what is no request of one datagram is not taken for one, not a byte beyond `len` is
 * read, and what is written is read back.
 */
#include "proto/frame.h"
#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void only_a_whole_request_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        bool is_good;
        uint16_t id;
    } rows[] = {
        {"", 0, false, 0},
        {"\1\2\0\0\0\1\0", 7, false, 0},
        {"\1\2\0\0\0\1\0\0", 8, false, 0}, /* nothing behind it */
        {"\1\2\0\0\0\1\0\0x", 9, true, 0x102},
        {"\377\376\0\0\0\1\0\0x", 9, true, 0xfffe},
        {"\1\2\0\0\0\1\3\4x", 9, true, 0x102}, /* what is reserved is not looked at, as memcached */
        {"\1\2\0\0\0\2\0\0x", 9, false, 0},
        {"\1\2\0\0\0\0\0\0x", 9, false, 0},
        {"\1\2\0\0\1\1\0\0x", 9, false, 0},
        {"\1\2\0\1\0\1\0\0x", 9, false, 0},
        {"\1\2\1\0\0\1\0\0x", 9, false, 0},
    };
    struct guard guard = guard_open(16);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint16_t id = 7;
        assert_int_equal(frame_read(guard_place(&guard, rows[i].bytes, rows[i].len), rows[i].len, &id),
                         rows[i].is_good);
        assert_int_equal(id, rows[i].is_good ? rows[i].id : 7);
    }
    guard_close(&guard);
}

static void what_is_put_is_as_memcached_puts_it(void **state)
{
    (void)state;
    char out[FRAME_BYTES];
    frame_put(0x1234, 0x5678, 0x9abc, out);
    assert_memory_equal(out, "\x12\x34\x56\x78\x9a\xbc\0\0", sizeof out);
}

static void an_answer_is_cut_at_1392_bytes(void **state)
{
    (void)state;
    assert_int_equal(frame_count(0), 0);
    assert_int_equal(frame_count(1), 1);
    assert_int_equal(frame_count(1392), 1);
    assert_int_equal(frame_count(1393), 2);
    assert_int_equal(frame_count((size_t)1392 * UINT16_MAX), UINT16_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_whole_request_is_read),
        cmocka_unit_test(what_is_put_is_as_memcached_puts_it),
        cmocka_unit_test(an_answer_is_cut_at_1392_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
