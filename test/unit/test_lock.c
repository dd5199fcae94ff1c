/*
 * Promises of lock.h: the lock keys of stock handlers are leases: in memory only, given back when the holder's
 * connection closes (L4) or their time is over, and to their users like the items that they think they are.
 */
#include "test_engine_play.h"

#include <stdio.h>

static uint64_t nlocks(struct bench *bench)
{
    struct engine_stats stats;
    engine_read_stats(bench->engine, &stats);
    assert_int_equal(stats.store.items[STORE_CACHE] + stats.store.items[STORE_SESSION], 0);
    return stats.locks.held;
}

static void a_lock_is_given_back_when_its_client_goes(void **state)
{
    struct bench *bench = *state;
    struct engine_client other = {0};
    struct op add = {.kind = OP_ADD, .value = bytes_of("1")};
    assert_int_equal(do_op(bench, add, "memc.sess.key.lock.s").result, OP_OK);
    add.client = &other;
    assert_int_equal(do_op(bench, add, "memc.sess.key.lock.s").result, OP_NOT_STORED);
    assert_int_equal(nlocks(bench), 1);
    engine_client_gone(bench->engine, &bench->client);
    assert_int_equal(nlocks(bench), 0);
    assert_int_equal(do_op(bench, add, "memc.sess.key.lock.s").result, OP_OK);
    /* Another may delete it, as php-memcached does after its time. */
    assert_int_equal(do_op(bench, (struct op){.kind = OP_DELETE}, "memc.sess.key.lock.s").result, OP_OK);
    assert_int_equal(other.nlocks, 0);
    engine_client_gone(bench->engine, &other);
}

static void a_lock_ends_with_its_time(void **state)
{
    struct bench *bench = *state;
    struct op add = {.kind = OP_ADD, .value = bytes_of("1"), .exptime = 15};
    assert_int_equal(do_op(bench, add, "memc.sess.key.lock.s").result, OP_OK);
    bench->clock.steady_s += 14;
    assert_int_equal(do_op(bench, add, "memc.sess.key.lock.s").result, OP_NOT_STORED);
    bench->clock.steady_s += 1;
    assert_int_equal(do_op(bench, add, "memc.sess.key.lock.s").result, OP_OK);
}

static void a_client_holds_a_bounded_number(void **state)
{
    struct bench *bench = *state;
    char key[64];
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "memc.sess.key.lock.%d", i);
        assert_int_equal(store_as(bench, OP_ADD, key, "1"), OP_OK);
    }
    assert_int_equal(nlocks(bench), 64);
    assert_holds(bench, key, "1");
    assert_missing(bench, "memc.sess.key.lock.0");
}

/* What php-memcache sends to begin and to end a session, and what makes its bare id a session. */
static void the_lock_of_php_memcache(void **state)
{
    struct bench *bench = *state;
    struct engine_client other = {0};
    struct op incr = {.kind = OP_INCR, .delta = 1};
    struct op add = {.kind = OP_ADD, .value = bytes_of("1"), .flags = 768, .exptime = 15};
    assert_int_equal(do_op(bench, incr, "id.lock").result, OP_MISS);
    assert_int_equal(do_op(bench, add, "id.lock").result, OP_OK);
    incr.client = add.client = &other;
    assert_int_equal(do_op(bench, incr, "id.lock").number, 2);
    assert_int_equal(do_op(bench, add, "id.lock").result, OP_NOT_STORED);
    assert_int_equal(nlocks(bench), 1);

    assert_int_equal(store_as(bench, OP_SET, "id", "data"), OP_OK);
    struct op give = {.kind = OP_SET, .value = bytes_of("0"), .exptime = 15};
    assert_int_equal(do_op(bench, give, "id.lock").result, OP_OK);
    struct engine_stats stats;
    engine_read_stats(bench->engine, &stats);
    assert_int_equal(stats.locks.held, 0);
    assert_int_equal(stats.store.items[STORE_SESSION], 1);

    incr.create = true; /* its binary protocol */
    incr.initial = 1;
    assert_int_equal(do_op(bench, incr, "id.lock").number, 1);
    engine_client_gone(bench->engine, &other);
    /* Once a session, always one. */
    assert_int_equal(store_as(bench, OP_SET, "id", "more"), OP_OK);
    engine_read_stats(bench->engine, &stats);
    assert_int_equal(stats.store.items[STORE_SESSION], 1);
    assert_int_equal(stats.locks.broken, 1);
}

static void the_suffix_alone_is_cache(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(store_as(bench, OP_ADD, "report.lock", "1"), OP_OK);
    engine_client_gone(bench->engine, &bench->client);
    assert_holds(bench, "report.lock", "1");
    assert_int_equal(store_as(bench, OP_SET, "report", "x"), OP_OK);
    struct engine_stats stats;
    engine_read_stats(bench->engine, &stats);
    assert_int_equal(stats.store.items[STORE_CACHE], 2);

    /* Nor a count that begins by an add, as caches do, unless it is php-memcache's very own. */
    struct op incr = {.kind = OP_INCR, .delta = 1};
    assert_int_equal(do_op(bench, incr, "hits.lock").result, OP_MISS);
    assert_missing(bench, "other");
    assert_int_equal(store_as(bench, OP_ADD, "hits.lock", "1"), OP_OK);
    assert_int_equal(do_op(bench, incr, "more.lock").result, OP_MISS);
    assert_int_equal(do_op(bench, (struct op){.kind = OP_ADD, .value = bytes_of("1")}, "more.lock").result,
                     OP_OK);
    assert_int_equal(do_op(bench, incr, "data.lock").result, OP_MISS);
    assert_int_equal(store_as(bench, OP_ADD, "data.lock", "2"), OP_OK);
    engine_read_stats(bench->engine, &stats);
    assert_int_equal(stats.locks.held, 0);
    assert_int_equal(stats.store.items[STORE_CACHE], 5);
}

