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

/* Reads the shard's files into it, in parallel with other shards. */
enum err recover_load(struct part *part) ERR_MUST_CHECK;

#endif
