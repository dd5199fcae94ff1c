/*
 * Promises of conn.h and engine.h where an op has to wait: answers leave in the order of the requests, others
 * are served meanwhile, a connection that closes takes its op along. Held with real workers and sockets, and
 * an engine of the test's own whose keys answer late: the server cannot tell.
 */
#include "test_conn_play.h"

#include <sys/resource.h>

static void answers_keep_their_order(void **state)
{
    (void)state;
    int fd = dial();
    for (int i = 0; i < 20; i++) {
        say(fd, "get a\r\nget slow1 b twice2\r\nget c\r\nset d 0 0 1\r\nx\r\nget slow3\r\n");
        expect(fd, "VALUE a 0 1\r\na\r\nEND\r\n"
                   "VALUE slow1 0 5\r\nslow1\r\nVALUE b 0 1\r\nb\r\nVALUE twice2 0 6\r\ntwice2\r\nEND\r\n"
                   "VALUE c 0 1\r\nc\r\nEND\r\nSTORED\r\nVALUE slow3 0 5\r\nslow3\r\nEND\r\n");
    }
    close(fd);
}

/* Half a request behind a waiting one, finished while it waits and after. */
static void input_goes_on_after_the_wait(void **state)
{
    (void)state;
    int fd = dial();
    say(fd, "get slow1\r\nget a\r\nse");
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    say(fd, "t key 0 0 3\r\nab");
    expect(fd, "VALUE slow1 0 5\r\nslow1\r\nEND\r\nVALUE a 0 1\r\na\r\nEND\r\n");
    say(fd, "c\r\n");
    expect(fd, "STORED\r\n");
    close(fd);
}

/* Connections that have read in the same turn share the worker's buffer: each gets its own answer, never another's. */
static void who_reads_together_is_answered_apart(void **state)
{
    (void)state;
    enum { HOLDERS = 2, CONNECTIONS = 24, ROUNDS = 10 };
    int fds[CONNECTIONS];
    static char words[CONNECTIONS][64];
    for (int i = 0; i < CONNECTIONS; i++)
        fds[i] = dial();
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CONNECTIONS; i++) {
            snprintf(words[i], sizeof words[i], "%s-%d-%d", i < HOLDERS ? "hold" : "own", i, round);
            char request[2048];
            snprintf(request, sizeof request, "get %s\r\n", words[i]);
            say(fds[i], request);
        }
        for (int i = 0; i < CONNECTIONS; i++) {
            char answer[4096];
            snprintf(answer, sizeof answer, "VALUE %s 0 %zu\r\n%s\r\nEND\r\n", words[i], strlen(words[i]),
                     words[i]);
            expect(fds[i], answer);
        }
    }
    for (int i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
}

static void others_are_served_meanwhile(void **state)
{
    (void)state;
    int waiter = dial();
    say(waiter, "get a never\r\n");
    expect(waiter, "VALUE a 0 1\r\na\r\n"); /* what was answered before is out */
    int other[8];
    for (int i = 0; i < 8; i++) {
        other[i] = dial();
        say(other[i], "get x\r\n");
        expect(other[i], "VALUE x 0 1\r\nx\r\nEND\r\n");
        close(other[i]);
    }
    close(waiter);
    wait_until_waiting(0);
    assert_true(slow.ncancelled >= 1);
}

/* The wake comes after the connection has gone: its struct must still be there, and must not be answered. */
static void a_wake_too_late_is_harmless(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        int fd = dial();
        say(fd, "get late\r\n");
        wait_until_waiting(1);
        close(fd);
        wait_until_waiting(0);
    }
    int fd = dial();
    say(fd, "get a\r\n");
    expect(fd, "VALUE a 0 1\r\na\r\nEND\r\n");
    close(fd);
}

enum { NOTHERS = 8 };

static int others[NOTHERS];

/* Has each worker's shared buffer overwritten while an op waits, and then lets it go on. */
static void overwrite_buffers_meanwhile(void)
{
    wait_until_waiting(1);
    for (int i = 0; i < NOTHERS; i++) {
        say(others[i], "set xxxxx 0 0 50\r\n__________________________________________________\r\n");
        expect(others[i], "STORED\r\n");
    }
    pthread_mutex_lock(&slow.lock);
    slow.visits[0] = 1;
    pthread_mutex_unlock(&slow.lock);
}

