/*
 * Promises of engine/handle.h: HMAC-SHA256 to the letter, one handle for one id, parts that do not run into each other.
 */
#include "unit.h"

#include "engine/handle.h"

static struct bytes of_fill(char *room, char c, size_t len)
{
    memset(room, c, len);
    return (struct bytes){.p = room, .len = len};
}

static void handle_of(const struct handle_key *key, const char *application, const char *id, char ret[17])
{
    unsigned char hash[HANDLE_HASH_BYTES];
    struct handle_maker maker;
    handle_maker_init(&maker, key);
    handle_hash(&maker, bytes_of(application), bytes_of(id), hash);
    handle_put(hash, ret);
    ret[HANDLE_DIGITS] = '\0';
}

/* python3: hmac.new(bytes(range(32)), b"\x04shopabc", "sha256").hexdigest() */
static void test_known(void **state)
{
    (void)state;
    struct handle_key key;
    char text[HANDLE_DIGITS + 1];
    for (unsigned char i = 0; i < HANDLE_KEY_BYTES; i++)
        key.bytes[i] = i;
    handle_of(&key, "shop", "abc", text);
    assert_string_equal(text, "a1ed1ca1ffce368c");
    handle_of(&key, "", "", text);
    assert_string_equal(text, "e711546e3faad4c7");
}

static void test_same_and_different(void **state)
{
    (void)state;
    struct handle_key key;
    struct handle_key other;
    char a[HANDLE_DIGITS + 1];
    char b[HANDLE_DIGITS + 1];
    handle_key_random(&key);
    handle_key_random(&other);
    handle_of(&key, "", "abc", a);
    handle_of(&key, "", "abc", b);
    assert_string_equal(a, b);
    handle_of(&key, "a", "bc", b);
    assert_string_not_equal(a, b);
    handle_of(&key, "", "abd", b);
    assert_string_not_equal(a, b);
    handle_of(&other, "", "abc", b);
    assert_string_not_equal(a, b);
}

static void test_longest(void **state)
{
    (void)state;
    struct handle_key key;
    unsigned char hash[HANDLE_HASH_BYTES];
    char one[HANDLE_PART_MAX];
    char two[HANDLE_PART_MAX];
    struct handle_maker maker;
    handle_key_random(&key);
    handle_maker_init(&maker, &key);
    handle_hash(&maker, of_fill(one, 'a', sizeof one), of_fill(two, 'i', sizeof two), hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_same_and_different),
        cmocka_unit_test(test_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
