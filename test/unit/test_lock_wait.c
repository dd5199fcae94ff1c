/*
 * Promises of lock.h to those who wait: in the order of arrival, no longer and no more than the limits say (L3), woken
 * as soon as the holder gives it back, leaves or is over its time (L4), and never two at once (L1).
 */
#include "test_engine_play.h"

#define KEY     "memc.sess.key.lock.s"
#define COUNTER "id.lock"

struct waiter {
    struct op op; /* first */
    struct engine_client client;
    unsigned nwoken;
};

static void count_wake(struct op *op)
{
    ((struct waiter *)(void *)op)->nwoken++;
}

static uint32_t now_s(const struct bench *bench)
{
    return engine_now_s(clock_steady_ns(&bench->clock.clock));
}

static void fill(struct bench *bench, struct waiter *waiter, enum op_kind kind, const char *key)
{
    struct op op = {.kind = kind, .key = bytes_of(key), .now_s = now_s(bench), .may_wait = true};
    op.value = bytes_of(kind == OP_ADD ? "1" : "");
    op.delta = kind == OP_INCR;
    op.flags = 768;
    op.exptime = kind == OP_ADD ? 30 : 0;
    op.client = &waiter->client;
    op.wake = count_wake;
    op.place = place;
    waiter->op = op;
    waiter->nwoken = 0;
    placing = bench;
}

static enum submit ask(struct bench *bench, struct waiter *waiter, enum op_kind kind, const char *key)
{
    fill(bench, waiter, kind, key);
    return engine_submit(bench->engine, &waiter->op);
}

static void assert_has(struct bench *bench, struct waiter *waiter, enum op_kind kind, const char *key)
{
    assert_int_equal(ask(bench, waiter, kind, key), SUBMIT_DONE);
    assert_int_equal(waiter->op.result, OP_OK);
}

static void assert_waits(struct bench *bench, struct waiter *waiter, enum op_kind kind, const char *key)
{
    assert_int_equal(ask(bench, waiter, kind, key), SUBMIT_PENDING);
    assert_int_equal(waiter->nwoken, 0);
}

/* It has been woken, once, and holds the lock when it goes on. */
static void assert_gets_it(struct bench *bench, struct waiter *waiter)
{
    assert_int_equal(waiter->nwoken, 1);
    assert_false(engine_cancel(bench->engine, &waiter->op));
    waiter->op.now_s = now_s(bench);
    assert_int_equal(engine_resume(bench->engine, &waiter->op), SUBMIT_DONE);
    assert_int_equal(waiter->op.result, OP_OK);
    assert_int_equal(waiter->client.nlocks, 1);
}

/* Its time is over: what it is told. */
static enum op_result be_late(struct bench *bench, struct waiter *waiter)
{
    assert_int_equal(waiter->nwoken, 0);
    assert_true(engine_cancel(bench->engine, &waiter->op));
    waiter->op.is_late = true;
    waiter->op.now_s = now_s(bench);
    assert_int_equal(engine_resume(bench->engine, &waiter->op), SUBMIT_DONE);
    return waiter->op.result;
}

static void let_go(struct bench *bench, const char *key)
{
    assert_int_equal(do_op(bench, (struct op){.kind = OP_DELETE}, key).result, OP_OK);
}

static void in_the_order_of_arrival(void **state)
{
    struct bench *bench = *state;
    struct waiter w[4] = {0};
    assert_has(bench, &w[0], OP_ADD, KEY);
    for (int i = 1; i < 4; i++) {
        assert_waits(bench, &w[i], OP_ADD, KEY);
        assert_int_equal(w[i].op.wait_ms, 2000);
    }
    assert_int_equal(engine_stats_of(bench).locks.waiting, 3);
    for (int i = 1; i < 4; i++) {
        let_go(bench, KEY);
        for (int j = i + 1; j < 4; j++)
            assert_int_equal(w[j].nwoken, 0);
        assert_gets_it(bench, &w[i]);
        assert_int_equal(w[i - 1].client.nlocks, 0);
    }
    let_go(bench, KEY);
    assert_int_equal(engine_stats_of(bench).locks.held, 0);
    assert_int_equal(engine_stats_of(bench).locks.waiting, 0);
    assert_int_equal(engine_stats_of(bench).locks.waits, 3);
}

