/*
 * Promises of engine.h and decide.h for what the meta commands ask: items that are made by a get, that are stale, that
 * one reader is told to renew; the same for an item, a session and a lock key.
 */
#include "engine/decide.h"
#include "test_engine_play.h"

#include <pthread.h>

static const char *const keys[] = {"plain", "memc.sess.key.s1", "memc.sess.key.lock.s1"};
enum { NKEYS = 3 };

/* A mg with v. */
static struct op asking(void)
{
    return (struct op){.kind = OP_GET, .renewing = true, .detailed = true};
}

static struct op see(struct bench *bench, const char *key)
{
    struct op op = do_op(bench, asking(), key);
    assert_int_equal(op.result, OP_OK);
    return op;
}

static struct op set_for(struct bench *bench, const char *key, const char *value, int64_t exptime)
{
    struct op set = {.kind = OP_SET, .value = bytes_of(value), .flags = 768, .exptime = exptime};
    struct op op = do_op(bench, set, key);
    assert_int_equal(op.result, OP_OK);
    assert_int_equal(op.hit.value_len, strlen(value));
    return op;
}

/* W, Z and X of the answer. */
static void assert_marks(const struct op *op, bool has_won, bool was_won, bool is_stale)
{
    assert_int_equal(op->hit.has_won, has_won);
    assert_int_equal(op->hit.was_won, was_won);
    assert_int_equal(op->hit.is_stale, is_stale);
}

static void a_get_makes_what_is_not_there(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < NKEYS; i++) {
        struct op get = asking();
        get.create = true;
        get.create_exptime = 30;
        get.new_cas = 77;
        struct op made = do_op(bench, get, keys[i]);
        assert_int_equal(made.result, OP_OK);
        assert_marks(&made, true, false, false);
        assert_true(made.hit.is_created);
        assert_int_equal(made.hit.created_ttl_s, 30);
        assert_int_equal(made.hit.value_len, 0);
        assert_int_equal(made.hit.cas, 77);
        struct op found = do_op(bench, get, keys[i]);
        assert_marks(&found, false, true, false);
        assert_false(found.hit.is_created);
        assert_true(found.hit.was_fetched);
        assert_int_equal(found.hit.ttl_s, 30);
        assert_int_equal(found.hit.cas, 77);
        set_for(bench, keys[i], "x", 0);
        found = do_op(bench, get, keys[i]);
        assert_marks(&found, false, false, false);
        assert_int_equal(found.hit.ttl_s, -1);
    }
    assert_int_equal(engine_stats_of(bench).store.items[STORE_SESSION], 1);
}

/* Until it has a value it is no session: there is nothing in it to lose. */
static void what_a_get_makes_is_no_session(void **state)
{
    struct bench *bench = *state;
    struct op get = asking();
    get.create = true;
    do_op(bench, get, "memc.sess.key.s1");
    assert_int_equal(engine_stats_of(bench).store.items[STORE_SESSION], 0);
    assert_int_equal(engine_stats_of(bench).store.items[STORE_CACHE], 1);
    bench->clock.steady_s += 100000;
    assert_int_equal(see(bench, "memc.sess.key.s1").hit.ttl_s, -1);
}

/* Two exptimes for one new item: the last counts. */
static void what_is_made_lives_as_the_last_says(void **state)
{
    struct bench *bench = *state;
    struct op get = asking();
    get.create = get.touch = true;
    get.create_exptime = 30;
    get.exptime = 60;
    do_op(bench, get, "a");
    assert_int_equal(see(bench, "a").hit.ttl_s, 60);
    get.create_last = true;
    do_op(bench, get, "b");
    assert_int_equal(see(bench, "b").hit.ttl_s, 30);
    do_op(bench, get, "b");
    assert_int_equal(see(bench, "b").hit.ttl_s, 60);
    get.create_exptime = -1;
    assert_int_equal(do_op(bench, get, "c").result, OP_OK);
    assert_missing(bench, "c");
}

static void one_reader_is_told_before_it_ends(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < NKEYS; i++) {
        struct op get = asking();
        get.recache = true;
        set_for(bench, keys[i], "x", 30);
        get.recache_exptime = 30; /* less than is left, only */
        struct op found = do_op(bench, get, keys[i]);
        assert_marks(&found, false, false, false);
        get.recache_exptime = 31;
        found = do_op(bench, get, keys[i]);
        assert_marks(&found, true, false, false);
        found = do_op(bench, get, keys[i]);
        assert_marks(&found, false, true, false);
        set_for(bench, keys[i], "x", 0); /* for ever is never less */
        found = do_op(bench, get, keys[i]);
        assert_marks(&found, false, false, false);
        get.touch = true;
        get.exptime = 20;
        found = do_op(bench, get, keys[i]);
        assert_marks(&found, false, false, false);
        get.recache_last = true;
        found = do_op(bench, get, keys[i]);
        assert_marks(&found, true, false, false);
        assert_int_equal(found.hit.ttl_s, 20);
    }
}

