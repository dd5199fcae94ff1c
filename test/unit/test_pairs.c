/*
 * Promises of pairs.h: what was added is found, in order and in pieces of any size, and what was removed is not, held
 * against one bit for each pair there may be; a node that is refused changes nothing; nodes are well filled, and all of
 * them given back.
 */
#include "unit.h"

#include "engine/pairs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NFIRSTS = 8, NSECONDS = 16384, NMANY = 1000000 };

struct source {
    size_t taken;
    size_t given;
    size_t left; /* nodes it still has */
};

static void *take(void *arg)
{
    struct source *source = arg;
    if (source->left == 0)
        return NULL;
    source->left--;
    source->taken++;
    return memset(malloc(PAIRS_NODE_BYTES), 0xa5, PAIRS_NODE_BYTES); /* not zeroed: nobody promised that */
}

static void give(void *arg, void *node)
{
    struct source *source = arg;
    source->given++;
    memset(node, 0x5a, PAIRS_NODE_BYTES);
    free(node);
}

/* A set and, beside it, what is to be in it. */
struct bench {
    struct source source;
    struct pairs pairs;
    uint64_t seed;
    uint64_t n;
    bool has[NFIRSTS][NSECONDS];
};

static struct bench *open_bench(uint64_t seed)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    bench->seed = seed;
    bench->source.left = SIZE_MAX;
    pairs_init(&bench->pairs, (struct pairs_memory){.take = take, .give = give, .arg = &bench->source});
    return bench;
}

static void close_bench(struct bench *bench)
{
    assert_int_equal(bench->source.taken - bench->source.given, bench->pairs.nnodes);
    pairs_fini(&bench->pairs);
    assert_int_equal(bench->source.taken, bench->source.given);
    free(bench);
}

static size_t below(struct bench *bench, size_t n)
{
    return (size_t)(unit_random(&bench->seed) % n);
}

/* The numbers that stand for 0, 1, …: in the same order, the least and the greatest of all among them. */
static uint64_t number(size_t i, size_t n)
{
    return i == n - 1 ? UINT64_MAX : i * (UINT64_MAX / n);
}

static uint64_t first_of(size_t f)
{
    return number(f, NFIRSTS);
}

static uint64_t second_of(size_t s)
{
    return number(s, NSECONDS);
}

static void add(struct bench *bench, size_t f, size_t s)
{
    enum pairs_add expected = bench->has[f][s] ? PAIRS_THERE : PAIRS_ADDED;
    assert_int_equal(pairs_add(&bench->pairs, first_of(f), second_of(s)), expected);
    bench->n += !bench->has[f][s];
    bench->has[f][s] = true;
    assert_int_equal(pairs_count_all(&bench->pairs), bench->n);
}

static void remove_one(struct bench *bench, size_t f, size_t s)
{
    assert_int_equal(pairs_remove(&bench->pairs, first_of(f), second_of(s)), bench->has[f][s]);
    bench->n -= bench->has[f][s];
    bench->has[f][s] = false;
    assert_int_equal(pairs_count_all(&bench->pairs), bench->n);
}

/* At most `max` from one second on, as they should be; what lies behind is left alone. */
static void scan(struct bench *bench, size_t f, size_t s, bool inclusive, size_t max)
{
    static uint64_t found[NSECONDS + 1];
    size_t n = 0;
    found[max] = 42;
    size_t nfound = pairs_after(&bench->pairs, first_of(f), second_of(s), inclusive, found, max);
    assert_true(nfound <= max);
    assert_int_equal(found[max], 42);
    for (size_t i = inclusive ? s : s + 1; i < NSECONDS && n < max; i++) {
        if (!bench->has[f][i])
            continue;
        assert_true(n < nfound);
        assert_int_equal(found[n], second_of(i));
        n++;
    }
    assert_int_equal(nfound, n);
}

static void scan_all(struct bench *bench)
{
    pairs_check(&bench->pairs);
    for (size_t f = 0; f < NFIRSTS; f++)
        scan(bench, f, 0, true, NSECONDS);
}

