/*
 * Promises of loop.h: timers fire in order and once; mail from many threads is opened by the loop's thread,
 * in order and all of it; level-triggered readiness comes again until the bytes are read.
 */
#include "unit.h"

#include "net/loop.h"

#include <stdlib.h>
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
        cmocka_unit_test(timers_fire_in_order),
        cmocka_unit_test(mail_arrives_in_order),
        cmocka_unit_test(unread_bytes_come_again),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
