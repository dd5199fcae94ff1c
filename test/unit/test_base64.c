/*
 * Holds the promise of base/base64.h: what decodes is the one text of its bytes, and nothing is read or written beyond
 * the ends.
 */
#include "base/base64.h"
#include "guard.h"
#include "unit.h"

#include <stdio.h>

static const struct {
    const char *text;
    const char *bytes;
    size_t len;
} good[] = {
    {"Zg==", "f", 1},        {"Zm8=", "fo", 2},           {"Zm9v", "foo", 3},
    {"Zm9vYg==", "foob", 4}, {"Zm9vYmE=", "fooba", 5},    {"Zm9vYmFy", "foobar", 6},
    {"AA==", "\0", 1},       {"+/+/", "\xfb\xff\xbf", 3}, {"////", "\xff\xff\xff", 3},
};

static const char *const bad[] = {
    "",     "Z",    "Zg",   "Zg=",  "Zm9vYg", "Zg==Zg==", "Zg= =", "=Zg=",       "====",     "===A",
    "A===", "Zh==", "Zm9=", "Zm9-", "Zm 9v",  "Zm9v\n",   "Zm9_",  "Zm9vYg==\n", "Zm9v====", "Z=9v",
};

static void test_good(void **state)
{
    (void)state;
    struct guard guard = guard_open(4096);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        size_t text_len = strlen(good[i].text);
        char room[16];
        size_t len = 0;
        memset(room, '!', sizeof room);
        struct bytes text = {guard_place(&guard, good[i].text, text_len), text_len};
        assert_true(base64_decode(text, room, &len));
        assert_int_equal(len, good[i].len);
        assert_memory_equal(room, good[i].bytes, len);
        assert_int_equal(room[BASE64_DECODED_MAX(text_len)], '!');
    }
    guard_close(&guard);
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char room[16];
        size_t len = 77;
        if (base64_decode(bytes_of(bad[i]), room, &len))
            fail_msg("'%s' passes", bad[i]);
        assert_int_equal(len, 77);
    }
}

/* All texts of four digits and padding that pass are told apart by what they decode to. */
static void test_one_text_for_each_bytes(void **state)
{
    (void)state;
    static const char digits[] = "ABCgwx/9+=";
    static char seen[10000][5];
    size_t n = 0;
    for (size_t i = 0; i < 10000; i++) {
        char text[] = {digits[i % 10], digits[i / 10 % 10], digits[i / 100 % 10], digits[i / 1000], '\0'};
        char room[8] = {0};
        size_t len = 0;
        if (!base64_decode(bytes_of(text), room, &len))
            continue;
        room[4] = (char)len;
        for (size_t k = 0; k < n; k++)
            assert_memory_not_equal(seen[k], room, 5);
        memcpy(seen[n], room, 5);
        n++;
    }
    assert_true(n > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_one_text_for_each_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
