/*
 * access: what a connection has to show before it may do anything: user and password.
 *
 *      -Y FILE       text only: the first command is a `set` whose value is "user password"
 *      -S            binary only: SASL PLAIN; users from -Y FILE or the file that MEMCACHED_SASL_PWDB names
 *      -S -Y FILE    both dialects, each in its way
 *
 * Promise: a connection that has not shown it may do nothing (its role is 0), and is told so in memcached's words.
 * A reload that fails changes nothing.
 *
 * Threads: access_reload() from any; the rest of a connection's from its worker.
 * Failure: one line in `error` that says what to do.
 */
#ifndef CLOAKROOM_SERVER_ACCESS_H
#define CLOAKROOM_SERVER_ACCESS_H

#include "server/settings.h"
#include "server/users.h"

enum { ACCESS_ERROR_MAX = 640 };

struct conn;

struct access {
    const struct settings *settings;
    const char *users_path; /* NULL: nobody has to log in */
    struct users users;
    bool is_open;
};

/* Reads all files; as root, before that right is given up. */
enum err access_open(struct access *access, const struct settings *settings, char *error) ERR_MUST_CHECK;
/* Takes one that was never opened, too. */
void access_close(struct access *access);

/* Reads all files again. */
enum err access_reload(struct access *access, char *error) ERR_MUST_CHECK;

/* A new connection, at a listener that allows `role`. */
void access_begin(struct conn *conn, unsigned role);

/* Carries out VERB_LOGIN and VERB_SASL_LIST. */
void access_login(struct conn *conn);
void access_list(struct conn *conn);

#endif
