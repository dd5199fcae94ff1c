/*
 * Promises of http/token.h: files that only their owner can read, made whole; a token as it is, and no other; and nothing of
 * a token in what is told.
 */
#include "unit.h"

#include "http/http.h"
#include "http/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define GOOD   "0123456789abcdefghijABCDEFGHIJ~!"
#define READER "r123456789abcdefghijABCDEFGHIJ~!"

struct room {
    char folder[64];
    char path[96];
    char reader[96];
    char fresh[96];
};

static int open_room(void **state)
{
    struct room *room = calloc(1, sizeof *room);
    snprintf(room->folder, sizeof room->folder, "/tmp/cloakroom-test-XXXXXX");
    assert_non_null(mkdtemp(room->folder));
    snprintf(room->path, sizeof room->path, "%s/t", room->folder);
    snprintf(room->reader, sizeof room->reader, "%s/t-reader", room->folder);
    snprintf(room->fresh, sizeof room->fresh, "%s/t.new", room->folder);
    *state = room;
    return 0;
}

static int close_room(void **state)
{
    struct room *room = *state;
    unlink(room->path);
    unlink(room->reader);
    unlink(room->fresh);
    assert_int_equal(rmdir(room->folder), 0); /* nothing else was left there */
    free(room);
    return 0;
}

