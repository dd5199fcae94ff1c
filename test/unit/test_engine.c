/*
 * Promises of engine.h, decide.h, keyclass.h and lock.h: memcached's rules op by op; sessions, locks and
 * cache told apart; a lock is never refused for room and is given back when its holder's connection closes
 * (L4).
 */
#include "unit.h"

#include "engine/decide.h"
#include "engine/local.h"

#include <stdio.h>
#include <stdlib.h>

/* A clock that stands where it is put. */
struct still_clock {
    struct clock clock;
    uint64_t steady_s;
    int64_t wall_s;
};

static uint64_t still_steady_ns(const struct clock *clock)
{
    return ((const struct still_clock *)(const void *)clock)->steady_s * 1000000000U;
}

static int64_t still_wall_s(const struct clock *clock)
{
    return ((const struct still_clock *)(const void *)clock)->wall_s;
}

static struct still_clock still_clock(void)
{
    return (struct still_clock){.clock = {.steady_ns = still_steady_ns, .wall_s = still_wall_s},
                                .steady_s = 5000,
                                .wall_s = 1700000000};
}

static void exptimes_as_memcached_reads_them(void **state)
{
    (void)state;
    struct still_clock clock = still_clock();
    const struct clock *c = &clock.clock;
    enum { NOW = 5016, MONTH = DECIDE_RELATIVE_MAX_S };
    assert_int_equal(decide_expiry(0, NOW, c), 0);
    assert_int_equal(decide_expiry(-1, NOW, c), DECIDE_EXPIRED);
    assert_int_equal(decide_expiry(1, NOW, c), NOW + 1);
    assert_int_equal(decide_expiry(MONTH, NOW, c), NOW + MONTH);
    assert_int_equal(decide_expiry(MONTH + 1, NOW, c), DECIDE_EXPIRED); /* a day in 1970 */
    assert_int_equal(decide_expiry(2678400, NOW, c), DECIDE_EXPIRED);   /* php-memcached's "exists" */
    assert_int_equal(decide_expiry(clock.wall_s, NOW, c), DECIDE_EXPIRED);
    assert_int_equal(decide_expiry(clock.wall_s + 1440, NOW, c), NOW + 1440);
    assert_int_equal(decide_expiry(INT64_MAX, NOW, c), UINT32_MAX);
    /* S8: the wall clock jumps on both sides; the life told by a client in step with it stays what it was. */
    clock.wall_s += 86400 * 365;
    assert_int_equal(decide_expiry(clock.wall_s + 1440, NOW, c), NOW + 1440);
}

static void keys_tell_what_they_are(void **state)
{
    (void)state;
    const char *const prefixes[] = {"memc.sess.key.", "app:"};
    const struct keyclass_config config = {.prefixes = prefixes, .nprefixes = 2};
    assert_int_equal(keyclass_of(&config, bytes_of("memc.sess.key.abc")), KEYCLASS_SESSION);
    assert_int_equal(keyclass_of(&config, bytes_of("memc.sess.key.lock.abc")), KEYCLASS_LOCK);
    assert_int_equal(keyclass_of(&config, bytes_of("app:abc")), KEYCLASS_SESSION);
    assert_int_equal(keyclass_of(&config, bytes_of("app:lock.abc")), KEYCLASS_LOCK);
    assert_int_equal(keyclass_of(&config, bytes_of("memc.sess.key")), KEYCLASS_PLAIN);
    assert_int_equal(keyclass_of(&config, bytes_of("lock.abc")), KEYCLASS_PLAIN);
    assert_int_equal(keyclass_of(&config, bytes_of("x")), KEYCLASS_PLAIN);
    assert_true(keyclass_has_lock_suffix(bytes_of("abc.lock")));
    assert_false(keyclass_has_lock_suffix(bytes_of(".lock")));
    assert_false(keyclass_has_lock_suffix(bytes_of("abc.lok")));
}

/* An engine with one client, and a place for values. */
struct bench {
    struct still_clock clock;
    struct engine *engine;
    struct engine_client client;
    char value[2 << 20];
};

static int open_bench(void **state)
{
    static const char *const prefixes[] = {KEYCLASS_DEFAULT_PREFIX};
    struct bench *bench = calloc(1, sizeof *bench);
    bench->clock = still_clock();
    const struct local_config config = {.store = {.limit_bytes = 2 << 20, .value_max = 1 << 20, .seed = 1},
                                        .keyclass = {.prefixes = prefixes, .nprefixes = 1},
                                        .clock = &bench->clock.clock,
                                        .without_thread = true};
    assert_int_equal(local_new(&config, &bench->engine), ERR_NONE);
    *state = bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    engine_client_gone(bench->engine, &bench->client);
    engine_free(&bench->engine);
    free(bench);
    return 0;
}

