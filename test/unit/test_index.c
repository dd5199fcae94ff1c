/*
 * Promise: what was inserted is found, what was removed is not, through any number of splits; a page source
 * that runs dry is refused without harm (index.h). Held against a plain array as the model.
 */
#include "unit.h"

#include "store/index.h"

#include <stdlib.h>

struct source {
    size_t taken;
    size_t given;
    size_t left; /* pages it still has */
};

static void *take(void *arg)
{
    struct source *source = arg;
    if (source->left == 0)
        return NULL;
    source->left--;
    source->taken++;
    return memset(aligned_alloc(64, INDEX_PAGE_BYTES), 0, INDEX_PAGE_BYTES);
}

static void give(void *arg, void *page)
{
    struct source *source = arg;
    source->given++;
    source->left++;
    free(page);
}

static struct index open_index(struct source *source)
{
    struct index index;
    assert_true(index_init(&index, (struct index_page_source){.take = take, .give = give, .arg = source}));
    return index;
}

static void close_index(struct index *index, const struct source *source)
{
    index_fini(index);
    assert_int_equal(source->taken, source->given);
}

static void finds_what_was_inserted(void **state)
{
    (void)state;
    enum { N = 50000 };
    struct source source = {.left = SIZE_MAX};
    struct index index = open_index(&source);
    uint64_t seed = 1;
    uint32_t *tags = malloc(N * sizeof *tags);
    for (uint32_t i = 0; i < N; i++) {
        tags[i] = (uint32_t)unit_random(&seed);
        assert_true(index_insert(&index, tags[i], i + 1));
    }
    uint64_t tried = 0;
    for (uint32_t i = 0; i < N; i++) {
        struct index_search search;
        struct slot *slot;
        index_search_begin(&index, tags[i], &search);
        while ((slot = index_search_next(&search)) != NULL && slot->place != i + 1)
            continue;
        assert_non_null(slot);
        tried += search.tried;
    }
    assert_int_equal(index.nused, N);
    assert_true(index.npages > N / 448 && index.npages < N / 200); /* pages well filled … */
    assert_true(tried < N / 2);                                    /* … and most items at home */
    free(tags);
    close_index(&index, &source);
}

static void equal_tags_live_side_by_side(void **state)
{
    (void)state;
    struct source source = {.left = SIZE_MAX};
    struct index index = open_index(&source);
    for (uint32_t place = 1; place <= 100; place++)
        assert_true(index_insert(&index, 0xabcdef01, place));
    struct index_search search;
    index_search_begin(&index, 0xabcdef01, &search);
    size_t n = 0;
    while (index_search_next(&search) != NULL)
        n++;
    assert_int_equal(n, 100);
    for (uint32_t place = 1; place <= 100; place += 2)
        index_remove(&index, index_find(&index, 0xabcdef01, place));
    for (uint32_t place = 1; place <= 100; place++)
        assert_int_equal(index_find(&index, 0xabcdef01, place) != NULL, place % 2 == 0);
    close_index(&index, &source);
}

/* Random inserts and removals against an array; clustered tags, so that buckets overflow. */
static void follows_the_model(void **state)
{
    (void)state;
    enum { N = 4096, STEPS = 400000 };
    struct source source = {.left = SIZE_MAX};
    struct index index = open_index(&source);
    uint64_t seed = 7;
    uint32_t tags[N];
    bool in[N] = {false};
    for (uint32_t i = 0; i < N; i++)
        tags[i] = (uint32_t)unit_random(&seed) & 0xff00000f;
    for (int step = 0; step < STEPS; step++) {
        uint32_t i = (uint32_t)(unit_random(&seed) % N);
        struct slot *slot = index_find(&index, tags[i], i + 1);
        assert_int_equal(slot != NULL, in[i]);
        if (in[i])
            index_remove(&index, slot);
        else
            assert_true(index_insert(&index, tags[i], i + 1));
        in[i] = !in[i];
    }
    size_t n = 0;
    for (uint32_t i = 0; i < N; i++) {
        assert_int_equal(index_find(&index, tags[i], i + 1) != NULL, in[i]);
        n += in[i];
    }
    assert_int_equal(index.nused, n);
    close_index(&index, &source);
}

