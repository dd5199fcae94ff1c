/*
 * loop: one thread's epoll loop: readiness, timers, and mail from other threads.
 *
 * Promise: level-triggered, so a handler may leave bytes unread; one system call waits, and none is spent to
 * learn that there is nothing more. Mail posted by any thread is opened by the loop's own thread, in the
 * order of posting.
 *
 *      loop_run():  wait -> tell the time -> ready() of each source -> open() of all mail
 *                   -> fire() of due timers -> turn() -> wait
 *
 * Ownership: sources, mail and timers are embedded in what they belong to; the loop only links them. What is
 * freed within a turn may still have an event waiting in that turn: free it in turn().
 * Threads: everything from the loop's own thread, but loop_post() and loop_stop(), from any.
 * Failure: loop_init() and loop_add() only; out of descriptors or memory.
 */
#ifndef CLOAKROOM_NET_LOOP_H
#define CLOAKROOM_NET_LOOP_H

#include "base/clock.h"
#include "base/err.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop_source {
    void (*ready)(struct loop_source *source, uint32_t epoll_events);
};

struct loop_mail {
    struct loop_mail *next;
    void (*open)(struct loop_mail *mail);
};

struct loop_timer {
    uint64_t due_ns;
    size_t at; /* its place in the heap, from 1; 0: not set */
    void (*fire)(struct loop_timer *timer);
};

struct loop {
    int epoll_fd;
    int wake_fd; /* eventfd: mail has come */
    struct loop_source wake_source;
    const struct clock *clock;
    uint64_t now_ns;                 /* steady; told once a turn */
    void (*turn)(struct loop *loop); /* after each turn; may be NULL */
    bool stop;

    pthread_mutex_t mail_lock;
    struct loop_mail *mail;
    struct loop_mail **mail_tail;

    struct loop_timer **timers; /* a heap, from 1 */
    size_t ntimers;
    size_t timers_cap;
};

enum err loop_init(struct loop *loop, const struct clock *clock) ERR_MUST_CHECK;
void loop_fini(struct loop *loop);

/* Runs until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Watches `fd` for `events` (EPOLLIN, EPOLLOUT, EPOLLEXCLUSIVE …). Closing the fd ends it. */
enum err loop_add(struct loop *loop, int fd, struct loop_source *source, uint32_t events) ERR_MUST_CHECK;
void loop_change(struct loop *loop, int fd, struct loop_source *source, uint32_t events);
void loop_remove(struct loop *loop, int fd);

void loop_post(struct loop *loop, struct loop_mail *mail);

/* For taking things down, once the loop no longer runs: opens what mail there is, or waits for some and
 * opens it. */
void loop_open_mail(struct loop *loop);
void loop_wait_mail(struct loop *loop);

/* Fires once, `in_ns` from this turn on; setting it again moves it. ERR_MEMORY: it is not set. */
enum err loop_set_timer(struct loop *loop, struct loop_timer *timer, uint64_t in_ns) ERR_MUST_CHECK;
void loop_clear_timer(struct loop *loop, struct loop_timer *timer);

#endif