/* The lock of a session that is known is one however it is asked for, and is given back even when it has run
 * out. */
static void a_known_session_has_a_lock(void **state)
{
    struct bench *bench = *state;
    struct op incr = {.kind = OP_INCR, .delta = 1};
    assert_int_equal(do_op(bench, incr, "id.lock").result, OP_MISS);
    assert_int_equal(store_as(bench, OP_ADD, "id.lock", "1"), OP_OK);
    assert_int_equal(store_as(bench, OP_SET, "id", "data"), OP_OK);
    engine_client_gone(bench->engine, &bench->client);

    assert_int_equal(do_op(bench, (struct op){.kind = OP_SET, .value = bytes_of("0")}, "id.lock").result,
                     OP_OK);
    struct engine_stats stats;
    engine_read_stats(bench->engine, &stats);
    assert_int_equal(stats.locks.held, 0);
    assert_int_equal(stats.store.items[STORE_CACHE], 0);
    assert_int_equal(store_as(bench, OP_ADD, "id.lock", "1"), OP_OK);
    engine_read_stats(bench->engine, &stats);
    assert_int_equal(stats.locks.held, 1);
}

/* All of them, not the newest alone; each is counted, those too that it had to give back for having too many. */
static void a_client_gives_back_all_it_holds(void **state)
{
    struct bench *bench = *state;
    struct engine_client other = {0};
    char key[64];
    for (int i = 0; i < 70; i++) {
        snprintf(key, sizeof key, "memc.sess.key.lock.%d", i);
        assert_int_equal(store_as(bench, OP_ADD, key, "1"), OP_OK);
    }
    assert_int_equal(engine_stats_of(bench).locks.broken, 6);
    engine_client_gone(bench->engine, &bench->client);
    assert_int_equal(engine_stats_of(bench).locks.broken, 70);
    assert_int_equal(nlocks(bench), 0);
    assert_int_equal(bench->client.nlocks, 0);
    struct op add = {.kind = OP_ADD, .value = bytes_of("1"), .client = &other};
    for (int i = 0; i < 70; i++) {
        snprintf(key, sizeof key, "memc.sess.key.lock.%d", i);
        assert_int_equal(do_op(bench, add, key).result, OP_OK);
    }
    engine_client_gone(bench->engine, &other);
}

/* A lock that is touched lives on, as the item would that its users think it is. */
static void a_lock_can_be_touched(void **state)
{
    struct bench *bench = *state;
    struct op add = {.kind = OP_ADD, .value = bytes_of("1"), .exptime = 10};
    static const char key[] = "memc.sess.key.lock.s";
    assert_int_equal(do_op(bench, add, key).result, OP_OK);
    assert_int_equal(do_op(bench, (struct op){.kind = OP_TOUCH, .exptime = 20}, key).result, OP_OK);
    bench->clock.steady_s += 19;
    struct op gat = {.kind = OP_GET, .touch = true, .exptime = 30};
    assert_int_equal(do_op(bench, gat, key).result, OP_OK);
    bench->clock.steady_s += 29;
    assert_int_equal(do_op(bench, add, key).result, OP_NOT_STORED);
    bench->clock.steady_s += 1;
    assert_int_equal(do_op(bench, add, key).result, OP_OK);
}

/* Some application counts in "<id>.lock" and has a value there: php-memcache's way of asking does not hide it. */
static void a_lock_hides_no_cache_item(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(store_as(bench, OP_SET, "job.lock", "41"), OP_OK);
    struct op incr = {.kind = OP_INCR, .delta = 1, .create = true, .initial = 1};
    assert_int_equal(do_op(bench, incr, "job.lock").number, 42);
    assert_int_equal(store_as(bench, OP_ADD, "job.lock", "1"), OP_NOT_STORED);
    assert_int_equal(engine_stats_of(bench).locks.held, 0);
    engine_client_gone(bench->engine, &bench->client);
    assert_holds(bench, "job.lock", "42");
}

/* The count of suffixed locks spares others the look-up: one that goes leaves the others in force. */
static void each_suffixed_lock_counts(void **state)
{
    struct bench *bench = *state;
    struct op incr = {.kind = OP_INCR, .delta = 1, .create = true, .initial = 1};
    assert_int_equal(do_op(bench, incr, "one.lock").number, 1);
    assert_int_equal(do_op(bench, incr, "two.lock").number, 1);
    assert_int_equal(do_op(bench, (struct op){.kind = OP_DELETE}, "one.lock").result, OP_OK);
    assert_int_equal(store_as(bench, OP_SET, "two", "data"), OP_OK);
    assert_int_equal(engine_stats_of(bench).store.items[STORE_SESSION], 1);
    assert_int_equal(engine_stats_of(bench).locks.held, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(a_lock_is_given_back_when_its_client_goes),
        WITH_BENCH(a_lock_ends_with_its_time),
        WITH_BENCH(a_client_holds_a_bounded_number),
        WITH_BENCH(the_lock_of_php_memcache),
        WITH_BENCH(the_suffix_alone_is_cache),
        WITH_BENCH(a_known_session_has_a_lock),
        WITH_BENCH(a_client_gives_back_all_it_holds),
        WITH_BENCH(a_lock_can_be_touched),
        WITH_BENCH(a_lock_hides_no_cache_item),
        WITH_BENCH(each_suffixed_lock_counts),
    };
    return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
