/*
 * deadline: a moment until which something is waited for, private to client.
 *
 * Promise: signals that interrupt a wait do not lengthen it.
 */
#ifndef CLOAKROOM_CLIENT_DEADLINE_H
#define CLOAKROOM_CLIENT_DEADLINE_H

#include "base/err.h"

#include <stdint.h>

/* The moment in `in_ms` from now. */
uint64_t deadline_in(uint32_t in_ms);

/* Milliseconds left, rounded up; 0 when it has passed. */
uint32_t deadline_left_ms(uint64_t deadline_ns);

/* Waits until `fd` is ready for `events` (POLLIN, POLLOUT), has failed or was hung up. ERR_TIMEOUT, or
 * ERR_SYSTEM with errno. */
enum err deadline_wait(uint64_t deadline_ns, int fd, short events) ERR_MUST_CHECK;

#endif
