/*
 * test_engine_play: an engine with one client and a clock that stands where it is put; ops in one line. Shared by
 * the tests of the engine.
 */
#ifndef CLOAKROOM_TEST_ENGINE_PLAY_H
#define CLOAKROOM_TEST_ENGINE_PLAY_H

#include "unit.h"

#include "engine/local.h"

#include <stdlib.h>

/* A clock that stands where it is put. */
struct still_clock {
    struct clock clock;
    uint64_t steady_s;
    int64_t wall_s;
};

static inline uint64_t still_steady_ns(const struct clock *clock)
{
    return ((const struct still_clock *)(const void *)clock)->steady_s * 1000000000U;
}

static inline int64_t still_wall_s(const struct clock *clock)
{
    return ((const struct still_clock *)(const void *)clock)->wall_s;
}

static inline struct still_clock still_clock(void)
{
    return (struct still_clock){.clock = {.steady_ns = still_steady_ns, .wall_s = still_wall_s},
                                .steady_s = 5000,
                                .wall_s = 1700000000};
}

/* An engine with one client, and a place for values. */
struct bench {
    struct still_clock clock;
    struct engine *engine;
    struct engine_client client;
    char value[2 << 20];
};

static inline int open_bench_of(void **state, struct store_config store)
{
    static struct keyclass_prefix prefix;
    assert_true(keyclass_read(KEYCLASS_DEFAULT_PREFIX, &prefix));
    struct bench *bench = calloc(1, sizeof *bench);
    bench->clock = still_clock();
    const struct local_config config = {.store = store,
                                        .keyclass = {.prefixes = &prefix, .nprefixes = 1},
                                        .locks = {.add_wait_ms = 2000, .incr_wait_ms = 400, .max_waiters = 3},
                                        .clock = &bench->clock.clock,
                                        .without_thread = true};
    assert_int_equal(local_new(&config, &bench->engine), ERR_NONE);
    *state = bench;
    return 0;
}

static inline int open_bench(void **state)
{
    return open_bench_of(state,
                         (struct store_config){.limit_bytes = 2 << 20, .value_max = 1 << 20, .seed = 1});
}

static inline int close_bench(void **state)
{
    struct bench *bench = *state;
    engine_client_gone(bench->engine, &bench->client);
    engine_free(&bench->engine);
    free(bench);
    return 0;
}

static struct bench *placing; /* the bench whose op is under way */

static inline char *place(struct op *op, const struct op_hit *hit)
{
    (void)op;
    assert_true(hit->value_len <= sizeof placing->value);
    return placing->value;
}

static inline struct op do_op(struct bench *bench, struct op op, const char *key)
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

static inline enum op_result store_as(struct bench *bench, enum op_kind kind, const char *key,
                                      const char *value)
{
    return do_op(bench, (struct op){.kind = kind, .value = bytes_of(value), .flags = 768}, key).result;
}

static inline void assert_holds(struct bench *bench, const char *key, const char *value)
{
    struct op op = do_op(bench, (struct op){.kind = OP_GET}, key);
    assert_int_equal(op.result, OP_OK);
    assert_int_equal(op.hit.value_len, strlen(value));
    assert_memory_equal(bench->value, value, strlen(value));
    assert_int_equal(op.hit.flags, 768);
}

static inline void assert_missing(struct bench *bench, const char *key)
{
    assert_int_equal(do_op(bench, (struct op){.kind = OP_GET}, key).result, OP_MISS);
}

static inline struct engine_stats engine_stats_of(struct bench *bench)
{
    struct engine_stats stats;
    engine_read_stats(bench->engine, &stats);
    return stats;
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)

#endif
