/*
 * Promises L1 to L7 of ../shared design, as the verbs keep them: one lease at a time, in the order of arrival; a token is
 * good until somebody else has written, killed or opened the session, and no longer; what was killed stays so.
 */
#include "test_session_play.h"

static const struct engine_filter tagged_a = {.tag = {.p = "a", .len = 1}, .has_tag = true};

static void opened_written_read(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    struct op_token token = open_it(bench, &a, "s");
    assert_int_equal(a.op.result, OP_MISS);
    assert_int_equal(token.version, 0);
    assert_int_equal(write_by(bench, &a, "s", token, "one"), OP_OK);
    assert_false(a.session.has_token);
    token = open_it(bench, &a, "s");
    assert_int_equal(a.op.result, OP_OK);
    assert_memory_equal(bench->value, "one", 3);
    assert_int_equal(a.op.hit.flags, 7);
    assert_int_equal(a.op.hit.ttl_s, 100);
    assert_int_equal(close_by(bench, &a, "s", token), OP_OK);
    assert_int_equal(close_by(bench, &a, "s", token), OP_MISS);
    assert_int_equal(engine_stats_of(bench).locks.held, 0);
    assert_int_equal(engine_stats_of(bench).sessions, 1);
}

/* The stock handlers find what the verbs wrote, and the other way round. */
static void one_session_in_all_dialects(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    put_session(bench, &a, "s", "verbs", NULL);
    struct op get = do_op(bench, (struct op){.kind = OP_GET}, "memc.sess.key.s");
    assert_int_equal(get.result, OP_OK);
    assert_memory_equal(bench->value, "verbs", 5);
    assert_missing(bench, "s");
    assert_int_equal(store_as(bench, OP_SET, "memc.sess.key.s", "stock"), OP_OK);
    assert_true(reads(bench, &a, "s", "stock"));
    /* A lock of a stock handler is the lease (L1). */
    struct op add = {.kind = OP_ADD, .value = bytes_of("1")};
    assert_int_equal(do_op(bench, add, "memc.sess.key.lock.s").result, OP_OK);
    assert_int_equal(open_as(bench, &a, "s", (struct op_session){.has_wait = true}), OP_BUSY);
    assert_int_equal(do_op(bench, (struct op){.kind = OP_DELETE}, "memc.sess.key.lock.s").result, OP_OK);
    struct op_token token = open_it(bench, &a, "s");
    assert_int_equal(do_op(bench, add, "memc.sess.key.lock.s").result, OP_NOT_STORED);
    assert_int_equal(close_by(bench, &a, "s", token), OP_OK);
}

static void waiters_are_served_in_order(void **state)
{
    struct bench *bench = *state;
    struct person p[4] = {0};
    const struct op_session wait = {.has_wait = true, .wait_ms = 700, .holder = bytes_of("web-1:/cart")};
    struct op_token token = open_it(bench, &p[0], "s");
    for (int i = 1; i < 4; i++) {
        assert_int_equal(submit_as(bench, &p[i], OP_OPEN, "s", wait), SUBMIT_PENDING);
        assert_int_equal(p[i].op.wait_ms, 700);
        assert_int_equal(engine_position(bench->engine, &p[i].op), i);
    }
    struct person late = {0};
    assert_int_equal(open_as(bench, &late, "s", wait), OP_BUSY); /* at most three, in this bench */
    assert_int_equal(late.session.waiting, 3);
    assert_int_equal(write_by(bench, &p[0], "s", token, "0"), OP_OK);
    for (int i = 1; i < 4; i++) {
        assert_int_equal(p[i].nwoken, 1);
        bench->clock.steady_s += 2;
        p[i].op.now_s = seconds(bench);
        assert_int_equal(engine_resume(bench->engine, &p[i].op), SUBMIT_DONE);
        assert_int_equal(p[i].op.result, OP_OK);
        assert_int_equal(p[i].session.waited_ms, 2000 * i);
        assert_int_equal(open_as(bench, &late, "s", (struct op_session){.has_wait = true}), OP_BUSY);
        assert_int_equal(late.session.holder_len, 11);
        assert_memory_equal(late.session.holder_text, "web-1:/cart", 11);
        assert_int_equal(write_by(bench, &p[i], "s", p[i].session.token, "next"), OP_OK);
    }
    assert_int_equal(engine_stats_of(bench).locks.held, 0);
}

