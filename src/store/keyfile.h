/*
 * keyfile: the secret that the ids of sessions are hashed with, in a file.
 *
 *      key         64 hex digits and a line's end; mode 0600; made in a data directory at its first start
 *      key.former  the same; the one before: what was stored with it is still found
 *
 * Promise: a key that was made is there, whole and on the disk before keyfile_make() returns; one that others can read is
 * refused, as is one that is damaged: with another key no session would be found.
 *
 * Ownership: the disk is the caller's, who holds the directory's lock.
 * Threads: one at a time.
 * Failure: ERR_USAGE or ERR_SYSTEM, with the line to show in `problem`, of STORE_PROBLEM_MAX bytes.
 */
#ifndef CLOAKROOM_STORE_KEYFILE_H
#define CLOAKROOM_STORE_KEYFILE_H

#include "io/disk.h"
#include "store/store.h"

enum { KEYFILE_BYTES = 32 };

#define KEYFILE_NAME   "key"
#define KEYFILE_FORMER "key.former"

/* None of that name there: ERR_NONE, and *ret_found is false. */
enum err keyfile_read(struct disk *disk, const char *name, unsigned char ret[KEYFILE_BYTES], bool *ret_found,
                      char *problem) ERR_MUST_CHECK;

/* A new one, as KEYFILE_NAME. */
enum err keyfile_make(struct disk *disk, unsigned char ret[KEYFILE_BYTES], char *problem) ERR_MUST_CHECK;

#endif
