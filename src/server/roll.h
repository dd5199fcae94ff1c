/*
 * roll: a worker's connections in the order in which they were last busy, so that those that were idle for too long are
 * at one end, and what of them others may see.
 *
 *      worker->connections ─> busy last … idle longest <─ worker->oldest
 *
 * Promise: a connection that has neither sent nor taken anything for idle_timeout seconds is closed within the second
 * after; one that waits for an answer of the server's is not idle. Being busy costs a comparison, and at most once a
 * second a few pointers.
 *
 * Threads: the worker's, but roll_copy(), from any; list_lock covers the pointers, and the owner reads them without.
 */
#ifndef CLOAKROOM_SERVER_ROLL_H
#define CLOAKROOM_SERVER_ROLL_H

#include "server/conn.h"

void roll_add(struct conn *conn);
/* Before its descriptor is closed: who reads the roll may ask the system about it. */
void roll_remove(struct conn *conn);

/* It has sent or taken something. */
void roll_note_busy(struct conn *conn);

/* Lets others see how it stands. After each run. */
static inline void roll_show(struct conn *conn)
{
    __atomic_store_n(&conn->seen_state, (uint8_t)conn->state, __ATOMIC_RELAXED);
    __atomic_store_n(&conn->seen_amid, conn->in.len > conn->in.at, __ATOMIC_RELAXED);
}

/* Begins to close those that are idle, if that was asked for. */
enum err roll_watch(struct worker *worker) ERR_MUST_CHECK;

/* What `stats conns` shows of one. */
struct roll_line {
    int fd;
    enum conn_state state;
    bool is_amid; /* a request has begun to arrive */
    uint32_t busy_s;
};

/* Copies at most `n` of them, those that were busy last first; returns how many there are. */
size_t roll_copy(struct worker *worker, struct roll_line *lines, size_t n);

#endif
