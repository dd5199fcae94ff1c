/*
 * Promise (claims.h): what is left is found by who has its token, and by nobody else, until it is taken, passed on,
 * forgotten or over; the oldest make room.
 */
#include "engine/claims.h"
#include "unit.h"

enum { NOW_S = 1000 };

static struct claims claims;

static int begin(void **state)
{
    (void)state;
    assert_int_equal(claims_init(&claims), ERR_NONE);
    return 0;
}

static int end(void **state)
{
    (void)state;
    claims_fini(&claims);
    return 0;
}

static void leave(uint64_t fence, uint32_t now_s)
{
    struct traits traits = {.creation_s = (uint32_t)fence};
    claims_leave(&claims, fence, &traits, now_s);
}

static bool has(uint64_t fence, uint32_t now_s)
{
    struct traits traits;
    char room[TRAITS_TAGS_MAX * TRAITS_TAG_MAX];
    return claims_find(&claims, fence, now_s, &traits, room) && traits.creation_s == (uint32_t)fence;
}

static void test_each_has_its_own(void **state)
{
    (void)state;
    for (uint64_t fence = 1; fence <= CLAIMS_MAX; fence++)
        leave(fence, NOW_S);
    for (uint64_t fence = 1; fence <= CLAIMS_MAX; fence++) {
        assert_true(has(fence, NOW_S));
        assert_false(has(fence + CLAIMS_MAX, NOW_S));
    }
    for (uint64_t fence = 1; fence <= CLAIMS_MAX; fence += 2)
        claims_forget(&claims, fence);
    for (uint64_t fence = 1; fence <= CLAIMS_MAX; fence++)
        assert_int_equal(has(fence, NOW_S), fence % 2 == 0);
}

static void test_alike_are_told_apart(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 8; n++)
        leave(7 + n * CLAIMS_MAX, NOW_S);
    for (uint64_t n = 8; n > 0; n--) {
        assert_true(has(7 + n * CLAIMS_MAX, NOW_S));
        claims_forget(&claims, 7 + n * CLAIMS_MAX);
        assert_false(has(7 + n * CLAIMS_MAX, NOW_S));
    }
}

static void test_the_oldest_make_room(void **state)
{
    (void)state;
    for (uint64_t fence = 1; fence <= 3 * CLAIMS_MAX; fence++)
        leave(fence, NOW_S);
    for (uint64_t fence = 1; fence <= 3 * CLAIMS_MAX; fence++)
        assert_int_equal(has(fence, NOW_S), fence > 2 * CLAIMS_MAX);
}

static void test_passed_on_it_is_for_the_next(void **state)
{
    struct traits traits;
    char room[TRAITS_TAGS_MAX * TRAITS_TAG_MAX];
    (void)state;
    leave(5, NOW_S);
    assert_true(claims_pass(&claims, 5, 6, NOW_S));
    assert_false(claims_pass(&claims, 5, 7, NOW_S));
    assert_false(has(5, NOW_S));
    assert_true(claims_find(&claims, 6, NOW_S + CLAIMS_OPEN_S + 2, &traits, room));
    assert_int_equal(traits.creation_s, 5);
}

static void test_it_ends(void **state)
{
    (void)state;
    leave(5, NOW_S);
    assert_true(has(5, NOW_S + CLAIMS_OPEN_S));
    assert_false(has(5, NOW_S + CLAIMS_OPEN_S + 1));
    assert_false(claims_pass(&claims, 5, 6, NOW_S + CLAIMS_OPEN_S + 1));
}

/* What was forgotten has no fence, and so has who claims nothing. */
static void test_nothing_is_claimed_by_none(void **state)
{
    (void)state;
    leave(CLAIMS_MAX, NOW_S);
    leave(5, NOW_S);
    claims_forget(&claims, 5);
    assert_false(has(0, NOW_S));
    assert_false(claims_pass(&claims, 0, 6, NOW_S));
    claims_forget(&claims, 0);
    assert_true(has(CLAIMS_MAX, NOW_S));
}

#define WITH_CLAIMS(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CLAIMS(test_each_has_its_own),
        WITH_CLAIMS(test_alike_are_told_apart),
        WITH_CLAIMS(test_the_oldest_make_room),
        WITH_CLAIMS(test_passed_on_it_is_for_the_next),
        WITH_CLAIMS(test_it_ends),
        WITH_CLAIMS(test_nothing_is_claimed_by_none),
    };
    return cmocka_run_group_tests_name("claims", tests, NULL, NULL);
}
