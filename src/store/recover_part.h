/*
 * recover_part: one shard's share of a recovery, between recover.c and recover_load.c.
 */
#ifndef CLOAKROOM_STORE_RECOVER_PART_H
#define CLOAKROOM_STORE_RECOVER_PART_H

#include "store/recover.h"

struct part {
    struct recovery *recovery;
    struct log *log;
    struct shard *shard;
    struct record **notes;
    size_t nnotes;
    size_t notes_cap;
    char problem[STORE_PROBLEM_MAX];
};

/* A line to who runs the server. */
__attribute__((format(printf, 2, 3))) void recover_tell(struct recovery *recovery, const char *format, ...);
/* Counts a run of bytes without a good record, and tells of it, unless there are too many. */
void recover_tell_damage(struct recovery *recovery, const char *name, uint64_t at, uint64_t len);

/* Reads the shard's files into it, in parallel with other shards. */
enum err recover_load(struct part *part) ERR_MUST_CHECK;

#endif
