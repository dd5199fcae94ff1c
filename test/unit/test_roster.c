/*
 * Promises of engine/roster.h and of lists in engine/engine.h: by tag and by application, a page at a time, all that stay
 * are told, whatever comes and goes meanwhile; kills by tag.
 */
#include "base/hash.h"
#include "engine/local_private.h"
#include "test_session_play.h"

static const struct engine_filter tagged_a = {.tag = {.p = "a", .len = 1}, .has_tag = true};

static void tags_find_their_sessions(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    char id[16];
    const struct engine_filter all = {0};
    for (int i = 0; i < 200; i++) {
        snprintf(id, sizeof id, "s%d", i);
        put_session(bench, &a, id, "v", i % 2 == 0 ? "a" : "b");
    }
    assert_int_equal(count_listed(bench, &all, 7), 200);
    assert_int_equal(count_listed(bench, &tagged_a, 8), 100);
    put_session(bench, &a, "s0", "v", "b"); /* another tag takes its place */
    assert_int_equal(count_listed(bench, &tagged_a, 1), 99);
    assert_int_equal(store_as(bench, OP_SET, "memc.sess.key.s2", "stock"), OP_OK); /* keeps it */
    assert_int_equal(count_listed(bench, &tagged_a, 3), 99);
    assert_int_equal(do_op(bench, (struct op){.kind = OP_DELETE}, "memc.sess.key.s2").result, OP_OK);
    assert_int_equal(count_listed(bench, &tagged_a, 3), 98);

    struct engine_filter but_s4 = tagged_a;
    but_s4.except = bytes_of("s4");
    but_s4.has_except = true;
    struct engine_cursor cursor = {0};
    uint64_t killed = 0;
    submit_as(bench, &a, OP_KILL, "none", (struct op_session){0});
    while (engine_kill_tagged(bench->engine, &but_s4, &cursor, &a.op, &killed))
        continue;
    assert_int_equal(killed, 97);
    assert_int_equal(count_listed(bench, &tagged_a, 8), 1);
    assert_true(reads(bench, &a, "s4", "v"));
    assert_int_equal(engine_count_sessions(bench->engine, NULL), 102);
    bench->clock.steady_s += 100; /* all are over */
    assert_int_equal(count_listed(bench, &all, 8), 0);
}

/* Page by page, while what has been told goes, and the index grows: all that stay are told. */
static void lists_go_on_while_others_come_and_go(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    char id[32];
    const struct engine_filter all = {0};
    struct engine_cursor cursor = {0};
    struct engine_session found[2];
    unsigned told[400] = {0};
    unsigned char handles[400][HANDLE_BYTES];
    size_t n = 0;
    size_t killed = 0;
    uint64_t unwritten;
    bool more = true;
    for (int i = 0; i < 400; i++) {
        snprintf(id, sizeof id, "s%d", i);
        put_session(bench, &a, id, "v", "a");
        size_t len;
        struct engine_cursor newest = {0};
        more = engine_list_sessions(bench->engine, &tagged_a, &newest, seconds(bench), found, 1, &len,
                                    &unwritten);
        assert_int_equal(len, 1);
        memcpy(handles[i], found[0].handle, HANDLE_BYTES);
        put_session(bench, &a, id, "v", "b");
    }
    for (int turn = 0; more || turn == 0; turn++) {
        more = engine_list_sessions(bench->engine, &all, &cursor, seconds(bench), found, 2, &n, &unwritten);
        for (size_t i = 0; i < n; i++) {
            int k = 0;
            while (k < 400 && memcmp(handles[k], found[i].handle, HANDLE_BYTES) != 0)
                k++;
            if (k == 400)
                continue;
            told[k]++;
            snprintf(id, sizeof id, "s%d", k);
            if (k % 2 == 0 && kill_it(bench, &a, id) == OP_OK)
                killed++;
        }
        for (int i = 0; i < 3 && turn < 250; i++) {
            snprintf(id, sizeof id, "new%d-%d", turn, i);
            put_session(bench, &a, id, "v", NULL);
        }
    }
    assert_int_equal(killed, 200);
    for (int k = 0; k < 400; k++)
        assert_true(told[k] > 0);
}

