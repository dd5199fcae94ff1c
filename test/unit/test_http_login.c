/*
 * Promises of http/login.h: ids and words that are random, compared as a whole, over when their time is, and at most
 * LOGINS_MAX of them.
 */
#include "unit.h"

#include "http/login.h"

#include <ctype.h>

enum { NOW_S = 1000 };

static struct bytes id_of(const struct login *login)
{
    return (struct bytes){.p = login->id, .len = LOGIN_DIGITS};
}

static void found_by_the_whole_id(void **state)
{
    (void)state;
    static struct logins logins;
    const struct login *a = logins_add(&logins, HTTP_ADMIN, NOW_S);
    const struct login *b = logins_add(&logins, HTTP_READER, NOW_S);
    assert_ptr_equal(logins_find(&logins, id_of(a), NOW_S), a);
    assert_ptr_equal(logins_find(&logins, id_of(b), NOW_S), b);
    assert_int_equal(a->role, HTTP_ADMIN);
    assert_int_equal(b->role, HTTP_READER);
    char id[LOGIN_DIGITS + 1];
    for (size_t i = 0; i < LOGIN_DIGITS; i++) {
        assert_true(isxdigit((unsigned char)a->id[i]) && isxdigit((unsigned char)a->csrf[i]));
        memcpy(id, a->id, sizeof id);
        id[i] = id[i] == '0' ? '1' : '0';
        assert_null(logins_find(&logins, bytes_of(id), NOW_S));
        assert_null(logins_find(&logins, (struct bytes){.p = a->id, .len = i}, NOW_S));
        memcpy(id, a->csrf, sizeof id);
        id[i] = id[i] == '0' ? '1' : '0';
        assert_false(login_has_csrf(a, bytes_of(id)));
        assert_false(login_has_csrf(a, (struct bytes){.p = a->csrf, .len = i}));
    }
    assert_true(login_has_csrf(a, bytes_of(a->csrf)));
    assert_false(login_has_csrf(a, bytes_of(b->csrf)));
    assert_false(login_has_csrf(a, bytes_of(a->id)));
    assert_null(logins_find(&logins, bytes_of(a->csrf), NOW_S));
    logins_remove(&logins, a);
    assert_null(
        logins_find(&logins, (struct bytes){.p = (char[LOGIN_DIGITS]){0}, .len = LOGIN_DIGITS}, NOW_S));
    assert_non_null(logins_find(&logins, id_of(b), NOW_S));
}

static void over_in_time(void **state)
{
    (void)state;
    static struct logins logins;
    const struct login *login = logins_add(&logins, HTTP_ADMIN, NOW_S);
    assert_non_null(logins_find(&logins, id_of(login), NOW_S + LOGIN_LIFE_S - 1));
    assert_null(logins_find(&logins, id_of(login), NOW_S + LOGIN_LIFE_S));
}

/* One more, and the oldest is out; one that is over makes room first. */
static void so_many_and_no_more(void **state)
{
    (void)state;
    static struct logins logins;
    static char ids[LOGINS_MAX + 1][LOGIN_DIGITS + 1];
    for (uint64_t i = 0; i < LOGINS_MAX; i++)
        memcpy(ids[i], logins_add(&logins, HTTP_READER, NOW_S + i)->id, LOGIN_DIGITS);
    for (size_t i = 0; i < LOGINS_MAX; i++) {
        assert_non_null(logins_find(&logins, bytes_of(ids[i]), NOW_S + LOGINS_MAX));
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(ids[i], ids[k], LOGIN_DIGITS);
    }
    logins_remove(&logins, logins_find(&logins, bytes_of(ids[9]), NOW_S));
    logins_add(&logins, HTTP_READER, NOW_S + LOGINS_MAX);
    assert_non_null(logins_find(&logins, bytes_of(ids[0]), NOW_S + LOGINS_MAX));
    logins_add(&logins, HTTP_READER, NOW_S + LOGINS_MAX);
    assert_null(logins_find(&logins, bytes_of(ids[0]), NOW_S + LOGINS_MAX));
    assert_non_null(logins_find(&logins, bytes_of(ids[1]), NOW_S + LOGINS_MAX));
}

static void a_role_is_out(void **state)
{
    (void)state;
    static struct logins logins;
    const struct login *a = logins_add(&logins, HTTP_ADMIN, NOW_S);
    const struct login *b = logins_add(&logins, HTTP_READER, NOW_S);
    char id[LOGIN_DIGITS + 1];
    memcpy(id, a->id, sizeof id);
    logins_remove_role(&logins, HTTP_ADMIN);
    assert_null(logins_find(&logins, bytes_of(id), NOW_S));
    assert_ptr_equal(logins_find(&logins, id_of(b), NOW_S), b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_the_whole_id),
        cmocka_unit_test(over_in_time),
        cmocka_unit_test(so_many_and_no_more),
        cmocka_unit_test(a_role_is_out),
    };
    return cmocka_run_group_tests_name("login", tests, NULL, NULL);
}
