/*
 * Promises L1 and L2 among threads: eight of them, each with connections of its own, count up a few sessions by the verbs
 * and by the keys of stock handlers, while one kills; no count is lost, and nobody waits for ever. For the thread
 * sanitizer above all.
 */
#include "test_session_play.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

enum { THREADS = 8, ROUNDS = 3000, SESSIONS = 3 };

static uint64_t real_ns(const struct clock *clock)
{
    struct timespec ts;
    (void)clock;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static int64_t real_wall_s(const struct clock *clock)
{
    (void)clock;
    return time(NULL);
}

static const struct clock real = {.steady_ns = real_ns, .wall_s = real_wall_s};

struct crowd {
    struct engine *engine;
    _Atomic uint64_t written[SESSIONS];
    _Atomic uint64_t refused;
};

struct thread_of {
    struct op op; /* first */
    struct op_session session;
    struct engine_client client;
    struct crowd *crowd;
    _Atomic unsigned nwoken;
    unsigned number;
    char value[64];
    size_t value_len;
};

static void wake_thread(struct op *op)
{
    struct thread_of *self = (struct thread_of *)(void *)op;
    __atomic_fetch_add(&self->nwoken, 1, __ATOMIC_RELEASE);
}

static char *place_value(struct op *op, const struct op_hit *hit)
{
    struct thread_of *self = (struct thread_of *)(void *)op;
    assert_true(hit->value_len <= sizeof self->value);
    self->value_len = hit->value_len;
    return self->value;
}

/* To its end, however long it waits. */
static enum op_result carry_out(struct thread_of *self, enum op_kind kind, const char *key,
                                struct bytes value)
{
    self->op.kind = kind;
    self->op.key = bytes_of(key);
    self->op.value = value;
    self->op.now_s = engine_now_s(real_ns(&real));
    self->op.may_wait = true;
    self->op.is_late = false;
    self->op.client = &self->client;
    self->op.place = place_value;
    self->op.wake = wake_thread;
    __atomic_store_n(&self->nwoken, 0, __ATOMIC_RELEASE);
    enum submit submit = engine_submit(self->crowd->engine, &self->op);
    while (submit == SUBMIT_PENDING) {
        while (__atomic_exchange_n(&self->nwoken, 0, __ATOMIC_ACQUIRE) == 0)
            sched_yield();
        submit = engine_resume(self->crowd->engine, &self->op);
    }
    return self->op.result;
}

static uint64_t number_in(const struct thread_of *self, enum op_result result)
{
    uint64_t number = 0;
    for (size_t i = 0; result == OP_OK && i < self->value_len; i++)
        number = number * 10 + (uint64_t)(self->value[i] - '0');
    return number;
}

static struct bytes digits_of(uint64_t number, char *room)
{
    return (struct bytes){.p = room, .len = (size_t)snprintf(room, 24, "%llu", (unsigned long long)number)};
}

static void count_by_verbs(struct thread_of *self, unsigned session)
{
    char id[16];
    char room[24];
    snprintf(id, sizeof id, "s%u", session);
    self->op = (struct op){.session = &self->session};
    self->session = (struct op_session){.has_wait = true, .wait_ms = 60000};
    uint64_t number = number_in(self, carry_out(self, OP_OPEN, id, (struct bytes){0}));
    assert_true(self->session.has_token);
    self->session = (struct op_session){.token = self->session.token};
    enum op_result result = carry_out(self, OP_WRITE, id, digits_of(number + 1, room));
    assert_int_equal(result, OP_OK);
    __atomic_fetch_add(&self->crowd->written[session], 1, __ATOMIC_RELAXED);
}

static void count_by_keys(struct thread_of *self, unsigned session)
{
    char lock[48];
    char key[48];
    char room[24];
    snprintf(lock, sizeof lock, "memc.sess.key.lock.s%u", session);
    snprintf(key, sizeof key, "memc.sess.key.s%u", session);
    self->op = (struct op){0};
    assert_int_equal(carry_out(self, OP_ADD, lock, bytes_of("1")), OP_OK);
    self->op = (struct op){0};
    uint64_t number = number_in(self, carry_out(self, OP_GET, key, (struct bytes){0}));
    self->op = (struct op){0};
    assert_int_equal(carry_out(self, OP_SET, key, digits_of(number + 1, room)), OP_OK);
    self->op = (struct op){0};
    assert_int_equal(carry_out(self, OP_DELETE, lock, (struct bytes){0}), OP_OK);
    __atomic_fetch_add(&self->crowd->written[session], 1, __ATOMIC_RELAXED);
}

/* One that is killed all the time, and lists meanwhile. */
static void disturb(struct thread_of *self)
{
    struct engine_cursor cursor = {0};
    struct engine_session found[4];
    const struct engine_filter filter = {.tag = bytes_of("x"), .has_tag = true};
    uint64_t unwritten;
    size_t n;
    self->op = (struct op){.session = &self->session};
    self->session = (struct op_session){.has_wait = true, .wait_ms = 60000};
    enum op_result result = carry_out(self, OP_OPEN, "victim", (struct bytes){0});
    if (self->session.has_token) {
        self->session = (struct op_session){.token = self->session.token, .has_tags = true, .ntags = 1};
        self->session.tags[0] = bytes_of("x");
        result = carry_out(self, OP_WRITE, "victim", bytes_of("v"));
        assert_true(result == OP_OK || result == OP_GONE || result == OP_EXISTS);
    } else {
        assert_int_equal(result, OP_GONE);
    }
    engine_list_sessions(self->crowd->engine, &filter, &cursor, self->op.now_s, found, 4, &n, &unwritten);
    assert_true(n <= 1);
    self->op = (struct op){.session = &self->session};
    self->session = (struct op_session){0};
    if (self->number % 2 == 0)
        carry_out(self, OP_KILL, "victim", (struct bytes){0});
    else
        engine_client_gone(self->crowd->engine, &self->client);
}

static void *play(void *arg)
{
    struct thread_of *self = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned session = (self->number + i) % SESSIONS;
        if (i % 10 == 9)
            disturb(self);
        else if (self->number % 2 == 0)
            count_by_verbs(self, session);
        else
            count_by_keys(self, session);
    }
    engine_client_gone(self->crowd->engine, &self->client);
    return NULL;
}

