/*
 * login: browsers that have shown a token once: a cookie with a random id, and a word that each change has to repeat.
 *
 * Promise: neither id nor word can be told from the token or from each other; all are compared, each as a whole. A
 * login ends after LOGIN_LIFE_S, at a restart, when its role has another token, or when LOGINS_MAX newer ones have come.
 * Threads: one.
 */
#ifndef CLOAKROOM_HTTP_LOGIN_H
#define CLOAKROOM_HTTP_LOGIN_H

#include "http/token.h"

#include <stdint.h>

enum { LOGINS_MAX = 64, LOGIN_DIGITS = 64, LOGIN_LIFE_S = 12 * 60 * 60 };

struct login {
    enum http_role role; /* HTTP_NOBODY: free */
    uint64_t until_s;
    char id[LOGIN_DIGITS + 1];
    char csrf[LOGIN_DIGITS + 1];
};

struct logins {
    struct login list[LOGINS_MAX];
};

/* The oldest one goes when there is no room. */
const struct login *logins_add(struct logins *logins, enum http_role role, uint64_t now_s);
/* NULL: there is none of that id. */
const struct login *logins_find(const struct logins *logins, struct bytes id, uint64_t now_s);
void logins_remove(struct logins *logins, const struct login *login);
/* All of that role: the token that they have shown lets nobody in any more. */
void logins_remove_role(struct logins *logins, enum http_role role);

bool login_has_csrf(const struct login *login, struct bytes csrf);

#endif