static struct bench *placing; /* the bench whose op is under way */

static char *place(struct op *op, const struct op_hit *hit)
{
    (void)op;
    assert_true(hit->value_len <= sizeof placing->value);
    return placing->value;
}

static struct op do_op(struct bench *bench, struct op op, const char *key)
{
    op.key = bytes_of(key);
    op.now_s = engine_now_s(clock_steady_ns(&bench->clock.clock));
    op.place = place;
    if (op.client == NULL)
        op.client = &bench->client;
    placing = bench;
    assert_int_equal(engine_submit(bench->engine, &op), SUBMIT_DONE);
    return op;
}

static enum op_result store_as(struct bench *bench, enum op_kind kind, const char *key, const char *value)
{
    return do_op(bench, (struct op){.kind = kind, .value = bytes_of(value), .flags = 768}, key).result;
}

static void assert_holds(struct bench *bench, const char *key, const char *value)
{
    struct op op = do_op(bench, (struct op){.kind = OP_GET}, key);
    assert_int_equal(op.result, OP_OK);
    assert_int_equal(op.hit.value_len, strlen(value));
    assert_memory_equal(bench->value, value, strlen(value));
    assert_int_equal(op.hit.flags, 768);
}

static void assert_missing(struct bench *bench, const char *key)
{
    assert_int_equal(do_op(bench, (struct op){.kind = OP_GET}, key).result, OP_MISS);
}

/* The same rules hold for an item and for a lock key. */
static void storage_rules(void **state)
{
    static const char *const keys[] = {"plain", "memc.sess.key.s1", "memc.sess.key.lock.s1"};
    struct bench *bench = *state;
    for (size_t i = 0; i < 3; i++) {
        const char *k = keys[i];
        assert_int_equal(store_as(bench, OP_REPLACE, k, "1"), OP_NOT_STORED);
        assert_int_equal(store_as(bench, OP_APPEND, k, "1"), OP_NOT_STORED);
        assert_int_equal(store_as(bench, OP_PREPEND, k, "1"), OP_NOT_STORED);
        assert_missing(bench, k);
        assert_int_equal(store_as(bench, OP_ADD, k, "1"), OP_OK);
        assert_int_equal(store_as(bench, OP_ADD, k, "2"), OP_NOT_STORED);
        assert_holds(bench, k, "1");
        assert_int_equal(store_as(bench, OP_REPLACE, k, "3"), OP_OK);
        assert_int_equal(store_as(bench, OP_APPEND, k, "4"), OP_OK);
        assert_int_equal(store_as(bench, OP_PREPEND, k, "2"), OP_OK);
        assert_holds(bench, k, "234");
        assert_int_equal(do_op(bench, (struct op){.kind = OP_DELETE}, k).result, OP_OK);
        assert_int_equal(do_op(bench, (struct op){.kind = OP_DELETE}, k).result, OP_MISS);
        assert_missing(bench, k);
    }
}

static void cas_rules(void **state)
{
    static const char *const keys[] = {"plain", "memc.sess.key.lock.s1"};
    struct bench *bench = *state;
    for (size_t i = 0; i < 2; i++) {
        const char *k = keys[i];
        struct op cas = {.kind = OP_SET, .value = bytes_of("b"), .flags = 768, .compare_cas = true, .cas = 1};
        assert_int_equal(do_op(bench, cas, k).result, OP_MISS);
        assert_int_equal(store_as(bench, OP_SET, k, "a"), OP_OK);
        cas.cas = do_op(bench, (struct op){.kind = OP_GET}, k).hit.cas + 1;
        assert_int_equal(do_op(bench, cas, k).result, OP_EXISTS);
        assert_holds(bench, k, "a");
        cas.cas--;
        struct op stored = do_op(bench, cas, k);
        assert_int_equal(stored.result, OP_OK);
        assert_int_equal(stored.hit.cas, do_op(bench, (struct op){.kind = OP_GET}, k).hit.cas);
        assert_int_equal(do_op(bench, cas, k).result, OP_EXISTS);
        struct op delete = {.kind = OP_DELETE, .compare_cas = true, .cas = cas.cas};
        assert_int_equal(do_op(bench, delete, k).result, OP_EXISTS);
        delete.cas = stored.hit.cas;
        assert_int_equal(do_op(bench, delete, k).result, OP_OK);
    }
}

