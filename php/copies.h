/*
 * copies: the servers that have one session, asked all at once; private to php/.
 *
 *      copies_find() -> copies_begin() -> copies_send() to each -> copies_next() of each -> copies_begin() ...
 *
 * Promise: what is asked of several servers takes one round trip, and the time of one when some of them hang. One that
 * fails while the session goes on with others is logged once, not warned of, as frameworks make exceptions of warnings.
 * Revisions: the higher is the newer; 48 bits count writes, 16 are drawn, all ones for the end of a session (the server
 * does the same, see docs/protocol.md, "Copies").
 *
 * Ownership: the servers are the pool's.
 * Failure: false; copy->server->error says why. `is_away` then says that it need not be asked again.
 */
#ifndef CLOAKROOM_PHP_COPIES_H
#define CLOAKROOM_PHP_COPIES_H

#include "line.h"

struct copy {
    struct server *server;
    bool is_away;
    bool is_asked; /* its answer is still to be read */
    bool
        is_live; /* as it was read, or written, last; else it was killed, if it has a revision, or never there */
    bool is_held; /* somebody else has its lease there */
    uint64_t revision;
    char token[TOKEN_MAX]; /* of our lease there, or "" */
};

struct copies {
    struct pool *pool;
    size_t n;
    struct copy list[REDUNDANCY_MAX]; /* in the order of the ranking */
    uint64_t asked_ns;
    unsigned nsent;
    unsigned nread;
};

void copies_find(struct copies *copies, const zend_string *id);

/* A round trip begins. */
void copies_begin(struct copies *copies);

bool copies_send(struct copies *copies, struct copy *copy, const struct line *line, struct bytes value);
bool copies_next(struct copies *copies, struct copy *copy, struct reply *ret);
/* An answer of one line, to its end. */
bool copies_read(struct copies *copies, struct copy *copy, struct reply *ret);

/* Who found the first servers away and has the lease of a later one, `holder`, looks once more: has one come back, where
 * another may have its lease by now? It is asked again then. One that hangs is not tried, see server.h. */
enum { COPIES_LOOKS_MAX = 2 }; /* for one session */
bool copies_look_again(struct copies *copies, const struct copy *holder, const zend_string *id);

/* Whatever failed, it is not asked again for this session. */
void copies_give_up(struct copies *copies, struct copy *copy);

/* What was not written to it, the newest has. */
static inline bool copies_is_behind(const struct copy *copy, uint64_t revision)
{
    return !copy->is_away && (!copy->is_live || copy->revision < revision);
}

uint64_t copies_next_revision(uint64_t highest);
uint64_t copies_last_revision(uint64_t highest);

#endif