/* The same as php-memcache does it: by a counter, which is 1 for who has it, and 0 once given back. */
static void by_counting(void **state)
{
    struct bench *bench = *state;
    struct waiter w[3] = {0};
    assert_int_equal(ask(bench, &w[0], OP_INCR, COUNTER), SUBMIT_DONE);
    assert_has(bench, &w[0], OP_ADD, COUNTER);
    assert_waits(bench, &w[1], OP_INCR, COUNTER);
    assert_int_equal(w[1].op.wait_ms, 400);
    assert_waits(bench, &w[2], OP_INCR, COUNTER);
    for (int i = 1; i < 3; i++) {
        assert_int_equal(store_as(bench, OP_SET, COUNTER, "0"), OP_OK);
        assert_gets_it(bench, &w[i]);
        assert_int_equal(w[i].op.number, 1);
        assert_holds(bench, COUNTER, "1");
        /* the add that comes with it: it is there */
        assert_int_equal(ask(bench, &w[i], OP_ADD, COUNTER), SUBMIT_DONE);
        assert_int_equal(w[i].op.result, OP_NOT_STORED);
    }
    assert_int_equal(be_late(bench, (assert_waits(bench, &w[0], OP_INCR, COUNTER), &w[0])), OP_OK);
    assert_true(w[0].op.number > 1);
    engine_client_gone(bench->engine, &w[2].client);
}

static void the_holder_goes(void **state)
{
    struct bench *bench = *state;
    struct waiter w[3] = {0};
    assert_has(bench, &w[0], OP_ADD, KEY);
    assert_waits(bench, &w[1], OP_ADD, KEY);
    assert_waits(bench, &w[2], OP_ADD, KEY);
    engine_client_gone(bench->engine, &w[0].client);
    /* the next one goes, too, before it knows that it has it */
    assert_int_equal(w[1].nwoken, 1);
    assert_false(engine_cancel(bench->engine, &w[1].op));
    engine_client_gone(bench->engine, &w[1].client);
    assert_gets_it(bench, &w[2]);
    engine_client_gone(bench->engine, &w[2].client);
    assert_int_equal(engine_stats_of(bench).locks.held, 0);
}

static void a_waiter_goes(void **state)
{
    struct bench *bench = *state;
    for (int gone = 1; gone < 4; gone++) {
        struct waiter w[4] = {0};
        assert_has(bench, &w[0], OP_ADD, KEY);
        for (int i = 1; i < 4; i++)
            assert_waits(bench, &w[i], OP_ADD, KEY);
        assert_true(engine_cancel(bench->engine, &w[gone].op));
        engine_client_gone(bench->engine, &w[gone].client);
        for (int i = 1; i < 4; i++) {
            if (i == gone)
                continue;
            let_go(bench, KEY);
            assert_gets_it(bench, &w[i]);
        }
        let_go(bench, KEY);
        assert_int_equal(w[gone].nwoken, 0);
    }
}

static void the_next_is_told_at_once_when_too_many_wait(void **state)
{
    struct bench *bench = *state;
    struct waiter w[5] = {0};
    assert_has(bench, &w[0], OP_ADD, KEY);
    for (int i = 1; i < 4; i++)
        assert_waits(bench, &w[i], OP_ADD, KEY);
    assert_int_equal(ask(bench, &w[4], OP_ADD, KEY), SUBMIT_DONE);
    assert_int_equal(w[4].op.result, OP_NOT_STORED);
    for (int i = 1; i < 4; i++)
        assert_int_equal(be_late(bench, &w[i]), OP_NOT_STORED);
    assert_int_equal(engine_stats_of(bench).locks.late, 3);
    engine_client_gone(bench->engine, &w[0].client);
}

