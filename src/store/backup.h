/*
 * backup: a copy of a data directory, taken while a server has it, and its way back (decision 15).
 *
 *      list ─> open what is new ─> one has vanished: list again … ─> note all lengths ─> clock, keys
 *           ─> copy at leisure, each file up to its length and its last good record ─> sync ─> manifest
 *
 * Promise (S2): of each key a restored store shows the state at the moment of the last listing, or a later one that was
 * acknowledged before the lengths were noted; nothing older, and nothing that was deleted, killed or flushed by then. The
 * server is asked nothing and held up by nothing; nothing is written in its directory.
 * A directory is a backup from the moment its manifest is there, which is after all else is synced. What a failure has
 * left in the target is removed.
 *
 * Ownership: the disks are the caller's.
 * Threads: one at a time; other processes and threads may use `from` as they like.
 * Limits: a descriptor for each segment, all at once; a segment is held in memory as a whole.
 * Failure: ERR_USAGE, ERR_SYSTEM or ERR_MEMORY with the line to show in `problem`, of STORE_PROBLEM_MAX bytes.
 */
#ifndef CLOAKROOM_STORE_BACKUP_H
#define CLOAKROOM_STORE_BACKUP_H

#include "io/disk.h"
#include "store/check.h"

struct backup_ears {
    void (*notice)(void *arg, const char *line);                      /* what was found; or NULL */
    void (*progress)(void *arg, uint64_t done_bytes, uint64_t bytes); /* after each file; or NULL */
    void *arg;
};

struct backup_report {
    uint64_t files; /* of segments, copied */
    uint64_t bytes;
    uint64_t records;      /* values, deletions and all */
    uint64_t listings;     /* until one held */
    uint64_t damaged_runs; /* copied as they are */
    int64_t taken_s;       /* wall clock */
    bool has_key;
};

/* `to` is empty. Without `with_key`, DIR/key and key.former are left out. */
enum err backup_take(struct disk *from, struct disk *to, bool with_key, const struct backup_ears *ears,
                     struct backup_report *ret, char *problem) ERR_MUST_CHECK;

/* Puts a backup into `to`, which is empty, and looks through it as `check` does: *ret_check. Nothing is taken from a
 * backup of which anything is missing or not as it was written. */
enum err backup_restore(struct disk *from, struct disk *to, const struct backup_ears *ears,
                        struct backup_report *ret, struct check_report *ret_check,
                        char *problem) ERR_MUST_CHECK;

#endif