/* Some at random, some in a row up or down; mostly added or mostly removed. */
static void change(struct bench *bench, unsigned added_percent)
{
    bool adds = below(bench, 100) < added_percent;
    size_t f = below(bench, NFIRSTS);
    size_t s = below(bench, NSECONDS);
    size_t n = below(bench, 20) == 0 ? below(bench, 600) : 1;
    bool up = below(bench, 2) == 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = (up ? s + i : s + NSECONDS - i) % NSECONDS;
        if (adds)
            add(bench, f, at);
        else
            remove_one(bench, f, at);
    }
}

static void is_the_set_that_it_is_to_be(void **state)
{
    (void)state;
    const unsigned added_percent[] = {95, 50, 10, 80, 40, 5};
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct bench *bench = open_bench(seed);
        for (size_t phase = 0; phase < sizeof added_percent / sizeof *added_percent; phase++) {
            for (size_t i = 0; i < 6000; i++) {
                change(bench, added_percent[phase]);
                scan(bench, below(bench, NFIRSTS), below(bench, NSECONDS), below(bench, 2) == 0,
                     below(bench, 9));
                if (i % 500 == 0)
                    pairs_check(&bench->pairs);
            }
            scan_all(bench);
        }
        close_bench(bench);
    }
}

/* Every order of filling and emptying ends with nothing, not even a node. */
static void nothing_is_left_behind(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 9; order++) {
        struct bench *bench = open_bench(order);
        const size_t all = (size_t)NFIRSTS * NSECONDS;
        const size_t steps[] = {1, all - 1,
                                65537}; /* up, down, scattered: each has no divisor in common with it */
        size_t at = 0;
        for (size_t i = 0; i < all; i++, at = (at + steps[order % 3]) % all)
            add(bench, at / NSECONDS, at % NSECONDS);
        scan_all(bench);
        for (size_t i = 0; i < all; i++, at = (at + steps[order / 3]) % all) {
            remove_one(bench, at / NSECONDS, at % NSECONDS);
            if (i % 8192 == 0)
                pairs_check(&bench->pairs);
        }
        pairs_check(&bench->pairs);
        assert_int_equal(bench->n, 0);
        assert_int_equal(bench->source.taken, bench->source.given);
        scan(bench, 0, 0, true, 3);
        assert_false(pairs_remove(&bench->pairs, 0, 0));
        close_bench(bench);
    }
}

/* Whichever of the nodes that an addition needs is refused: as if nothing had been asked for. */
static void a_refused_node_changes_nothing(void **state)
{
    (void)state;
    struct bench *bench = open_bench(7);
    size_t nrefused[PAIRS_LEVELS_MAX] = {0};
    for (size_t i = 0; i < 60000; i++) {
        size_t f = below(bench, NFIRSTS);
        size_t s = below(bench, NSECONDS);
        uint64_t nnodes = bench->pairs.nnodes;
        for (size_t nth = 0; !bench->has[f][s]; nth++) {
            bench->source.left = nth;
            if (pairs_add(&bench->pairs, first_of(f), second_of(s)) != PAIRS_NO_ROOM) {
                bench->has[f][s] = true;
                bench->n++;
                break;
            }
            nrefused[nth]++;
            assert_int_equal(bench->pairs.nnodes, nnodes);
            assert_int_equal(bench->source.taken - bench->source.given, nnodes);
            assert_int_equal(pairs_count_all(&bench->pairs), bench->n);
            scan_all(bench);
        }
        bench->source.left = 0; /* to be told that it is there, or to remove it, takes none */
        add(bench, f, s);
        if (i % 3 == 0)
            remove_one(bench, below(bench, NFIRSTS), below(bench, NSECONDS));
    }
    assert_true(nrefused[0] > 100);
    assert_true(nrefused[1] >= 2); /* of those, the root has split once as a leaf, and once as a branch */
    assert_true(nrefused[2] >= 1);
    scan_all(bench);
    close_bench(bench);
}