static uint64_t count(struct bench *bench, enum op_kind kind, const char *key, uint64_t delta)
{
    struct op op = do_op(bench, (struct op){.kind = kind, .delta = delta}, key);
    assert_int_equal(op.result, OP_OK);
    return op.number;
}

static void number_rules(void **state)
{
    struct bench *bench = *state;
    struct op incr = {.kind = OP_INCR, .delta = 1};
    assert_int_equal(do_op(bench, incr, "n").result, OP_MISS);
    incr.create = true;
    incr.initial = 5;
    assert_int_equal(do_op(bench, incr, "n").number, 5);
    assert_int_equal(count(bench, OP_INCR, "n", 95), 100);
    assert_int_equal(count(bench, OP_DECR, "n", 1), 99);
    struct op get = do_op(bench, (struct op){.kind = OP_GET}, "n");
    assert_int_equal(get.hit.value_len, 3);
    assert_memory_equal(bench->value, "99 ", 3); /* keeps its length, as memcached does */
    assert_int_equal(count(bench, OP_DECR, "n", 1000), 0);
    assert_int_equal(store_as(bench, OP_SET, "n", "18446744073709551615"), OP_OK);
    assert_true(count(bench, OP_DECR, "n", 1) == UINT64_MAX - 1);
    assert_int_equal(count(bench, OP_INCR, "n", 3), 1); /* wraps */
    assert_int_equal(store_as(bench, OP_SET, "n", "12 apples"), OP_OK);
    assert_int_equal(count(bench, OP_INCR, "n", 1), 13);
    assert_int_equal(store_as(bench, OP_SET, "n", "apples"), OP_OK);
    incr.create = false;
    assert_int_equal(do_op(bench, incr, "n").result, OP_NON_NUMERIC);
    assert_holds(bench, "n", "apples");
}

static void lives_end(void **state)
{
    struct bench *bench = *state;
    struct op add = {.kind = OP_ADD, .exptime = 2678400};
    /* php-memcached asks so whether an id is taken: stored, and invisible at once. */
    assert_int_equal(do_op(bench, add, "memc.sess.key.x").result, OP_OK);
    assert_int_equal(do_op(bench, add, "memc.sess.key.x").result, OP_OK);
    assert_missing(bench, "memc.sess.key.x");
    assert_int_equal(store_as(bench, OP_SET, "a", "v"), OP_OK);
    assert_int_equal(do_op(bench, (struct op){.kind = OP_TOUCH, .exptime = 10}, "a").result, OP_OK);
    bench->clock.steady_s += 9;
    assert_int_equal(do_op(bench, (struct op){.kind = OP_GET, .touch = true, .exptime = 10}, "a").result,
                     OP_OK);
    bench->clock.steady_s += 9;
    assert_holds(bench, "a", "v");
    bench->clock.steady_s += 1;
    struct op miss = do_op(bench, (struct op){.kind = OP_GET}, "a");
    assert_int_equal(miss.result, OP_MISS);
    assert_int_equal(miss.miss, STORE_MISS_EXPIRED);
    assert_int_equal(store_as(bench, OP_SET, "a", "v"), OP_OK);
    assert_int_equal(do_op(bench, (struct op){.kind = OP_SET, .exptime = -1}, "a").result, OP_OK);
    assert_missing(bench, "a");
}

static void too_large_leaves_the_old_value(void **state)
{
    struct bench *bench = *state;
    static char big[1 << 20];
    assert_int_equal(store_as(bench, OP_SET, "a", "v"), OP_OK);
    struct op append = {.kind = OP_APPEND, .value = {.p = big, .len = sizeof big}};
    assert_int_equal(do_op(bench, append, "a").result, OP_TOO_LARGE);
    assert_holds(bench, "a", "v");
}

/* An append that crosses from the segments to a block of its own, and on. */
static void large_appends(void **state)
{
    struct bench *bench = *state;
    char piece[1000];
    memset(piece, 'p', sizeof piece);
    assert_int_equal(store_as(bench, OP_SET, "a", ""), OP_OK);
    for (int i = 1; i <= 300; i++) {
        struct op op = {.kind = i % 2 == 0 ? OP_APPEND : OP_PREPEND,
                        .value = {.p = piece, .len = sizeof piece}};
        piece[0] = (char)('a' + i % 26);
        assert_int_equal(do_op(bench, op, "a").result, OP_OK);
        struct op get = do_op(bench, (struct op){.kind = OP_GET}, "a");
        assert_int_equal(get.hit.value_len, (size_t)i * sizeof piece);
        assert_int_equal(bench->value[i % 2 == 0 ? (size_t)(i - 1) * sizeof piece : 0], piece[0]);
    }
}

