/*
 * watch: the command, and the connection that it makes a watcher: it is sent lines until it closes, and what it
 * sends is dropped.
 *
 *      READING ── watch, OK is out ──> WATCHING ── a timer: lines since the last time ──> sent: WATCHING
 *                                                                                   └──> not all: WRITING ─> WATCHING
 *
 * Promise: one that does not read makes no more lines than fit its share of a turn; what it misses meanwhile is told by
 * `skipped=N`. N counts events of all groups that somebody watches.
 *
 * Ownership: a connection owns its watcher.
 * Threads: the connection's worker.
 */
#ifndef CLOAKROOM_SERVER_WATCH_H
#define CLOAKROOM_SERVER_WATCH_H

#include "server/conn.h"

/* Carries out the command; conn->watcher is set when it became one. */
void watch_run(struct conn *conn);

/* Fires the connection's timer when it is time for the next lines: conn_go_on_watching(). False: there is no memory. */
bool watch_wait(struct conn *conn);

/* Puts what has happened into conn->out. */
void watch_put_lines(struct conn *conn);

/* Empties the pointer; NULL inside is fine. */
void watch_free(struct conn *conn);

#endif
