/*
 * stand_in: the session handlers `memcache` and `memcached`, where php's own extensions of these names are not there, so
 * that an old php.ini goes on to work; private to php/.
 *
 * Promise: where the real extension is loaded, in whatever order, its handler is the one that is found by its name. What
 * a real handler has stored is the session that the stand-in finds under that id, and the other way round.
 * Threads: what was found at the start of PHP is only read later.
 */
#ifndef CLOAKROOM_PHP_STAND_IN_H
#define CLOAKROOM_PHP_STAND_IN_H

#include "base/bytes.h"

#include <stdbool.h>

enum stand_in { STAND_IN_NONE, STAND_IN_MEMCACHED, STAND_IN_MEMCACHE, STAND_INS };

/* As PHP's core calls the handler; of STAND_IN_NONE: "cloakroom". */
const char *stand_in_name(enum stand_in which);

/* At the start of PHP: does nobody else answer to this name, and is it wanted (cloakroom.stand_in)? */
bool stand_in_is_wanted(enum stand_in which);

/* What session.save_handler names, while no session is open. */
enum stand_in stand_in_configured(void);

/* Where its sessions are: memcache.session_save_path of php.ini beats session.save_path. */
const char *stand_in_save_path(enum stand_in which, const char *given);

/* What php-memcached puts before an id, memcached.sess_prefix of php.ini among it. */
const char *stand_in_prefix(enum stand_in which);

/* The application that memcached.sess_prefix of php.ini means to the server, as --session-prefix has it: "shop." is
 * that of shop, and the prefix that php-memcached has by itself that of none (empty). */
struct bytes stand_in_application(enum stand_in which);

#endif
