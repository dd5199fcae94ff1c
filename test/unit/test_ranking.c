/*
 * Holds the promise of client/ranking.h: the ranking is the same in every release and in whatever order servers are
 * known, each has its share, and a server that comes or goes moves nothing but its own.
 */
#include "unit.h"

#include "client/ranking.h"

#include <stdbool.h>
#include <stdio.h>

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { IDS = 20000 };

static const char *const names[] = {"10.0.0.1:11211", "10.0.0.2:11211", "/run/cloakroom.sock", "[::1]:11211"};

static struct ranked server_of(const char *name, uint32_t weight)
{
    return (struct ranked){.seed = ranking_seed(bytes_of(name)), .weight = weight};
}

static size_t first_of(const struct ranked *all, size_t n, int i)
{
    char id[16];
    size_t first;
    snprintf(id, sizeof id, "id%d", i);
    assert_int_equal(ranking_first(all, n, bytes_of(id), &first, 1), 1);
    return first;
}

/* Sessions would be looked for elsewhere after an upgrade if these changed. */
static void test_it_stays_as_it_is(void **state)
{
    static const struct {
        const char *id;
        size_t order[4];
    } vectors[] = {{"a", {3, 1, 2, 0}},
                   {"4f1d", {1, 2, 3, 0}},
                   {"q7k2m0c5v9", {0, 3, 2, 1}},
                   {"0123456789abcdef0123456789abcdef", {3, 2, 1, 0}}};
    struct ranked all[4];
    (void)state;
    for (size_t i = 0; i < 4; i++)
        all[i] = server_of(names[i], (uint32_t)i + 1);
    for (size_t i = 0; i < N_OF(vectors); i++) {
        size_t order[4];
        assert_int_equal(ranking_first(all, 4, bytes_of(vectors[i].id), order, 4), 4);
        for (size_t j = 0; j < 4; j++)
            if (order[j] != vectors[i].order[j])
                fail_msg("%s: %zu %zu %zu %zu", vectors[i].id, order[0], order[1], order[2], order[3]);
    }
}

static void test_the_first_are_the_same_however_many_are_asked_for(void **state)
{
    struct ranked all[4];
    (void)state;
    for (size_t i = 0; i < 4; i++)
        all[i] = server_of(names[i], 1);
    for (int i = 0; i < 200; i++) {
        char id[16];
        size_t whole[4];
        snprintf(id, sizeof id, "id%d", i);
        assert_int_equal(ranking_first(all, 4, bytes_of(id), whole, 9), 4);
        for (size_t most = 0; most < 4; most++) {
            size_t some[4] = {9, 9, 9, 9};
            assert_int_equal(ranking_first(all, 4, bytes_of(id), some, most), most);
            for (size_t j = 0; j < 4; j++)
                assert_int_equal(some[j], j < most ? whole[j] : 9);
        }
    }
}

static void test_each_has_the_share_of_its_weight(void **state)
{
    struct ranked all[4];
    unsigned n[4] = {0};
    (void)state;
    for (size_t i = 0; i < 4; i++)
        all[i] = server_of(names[i], (uint32_t)i + 1);
    for (int i = 0; i < IDS; i++)
        n[first_of(all, 4, i)]++;
    for (unsigned i = 0; i < 4; i++)
        assert_in_range(n[i], IDS / 10 * (i + 1) * 9 / 10, IDS / 10 * (i + 1) * 11 / 10);
}

static void test_who_comes_or_goes_moves_only_its_own(void **state)
{
    struct ranked all[4];
    unsigned moved = 0;
    (void)state;
    for (size_t i = 0; i < 4; i++)
        all[i] = server_of(names[i], 2);
    struct ranked turned[4] = {all[3], all[2], all[1], all[0]};
    for (int i = 0; i < IDS; i++) {
        size_t of_three = first_of(all, 3, i);
        size_t of_four = first_of(all, 4, i);
        assert_true(of_four == of_three || of_four == 3);
        moved += of_four != of_three;
        assert_int_equal(3 - first_of(turned, 4, i), of_four);
    }
    assert_in_range(moved, IDS / 4 * 9 / 10, IDS / 4 * 11 / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_stays_as_it_is),
        cmocka_unit_test(test_the_first_are_the_same_however_many_are_asked_for),
        cmocka_unit_test(test_each_has_the_share_of_its_weight),
        cmocka_unit_test(test_who_comes_or_goes_moves_only_its_own),
    };
    return cmocka_run_group_tests_name("ranking", tests, NULL, NULL);
}
