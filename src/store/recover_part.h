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
    struct record **touches;
    size_t ntouches;
    size_t touches_cap;
    uint64_t newest_flush;
    uint64_t newest_delayed;
    uint32_t delayed_s;
    char problem[STORE_PROBLEM_MAX];
};

/* Reads the shard's files into it, in parallel with other shards. */
enum err recover_load(struct part *part) ERR_MUST_CHECK;

#endif