/* A cursor is the last number that was seen: what stays throughout is seen once, whatever else comes and goes. */
static void a_scan_in_pieces_sees_what_stays(void **state)
{
    (void)state;
    enum { STEP = 3 };
    struct bench *bench = open_bench(11);
    for (size_t s = 0; s < NSECONDS; s += STEP)
        add(bench, 3, s);
    uint64_t after = 0;
    uint64_t found[7];
    size_t n;
    size_t next = 0; /* the least that is not yet seen, of those that stay */
    for (bool inclusive = true;; inclusive = false) {
        n = pairs_after(&bench->pairs, first_of(3), after, inclusive, found, 7);
        for (size_t i = 0; i < n; i++) {
            assert_true(inclusive && i == 0 ? found[i] >= after : found[i] > after);
            after = found[i];
            if (after == second_of(next))
                next += STEP;
            assert_true(next >= NSECONDS || after < second_of(next));
        }
        if (n < 7)
            break;
        for (int i = 0; i < 20; i++) {
            size_t s = below(bench, NSECONDS);
            if (s % STEP != 0 && bench->has[3][s])
                remove_one(bench, 3, s);
            else
                add(bench, below(bench, 4) + 1, s);
        }
    }
    assert_true(next >= NSECONDS);
    close_bench(bench);
}

static double bytes_a_pair(const struct bench *bench)
{
    return (double)(bench->pairs.nnodes * PAIRS_NODE_BYTES) / (double)pairs_count_all(&bench->pairs);
}

static void one(struct bench *bench, uint64_t first, uint64_t second)
{
    assert_int_equal(pairs_add(&bench->pairs, first, second), PAIRS_ADDED);
}

/* Bytes a pair with a million of them, and once nine tenths of them are gone. */
static void pairs_are_small(void **state)
{
    (void)state;
    struct bench *bench = open_bench(3);
    for (size_t i = 0; i < NMANY; i++) {
        uint64_t first = unit_random(&bench->seed);
        one(bench, first, unit_random(&bench->seed));
    }
    pairs_check(&bench->pairs);
    double random = bytes_a_pair(bench);
    assert_true(random <= 30);
    bench->seed = 3;
    for (size_t i = 0; i < NMANY; i++) {
        uint64_t first = unit_random(&bench->seed);
        uint64_t second = unit_random(&bench->seed);
        if (i % 10 != 0)
            assert_true(pairs_remove(&bench->pairs, first, second));
    }
    pairs_check(&bench->pairs);
    double rest = bytes_a_pair(bench);
    assert_true(rest <= 40);
    close_bench(bench);

    /* Few have most: a hundred tags, sessions at random. */
    bench = open_bench(4);
    for (size_t i = 0; i < NMANY; i++) {
        size_t tag = below(bench, 100);
        one(bench, tag, unit_random(&bench->seed));
    }
    double shared = bytes_a_pair(bench);
    assert_true(shared <= 30);
    close_bench(bench);

    /* In order, with others before and behind. */
    bench = open_bench(5);
    for (uint64_t i = 0; i < 300; i++)
        one(bench, i % 3, i);
    for (uint64_t i = 0; i < NMANY; i++)
        one(bench, i / (NMANY / 2), 1000 + i);
    pairs_check(&bench->pairs);
    double ordered = bytes_a_pair(bench);
    assert_true(ordered <= 18.5);
    printf("bytes a pair: %.1f at random, %.1f once 9 of 10 are gone, %.1f of few firsts, %.1f in order\n",
           random, rest, shared, ordered);
    close_bench(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_set_that_it_is_to_be),
        cmocka_unit_test(nothing_is_left_behind),
        cmocka_unit_test(a_refused_node_changes_nothing),
        cmocka_unit_test(a_scan_in_pieces_sees_what_stays),
        cmocka_unit_test(pairs_are_small),
    };
    return cmocka_run_group_tests_name("pairs", tests, NULL, NULL);
}