/* Held ones by pages of the table of leases, 40 of which lie in one bucket; and one by its handle. */
static void held_ones_are_listed(void **state)
{
    enum { N = 300, CROWDED = 40 };
    struct bench *bench = *state;
    struct local *local = (struct local *)bench->engine;
    struct person *people = calloc(N, sizeof *people);
    char id[32];
    struct handle_session name;
    const struct engine_filter held = {.is_held = true};
    uint64_t crowd = UINT64_MAX;
    for (int i = 0, next = 0; i < N; next++) {
        snprintf(id, sizeof id, "s%d", next);
        handle_session(&local->maker, (struct bytes){0}, bytes_of(id), &name);
        uint64_t bucket = hash_bytes(handle_session_key(&name), local->locks.seed) % LOCK_BUCKETS;
        if (i == 0)
            crowd = bucket;
        if (i < CROWDED && bucket != crowd)
            continue;
        put_session(bench, &people[i], id, "v", i % 3 == 0 ? "a" : NULL);
        open_it(bench, &people[i], id);
        i++;
    }
    struct person idle = {0};
    put_session(bench, &idle, "idle", "v", "a");
    assert_int_equal(count_listed(bench, &(const struct engine_filter){0}, 8), N + 1);
    for (size_t page = 1; page <= 8; page += 7)
        assert_int_equal(count_listed(bench, &held, page), N);
    struct engine_filter held_a = tagged_a;
    held_a.is_held = true;
    assert_int_equal(count_listed(bench, &held_a, 3), N / 3);
    for (int i = 0; i < CROWDED; i++)
        leave(bench, &people[i]);
    assert_int_equal(count_listed(bench, &held, 8), N - CROWDED);

    struct engine_filter one = {.has_handle = true, .handle = bytes_get_be64(name.bytes)};
    assert_int_equal(count_listed(bench, &one, 8), 1);
    one.handle++;
    assert_int_equal(count_listed(bench, &one, 8), 0);
    for (int i = CROWDED; i < N; i++)
        leave(bench, &people[i]);
    free(people);
}

/* Whoever opens a new session has its lease before there is a record of it. */
static void held_ones_need_not_be_stored(void **state)
{
    struct bench *bench = *state;
    struct person people[3] = {0};
    struct engine_filter held = {.is_held = true};
    struct engine_cursor cursor = {0};
    struct engine_session found = {.size = 1};
    size_t n = 0;
    uint64_t unwritten = 0;
    const struct op_session shop = {.application = bytes_of("shop"), .holder = bytes_of("web1:/cart")};
    assert_int_equal(open_as(bench, &people[0], "fresh", shop), OP_MISS);
    put_session(bench, &people[1], "gone", "v", "a");
    assert_int_equal(kill_it(bench, &people[1], "gone"), OP_OK);
    assert_int_equal(open_as(bench, &people[1], "gone", (struct op_session){0}), OP_MISS);
    put_session(bench, &people[2], "stored", "v", "a");
    open_it(bench, &people[2], "stored");
    assert_int_equal(count_listed(bench, &held, 8), 3);
    assert_int_equal(count_listed(bench, &(const struct engine_filter){0}, 8), 1);
    held.has_application = true;
    held.application = shop.application;
    assert_int_equal(count_listed(bench, &held, 8), 1);
    while (n == 0 &&
           engine_list_sessions(bench->engine, &held, &cursor, seconds(bench), &found, 1, &n, &unwritten))
        continue;
    assert_int_equal(found.size, 0);
    assert_int_equal(found.age_s + found.idle_s + (uint32_t)found.ttl_s + found.ntags, 0);
    assert_true(
        bytes_equal((struct bytes){.p = found.application, .len = found.application_len}, shop.application));
    assert_true(bytes_equal((struct bytes){.p = found.lease.holder_text, .len = found.lease.holder_len},
                            shop.holder));
    const struct engine_filter one = {.has_handle = true, .handle = bytes_get_be64(found.handle)};
    assert_int_equal(count_listed(bench, &one, 8), 0);
    held = tagged_a;
    held.is_held = true;
    assert_int_equal(count_listed(bench, &held, 8), 1);
    for (size_t i = 0; i < 3; i++)
        leave(bench, &people[i]);
    assert_int_equal(count_listed(bench, &(const struct engine_filter){.is_held = true}, 8), 0);
}

static void applications_are_apart(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    const struct op_session shop = {.application = bytes_of("shop")};
    put_session(bench, &a, "s", "default", NULL);
    assert_int_equal(open_as(bench, &a, "s", shop), OP_MISS);
    struct op_session how = shop;
    how.token = a.session.token;
    assert_int_equal(write_as(bench, &a, "s", "shop", how), OP_OK);
    assert_true(reads(bench, &a, "s", "default"));
    assert_int_equal(engine_count_sessions(bench->engine, NULL), 2);
    assert_int_equal(engine_count_sessions(bench->engine, &shop.application), 1);
    const struct engine_filter in_shop = {.application = bytes_of("shop"), .has_application = true};
    assert_int_equal(count_listed(bench, &in_shop, 8), 1);
}

/* Its record was the last that lived in its segment, which is given back with it: seen by the address sanitizer. */
static void tags_outlive_their_record(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    static char value[300];
    memset(value, 'v', sizeof value - 1);
    put_session(bench, &a, "s", "v", "a");
    for (int i = 0; i < 1000; i++)
        assert_int_equal(store_as(bench, OP_SET, "memc.sess.key.other", value), OP_OK);
    assert_int_equal(do_op(bench, (struct op){.kind = OP_DELETE}, "memc.sess.key.s").result, OP_OK);
    assert_int_equal(count_listed(bench, &tagged_a, 8), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(tags_outlive_their_record),
        WITH_BENCH(tags_find_their_sessions),
        WITH_BENCH(lists_go_on_while_others_come_and_go),
        WITH_BENCH(held_ones_are_listed),
        WITH_BENCH(held_ones_need_not_be_stored),
        WITH_BENCH(applications_are_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
