/* Lists of servers and their ranking, see pool.h. */
#include "pool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- finding ---- */

__attribute__((format(printf, 2, 3))) static bool refuse_path(char *error, const char *format, ...)
{
    int len = snprintf(error, CLIENT_ERROR_MAX, "session.save_path: ");
    va_list args;
    va_start(args, format);
    vsnprintf(error + len, CLIENT_ERROR_MAX - (size_t)len, format, args);
    va_end(args);
    return false;
}

static bool check_folders(const struct path *path, char *error)
{
    struct stat found;
    for (size_t i = 0; i < path->n; i++) {
        const struct address *address = &path->servers[i].address;
        if (address->kind == ADDRESS_UNIX && stat(address->path, &found) == 0 && S_ISDIR(found.st_mode))
            return refuse_path(
                error, "'%s' is a folder, as for session.save_handler = files; write the path of the socket",
                address->path);
    }
    return true;
}

static struct pool *make(const char *text, const struct path *path)
{
    struct pool *pool = calloc(1, sizeof *pool + path->n * sizeof *pool->servers);
    char *copy = strdup(text);
    if (pool == NULL || copy == NULL) {
        free(pool);
        free(copy);
        return NULL;
    }
    pool->path = copy;
    pool->n = path->n;
    for (size_t i = 0; i < path->n; i++)
        server_init(&pool->servers[i], &path->servers[i]);
    return pool;
}

static void free_one(struct pool **at)
{
    struct pool *pool = *at;
    *at = pool->next;
    for (size_t i = 0; i < pool->n; i++)
        server_drop(&pool->servers[i]);
    free(pool->path);
    free(pool);
}

static void make_room(struct pool **list)
{
    size_t n = 0;
    for (struct pool **at = list; *at != NULL; at = &(*at)->next)
        if (++n == POOLS_MAX) {
            free_one(at);
            return;
        }
}

static struct pool *parse(const char *text, char *error)
{
    char why[PATH_ERROR_MAX];
    struct pool *pool = NULL;
    struct path *path = malloc(sizeof *path);
    if (path == NULL)
        refuse_path(error, "the system has no memory left");
    else if (path_parse(text, path, why) != ERR_NONE)
        refuse_path(error, "%s", why);
    else if (check_folders(path, error) && (pool = make(text, path)) == NULL)
        refuse_path(error, "the system has no memory left");
    free(path);
    return pool;
}

struct pool *pool_find(struct pool **list, const char *path, char *error)
{
    for (struct pool *pool = *list; pool != NULL; pool = pool->next)
        if (strcmp(pool->path, path) == 0)
            return pool;
    if (strlen(path) >= POOL_PATH_MAX) {
        refuse_path(error, "it has more than %d bytes", POOL_PATH_MAX - 1);
        return NULL;
    }
    struct pool *pool = parse(path, error);
    if (pool == NULL)
        return NULL;
    make_room(list);
    pool->next = *list;
    *list = pool;
    return pool;
}

/* ---- ranking ---- */

size_t pool_rank(struct pool *pool, struct bytes id, struct server **ret, size_t n)
{
    struct ranked all[PATH_SERVERS_MAX];
    size_t first[PATH_SERVERS_MAX] = {0};
    if (pool->n == 1) {
        ret[0] = &pool->servers[0];
        return 1;
    }
    for (size_t i = 0; i < pool->n; i++)
        all[i] = pool->servers[i].ranked;
    size_t found = ranking_first(all, pool->n, id, first, n);
    for (size_t i = 0; i < found; i++)
        ret[i] = &pool->servers[first[i]];
    return found;
}

/* ---- the end ---- */

void pool_tidy_all(struct pool *list)
{
    for (struct pool *pool = list; pool != NULL; pool = pool->next)
        for (size_t i = 0; i < pool->n; i++)
            server_tidy(&pool->servers[i]);
}

void pool_free_all(struct pool **list)
{
    while (*list != NULL)
        free_one(list);
}
