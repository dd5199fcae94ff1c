/*
 * event_line: an event as the line that a watcher is sent, in memcached's form; and the words that events carry.
 *
 *      ts=1795571220.230997 gid=3 type=item_get key=k status=found clsid=1 cfd=25 size=3
 *
 * Threads: any.
 */
#ifndef CLOAKROOM_SERVER_EVENT_LINE_H
#define CLOAKROOM_SERVER_EVENT_LINE_H

#include "server/events.h"
#include "server/server.h"
#include "server/show.h"

/* EVENT_GET */
enum event_found { EVENT_NOT_FOUND, EVENT_FOUND, EVENT_FLUSHED, EVENT_EXPIRED };
/* EVENT_STORE */
enum event_stored {
    EVENT_NOT_STORED,
    EVENT_STORED,
    EVENT_EXISTS,
    EVENT_NO_SUCH,
    EVENT_TOO_LARGE,
    EVENT_NO_MEMORY
};
enum event_command {
    EVENT_BY_NULL,
    EVENT_BY_ADD,
    EVENT_BY_SET,
    EVENT_BY_REPLACE,
    EVENT_BY_APPEND,
    EVENT_BY_PREPEND,
    EVENT_BY_CAS,
    EVENT_BY_DELETE,
    EVENT_BY_MD
};
/* EVENT_OPEN, EVENT_CLOSE: status is why, command the transport */
enum event_closed { EVENT_ERROR, EVENT_NORMAL, EVENT_IDLE, EVENT_SHUTDOWN };
enum event_transport { EVENT_LOCAL, EVENT_TCP };

enum { EVENT_LINE_MAX = SHOW_KEY_MAX + 256 };

/* Writes at most EVENT_LINE_MAX bytes, its end included; returns how many. */
size_t event_line(const struct server *server, uint64_t number, const struct event *event, char *out);

#endif