/* Others read on, and win nothing. */
static void a_plain_get_is_not_told(void **state)
{
    struct bench *bench = *state;
    set_for(bench, "a", "x", 0);
    do_op(bench, (struct op){.kind = OP_DELETE, .invalidate = true}, "a");
    assert_holds(bench, "a", "x");
    struct op found = see(bench, "a");
    assert_marks(&found, true, false, true);
}

static void what_is_deleted_may_stay_as_stale(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < NKEYS; i++) {
        struct op old = set_for(bench, keys[i], "abc", 100);
        struct op delete = {.kind = OP_DELETE, .invalidate = true, .compare_cas = true};
        assert_int_equal(do_op(bench, delete, keys[i]).result, OP_EXISTS);
        delete.cas = old.hit.cas;
        assert_int_equal(do_op(bench, delete, keys[i]).result, OP_OK);
        struct op found = see(bench, keys[i]);
        assert_marks(&found, true, false, true);
        assert_holds(bench, keys[i], "abc");
        assert_int_equal(found.hit.ttl_s, 100);
        assert_true(found.hit.cas != old.hit.cas);
        found = see(bench, keys[i]);
        assert_marks(&found, false, true, true);
        /* stale again: another may win */
        delete = (struct op){
            .kind = OP_DELETE, .invalidate = true, .touch = true, .exptime = 9, .new_cas = UINT64_MAX};
        assert_int_equal(do_op(bench, delete, keys[i]).result, OP_OK);
        found = see(bench, keys[i]);
        assert_marks(&found, true, false, true);
        assert_int_equal(found.hit.ttl_s, 9);
        assert_true(found.hit.cas == UINT64_MAX);
        set_for(bench, keys[i], "new", 0);
        found = see(bench, keys[i]);
        assert_marks(&found, false, false, false);
        delete = (struct op){.kind = OP_DELETE, .invalidate = true};
        assert_int_equal(do_op(bench, delete, "nothing").result, OP_MISS);
    }
}

static void what_is_deleted_may_leave_its_key(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < NKEYS; i++) {
        struct op old = set_for(bench, keys[i], "abc", 100);
        struct op delete = {.kind = OP_DELETE, .drop_value = true, .flags = 5};
        assert_int_equal(do_op(bench, delete, keys[i]).result, OP_OK);
        struct op found = see(bench, keys[i]);
        assert_marks(&found, false, false, false);
        assert_int_equal(found.hit.value_len, 0);
        assert_int_equal(found.hit.flags, 5);
        assert_int_equal(found.hit.ttl_s, -1);
        assert_true(found.hit.cas == old.hit.cas);
        delete.invalidate = true;
        delete.exptime = 7;
        assert_int_equal(do_op(bench, delete, keys[i]).result, OP_OK);
        found = see(bench, keys[i]);
        assert_marks(&found, true, false, true);
        assert_int_equal(found.hit.ttl_s, 7);
        assert_true(found.hit.cas != old.hit.cas);
    }
}

/* Who is late with what he was told to renew: his value is taken, and others are told that it is an old one. */
static void an_older_cas_stores_what_is_stale(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < NKEYS; i++) {
        uint64_t old = set_for(bench, keys[i], "1", 0).hit.cas;
        struct op late = {
            .kind = OP_SET, .value = bytes_of("late"), .flags = 768, .compare_cas = true, .cas = old};
        set_for(bench, keys[i], "2", 50);
        assert_int_equal(do_op(bench, late, keys[i]).result, OP_EXISTS);
        late.invalidate = true;
        late.exptime = 500;
        assert_int_equal(do_op(bench, late, keys[i]).result, OP_OK);
        assert_holds(bench, keys[i], "late");
        struct op found = see(bench, keys[i]);
        assert_marks(&found, true, false, true);
        assert_int_equal(found.hit.ttl_s, 50); /* the life is not his to set */
        assert_int_equal(do_op(bench, late, keys[i]).result, OP_OK);
        found = see(bench, keys[i]);
        assert_marks(&found, false, true, true); /* who has won goes on having won */
        late.cas = 0;
        assert_int_equal(do_op(bench, late, keys[i]).result, OP_EXISTS);
        late.cas = found.hit.cas + 1;
        assert_int_equal(do_op(bench, late, keys[i]).result, OP_EXISTS);
        late.cas--;
        assert_int_equal(do_op(bench, late, keys[i]).result, OP_OK);
        found = see(bench, keys[i]);
        assert_marks(&found, false, false, false);
    }
}

