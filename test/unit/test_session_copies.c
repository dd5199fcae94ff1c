/*
 * Copies of a session on several servers, as one of them sees it: a copy is taken when its revision is not lower than
 * what lies here, whoever holds the lease; a kill beats every write that did not know of it; all that belongs to a session
 * goes with its copy. See traits.h for revisions.
 */
#include "test_session_play.h"

#define REVISION(count, drawn) (((uint64_t)(count) << 16) | (drawn))
#define KILLED(count)          REVISION(count, 0xffff)

static enum op_result copy_as(struct bench *bench, struct person *person, const char *value,
                              uint64_t revision, struct op_session how)
{
    how.revision = revision;
    how.has_revision = how.is_copy = true;
    return write_as(bench, person, "s", value, how);
}

static enum op_result copy_it(struct bench *bench, struct person *person, const char *value,
                              uint64_t revision)
{
    return copy_as(bench, person, value, revision, (struct op_session){0});
}

static enum op_result write_newer(struct bench *bench, struct person *person, struct op_token token,
                                  const char *value, uint64_t revision)
{
    return write_as(bench, person, "s", value,
                    (struct op_session){.token = token, .revision = revision, .has_revision = true});
}

/* The revision that is told, of what is there or was killed; UINT64_MAX: none. */
static uint64_t told(struct bench *bench, struct person *person)
{
    (void)open_as(bench, person, "s", (struct op_session){.read_only = true, .tells = true});
    return person->session.has_revision ? person->session.revision : UINT64_MAX;
}

static void the_higher_revision_stays(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    assert_true(told(bench, &a) == UINT64_MAX);
    assert_int_equal(copy_it(bench, &a, "five", REVISION(5, 7)), OP_OK);
    assert_true(told(bench, &a) == REVISION(5, 7));
    assert_int_equal(copy_it(bench, &a, "four", REVISION(4, 0xfffe)), OP_EXISTS);
    assert_int_equal(copy_it(bench, &a, "drawn lower", REVISION(5, 6)), OP_EXISTS);
    assert_true(reads(bench, &a, "s", "five"));
    assert_int_equal(copy_it(bench, &a, "again", REVISION(5, 7)), OP_OK);
    /* Of two who have not seen each other the later one learns of it, whatever they have drawn. */
    assert_int_equal(copy_it(bench, &a, "drawn higher", REVISION(5, 8)), OP_EXISTS);
    assert_true(reads(bench, &a, "s", "again"));
    assert_int_equal(copy_it(bench, &a, "six", REVISION(6, 1)), OP_OK);
    assert_true(reads(bench, &a, "s", "six"));
    assert_int_equal(engine_stats_of(bench).locks.held, 0);
}

/* Two holders, one here and one elsewhere: who writes with the lease sees that a copy has come meanwhile. */
static void a_copy_spoils_the_token(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    struct person b = {0};
    struct op_token token = open_it(bench, &a, "s");
    assert_int_equal(write_newer(bench, &a, token, "one", REVISION(1, 5)), OP_OK);
    token = open_it(bench, &a, "s");
    assert_int_equal(copy_it(bench, &b, "two", REVISION(2, 1)), OP_OK);
    assert_int_equal(write_newer(bench, &a, token, "mine", REVISION(2, 9)), OP_EXISTS);
    assert_true(reads(bench, &a, "s", "two"));
    /* a token is good, but the writer knows of less than lies here */
    token = open_it(bench, &a, "s");
    assert_int_equal(write_newer(bench, &a, token, "mine", REVISION(1, 9)), OP_EXISTS);
}

/* A lease that another holds here is his as before. */
static void a_copy_takes_no_lease(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    struct person b = {0};
    struct op_token token = open_it(bench, &a, "s");
    assert_int_equal(copy_it(bench, &b, "copy", REVISION(1, 1)), OP_OK);
    assert_int_equal(open_as(bench, &b, "s", (struct op_session){.has_wait = true}), OP_BUSY);
    assert_int_equal(close_by(bench, &a, "s", token), OP_OK);
}

/* A writer who does not tell any is newer than what he has written over. */
static void writers_without_a_revision_count_on(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    assert_int_equal(copy_it(bench, &a, "one", REVISION(1, 5)), OP_OK);
    struct op_token token = open_it(bench, &a, "s");
    assert_int_equal(write_by(bench, &a, "s", token, "two"), OP_OK);
    assert_true(told(bench, &a) == REVISION(2, 0));
    assert_int_equal(store_as(bench, OP_SET, "memc.sess.key.s", "three"), OP_OK);
    assert_true(told(bench, &a) == REVISION(3, 0));
    assert_int_equal(copy_it(bench, &a, "late", REVISION(2, 0xfffe)), OP_EXISTS);
}