static uint64_t nlocks(struct bench *bench)
{
    struct engine_stats stats;
    engine_read_stats(bench->engine, &stats);
    assert_int_equal(stats.store.items[STORE_CACHE] + stats.store.items[STORE_SESSION], 0);
    return stats.locks;
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
    assert_int_equal(stats.locks, 0);
    assert_int_equal(stats.store.items[STORE_SESSION], 1);

    incr.create = true; /* its binary protocol */
    incr.initial = 1;
    assert_int_equal(do_op(bench, incr, "id.lock").number, 1);
    engine_client_gone(bench->engine, &other);
    /* Once a session, always one. */
    assert_int_equal(store_as(bench, OP_SET, "id", "more"), OP_OK);
    engine_read_stats(bench->engine, &stats);
    assert_int_equal(stats.store.items[STORE_SESSION], 1);
    assert_int_equal(stats.locks_broken, 1);
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
    assert_int_equal(stats.locks, 0);
    assert_int_equal(stats.store.items[STORE_CACHE], 5);
}

/* The lock of a session that is known is one however it is asked for, and is given back even when it has
 * run out. */
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
    assert_int_equal(stats.locks, 0);
    assert_int_equal(stats.store.items[STORE_CACHE], 0);
    assert_int_equal(store_as(bench, OP_ADD, "id.lock", "1"), OP_OK);
    engine_read_stats(bench->engine, &stats);
    assert_int_equal(stats.locks, 1);
}

/* S3 at the brim: locks are granted, existing sessions rewritten, new ones refused; empty adds are no
 * sessions. */
static void at_the_brim(void **state)
{
    struct bench *bench = *state;
    char key[64];
    char data[1000];
    memset(data, 'd', sizeof data);
    struct op set = {.kind = OP_SET, .value = {.p = data, .len = sizeof data}};
    int n = 0;
    for (;; n++) {
        snprintf(key, sizeof key, "memc.sess.key.%d", n);
        if (do_op(bench, set, key).result != OP_OK)
            break;
    }
    assert_int_equal(do_op(bench, set, key).result, OP_FULL);
    assert_missing(bench, key);
    assert_int_equal(do_op(bench, (struct op){.kind = OP_ADD}, "memc.sess.key.probe").result, OP_FULL);
    assert_int_equal(store_as(bench, OP_ADD, "memc.sess.key.lock.5", "1"), OP_OK);
    struct op triple = {.kind = OP_INCR, .delta = 1, .create = true, .initial = 1};
    assert_int_equal(do_op(bench, triple, "memcacheid.lock").number, 1);
    for (int round = 0; round < 10000; round++) {
        snprintf(key, sizeof key, "memc.sess.key.%d", round * 7 % n);
        assert_int_equal(do_op(bench, set, key).result, OP_OK);
        bench->clock.steady_s += round % 1000 == 0;
    }
    for (int i = 0; i < n; i++) {
        snprintf(key, sizeof key, "memc.sess.key.%d", i);
        assert_int_equal(do_op(bench, (struct op){.kind = OP_GET}, key).result, OP_OK);
    }
}

static void an_empty_add_is_no_session(void **state)
{
    struct bench *bench = *state;
    struct engine_stats stats;
    assert_int_equal(do_op(bench, (struct op){.kind = OP_ADD}, "memc.sess.key.new").result, OP_OK);
    engine_read_stats(bench->engine, &stats);
    assert_int_equal(stats.store.items[STORE_CACHE], 1);
    assert_int_equal(store_as(bench, OP_SET, "memc.sess.key.new", "data"), OP_OK);
    engine_read_stats(bench->engine, &stats);
    assert_int_equal(stats.store.items[STORE_CACHE], 0);
    assert_int_equal(stats.store.items[STORE_SESSION], 1);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exptimes_as_memcached_reads_them),
        cmocka_unit_test(keys_tell_what_they_are),
        WITH_BENCH(storage_rules),
        WITH_BENCH(cas_rules),
        WITH_BENCH(number_rules),
        WITH_BENCH(lives_end),
        WITH_BENCH(too_large_leaves_the_old_value),
        WITH_BENCH(large_appends),
        WITH_BENCH(a_lock_is_given_back_when_its_client_goes),
        WITH_BENCH(a_lock_ends_with_its_time),
        WITH_BENCH(a_client_holds_a_bounded_number),
        WITH_BENCH(the_lock_of_php_memcache),
        WITH_BENCH(the_suffix_alone_is_cache),
        WITH_BENCH(a_known_session_has_a_lock),
        WITH_BENCH(at_the_brim),
        WITH_BENCH(an_empty_add_is_no_session),
    };
    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
