/*
 * worker: one thread: a loop, its connections, and the two buffers they share.
 *
 * Every worker waits at every listener; whoever accepts hands the connection to the worker that has the
 * fewest, by mail. A connection then stays with its worker for life.
 *
 * Ownership: a worker owns its connections; closed ones lie in the graveyard until the turn is over.
 * Threads: everything from the worker's own thread, but worker_start(), worker_stop(), worker_free(), the
 * counters and nconnections.
 */
#ifndef CLOAKROOM_SERVER_WORKER_H
#define CLOAKROOM_SERVER_WORKER_H

#include "net/loop.h"
#include "server/counters.h"
#include "server/server.h"
#include "server/turn.h"

struct conn;
struct door;
struct udp;

enum {
    WORKER_IN_BYTES = 192 << 10, /* so that a full batch fits: it shares one commit */
    WORKER_IN_LEAST = 32 << 10,  /* what a connection can always read at once */
    WORKER_BATCH = ENGINE_PREFETCH_MAX,
    /* An answer begins only below the flush mark, so what the store copies under its lock (64 KiB) always
       fits. */
    WORKER_FLUSH_BYTES = 64 << 10,
    WORKER_OUT_LEAST = 144 << 10, /* what a run finds free for its answers */
    WORKER_OUT_BYTES = 2 * WORKER_OUT_LEAST
};

struct worker {
    struct loop loop;
    struct server *server;
    struct counters counters;
    uint32_t now_s; /* for ops; told once a turn */
    char *in;
    char *out;
    struct door *doors;       /* one for each listener */
    struct udp *udp;          /* the sockets for datagrams that it serves: see udp.h */
    struct conn *connections; /* the one that was busy last first: see roll.h */
    struct conn *oldest;
    pthread_mutex_t list_lock;
    struct loop_timer idle_timer;
    struct conn *graveyard;
    struct conn *batch[WORKER_BATCH]; /* have read, and wait to be run together: see conn_run_batch() */
    size_t nbatch;
    size_t in_used; /* by what they have read */
    struct turn turn;
    struct engine_memo memo; /* of looks ahead */
    _Atomic uint64_t nconnections;
    uint64_t nowed; /* closed connections whose op will still be woken */
    bool is_accepting;
    uint32_t said_s; /* the second in which `nsaid` lines were said of clients: see worker_may_say() */
    unsigned nsaid;
    struct loop_timer accept_again;
    pthread_t thread;
    bool has_thread;
};

/* May another line be said of what a client did? So that no client fills the disk of the log. */
enum { WORKER_LINES_PER_S = 10 };
bool worker_may_say(struct worker *worker);

enum err worker_new(struct server *server, struct worker **ret) ERR_MUST_CHECK;
/* Starts the thread. */
enum err worker_start(struct worker *worker) ERR_MUST_CHECK;
/* Ends and joins the thread. Stop all workers before freeing one: they hand each other connections. */
void worker_stop(struct worker *worker);
/* Closes its connections and frees it. */
void worker_free(struct worker **worker);

#endif
