/* Logins by cookie, see login.h. */
#include "http/login.h"
#include "base/secret.h"

static bool is_over(const struct login *login, uint64_t now_s)
{
    return login->role == HTTP_NOBODY || login->until_s <= now_s;
}

const struct login *logins_add(struct logins *logins, enum http_role role, uint64_t now_s)
{
    struct login *place = &logins->list[0];
    for (size_t i = 0; i < LOGINS_MAX; i++) {
        struct login *login = &logins->list[i];
        if (is_over(login, now_s)) {
            place = login;
            break;
        }
        if (login->until_s < place->until_s)
            place = login;
    }
    *place = (struct login){.role = role, .until_s = now_s + LOGIN_LIFE_S};
    token_random(place->id, LOGIN_DIGITS / 2);
    token_random(place->csrf, LOGIN_DIGITS / 2);
    return place;
}

const struct login *logins_find(const struct logins *logins, struct bytes id, uint64_t now_s)
{
    const struct login *found = NULL;
    if (id.len != LOGIN_DIGITS)
        return NULL;
    for (size_t i = 0; i < LOGINS_MAX; i++) {
        const struct login *login = &logins->list[i];
        bool is_it = secret_equal(login->id, id.p, LOGIN_DIGITS);
        if (is_it && !is_over(login, now_s))
            found = login;
    }
    return found;
}

void logins_remove(struct logins *logins, const struct login *login)
{
    explicit_bzero(&logins->list[login - logins->list], sizeof *login);
}

void logins_remove_role(struct logins *logins, enum http_role role)
{
    for (size_t i = 0; i < LOGINS_MAX; i++) {
        if (logins->list[i].role == role)
            logins_remove(logins, &logins->list[i]);
    }
}

bool login_has_csrf(const struct login *login, struct bytes csrf)
{
    return csrf.len == LOGIN_DIGITS && secret_equal(login->csrf, csrf.p, LOGIN_DIGITS);
}
