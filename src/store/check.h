/*
 * check: an offline look at a data directory: what lies in it, what of it is damaged, and its repair.
 *
 *      lock ─> layout ─> for each segment: head, every record ─> of each key the newest ─> sums and a digest
 *
 * Promise: without `repair` nothing is written. With it nothing is destroyed without a copy: the bytes of a damaged run
 * or a torn end are first appended to NAME.seg.damaged-OFFSET beside the segment, and synced. Then a torn end is cut,
 * and a damaged run becomes one record that says nothing; where it is too short for that, what follows moves up, and
 * the copy holds all from there on. A check after that finds no damage but in heads, which a server does without.
 * The digest is the same for two directories that hold the same items, in whatever order and however often copied;
 * lives, which a touch changes, are not in it.
 *
 * Ownership: the disk is the caller's; its lock stays taken until disk_close().
 * Threads: one at a time.
 * Limits: a segment is read as a whole; keys cost 48 bytes each, a shard at a time.
 * Failure: ERR_USAGE, ERR_SYSTEM or ERR_MEMORY with the line to show in `problem`, of STORE_PROBLEM_MAX bytes.
 */
#ifndef CLOAKROOM_STORE_CHECK_H
#define CLOAKROOM_STORE_CHECK_H

#include "io/disk.h"
#include "store/store.h"

struct check_report {
    uint64_t segments;
    uint64_t file_bytes;
    uint64_t items; /* records, superseded ones as well */
    uint64_t sessions;
    uint64_t tombstones;
    uint64_t touches;
    uint64_t flushes;
    uint64_t voids;
    uint64_t others;
    uint64_t living_items; /* neither superseded nor deleted nor flushed; what has expired counts */
    uint64_t living_bytes;
    uint64_t digest;
    uint64_t bad_files; /* that belong to no shard, or whose head is damaged */
    uint64_t damaged_runs;
    uint64_t damaged_bytes;
    uint64_t torn_ends;
    uint64_t torn_bytes;
    uint64_t repaired; /* runs and ends */
};

/* Each finding is told by notice(arg, line). */
enum err check_run(struct disk *disk, bool repair, struct check_report *ret,
                   void (*notice)(void *arg, const char *line), void *arg, char *problem) ERR_MUST_CHECK;

/* Is anything found that is not repaired? */
static inline bool check_is_clean(const struct check_report *report)
{
    return report->bad_files == 0 && report->repaired == report->damaged_runs + report->torn_ends;
}

#endif