static void a_waiter_that_leaves_is_taken_out(void **state)
{
    struct bench *bench = *state;
    struct person p[3] = {0};
    struct op_token token = open_it(bench, &p[0], "s");
    for (int i = 1; i < 3; i++)
        assert_int_equal(submit_as(bench, &p[i], OP_OPEN, "s", (struct op_session){0}), SUBMIT_PENDING);
    assert_true(engine_cancel(bench->engine, &p[1].op));
    assert_int_equal(close_by(bench, &p[0], "s", token), OP_OK);
    assert_int_equal(p[1].nwoken, 0);
    assert_int_equal(p[2].nwoken, 1);
    leave(bench, &p[2]); /* dies before it goes on */
    assert_int_equal(engine_stats_of(bench).locks.held, 0);
}

/* L4, L2: the lease of a connection that closed goes on; its token is good until somebody has opened the session. */
static void a_lost_lease(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    struct person b = {0};
    put_session(bench, &a, "s", "0", NULL);
    struct op_token token = open_it(bench, &a, "s");
    leave(bench, &a);
    assert_int_equal(engine_stats_of(bench).locks.held, 0);
    assert_int_equal(write_by(bench, &a, "s", token, "a"), OP_OK);

    token = open_it(bench, &a, "s");
    leave(bench, &a);
    struct op_token other = open_it(bench, &b, "s");
    assert_int_equal(write_by(bench, &a, "s", token, "a2"), OP_EXISTS);
    assert_int_equal(close_by(bench, &b, "s", other), OP_OK); /* has written nothing, and yet */
    assert_int_equal(write_by(bench, &a, "s", token, "a2"), OP_EXISTS);
    assert_true(reads(bench, &b, "s", "a"));
}

static void a_lease_that_is_over(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    struct person b = {0};
    const struct op_session lease = {.lease_s = 10};
    assert_int_equal(open_as(bench, &a, "s", lease), OP_MISS);
    struct op_token token = a.session.token;
    bench->clock.steady_s += 9;
    assert_int_equal(open_as(bench, &b, "s", (struct op_session){.has_wait = true}), OP_BUSY);
    bench->clock.steady_s += 1;
    assert_int_equal(write_by(bench, &a, "s", token, "late, and right"), OP_OK);
    assert_int_equal(open_as(bench, &a, "s", lease), OP_OK);
    token = a.session.token;
    bench->clock.steady_s += 10;
    struct op_token other = open_it(bench, &b, "s");
    assert_int_equal(write_by(bench, &a, "s", token, "late"), OP_EXISTS);
    assert_int_equal(write_by(bench, &b, "s", other, "b"), OP_OK);
    assert_int_equal(write_by(bench, &b, "s", other, "b again"), OP_EXISTS);
    assert_true(reads(bench, &b, "s", "b"));
}

/* Some handlers write without asking for the lock: the token is then one of an older version. */
static void a_write_without_a_lease_counts(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    put_session(bench, &a, "s", "0", NULL);
    struct op_token token = open_it(bench, &a, "s");
    assert_int_equal(store_as(bench, OP_SET, "memc.sess.key.s", "without"), OP_OK);
    assert_int_equal(write_by(bench, &a, "s", token, "a"), OP_EXISTS);
    assert_true(reads(bench, &a, "s", "without"));
    assert_int_equal(engine_stats_of(bench).locks.held, 0);
}

/* Each in its turn, though nobody comes by; and nobody is told before its own wait is over. */
static void leases_end_while_others_wait(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    struct person p[2] = {0};
    const struct op_session wait = {.has_wait = true, .wait_ms = 60000, .lease_s = 10};
    assert_int_equal(open_as(bench, &a, "s", (struct op_session){.lease_s = 10}), OP_MISS);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(submit_as(bench, &p[i], OP_OPEN, "s", wait), SUBMIT_PENDING);
        assert_int_equal(p[i].op.wait_ms, 60000);
    }
    for (int i = 0; i < 2; i++) {
        bench->clock.steady_s += 9;
        assert_int_equal(engine_position(bench->engine, &p[1].op), 2 - i);
        assert_int_equal(p[i].nwoken, 0);
        bench->clock.steady_s += 1;
        assert_int_equal(engine_position(bench->engine, &p[1].op), 1 - i);
        assert_int_equal(p[i].nwoken, 1);
        p[i].op.now_s = seconds(bench);
        assert_int_equal(engine_resume(bench->engine, &p[i].op), SUBMIT_DONE);
        assert_int_equal(p[i].op.result, OP_MISS);
    }
    leave(bench, &p[1]);
}