/* A poll costs no place: who comes back in time stands before those who came later. */
static void a_place_is_kept(void **state)
{
    struct bench *bench = *state;
    struct waiter w[3] = {0};
    for (unsigned pause_s = 1; pause_s < 4; pause_s += 2) {
        assert_has(bench, &w[0], OP_ADD, KEY);
        assert_waits(bench, &w[1], OP_ADD, KEY);
        assert_waits(bench, &w[2], OP_ADD, KEY);
        assert_int_equal(be_late(bench, &w[1]), OP_NOT_STORED);
        bench->clock.steady_s += pause_s;
        assert_waits(bench, &w[1], OP_ADD, KEY);
        engine_client_gone(bench->engine, &w[0].client);
        struct waiter *first = pause_s < 2 ? &w[1] : &w[2];
        struct waiter *second = pause_s < 2 ? &w[2] : &w[1];
        assert_gets_it(bench, first);
        let_go(bench, KEY);
        assert_gets_it(bench, second);
        let_go(bench, KEY);
    }
}

/* In text php-memcache cannot say how long it wants the counter: it lasts as long as the one before. */
static void a_counter_keeps_its_life(void **state)
{
    struct bench *bench = *state;
    struct waiter w[2] = {0};
    assert_int_equal(ask(bench, &w[0], OP_INCR, COUNTER), SUBMIT_DONE);
    assert_has(bench, &w[0], OP_ADD, COUNTER); /* for 30 s */
    assert_waits(bench, &w[1], OP_INCR, COUNTER);
    bench->clock.steady_s += 10;
    engine_client_gone(bench->engine, &w[0].client);
    assert_gets_it(bench, &w[1]);
    bench->clock.steady_s += 29;
    assert_holds(bench, COUNTER, "1");
    bench->clock.steady_s += 1;
    assert_missing(bench, COUNTER);
}

/* But not for another lock. */
static void a_place_is_of_one_lock(void **state)
{
    struct bench *bench = *state;
    struct waiter holders[2] = {0};
    struct waiter w[2] = {0};
    assert_has(bench, &holders[0], OP_ADD, KEY);
    assert_has(bench, &holders[1], OP_ADD, KEY "2");
    assert_waits(bench, &w[0], OP_ADD, KEY);
    assert_int_equal(be_late(bench, &w[0]), OP_NOT_STORED);
    assert_waits(bench, &w[1], OP_ADD, KEY "2");
    assert_waits(bench, &w[0], OP_ADD, KEY "2");
    engine_client_gone(bench->engine, &holders[1].client);
    assert_gets_it(bench, &w[1]);
    let_go(bench, KEY "2");
    assert_gets_it(bench, &w[0]);
    engine_client_gone(bench->engine, &holders[0].client);
    engine_client_gone(bench->engine, &w[0].client);
}

/* A waiter waits no longer than the lock lasts, and then has it, though it was nobody who gave it back. */
static void a_lock_that_is_over_goes_to_who_came_first(void **state)
{
    struct bench *bench = *state;
    struct waiter w[3] = {0};
    struct op add = {.kind = OP_ADD, .value = bytes_of("1"), .exptime = 1};
    assert_int_equal(do_op(bench, add, KEY).result, OP_OK);
    assert_waits(bench, &w[1], OP_ADD, KEY);
    assert_int_equal(w[1].op.wait_ms, 1000);
    assert_waits(bench, &w[2], OP_ADD, KEY);
    bench->clock.steady_s += 1;
    /* the second one's timer is the first to fire: the lock is not its */
    assert_int_equal(be_late(bench, &w[2]), OP_NOT_STORED);
    assert_gets_it(bench, &w[1]);
    let_go(bench, KEY);

    bench->clock.steady_s += 3; /* no place is kept so long */
    assert_int_equal(do_op(bench, add, KEY).result, OP_OK);
    assert_waits(bench, &w[1], OP_ADD, KEY);
    assert_waits(bench, &w[2], OP_ADD, KEY);
    bench->clock.steady_s += 1;
    assert_int_equal(be_late(bench, &w[1]), OP_OK);
    assert_int_equal(w[2].nwoken, 0);
    let_go(bench, KEY);
    assert_gets_it(bench, &w[2]);
    engine_client_gone(bench->engine, &w[2].client);
}

