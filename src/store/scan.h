/*
 * scan: the records in a segment's bytes as a crash may have left them. Pure; for recovery, `check`, and fuzzing.
 *
 * Promise (S4): a record whose check fails is never returned. What lies between two good records is reported as
 * damaged; what lies behind the last good one is torn, to be cut: a write that was under way, or never came.
 *
 *      | good | good | damaged … | good | torn … |
 */
#ifndef CLOAKROOM_STORE_SCAN_H
#define CLOAKROOM_STORE_SCAN_H

#include "store/record.h"

struct scan {
    char *p; /* the segment, 8-aligned; records begin at `at` */
    size_t len;
    size_t at;
    uint64_t seed;
    size_t head; /* of a record: RECORD_HEAD, or that of an older format */
};

enum scan_kind { SCAN_RECORD, SCAN_DAMAGED, SCAN_END };

/* From `*ret_at` on, `*ret_len` bytes are a good record, or damaged; or at SCAN_END torn, and nothing follows.
 * Torn zeros, which no write put there, do not count: *ret_len is then 0. */
enum scan_kind scan_next(struct scan *scan, size_t *ret_at, size_t *ret_len);

#endif
