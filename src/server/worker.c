/* A worker's thread and what it shares with its connections, see worker.h. */
#include "server/worker.h"
#include "base/check.h"
#include "server/conn.h"
#include "server/door.h"
#include "server/event_line.h"
#include "server/roll.h"
#include "server/udp.h"

#include <stdlib.h>

static struct worker *worker_of(struct loop *loop)
{
    return (struct worker *)(void *)((char *)loop - offsetof(struct worker, loop));
}

/* Frees those that closed within the turn. */
static void bury(struct worker *worker)
{
    while (worker->graveyard != NULL) {
        struct conn *conn = worker->graveyard;
        worker->graveyard = conn->next;
        if (conn->is_datagram)
            udp_give(conn);
        else
            free(conn);
    }
}

static void turn(struct loop *loop)
{
    struct worker *worker = worker_of(loop);
    if (worker->nbatch > 0)
        conn_run_batch(worker);
    turn_settle(&worker->turn);
    if (worker->graveyard != NULL)
        bury(worker);
}

bool worker_may_say(struct worker *worker)
{
    if (worker->said_s != worker->now_s) {
        worker->said_s = worker->now_s;
        worker->nsaid = 0;
    }
    return ++worker->nsaid <= WORKER_LINES_PER_S;
}

enum err worker_new(struct server *server, struct worker **ret)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL)
        return ERR_MEMORY;
    worker->server = server;
    turn_init(&worker->turn, worker);
    CHECK(pthread_mutex_init(&worker->list_lock, NULL) == 0);
    worker->in = malloc(WORKER_IN_BYTES);
    worker->out = malloc(WORKER_OUT_BYTES);
    enum err err = loop_init(&worker->loop, server->clock);
    if (err != ERR_NONE) {
        pthread_mutex_destroy(&worker->list_lock);
        free(worker->in);
        free(worker->out);
        free(worker);
        return err;
    }
    worker->loop.turn = turn;
    if (worker->in == NULL || worker->out == NULL) {
        worker_free(&worker);
        return ERR_MEMORY;
    }
    *ret = worker;
    return ERR_NONE;
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    loop_run(&worker->loop);
    return NULL;
}

enum err worker_start(struct worker *worker)
{
    enum err err = roll_watch(worker);
    if (err == ERR_NONE)
        err = door_open_all(worker);
    if (err == ERR_NONE)
        err = udp_open_all(worker);
    if (err != ERR_NONE)
        return err;
    worker->has_thread = pthread_create(&worker->thread, NULL, run, worker) == 0;
    return worker->has_thread ? ERR_NONE : ERR_MEMORY;
}

void worker_stop(struct worker *worker)
{
    if (!worker->has_thread)
        return;
    loop_stop(&worker->loop);
    CHECK(pthread_join(worker->thread, NULL) == 0);
    worker->has_thread = false;
}

/* What other workers handed over before they ended, and wakes of ops that could not be cancelled in time,
 * still come by mail. */
static void close_connections(struct worker *worker)
{
    loop_open_mail(&worker->loop);
    while (worker->connections != NULL) {
        worker->connections->closing = EVENT_SHUTDOWN;
        conn_close(worker->connections);
    }
    while (worker->nowed > 0)
        loop_wait_mail(&worker->loop);
    bury(worker);
}

void worker_free(struct worker **worker_ptr)
{
    struct worker *worker = *worker_ptr;
    *worker_ptr = NULL;
    if (worker == NULL)
        return;
    close_connections(worker);
    door_free_all(worker);
    udp_free_all(worker);
    loop_fini(&worker->loop);
    pthread_mutex_destroy(&worker->list_lock);
    free(worker->in);
    free(worker->out);
    free(worker);
}
