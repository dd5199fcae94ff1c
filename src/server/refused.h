/*
 * refused: a request that the parser refused is counted and answered; and what a set could not replace, because it was
 * too large, does not stay, as with memcached, unless it is a session.
 *
 * Threads: the connection's worker.
 */
#ifndef CLOAKROOM_SERVER_REFUSED_H
#define CLOAKROOM_SERVER_REFUSED_H

#include "server/conn.h"

/* Counts it. True: conn->op is to be submitted before it is answered. */
bool refused_begin(struct conn *conn);

#endif
