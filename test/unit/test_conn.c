/*
 * Promises of conn.h and engine.h where an op has to wait: answers leave in the order of the requests, others
 * are served meanwhile, a connection that closes takes its op along. Held with real workers and sockets, and
 * an engine of the test's own whose keys answer late: the server cannot tell.
 */
#include "unit.h"

#include "engine/engine.h"
#include "net/listen.h"
#include "server/worker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/*
 * A get answers its own key as the value; a key "slow…" only after the waker thread has come by, "twice…"
 * after two visits; "never…" is never woken. "late…" refuses to be cancelled and is woken once its client has
 * gone.
 */
struct slow_engine {
    struct engine engine;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct op *waiting[64];
    int visits[64];
    size_t nwaiting;
    size_t ncancelled;
    size_t nwoken;
    bool stop;
    pthread_t waker;
};

static struct slow_engine slow;

static enum submit answer(struct op *op)
{
    op->result = OP_OK;
    op->hit = (struct op_hit){.value_len = op->key.len};
    if (op->kind == OP_GET) {
        char *to = op->place(op, &op->hit);
        assert_non_null(to);
        memcpy(to, op->key.p, op->key.len);
    }
    return SUBMIT_DONE;
}

static bool starts(const struct op *op, const char *word)
{
    return bytes_starts_with(op->key, bytes_of(word));
}

static enum submit wait_for(struct op *op, int visits)
{
    pthread_mutex_lock(&slow.lock);
    slow.waiting[slow.nwaiting] = op;
    slow.visits[slow.nwaiting++] = visits;
    pthread_cond_broadcast(&slow.changed);
    pthread_mutex_unlock(&slow.lock);
    return SUBMIT_PENDING;
}

enum { NEVER = -1, LATE = -2 };

static enum submit slow_submit(struct engine *engine, struct op *op)
{
    (void)engine;
    if (starts(op, "slow"))
        return wait_for(op, 1);
    if (starts(op, "never"))
        return wait_for(op, NEVER);
    if (starts(op, "late"))
        return wait_for(op, LATE);
    if (starts(op, "twice"))
        return wait_for(op, 1);
    return answer(op);
}

static enum submit slow_resume(struct engine *engine, struct op *op)
{
    (void)engine;
    if (starts(op, "twice") && op->number == 0) {
        op->number = 1;
        return wait_for(op, 1);
    }
    return answer(op);
}

static void take_out(size_t i)
{
    slow.nwaiting--;
    slow.waiting[i] = slow.waiting[slow.nwaiting];
    slow.visits[i] = slow.visits[slow.nwaiting];
}

static bool slow_cancel(struct engine *engine, struct op *op)
{
    (void)engine;
    bool cancelled = false;
    pthread_mutex_lock(&slow.lock);
    for (size_t i = 0; i < slow.nwaiting; i++) {
        if (slow.waiting[i] != op)
            continue;
        if (slow.visits[i] == LATE) {
            slow.visits[i] = 1; /* its wake is on the way */
        } else {
            take_out(i);
            cancelled = true;
        }
        break;
    }
    slow.ncancelled++;
    pthread_cond_broadcast(&slow.changed);
    pthread_mutex_unlock(&slow.lock);
    return cancelled;
}

static void slow_client_gone(struct engine *engine, struct engine_client *client)
{
    (void)engine;
    (void)client;
}

static void *wake_them(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&slow.lock);
    while (!slow.stop) {
        pthread_mutex_unlock(&slow.lock);
        nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
        pthread_mutex_lock(&slow.lock);
        for (size_t i = 0; i < slow.nwaiting;) {
            if (slow.visits[i] < 0) {
                i++;
                continue;
            }
            struct op *op = slow.waiting[i];
            take_out(i);
            slow.nwoken++;
            op->wake(op);
        }
        pthread_cond_broadcast(&slow.changed);
    }
    pthread_mutex_unlock(&slow.lock);
    return NULL;
}

static struct server server;
static struct settings settings;
static uint16_t port;

static int start(void **state)
{
    (void)state;
    static const struct engine_ops ops = {
        .submit = slow_submit, .resume = slow_resume, .cancel = slow_cancel, .client_gone = slow_client_gone};
    slow = (struct slow_engine){.engine.ops = &ops};
    pthread_mutex_init(&slow.lock, NULL);
    pthread_cond_init(&slow.changed, NULL);
    settings = (struct settings){.value_max = 1 << 20, .max_connections = 100};
    server = (struct server){.settings = &settings, .clock = &clock_system, .engine = &slow.engine};
    server.buffers.limit_bytes = 64 << 20;
    int fd;
    char error[LISTEN_ERROR_MAX];
    assert_int_equal(listen_tcp("127.0.0.1", 0, 64, &fd, &server.nlisteners, error), ERR_NONE);
    port = listen_port(fd);
    server.listeners = calloc(1, sizeof *server.listeners);
    server.listeners[0] = (struct listener){.fd = fd, .role = ROLE_ALL};
    server.nworkers = 2;
    server.workers = calloc(2, sizeof(struct worker *));
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(worker_new(&server, &server.workers[i]), ERR_NONE);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(worker_start(server.workers[i]), ERR_NONE);
    return pthread_create(&slow.waker, NULL, wake_them, NULL);
}

static int stop(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++)
        worker_stop(server.workers[i]);
    for (size_t i = 0; i < 2; i++)
        worker_free(&server.workers[i]);
    pthread_mutex_lock(&slow.lock);
    slow.stop = true;
    pthread_mutex_unlock(&slow.lock);
    pthread_join(slow.waker, NULL);
    free(server.workers);
    listener_close_all(server.listeners, server.nlisteners);
    assert_int_equal(slow.nwaiting, 0);
    assert_int_equal(server.nconnections, 0);
    assert_int_equal(server.buffers.used_bytes, 0);
    return 0;
}

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    struct timeval patience = {.tv_sec = 5};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    return fd;
}

static void say(int fd, const char *words)
{
    assert_int_equal(send(fd, words, strlen(words), MSG_NOSIGNAL), strlen(words));
}

static void expect(int fd, const char *words)
{
    char got[4096];
    size_t len = 0;
    while (len < strlen(words)) {
        ssize_t n = recv(fd, got + len, strlen(words) - len, 0);
        assert_true(n > 0);
        len += (size_t)n;
    }
    got[len] = '\0';
    assert_string_equal(got, words);
}

static void wait_until_waiting(size_t n)
{
    pthread_mutex_lock(&slow.lock);
    while (slow.nwaiting != n)
        pthread_cond_wait(&slow.changed, &slow.lock);
    pthread_mutex_unlock(&slow.lock);
}

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

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(answers_keep_their_order),
        WITH_SERVER(input_goes_on_after_the_wait),
        WITH_SERVER(others_are_served_meanwhile),
        WITH_SERVER(a_wake_too_late_is_harmless),
        cmocka_unit_test_setup(stops_with_waiters, start),
    };
    return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
