/*
 * tell: notes what requests and connections do, for those who watch; nothing when nobody does.
 *
 * Threads: the connection's worker; tell_eviction() any, under a lock of the store.
 */
#ifndef CLOAKROOM_SERVER_TELL_H
#define CLOAKROOM_SERVER_TELL_H

#include "server/conn.h"
#include "server/event_line.h"

/* conn->op has been answered. */
void tell_op(struct conn *conn);

/* conn->request was refused as too large. */
void tell_too_large(struct conn *conn);

void tell_open(struct conn *conn);
void tell_close(struct conn *conn, enum event_closed reason);

/* For store_config: `arg` is the server. */
void tell_eviction(void *arg, const struct store_dropped *dropped);

#endif
