/*
 * access: what a connection has to show before it may do anything: user and password; and who can read along: TLS.
 *
 *      -Y FILE       text only: the first command is a `set` whose value is "user password"
 *      -S            binary only: SASL PLAIN; users from -Y FILE or the file that MEMCACHED_SASL_PWDB names
 *      -S -Y FILE    both dialects, each in its way
 *
 *      -Z -o ssl_…   TLS on TCP, in front of all that
 *
 * Promise: a connection that has not shown it may do nothing (its role is 0), and is told so in memcached's words.
 * A reload that fails changes nothing.
 *
 * Threads: access_reload_…() from any; the rest of a connection's from its worker.
 * Failure: one line in `error` that says what to do.
 */
#ifndef CLOAKROOM_SERVER_ACCESS_H
#define CLOAKROOM_SERVER_ACCESS_H

#include "net/tls.h"
#include "server/settings.h"
#include "server/users.h"

enum {
    ACCESS_ERROR_MAX = 640,
    ACCESS_TRIES_MAX = 10 /* wrong logins of one connection: the last one closes it */
};

struct conn;

struct access {
    const struct settings *settings;
    const char *users_path; /* NULL: nobody has to log in */
    struct users users;
    struct tls *tls;                  /* NULL: none */
    _Atomic uint64_t certs_loaded_ns; /* steady */
    bool is_open;
};

/* Reads all files; as root, before that right is given up. */
enum err access_open(struct access *access, const struct settings *settings, uint64_t now_ns,
                     char *error) ERR_MUST_CHECK;
/* Takes one that was never opened, too. */
void access_close(struct access *access);

/* Reads the file of users again, or those of -Z, at `now_ns`, steady. */
enum err access_reload_users(struct access *access, char *error) ERR_MUST_CHECK;
enum err access_reload_certs(struct access *access, uint64_t now_ns, char *error) ERR_MUST_CHECK;

/* A new connection, at a listener that allows `role`. */
void access_begin(struct conn *conn, unsigned role);

/* Carries out VERB_LOGIN and VERB_SASL_LIST. */
void access_login(struct conn *conn);
void access_list(struct conn *conn);

/* Carries out VERB_REFRESH_CERTS. */
void access_refresh_certs(struct conn *conn);

#endif
