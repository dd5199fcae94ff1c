/*
 * Holds the small promises of base: bytes compare by length first and take empty runs without a pointer,
 * big-endian loads and stores need no alignment, every error has a sentence, the hash depends on its seed,
 * steady time does not run backwards, and a failed CHECK names its place and aborts.
 */
#include "base/bytes.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_bytes_compare(void **state)
{
    (void)state;
    struct bytes none = {0};
    struct bytes empty = bytes_of("");
    struct bytes ab = bytes_of("ab");
    struct bytes zero = {.p = "a\0b", .len = 3};
    assert_true(bytes_equal(none, empty));
    assert_false(bytes_equal(none, ab));
    assert_false(bytes_equal(bytes_of("a"), zero));
    assert_true(bytes_starts_with(zero, bytes_of("a")));
    assert_true(bytes_starts_with(ab, none) && bytes_ends_with(ab, none));
    assert_true(bytes_starts_with(ab, ab) && bytes_ends_with(ab, ab));
    assert_false(bytes_starts_with(ab, bytes_of("abc")));
    assert_false(bytes_ends_with(ab, bytes_of("aab")));
    assert_true(bytes_ends_with(ab, bytes_of("b")));
    assert_false(bytes_ends_with(ab, bytes_of("a")));
}

static void test_big_endian_needs_no_alignment(void **state)
{
    (void)state;
    static const unsigned char wire[] = {0, 1, 2, 3, 4, 5, 6, 7, 0xFF};
    unsigned char out[sizeof wire] = {0};
    assert_int_equal(bytes_get_be16(wire + 1), 0x0102);
    assert_int_equal(bytes_get_be32(wire + 1), 0x01020304);
    assert_true(bytes_get_be64(wire + 1) == 0x01020304050607FFU);
    bytes_put_be64(out + 1, 0x01020304050607FFU);
    assert_memory_equal(out, wire, sizeof wire);
    bytes_put_be32(out + 1, 0xA1A2A3A4U);
    bytes_put_be16(out + 5, 0xB1B2U);
    assert_memory_equal(out, "\0\xA1\xA2\xA3\xA4\xB1\xB2\x07\xFF", sizeof out);
}

static void test_every_error_has_its_sentence(void **state)
{
    (void)state;
    for (int err = ERR_NONE; err <= ERR_PROTOCOL; err++) {
        assert_string_not_equal(err_text((enum err)err), "unknown error");
        for (int other = ERR_NONE; other < err; other++)
            assert_string_not_equal(err_text((enum err)err), err_text((enum err)other));
    }
    assert_string_equal(err_text((enum err)9999), "unknown error");
}

static void test_hash_depends_on_bytes_and_seed(void **state)
{
    (void)state;
    struct bytes key = bytes_of("memc.sess.key.abcdefghijklmnopqrstuvwxyz");
    struct bytes shorter = {.p = key.p, .len = key.len - 1};
    assert_true(hash_bytes(key, 1) == hash_bytes(key, 1));
    assert_true(hash_bytes(key, 1) != hash_bytes(key, 2));
    assert_true(hash_bytes(key, 1) != hash_bytes(shorter, 1));
    assert_true(hash_bytes((struct bytes){0}, 1) == hash_bytes(bytes_of(""), 1));
    assert_true(hash_random_seed() != hash_random_seed());
}

static void test_steady_time_does_not_run_backwards(void **state)
{
    (void)state;
    uint64_t before = clock_steady_ns(&clock_system);
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_steady_ns(&clock_system);
        assert_true(now >= before);
        before = now;
    }
    assert_true(clock_wall_s(&clock_system) > 1700000000);
}

static void test_a_failed_check_aborts_with_a_line(void **state)
{
    (void)state;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(pipes[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        CHECK(child != 0);
        _exit(0);
    }
    close(pipes[1]);
    char line[256] = {0};
    assert_true(read(pipes[0], line, sizeof line - 1) > 0);
    close(pipes[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(line, "test_base.c:"));
    assert_non_null(strstr(line, "CHECK(child != 0) failed"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_compare),
        cmocka_unit_test(test_big_endian_needs_no_alignment),
        cmocka_unit_test(test_every_error_has_its_sentence),
        cmocka_unit_test(test_hash_depends_on_bytes_and_seed),
        cmocka_unit_test(test_steady_time_does_not_run_backwards),
        cmocka_unit_test(test_a_failed_check_aborts_with_a_line),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
