/*
 * address: where a server is, as people write it.
 *
 *      host:port    [v6]:port    tcp://host:port        over TCP
 *      /path        unix:///path                        a unix socket; PHP's `:0` behind it is dropped
 *
 * Promise: both ways that PHP's two memcached extensions want are understood. What is not is refused with the
 * mistake and what to write instead; nothing is guessed, no port is made up.
 * Failure: ERR_USAGE, its line in `error`.
 */
#ifndef CLOAKROOM_CLIENT_ADDRESS_H
#define CLOAKROOM_CLIENT_ADDRESS_H

#include "base/err.h"

#include <stdint.h>

enum {
    ADDRESS_HOST_MAX = 254, /* the longest name there is, its zero included */
    ADDRESS_PATH_MAX = 108, /* the longest path of a socket, its zero included */
    ADDRESS_ERROR_MAX = 384
};

enum address_kind { ADDRESS_TCP, ADDRESS_UNIX };

struct address {
    enum address_kind kind;
    uint16_t port;               /* of ADDRESS_TCP, never 0 */
    char host[ADDRESS_HOST_MAX]; /* of ADDRESS_TCP: a name, an IPv4 or IPv6 address, without brackets */
    char path[ADDRESS_PATH_MAX]; /* of ADDRESS_UNIX */
};

/* Parses all of `text`. */
enum err address_parse(const char *text, struct address *ret, char *error) ERR_MUST_CHECK;

#endif
