/*
 * test_conn_play: two real workers, real sockets, and an engine whose keys answer late. Shared by the tests of
 * connections.
 *
 * A get answers its own key as the value; a key "slow…" only after the waker thread has come by, "twice…"
 * after two visits; "never…" not by itself. "late…" refuses to be cancelled and is woken once its client has
 * gone.
 */
#ifndef CLOAKROOM_TEST_CONN_PLAY_H
#define CLOAKROOM_TEST_CONN_PLAY_H

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

enum { BIG = 1 << 20 }; /* the value of a key "big…" */

struct slow_engine {
    struct engine engine;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct op *waiting[64];
    int visits[64];
    size_t nwaiting;
    size_t ncancelled;
    size_t nwoken;
    size_t ngone;
    char stored[32]; /* what the last set of "never…" brought */
    bool stop;
    pthread_t waker;
};

static struct slow_engine slow;

static inline bool starts(const struct op *op, const char *word)
{
    return bytes_starts_with(op->key, bytes_of(word));
}

static inline enum submit answer(struct op *op)
{
    bool is_big = starts(op, "big");
    op->result = OP_OK;
    op->hit = (struct op_hit){.value_len = is_big ? BIG : op->key.len};
    if (op->kind == OP_GET) {
        char *to = op->place(op, &op->hit);
        if (to == NULL) {
            assert_true(is_big);
            op->result = OP_FULL;
            return SUBMIT_DONE;
        }
        memcpy(to, op->key.p, op->key.len);
    } else if (starts(op, "never")) {
        assert_true(op->value.len < sizeof slow.stored);
        memcpy(slow.stored, op->value.p, op->value.len);
        slow.stored[op->value.len] = '\0';
    }
    return SUBMIT_DONE;
}

static inline enum submit wait_for(struct op *op, int visits)
{
    pthread_mutex_lock(&slow.lock);
    slow.waiting[slow.nwaiting] = op;
    slow.visits[slow.nwaiting++] = visits;
    pthread_cond_broadcast(&slow.changed);
    pthread_mutex_unlock(&slow.lock);
    return SUBMIT_PENDING;
}

enum { NEVER = -1, LATE = -2 };

static inline enum submit slow_submit(struct engine *engine, struct op *op)
{
    (void)engine;
    if (starts(op, "hold")) /* keeps the whole worker busy, so that others gather for its next turn */
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
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

static inline enum submit slow_resume(struct engine *engine, struct op *op)
{
    (void)engine;
    if (starts(op, "twice") && op->number == 0) {
        op->number = 1;
        return wait_for(op, 1);
    }
    return answer(op);
}

static inline void take_out(size_t i)
{
    slow.nwaiting--;
    slow.waiting[i] = slow.waiting[slow.nwaiting];
    slow.visits[i] = slow.visits[slow.nwaiting];
}

static inline bool slow_cancel(struct engine *engine, struct op *op)
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

static inline void slow_client_gone(struct engine *engine, struct engine_client *client)
{
    (void)engine;
    (void)client;
    __atomic_add_fetch(&slow.ngone, 1, __ATOMIC_RELAXED);
}

static inline void slow_read_stats(struct engine *engine, struct engine_stats *ret)
{
    (void)engine;
    *ret = (struct engine_stats){0};
}

static inline void *wake_them(void *arg)
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

static inline int start(void **state)
{
    (void)state;
    static const struct engine_ops ops = {.submit = slow_submit,
                                          .resume = slow_resume,
                                          .cancel = slow_cancel,
                                          .client_gone = slow_client_gone,
                                          .read_stats = slow_read_stats};
    slow = (struct slow_engine){.engine.ops = &ops};
    pthread_mutex_init(&slow.lock, NULL);
    pthread_cond_init(&slow.changed, NULL);
    settings = (struct settings){.value_max = 1 << 20, .max_connections = 100, .requests_per_turn = 256};
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

static inline int stop(void **state)
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
    assert_int_equal(slow.ngone, server.total_connections); /* each gives back its locks, once */
    assert_int_equal(server.buffers.used_bytes, 0);
    return 0;
}

/* Connects a socket to the server. */
static inline void dial_with(int fd)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    struct timeval patience = {.tv_sec = 5};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
}

static inline int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    dial_with(fd);
    return fd;
}

static inline void say(int fd, const char *words)
{
    assert_int_equal(send(fd, words, strlen(words), MSG_NOSIGNAL), strlen(words));
}

static inline void expect(int fd, const char *words)
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

static inline void wait_until_waiting(size_t n)
{
    pthread_mutex_lock(&slow.lock);
    while (slow.nwaiting != n)
        pthread_cond_wait(&slow.changed, &slow.lock);
    pthread_mutex_unlock(&slow.lock);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)

#endif
