/*
 * conn_private: what the files of conn.c share: the life of a connection (conn.c), its input
 * (conn_input.c), and its end as a watcher (conn_watching.c).
 */
#ifndef CLOAKROOM_SERVER_CONN_PRIVATE_H
#define CLOAKROOM_SERVER_CONN_PRIVATE_H

#include "server/conn.h"

static inline struct buffer_pool *conn_pool(struct conn *conn)
{
    return &conn->worker->server->buffers;
}

/* How carrying out ended: its share of the turn is used up, it wants more input, or it is not to go on now. */
enum conn_step { STEP_ON, STEP_MORE, STEP_STOP };

/* Carries out whole requests of conn->in until something stops it, or its share is used up (STEP_ON). STEP_MORE:
 * half a request at most is left, and has been kept. */
enum conn_step conn_carry_out(struct conn *conn);

/* conn_waiting.c: its op is pending: it waits, as long as the op says. */
void conn_wait(struct conn *conn);
/* Its op has been woken, or taken back. */
void conn_resume(struct conn *conn);
/* Sends what answers there are; what the peer does not take stays. */
void conn_send_and_wait(struct conn *conn);
/* The second that ops are carried out in. */
void conn_tell_time(struct worker *worker);

/* Puts by what is left of the input: all that waits for the next turn or behind a slow peer. */
void conn_keep_input(struct conn *conn);

/* What was read lies in the worker's buffer until all of the batch have run. */
void conn_join_batch(struct conn *conn);

/* Its turn is over, the next one comes by mail. */
void conn_yield(struct conn *conn);

/* For its mail: its op can go on, or it has its turn again; or, for a closed one, the mail it still had to wait for has
 * come. */
void conn_woken(struct loop_mail *mail);

/* What the loop is to watch for. */
void conn_expect(struct conn *conn, uint32_t events);

/* Room for answers, behind those of this turn that have not left yet. */
void conn_lend_out(struct conn *conn);

/* Sends the answers so far; false when the connection cannot go on now. */
bool conn_flush(struct conn *conn);

/* A read gave nothing, or failed. */
void conn_no_input(struct conn *conn, ssize_t why);

/* conn_watching.c: its OK, or its last lines, are out. */
void conn_begin_watching(struct conn *conn);
/* What a watcher sends is read and dropped, or its end could not be seen behind it. */
void conn_drop_input(struct conn *conn);

#endif
