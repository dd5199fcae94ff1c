/*
 * Promises of store_list(): what stays is told, whatever comes, goes, moves and splits pages meanwhile; what expired or
 * was flushed is not; nothing is told twice while nothing changes.
 */
#include "test_store_play.h"

#include <stdlib.h>

enum { N = 12000, SESSIONS_EVERY = 3, NSTAY = 2000 };

static uint32_t number_of(const struct store_listed *listed)
{
    char key[251];
    memcpy(key, listed->key, listed->key_len);
    key[listed->key_len] = '\0';
    unsigned i;
    assert_int_equal(sscanf(key, "key-%u-", &i), 1);
    assert_string_equal(key, key_name(i));
    return i;
}

static enum store_class class_of(uint32_t i)
{
    return i % SESSIONS_EVERY == 0 ? STORE_SESSION : STORE_CACHE;
}

static struct bytes value_of(uint32_t i)
{
    static char room[600];
    memset(room, 'a' + (int)(i % 26), sizeof room);
    return (struct bytes){.p = room, .len = i % sizeof room};
}

static void put_one(struct store *store, uint32_t i, uint32_t expiry_s)
{
    assert_int_equal(put(store, key_name(i), value_of(i), expiry_s, class_of(i), NOW), ERR_NONE);
}

/* Notes in `counts` how often each was told; calls `meanwhile` between the steps. */
static unsigned list_all(struct store *store, uint32_t now_s, unsigned *counts,
                         void (*meanwhile)(struct store *store, unsigned step))
{
    struct store_cursor cursor = {0};
    struct store_listed listed[STORE_LIST_MAX];
    uint64_t unwritten = 0;
    unsigned steps = 0;
    size_t n;
    bool has_more;
    do {
        has_more = store_list(store, &cursor, now_s, listed, &n, &unwritten);
        for (size_t i = 0; i < n; i++) {
            uint32_t number = number_of(&listed[i]);
            assert_int_equal(listed[i].item.class, class_of(number));
            assert_int_equal(listed[i].value_len, value_of(number).len);
            assert_int_equal(listed[i].item.flags, 7);
            assert_true(listed[i].size >= listed[i].value_len + listed[i].key_len);
            counts[number]++;
        }
        if (meanwhile != NULL)
            meanwhile(store, steps);
        assert_true(++steps < 100000);
    } while (has_more);
    assert_int_equal(unwritten, 0);
    return steps;
}

static void tells_each_once(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){.limit_bytes = 32 * MIB});
    unsigned *counts = calloc(N, sizeof *counts);
    (void)list_all(store, NOW, counts, NULL); /* of an empty one it ends, too */
    for (uint32_t i = 0; i < N; i++)
        put_one(store, i, i % 2 == 0 ? 0 : NOW + 10);
    (void)list_all(store, NOW, counts, NULL);
    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(counts[i], 1);
    memset(counts, 0, N * sizeof *counts);
    (void)list_all(store, NOW + 10, counts, NULL);
    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(counts[i], i % 2 == 0);
    memset(counts, 0, N * sizeof *counts);
    flush_at(store, NOW + 10, NOW + 12);
    (void)list_all(store, NOW + 12, counts, NULL);
    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(counts[i], 0);
    free(counts);
    store_free(&store);
}

/* Fills pages until they split, rewrites what is to stay, deletes what is not, and compacts. */
static void stir(struct store *store, unsigned step)
{
    uint32_t i = NSTAY + step * 230 % (N - NSTAY);
    for (uint32_t n = 0; n < 200; n++)
        put_one(store, NSTAY + (i + n * 97) % (N - NSTAY), 0);
    put_one(store, step * 7 % NSTAY, 0);
    for (uint32_t n = 0; n < 10; n++) {
        const char *key = key_name(NSTAY + (i + n * 97) % (N - NSTAY));
        if (!is_absent(store, key, NOW))
            drop(store, key, NOW);
    }
    (void)store_tidy(store, NOW);
}

static void tells_what_stays(void **state)
{
    (void)state;
    struct store *store = open_store((struct store_config){.limit_bytes = 32 * MIB, .nshards = 2});
    unsigned *counts = calloc(N, sizeof *counts);
    for (uint32_t i = 0; i < NSTAY; i++)
        put_one(store, i, 0);
    uint64_t before = stats_of(store).index_bytes;
    (void)list_all(store, NOW, counts, stir);
    assert_true(stats_of(store).index_bytes > before + 8 * 4096); /* pages have split meanwhile */
    unsigned twice = 0;
    for (uint32_t i = 0; i < NSTAY; i++) {
        assert_true(counts[i] >= 1);
        twice += counts[i] > 1;
    }
    assert_true(twice < NSTAY / 2);
    free(counts);
    store_free(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_each_once),
        cmocka_unit_test(tells_what_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
