/*
 * Promises of loop.h: timers fire in order and once; mail from many threads is opened by the loop's thread,
 * in order and all of it; level-triggered readiness comes again until the bytes are read.
 */
#include "unit.h"

#include "net/loop.h"
#include "net/timer.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct ticker {
    struct loop_timer timer;
    struct loop *loop;
    int number;
};

static int fired[256];
static int nfired;
static int fire_until;

static void note(struct loop_timer *timer)
{
    struct ticker *ticker = (struct ticker *)(void *)timer;
    fired[nfired++] = ticker->number;
    if (nfired == fire_until)
        loop_stop(ticker->loop);
}

static void timers_fire_in_order(void **state)
{
    (void)state;
    enum { N = 200 };
    struct loop loop;
    assert_int_equal(loop_init(&loop, &clock_system), ERR_NONE);
    static struct ticker tickers[N];
    uint64_t seed = 4;
    nfired = 0;
    fire_until = N / 2;
    for (int i = 0; i < N; i++) {
        /* Set twice: the second time counts. Its rank is its number. */
        tickers[i] = (struct ticker){.timer.fire = note, .loop = &loop, .number = i};
        assert_int_equal(loop_set_timer(&loop, &tickers[i].timer, unit_random(&seed) % 1000000), ERR_NONE);
    }
    for (int i = 0; i < N; i++) {
        int at = (i * 77) % N;
        assert_int_equal(loop_set_timer(&loop, &tickers[at].timer, (uint64_t)at * 50000), ERR_NONE);
    }
    for (int i = 1; i < N; i += 2)
        loop_clear_timer(&loop, &tickers[i].timer);
    loop_run(&loop);
    assert_int_equal(nfired, N / 2);
    for (int i = 0; i < N / 2; i++)
        assert_int_equal(fired[i], i * 2);
    loop_fini(&loop);
}

/* Set, moved and cleared in any order, with time told by the test: at each moment those that are due have fired, in
 * their order, and no others. */
static struct ticker model[64];
static uint64_t model_due[64]; /* 0: not set */
static uint64_t last_due;

static void note_due(struct loop_timer *timer)
{
    int number = ((struct ticker *)(void *)timer)->number;
    assert_true(model_due[number] != 0 && model_due[number] <= model[number].loop->now_ns);
    assert_true(model_due[number] >= last_due);
    last_due = model_due[number];
    model_due[number] = 0;
}

static uint64_t soonest_due(void)
{
    uint64_t soonest = UINT64_MAX;
    for (size_t i = 0; i < 64; i++)
        if (model_due[i] != 0 && model_due[i] < soonest)
            soonest = model_due[i];
    return soonest;
}

static void timers_follow_the_model(void **state)
{
    (void)state;
    struct loop loop;
    assert_int_equal(loop_init(&loop, &clock_system), ERR_NONE);
    loop.now_ns = 1;
    uint64_t seed = 6;
    for (int i = 0; i < 64; i++)
        model[i] = (struct ticker){.timer.fire = note_due, .loop = &loop, .number = i};
    for (int step = 0; step < 100000; step++) {
        size_t i = unit_random(&seed) % 64;
        uint64_t what = unit_random(&seed) % 8;
        if (what < 4) {
            model_due[i] = loop.now_ns + unit_random(&seed) % 1000;
            assert_int_equal(loop_set_timer(&loop, &model[i].timer, model_due[i] - loop.now_ns), ERR_NONE);
        } else if (what < 7) {
            loop_clear_timer(&loop, &model[i].timer);
            model_due[i] = 0;
        } else {
            loop.now_ns += unit_random(&seed) % 100;
            last_due = 0;
            timer_fire_due(&loop);
            assert_true(soonest_due() > loop.now_ns);
        }
        assert_true(loop.ntimers < loop.timers_cap); /* a heap from 1 */
        if (loop.ntimers > 0)
            assert_true(loop.timers[1]->due_ns == soonest_due());
    }
    loop_fini(&loop);
}

