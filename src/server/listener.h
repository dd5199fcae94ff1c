/*
 * listener: the places connections come in at, and what may be done there.
 *
 *      [notls:] [readonly:|noadmin:] address[:port] [, …]        in any order
 *
 * With -U each of these addresses is served by UDP as well; where TLS is asked for, it is not: what is to be encrypted
 * is not to be had in clear beside.
 *
 * Ownership: listener_close_all() closes the descriptors and removes socket files.
 * Threads: read-only after start.
 */
#ifndef CLOAKROOM_SERVER_LISTENER_H
#define CLOAKROOM_SERVER_LISTENER_H

#include "base/err.h"
#include "server/settings.h"

#include <stddef.h>

/* What a connection may do; told by the listener it came in at. */
enum role {
    ROLE_READ = 1,
    ROLE_WRITE = 2,
    ROLE_ADMIN = 4, /* flush_all, verbosity, stats reset */
    ROLE_ALL = ROLE_READ | ROLE_WRITE | ROLE_ADMIN
};

enum { LISTENER_ERROR_MAX = 512 };

struct listener {
    int fd;
    unsigned role;
    bool is_tls;
    bool is_udp;       /* then nothing connects: see udp.h */
    const char *path;  /* of a unix socket; else NULL */
    char *passed_path; /* the same, when the service manager has opened it: nothing to remove then */
    uint64_t inode;    /* of that file: a successor's socket of the same name is not ours to remove */
};

/* Splits "host", "host:port", "[v6]", "[v6]:port" or a bare v6 address, in place; *ret_port stays when there is none, and
 * *ret_has_port says so. */
bool listener_split(char *address, char **ret_host, uint16_t *ret_port, bool *ret_has_port);
/* Of a socket file: see struct listener. */
uint64_t listener_inode(const char *path);

/* Opens all that settings ask for. *ret is an array of *ret_n; with -p 0 that may be none. */
enum err listener_open_all(const struct settings *settings, struct listener **ret, size_t *ret_n,
                           char *error) ERR_MUST_CHECK;
/* Writes the ports of TCP and UDP sockets into the file `path`, one a line as memcached does, all at once. False: see errno. */
bool listener_tell_ports(const struct listener *listeners, size_t n, const char *path);
bool listener_has_udp(const struct listener *listeners, size_t n);
void listener_close_all(struct listener *listeners, size_t n);

#endif
