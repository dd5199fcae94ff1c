/* Which server is meant, see find.h. */
#include "cli/find.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static enum err open_named(struct find *find, struct client *client, const char *server)
{
    enum err err = client_open(client, server, find->limits);
    if (err == ERR_NONE)
        find->found = server;
    else
        snprintf(find->error, sizeof find->error, "%s", client->error);
    return err;
}

enum err find_server(struct find *find, struct client *client)
{
    char why[CLIENT_ERROR_MAX];
    find->note[0] = find->error[0] = '\0';
    if (find->server != NULL)
        return open_named(find, client, find->server);
    if (open_named(find, client, find->socket) == ERR_NONE)
        return ERR_NONE;
    snprintf(why, sizeof why, "%s", client->error);
    enum err err = open_named(find, client, find->address);
    bool is_socket_there = access(find->socket, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
    if (err == ERR_NONE && is_socket_there)
        snprintf(find->note, sizeof find->note, "asking %s instead, for %s", find->address, why);
    if (err != ERR_NONE)
        snprintf(find->error, sizeof find->error,
                 "no server answers where a local one may be; start cloakroomd, or name one with --server\n"
                 "  %s\n  %s",
                 why, client->error);
    return err;
}