/* Value and key lie in a buffer that others use meanwhile: they must have moved along. */
static void a_waiting_op_keeps_its_key_and_value(void **state)
{
    (void)state;
    for (int i = 0; i < NOTHERS; i++)
        others[i] = dial();
    int fd = dial();
    for (int round = 0; round < 10; round++) {
        say(fd, "get a\r\nset never1 0 0 5\r\nhello\r\nget b\r\n");
        expect(fd, "VALUE a 0 1\r\na\r\nEND\r\n");
        overwrite_buffers_meanwhile();
        expect(fd, "STORED\r\nVALUE b 0 1\r\nb\r\nEND\r\n");
        assert_string_equal(slow.stored, "hello");
        say(fd, "get a\r\nget never2 b\r\n");
        expect(fd, "VALUE a 0 1\r\na\r\nEND\r\n");
        overwrite_buffers_meanwhile();
        expect(fd, "VALUE never2 0 6\r\nnever2\r\nVALUE b 0 1\r\nb\r\nEND\r\n");
    }
    for (int i = 0; i < NOTHERS; i++)
        close(others[i]);
    close(fd);
}

enum { MANY = 20000 };

static int greedy_fd;

static void *ask_for_much(void *arg)
{
    (void)arg;
    char line[300];
    for (int i = 0; i < MANY; i++) {
        int len = snprintf(line, sizeof line, "get %0200d\r\n", i);
        if (send(greedy_fd, line, (size_t)len, MSG_NOSIGNAL) != len)
            break;
    }
    return NULL;
}

/* Millions of bytes of answers, taken late: none is missing, and the connection is as good as before. */
static void a_slow_reader_gets_all(void **state)
{
    (void)state;
    pthread_t thread;
    greedy_fd = dial();
    assert_int_equal(pthread_create(&thread, NULL, ask_for_much, NULL), 0);
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    char answer[600];
    for (int i = 0; i < MANY; i++) {
        snprintf(answer, sizeof answer, "VALUE %0200d 0 200\r\n%0200d\r\nEND\r\n", i, i);
        expect(greedy_fd, answer);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    say(greedy_fd, "get a\r\n");
    expect(greedy_fd, "VALUE a 0 1\r\na\r\nEND\r\n");
    say(greedy_fd, "get b\r\nquit\r\n");
    expect(greedy_fd, "VALUE b 0 1\r\nb\r\nEND\r\n");
    char byte;
    assert_int_equal(recv(greedy_fd, &byte, 1, 0), 0);
    close(greedy_fd);
}

static void wait_until_closed(void)
{
    for (int i = 0; i < 5000 && __atomic_load_n(&server.nconnections, __ATOMIC_RELAXED) > 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_int_equal(server.nconnections, 0);
    for (size_t i = 0; i < server.nworkers; i++)
        assert_int_equal(server.workers[i]->nconnections, 0);
}

/* Are any in use? It may take a moment after the answer. */
static void wait_until_buffers(bool are_used)
{
    for (int i = 0;
         i < 5000 && (__atomic_load_n(&server.buffers.used_bytes, __ATOMIC_RELAXED) > 0) != are_used; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_int_equal(server.buffers.used_bytes > 0, are_used);
}

/* It leaves without having read what it asked for. */
static void a_slow_reader_may_leave(void **state)
{
    (void)state;
    pthread_t thread;
    greedy_fd = dial();
    assert_int_equal(pthread_create(&thread, NULL, ask_for_much, NULL), 0);
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    shutdown(greedy_fd, SHUT_RDWR);
    assert_int_equal(pthread_join(thread, NULL), 0);
    close(greedy_fd);
    wait_until_closed();
}

/* The worker with the fewest gets the next. */
static void connections_are_spread(void **state)
{
    (void)state;
    int fds[20];
    for (size_t i = 0; i < 20; i++) {
        fds[i] = dial();
        say(fds[i], "get a\r\n");
        expect(fds[i], "VALUE a 0 1\r\na\r\nEND\r\n");
    }
    for (size_t i = 0; i < 2; i++)
        assert_in_range(server.workers[i]->nconnections, 8, 12);
    for (size_t i = 0; i < 20; i++)
        close(fds[i]);
    wait_until_closed();
}

/* The end of the requests is not the end of the answers. */
static void half_closed_gets_its_answers(void **state)
{
    (void)state;
    int fd = dial();
    say(fd, "get a\r\nget b\r\n");
    shutdown(fd, SHUT_WR);
    expect(fd, "VALUE a 0 1\r\na\r\nEND\r\nVALUE b 0 1\r\nb\r\nEND\r\n");
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
}

/* Half a request has a buffer of its own, and gives it back. */
static void an_idle_connection_has_no_buffer(void **state)
{
    (void)state;
    int fd = dial();
    for (int i = 0; i < 3; i++) {
        say(fd, "get a\r\nset key 0 0 3\r\na");
        expect(fd, "VALUE a 0 1\r\na\r\nEND\r\n");
        wait_until_buffers(true);
        say(fd, "bc\r\n");
        expect(fd, "STORED\r\n");
        wait_until_buffers(false);
    }
    close(fd);
}

/* Half an answer is out when no room is found for the rest: better none than one that reads like another. */
static void without_a_buffer_it_closes(void **state)
{
    (void)state;
    server.buffers.limit_bytes = BIG / 2;
    int fd = dial();
    say(fd, "get a big b\r\nget c\r\n");
    char got[4096] = {0};
    size_t len = 0;
    ssize_t n;
    while (len < sizeof got - 1 && (n = recv(fd, got + len, sizeof got - 1 - len, 0)) > 0)
        len += (size_t)n;
    assert_null(strstr(got, "VALUE b"));
    assert_null(strstr(got, "VALUE c"));
    assert_int_equal(n, 0);
    close(fd);
}

static uint64_t counted(enum counter counter)
{
    return counters_get(&server.workers[0]->counters, counter) +
           counters_get(&server.workers[1]->counters, counter);
}

static void bytes_are_counted(void **state)
{
    (void)state;
    int fd = dial();
    for (int i = 0; i < 10; i++) {
        say(fd, "get a\r\n");
        expect(fd, "VALUE a 0 1\r\na\r\nEND\r\n");
    }
    close(fd);
    wait_until_closed();
    assert_int_equal(counted(COUNTER_bytes_read), 10 * strlen("get a\r\n"));
    assert_int_equal(counted(COUNTER_bytes_written), 10 * strlen("VALUE a 0 1\r\na\r\nEND\r\n"));
    assert_int_equal(counted(COUNTER_cmd_get), 10);
    assert_int_equal(counted(COUNTER_get_hits), 10);
}

/* A worker's counters are its own to write: a reset is told by what the answers take off. */
static void a_reset_counts_from_zero(void **state)
{
    (void)state;
    static const char hit[] = "VALUE a 0 1\r\na\r\nEND\r\n";
    char got[8192] = {0};
    int fd = dial();
    for (int i = 0; i < 3; i++) {
        say(fd, "get a\r\n");
        expect(fd, hit);
    }
    say(fd, "stats reset\r\n");
    expect(fd, "RESET\r\n");
    say(fd, "get a\r\n");
    expect(fd, hit);
    say(fd, "stats\r\n");
    for (size_t len = 0; strstr(got, "END\r\n") == NULL;) {
        ssize_t n = recv(fd, got + len, sizeof got - 1 - len, 0);
        assert_true(n > 0);
        len += (size_t)n;
    }
    assert_non_null(strstr(got, "STAT cmd_get 1\r\n"));
    assert_non_null(strstr(got, "STAT get_hits 1\r\n"));
    assert_non_null(strstr(got, "STAT total_connections 0\r\n"));
    __atomic_store_n(&server.total_connections, 1, __ATOMIC_RELAXED); /* as stop() compares it */
    close(fd);
}

static uint64_t cpu_ms(void)
{
    struct timespec ts;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts), 0);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Nobody can be let in for a while: that costs next to nothing, and is over when it is over. */
static void out_of_descriptors_it_waits(void **state)
{
    (void)state;
    enum { N = 4 };
    int fds[N];
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = 0; i < N; i++)
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
    struct rlimit none = {.rlim_cur = 3, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int i = 0; i < N; i++)
        dial_with(fds[i]);
    uint64_t before = cpu_ms();
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    uint64_t spent = cpu_ms() - before;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = 0; i < N; i++) {
        say(fds[i], "get a\r\n");
        expect(fds[i], "VALUE a 0 1\r\na\r\nEND\r\n");
        close(fds[i]);
    }
    assert_true(spent < 150);
}

