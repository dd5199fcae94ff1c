/*
 * session: one session of PHP's, from open to close, as session verbs; private to php/.
 *
 *      session_fetch() ─> session_store() | session_touch() | session_give_back() | session_succeed() | session_kill()
 *
 * Promise: what was not read whole is not written; what was killed or written by another meanwhile is not overwritten.
 * Ownership: the strings are counted.
 * With several copies (cloakroom.redundancy) the lease is taken at the first server in the ranking that can be asked, in
 * the same round trip the others tell what they have; the newest is the session. Writes go to all, those that are behind
 * are brought up to date by what ends the session. What is not told by the lease's server is told by its writer: age,
 * absolute end and tags go along with each write, and from an old id to the new one.
 *
 * Failure: FAILURE or FETCH_FAILED, after one E_WARNING.
 */
#ifndef CLOAKROOM_PHP_SESSION_H
#define CLOAKROOM_PHP_SESSION_H

#include "copies.h"

struct session {
    struct copies copies;
    struct server
        *server;     /* of these the one where its lease is; NULL before it is known which session this is */
    zend_string *id; /* what was read whole, NULL: nothing */
    zend_string *value;           /* as it was read; NULL: there was none */
    zend_string *created;         /* by create_sid: nobody has it yet */
    uint64_t revision;            /* the highest of all copies */
    struct belongings belongings; /* kept when there are several */
    uint64_t item_cas;            /* of a plain memcached's item, and of our lock there; 0: none */
    uint64_t lock_cas;
    bool is_plain;     /* see plain.h */
    bool is_fetched;   /* validate_sid has read what read() is about to ask for */
    bool has_failed;   /* ... or has tried to, and said why not */
    bool is_successor; /* takes the place of another */
    bool is_succeeded; /* the old id of a session that has another by now */
};

enum fetch {
    FETCH_FOUND,
    FETCH_ABSENT,
    FETCH_MISSING,
    FETCH_GONE,
    FETCH_BUSY,
    FETCH_FAILED,
    FETCH_AWAY,
    FETCH_PLAIN
};

/* One E_WARNING; always FAILURE. */
__attribute__((format(printf, 1, 2))) zend_result session_complain(const char *format, ...);

/* For messages: which server it is about, or all of them. */
const char *session_where(const struct session *session);

bool session_is_same(const zend_string *a, zend_string *b);

/* Is this a good id for a new session: on a server that can be asked, or, when it takes the place of another, on that
 * one's server, which knows its tags and its age? */
bool session_suits(const struct session *session, const zend_string *id);

/* Reads it and takes its lease. FETCH_ABSENT: there is none, but the lease is held; FETCH_MISSING: none, and it had to
 * exist; FETCH_GONE: it was killed while this one waited. (FETCH_AWAY and FETCH_PLAIN stay inside.) */
enum fetch session_fetch(struct session *session, zend_string *id, bool must_exist);

/* Whether an id exists, asked while another session is open: its lease stays where it is. */
zend_result session_look_up(const struct session *session, zend_string *id);

/* Writes it, and gives the lease back unless it is kept. */
zend_result session_store(struct session *session, zend_string *id, zend_string *value, bool keep);

/* Gives the lease back, and begins the idle life anew. */
zend_result session_touch(struct session *session);

/* Gives the lease back. What goes wrong here is no loss: it ends with its connection, which is then closed. */
void session_give_back(struct session *session);

/* For session_regenerate_id(): the one that is opened next takes its place. The old one can be read for a while, or is
 * killed. */
zend_result session_succeed(struct session *session, zend_string *id, zend_string *value);
zend_result session_kill_to_succeed(struct session *session, zend_string *id);

zend_result session_kill(struct session *session, zend_string *id);

/* Takes back what session_fetch() has found, not the lease. */
void session_forget(struct session *session);

/* session_end.c and session.c share: */
bool session_has_lease(const struct session *session);
void session_lose_leases(struct session *session);
bool session_take_token(struct copy *copy, struct bytes token);
void session_lose_token(struct copy *copy);

#endif
