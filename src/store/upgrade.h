/*
 * upgrade: a directory of format 1 becomes one of this format at a start, in place.
 *
 *      store says 1   NN-S.seg …                          every good record is copied, in its order, into new segments;
 *      store says 1   NN-S.seg …  NN-S.2.seg …            they are synced, and so are their names;
 *      store says 2   NN-S.seg …  NN-S.2.seg …            one rename makes them count;
 *      store says 2               NN-S.2.seg …            what is of no more use is removed
 *
 * Promise (S2): a crash at any point leaves a directory of format 1 with all as it was, or one of this format with all
 * that was good; the next start removes what does not count, and begins again or goes on. What is damaged costs only
 * itself (S4): it is told, counted and left out, and the file that it lay in is kept as NAME.seg.damaged-0.
 *
 * Format 1 differs in this: a record's head has 28 bytes, as it lacks seen_s; and the names end in .seg alone. The
 * check of a record covers neither seen_s nor where the body begins, so it stays as it is.
 *
 * Threads: one at a time, with the directory's lock held.
 * Limits: it takes room for all that is there once more, on disk; in memory for the largest segment.
 * Failure: ERR_SYSTEM or ERR_MEMORY with the line to show in `problem`. Before the rename the new segments are removed
 * again, and nothing has changed.
 */
#ifndef CLOAKROOM_STORE_UPGRADE_H
#define CLOAKROOM_STORE_UPGRADE_H

#include "store/recover.h"

/* Does nothing to a directory of this format, unless an upgrade was cut short there. */
enum err upgrade_run(struct dir *dir, struct recovery *recovery, char *problem) ERR_MUST_CHECK;

#endif