static void an_append_may_make_its_key(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < NKEYS; i++) {
        struct op append = {.kind = i == 1 ? OP_PREPEND : OP_APPEND,
                            .value = bytes_of("ab"),
                            .flags = 768,
                            .create = true,
                            .create_exptime = 30,
                            .exptime = 99};
        assert_int_equal(do_op(bench, append, keys[i]).result, OP_OK);
        assert_holds(bench, keys[i], "ab");
        struct op twice = do_op(bench, append, keys[i]);
        assert_int_equal(twice.result, OP_OK);
        assert_int_equal(twice.hit.value_len, 4);
        assert_holds(bench, keys[i], "abab");
        assert_int_equal(see(bench, keys[i]).hit.ttl_s, 30);
    }
    struct op replace = {.kind = OP_REPLACE, .value = bytes_of("ab"), .create = true};
    assert_int_equal(do_op(bench, replace, "nothing").result, OP_NOT_STORED);
}

static void numbers_have_lives_and_marks(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < NKEYS; i++) {
        struct op incr = {.kind = OP_INCR,
                          .delta = 1,
                          .initial = 8,
                          .create = true,
                          .create_exptime = 30,
                          .new_cas = 40,
                          .detailed = true};
        struct op made = do_op(bench, incr, keys[i]);
        assert_true(made.hit.is_created);
        assert_int_equal(made.number, 8);
        assert_int_equal(made.hit.cas, 40);
        assert_int_equal(see(bench, keys[i]).hit.ttl_s, 30);
        incr.touch = true;
        incr.exptime = 60;
        incr.new_cas = 0;
        struct op touched = do_op(bench, incr, keys[i]);
        assert_false(touched.hit.is_created);
        assert_int_equal(touched.hit.ttl_s, 30);
        assert_int_equal(touched.hit.touched_ttl_s, 60);
        assert_true(touched.hit.cas != 40);
        assert_int_equal(see(bench, keys[i]).hit.ttl_s, 60);
        do_op(bench, (struct op){.kind = OP_DELETE, .invalidate = true}, keys[i]);
        see(bench, keys[i]);
        struct op decr = {.kind = OP_DECR, .delta = 1};
        assert_int_equal(do_op(bench, decr, keys[i]).number, 8); /* as long as before */
        struct op found = see(bench, keys[i]);
        assert_marks(&found, false, true, true);
        incr.delta = 2;
        assert_int_equal(do_op(bench, incr, keys[i]).number, 10); /* longer */
        found = see(bench, keys[i]);
        assert_marks(&found, false, false, false);
    }
}

/* A value that is copied outside the lock. */
static void large_values_become_stale_too(void **state)
{
    enum { LEN = 600000 };
    struct bench *bench = *state;
    char *value = malloc(LEN + 1);
    memset(value, 'v', LEN);
    value[LEN] = '\0';
    set_for(bench, "large", value, 100);
    struct op delete = {.kind = OP_DELETE, .invalidate = true, .new_cas = 3};
    assert_int_equal(do_op(bench, delete, "large").result, OP_OK);
    struct op found = see(bench, "large");
    assert_marks(&found, true, false, true);
    assert_int_equal(found.hit.value_len, LEN);
    assert_int_equal(found.hit.cas, 3);
    assert_memory_equal(bench->value, value, LEN);
    memset(bench->value, '-', LEN);
    struct op head = asking();
    head.without_value = true;
    assert_int_equal(do_op(bench, head, "large").hit.value_len, LEN);
    assert_int_equal(bench->value[0], '-');
    delete.drop_value = true;
    assert_int_equal(do_op(bench, delete, "large").result, OP_OK);
    assert_int_equal(see(bench, "large").hit.value_len, 0);
    free(value);
}

/* Makes a key stale over and over, as another connection. */
struct spoiler {
    struct engine *engine;
    struct engine_client client;
    bool is_over;
};

static void *spoil(void *arg)
{
    struct spoiler *spoiler = arg;
    while (!__atomic_load_n(&spoiler->is_over, __ATOMIC_ACQUIRE)) {
        struct op op = {.kind = OP_DELETE,
                        .key = bytes_of("large"),
                        .invalidate = true,
                        .now_s = 5016,
                        .client = &spoiler->client};
        (void)engine_submit(spoiler->engine, &op);
    }
    return NULL;
}

