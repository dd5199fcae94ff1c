/*
 * Promise of adopt.h: a session that lies under another key than it is looked for now is found, as a whole, and moves.
 */
#include "test_session_play.h"

static const struct engine_filter tagged_a = {.tag = {.p = "a", .len = 1}, .has_tag = true};

static void assert_holds_as(struct bench *bench, const char *key, const char *value)
{
    assert_int_equal(do_op(bench, (struct op){.kind = OP_GET}, key).result, OP_OK);
    assert_memory_equal(bench->value, value, strlen(value));
}

static void put_key(unsigned char c, struct handle_key *ret)
{
    memset(ret->bytes, c, sizeof ret->bytes);
}

/* Under a new key what was stored with the one before is found as a whole, and moves there. */
static void a_new_key_logs_nobody_out(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    struct handle_key first;
    struct handle_key second;
    struct engine_session before;
    struct engine_session after;
    struct engine_cursor cursor = {0};
    uint64_t unwritten;
    size_t n;
    put_key(1, &first);
    put_key(2, &second);
    local_set_keys(bench->engine, &first, NULL);
    put_session(bench, &a, "s", "v", "a");
    put_session(bench, &a, "t", "w", "b");
    engine_list_sessions(bench->engine, &tagged_a, &cursor, seconds(bench), &before, 1, &n, &unwritten);
    assert_int_equal(n, 1);
    bench->clock.steady_s += 30;
    local_set_keys(bench->engine, &second, &first);
    assert_true(reads(bench, &a, "s", "v"));
    assert_holds_as(bench, "memc.sess.key.t", "w");
    assert_int_equal(engine_count_sessions(bench->engine, NULL), 2);
    cursor = (struct engine_cursor){0};
    engine_list_sessions(bench->engine, &tagged_a, &cursor, seconds(bench), &after, 1, &n, &unwritten);
    assert_int_equal(n, 1);
    assert_memory_not_equal(before.handle, after.handle, HANDLE_BYTES);
    assert_int_equal(after.age_s, 30);
    assert_int_equal(after.ttl_s, 70);
    /* What was there before is gone: a kill is a kill. */
    assert_int_equal(kill_it(bench, &a, "s"), OP_OK);
    assert_int_equal(open_as(bench, &a, "s", (struct op_session){.read_only = true}), OP_MISS);
    assert_int_equal(do_op(bench, (struct op){.kind = OP_DELETE}, "memc.sess.key.t").result, OP_OK);
    assert_missing(bench, "memc.sess.key.t");
    local_set_keys(bench->engine, &first, NULL);
    assert_int_equal(open_as(bench, &a, "t", (struct op_session){.read_only = true}), OP_MISS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(a_new_key_logs_nobody_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
