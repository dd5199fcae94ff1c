/*
 * recover: what a start finds in a directory, shard by shard.
 *
 *      list the files ─> room for all ─> for each shard: read, scan, index the newest ─> apply touches, drop what is gone
 *
 * Promise (S2, S4): of each key the newest good record stays, unless that is a tombstone, or its time has come. Torn
 * ends are cut, damaged runs stepped over, both counted and told; what is kept is synced before it is served.
 * Threads: as many as there are processors, a shard each.
 * Limits: what does not fit the limit is loaded all the same.
 */
#ifndef CLOAKROOM_STORE_RECOVER_H
#define CLOAKROOM_STORE_RECOVER_H

#include "store/log.h"
#include "store/names.h"

struct recovery {
    void (*notice)(void *arg, const char *line);
    void *notice_arg;
    struct store_progress *progress; /* or NULL */
    struct names files;
    uint64_t file_bytes; /* to be read */
    uint64_t room_bytes; /* they take as segments in memory */
    size_t large_bytes;  /* a record beyond has a segment of its own */
    uint32_t now_s;
    uint64_t began_ns;
    _Atomic uint64_t read_bytes;
    _Atomic uint64_t told_s; /* when progress was last told */
    _Atomic uint64_t nfiles_read;
    _Atomic uint64_t ndamaged;
    _Atomic uint64_t torn_bytes;
    uint64_t items[STORE_NCLASSES];
    uint64_t took_ms;
};

/* Brings a directory of an older format to this one first. */
enum err recover_list(struct recovery *recovery, struct log *log, uint32_t segment_bytes,
                      char *problem) ERR_MUST_CHECK;
/* Fills the shards, which are new. */
enum err recover_run(struct recovery *recovery, struct log *log, struct shard *shards, uint32_t nshards,
                     char *problem) ERR_MUST_CHECK;
void recover_fini(struct recovery *recovery);

#endif
