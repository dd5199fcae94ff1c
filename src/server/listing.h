/*
 * listing: answers to session verbs that are about many sessions: sl, sn, se, and sk by tag. In pieces, like a dump.
 *
 * Promise: a piece holds nobody up, in the engine or in the loop; what was asked for may come in pages, by a cursor, and
 * nothing is kept for it in between.
 *
 * Ownership: a connection owns its listing.
 * Threads: the connection's worker.
 */
#ifndef CLOAKROOM_SERVER_LISTING_H
#define CLOAKROOM_SERVER_LISTING_H

#include "server/conn.h"

/* Begins the answer to conn->request, or gives all of it. */
void listing_run(struct conn *conn);

/* The next piece; at the end conn->listing is NULL. */
void listing_go_on(struct conn *conn);

/* Empties the pointer; NULL inside is fine. */
void listing_free(struct listing **listing);

#endif
