/*
 * turn: answers of a loop turn that wait until what they tell is safe (S1).
 *
 *      a connection runs ─ nothing unwritten ──────────────────────────────> conn_answer() at once
 *                        └ joins the turn ── turn_settle(): one commit ─┬─> conn_answer()
 *                                                                       ├─> SYNCING ──synced──> conn_answer()
 *                                                                       └─> the reason, and closed
 *
 * So the cost of a commit is shared by all requests of the turn, and a connection that waits for the disk (sync
 * `always`) blocks nobody: the loop goes on, the next group gathers while the disk is busy with this one.
 *
 * Threads: the worker's, but turn_synced(), which the engine's sync thread calls.
 */
#ifndef CLOAKROOM_SERVER_TURN_H
#define CLOAKROOM_SERVER_TURN_H

#include "engine/engine.h"
#include "net/loop.h"

struct conn;
struct worker;

struct turn {
    uint64_t unwritten; /* of the run under way */
    uint64_t to_commit; /* of those that have joined */
    struct conn *joined;
    struct conn **joined_tail;
    size_t out_used;      /* of the worker's memory for answers */
    struct conn *syncing; /* by ticket */
    struct conn **syncing_tail;
    struct engine_watch watch;
    struct loop_mail mail; /* there is news from the disk */
    _Atomic bool has_mail;
    struct worker *worker;
};

void turn_init(struct turn *turn, struct worker *worker);

/* After a run: answers, or joins. */
void turn_end_run(struct conn *conn);

/* Commits for all that have joined and answers them. After each batch and each turn. */
void turn_settle(struct turn *turn);

/* One that waits for the disk closes. */
void turn_leave(struct conn *conn);

#endif
