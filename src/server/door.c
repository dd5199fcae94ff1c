/* Accepting connections and spreading them over the workers, see door.h. */
#include "server/door.h"
#include "base/check.h"
#include "net/listen.h"
#include "server/conn.h"

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
        fprintf(stderr, "connection refused: there are %llu already, see -c\n",
                (unsigned long long)server->settings->max_connections);
    if (!listener->is_tls)
        (void)!send(fd, words, sizeof words - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
    __atomic_fetch_add(&server->rejected_connections, 1, __ATOMIC_RELAXED);
}

static void let_in(struct door *door, int fd)
{
    struct server *server = door->worker->server;
    if (__atomic_add_fetch(&server->nconnections, 1, __ATOMIC_RELAXED) > server->settings->max_connections) {
        __atomic_fetch_sub(&server->nconnections, 1, __ATOMIC_RELAXED);
        turn_away(server, door->listener, fd);
        return;
    }
    __atomic_fetch_add(&server->total_connections, 1, __ATOMIC_RELAXED);
    conn_open(choose_worker(door->worker), fd, door->listener, door->worker);
}

/* Out of descriptors or memory: those who wait in the backlog keep the listener readable, so look away a
 * while. A source that was added exclusively cannot be changed, only taken out and added anew. */
static void pause_accepting(struct worker *worker)
{
    int reason = errno;
    if (!worker->is_accepting)
        return;
    if (loop_set_timer(&worker->loop, &worker->accept_again, (uint64_t)ACCEPT_PAUSE_MS * NS_PER_MS) !=
        ERR_NONE)
        return; /* then it spins until there is memory again */
    worker->is_accepting = false;
    if (__atomic_load_n(&worker->server->settings->verbose, __ATOMIC_RELAXED) > 0)
        fprintf(stderr, "cannot accept connections for the moment: %s\n", strerror(reason));
    for (size_t i = 0; i < worker->server->nlisteners; i++)
        loop_remove(&worker->loop, worker->doors[i].listener->fd);
}

static void ready(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct door *door = (struct door *)(void *)source;
    for (int n = 0; n < ACCEPTS_PER_TURN; n++) {
        int fd = listen_accept(door->listener->fd);
        if (fd >= 0) {
            let_in(door, fd);
            continue;
        }
        if (errno == ECONNABORTED || errno == EINTR)
            continue;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_accepting(door->worker);
        return;
    }
}

static enum err watch(struct worker *worker)
{
    for (size_t i = 0; i < worker->server->nlisteners; i++) {
        struct door *door = &worker->doors[i];
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
    if (watch(worker) != ERR_NONE)
        CHECK(loop_set_timer(&worker->loop, timer, (uint64_t)ACCEPT_PAUSE_MS * NS_PER_MS) == ERR_NONE);
}

enum err door_open_all(struct worker *worker)
{
    struct server *server = worker->server;
    worker->accept_again.fire = accept_again;
    worker->doors = calloc(server->nlisteners, sizeof *worker->doors);
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
