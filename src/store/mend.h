/*
 * mend: damaged runs and torn ends of one segment's file, noted while it is read, repaired after that.
 *
 * Promise: what is taken away lies in a synced copy, NAME.seg.damaged-OFFSET, before the segment is written to; then
 * all of the file that was good is good, in its order. See check.h for what becomes of a run.
 *
 * Ownership: mend_fini() frees it; zeroed it is empty.
 * Failure: a negative errno; what was not reached is as it was.
 */
#ifndef CLOAKROOM_STORE_MEND_H
#define CLOAKROOM_STORE_MEND_H

#include "io/disk.h"

struct mend_run {
    size_t at;
    size_t len;
    bool is_torn;
};

struct mend {
    struct mend_run *runs; /* as they lie */
    size_t n;
    size_t cap;
    size_t ndone;
};

/* False: no memory. */
bool mend_note(struct mend *mend, size_t at, size_t len, bool is_torn);

struct mend_file {
    struct disk *disk;
    uint64_t seed;
    const char *name;
    int number;
    char *bytes; /* all of it; changed with the file */
    size_t len;
};

/* Counts in `ndone`. */
int mend_run(struct mend *mend, struct mend_file *file);

void mend_fini(struct mend *mend);

#endif
