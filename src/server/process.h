/*
 * process: what a server does to its own process: user, descriptors, background, pid file.
 *
 * Failure: one line in `error` that says what to do.
 */
#ifndef CLOAKROOM_SERVER_PROCESS_H
#define CLOAKROOM_SERVER_PROCESS_H

#include "base/err.h"

#include <stdint.h>

enum { PROCESS_ERROR_MAX = 512 };

/* Room for so many connections and the server's own files. */
enum err process_raise_descriptors(uint64_t nconnections, char *error) ERR_MUST_CHECK;

/* Becomes `user`. As root a user must be named; otherwise NULL is fine and a name is left aside. */
enum err process_become_user(const char *user, char *error) ERR_MUST_CHECK;

/* Goes into the background; the caller goes on as the child. Before any thread is started. */
enum err process_daemonize(char *error) ERR_MUST_CHECK;

enum err process_write_pid(const char *path, char *error) ERR_MUST_CHECK;

#endif
