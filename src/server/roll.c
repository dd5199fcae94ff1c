/* The order of a worker's connections, see roll.h. */
#include "server/roll.h"
#include "base/check.h"
#include "server/event_line.h"

enum { LOOK_EVERY_S = 1 };

#define NS_PER_S 1000000000ULL

static void put_first(struct worker *worker, struct conn *conn)
{
    conn->prev = NULL;
    conn->next = worker->connections;
    if (conn->next != NULL)
        conn->next->prev = conn;
    else
        worker->oldest = conn;
    worker->connections = conn;
}

static void take_out(struct worker *worker, struct conn *conn)
{
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    else
        worker->oldest = conn->prev;
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        worker->connections = conn->next;
}

void roll_add(struct conn *conn)
{
    struct worker *worker = conn->worker;
    __atomic_store_n(&conn->busy_s, clock_seconds_of(worker->loop.now_ns), __ATOMIC_RELAXED);
    pthread_mutex_lock(&worker->list_lock);
    put_first(worker, conn);
    pthread_mutex_unlock(&worker->list_lock);
}

void roll_remove(struct conn *conn)
{
    struct worker *worker = conn->worker;
    pthread_mutex_lock(&worker->list_lock);
    take_out(worker, conn);
    pthread_mutex_unlock(&worker->list_lock);
}

static void move_first(struct conn *conn)
{
    struct worker *worker = conn->worker;
    if (worker->connections == conn)
        return;
    pthread_mutex_lock(&worker->list_lock);
    take_out(worker, conn);
    put_first(worker, conn);
    pthread_mutex_unlock(&worker->list_lock);
}

void roll_note_busy(struct conn *conn)
{
    uint32_t now_s = conn->worker->now_s;
    if (__atomic_load_n(&conn->busy_s, __ATOMIC_RELAXED) == now_s)
        return;
    __atomic_store_n(&conn->busy_s, now_s, __ATOMIC_RELAXED);
    if (conn->worker->server->settings->idle_timeout_s != 0)
        move_first(conn);
}

static void look(struct loop_timer *timer)
{
    struct worker *worker = (struct worker *)(void *)((char *)timer - offsetof(struct worker, idle_timer));
    uint32_t now_s = clock_seconds_of(worker->loop.now_ns);
    uint64_t timeout_s = worker->server->settings->idle_timeout_s;
    struct conn *conn;
    while ((conn = worker->oldest) != NULL && conn->busy_s + timeout_s < now_s) {
        if (conn->state == CONN_READING || conn->state == CONN_WRITING) {
            counters_add(&worker->counters, COUNTER_idle_kicks, 1);
            conn->closing = EVENT_IDLE;
            conn_close(conn);
        } else {
            __atomic_store_n(&conn->busy_s, now_s, __ATOMIC_RELAXED);
            move_first(conn);
        }
    }
    /* The heap of timers does not shrink: one that has just fired finds its place again. */
    CHECK(loop_set_timer(&worker->loop, timer, LOOK_EVERY_S * NS_PER_S) == ERR_NONE);
}

enum err roll_watch(struct worker *worker)
{
    worker->idle_timer.fire = look;
    if (worker->server->settings->idle_timeout_s == 0)
        return ERR_NONE;
    return loop_set_timer(&worker->loop, &worker->idle_timer, LOOK_EVERY_S * NS_PER_S);
}

size_t roll_copy(struct worker *worker, struct roll_line *lines, size_t n)
{
    size_t count = 0;
    pthread_mutex_lock(&worker->list_lock);
    for (const struct conn *conn = worker->connections; conn != NULL; conn = conn->next, count++) {
        if (count >= n)
            continue;
        lines[count] =
            (struct roll_line){.fd = conn->transport.fd,
                               .state = (enum conn_state)__atomic_load_n(&conn->seen_state, __ATOMIC_RELAXED),
                               .is_amid = __atomic_load_n(&conn->seen_amid, __ATOMIC_RELAXED),
                               .busy_s = __atomic_load_n(&conn->busy_s, __ATOMIC_RELAXED)};
    }
    pthread_mutex_unlock(&worker->list_lock);
    return count;
}
