/*
 * num: decimal numbers as the protocols write them, and sizes as people write them.
 *
 * Promise: no overflow passes unseen, nothing but the digits is accepted, no locale.
 * Limits: input needs no terminating zero; output buffers of NUM_MAX bytes always suffice.
 */
#ifndef CLOAKROOM_BASE_NUM_H
#define CLOAKROOM_BASE_NUM_H

#include "base/bytes.h"

enum {
    NUM_MAX = 20 /* digits of the largest uint64_t */
};

/* All of `text` as an unsigned decimal number. False, and *ret untouched, when it is empty, holds anything
 * but digits, or exceeds 64 bits. */
bool num_parse_u64(struct bytes text, uint64_t *ret);

/* The same for at most 32 bits. */
bool num_parse_u32(struct bytes text, uint32_t *ret);

/* The same with an optional '-' or '+' in front. */
bool num_parse_i64(struct bytes text, int64_t *ret);

/* A size such as 1024, 512k, 64m or 2g (powers of 1024, either case). */
bool num_parse_size(struct bytes text, uint64_t *ret);

/* Writes `value` in decimal, no terminating zero; returns the number of bytes, 1 to NUM_MAX. */
size_t num_format_u64(uint64_t value, char *ret);

#endif
