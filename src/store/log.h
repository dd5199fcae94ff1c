/*
 * log: how a shard's segments get to the disk, and leave it.
 *
 *      append ──> unwritten ──log_commit(), once a turn──> written ──log_sync(), by policy──> durable
 *
 *      file made ahead, room set aside ── segment opened: the file is its ── sealed: closed after its last sync
 *      nothing lives in it: retired ── what was copied out of it is durable: file removed
 *
 * One write for each shard and turn (decision 5): the memory image of a segment is its file image, so what a turn
 * appended is one run of bytes for each head it touched. The write happens outside the shard's lock; a segment with
 * unwritten bytes is not compacted, so its memory stays.
 *
 * Order (S2). A file is removed only after all that was appended before it was retired is durable: so copies and
 * tombstones are safe before what they stand for goes. And what was dead in it counts as being there (older.h) until
 * its removal is durable, too: so no tombstone is dropped too early.
 *
 * Bound: while dead files wait for a slow disk, or many files for their last sync, as each large value has one, writers
 * wait for a round, too, as in `always` mode (store_commit()).
 *
 * Failure (S5): the first failed write or sync makes the log broken for good: no more is written, and what was not
 * acknowledged is not shown. Having no room for a new segment, or no descriptor, is no failure: nothing has changed.
 *
 * Threads: log_commit() any; log_sync() one at a time; lock order: log_lock, lock.
 */
#ifndef CLOAKROOM_STORE_LOG_H
#define CLOAKROOM_STORE_LOG_H

#include "store/dir.h"
#include "store/shard.h"

struct log {
    struct dir dir;
    enum store_sync sync;
    _Atomic int error;                  /* errno of the failure; 0: sound */
    char error_text[STORE_PROBLEM_MAX]; /* written before `error` */
    pthread_mutex_t error_lock;
    uint32_t clock_s;           /* when the clock was last noted */
    _Atomic bool has_new_names; /* since the last sync of the directory */
    _Atomic uint64_t asked;     /* tickets given, and how far they are synced */
    _Atomic uint64_t synced;
    _Atomic uint64_t disk_bytes;
    _Atomic uint32_t nopen; /* files that are open; STORE_FILES_MAX at most */
    _Atomic uint64_t written_bytes;
    _Atomic uint64_t nsyncs;
};

/* A segment's file. Belongs to its segment, from shard_retire() on to the shard's list. */
struct file {
    struct file *next_unsynced;
    struct file *next_retired;
    uint64_t serial;
    uint64_t after; /* retired: may go once the shard is durable up to here */
    uint64_t bytes;
    int number;       /* -1: not open */
    bool is_complete; /* nothing more will be written to it */
    bool is_unsynced; /* on the list */
    bool is_retired;
    uint32_t ntags; /* retired: dead records that are counted in `older` until it is gone for good */
    uint32_t *tags;
};

bool log_is_broken(const struct log *log);
/* Notes the first failure; `what` is static. */
void log_break(struct log *log, const char *what, int error);
const char *log_error(const struct log *log);

/* Gives a segment just opened its file, one that was made ahead if there is one, and with that its serial; writes its
 * head into memory. The shard's lock is held. */
enum err log_create_file(struct shard *shard, struct segment *segment) ERR_MUST_CHECK;
/* Makes the file of a staged one ahead. Without the lock. */
void log_stage_file(struct shard *shard, struct segment *staged);
/* Removes a file made ahead that was not used; NULL inside is fine. */
void log_remove_unused(struct shard *shard, struct file **file);
/* Bytes were appended to it. */
void log_note_appended(struct shard *shard, struct segment *segment);
/* Nothing more will be. */
void log_note_sealed(struct shard *shard, struct segment *segment);

/* Is there anything in the shard that must not be answered yet? */
static inline bool log_is_behind(const struct shard *shard)
{
    return shard->log != NULL && shard->appended != __atomic_load_n(&shard->durable, __ATOMIC_ACQUIRE);
}

/* All that was appended up to here, and all versions up to this, may be answered. Under the shard's lock. */
void log_note_durable(struct shard *shard, uint64_t appended, uint64_t version);

/* Writes what the shard has appended, and sees to it that a spare file is there, so that opening a segment asks
 * nothing of the disk under the shard's lock (S7). False: the log is broken. */
bool log_commit(struct shard *shard);

/* One round for all shards: see store_sync(). */
enum err log_sync(struct log *log, struct shard *shards, uint32_t nshards, uint64_t version) ERR_MUST_CHECK;

/* Gives its descriptor back, if it has one. */
void log_close_file(struct log *log, struct file *file);
/* Frees a file's struct and closes it. */
void log_free_file(struct log *log, struct file **file);

#endif