static void no_count_is_lost(void **state)
{
    (void)state;
    struct keyclass_prefix prefix;
    assert_true(keyclass_read(KEYCLASS_DEFAULT_PREFIX, &prefix));
    const struct local_config config = {
        .store = {.limit_bytes = 8 << 20, .value_max = 1 << 20, .seed = 1},
        .keyclass = {.prefixes = &prefix, .nprefixes = 1},
        .locks = {.add_wait_ms = 60000, .incr_wait_ms = 60000, .max_waiters = 100},
        .clock = &real};
    static struct thread_of threads[THREADS];
    pthread_t ids[THREADS];
    struct crowd crowd = {0};
    assert_int_equal(local_new(&config, &crowd.engine), ERR_NONE);
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i] = (struct thread_of){.crowd = &crowd, .number = i};
        assert_int_equal(pthread_create(&ids[i], NULL, play, &threads[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(ids[i], NULL), 0);
    struct thread_of *self = &threads[0];
    for (unsigned i = 0; i < SESSIONS; i++) {
        char id[16];
        snprintf(id, sizeof id, "s%u", i);
        self->op = (struct op){.session = &self->session};
        self->session = (struct op_session){.read_only = true};
        assert_int_equal(number_in(self, carry_out(self, OP_OPEN, id, (struct bytes){0})), crowd.written[i]);
    }
    struct engine_stats stats;
    engine_read_stats(crowd.engine, &stats);
    assert_int_equal(stats.locks.held, 0);
    assert_int_equal(stats.locks.waiting, 0);
    engine_free(&crowd.engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_count_is_lost)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
