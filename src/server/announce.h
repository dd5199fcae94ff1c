/*
 * announce: what is said of the whole server, once: that it is ready, what of the options has no effect, that it ends.
 *
 * Threads: main.
 */
#ifndef CLOAKROOM_SERVER_ANNOUNCE_H
#define CLOAKROOM_SERVER_ANNOUNCE_H

#include "server/server.h"

void announce_ready(const struct server *server);
/* After the listeners have been opened. */
void announce_what_is_not_served(const struct server *server);
/* After web_open(): that its token goes about in the clear. */
void announce_plain_web(const struct server *server);
void announce_end(int signal_number);
void announce_reload(void);

#endif
