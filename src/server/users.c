/* Reading and comparing users, see users.h. */
#include "server/users.h"
#include "base/check.h"
#include "base/secret.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((format(printf, 3, 4))) static enum err refuse(char *error, enum err err, const char *format,
                                                             ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, USERS_ERROR_MAX, format, args);
    va_end(args);
    return err;
}

/* False: one of them is missing, or they are too long. */
static bool make_user(struct bytes name, struct bytes password, struct user *ret)
{
    if (name.len == 0 || password.len == 0 || name.len >= USERS_LINE_MAX ||
        password.len >= USERS_LINE_MAX - name.len)
        return false;
    *ret = (struct user){.name_len = name.len, .password_len = password.len};
    memcpy(ret->text, name.p, name.len);
    memcpy(ret->text + name.len, password.p, password.len);
    return true;
}

static size_t line_len(const char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    return len;
}

static enum err add_line(struct users *users, const char *path, unsigned number, struct bytes line,
                         char *error)
{
    const char *colon = memchr(line.p, ':', line.len);
    size_t name_len = colon == NULL ? 0 : (size_t)(colon - line.p);
    if (users->n == USERS_MAX)
        return refuse(error, ERR_USAGE, "%.256s:%u: more than %d users; take some out", path, number,
                      USERS_MAX);
    if (line.len > USERS_LINE_MAX)
        return refuse(error, ERR_USAGE, "%.256s:%u: longer than %d bytes", path, number, USERS_LINE_MAX);
    if (colon == NULL ||
        !make_user((struct bytes){line.p, name_len}, (struct bytes){colon + 1, line.len - name_len - 1},
                   &users->items[users->n]))
        return refuse(error, ERR_USAGE, "%.256s:%u: not understood; write user:password", path, number);
    users->n++;
    return ERR_NONE;
}

static enum err read_lines(struct users *users, const char *path, FILE *file, char *error)
{
    char *line = NULL;
    size_t cap = 0;
    unsigned number = 0;
    enum err err = ERR_NONE;
    ssize_t len;
    while (err == ERR_NONE && (len = getline(&line, &cap, file)) >= 0) {
        struct bytes text = {line, line_len(line, (size_t)len)};
        number++;
        if (text.len > 0)
            err = add_line(users, path, number, text, error);
    }
    if (err == ERR_NONE && ferror(file))
        err = refuse(error, ERR_SYSTEM, "%.256s: cannot be read: %s", path, strerror(errno));
    if (err == ERR_NONE && users->n == 0)
        err = refuse(error, ERR_USAGE, "%.256s: there is no user in it; write user:password, one in a line",
                     path);
    if (line != NULL)
        explicit_bzero(line, cap);
    free(line);
    return err;
}

void users_init(struct users *users)
{
    *users = (struct users){.n = 0};
    CHECK(pthread_mutex_init(&users->lock, NULL) == 0);
}

void users_fini(struct users *users)
{
    CHECK(pthread_mutex_destroy(&users->lock) == 0);
    explicit_bzero(users, sizeof *users);
}

enum err users_load(struct users *users, const char *path, char *error)
{
    struct users fresh = {.n = 0};
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return refuse(error, ERR_SYSTEM, "%.256s: cannot be opened: %s", path, strerror(errno));
    enum err err = read_lines(&fresh, path, file, error);
    fclose(file);
    if (err == ERR_NONE) {
        pthread_mutex_lock(&users->lock);
        memcpy(users->items, fresh.items, sizeof users->items);
        users->n = fresh.n;
        pthread_mutex_unlock(&users->lock);
    }
    explicit_bzero(&fresh, sizeof fresh);
    return err;
}

bool users_check(struct users *users, struct bytes name, struct bytes password)
{
    struct user asked;
    unsigned found = 0;
    if (!make_user(name, password, &asked))
        return false;
    pthread_mutex_lock(&users->lock);
    for (size_t i = 0; i < USERS_MAX; i++)
        found |= secret_equal(&users->items[i], &asked, sizeof asked);
    pthread_mutex_unlock(&users->lock);
    explicit_bzero(&asked, sizeof asked);
    return found != 0;
}
