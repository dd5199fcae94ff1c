/* Commit first, answer then: see turn.h. */
#include "server/turn.h"
#include "base/check.h"
#include "server/conn.h"

static struct engine *engine_of(struct turn *turn)
{
    return server_engine(turn->worker->server);
}

static void join(struct turn *turn, struct conn *conn)
{
    conn->next_in_turn = NULL;
    *turn->joined_tail = conn;
    turn->joined_tail = &conn->next_in_turn;
    turn->to_commit |= turn->unwritten;
    if (!conn->out.owned)
        turn->out_used += conn->out.len;
}

static bool must_wait(struct turn *turn, const struct conn *conn)
{
    return turn->unwritten != 0 || (conn->ticket != 0 && conn->ticket > engine_synced(engine_of(turn)));
}

void turn_end_run(struct conn *conn)
{
    struct turn *turn = &conn->worker->turn;
    if (must_wait(turn, conn))
        join(turn, conn);
    else
        conn_answer(conn);
    turn->unwritten = 0;
    if (WORKER_OUT_BYTES - turn->out_used < WORKER_OUT_LEAST)
        turn_settle(turn);
}

static void await(struct turn *turn, struct conn *conn, uint64_t ticket)
{
    conn->ticket = ticket;
    if (!conn_put_by(conn))
        return;
    conn->next_in_turn = NULL;
    *turn->syncing_tail = conn;
    turn->syncing_tail = &conn->next_in_turn;
}

/* Its answers are never to leave: says so, as far as its protocol can, and closes it. */
static void refuse(struct conn *conn)
{
    static const char words[] = "SERVER_ERROR read-only: the disk has failed, see stats\r\n";
    if (conn->proto.dialect != DIALECT_BINARY)
        (void)transport_write(&conn->transport, words, sizeof words - 1);
    conn_close(conn);
}

void turn_settle(struct turn *turn)
{
    uint64_t ticket = 0;
    enum store_commit commit = STORE_COMMIT_DONE;
    if (turn->joined == NULL)
        return;
    if (turn->to_commit != 0)
        commit = engine_commit(engine_of(turn), turn->to_commit, &ticket);
    struct conn *conn = turn->joined;
    turn->joined = NULL;
    turn->joined_tail = &turn->joined;
    turn->to_commit = 0;
    while (conn != NULL) {
        struct conn *next = conn->next_in_turn;
        if (conn->state == CONN_GONE)
            ; /* closed since */
        else if (commit == STORE_COMMIT_DONE)
            conn_answer(conn);
        else if (commit == STORE_COMMIT_WAIT)
            await(turn, conn, ticket);
        else
            refuse(conn);
        conn = next;
    }
    turn->out_used = 0;
}

static struct conn *take_first(struct turn *turn)
{
    struct conn *conn = turn->syncing;
    turn->syncing = conn->next_in_turn;
    if (turn->syncing == NULL)
        turn->syncing_tail = &turn->syncing;
    return conn;
}

static void open_mail(struct loop_mail *mail)
{
    struct turn *turn = (struct turn *)(void *)((char *)mail - offsetof(struct turn, mail));
    __atomic_store_n(&turn->has_mail, false, __ATOMIC_RELEASE); /* before looking: later news is news again */
    uint64_t synced = engine_synced(engine_of(turn));
    while (turn->syncing != NULL && (synced == ENGINE_SYNC_FAILED || turn->syncing->ticket <= synced)) {
        struct conn *conn = take_first(turn);
        conn->state = CONN_READING;
        if (synced == ENGINE_SYNC_FAILED)
            refuse(conn);
        else
            conn_answer(conn);
    }
}

static void synced(struct engine_watch *watch)
{
    struct turn *turn = (struct turn *)(void *)((char *)watch - offsetof(struct turn, watch));
    if (!__atomic_exchange_n(&turn->has_mail, true, __ATOMIC_ACQ_REL))
        loop_post(&turn->worker->loop, &turn->mail);
}

void turn_init(struct turn *turn, struct worker *worker)
{
    *turn = (struct turn){.worker = worker, .watch.synced = synced, .mail.open = open_mail};
    turn->joined_tail = &turn->joined;
    turn->syncing_tail = &turn->syncing;
}

void turn_leave(struct conn *conn)
{
    struct turn *turn = &conn->worker->turn;
    struct conn **at = &turn->syncing;
    while (*at != conn)
        at = &(*at)->next_in_turn;
    *at = conn->next_in_turn;
    if (turn->syncing_tail == &conn->next_in_turn)
        turn->syncing_tail = at;
}
