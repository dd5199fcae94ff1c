/*
 * Promises of pages.h: pages are zeroed, whatever was in them, and come out of the arena, whole segments at a time,
 * down to the share of rewrites; at the end all goes back.
 */
#include "unit.h"

#include "store/index.h"
#include "store/pages.h"

enum { SEGMENT = 64 << 10, LIMIT = 8 * SEGMENT, PER_SEGMENT = SEGMENT / INDEX_PAGE_BYTES - 1 };

static void pages_come_from_the_arena(void **state)
{
    (void)state;
    struct arena arena;
    struct pages pages;
    char *taken[1000];
    size_t n = 0;
    assert_int_equal(arena_init(&arena, LIMIT, LIMIT, SEGMENT, SEGMENT, SEGMENT), ERR_NONE);
    pages_init(&pages, &arena);
    while ((taken[n] = pages_take(&pages)) != NULL) {
        for (size_t i = 0; i < n; i++)
            assert_ptr_not_equal(taken[i], taken[n]);
        assert_int_equal((uintptr_t)taken[n] % 64, 0);
        for (size_t at = 0; at < INDEX_PAGE_BYTES; at++)
            assert_int_equal(taken[n][at], 0);
        memset(taken[n], 'x', INDEX_PAGE_BYTES);
        n++;
        assert_int_equal(arena.used_bytes, (n + PER_SEGMENT - 1) / PER_SEGMENT * SEGMENT);
    }
    /* All but what compaction needs: the index of sessions that are written again is not to fail. */
    assert_int_equal(n, (LIMIT / SEGMENT - 1) * PER_SEGMENT);
    for (size_t i = 0; i < n; i++)
        for (size_t at = 0; at < INDEX_PAGE_BYTES; at++)
            assert_int_equal(taken[i][at], 'x');
    for (size_t i = 0; i < n; i++)
        pages_give(&pages, taken[i]);
    uint64_t used = arena.used_bytes;
    for (size_t i = 0; i < n; i++) {
        char *page = pages_take(&pages);
        assert_non_null(page);
        for (size_t at = 0; at < INDEX_PAGE_BYTES; at++)
            assert_int_equal(page[at], 0);
    }
    assert_int_equal(arena.used_bytes, used);
    pages_fini(&pages);
    assert_int_equal(arena.used_bytes, 0);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_come_from_the_arena),
    };
    return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
