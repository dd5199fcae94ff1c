/*
 * doctor_root: files, users and permissions as they are below a root.
 *
 * Promise: paths are those of the root's own system, whatever symbolic links lead to: none leads out of it.
 * Ownership: texts and arrays are the caller's, to be freed with free() and json_decref().
 * Limits: files of 1 MiB, what is beyond is not read.
 */
#ifndef CLOAKROOM_CLI_DOCTOR_ROOT_H
#define CLOAKROOM_CLI_DOCTOR_ROOT_H

#include "cli/doctor.h"

#include <sys/stat.h>

enum { DOCTOR_ROOT_GROUPS_MAX = 64 };

struct doctor_user {
    uid_t uid;
    size_t ngroups;
    gid_t groups[DOCTOR_ROOT_GROUPS_MAX];
};

/* NULL, and errno: it is no file, or cannot be read. */
char *doctor_root_read(const struct doctor *doctor, const char *path, struct bytes *ret);

bool doctor_root_stat(const struct doctor *doctor, const char *path, struct stat *ret);

/* The paths that a pattern stands for, in PHP's order; empty for none. */
json_t *doctor_root_glob(const struct doctor *doctor, const char *pattern);

/* False: the root has no such user. */
bool doctor_root_user(const struct doctor *doctor, const char *name, struct doctor_user *ret);

/* May the user do so (R_OK, W_OK, X_OK) with what lies at the path, and enter all directories above it? If not, what stops
 * him is written to `ret_at`. What is not there stops nobody. */
bool doctor_root_may(const struct doctor *doctor, const struct doctor_user *user, const char *path, int mode,
                     char *ret_at, size_t size);

#endif
