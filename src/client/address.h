/*
 * address: where a server is, as people write it.
 *
 *      host:port    [v6]:port    tcp://host:port        over TCP
 *      tls://host:port?ca=…&cert=…&key=…&name=…&verify=0    the same, under TLS; what is behind the ? may be left out
 *      /path        unix:///path                        a unix socket; PHP's `:0` behind it is dropped
 *
 * Promise: both ways that PHP's two memcached extensions want are understood. What is not is refused with the
 * mistake and what to write instead; nothing is guessed, no port is made up.
 * Failure: ERR_USAGE, its line in `error`.
 */
#ifndef CLOAKROOM_CLIENT_ADDRESS_H
#define CLOAKROOM_CLIENT_ADDRESS_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    ADDRESS_HOST_MAX = 254, /* the longest name there is, its zero included */
    ADDRESS_PATH_MAX = 108, /* the longest path of a socket, its zero included */
    ADDRESS_FILE_MAX = 256,
    ADDRESS_ERROR_MAX = 384
};

enum address_kind { ADDRESS_TCP, ADDRESS_UNIX };

/* Of tls://; "" is what goes without saying. */
struct address_tls {
    char ca[ADDRESS_FILE_MAX];   /* whom the server's certificate is to be from; "": whom the system trusts */
    char cert[ADDRESS_FILE_MAX]; /* the client's own */
    char key[ADDRESS_FILE_MAX];
    char name[ADDRESS_HOST_MAX]; /* what the certificate is to be for; "": the host */
    bool is_unverified;          /* whoever answers will do */
};

struct address {
    enum address_kind kind;
    bool is_tls;
    uint16_t port;               /* of ADDRESS_TCP, never 0 */
    char host[ADDRESS_HOST_MAX]; /* of ADDRESS_TCP: a name, an IPv4 or IPv6 address, without brackets */
    char path[ADDRESS_PATH_MAX]; /* of ADDRESS_UNIX */
    struct address_tls tls;
};

/* Parses all of `text`. */
enum err address_parse(const char *text, struct address *ret, char *error) ERR_MUST_CHECK;

#endif
