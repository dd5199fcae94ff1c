/* Token files, see token.h. */
#include "http/token.h"
#include "base/check.h"
#include "base/secret.h"
#include "http/http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RANDOM_BYTES = 32, MODE_OF_OTHERS = 077 };

static enum err refuse(char *error, enum err err, const char *path, const char *why)
{
    snprintf(error, HTTP_ERROR_MAX, "the token file %.256s %s", path, why);
    return err;
}

static enum err refuse_system(char *error, const char *path, const char *what)
{
    char why[128];
    snprintf(why, sizeof why, "cannot be %s: %s", what, strerror(errno));
    return refuse(error, ERR_SYSTEM, path, why);
}

void token_random(char *ret, size_t n)
{
    unsigned char bytes[RANDOM_BYTES];
    CHECK(n <= sizeof bytes && getrandom(bytes, n, 0) == (ssize_t)n);
    for (size_t i = 0; i < n; i++)
        snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
    explicit_bzero(bytes, sizeof bytes);
}

static bool is_fit(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    }
    return len >= TOKEN_MIN && len <= TOKEN_MAX;
}

static enum err read_from(const char *path, int fd, struct token *ret, char *error)
{
    char text[TOKEN_MAX + 3]; /* more than a token and its line's end: too long */
    struct stat st;
    ssize_t n = fstat(fd, &st) == 0 ? read(fd, text, sizeof text) : -1;
    if (n < 0)
        return refuse_system(error, path, "read");
    if ((st.st_mode & MODE_OF_OTHERS) != 0)
        return refuse(error, ERR_USAGE, path,
                      "can be read or written by others; take that away: chmod 600, and make a new token");
    size_t len = (size_t)n;
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    bool fits = is_fit(text, len);
    if (fits) {
        *ret = (struct token){.len = len};
        memcpy(ret->text, text, len);
    }
    explicit_bzero(text, sizeof text);
    return fits ? ERR_NONE
                : refuse(error, ERR_USAGE, path,
                         "holds no token: a line of 32 to 128 characters without blanks; remove it and a new "
                         "one is made");
}

/* Under another name until it is whole. */
static enum err make(const char *path, struct token *ret, char *error)
{
    char text[2 * RANDOM_BYTES + 2];
    char *fresh = NULL;
    if (asprintf(&fresh, "%s.new", path) < 0)
        return refuse(error, ERR_MEMORY, path, "cannot be made: out of memory");
    (void)unlink(fresh);
    token_random(text, RANDOM_BYTES);
    text[2 * RANDOM_BYTES] = '\n';
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    ssize_t len = 2 * RANDOM_BYTES + 1;
    bool is_made =
        fd >= 0 && write(fd, text, (size_t)len) == len && fsync(fd) == 0 && rename(fresh, path) == 0;
    enum err err = is_made ? ERR_NONE : refuse_system(error, path, "made");
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && !is_made)
        (void)unlink(fresh);
    if (is_made) {
        *ret = (struct token){.len = 2 * RANDOM_BYTES};
        memcpy(ret->text, text, ret->len);
    }
    explicit_bzero(text, sizeof text);
    free(fresh);
    return err;
}

static enum err open_one(const char *path, bool may_make, struct token *ret, bool *ret_complete, char *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT && may_make)
        return make(path, ret, error);
    if (fd < 0 && errno != ENOENT)
        return refuse_system(error, path, "opened");
    if (fd < 0) {
        *ret_complete = false;
        return ERR_NONE;
    }
    enum err err = read_from(path, fd, ret, error);
    close(fd);
    return err;
}

enum err tokens_open(const char *path, bool may_make, struct tokens *ret, bool *ret_complete, char *error)
{
    struct tokens tokens = {0};
    char *reader = NULL;
    *ret_complete = true;
    if (asprintf(&reader, "%s-reader", path) < 0)
        return refuse(error, ERR_MEMORY, path, "cannot be read: out of memory");
    enum err err = open_one(path, may_make, &tokens.list[HTTP_ADMIN], ret_complete, error);
    if (err == ERR_NONE)
        err = open_one(reader, may_make, &tokens.list[HTTP_READER], ret_complete, error);
    if (err == ERR_NONE)
        *ret = tokens;
    explicit_bzero(&tokens, sizeof tokens);
    free(reader);
    return err;
}

enum http_role tokens_check(const struct tokens *tokens, struct bytes given)
{
    struct token asked = {.len = given.len};
    unsigned found = 0;
    if (given.len < TOKEN_MIN || given.len > TOKEN_MAX)
        return HTTP_NOBODY;
    memcpy(asked.text, given.p, given.len);
    for (unsigned role = HTTP_READER; role < HTTP_NROLES; role++)
        found |= (unsigned)secret_equal(&tokens->list[role], &asked, sizeof asked) << role;
    explicit_bzero(&asked, sizeof asked);
    if ((found >> HTTP_ADMIN & 1) != 0)
        return HTTP_ADMIN;
    return found != 0 ? HTTP_READER : HTTP_NOBODY;
}