static void who_reads_takes_nothing(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    struct person b = {0};
    struct op_token token = open_it(bench, &a, "s");
    assert_int_equal(open_as(bench, &b, "s", (struct op_session){.read_only = true}), OP_MISS);
    assert_false(b.session.has_token);
    assert_int_equal(write_by(bench, &a, "s", token, "v"), OP_OK);
    token = open_it(bench, &a, "s");
    assert_true(reads(bench, &b, "s", "v"));
    assert_false(b.session.has_token);
    assert_int_equal(write_by(bench, &a, "s", token, "w"), OP_OK);
    assert_int_equal(open_as(bench, &b, "none", (struct op_session){.must_exist = true}), OP_MISS);
    assert_false(b.session.has_token);
    assert_int_equal(engine_stats_of(bench).locks.held, 0);
}

static void a_lease_can_be_kept(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    struct op_token token = open_it(bench, &a, "s");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write_as(bench, &a, "s", "v", (struct op_session){.token = token, .keep = true}),
                         OP_OK);
        assert_true(a.session.has_token);
        assert_true(a.session.token.version > token.version);
        token = a.session.token;
        assert_int_equal(engine_stats_of(bench).locks.held, 1);
    }
    assert_int_equal(close_by(bench, &a, "s", token), OP_OK);
}

/* Who is told that it keeps its lease has it: also one that was over, lost, or from before a restart. */
static void who_keeps_a_lease_has_it(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    struct person b = {0};
    const struct op_session lease = {.lease_s = 10};
    const struct op_session at_once = {.has_wait = true};
    struct op_session keep = {.keep = true};
    assert_int_equal(open_as(bench, &a, "s", lease), OP_MISS);
    for (int i = 0; i < 2; i++) {
        keep.token = a.session.token;
        if (i == 0)
            bench->clock.steady_s += 10;
        else
            leave(bench, &a);
        assert_int_equal(write_as(bench, &a, "s", "v", keep), OP_OK);
        assert_true(a.session.has_token);
        bench->clock.steady_s += 9;
        assert_int_equal(open_as(bench, &b, "s", at_once), OP_BUSY);
    }
    bench->clock.steady_s += 1;
    assert_int_equal(open_as(bench, &b, "s", at_once), OP_OK);
    assert_int_equal(close_by(bench, &b, "s", b.session.token), OP_OK);

    keep.token = (struct op_token){.fence = 1};
    assert_int_equal(write_as(bench, &a, "t", "v", keep), OP_OK);
    assert_true(a.session.has_token);
    assert_int_equal(open_as(bench, &b, "t", at_once), OP_BUSY);
    assert_int_equal(write_by(bench, &a, "t", a.session.token, "w"), OP_OK);
    assert_int_equal(engine_stats_of(bench).locks.held, 0);
}

/* L5, for the verbs and for stock handlers. */
static void killed_stays_killed(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    struct person admin = {0};
    struct person b = {0};
    put_session(bench, &a, "s", "v", NULL);
    struct op_token token = open_it(bench, &a, "s");
    assert_int_equal(submit_as(bench, &b, OP_OPEN, "s", (struct op_session){0}), SUBMIT_PENDING);
    do_op(bench, (struct op){.kind = OP_GET}, "memc.sess.key.s");
    assert_int_equal(kill_it(bench, &admin, "s"), OP_OK);
    assert_int_equal(kill_it(bench, &admin, "s"), OP_MISS);
    assert_int_equal(engine_stats_of(bench).sessions, 0);
    assert_int_equal(b.nwoken, 1);
    assert_int_equal(engine_resume(bench->engine, &b.op), SUBMIT_DONE);
    assert_int_equal(b.op.result, OP_GONE);
    assert_int_equal(write_by(bench, &a, "s", token, "back"), OP_GONE);
    assert_int_equal(store_as(bench, OP_SET, "memc.sess.key.s", "back"), OP_NOT_STORED);
    assert_int_equal(store_as(bench, OP_ADD, "memc.sess.key.s", "back"), OP_NOT_STORED);
    assert_int_equal(
        do_op(bench, (struct op){.kind = OP_GET, .create = true, .create_exptime = 10}, "memc.sess.key.s")
            .result,
        OP_MISS);
    assert_int_equal(store_as(bench, OP_SET, "memc.sess.key.s", "back"), OP_NOT_STORED);
    /* Who comes after that finds nothing, and may begin anew. */
    assert_missing(bench, "memc.sess.key.s");
    assert_int_equal(store_as(bench, OP_SET, "memc.sess.key.s", "new"), OP_OK);
    assert_true(reads(bench, &a, "s", "new"));
    assert_int_equal(write_by(bench, &a, "s", token, "back"), OP_EXISTS);
    assert_int_equal(kill_it(bench, &admin, "s"), OP_OK);
    token = open_it(bench, &b, "s");
    assert_int_equal(b.op.result, OP_MISS);
    assert_int_equal(write_by(bench, &b, "s", token, "newer"), OP_OK);
    assert_int_equal(engine_stats_of(bench).sessions, 1);
}

