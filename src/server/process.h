/*
 * process: what a server does to its own process: user, descriptors, background, pid file.
 *
 * Failure: one line in `error` that says what to do.
 */
#ifndef CLOAKROOM_SERVER_PROCESS_H
#define CLOAKROOM_SERVER_PROCESS_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PROCESS_ERROR_MAX = 512,
    PROCESS_OWN_DESCRIPTORS = 64 /* beside those of connections */
};

/* Opens /dev/null in place of missing standard descriptors, so that no socket takes their numbers. First thing. */
void process_fill_standard_descriptors(void);

/* Room for so many connections, for so many files, and for what any server has open. */
enum err process_raise_descriptors(uint64_t nconnections, uint64_t nfiles, char *error) ERR_MUST_CHECK;

/* -r: core files of any size. */
enum err process_allow_cores(char *error) ERR_MUST_CHECK;

/* -k, in two steps: as long as it is root, the limit; once memory is mapped, the lock itself. What is mapped later is
 * locked, too; nothing is touched to that end. False, and errno: it is not permitted. */
void process_raise_memlock(void);
bool process_lock_memory(void);

/* Gives the file to `user`, as root; else it is left as it is: a socket is to be usable by, and at the end
 * removed by, whom the server becomes. */
enum err process_give_away(const char *path, const char *user, char *error) ERR_MUST_CHECK;

/* Becomes `user`. As root a user must be named; otherwise NULL is fine and a name is left aside. */
enum err process_become_user(const char *user, char *error) ERR_MUST_CHECK;

/* Goes into the background, before any thread is started; the caller goes on as the child. The parent
 * stays until the child says that it is ready or ends, and exits with 0 or 1 accordingly: errors are seen
 * where the command was given. */
enum err process_fork(int *ret_ready_fd, char *error) ERR_MUST_CHECK;
/* The child is ready: lets the parent go and leaves its terminal. It stays in its folder, so that relative
 * names of files mean the same at the end. */
void process_detach(int ready_fd);

enum err process_write_pid(const char *path, char *error) ERR_MUST_CHECK;

#endif
