/*
 * fuzz_path: any text as a session.save_path. What is taken has servers whose names, weights and addresses are within
 * their limits, and is taken again when it is written anew; what is refused is said in one line.
 */
#include "base/check.h"
#include "client/path.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEN_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool ends(const char *text, size_t max)
{
    return memchr(text, '\0', max) != NULL;
}

static void look_into(const struct path_server *server)
{
    const struct address *address = &server->address;
    CHECK(server->weight >= 1 && server->weight <= PATH_WEIGHT_MAX && server->connect_ms <= 3601 * 1000);
    CHECK(ends(server->name, sizeof server->name) && server->name[0] != '\0');
    CHECK(ends(address->host, sizeof address->host) && ends(address->path, sizeof address->path));
    CHECK((address->kind == ADDRESS_TCP) == (address->port != 0));
    CHECK((address->kind == ADDRESS_UNIX) == (address->path[0] == '/'));
    CHECK(!address->is_tls || address->kind == ADDRESS_TCP);
    CHECK(address->tls.ca[0] == '\0' || address->is_tls);
}

/* In php-memcached's way, without TLS and settings. */
static void write_anew(const struct path *path, char *to, size_t size)
{
    size_t at = 0;
    for (size_t i = 0; i < path->n; i++)
        at += (size_t)snprintf(to + at, size - at, "%s%s %u, ", path->servers[i].name,
                               path->servers[i].address.kind == ADDRESS_UNIX ? ":0" : "",
                               path->servers[i].weight);
    CHECK(at < size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct path path, again;
    char error[PATH_ERROR_MAX];
    char anew[PATH_SERVERS_MAX * (PATH_NAME_MAX + 16)];
    if (len > LEN_MAX)
        return 0;
    char *text = malloc(len + 1);
    CHECK(text != NULL);
    memcpy(text, data, len);
    text[len] = '\0';
    if (path_parse(text, &path, error) != ERR_NONE) {
        CHECK(ends(error, sizeof error) && error[0] != '\0');
        free(text);
        return 0;
    }
    free(text);
    CHECK(path.n >= 1 && path.n <= PATH_SERVERS_MAX);
    for (size_t i = 0; i < path.n; i++)
        look_into(&path.servers[i]);
    write_anew(&path, anew, sizeof anew);
    CHECK(path_parse(anew, &again, error) == ERR_NONE && again.n == path.n);
    for (size_t i = 0; i < path.n; i++)
        CHECK(strcmp(again.servers[i].name, path.servers[i].name) == 0 &&
              again.servers[i].weight == path.servers[i].weight);
    return 0;
}