/* What is copied outside the lock to be made stale does not come back over what was written meanwhile. */
static void what_becomes_stale_is_the_newest(void **state)
{
    enum { LEN = 200000, ROUNDS = 500 };
    struct bench *bench = *state;
    struct spoiler spoiler = {.engine = bench->engine};
    char *value = malloc(LEN);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, spoil, &spoiler), 0);
    for (int i = 0; i < ROUNDS; i++) {
        memset(value, 'a' + i % 26, LEN);
        const struct op set = {.kind = OP_SET, .value = {.p = value, .len = LEN}};
        assert_int_equal(do_op(bench, set, "large").result, OP_OK);
        for (int k = 0; k < 3; k++) {
            struct op get = do_op(bench, (struct op){.kind = OP_GET}, "large");
            assert_int_equal(get.hit.value_len, LEN);
            assert_memory_equal(bench->value, value, LEN);
        }
    }
    __atomic_store_n(&spoiler.is_over, true, __ATOMIC_RELEASE);
    assert_int_equal(pthread_join(thread, NULL), 0);
    free(value);
}

static int open_roomy(void **state)
{
    return open_bench_of(state,
                         (struct store_config){.limit_bytes = 64 << 20, .value_max = 1 << 20, .seed = 1});
}

static void what_a_reader_is_shown(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < NKEYS; i++) {
        struct op unseen = asking();
        unseen.unseen = true;
        set_for(bench, keys[i], "abc", 0);
        assert_false(do_op(bench, unseen, keys[i]).hit.was_fetched);
        assert_false(do_op(bench, asking(), keys[i]).hit.was_fetched);
        struct op found = do_op(bench, unseen, keys[i]);
        assert_true(found.hit.was_fetched);
        assert_true(found.hit.size > strlen(keys[i]));
        do_op(bench, (struct op){.kind = OP_DELETE, .invalidate = true}, keys[i]);
        assert_true(do_op(bench, unseen, keys[i]).hit.was_fetched);
        assert_int_equal(found.hit.idle_s, 0);
    }
}

static int open_without_eviction(void **state)
{
    return open_bench_of(
        state,
        (struct store_config){.limit_bytes = 2 << 20, .value_max = 1 << 20, .seed = 1, .no_evict = true});
}

/* Where there is no room to make it, it is not there. */
static void no_room_is_a_miss(void **state)
{
    struct bench *bench = *state;
    char key[] = "key-0000";
    char value[1000];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    enum op_result result = OP_OK;
    for (int i = 0; i < 10000 && result == OP_OK; i++) {
        key[4] = (char)('0' + i / 1000);
        key[5] = (char)('0' + i / 100 % 10);
        key[6] = (char)('0' + i / 10 % 10);
        key[7] = (char)('0' + i % 10);
        result = store_as(bench, OP_SET, key, value);
    }
    assert_int_equal(result, OP_FULL);
    struct op get = asking();
    get.create = true;
    for (int i = 0; i < 200000; i++) {
        key[0] = (char)('A' + i % 26);
        key[1] = (char)('A' + i / 26 % 26);
        key[2] = (char)('A' + i / 676 % 26);
        key[3] = (char)('A' + i / 17576);
        result = do_op(bench, get, key).result;
        if (result != OP_OK)
            break;
    }
    assert_int_equal(result, OP_MISS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(a_get_makes_what_is_not_there),
        WITH_BENCH(what_a_get_makes_is_no_session),
        WITH_BENCH(what_is_made_lives_as_the_last_says),
        WITH_BENCH(one_reader_is_told_before_it_ends),
        WITH_BENCH(a_plain_get_is_not_told),
        WITH_BENCH(what_is_deleted_may_stay_as_stale),
        WITH_BENCH(what_is_deleted_may_leave_its_key),
        WITH_BENCH(an_older_cas_stores_what_is_stale),
        WITH_BENCH(an_append_may_make_its_key),
        WITH_BENCH(numbers_have_lives_and_marks),
        WITH_BENCH(large_values_become_stale_too),
        WITH_BENCH(what_a_reader_is_shown),
        cmocka_unit_test_setup_teardown(what_becomes_stale_is_the_newest, open_roomy, close_bench),
        cmocka_unit_test_setup_teardown(no_room_is_a_miss, open_without_eviction, close_bench),
    };
    return cmocka_run_group_tests_name("engine_meta", tests, NULL, NULL);
}
