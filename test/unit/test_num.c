/*
 * Holds the promise of base/num.h: no overflow passes unseen, nothing but the digits is accepted, what is
 * written is read back the same, and not a byte beyond `len` is touched.
 */
#include "base/num.h"
#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const not_digits[] = {"",
                                         " ",
                                         "-",
                                         "+",
                                         "-1",
                                         "+1",
                                         " 1",
                                         "1 ",
                                         "1\n",
                                         "0x1",
                                         "1e3",
                                         "1.0",
                                         "1k",
                                         "/",
                                         ":",
                                         "\xff",
                                         "12\xb2",
                                         "184467440737095516150",
                                         "18446744073709551616",
                                         "99999999999999999999"};

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static void test_u64(void **state)
{
    (void)state;
    uint64_t value = 7;
    for (size_t i = 0; i < N_OF(not_digits); i++) {
        assert_false(num_parse_u64(bytes_of(not_digits[i]), &value));
        assert_int_equal(value, 7); /* written only on success */
    }
    assert_false(num_parse_u64((struct bytes){.p = "1\0002", .len = 3}, &value));
    assert_true(num_parse_u64(bytes_of("0"), &value) && value == 0);
    assert_true(num_parse_u64(bytes_of("0000123"), &value) && value == 123);
    assert_true(num_parse_u64(bytes_of("00000000000000000000000042"), &value) && value == 42);
    assert_true(num_parse_u64(bytes_of("000000018446744073709551615"), &value) && value == UINT64_MAX);
    assert_false(num_parse_u64(bytes_of("000000018446744073709551616"), &value));
    assert_true(num_parse_u64(bytes_of("9999999999999999999"), &value) && value == 9999999999999999999U);
    assert_true(num_parse_u64(bytes_of("18446744073709551615"), &value) && value == UINT64_MAX);
    assert_true(num_parse_u64((struct bytes){.p = "123", .len = 2}, &value) && value == 12);
}

static void test_u32(void **state)
{
    (void)state;
    uint32_t value = 7;
    for (size_t i = 0; i < N_OF(not_digits); i++)
        assert_false(num_parse_u32(bytes_of(not_digits[i]), &value));
    assert_false(num_parse_u32(bytes_of("4294967296"), &value));
    assert_int_equal(value, 7);
    assert_true(num_parse_u32(bytes_of("4294967295"), &value) && value == UINT32_MAX);
}

static void test_i64(void **state)
{
    (void)state;
    int64_t value = 7;
    static const char *const bad[] = {"", "-", "+", "--1", "+-1", "-+1", "- 1", "1-", "9223372036854775808"};
    for (size_t i = 0; i < N_OF(bad); i++)
        assert_false(num_parse_i64(bytes_of(bad[i]), &value));
    assert_int_equal(value, 7);
    assert_true(num_parse_i64(bytes_of("-1"), &value) && value == -1);
    assert_true(num_parse_i64(bytes_of("+1"), &value) && value == 1);
    assert_true(num_parse_i64(bytes_of("-0"), &value) && value == 0);
    assert_true(num_parse_i64(bytes_of("9223372036854775807"), &value) && value == INT64_MAX);
    assert_true(num_parse_i64(bytes_of("-9223372036854775807"), &value) && value == -INT64_MAX);
}

static void test_size(void **state)
{
    (void)state;
    uint64_t value = 7;
    static const char *const bad[] = {"", "k", "1kk", "1 k", "1b", "1t", "k1", "-1k", "1.5m", "17179869184g"};
    for (size_t i = 0; i < N_OF(bad); i++)
        assert_false(num_parse_size(bytes_of(bad[i]), &value));
    assert_int_equal(value, 7);
    assert_true(num_parse_size(bytes_of("1024"), &value) && value == 1024);
    assert_true(num_parse_size(bytes_of("512k"), &value) && value == 512 << 10);
    assert_true(num_parse_size(bytes_of("3M"), &value) && value == 3 << 20);
    assert_true(num_parse_size(bytes_of("2g"), &value) && value == 2ULL << 30);
    assert_true(num_parse_size(bytes_of("17179869183G"), &value) && value == 17179869183ULL << 30);
}

/* Every digit count, and both sides of each power of ten, against the C library. */
static void test_written_is_read_back(void **state)
{
    (void)state;
    uint64_t power = 1;
    for (int digits = 1; digits <= NUM_MAX; digits++) {
        for (uint64_t value = power - 1; value <= power + 1; value++) {
            char expected[32];
            char text[NUM_MAX];
            size_t len = num_format_u64(value, text);
            assert_int_equal(len, snprintf(expected, sizeof expected, "%lu", value));
            assert_memory_equal(text, expected, len);
            uint64_t back = ~value;
            assert_true(num_parse_u64((struct bytes){.p = text, .len = len}, &back));
            assert_true(back == value);
        }
        power = digits < NUM_MAX ? power * 10 : power;
    }
    char text[NUM_MAX];
    assert_int_equal(num_format_u64(UINT64_MAX, text), NUM_MAX);
    assert_memory_equal(text, "18446744073709551615", NUM_MAX);
}

/* Each text ends flush against an unreadable page. */
static void test_reads_nothing_beyond_its_end(void **state)
{
    (void)state;
    struct guard guard = guard_open(64);
    static const char *const texts[] = {
        "", "-", "+1", "1", "12k", "18446744073709551615", "99999999999999999999"};
    for (size_t i = 0; i < N_OF(texts); i++) {
        size_t len = strlen(texts[i]);
        struct bytes b = {.p = guard_place(&guard, texts[i], len), .len = len};
        uint64_t u64;
        int64_t i64;
        uint32_t u32;
        num_parse_u64(b, &u64);
        num_parse_u32(b, &u32);
        num_parse_i64(b, &i64);
        num_parse_size(b, &u64);
    }
    guard_close(&guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_u64),
        cmocka_unit_test(test_u32),
        cmocka_unit_test(test_i64),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_written_is_read_back),
        cmocka_unit_test(test_reads_nothing_beyond_its_end),
    };
    return cmocka_run_group_tests_name("num", tests, NULL, NULL);
}
