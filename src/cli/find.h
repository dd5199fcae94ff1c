/*
 * find: which server is meant, and a connection to it.
 *
 * Promise: a server that was named is the only one that is asked. Without one it is the local one: the socket, when its
 * file is there and somebody answers, or else the address. A socket that is there and does not answer is told in `note`
 * when another answers in its place. When nobody answers, `error` has what is wrong with each.
 * Failure: as client_open().
 */
#ifndef CLOAKROOM_CLI_FIND_H
#define CLOAKROOM_CLI_FIND_H

#include "client/client.h"

enum { FIND_TEXT_MAX = 3 * CLIENT_ERROR_MAX };

struct find {
    const char *server; /* as it was named; NULL: the local one */
    const char *socket; /* of the local one */
    const char *address;
    struct client_limits limits;

    const char *found;
    char note[FIND_TEXT_MAX];
    char error[FIND_TEXT_MAX];
};

enum err find_server(struct find *find, struct client *client) ERR_MUST_CHECK;

#endif
