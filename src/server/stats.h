/* stats: what the server says about itself, under the names that memcached's monitoring reads. */
#ifndef CLOAKROOM_SERVER_STATS_H
#define CLOAKROOM_SERVER_STATS_H

#include "base/bytes.h"

struct conn;
struct server;

/* Answers the stats request of `conn`, whichever kind it asks for; what is none is unknown. */
void stats_run(struct conn *conn);

/* What plain `stats` shows, for others than connections; from any thread. */
void stats_write(struct server *server, void (*line)(void *arg, struct bytes name, struct bytes value),
                 void *arg);

#endif
