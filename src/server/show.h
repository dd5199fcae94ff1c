/*
 * show: keys as they may be shown in dumps and to watchers.
 *
 *      a session      session:0123456789abcdef     its handle; never its id
 *      its lock       lock:0123456789abcdef        the same digits
 *      anything else  the key, what is not letter, digit, or one of -._~ as %NN
 *
 * Promise: a colon is never in a key as show_key() shows it, so there no key can pose as a handle.
 *
 * Threads: any.
 */
#ifndef CLOAKROOM_SERVER_SHOW_H
#define CLOAKROOM_SERVER_SHOW_H

#include "server/server.h"

enum { SHOW_KEY_MAX = 3 * 250 };

/* `is_session`: what is known beyond the key's name. Writes at most SHOW_KEY_MAX bytes, returns how many. */
size_t show_key(const struct server *server, struct bytes key, bool is_session, char *out);

/* One that is the hash of a session's id. */
size_t show_hashed(struct bytes key, char *out);

/* As it is, or like show_key() when it is not fit for text. */
size_t show_bare_key(const struct server *server, struct bytes key, bool is_session, char *out);

/* As it stands in a meta command: with a b behind it when it is not fit for text. At most SHOW_KEY_MAX bytes. */
size_t show_meta_key(const struct server *server, struct bytes key, bool is_session, char *out);

#endif