/* A session that is opened before it is made, and killed meanwhile by nothing that is there: nothing is to be refused. */
static void killing_what_is_not_there(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    struct person admin = {0};
    struct op_token token = open_it(bench, &a, "s");
    assert_int_equal(kill_it(bench, &admin, "s"), OP_MISS);
    assert_int_equal(write_by(bench, &a, "s", token, "v"), OP_EXISTS); /* its lease was given on */
    token = open_it(bench, &a, "s");
    assert_int_equal(write_by(bench, &a, "s", token, "v"), OP_OK);
}

static void what_is_left_of_the_killed_ends(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    put_session(bench, &a, "s", "v", NULL); /* for 100 seconds */
    bench->clock.steady_s += 60;
    assert_int_equal(kill_it(bench, &a, "s"), OP_OK);
    assert_int_equal(engine_stats_of(bench).store.items[STORE_SESSION], 1);
    bench->clock.steady_s += 39;
    assert_int_equal(store_as(bench, OP_SET, "memc.sess.key.s", "back"), OP_NOT_STORED);
    bench->clock.steady_s += 1;
    assert_missing(bench, "memc.sess.key.s");
    assert_int_equal(engine_stats_of(bench).store.items[STORE_SESSION], 0);
}

static void its_successor_takes_over(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    struct person late = {0};
    put_session(bench, &a, "old", "v", "a");
    struct op_token token = open_it(bench, &a, "old");
    assert_int_equal(submit_as(bench, &late, OP_OPEN, "old", (struct op_session){0}), SUBMIT_PENDING);
    assert_int_equal(
        submit_as(bench, &a, OP_KILL, "old", (struct op_session){.token = token, .succeeds = true}),
        SUBMIT_DONE);
    assert_int_equal(a.op.result, OP_OK);
    assert_int_equal(late.nwoken, 1);
    assert_int_equal(engine_resume(bench->engine, &late.op), SUBMIT_DONE);
    assert_int_equal(late.op.result, OP_GONE);
    bench->clock.steady_s += 5;
    assert_int_equal(
        open_as(bench, &a, "new", (struct op_session){.predecessor = token, .has_predecessor = true}),
        OP_MISS);
    assert_int_equal(write_by(bench, &a, "new", a.session.token, "w"), OP_OK);
    assert_int_equal(count_listed(bench, &tagged_a, 8), 1);
    /* Once, and by nobody else. */
    assert_int_equal(
        open_as(bench, &a, "third", (struct op_session){.predecessor = token, .has_predecessor = true}),
        OP_MISS);
    assert_int_equal(write_by(bench, &a, "third", a.session.token, "w"), OP_OK);
    assert_int_equal(count_listed(bench, &tagged_a, 8), 1);
}

/* With delete_old = false: it can be read for a while, and no more. */
static void its_old_self_can_be_read(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    struct person b = {0};
    put_session(bench, &a, "old", "v", NULL);
    struct op_token token = open_it(bench, &a, "old");
    assert_int_equal(submit_as(bench, &a, OP_CLOSE, "old",
                               (struct op_session){.token = token, .succeeds = true, .grace_s = 10}),
                     SUBMIT_DONE);
    assert_int_equal(a.op.result, OP_OK);
    assert_int_equal(open_as(bench, &b, "old", (struct op_session){0}), OP_OK);
    assert_true(b.session.is_succeeded);
    assert_false(b.session.has_token);
    assert_memory_equal(bench->value, "v", 1);
    assert_int_equal(store_as(bench, OP_SET, "memc.sess.key.old", "w"), OP_NOT_STORED);
    assert_int_equal(engine_stats_of(bench).locks.held, 0);
    bench->clock.steady_s += 10;
    assert_int_equal(open_as(bench, &b, "old", (struct op_session){.read_only = true}), OP_MISS);
}

static void an_absolute_end_holds(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    struct op_token token = open_it(bench, &a, "s");
    assert_int_equal(
        write_as(bench, &a, "s", "v", (struct op_session){.token = token, .has_life = true, .life_s = 150}),
        OP_OK);
    bench->clock.steady_s += 90;
    token = open_it(bench, &a, "s");
    assert_int_equal(a.session.age_s, 90);
    assert_int_equal(write_by(bench, &a, "s", token, "v"), OP_OK); /* for 100 seconds more, it says */
    struct op gat = {.kind = OP_GET, .touch = true, .exptime = 1000};
    assert_int_equal(do_op(bench, gat, "memc.sess.key.s").result, OP_OK);
    bench->clock.steady_s += 59;
    assert_true(reads(bench, &a, "s", "v"));
    bench->clock.steady_s += 1;
    assert_false(reads(bench, &a, "s", "v"));
}

