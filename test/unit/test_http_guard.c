/*
 * Promises of http/guard.h: only names that are ours, and only pages of ours.
 */
#include "unit.h"

#include "http/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static bool splits(const char *authority, const char *expected)
{
    struct bytes name;
    return guard_split(bytes_of(authority), &name) && bytes_equal(name, bytes_of(expected));
}

static void names_are_split_from_ports(void **state)
{
    (void)state;
    static const char *const none[] = {"",    ":80",     "[::1",     "[::1]80", "[::1]:", "[::1]:x",
                                       "a:b", "a:80:80", "a:123456", "[]",      "a:",     "a:-1"};
    struct bytes name;
    assert_true(splits("localhost", "localhost"));
    assert_true(splits("localhost:11280", "localhost"));
    assert_true(splits("127.0.0.1:1", "127.0.0.1"));
    assert_true(splits("[::1]", "::1"));
    assert_true(splits("[::1]:11280", "::1"));
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        if (guard_split(bytes_of(none[i]), &name))
            fail_msg("'%s' is taken for a name", none[i]);
    }
}

static void only_our_names(void **state)
{
    (void)state;
    static const char *const more[] = {"web-1.example"};
    const struct guard_names names = {.address = "10.0.0.5", .names = more, .nnames = 1};
    struct sockaddr_in local = {.sin_family = AF_INET};
    assert_int_equal(inet_pton(AF_INET, "10.0.0.7", &local.sin_addr), 1);
    const struct sockaddr *at = (const struct sockaddr *)&local;
    static const char *const ours[] = {"localhost",  "127.0.0.1:11280", "[::1]:11280",      "10.0.0.5",
                                       "10.0.0.5:1", "web-1.example",   "WEB-1.example:80", "10.0.0.7"};
    static const char *const foreign[] = {"",
                                          "evil.example",
                                          "10.0.0.8",
                                          "localhost.evil.example",
                                          "web-1.example.evil.example",
                                          "evil.example:11280",
                                          "127.0.0.1.evil.example"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        if (!guard_is_host(&names, bytes_of(ours[i]), at))
            fail_msg("'%s' is refused", ours[i]);
    }
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (guard_is_host(&names, bytes_of(foreign[i]), at))
            fail_msg("'%s' is let in", foreign[i]);
    }
    assert_false(guard_is_host(&names, bytes_of("10.0.0.7"), NULL));
}

static void only_our_pages(void **state)
{
    (void)state;
    struct bytes host = bytes_of("web-1:11280");
    assert_true(guard_is_origin(bytes_of("http://web-1:11280"), host));
    assert_true(guard_is_origin(bytes_of("https://web-1:11280"), host));
    static const char *const foreign[] = {"",
                                          "null",
                                          "web-1:11280",
                                          "http://web-1",
                                          "http://web-1:11281",
                                          "http://evil.example",
                                          "http://web-1:11280.evil.example",
                                          "ftp://web-1:11280",
                                          "http://evil.example/http://web-1:11280"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (guard_is_origin(bytes_of(foreign[i]), host))
            fail_msg("'%s' is let in", foreign[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_split_from_ports),
        cmocka_unit_test(only_our_names),
        cmocka_unit_test(only_our_pages),
    };
    return cmocka_run_group_tests_name("http_guard", tests, NULL, NULL);
}