static void a_kill_beats_who_did_not_know(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    assert_int_equal(copy_it(bench, &a, "six", REVISION(6, 5)), OP_OK);
    assert_int_equal(kill_it(bench, &a, "s"), OP_OK); /* by whoever: he need not know of revisions */
    assert_true(told(bench, &a) == KILLED(7));
    assert_int_equal(a.op.result, OP_MISS);
    assert_int_equal(copy_it(bench, &a, "late", REVISION(7, 0xfffe)), OP_GONE);
    assert_int_equal(copy_it(bench, &a, "equal", KILLED(7)), OP_GONE);
    assert_int_equal(copy_it(bench, &a, "begun anew", REVISION(8, 0)), OP_OK);
    assert_true(reads(bench, &a, "s", "begun anew"));
    /* one who has seen newer copies elsewhere says so */
    struct op_session how = {.revision = KILLED(20), .has_revision = true, .is_copy = true};
    assert_int_equal(submit_as(bench, &a, OP_KILL, "s", how), SUBMIT_DONE);
    assert_true(told(bench, &a) == KILLED(20));
}

/* Also by a few seconds: who succeeds another over and over would never grow old. */
static void a_new_one_is_as_old_as_is_told(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    bench->clock.steady_s += 1000;
    assert_int_equal(
        copy_as(bench, &a, "one", REVISION(1, 1), (struct op_session){.has_age = true, .made_s = 3}), OP_OK);
    (void)told(bench, &a);
    assert_int_equal(a.session.age_s, 3);
}

static void the_succeeded_stays_so(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    struct op_session how = {
        .revision = KILLED(3), .has_revision = true, .is_copy = true, .succeeds = true, .grace_s = 30};
    assert_int_equal(copy_it(bench, &a, "two", REVISION(2, 5)), OP_OK);
    assert_int_equal(submit_as(bench, &a, OP_CLOSE, "s", how), SUBMIT_DONE);
    assert_int_equal(a.op.result, OP_OK);
    assert_int_equal(copy_it(bench, &a, "late", REVISION(3, 0xfffe)), OP_GONE);
    assert_true(told(bench, &a) == KILLED(3));
    assert_true(a.session.is_succeeded);
    assert_true(reads(bench, &a, "s", "two"));
    /* somebody has not heard of it, and has written more than once since: that is a session again, with a life of its own */
    assert_int_equal(copy_it(bench, &a, "newer", REVISION(4, 1)), OP_OK);
    (void)told(bench, &a);
    assert_false(a.session.is_succeeded);
    bench->clock.steady_s += 40;
    assert_true(reads(bench, &a, "s", "newer"));
}

static void all_that_belongs_to_it_goes_with_it(void **state)
{
    struct bench *bench = *state;
    struct person a = {0};
    struct op_session how = {.has_tags = true,
                             .ntags = 1,
                             .has_life = true,
                             .life_s = 500,
                             .has_age = true,
                             .made_s = 300,
                             .tags = {bytes_of("a")}};
    const struct engine_filter tagged = {.tag = {.p = "a", .len = 1}, .has_tag = true};
    bench->clock.steady_s += 1000;
    assert_int_equal(copy_as(bench, &a, "one", REVISION(1, 1), how), OP_OK);
    (void)told(bench, &a);
    assert_int_equal(a.session.age_s, 300);
    assert_int_equal(a.session.told_life_s, 500);
    assert_int_equal(a.session.ntold_tags, 1);
    assert_int_equal(count_listed(bench, &tagged, 8), 1);
    /* ages are told in whole seconds: as long as they are about the same, nothing drifts */
    how.made_s = 297;
    for (unsigned i = 2; i < 12; i++)
        assert_int_equal(copy_as(bench, &a, "one", REVISION(i, 1), how), OP_OK);
    (void)told(bench, &a);
    assert_int_equal(a.session.age_s, 300);
    /* what is not told is not so */
    assert_int_equal(copy_it(bench, &a, "two", REVISION(20, 1)), OP_OK);
    assert_int_equal(count_listed(bench, &tagged, 8), 0);
    (void)told(bench, &a);
    assert_int_equal(a.session.told_life_s, 0);
    /* its absolute end holds */
    assert_int_equal(copy_as(bench, &a, "three", REVISION(21, 1), how), OP_OK);
    bench->clock.steady_s += 99; /* the idle life of the tests is 100 */
    assert_true(reads(bench, &a, "s", "three"));
    how.made_s = 396;
    assert_int_equal(copy_as(bench, &a, "four", REVISION(22, 1), how), OP_OK);
    bench->clock.steady_s += 99;
    assert_true(reads(bench, &a, "s", "four"));
    how.made_s = 498;
    assert_int_equal(copy_as(bench, &a, "five", REVISION(23, 1), how), OP_OK);
    bench->clock.steady_s += 3;
    assert_false(reads(bench, &a, "s", "five"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(the_higher_revision_stays),     WITH_BENCH(a_copy_spoils_the_token),
        WITH_BENCH(a_copy_takes_no_lease),         WITH_BENCH(writers_without_a_revision_count_on),
        WITH_BENCH(a_kill_beats_who_did_not_know), WITH_BENCH(a_new_one_is_as_old_as_is_told),
        WITH_BENCH(the_succeeded_stays_so),        WITH_BENCH(all_that_belongs_to_it_goes_with_it),
    };
    return cmocka_run_group_tests_name("session_copies", tests, NULL, NULL);
}