/* The longest that a line can say is very long, not over at once. */
static void the_longest_is_long(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    struct person b = {0};
    open_as(bench, &a, "s", (struct op_session){.lease_s = UINT32_MAX});
    assert_int_equal(open_as(bench, &b, "s", (struct op_session){.has_wait = true}), OP_BUSY);
    struct op_session life = {.token = a.session.token, .has_life = true, .life_s = UINT32_MAX, .keep = true};
    assert_int_equal(write_as(bench, &a, "s", "v", life), OP_OK);
    assert_true(reads(bench, &b, "s", "v"));
    struct op_session end = {.token = a.session.token, .succeeds = true, .grace_s = UINT32_MAX};
    submit_as(bench, &a, OP_CLOSE, "s", end);
    assert_int_equal(a.op.result, OP_OK);
    assert_true(reads(bench, &b, "s", "v"));
    bench->clock.steady_s += 20;
    assert_true(reads(bench, &b, "s", "v"));
}

static void what_happens_is_put_down(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    struct journal_event events[8];
    put_session(bench, &a, "s", "v", NULL);
    open_it(bench, &a, "s");
    leave(bench, &a);
    assert_int_equal(kill_it(bench, &a, "s"), OP_OK);
    assert_int_equal(store_as(bench, OP_SET, "memc.sess.key.t", "v"), OP_OK);
    assert_int_equal(do_op(bench, (struct op){.kind = OP_DELETE}, "memc.sess.key.t").result, OP_OK);
    static const enum journal_kind expected[] = {JOURNAL_CREATED, JOURNAL_BROKEN, JOURNAL_KILLED,
                                                 JOURNAL_CREATED, JOURNAL_DELETED};
    assert_int_equal(engine_read_events(bench->engine, 0, events, 8), 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(events[i].number, i + 1);
        assert_int_equal(events[i].kind, expected[i]);
        assert_memory_equal(events[i].handle, events[i < 3 ? 0 : 3].handle, HANDLE_BYTES);
    }
    assert_memory_not_equal(events[0].handle, events[3].handle, HANDLE_BYTES);
    assert_int_equal(engine_read_events(bench->engine, 3, events, 1), 1);
    assert_int_equal(events[0].number, 4);
}

/* Larger than what is copied under a lock, with tags and all. */
static void large_ones(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    static char large[200 << 10];
    memset(large, 'x', sizeof large - 1);
    for (int i = 0; i < 3; i++) {
        put_session(bench, &a, "s", large, i == 0 ? "a" : NULL);
        assert_true(reads(bench, &a, "s", large));
        assert_int_equal(count_listed(bench, &tagged_a, 8), 1);
    }
    assert_int_equal(
        submit_as(bench, &a, OP_CLOSE, "s",
                  (struct op_session){.token = open_it(bench, &a, "s"), .succeeds = true, .grace_s = 10}),
        SUBMIT_DONE);
    assert_int_equal(a.op.result, OP_OK);
    assert_true(reads(bench, &a, "s", large));
    assert_int_equal(kill_it(bench, &a, "s"), OP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(opened_written_read),
        WITH_BENCH(one_session_in_all_dialects),
        WITH_BENCH(waiters_are_served_in_order),
        WITH_BENCH(a_waiter_that_leaves_is_taken_out),
        WITH_BENCH(a_lost_lease),
        WITH_BENCH(a_lease_that_is_over),
        WITH_BENCH(a_write_without_a_lease_counts),
        WITH_BENCH(leases_end_while_others_wait),
        WITH_BENCH(who_reads_takes_nothing),
        WITH_BENCH(a_lease_can_be_kept),
        WITH_BENCH(who_keeps_a_lease_has_it),
        WITH_BENCH(killed_stays_killed),
        WITH_BENCH(killing_what_is_not_there),
        WITH_BENCH(what_is_left_of_the_killed_ends),
        WITH_BENCH(its_successor_takes_over),
        WITH_BENCH(its_old_self_can_be_read),
        WITH_BENCH(an_absolute_end_holds),
        WITH_BENCH(the_longest_is_long),
        WITH_BENCH(what_happens_is_put_down),
        WITH_BENCH(large_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
