/*
 * naming: which session or lock a client's key names, if any; and under which hash it is kept.
 *
 * What stands behind a session prefix is a session or its lock by name alone. php-memcache uses bare ids, and locks that
 * end in ".lock", a suffix that caches use, too. So of those
 *
 *      <id>.lock   is a lock if it is held; or the id is that of a session; or, at first contact, the way it is asked
 *                  for says so, and no cache item of that name is in the way
 *      <id>        with keyclass_config.has_bare: is a session if it looks like an id of PHP's, and so is its lock
 *      <id>        is a session if php-memcache has written it (MARK_BARE); or holds its lock now, and no cache item of
 *                  that name is in the way
 *
 * A bare id is one of the default application, where php-memcached and the extension find the same session.
 *
 * Threads: any; the client's own, for what it remembers of it.
 */
#ifndef CLOAKROOM_ENGINE_NAMING_H
#define CLOAKROOM_ENGINE_NAMING_H

#include "engine/handle.h"
#include "engine/keyclass.h"

struct engine_memo;
struct local;
struct op;

struct name {
    enum keyclass kind;
    bool is_bare;
    struct bytes
        application; /* this and the next for any but a plain one; both borrow from the key and the table */
    struct bytes id;
    struct handle_session session;
};

void naming_find(struct local *local, const struct op *op, struct name *ret);

/* By its own name, as the verbs do. */
void naming_session(const struct local *local, struct bytes application, struct bytes id, struct name *ret);

/* For a look ahead: by name alone, and noted for naming_find(). False: it is a plain one. */
bool naming_guess(const struct local *local, struct engine_memo *memo, struct bytes key, struct name *ret);

/* What `key` names as far as can be told without looking at who holds what; `is_session`: what lies there is one. What
 * ends like a lock of php-memcache counts as one. */
void naming_show(const struct local *local, struct bytes key, bool is_session, struct name *ret);

#endif
