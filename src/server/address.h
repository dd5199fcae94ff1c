/*
 * address: a socket's own address, or its peer's, in memcached's words.
 *
 * Threads: any.
 */
#ifndef CLOAKROOM_SERVER_ADDRESS_H
#define CLOAKROOM_SERVER_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

enum { ADDRESS_MAX = 128 };

/* "tcp:127.0.0.1:11211", "tcp6:[::1]:11211", with `kind` for tcp; "unix:/run/socket". False: it has closed meanwhile, or
 * has no peer. */
bool address_tell(int fd, bool of_peer, const char *kind, char *text, size_t size);

#endif
