/* Promises of engine/loading.h: every op waits, and each is woken once, or was taken back; then the real one goes on. */
#include "unit.h"

#include "engine/loading.h"

#include <stdlib.h>

struct waiter {
    struct op op; /* first */
    struct engine_client client;
    unsigned nwoken;
};

static void count_wake(struct op *op)
{
    ((struct waiter *)(void *)op)->nwoken++;
}

static struct store_progress progress;

static struct engine *begin(void)
{
    struct engine *engine = NULL;
    const struct store_config config = {.limit_bytes = 64, .sync = STORE_SYNC_ALWAYS, .progress = &progress};
    assert_int_equal(loading_new(&config, &engine), ERR_NONE);
    return engine;
}

static void submit(struct engine *engine, struct waiter *waiter)
{
    *waiter = (struct waiter){.op = {.kind = OP_GET, .key = bytes_of("k"), .wake = count_wake}};
    waiter->op.client = &waiter->client;
    assert_int_equal(engine_submit(engine, &waiter->op), SUBMIT_PENDING);
}

enum { N = 4 };

static void test_all_are_woken_once(void **state)
{
    (void)state;
    struct engine *engine = begin();
    struct waiter waiters[N];
    for (size_t i = 0; i < N; i++)
        submit(engine, &waiters[i]);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(waiters[i].nwoken, 0);
    loading_end(engine);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(waiters[i].nwoken, 1);
    engine_free(&engine);
}

/* Whichever of them it is: first, middle or last. */
static void test_who_is_taken_back_is_not_woken(void **state)
{
    (void)state;
    for (size_t gone = 0; gone < N; gone++) {
        struct engine *engine = begin();
        struct waiter waiters[N];
        for (size_t i = 0; i < N; i++)
            submit(engine, &waiters[i]);
        assert_true(engine_cancel(engine, &waiters[gone].op));
        engine_client_gone(engine, &waiters[gone].client);
        loading_end(engine);
        for (size_t i = 0; i < N; i++)
            assert_int_equal(waiters[i].nwoken, i == gone ? 0 : 1);
        engine_free(&engine);
    }
}

static void test_who_comes_too_late_is_woken_at_once(void **state)
{
    (void)state;
    struct engine *engine = begin();
    struct waiter waiter;
    loading_end(engine);
    submit(engine, &waiter);
    assert_int_equal(waiter.nwoken, 1);
    assert_false(engine_cancel(engine, &waiter.op)); /* it is for its own thread to see the wake */
    engine_free(&engine);
}

static void test_progress_is_told(void **state)
{
    (void)state;
    struct engine *engine = begin();
    struct engine_stats stats;
    progress.loaded_bytes = 3;
    progress.load_bytes = 7;
    engine_read_stats(engine, &stats);
    assert_true(stats.store.is_loading && stats.store.has_disk);
    assert_int_equal(stats.store.loaded_bytes, 3);
    assert_int_equal(stats.store.load_bytes, 7);
    assert_int_equal(stats.store.limit_bytes, 64);
    assert_int_equal(stats.store.sync, STORE_SYNC_ALWAYS);
    uint64_t unwritten = 1;
    assert_int_equal(engine_flush(engine, 1, 0, &unwritten), OP_LOADING);
    assert_int_equal(unwritten, 0);
    assert_int_equal(engine_synced(engine), 0);
    engine_free(&engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_are_woken_once),
        cmocka_unit_test(test_who_is_taken_back_is_not_woken),
        cmocka_unit_test(test_who_comes_too_late_is_woken_at_once),
        cmocka_unit_test(test_progress_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