/* A split takes two pages: with one left it is as if there were none, and that one is not lost. */
static void fill_up_with(size_t npages)
{
    struct source source = {.left = npages};
    struct index index = open_index(&source);
    uint64_t seed = 3;
    uint32_t tags[1000];
    uint32_t n = 0;
    for (;; n++) {
        tags[n] = (uint32_t)unit_random(&seed);
        if (!index_insert(&index, tags[n], n + 1))
            break;
    }
    assert_int_equal(n, INDEX_PAGE_BUCKETS * INDEX_BUCKET_SLOTS);
    for (uint32_t i = 0; i < n; i++)
        assert_non_null(index_find(&index, tags[i], i + 1));
    assert_null(index_find(&index, tags[n], n + 1));
    source.left = 10; /* there are pages again: it goes on */
    assert_true(index_insert(&index, tags[n], n + 1));
    for (uint32_t i = 0; i <= n; i++)
        assert_non_null(index_find(&index, tags[i], i + 1));
    close_index(&index, &source);
}

static void without_pages_fills_up_and_refuses(void **state)
{
    (void)state;
    fill_up_with(1);
    fill_up_with(2);
}

enum { PAGE_SLOTS = INDEX_PAGE_BUCKETS * INDEX_BUCKET_SLOTS };

/* One page and no more; each item's home is the first bucket. */
static struct index open_full_page(struct source *source)
{
    *source = (struct source){.left = 1};
    struct index index = open_index(source);
    for (uint32_t i = 0; i < PAGE_SLOTS; i++)
        assert_true(index_insert(&index, i * INDEX_PAGE_BUCKETS, i + 1));
    return index;
}

/* Every bucket has been passed by somebody, so none of them tells a search to stop. */
static void a_search_ends_in_the_fullest_page(void **state)
{
    (void)state;
    struct source source;
    struct index index = open_full_page(&source);
    index_remove(&index, index_find(&index, 0, 1));
    assert_true(index_insert(&index, INDEX_PAGE_BUCKETS - 1, 1)); /* past the last bucket, to the first */
    for (uint32_t home = 0; home < INDEX_PAGE_BUCKETS; home++)
        assert_null(index_find(&index, 0x10000000 + home, 1));
    assert_non_null(index_find(&index, INDEX_PAGE_BUCKETS - 1, 1));
    close_index(&index, &source);
}

/* Once those are gone that found no room at home, nobody is looked for elsewhere. */
static void searches_are_short_again_after_removals(void **state)
{
    (void)state;
    struct source source;
    struct index index = open_full_page(&source);
    for (uint32_t i = 0; i < PAGE_SLOTS; i++)
        index_remove(&index, index_find(&index, i * INDEX_PAGE_BUCKETS, i + 1));
    struct index_search search;
    index_search_begin(&index, 0, &search);
    assert_null(index_search_next(&search));
    assert_int_equal(search.tried, 0);
    assert_int_equal(index.nused, 0);
    close_index(&index, &source);
}

static void count(void *arg, const struct slot *slot)
{
    unsigned *counts = arg;
    counts[slot->place]++;
}

/* Those that found no room at home come nearer to it when their page splits: to where the walk has been. */
static void a_walk_misses_nothing_when_a_page_splits(void **state)
{
    (void)state;
    enum { N = 60, MORE = 380, HOME = 5 };
    struct source source = {.left = SIZE_MAX};
    struct index index = open_index(&source);
    static unsigned counts[N + MORE + 1];
    uint64_t seed = 3;
    for (uint32_t place = 1; place <= N; place++)
        assert_true(index_insert(&index, ((uint32_t)unit_random(&seed) & ~63U) | HOME, place));
    struct index_cursor cursor = {0};
    assert_true(index_visit(&index, &cursor, HOME + 4, count, counts));
    for (uint32_t place = N + 1; place <= N + MORE; place++)
        assert_true(index_insert(&index, (uint32_t)unit_random(&seed), place));
    assert_true(index.npages > 1);
    unsigned steps = 0;
    while (index_visit(&index, &cursor, 8, count, counts))
        assert_true(++steps < 1000);
    for (uint32_t place = 1; place <= N; place++)
        assert_true(counts[place] >= 1);
    close_index(&index, &source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_inserted),
        cmocka_unit_test(equal_tags_live_side_by_side),
        cmocka_unit_test(follows_the_model),
        cmocka_unit_test(without_pages_fills_up_and_refuses),
        cmocka_unit_test(a_search_ends_in_the_fullest_page),
        cmocka_unit_test(searches_are_short_again_after_removals),
        cmocka_unit_test(a_walk_misses_nothing_when_a_page_splits),
    };
    return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
