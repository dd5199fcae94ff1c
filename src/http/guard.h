/*
 * guard: is it us who was meant, and is it one of our pages that asks? Host and Origin, so that a page from elsewhere can
 * do nothing with a visitor's browser, not even under a name of its own that it makes point here (DNS rebinding).
 *
 *      Host: localhost, 127.0.0.1, [::1], --http's own, a --http-host, or the address the connection came in at; any port
 *      Origin: http:// or https:// and what Host says
 *
 * Threads: any; nothing is kept.
 */
#ifndef CLOAKROOM_HTTP_GUARD_H
#define CLOAKROOM_HTTP_GUARD_H

#include "base/bytes.h"

#include <sys/socket.h>

struct guard_names {
    const char *address;      /* of --http; NULL: a unix socket, where any name will do */
    const char *const *names; /* of --http-host */
    size_t nnames;
};

/* The name in "name", "name:port", "[v6]" or "[v6]:port", without brackets. False: it is none of these. */
bool guard_split(struct bytes authority, struct bytes *ret_name);

/* `local`: what the connection came in at; NULL: not known. */
bool guard_is_host(const struct guard_names *names, struct bytes host, const struct sockaddr *local);

bool guard_is_origin(struct bytes origin, struct bytes host);

#endif
