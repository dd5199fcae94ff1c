/* stats: what the server says about itself, under the names that memcached's monitoring reads. */
#ifndef CLOAKROOM_SERVER_STATS_H
#define CLOAKROOM_SERVER_STATS_H

struct conn;

/* Answers the stats request of `conn`, whichever kind it asks for; what is none is unknown. */
void stats_run(struct conn *conn);

#endif