static void write_file(const char *path, const char *text, size_t len, mode_t mode)
{
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static enum http_role role_of(const struct tokens *tokens, const char *text)
{
    return tokens_check(tokens, bytes_of(text));
}

static void both_are_made_once(void **state)
{
    struct room *room = *state;
    struct tokens tokens = {0};
    struct tokens again = {0};
    char error[HTTP_ERROR_MAX];
    bool is_complete = true;
    struct stat st;
    assert_int_equal(tokens_open(room->path, false, &tokens, &is_complete, error), ERR_NONE);
    assert_false(is_complete);
    assert_int_equal(access(room->path, F_OK), -1);
    write_file(room->fresh, "left by a start that was killed", 10, 0644);
    umask(0);
    assert_int_equal(tokens_open(room->path, true, &tokens, &is_complete, error), ERR_NONE);
    assert_true(is_complete);
    assert_int_equal(stat(room->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(room->reader, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(tokens.list[HTTP_ADMIN].len, 64);
    assert_int_equal(tokens.list[HTTP_READER].len, 64);
    assert_memory_not_equal(tokens.list[HTTP_ADMIN].text, tokens.list[HTTP_READER].text, 64);
    assert_int_equal(tokens_open(room->path, true, &again, &is_complete, error), ERR_NONE);
    assert_memory_equal(&again, &tokens, sizeof tokens);
}

static void each_lets_its_role_in(void **state)
{
    struct room *room = *state;
    struct tokens tokens = {0};
    char error[HTTP_ERROR_MAX];
    bool is_complete = false;
    write_file(room->path, GOOD "\r\n", strlen(GOOD) + 2, 0400);
    write_file(room->reader, READER, strlen(READER), 0600);
    assert_int_equal(tokens_open(room->path, false, &tokens, &is_complete, error), ERR_NONE);
    assert_true(is_complete);
    assert_int_equal(role_of(&tokens, GOOD), HTTP_ADMIN);
    assert_int_equal(role_of(&tokens, READER), HTTP_READER);
    static const char *const wrong[] = {"",
                                        GOOD "\n",
                                        GOOD " ",
                                        " " GOOD,
                                        "1123456789abcdefghijABCDEFGHIJ~!",
                                        "0123456789abcdefghijABCDEFGHIJ~?",
                                        "0123456789abcdefghijABCDEFGHIJ~",
                                        GOOD GOOD,
                                        GOOD GOOD GOOD GOOD GOOD};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (role_of(&tokens, wrong[i]) != HTTP_NOBODY)
            fail_msg("'%s' lets in", wrong[i]);
    }
    assert_int_equal(tokens_check(&tokens, (struct bytes){.p = GOOD "\0", .len = sizeof GOOD}), HTTP_NOBODY);
    static const struct tokens none;
    static const char zeros[TOKEN_MAX];
    for (size_t len = 0; len <= sizeof zeros; len++)
        assert_int_equal(tokens_check(&none, (struct bytes){.p = zeros, .len = len}), HTTP_NOBODY);
    tokens.list[HTTP_READER] = tokens.list[HTTP_ADMIN]; /* one for both is the admin's */
    assert_int_equal(role_of(&tokens, GOOD), HTTP_ADMIN);
}

static void what_is_no_token_is_told(void **state)
{
    struct room *room = *state;
    static const struct {
        const char *text;
        size_t len;
        mode_t mode;
        const char *why;
    } rows[] = {
        {GOOD, sizeof GOOD - 1, 0640, "others"},
        {GOOD, sizeof GOOD - 1, 0604, "others"},
        {GOOD, sizeof GOOD - 1, 0620, "others"},
        {"", 0, 0600, "no token"},
        {"\n", 1, 0600, "no token"},
        {GOOD, sizeof GOOD - 2, 0600, "no token"},
        {GOOD " x", sizeof GOOD + 1, 0600, "no token"},
        {GOOD "\nx", sizeof GOOD + 1, 0600, "no token"},
        {GOOD, sizeof GOOD, 0600, "no token"}, /* with a zero */
        {GOOD "\xC3\xA4", sizeof GOOD + 1, 0600, "no token"},
        {GOOD GOOD GOOD GOOD "x", 4 * (sizeof GOOD - 1) + 1, 0600, "no token"},
        {GOOD GOOD GOOD GOOD "\r\n\n", 4 * (sizeof GOOD - 1) + 3, 0600, NULL},
        {GOOD GOOD GOOD GOOD GOOD, 5 * (sizeof GOOD - 1), 0600, "no token"},
    };
    char error[HTTP_ERROR_MAX];
    bool is_complete;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tokens tokens = {0};
        struct tokens before = {0};
        for (int is_reader = 0; is_reader < 2; is_reader++) {
            write_file(room->path, is_reader ? GOOD : rows[i].text, is_reader ? sizeof GOOD - 1 : rows[i].len,
                       is_reader ? 0600 : rows[i].mode);
            write_file(room->reader, is_reader ? rows[i].text : READER,
                       is_reader ? rows[i].len : sizeof READER - 1, is_reader ? rows[i].mode : 0600);
            enum err err = tokens_open(room->path, true, &tokens, &is_complete, error);
            if (rows[i].why == NULL) {
                assert_int_equal(err, ERR_NONE);
                continue;
            }
            if (err != ERR_USAGE || strstr(error, rows[i].why) == NULL || strchr(error, '\n') != NULL)
                fail_msg("row %zu: %d, %s", i, err, error);
            assert_null(strstr(error, "0123456789"));
            assert_memory_equal(&tokens, &before, sizeof tokens);
        }
    }
}

static void trouble_with_files_is_told(void **state)
{
    struct room *room = *state;
    struct tokens tokens = {0};
    char error[HTTP_ERROR_MAX];
    bool is_complete;
    char nowhere[128];
    snprintf(nowhere, sizeof nowhere, "%s/none/t", room->folder);
    assert_int_equal(tokens_open(nowhere, true, &tokens, &is_complete, error), ERR_SYSTEM);
    assert_non_null(strstr(error, strerror(ENOENT)));
    assert_int_equal(tokens_open(room->folder, true, &tokens, &is_complete, error), ERR_SYSTEM);
    assert_non_null(strstr(error, strerror(EISDIR)));
    assert_int_equal(symlink("elsewhere", room->fresh), 0); /* is not followed */
    assert_int_equal(tokens_open(room->path, true, &tokens, &is_complete, error), ERR_NONE);
    assert_int_equal(mkfifo(room->fresh, 0600), 0);
    assert_int_equal(rename(room->fresh, room->path), 0);
    assert_int_equal(tokens_open(room->path, true, &tokens, &is_complete, error),
                     ERR_USAGE); /* and no hang */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_are_made_once, open_room, close_room),
        cmocka_unit_test_setup_teardown(each_lets_its_role_in, open_room, close_room),
        cmocka_unit_test_setup_teardown(what_is_no_token_is_told, open_room, close_room),
        cmocka_unit_test_setup_teardown(trouble_with_files_is_told, open_room, close_room),
    };
    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
