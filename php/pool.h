/*
 * pool: the servers of one session.save_path, and which of them has which session.
 *
 * Promise: every process with the same servers has the same ranking for a session: see client/ranking.h.
 *
 * Ownership: a pool belongs to its list, from pool_find() to pool_free_all(), and its servers to it.
 * Threads: a list belongs to one.
 * Limits: POOLS_MAX different save_paths, of which the first make room.
 * Failure: NULL; `error`, of CLIENT_ERROR_MAX bytes, says which part of the path is wrong and what the right form is.
 */
#ifndef CLOAKROOM_PHP_POOL_H
#define CLOAKROOM_PHP_POOL_H

#include "server.h"

enum { POOLS_MAX = 16, POOL_PATH_MAX = 4096 };

struct pool {
    struct pool *next;
    char *path;           /* the save_path as it was written */
    uint64_t round_trips; /* of all servers; what was asked of several at once counts once */
    size_t n;
    struct server servers[];
};

/* What `path` means, from the list or new in it. */
struct pool *pool_find(struct pool **list, const char *path, char *error);

/* The first `n` in the session's ranking, best first; there are no more than pool->n. Returns how many. */
size_t pool_rank(struct pool *pool, struct bytes id, struct server **ret, size_t n);

/* At the end of a request: see server_tidy(). */
void pool_tidy_all(struct pool *list);

void pool_free_all(struct pool **list);

#endif
