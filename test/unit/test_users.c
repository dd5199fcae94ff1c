/*
 * Promise (users.h): who is in the file is let in, nobody else; a file that is not good changes nothing, and what
 * is said about it never has a word of it.
 */
#include "unit.h"

#include "base/secret.h"
#include "server/users.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct play {
    struct users users;
    char path[64];
    char error[USERS_ERROR_MAX];
};

static void begin(struct play *play)
{
    users_init(&play->users);
    strcpy(play->path, "/tmp/cloakroom-users-XXXXXX");
    close(mkstemp(play->path));
}

static void end(struct play *play)
{
    unlink(play->path);
    users_fini(&play->users);
}

static enum err load(struct play *play, const char *text)
{
    FILE *file = fopen(play->path, "w");
    fputs(text, file);
    fclose(file);
    return users_load(&play->users, play->path, play->error);
}

static bool check(struct play *play, const char *name, const char *password)
{
    return users_check(&play->users, bytes_of(name), bytes_of(password));
}

static void test_who_is_let_in(void **state)
{
    (void)state;
    struct play play;
    begin(&play);
    assert_false(check(&play, "", ""));
    assert_false(check(&play, "u", "p"));
    assert_int_equal(load(&play, "u:p\nuser2:pass:2\r\n\nlast:end"), ERR_NONE);
    assert_true(check(&play, "u", "p"));
    assert_true(check(&play, "user2", "pass:2"));
    assert_true(check(&play, "last", "end"));
    assert_false(check(&play, "u", "pass:2"));
    assert_false(check(&play, "u", "p\n"));
    assert_false(check(&play, "u", ""));
    assert_false(check(&play, "", "p"));
    assert_false(check(&play, "las", "tend"));
    assert_false(check(&play, "las", "end"));
    assert_false(check(&play, "last", "en"));
    end(&play);
}

static void test_a_bad_file_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *said;
    } bad[] = {
        {"", "no user"},
        {"secret\n", ":1: not understood"},
        {"a:b\n:secret\n", ":2: not understood"},
        {"secret:\n", ":1: not understood"},
        {"1:1\n2:2\n3:3\n4:4\n5:5\n6:6\n7:7\n8:8\n9:secret\n", ":9: more than 8 users"},
    };
    struct play play;
    begin(&play);
    assert_int_equal(load(&play, "u:p\n"), ERR_NONE);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_not_equal(load(&play, bad[i].text), ERR_NONE);
        assert_non_null(strstr(play.error, bad[i].said));
        assert_null(strstr(play.error, "secret"));
        assert_true(check(&play, "u", "p"));
    }
    unlink(play.path);
    assert_int_equal(users_load(&play.users, play.path, play.error), ERR_SYSTEM);
    assert_non_null(strstr(play.error, play.path));
    assert_true(check(&play, "u", "p"));
    end(&play);
}

static void test_a_new_file_replaces_all(void **state)
{
    (void)state;
    struct play play;
    begin(&play);
    assert_int_equal(load(&play, "1:1\n2:2\n3:3\n4:4\n5:5\n6:6\n7:7\n8:8\n"), ERR_NONE);
    assert_true(check(&play, "8", "8"));
    assert_int_equal(load(&play, "u:p\n"), ERR_NONE);
    assert_true(check(&play, "u", "p"));
    assert_false(check(&play, "8", "8"));
    assert_false(check(&play, "1", "1"));
    end(&play);
}

static void test_lines_have_a_limit(void **state)
{
    (void)state;
    char line[USERS_LINE_MAX + 2];
    struct play play;
    begin(&play);
    memset(line, 'x', sizeof line);
    line[1] = ':';
    line[USERS_LINE_MAX] = '\0';
    assert_int_equal(load(&play, line), ERR_NONE);
    assert_true(check(&play, "x", line + 2));
    line[USERS_LINE_MAX] = 'x';
    line[USERS_LINE_MAX + 1] = '\0';
    assert_int_equal(load(&play, line), ERR_USAGE);
    assert_false(check(&play, "x", line + 2));
    end(&play);
}

static void test_each_bit_counts(void **state)
{
    (void)state;
    unsigned char a[64] = {0};
    unsigned char b[64] = {0};
    assert_true(secret_equal(a, b, sizeof a));
    for (size_t bit = 0; bit < 8 * sizeof a; bit++) {
        b[bit / 8] ^= (unsigned char)(1U << bit % 8);
        assert_false(secret_equal(a, b, sizeof a));
        b[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
    assert_true(secret_equal(a, b, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_let_in),           cmocka_unit_test(test_a_bad_file_changes_nothing),
        cmocka_unit_test(test_a_new_file_replaces_all), cmocka_unit_test(test_lines_have_a_limit),
        cmocka_unit_test(test_each_bit_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
