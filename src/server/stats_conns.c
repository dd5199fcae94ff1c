/* stats conns: who is connected, and how it stands with them. See stats_private.h. */
#include "server/address.h"
#include "server/roll.h"
#include "server/stats_private.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAME_MAX_LEN = 64, SPARE = 64 };

static void put_of(struct conn *conn, int fd, const char *what, const char *value)
{
    char name[NAME_MAX_LEN];
    snprintf(name, sizeof name, "%d:%s", fd, what);
    stats_put(conn, name, "%s", value);
}

static void put_seconds(struct conn *conn, int fd, uint64_t seconds)
{
    char value[NAME_MAX_LEN];
    snprintf(value, sizeof value, "%llu", (unsigned long long)seconds);
    put_of(conn, fd, "secs_since_last_cmd", value);
}

static void put_listeners(struct conn *conn)
{
    const struct server *server = conn->worker->server;
    char address[ADDRESS_MAX];
    for (size_t i = 0; i < server->nlisteners; i++) {
        int fd = server->listeners[i].fd;
        bool is_udp = server->listeners[i].is_udp;
        if (!address_tell(fd, false, is_udp ? "udp" : "tcp", address, sizeof address))
            continue;
        put_of(conn, fd, "addr", address);
        put_of(conn, fd, "state", is_udp ? "conn_read" : "conn_listening");
        put_seconds(conn, fd, (conn->worker->loop.now_ns - server->started_ns) / 1000000000U);
    }
}

/* In memcached's words. */
static const char *state_of(const struct roll_line *line)
{
    switch (line->state) {
    case CONN_READING:
        return line->is_amid ? "conn_nread" : "conn_read";
    case CONN_WRITING:
        return "conn_mwrite";
    case CONN_WAITING:
    case CONN_SYNCING:
        return "conn_io_queue";
    case CONN_WATCHING:
        return "conn_watch";
    case CONN_YIELDED:
        return "conn_new_cmd";
    case CONN_GONE:
        break;
    }
    return "conn_closing";
}

static void put_connection(struct conn *conn, const struct roll_line *line)
{
    char address[ADDRESS_MAX];
    uint32_t now_s = conn->worker->now_s;
    if (!address_tell(line->fd, true, "tcp", address, sizeof address))
        return;
    put_of(conn, line->fd, "addr", address);
    if (address_tell(line->fd, false, "tcp", address, sizeof address))
        put_of(conn, line->fd, "listen_addr", address);
    put_of(conn, line->fd, "state", line->fd == conn->transport.fd ? "conn_parse_cmd" : state_of(line));
    put_seconds(conn, line->fd, now_s > line->busy_s ? now_s - line->busy_s : 0);
}

/* Copied first, so that the worker whose connections they are does not have to wait for the system to tell about each;
 * one that closes meanwhile is left out. */
void stats_run_conns(struct conn *conn)
{
    const struct server *server = conn->worker->server;
    put_listeners(conn);
    for (size_t i = 0; i < server->nworkers; i++) {
        struct worker *worker = server->workers[i];
        size_t room = __atomic_load_n(&worker->nconnections, __ATOMIC_RELAXED) + SPARE;
        struct roll_line *lines = calloc(room, sizeof *lines);
        size_t n = lines == NULL ? 0 : roll_copy(worker, lines, room);
        for (size_t k = 0; k < n && k < room && !conn->is_last; k++)
            put_connection(conn, &lines[k]);
        free(lines);
    }
    stats_put_end(conn);
}
