/*
 * dump: all items, one line each, as the answer to `lru_crawler metadump` and `mgdump`, and to `stats cachedump`.
 *
 * Promise: the list is never in memory: a few items are copied out of the store, told, and the next ones are asked for
 * when the peer has taken those. So one that does not read holds up nobody but itself, and pins nothing. What
 * store_list() promises holds for a dump: what is there all the time is in it.
 *
 * Ownership: a connection owns its dump.
 * Threads: the connection's worker.
 * Limits: DUMPS_MAX at a time in all, 20 KiB each.
 */
#ifndef CLOAKROOM_SERVER_DUMP_H
#define CLOAKROOM_SERVER_DUMP_H

#include "server/conn.h"

enum { DUMPS_MAX = 4 };

enum dump_form { DUMP_METADUMP, DUMP_MGDUMP, DUMP_CACHEDUMP };

/* Begins one, of the classes that have their bit (of their number as shown: store class + 1) in `classes`, and of at
 * most `limit` items. False: there are too many already, or there is no memory. */
bool dump_begin(struct conn *conn, enum dump_form form, uint64_t classes, uint64_t limit);

/* Puts the next lines into the answers; at the end conn->dump is NULL. */
void dump_go_on(struct conn *conn);

/* Empties the pointer; NULL inside is fine. */
void dump_free(struct server *server, struct dump **dump);

/* The number that stands for a class in dumps and events. */
static inline unsigned dump_class_number(enum store_class class)
{
    return (unsigned)class + 1;
}

#endif
