/*
 * ahead: looking ahead over what a connection has sent, so that the engine can fetch all it will need at once.
 *
 * Threads: the connection's.
 */
#ifndef CLOAKROOM_SERVER_AHEAD_H
#define CLOAKROOM_SERVER_AHEAD_H

#include "base/bytes.h"

struct conn;

enum { AHEAD_KEYS = 8 };

/* Reads the next requests, at most `max`, for their keys only, so that the engine can fetch all they need
 * at once. They are parsed again when their turn comes: that is cheap beside one miss of the caches.
 * Returns how many keys. */
size_t ahead_peek(const struct conn *conn, struct bytes *ret_keys, size_t max);

/* Has the engine fetch what the next AHEAD_KEYS requests need. */
void ahead_look(const struct conn *conn);

#endif