/* Workers stop while ops are under way. */
static void stops_with_waiters(void **state)
{
    (void)state;
    int fds[6];
    for (size_t i = 0; i < 6; i++) {
        fds[i] = dial();
        say(fds[i], i % 2 == 0 ? "get never\r\n" : "get late\r\n");
    }
    pthread_mutex_lock(&slow.lock);
    while (slow.nwaiting < 6)
        pthread_cond_wait(&slow.changed, &slow.lock);
    pthread_mutex_unlock(&slow.lock);
    stop(NULL);
    for (size_t i = 0; i < 6; i++)
        close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(answers_keep_their_order),
        WITH_SERVER(input_goes_on_after_the_wait),
        WITH_SERVER(who_reads_together_is_answered_apart),
        WITH_SERVER(others_are_served_meanwhile),
        WITH_SERVER(a_wake_too_late_is_harmless),
        WITH_SERVER(a_waiting_op_keeps_its_key_and_value),
        WITH_SERVER(a_slow_reader_gets_all),
        WITH_SERVER(a_slow_reader_may_leave),
        WITH_SERVER(connections_are_spread),
        WITH_SERVER(half_closed_gets_its_answers),
        WITH_SERVER(an_idle_connection_has_no_buffer),
        WITH_SERVER(without_a_buffer_it_closes),
        WITH_SERVER(bytes_are_counted),
        WITH_SERVER(a_reset_counts_from_zero),
        WITH_SERVER(out_of_descriptors_it_waits),
        cmocka_unit_test_setup(stops_with_waiters, start),
    };
    return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