/* Not before the time, as that would be another turn for nothing; and to the nanosecond when it has come. */
static void waits_until_a_timer_is_due(void **state)
{
    (void)state;
    struct loop loop;
    struct ticker ticker = {.timer.fire = note, .number = 1};
    assert_int_equal(loop_init(&loop, &clock_system), ERR_NONE);
    assert_int_equal(timer_wait_ms(&loop), -1);
    loop.now_ns = 5000000;
    nfired = 0;
    fire_until = 0;
    assert_int_equal(loop_set_timer(&loop, &ticker.timer, 1500000), ERR_NONE);
    assert_int_equal(timer_wait_ms(&loop), 2);
    loop.now_ns += 1499999;
    timer_fire_due(&loop);
    assert_int_equal(nfired, 0);
    assert_int_equal(timer_wait_ms(&loop), 1);
    loop.now_ns += 1;
    assert_int_equal(timer_wait_ms(&loop), 0);
    timer_fire_due(&loop);
    assert_int_equal(nfired, 1);
    timer_fire_due(&loop);
    assert_int_equal(nfired, 1);
    assert_int_equal(timer_wait_ms(&loop), -1);
    assert_int_equal(loop_set_timer(&loop, &ticker.timer, UINT64_MAX / 2), ERR_NONE);
    assert_true(timer_wait_ms(&loop) > 0);
    loop_fini(&loop);
}

static void *stop_soon(void *arg)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    loop_stop(arg);
    return NULL;
}

/* From another thread, while the loop sleeps without an end. */
static void a_sleeping_loop_is_stopped(void **state)
{
    (void)state;
    struct loop loop;
    pthread_t thread;
    assert_int_equal(loop_init(&loop, &clock_system), ERR_NONE);
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &loop), 0);
    loop_run(&loop);
    assert_int_equal(pthread_join(thread, NULL), 0);
    loop_fini(&loop);
}

enum { SENDERS = 4, LETTERS = 5000 };

struct letter {
    struct loop_mail mail;
    int sender;
    int number;
};

static struct loop *mail_loop;
static struct letter letters[SENDERS][LETTERS];
static int next_of[SENDERS];
static int nopened;

static void open_letter(struct loop_mail *mail)
{
    struct letter *letter = (struct letter *)(void *)mail;
    assert_int_equal(letter->number, next_of[letter->sender]++);
    if (++nopened == SENDERS * LETTERS)
        loop_stop(mail_loop);
}

static void *send_letters(void *arg)
{
    struct letter *mine = arg;
    for (int i = 0; i < LETTERS; i++)
        loop_post(mail_loop, &mine[i].mail);
    return NULL;
}

static void mail_arrives_in_order(void **state)
{
    (void)state;
    struct loop loop = {0};
    assert_int_equal(loop_init(&loop, &clock_system), ERR_NONE);
    mail_loop = &loop;
    pthread_t threads[SENDERS];
    for (int s = 0; s < SENDERS; s++) {
        for (int i = 0; i < LETTERS; i++)
            letters[s][i] = (struct letter){.mail.open = open_letter, .sender = s, .number = i};
        assert_int_equal(pthread_create(&threads[s], NULL, send_letters, letters[s]), 0);
    }
    loop_run(&loop);
    for (int s = 0; s < SENDERS; s++)
        assert_int_equal(pthread_join(threads[s], NULL), 0);
    assert_int_equal(nopened, SENDERS * LETTERS);
    loop_fini(&loop);
}

struct reader {
    struct loop_source source;
    struct loop *loop;
    int fd;
    int nbytes;
};

static void read_one(struct loop_source *source, uint32_t events)
{
    struct reader *reader = (struct reader *)(void *)source;
    char byte;
    assert_true(events & EPOLLIN);
    assert_int_equal(read(reader->fd, &byte, 1), 1);
    if (++reader->nbytes == 5)
        loop_stop(reader->loop);
}

static void unread_bytes_come_again(void **state)
{
    (void)state;
    struct loop loop;
    assert_int_equal(loop_init(&loop, &clock_system), ERR_NONE);
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct reader reader = {.source.ready = read_one, .loop = &loop, .fd = fds[0]};
    assert_int_equal(loop_add(&loop, fds[0], &reader.source, EPOLLIN), ERR_NONE);
    assert_int_equal(write(fds[1], "12345", 5), 5);
    loop_run(&loop);
    assert_int_equal(reader.nbytes, 5);
    loop_fini(&loop);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order),       cmocka_unit_test(timers_follow_the_model),
        cmocka_unit_test(waits_until_a_timer_is_due), cmocka_unit_test(a_sleeping_loop_is_stopped),
        cmocka_unit_test(mail_arrives_in_order),      cmocka_unit_test(unread_bytes_come_again),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
