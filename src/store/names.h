/*
 * names: which segments lie in a directory, by their files' names.
 *
 * Ownership: names_fini() frees it; zeroed it is empty.
 * Threads: one at a time.
 * Failure: a negative errno.
 */
#ifndef CLOAKROOM_STORE_NAMES_H
#define CLOAKROOM_STORE_NAMES_H

#include "io/disk.h"

struct name {
    uint32_t shard;
    uint64_t serial;
};

struct names {
    struct name *list; /* by shard and serial */
    size_t n;
    size_t cap;
    bool in_pieces; /* not of one moment: see disk.h */
};

/* Reads all that `parse` knows, dir_parse_segment_name() or that of an older format. */
int names_read(struct names *names, struct disk *disk,
               bool (*parse)(const char *name, uint32_t *ret_shard, uint64_t *ret_serial));
void names_fini(struct names *names);

#endif
