/*
 * server: one server, and the one connection that a process has to it.
 *
 *      server_ask() -> server_next() ... server_read_value() -> server_finish()
 *
 * Promise: an answer belongs to its request: each carries a number of its own, which is said back, and whatever
 * brings the two out of step closes the connection. A connection that was idle and has ended meanwhile (the server
 * was restarted) is opened again once. It is close-on-exec, and bound to its process: after a fork the child opens
 * its own. A server that did not answer in time is not asked again for `retry_ms`.
 *
 * Ownership: a server belongs to its pool; a reply is borrowed until the next call.
 * Threads: one at a time.
 * Failure: false; server->error then has one line that names the server, what is wrong and what to do. The
 * connection is closed then, except after a refusal that leaves it in step.
 */
#ifndef CLOAKROOM_PHP_SERVER_H
#define CLOAKROOM_PHP_SERVER_H

#include "client/client.h"
#include "client/path.h"
#include "client/ranking.h"
#include "client/reply.h"

#include <sys/types.h>

struct server_limits {
    uint32_t connect_ms;
    uint32_t read_ms; /* from one line to the next */
    uint32_t retry_ms;
    uint32_t wait_ms; /* for a lease, all told */
};

struct server_figures {
    uint64_t connects;
    uint64_t round_trips;
    uint64_t waits; /* for a lease */
    uint64_t waited_ms;
    uint64_t failures;
};

struct server {
    char error[CLIENT_ERROR_MAX]; /* the last; "" if there was none */
    struct server_figures figures;
    bool is_missed; /* the caller's note: its failure was told, and it has not answered since */
    bool has_lease; /* the caller's note: taken on this connection and not given back */

    char shown[PATH_NAME_MAX + 8]; /* its address, for people */

    bool is_plain; /* it knows no session verbs: see plain.h. As of this connection */

    /* Private. */
    struct ranked ranked;
    struct address address;
    uint32_t connect_ms;         /* from the save_path; 0: as the settings have it */
    struct server_limits limits; /* of the last request */
    pid_t pid;
    bool is_asked;
    uint64_t number; /* of the last request */
    uint64_t silent_until_ns;
    struct client client;
};

/* In zeroed memory. */
void server_init(struct server *server, const struct path_server *from);

/* Sends a verb: `line` without its end, and behind it `value`, if it has a p. */
bool server_ask(struct server *server, struct server_limits limits, struct bytes line, struct bytes value);

/* The next line of the answer, WT lines left out. */
bool server_next(struct server *server, struct reply *ret);

/* The same for what is no verb, with all its line ends; lines come as they are, refusals among them. */
bool server_say(struct server *server, struct server_limits limits, const struct bytes *parts, size_t n);
bool server_next_line(struct server *server, struct bytes *ret_line);

bool server_read_value(struct server *server, char *to, size_t len);

/* Wait no longer than this for what was asked: it has had its time. */
void server_hurry(struct server *server, uint32_t within_ms);

/* The answer was read to its end. */
bool server_finish(struct server *server);

/* The caller has read what is no answer to its request: closes, and says so in `error`. */
void server_refuse(struct server *server);

/* Closes; a lease that it held falls to the next. */
void server_drop(struct server *server);

bool server_is_connected(const struct server *server);
bool server_is_plain(const struct server *server);

/* Can it be asked? A connection is opened, or looked at: a server that went away meanwhile is seen. */
bool server_reach(struct server *server, struct server_limits limits);

/* At the end of a request: closes what was left in the middle of something. */
void server_tidy(struct server *server);

#endif
