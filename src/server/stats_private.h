/*
 * stats_private: what the files of stats.c share.
 *
 *      stats.c            the command, its kinds, and its lines
 *      stats_general.c    stats
 *      stats_settings.c   stats settings
 *      stats_items.c      stats items, stats slabs, stats sizes
 *      stats_conns.c      stats conns
 *
 * Names and shapes are memcached's, all of them, since tools and exporters take a missing one for an error. What has no
 * meaning here is 0, or no: there is nothing of it. docs/memcached.md lists these.
 */
#ifndef CLOAKROOM_SERVER_STATS_PRIVATE_H
#define CLOAKROOM_SERVER_STATS_PRIVATE_H

#include "server/exec.h"
#include "server/stats.h"

/* Where lines go: the general ones are for others than connections, too. */
struct stats_out {
    struct server *server;
    uint64_t now_ns; /* steady */
    void (*line)(struct stats_out *out, struct bytes name, struct bytes value);
};

void stats_line(struct stats_out *out, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void stats_line_u64(struct stats_out *out, const char *name, uint64_t value);
void stats_line_zeros(struct stats_out *out, const char *const *names, size_t n);

/* Lines of a connection's answer. */
void stats_put(struct conn *conn, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void stats_put_u64(struct conn *conn, const char *name, uint64_t value);
void stats_put_zeros(struct conn *conn, const char *const *names, size_t n);
void stats_put_end(struct conn *conn);

/* Over all workers, since the start or the last `stats reset`. */
uint64_t stats_counted(const struct server *server, enum counter counter);

void stats_general(struct stats_out *out);

void stats_run_settings(struct conn *conn);
void stats_run_items(struct conn *conn);
void stats_run_slabs(struct conn *conn);
void stats_run_sizes(struct conn *conn);
void stats_run_sizes_change(struct conn *conn);
void stats_run_conns(struct conn *conn);
void stats_run_cachedump(struct conn *conn);

#endif
