/*
 * listen: sockets that connections arrive at.
 *
 * Promise: what accepted sockets share (no delay, keepalive L4, non-blocking) is set once, on the listening
 * socket, where Linux lets them inherit it: no system call per connection. A socket file left behind by a
 * dead server is replaced, a live server's is not.
 * Failure: ERR_SYSTEM or ERR_USAGE with one line in `error` that says what to do.
 */
#ifndef CLOAKROOM_NET_LISTEN_H
#define CLOAKROOM_NET_LISTEN_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LISTEN_ERROR_MAX = 384, LISTEN_PER_NAME_MAX = 16 };

/* Listens on each address that `host` (a name, an IPv4 or IPv6 address; NULL: every interface) stands for,
 * at most LISTEN_PER_NAME_MAX. port 0: one that the system picks, the same for all. Appends to ret_fds,
 * adds to *ret_n. */
enum err listen_tcp(const char *host, uint16_t port, int backlog, int *ret_fds, size_t *ret_n,
                    char *error) ERR_MUST_CHECK;

/* The same for datagrams. */
enum err listen_udp(const char *host, uint16_t port, int *ret_fds, size_t *ret_n, char *error) ERR_MUST_CHECK;

/* Listens on a socket file with access mode `mode`. */
enum err listen_unix(const char *path, unsigned mode, int backlog, int *ret_fd, char *error) ERR_MUST_CHECK;

/* Makes a socket that somebody else has opened one of ours: false when it does not listen for streams. */
bool listen_adopt(int fd);

/* The name of a unix socket, "@…" for one without a file, which the caller frees; NULL: it is none. */
char *listen_path(int fd);

/* The port a TCP or UDP socket listens on. */
uint16_t listen_port(int fd);

bool listen_is_v6(int fd);

/* A new connection, non-blocking, close-on-exec; or -1, errno as accept4() left it. */
int listen_accept(int fd);

#endif