/* Looking whether it is a lock at all, as for php-memcache's keys, gives it to nobody else before. */
static void a_counter_that_is_over_goes_to_who_came_first(void **state)
{
    struct bench *bench = *state;
    struct waiter w[2] = {0};
    struct op incr = {.kind = OP_INCR, .delta = 1, .create = true, .initial = 1, .create_exptime = 1};
    assert_int_equal(do_op(bench, incr, COUNTER).result, OP_OK);
    assert_waits(bench, &w[0], OP_INCR, COUNTER);
    assert_waits(bench, &w[1], OP_INCR, COUNTER);
    bench->clock.steady_s += 1;
    assert_int_equal(be_late(bench, &w[0]), OP_OK);
    assert_int_equal(w[0].op.number, 1);
    assert_int_equal(w[1].nwoken, 0);
    engine_client_gone(bench->engine, &w[0].client);
    assert_gets_it(bench, &w[1]);
    engine_client_gone(bench->engine, &w[1].client);
}

static void what_one_holds_is_granted_again(void **state)
{
    struct bench *bench = *state;
    struct waiter w[2] = {0};
    assert_has(bench, &w[0], OP_ADD, KEY);
    assert_has(bench, &w[0], OP_ADD, KEY);
    assert_int_equal(engine_stats_of(bench).locks.held, 1);
    /* Whose answer nobody reads is answered as ever. */
    fill(bench, &w[0], OP_ADD, KEY);
    w[0].op.may_wait = false;
    assert_int_equal(engine_submit(bench->engine, &w[0].op), SUBMIT_DONE);
    assert_int_equal(w[0].op.result, OP_NOT_STORED);
    fill(bench, &w[1], OP_ADD, KEY);
    w[1].op.may_wait = false;
    assert_int_equal(engine_submit(bench->engine, &w[1].op), SUBMIT_DONE);
    assert_int_equal(w[1].op.result, OP_NOT_STORED);
    engine_client_gone(bench->engine, &w[0].client);
}

static void asking_for_another_gives_back_the_former(void **state)
{
    struct bench *bench = *state;
    struct waiter w[2] = {0};
    assert_has(bench, &w[0], OP_ADD, KEY);
    assert_waits(bench, &w[1], OP_ADD, KEY);
    assert_has(bench, &w[0], OP_ADD, KEY "2");
    assert_gets_it(bench, &w[1]);
    assert_int_equal(engine_stats_of(bench).locks.held, 2);
    /* also when it has to wait for the other: no two can wait for each other */
    assert_waits(bench, &w[0], OP_ADD, KEY);
    assert_int_equal(w[0].client.nlocks, 0);
    engine_client_gone(bench->engine, &w[1].client);
    assert_gets_it(bench, &w[0]);
    engine_client_gone(bench->engine, &w[0].client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(in_the_order_of_arrival),
        WITH_BENCH(by_counting),
        WITH_BENCH(the_holder_goes),
        WITH_BENCH(a_waiter_goes),
        WITH_BENCH(the_next_is_told_at_once_when_too_many_wait),
        WITH_BENCH(a_place_is_kept),
        WITH_BENCH(a_counter_keeps_its_life),
        WITH_BENCH(a_place_is_of_one_lock),
        WITH_BENCH(a_lock_that_is_over_goes_to_who_came_first),
        WITH_BENCH(a_counter_that_is_over_goes_to_who_came_first),
        WITH_BENCH(what_one_holds_is_granted_again),
        WITH_BENCH(asking_for_another_gives_back_the_former),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
