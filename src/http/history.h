/*
 * history: the last quarter of an hour, a row a second, so that a chart that is opened has a past.
 *
 * Threads: one.
 * Limits: HISTORY_ROWS rows; a second in which nobody came to write one has none.
 */
#ifndef CLOAKROOM_HTTP_HISTORY_H
#define CLOAKROOM_HTTP_HISTORY_H

#include <jansson.h>
#include <stdint.h>

enum { HISTORY_ROWS = 900 };

/* name, and the line of `stats` it is; "": not from there. */
#define HISTORY_COLUMNS(X)                                                                                   \
    X(time_ms, "")                                                                                           \
    X(sessions, "cloakroom_sessions")                                                                        \
    X(opens, "cloakroom_session_opens")                                                                      \
    X(writes, "cloakroom_session_writes")                                                                    \
    X(waits, "cloakroom_lock_waits")                                                                         \
    X(waiting, "cloakroom_lock_waiting")                                                                     \
    X(memory, "cloakroom_used_bytes")                                                                        \
    X(disk, "cloakroom_disk_bytes")                                                                          \
    X(refused, "cloakroom_refused_full")                                                                     \
    X(gets, "cmd_get")                                                                                       \
    X(sets, "cmd_set")                                                                                       \
    X(cpu_s, "")

enum history_column {
#define HISTORY_ENUM(name, stat) HISTORY_##name,
    HISTORY_COLUMNS(HISTORY_ENUM) HISTORY_NCOLUMNS
#undef HISTORY_ENUM
};

struct history_row {
    double values[HISTORY_NCOLUMNS];
};

struct history {
    struct history_row rows[HISTORY_ROWS]; /* row n at n % HISTORY_ROWS */
    uint64_t nrows;                        /* ever */
};

struct http_host;

void history_add(struct history *history, const struct http_host *host, uint64_t wall_ms);
/* Rows later than `after_ms`. NULL: out of memory. */
json_t *history_show(const struct history *history, uint64_t after_ms);

#endif
