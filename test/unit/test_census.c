/*
 * Promises of census.h: counts per application, tags that come and go with their sessions, and nothing changed where there
 * was no room.
 */
#include "test_store_play.h"

#include "engine/census.h"

static struct census census;
static struct store *store;
static struct handle_maker maker;

static int setup(void **state)
{
    (void)state;
    struct handle_key key;
    handle_key_random(&key);
    handle_maker_init(&maker, &key);
    store = open_store((struct store_config){0});
    return census_init(&census, store) == ERR_NONE ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    census_fini(&census);
    store_free(&store);
    return 0;
}

static struct handle_session session_of(const char *application, const char *id)
{
    struct handle_session session;
    handle_session(&maker, bytes_of(application), bytes_of(id), &session);
    return session;
}

static struct traits tagged(const char *one, const char *other)
{
    struct traits traits = {.creation_s = 1};
    if (one != NULL)
        traits.tags[traits.ntags++] = bytes_of(one);
    if (other != NULL)
        traits.tags[traits.ntags++] = bytes_of(other);
    return traits;
}

static void change(const struct handle_session *session, const struct traits *was, const struct traits *is)
{
    assert_true(census_prepare(&census, handle_session_key(session), was, is));
    census_settle(&census, handle_session_key(session), was, is);
}

static size_t ntagged(const char *application, const char *tag)
{
    uint64_t found[8];
    return census_tagged(&census, bytes_of(application), bytes_of(tag), NULL, found, 8);
}

static void tags_come_and_go(void **state)
{
    (void)state;
    const struct handle_session s = session_of("", "s");
    const struct traits ab = tagged("a", "b");
    const struct traits bc = tagged("b", "c");
    change(&s, NULL, &ab);
    assert_int_equal(ntagged("", "a") + ntagged("", "b"), 2);
    change(&s, &ab, &bc);
    assert_int_equal(ntagged("", "a"), 0);
    assert_int_equal(ntagged("", "b") + ntagged("", "c"), 2);
    assert_int_equal(pairs_count_all(&census.pairs), 2);
    struct traits killed = {.marks = MARK_KILLED};
    change(&s, &bc, &killed);
    assert_int_equal(pairs_count_all(&census.pairs), 0);
    assert_int_equal(census_count(&census, NULL), 0);
    change(&s, &killed, &ab);
    assert_int_equal(census_count(&census, NULL), 1);
    change(&s, &ab, NULL);
    assert_int_equal(pairs_count_all(&census.pairs), 0);
}

static void what_is_given_up_leaves_nothing(void **state)
{
    (void)state;
    const struct handle_session s = session_of("", "s");
    const struct traits a = tagged("a", NULL);
    const struct traits ab = tagged("a", "b");
    change(&s, NULL, &a);
    assert_true(census_prepare(&census, handle_session_key(&s), &a, &ab));
    census_abandon(&census, handle_session_key(&s), &a, &ab);
    assert_int_equal(ntagged("", "a"), 1);
    assert_int_equal(ntagged("", "b"), 0);
}

static void applications_are_apart(void **state)
{
    (void)state;
    const struct handle_session here = session_of("", "s");
    const struct handle_session there = session_of("shop", "s");
    const struct traits a = tagged("a", NULL);
    const struct bytes shop = bytes_of("shop");
    change(&here, NULL, &a);
    change(&there, NULL, &a);
    assert_int_equal(ntagged("", "a"), 1);
    assert_int_equal(ntagged("shop", "a"), 1);
    assert_int_equal(census_count(&census, &shop), 1);
    assert_int_equal(census_count(&census, NULL), 2);
}

static void so_many_applications(void **state)
{
    (void)state;
    char name[16];
    const struct traits plain = tagged(NULL, NULL);
    for (int i = 1; i < CENSUS_APPLICATIONS_MAX; i++) {
        snprintf(name, sizeof name, "a%d", i);
        const struct handle_session s = session_of(name, "s");
        change(&s, NULL, &plain);
    }
    const struct handle_session more = session_of("more", "s");
    assert_false(census_has_application(&census, handle_session_key(&more)));
    assert_false(census_prepare(&census, handle_session_key(&more), NULL, &plain));
    assert_int_equal(census_count(&census, NULL), CENSUS_APPLICATIONS_MAX - 1);
}

#define WITH_CENSUS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CENSUS(tags_come_and_go),
        WITH_CENSUS(what_is_given_up_leaves_nothing),
        WITH_CENSUS(applications_are_apart),
        WITH_CENSUS(so_many_applications),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
