/*
 * connect: an address becomes a connected socket, private to client.
 *
 * Promise: a host with several addresses is tried at each in turn, each getting its share of the time that is
 * left, so that one that swallows packets does not hide the next. The socket is close-on-exec, blocking,
 * and does not delay.
 * Limits: looking up a host's name is the system's, with the time-outs of /etc/resolv.conf; an address or a
 * name of /etc/hosts costs no such wait.
 * Failure: ERR_SYSTEM, ERR_TIMEOUT; `error` has what is wrong and what to do, without naming the address.
 */
#ifndef CLOAKROOM_CLIENT_CONNECT_H
#define CLOAKROOM_CLIENT_CONNECT_H

#include "client/address.h"

enum { CONNECT_ERROR_MAX = 256 };

enum err connect_open(const struct address *address, uint32_t within_ms, int *ret_fd,
                      char *error) ERR_MUST_CHECK;

#endif
