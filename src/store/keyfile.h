/*
 * keyfile: the secret of a data directory, from which the handles of its sessions are made.
 *
 *      key     64 hex digits and a line's end; mode 0600; made at the first start, never changed
 *
 * Promise: it is there, whole and on the disk before keyfile_open() returns; one that others can read is refused, as is
 * one that is damaged: with another key every session would have another handle.
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

/* Reads the key, or makes one. */
enum err keyfile_open(struct disk *disk, unsigned char ret[KEYFILE_BYTES], char *problem) ERR_MUST_CHECK;

/* Reads it only. None there: ERR_NONE, and *ret_found is false. */
enum err keyfile_read(struct disk *disk, unsigned char ret[KEYFILE_BYTES], bool *ret_found,
                      char *problem) ERR_MUST_CHECK;

#endif
