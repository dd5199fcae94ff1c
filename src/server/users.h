/*
 * users: who may come in, from a file of `user:password` lines.
 *
 * Promise: whether somebody is let in takes as long whichever user, password or length it is: all entries are
 * compared, each as a whole. A file that is not good leaves the users as they were.
 *
 * Threads: users_load() and users_check() from any.
 * Limits: USERS_MAX entries, as memcached has it; a line has at most USERS_LINE_MAX bytes.
 * Failure: ERR_SYSTEM (the file cannot be read) or ERR_USAGE (what is in it), with one line in `error`; it names
 * lines by their number, never by what they say.
 */
#ifndef CLOAKROOM_SERVER_USERS_H
#define CLOAKROOM_SERVER_USERS_H

#include "base/bytes.h"
#include "base/err.h"

#include <pthread.h>

enum { USERS_MAX = 8, USERS_LINE_MAX = 255, USERS_ERROR_MAX = 512 };

struct user {
    size_t name_len;
    size_t password_len;
    char text[USERS_LINE_MAX + 1]; /* name, password, zeros */
};

struct users {
    pthread_mutex_t lock;
    size_t n;
    struct user items[USERS_MAX];
};

void users_init(struct users *users);
/* Forgets them. */
void users_fini(struct users *users);

enum err users_load(struct users *users, const char *path, char *error) ERR_MUST_CHECK;

bool users_check(struct users *users, struct bytes name, struct bytes password);

#endif
