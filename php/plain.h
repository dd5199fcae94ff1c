/*
 * plain: a session on a memcached that knows no session verbs, with php-memcached's keys, so that both can be mixed there;
 * private to php/.
 *
 *      open    add <prefix>lock.<id>, gets <prefix>lock.<id>, gats <prefix><id>      one round trip, again and again while
 *                                                                                   another has the lock
 *      write   cas (or add) <prefix><id>, cas <prefix>lock.<id> with an end that is past       one round trip
 *
 * Promise: one at a time, as long as the lock lives (cloakroom.lease, or max_execution_time, or 30 s); who has outlived
 * his lock cannot overwrite what another has stored since (cas), nor take the other's lock away (cas, too). As with
 * php-memcached nobody is woken: pauses of 10 ms, doubled up to 150 ms, until cloakroom.wait is over.
 * What is lost: tags, lists, kills, ages and absolute lives; a holder that is killed blocks the session until its lock ends;
 * memcached drops sessions when it is full.
 * Ownership, Failure: as session.h.
 */
#ifndef CLOAKROOM_PHP_PLAIN_H
#define CLOAKROOM_PHP_PLAIN_H

#include "session.h"

enum fetch plain_fetch(struct session *session, zend_string *id, bool must_exist, bool read_only);
zend_result plain_look_up(const struct session *session, zend_string *id);

/* The caller has looked whether it may be written. */
zend_result plain_store(struct session *session, zend_string *id, zend_string *value);
zend_result plain_touch(struct session *session);
void plain_give_back(struct session *session);
zend_result plain_kill(struct session *session, zend_string *id);

/* What was there lives on under the old id for cloakroom.grace. */
zend_result plain_succeed(struct session *session, zend_string *id, zend_string *value);

#endif
