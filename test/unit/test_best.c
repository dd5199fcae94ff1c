/*
 * Holds the promise of cli/best.h: the largest, in one order whatever order they came in, and never more of them kept than
 * are wanted.
 */
#include "cli/best.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

enum { N = 500 };

static void add(struct best *best, uint64_t key, unsigned number)
{
    char line[16];
    int len = snprintf(line, sizeof line, "line %u", number);
    assert_int_equal(best_add(best, key, (struct bytes){.p = line, .len = (size_t)len}), ERR_NONE);
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a > b ? -1 : a < b;
}

/* Few different keys, so that many are equal. */
static void play(uint64_t seed, size_t limit)
{
    uint64_t keys[N];
    struct best best = {.limit = limit};
    for (unsigned i = 0; i < N; i++) {
        keys[i] = unit_random(&seed) % 50;
        add(&best, keys[i], i);
        assert_true(limit == 0 || best.n <= limit);
    }
    best_sort(&best);
    qsort(keys, N, sizeof *keys, compare);
    assert_int_equal(best.n, limit > 0 && limit < N ? limit : N);
    for (size_t i = 0; i < best.n; i++)
        assert_int_equal(best.lines[i].key, keys[i]);
    for (size_t i = 1; i < best.n; i++)
        assert_true(best.lines[i - 1].key > best.lines[i].key ||
                    strcmp(best.lines[i - 1].text, best.lines[i].text) < 0);
    best_fini(&best);
}

static void test_any_order(void **state)
{
    static const size_t limits[] = {0, 1, 2, 3, 7, 100, N - 1, N, N + 1};
    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        for (uint64_t seed = 1; seed <= 20; seed++)
            play(seed, limits[i]);
}

/* Of lines that are equal in their keys the same are kept, whoever came first. */
static void test_equal_keys(void **state)
{
    (void)state;
    for (int is_backwards = 0; is_backwards < 2; is_backwards++) {
        struct best best = {.limit = 3};
        for (unsigned i = 0; i < 9; i++)
            add(&best, 7, is_backwards ? 8 - i : i);
        best_sort(&best);
        for (unsigned i = 0; i < 3; i++) {
            char line[16];
            snprintf(line, sizeof line, "line %u", i);
            assert_string_equal(best.lines[i].text, line);
        }
        best_fini(&best);
    }
}

static void test_nothing(void **state)
{
    struct best best = {.limit = 3};
    (void)state;
    best_sort(&best);
    best_fini(&best);
    assert_int_equal(best.n, 0);
    assert_int_equal(best.limit, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_equal_keys),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
