/*
 * slabs: the commands slabs and lru. There are no slabs to move pages between and no LRU to tune: what memcached lets them
 * be told is checked, answered as there, and without effect.
 *
 * Threads: a connection's worker.
 */
#ifndef CLOAKROOM_SERVER_SLABS_H
#define CLOAKROOM_SERVER_SLABS_H

struct conn;

void slabs_run(struct conn *conn);
void slabs_run_lru(struct conn *conn);

#endif
