/*
 * backup_part: what backup.c and restore.c share: files that are read whole from one disk and put on another.
 *
 * Ownership: copy_fini() frees it; the disks are the caller's.
 * Failure: a negative errno, or an enum err with the line to show in `problem`.
 */
#ifndef CLOAKROOM_STORE_BACKUP_PART_H
#define CLOAKROOM_STORE_BACKUP_PART_H

#include "io/disk.h"
#include "store/manifest.h"
#include "store/record.h"

/* More than any segment has: a value and what belongs to it. */
#define COPY_FILE_MAX ((uint64_t)RECORD_VALUE_MAX + (1 << 20))

struct copy {
    struct disk *from;
    struct disk *to;
    char *problem;
    struct manifest manifest; /* what has been put */
    char *bytes;
    size_t bytes_cap;
    char last[DIR_NAME_MAX]; /* made, but not on the manifest */
};

enum err copy_fail(struct copy *copy, int error, const char *what) ERR_MUST_CHECK;
/* May `to` be written to? ERR_USAGE when something is there. */
enum err copy_check_empty(struct copy *copy) ERR_MUST_CHECK;
/* Room for so many bytes at copy->bytes. */
bool copy_make_room(struct copy *copy, size_t len);
/* A file of `from` as a whole, at copy->bytes until the next. */
int copy_read(struct copy *copy, const char *name, struct bytes *ret);
/* Makes the file in `to`, synced; on the manifest it is `as`, or not at all if that is NULL. */
enum err copy_put(struct copy *copy, const char *name, const char *as, struct bytes bytes) ERR_MUST_CHECK;
/* Renames, for good. */
enum err copy_name(struct copy *copy, const char *from, const char *to) ERR_MUST_CHECK;
/* Removes what was put, as far as that goes. */
void copy_undo(struct copy *copy);
void copy_fini(struct copy *copy);

#endif
