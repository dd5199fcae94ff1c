/*
 * test_session_play: people who open, write and close sessions by the verbs, each on a connection of their own. Shared
 * by the tests of sessions.
 */
#ifndef CLOAKROOM_TEST_SESSION_PLAY_H
#define CLOAKROOM_TEST_SESSION_PLAY_H

#include "test_engine_play.h"

#include "engine/journal.h"

#include <stdio.h>

struct person {
    struct op op; /* first */
    struct op_session session;
    struct engine_client client;
    unsigned nwoken;
};

static inline void note_wake(struct op *op)
{
    ((struct person *)(void *)op)->nwoken++;
}

static inline uint32_t seconds(const struct bench *bench)
{
    return engine_now_s(clock_steady_ns(&bench->clock.clock));
}

/* What the last op left in person->session goes into the next as it is asked for in `how`. */
static inline enum submit submit_as(struct bench *bench, struct person *person, enum op_kind kind,
                                    const char *id, struct op_session how)
{
    person->session = how;
    person->op = (struct op){.kind = kind,
                             .key = bytes_of(id),
                             .now_s = seconds(bench),
                             .may_wait = true,
                             .client = &person->client,
                             .session = &person->session,
                             .place = place,
                             .wake = note_wake};
    person->nwoken = 0;
    placing = bench;
    return engine_submit(bench->engine, &person->op);
}

static inline enum op_result open_as(struct bench *bench, struct person *person, const char *id,
                                     struct op_session how)
{
    assert_int_equal(submit_as(bench, person, OP_OPEN, id, how), SUBMIT_DONE);
    return person->op.result;
}

static inline struct op_token open_it(struct bench *bench, struct person *person, const char *id)
{
    enum op_result result = open_as(bench, person, id, (struct op_session){0});
    assert_true(result == OP_OK || result == OP_MISS);
    assert_true(person->session.has_token);
    return person->session.token;
}

static inline enum op_result write_as(struct bench *bench, struct person *person, const char *id,
                                      const char *value, struct op_session how)
{
    person->session = how;
    person->op = (struct op){.kind = OP_WRITE,
                             .key = bytes_of(id),
                             .value = bytes_of(value),
                             .flags = 7,
                             .exptime = 100,
                             .touch = true,
                             .now_s = seconds(bench),
                             .client = &person->client,
                             .session = &person->session,
                             .place = place,
                             .wake = note_wake};
    assert_int_equal(engine_submit(bench->engine, &person->op), SUBMIT_DONE);
    return person->op.result;
}

static inline enum op_result write_by(struct bench *bench, struct person *person, const char *id,
                                      struct op_token token, const char *value)
{
    return write_as(bench, person, id, value, (struct op_session){.token = token});
}

static inline enum op_result close_by(struct bench *bench, struct person *person, const char *id,
                                      struct op_token token)
{
    assert_int_equal(submit_as(bench, person, OP_CLOSE, id, (struct op_session){.token = token}),
                     SUBMIT_DONE);
    return person->op.result;
}

static inline enum op_result kill_it(struct bench *bench, struct person *person, const char *id)
{
    assert_int_equal(submit_as(bench, person, OP_KILL, id, (struct op_session){0}), SUBMIT_DONE);
    return person->op.result;
}

static inline void put_session(struct bench *bench, struct person *person, const char *id, const char *value,
                               const char *tag)
{
    struct op_session how = {.token = open_it(bench, person, id), .has_tags = tag != NULL};
    if (tag != NULL) {
        how.tags[0] = bytes_of(tag);
        how.ntags = 1;
    }
    assert_int_equal(write_as(bench, person, id, value, how), OP_OK);
}

static inline bool reads(struct bench *bench, struct person *person, const char *id, const char *value)
{
    struct op_session how = {.read_only = true};
    return open_as(bench, person, id, how) == OP_OK && person->op.hit.value_len == strlen(value) &&
           memcmp(bench->value, value, strlen(value)) == 0;
}

static inline void leave(struct bench *bench, struct person *person)
{
    engine_client_gone(bench->engine, &person->client);
}

static inline size_t count_listed(struct bench *bench, const struct engine_filter *filter, size_t page)
{
    struct engine_cursor cursor = {0};
    struct engine_session found[8];
    size_t sum = 0;
    size_t n;
    uint64_t unwritten;
    bool more;
    do {
        more =
            engine_list_sessions(bench->engine, filter, &cursor, seconds(bench), found, page, &n, &unwritten);
        assert_true(n <= page);
        sum += n;
    } while (more);
    return sum;
}

#endif
