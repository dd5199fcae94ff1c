/*
 * path: the servers that a session.save_path names, in the forms that people already have.
 *
 *      tcp://h:p?weight=2&timeout=1, tcp://h:p      php-memcache: each with its scheme; unix:///path, tls://h:p?ca=…
 *      h:p:2, h:p                                   php-memcached: none has one; /path, [v6]:p, a weight behind a blank
 *
 * Servers are set apart by commas, blanks, or both. address.h has the forms of one of them.
 *
 * Promise: pure. What is no such list is refused with the part that is wrong and what to write instead. A server's name,
 * which decides what sessions it has, is its address as it was written, without scheme, weight and settings.
 * Limits: PATH_SERVERS_MAX servers, each once; a socket's path has neither blanks nor commas.
 * Failure: ERR_USAGE, its line in `error`, of PATH_ERROR_MAX bytes.
 */
#ifndef CLOAKROOM_CLIENT_PATH_H
#define CLOAKROOM_CLIENT_PATH_H

#include "client/address.h"

#include <stddef.h>

enum {
    PATH_SERVERS_MAX = 32,
    PATH_PART_MAX = 1600, /* one server with all its settings, its zero included */
    PATH_NAME_MAX = 272,
    PATH_ERROR_MAX = 448,
    PATH_WEIGHT_MAX = 1000
};

struct path_server {
    struct address address;
    char name[PATH_NAME_MAX];
    uint32_t weight;     /* 1 to PATH_WEIGHT_MAX */
    uint32_t connect_ms; /* 0: it has no timeout of its own */
};

struct path {
    size_t n; /* at least 1 */
    struct path_server servers[PATH_SERVERS_MAX];
};

enum err path_parse(const char *text, struct path *ret, char *error) ERR_MUST_CHECK;

#endif
