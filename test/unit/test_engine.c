/*
 * Promises of engine.h, decide.h and keyclass.h: memcached's rules op by op; sessions, locks and cache told apart;
 * what is large is copied outside the lock and nothing is lost by it. Locks: test_lock.c.
 */
#include "test_engine_play.h"

#include "engine/decide.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

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

static enum keyclass class_of(const struct keyclass_config *config, struct bytes key)
{
    struct bytes application;
    struct bytes id;
    return keyclass_split(config, key, &application, &id);
}

static void keys_tell_what_they_are(void **state)
{
    (void)state;
    struct keyclass_prefix prefixes[3];
    assert_true(keyclass_read("memc.sess.key.", &prefixes[0]));
    assert_true(keyclass_read("app:", &prefixes[1]));
    assert_true(keyclass_read("other.=shop", &prefixes[2]));
    const struct keyclass_config config = {.prefixes = prefixes, .nprefixes = 3};
    assert_int_equal(prefixes[0].application.len, 0);
    assert_true(bytes_equal(prefixes[1].application, bytes_of("app")));
    assert_true(bytes_equal(prefixes[2].application, bytes_of("shop")));
    assert_false(keyclass_read("", &prefixes[0]));
    assert_false(keyclass_read("=shop", &prefixes[0]));
    assert_false(keyclass_read("a=b c", &prefixes[0]));
    assert_int_equal(class_of(&config, bytes_of("memc.sess.key.abc")), KEYCLASS_SESSION);
    assert_int_equal(class_of(&config, bytes_of("memc.sess.key.lock.abc")), KEYCLASS_LOCK);
    assert_int_equal(class_of(&config, bytes_of("app:abc")), KEYCLASS_SESSION);
    assert_int_equal(class_of(&config, bytes_of("app:lock.abc")), KEYCLASS_LOCK);
    assert_int_equal(class_of(&config, bytes_of("memc.sess.key")), KEYCLASS_PLAIN);
    assert_int_equal(class_of(&config, bytes_of("lock.abc")), KEYCLASS_PLAIN);
    assert_int_equal(class_of(&config, bytes_of("x")), KEYCLASS_PLAIN);
    assert_true(keyclass_has_lock_suffix(bytes_of("abc.lock")));
    assert_false(keyclass_has_lock_suffix(bytes_of(".lock")));
    assert_false(keyclass_has_lock_suffix(bytes_of("abc.lok")));
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
    struct op over = {.kind = OP_SET, .exptime = -1, .value = bytes_of("over")};
    assert_int_equal(do_op(bench, over, "a").result, OP_OK);
    assert_int_equal(do_op(bench, (struct op){.kind = OP_GET}, "a").miss, STORE_MISS_EXPIRED);
    assert_int_equal(do_op(bench, (struct op){.kind = OP_GET}, "a").miss, STORE_MISS_ABSENT);
    assert_int_equal(store_as(bench, OP_SET, "memc.sess.key.x", "v"), OP_OK);
    assert_int_equal(do_op(bench, over, "memc.sess.key.x").result, OP_OK);
    assert_int_equal(do_op(bench, (struct op){.kind = OP_GET}, "memc.sess.key.x").miss, STORE_MISS_ABSENT);
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

/* But for a set (op->replaces), whose value need not be there; a session stays even then. */
static void too_large_takes_cache_away(void **state)
{
    struct bench *bench = *state;
    struct op set = {.kind = OP_SET, .value = {.len = SIZE_MAX}};
    assert_int_equal(store_as(bench, OP_SET, "a", "v"), OP_OK);
    assert_int_equal(do_op(bench, set, "a").result, OP_TOO_LARGE);
    assert_holds(bench, "a", "v");
    set.replaces = true;
    assert_int_equal(do_op(bench, set, "a").result, OP_TOO_LARGE);
    assert_missing(bench, "a");
    assert_int_equal(do_op(bench, set, "a").result, OP_TOO_LARGE);
    static const char *const sessions[] = {"memc.sess.key.x", "memcacheid"};
    struct op lock = {.kind = OP_INCR, .delta = 1, .create = true, .initial = 1};
    assert_int_equal(do_op(bench, lock, "memcacheid.lock").number, 1);
    for (size_t i = 0; i < sizeof sessions / sizeof *sessions; i++) {
        assert_int_equal(store_as(bench, OP_SET, sessions[i], "v"), OP_OK);
        assert_int_equal(do_op(bench, set, sessions[i]).result, OP_TOO_LARGE);
        assert_holds(bench, sessions[i], "v");
    }
    assert_int_equal(store_as(bench, OP_ADD, "memc.sess.key.lock.x", "1"), OP_OK);
    assert_int_equal(do_op(bench, set, "memc.sess.key.lock.x").result, OP_TOO_LARGE);
    assert_holds(bench, "memc.sess.key.lock.x", "1");
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

/* What a client reads is marked, so that the figures can tell whether caching was of use. */
static void what_was_read_is_marked(void **state)
{
    struct bench *bench = *state;
    static const char *const keys[] = {"read", "unread", "touched"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(
            do_op(bench, (struct op){.kind = OP_SET, .value = bytes_of("v"), .exptime = 10}, keys[i]).result,
            OP_OK);
    assert_int_equal(do_op(bench, (struct op){.kind = OP_GET}, "read").result, OP_OK);
    assert_int_equal(
        do_op(bench, (struct op){.kind = OP_GET, .touch = true, .exptime = 10}, "touched").result, OP_OK);
    bench->clock.steady_s += 10;
    for (size_t i = 0; i < 3; i++)
        assert_missing(bench, keys[i]);
    assert_int_equal(engine_stats_of(bench).store.reclaimed[STORE_CACHE], 3);
    assert_int_equal(engine_stats_of(bench).store.expired_unfetched[STORE_CACHE], 1);
}

/* Changing a value leaves flags and life as they were; 20 bytes of digits are no reason to forget. */
static void changes_keep_flags_and_life(void **state)
{
    struct bench *bench = *state;
    static const enum op_kind kinds[] = {OP_APPEND, OP_PREPEND, OP_INCR, OP_DECR};
    for (size_t i = 0; i < 4; i++) {
        struct op set = {.kind = OP_SET, .value = bytes_of("5"), .flags = 768, .exptime = 10};
        assert_int_equal(do_op(bench, set, "k").result, OP_OK);
        struct op change = {.kind = kinds[i], .value = bytes_of("1"), .delta = 1, .flags = 3, .exptime = 99};
        assert_int_equal(do_op(bench, change, "k").result, OP_OK);
        bench->clock.steady_s += 9;
        struct op get = do_op(bench, (struct op){.kind = OP_GET}, "k");
        assert_int_equal(get.result, OP_OK);
        assert_int_equal(get.hit.flags, 768);
        bench->clock.steady_s += 1;
        assert_missing(bench, "k");
    }
}

/* Each op that takes a cas compares it. */
static void every_change_compares_its_cas(void **state)
{
    struct bench *bench = *state;
    static const enum op_kind kinds[] = {OP_SET,  OP_REPLACE, OP_APPEND, OP_PREPEND,
                                         OP_INCR, OP_DECR,    OP_DELETE};
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(store_as(bench, OP_SET, "k", "5"), OP_OK);
        struct op op = {.kind = kinds[i], .value = bytes_of("6"), .flags = 768, .compare_cas = true};
        op.cas = do_op(bench, (struct op){.kind = OP_GET}, "k").hit.cas + 1;
        assert_int_equal(do_op(bench, op, "k").result, OP_EXISTS);
        assert_holds(bench, "k", "5");
        op.cas--;
        assert_int_equal(do_op(bench, op, "k").result, OP_OK);
    }
}

/* S3: the headroom is for sessions, however large the cache items that are written again. */
static void large_cache_leaves_the_headroom(void **state)
{
    struct bench *bench = *state;
    static char big[60000];
    char key[32];
    struct op set = {.kind = OP_SET, .value = {.p = big, .len = 50000}};
    int n = 0;
    for (;; n++) {
        snprintf(key, sizeof key, "cache-%d", n);
        if (do_op(bench, set, key).result != OP_OK)
            break;
    }
    uint64_t refused = engine_stats_of(bench).refused_full[STORE_CACHE];
    assert_true(refused > 0);
    for (int i = 0; i < n; i++) {
        set.value.len = 60000;
        snprintf(key, sizeof key, "cache-%d", i);
        refused += do_op(bench, set, key).result == OP_FULL;
        assert_true(engine_stats_of(bench).store.used_bytes <= (2 << 20) / 100 * 95);
    }
    assert_int_equal(engine_stats_of(bench).refused_full[STORE_CACHE], refused);
}

static int open_without_eviction(void **state)
{
    return open_bench_of(
        state,
        (struct store_config){.limit_bytes = 2 << 20, .value_max = 1 << 20, .seed = 1, .no_evict = true});
}

static int open_roomy(void **state)
{
    return open_bench_of(state,
                         (struct store_config){.limit_bytes = 64 << 20, .value_max = 1 << 20, .seed = 1});
}

/* Threads that write the same large value at once. */
enum { NWRITERS = 4, NROUNDS = 100, PIECE = 1000, LARGE = 100000 };

struct writer {
    struct engine *engine;
    struct engine_client client;
    struct op op;
    pthread_barrier_t *together;
    int stored;
};

static void *write_again_and_again(void *arg)
{
    struct writer *writer = arg;
    for (int i = 0; i < NROUNDS; i++) {
        struct op op = writer->op;
        op.client = &writer->client;
        op.now_s = 5016;
        (void)pthread_barrier_wait(writer->together);
        writer->stored += engine_submit(writer->engine, &op) == SUBMIT_DONE && op.result == OP_OK;
        if (op.kind != OP_ADD)
            continue;
        (void)pthread_barrier_wait(writer->together);
        op.kind = OP_DELETE;
        (void)engine_submit(writer->engine, &op);
    }
    return NULL;
}

static int write_together(struct bench *bench, struct op op)
{
    struct writer writers[NWRITERS];
    pthread_t threads[NWRITERS];
    pthread_barrier_t together;
    int stored = 0;
    assert_int_equal(pthread_barrier_init(&together, NULL, NWRITERS), 0);
    for (size_t i = 0; i < NWRITERS; i++) {
        writers[i] = (struct writer){.engine = bench->engine, .op = op, .together = &together};
        assert_int_equal(pthread_create(&threads[i], NULL, write_again_and_again, &writers[i]), 0);
    }
    for (size_t i = 0; i < NWRITERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        stored += writers[i].stored;
    }
    pthread_barrier_destroy(&together);
    return stored;
}

/* None of the pieces gets lost, though each is copied outside the lock. */
static void large_appends_of_many_all_count(void **state)
{
    struct bench *bench = *state;
    static char large[LARGE];
    struct op set = {.kind = OP_SET, .value = {.p = large, .len = sizeof large}};
    assert_int_equal(do_op(bench, set, "k").result, OP_OK);
    struct op append = {.kind = OP_APPEND, .key = bytes_of("k"), .value = {.p = large, .len = PIECE}};
    assert_int_equal(write_together(bench, append), NWRITERS * NROUNDS);
    struct op get = do_op(bench, (struct op){.kind = OP_GET}, "k");
    assert_int_equal(get.hit.value_len, LARGE + NWRITERS * NROUNDS * PIECE);
}

/* Who comes too late with a large value has copied it in vain, and leaves nothing behind. */
static void large_adds_of_many_leave_nothing(void **state)
{
    struct bench *bench = *state;
    static char large[1 << 20];
    struct op add = {.kind = OP_ADD, .key = bytes_of("k"), .value = {.p = large, .len = sizeof large}};
    assert_int_equal(write_together(bench, add), NROUNDS); /* one of each round */
    (void)do_op(bench, (struct op){.kind = OP_DELETE}, "k");
    struct engine_stats stats = engine_stats_of(bench);
    assert_true(stats.store.used_bytes <= stats.store.index_bytes + stats.store.segment_bytes);
}

/* A clock that another thread may read while it is put forward. */
static uint64_t shared_steady_s = 5000;

static uint64_t shared_steady_ns(const struct clock *clock)
{
    (void)clock;
    return __atomic_load_n(&shared_steady_s, __ATOMIC_RELAXED) * 1000000000U;
}

static int64_t shared_wall_s(const struct clock *clock)
{
    (void)clock;
    return 1700000000;
}

/* The engine's own thread comes by again and again, and nobody needs to ask for what has expired. */
static void the_house_is_kept(void **state)
{
    (void)state;
    const struct clock clock = {.steady_ns = shared_steady_ns, .wall_s = shared_wall_s};
    const struct local_config config = {.store = {.limit_bytes = 2 << 20, .value_max = 1 << 20, .seed = 1},
                                        .clock = &clock};
    struct bench bench = {0};
    assert_int_equal(local_new(&config, &bench.engine), ERR_NONE);
    for (int round = 0; round < 2; round++) {
        struct op set = {.kind = OP_SET, .key = bytes_of("k"), .exptime = 10, .client = &bench.client};
        set.now_s = engine_now_s(clock_steady_ns(&clock));
        assert_int_equal(engine_submit(bench.engine, &set), SUBMIT_DONE);
        assert_int_equal(engine_stats_of(&bench).store.items[STORE_CACHE], 1);
        __atomic_add_fetch(&shared_steady_s, 60, __ATOMIC_RELAXED);
        for (int i = 0; i < 5000 && engine_stats_of(&bench).store.items[STORE_CACHE] > 0; i++)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        assert_int_equal(engine_stats_of(&bench).store.items[STORE_CACHE], 0);
    }
    engine_free(&bench.engine);
}

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
        WITH_BENCH(too_large_takes_cache_away),
        WITH_BENCH(large_appends),
        WITH_BENCH(at_the_brim),
        WITH_BENCH(an_empty_add_is_no_session),
        WITH_BENCH(what_was_read_is_marked),
        WITH_BENCH(changes_keep_flags_and_life),
        WITH_BENCH(every_change_compares_its_cas),
        cmocka_unit_test_setup_teardown(large_cache_leaves_the_headroom, open_without_eviction, close_bench),
        cmocka_unit_test_setup_teardown(large_appends_of_many_all_count, open_roomy, close_bench),
        cmocka_unit_test_setup_teardown(large_adds_of_many_leave_nothing, open_roomy, close_bench),
        cmocka_unit_test(the_house_is_kept),
    };
    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
