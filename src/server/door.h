/*
 * door: where one worker waits at one listener.
 *
 * Promise: over the connection limit the newest is told so and closed, or waits in the backlog with -o
 * no_maxconns_fast, as with memcached; then, and out of descriptors, the worker stops accepting for a moment instead of
 * spinning.
 * Threads: the worker's.
 */
#ifndef CLOAKROOM_SERVER_DOOR_H
#define CLOAKROOM_SERVER_DOOR_H

#include "server/worker.h"

/* Begins to accept at all listeners of the server. */
enum err door_open_all(struct worker *worker) ERR_MUST_CHECK;
void door_free_all(struct worker *worker);

#endif
