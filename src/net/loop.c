/* The loop itself and its mailbox; timers are in timer.c. See loop.h. */
#include "net/loop.h"
#include "base/check.h"
#include "net/timer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS_PER_TURN = 64 };

static void clear_wake(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct loop *loop = (struct loop *)(void *)((char *)source - offsetof(struct loop, wake_source));
    uint64_t count;
    ssize_t n = read(loop->wake_fd, &count, sizeof count);
    CHECK(n == (ssize_t)sizeof count || (n < 0 && errno == EAGAIN));
}

enum err loop_init(struct loop *loop, const struct clock *clock)
{
    *loop = (struct loop){.epoll_fd = -1, .wake_fd = -1, .clock = clock};
    loop->wake_source.ready = clear_wake;
    loop->mail_tail = &loop->mail;
    loop->now_ns = clock_steady_ns(clock);
    CHECK(pthread_mutex_init(&loop->mail_lock, NULL) == 0);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->epoll_fd >= 0 && loop->wake_fd >= 0 &&
        loop_add(loop, loop->wake_fd, &loop->wake_source, EPOLLIN) == ERR_NONE)
        return ERR_NONE;
    loop_fini(loop);
    return ERR_SYSTEM;
}

void loop_fini(struct loop *loop)
{
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    loop->epoll_fd = loop->wake_fd = -1;
    free(loop->timers);
    loop->timers = NULL;
    pthread_mutex_destroy(&loop->mail_lock);
}

static enum err control(struct loop *loop, int operation, int fd, struct loop_source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    return epoll_ctl(loop->epoll_fd, operation, fd, &event) == 0 ? ERR_NONE : ERR_SYSTEM;
}

enum err loop_add(struct loop *loop, int fd, struct loop_source *source, uint32_t events)
{
    return control(loop, EPOLL_CTL_ADD, fd, source, events);
}

void loop_change(struct loop *loop, int fd, struct loop_source *source, uint32_t events)
{
    CHECK(control(loop, EPOLL_CTL_MOD, fd, source, events) == ERR_NONE);
}

void loop_remove(struct loop *loop, int fd)
{
    CHECK(control(loop, EPOLL_CTL_DEL, fd, NULL, 0) == ERR_NONE);
}

static void wake(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t n = write(loop->wake_fd, &one, sizeof one);
    CHECK(n == (ssize_t)sizeof one || (n < 0 && errno == EAGAIN));
}

void loop_post(struct loop *loop, struct loop_mail *mail)
{
    mail->next = NULL;
    pthread_mutex_lock(&loop->mail_lock);
    bool was_empty = loop->mail == NULL;
    *loop->mail_tail = mail;
    loop->mail_tail = &mail->next;
    pthread_mutex_unlock(&loop->mail_lock);
    if (was_empty) /* else it has been woken for the one before */
        wake(loop);
}

void loop_stop(struct loop *loop)
{
    __atomic_store_n(&loop->stop, true, __ATOMIC_RELEASE);
    wake(loop);
}

void loop_open_mail(struct loop *loop)
{
    pthread_mutex_lock(&loop->mail_lock);
    struct loop_mail *mail = loop->mail;
    loop->mail = NULL;
    loop->mail_tail = &loop->mail;
    pthread_mutex_unlock(&loop->mail_lock);
    while (mail != NULL) {
        struct loop_mail *next = mail->next;
        mail->open(mail);
        mail = next;
    }
}

void loop_wait_mail(struct loop *loop)
{
    struct pollfd wake_fd = {.fd = loop->wake_fd, .events = POLLIN};
    int n = poll(&wake_fd, 1, -1);
    CHECK(n == 1 || (n < 0 && errno == EINTR));
    clear_wake(&loop->wake_source, EPOLLIN);
    loop_open_mail(loop);
}

void loop_run(struct loop *loop)
{
    struct epoll_event events[EVENTS_PER_TURN];
    while (!__atomic_load_n(&loop->stop, __ATOMIC_ACQUIRE)) {
        int n = epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN, timer_wait_ms(loop));
        CHECK(n >= 0 || errno == EINTR);
        loop->now_ns = clock_steady_ns(loop->clock);
        bool has_mail = false;
        for (int i = 0; i < n; i++) {
            struct loop_source *source = events[i].data.ptr;
            has_mail = has_mail || source == &loop->wake_source;
            source->ready(source, events[i].events);
        }
        if (has_mail)
            loop_open_mail(loop);
        timer_fire_due(loop);
        if (loop->turn != NULL)
            loop->turn(loop);
    }
}
