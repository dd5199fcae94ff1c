/* Accepting connections and spreading them over the workers, see door.h. */
#include "server/door.h"
#include "base/check.h"
#include "net/listen.h"
#include "server/conn.h"
#include "server/say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct door {
    struct loop_source source;
    struct worker *worker;
    const struct listener *listener;
};

enum { ACCEPTS_PER_TURN = 16, ACCEPT_PAUSE_MS = 10, NS_PER_MS = 1000000 };

/* The worker with the fewest connections; one's own unless another is clearly ahead, since handing over
 * costs. */
static struct worker *choose_worker(struct worker *self)
{
    struct server *server = self->server;
    struct worker *best = self;
    uint64_t own = __atomic_load_n(&self->nconnections, __ATOMIC_RELAXED);
    uint64_t fewest = own;
    for (size_t i = 0; i < server->nworkers; i++) {
        uint64_t n = __atomic_load_n(&server->workers[i]->nconnections, __ATOMIC_RELAXED);
        if (n < fewest && n + 1 < own) {
            fewest = n;
            best = server->workers[i];
        }
    }
    return best;
}

static void turn_away(struct server *server, const struct listener *listener, int fd)
{
    static const char words[] = "ERROR Too many open connections\r\n";
    if (__atomic_load_n(&server->settings->verbose, __ATOMIC_RELAXED) > 0)
        say_line(SAY_INFO, "connection_refused",
                 "there are %llu connections already; raise -c, or find out who has them by stats conns",
                 (unsigned long long)server->settings->max_connections);
    if (!listener->is_tls)
        (void)!send(fd, words, sizeof words - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
    __atomic_fetch_add(&server->rejected_connections, 1, __ATOMIC_RELAXED);
}

/* A place among those of -c. */
static bool take_place(struct server *server)
{
    if (__atomic_add_fetch(&server->nconnections, 1, __ATOMIC_RELAXED) <= server->settings->max_connections)
        return true;
    __atomic_fetch_sub(&server->nconnections, 1, __ATOMIC_RELAXED);
    return false;
}

static void let_in(struct door *door, int fd)
{
    struct server *server = door->worker->server;
    __atomic_fetch_add(&server->total_connections, 1, __ATOMIC_RELAXED);
    conn_open(choose_worker(door->worker), fd, door->listener, door->worker);
}

static void count_away(struct worker *worker)
{
    struct server *server = worker->server;
    if (__atomic_fetch_add(&server->naway, 1, __ATOMIC_RELAXED) != 0)
        return;
    __atomic_fetch_add(&server->listen_disabled, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&server->away_since_ns, worker->loop.now_ns, __ATOMIC_RELAXED);
}

static void count_back(struct worker *worker)
{
    struct server *server = worker->server;
    uint64_t since_ns = __atomic_load_n(&server->away_since_ns, __ATOMIC_RELAXED);
    if (__atomic_fetch_sub(&server->naway, 1, __ATOMIC_RELAXED) == 1 && worker->loop.now_ns > since_ns)
        __atomic_fetch_add(&server->away_ns, worker->loop.now_ns - since_ns, __ATOMIC_RELAXED);
}

/* No place, or out of descriptors or memory: those who wait in the backlog keep the listener readable, so look away a
 * while. A source that was added exclusively cannot be changed, only taken out and added anew. */
static void pause_accepting(struct worker *worker, const char *reason)
{
    if (!worker->is_accepting)
        return;
    if (loop_set_timer(&worker->loop, &worker->accept_again, (uint64_t)ACCEPT_PAUSE_MS * NS_PER_MS) !=
        ERR_NONE)
        return; /* then it spins until there is memory again */
    worker->is_accepting = false;
    count_away(worker);
    if (__atomic_load_n(&worker->server->settings->verbose, __ATOMIC_RELAXED) > 0)
        say_line(SAY_INFO, "accept_paused", "cannot accept connections for the moment: %s", reason);
    for (size_t i = 0; i < worker->server->nlisteners; i++) {
        if (!worker->doors[i].listener->is_udp)
            loop_remove(&worker->loop, worker->doors[i].listener->fd);
    }
}

/* Where the newest waits, its place is taken before it is accepted; else after, as another worker may have been
 * quicker, and nobody is to be turned away for a place that is then not needed. */
static void ready(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct door *door = (struct door *)(void *)source;
    struct server *server = door->worker->server;
    bool waits = server->settings->maxconns_waits;
    for (int n = 0; n < ACCEPTS_PER_TURN; n++) {
        if (waits && !take_place(server)) {
            pause_accepting(door->worker, "there are as many as -c allows");
            return;
        }
        int fd = listen_accept(door->listener->fd);
        if (fd >= 0) {
            if (waits || take_place(server))
                let_in(door, fd);
            else
                turn_away(server, door->listener, fd);
            continue;
        }
        if (waits)
            __atomic_fetch_sub(&server->nconnections, 1, __ATOMIC_RELAXED);
        if (errno == ECONNABORTED || errno == EINTR)
            continue;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_accepting(door->worker, strerror(errno));
        return;
    }
}

static enum err watch(struct worker *worker)
{
    for (size_t i = 0; i < worker->server->nlisteners; i++) {
        struct door *door = &worker->doors[i];
        if (door->listener->is_udp)
            continue;
        enum err err = loop_add(&worker->loop, door->listener->fd, &door->source, EPOLLIN | EPOLLEXCLUSIVE);
        if (err != ERR_NONE && errno != EEXIST) /* a second try after a first that got half way */
            return err;
    }
    worker->is_accepting = true;
    return ERR_NONE;
}

/* The heap of timers does not shrink: one that has just fired finds its place again. */
static void accept_again(struct loop_timer *timer)
{
    struct worker *worker = (struct worker *)(void *)((char *)timer - offsetof(struct worker, accept_again));
    const struct settings *settings = worker->server->settings;
    bool is_full = settings->maxconns_waits && __atomic_load_n(&worker->server->nconnections,
                                                               __ATOMIC_RELAXED) >= settings->max_connections;
    if (!is_full && watch(worker) == ERR_NONE)
        count_back(worker);
    else
        CHECK(loop_set_timer(&worker->loop, timer, (uint64_t)ACCEPT_PAUSE_MS * NS_PER_MS) == ERR_NONE);
}

enum err door_open_all(struct worker *worker)
{
    struct server *server = worker->server;
    worker->accept_again.fire = accept_again;
    worker->doors = calloc(server->nlisteners + 1, sizeof *worker->doors);
    if (worker->doors == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < server->nlisteners; i++) {
        worker->doors[i] =
            (struct door){.source.ready = ready, .worker = worker, .listener = &server->listeners[i]};
    }
    return watch(worker);
}

void door_free_all(struct worker *worker)
{
    free(worker->doors);
    worker->doors = NULL;
}
