/*
 * best: lines with a number each, largest first; all of them, or as many as are wanted.
 *
 * Promise: with a limit no more than that many are kept at any time. Lines of one number stand in the order of their
 * bytes, so that the same lines always come out the same.
 * Ownership: lines are copied; best_fini() frees them.
 */
#ifndef CLOAKROOM_CLI_BEST_H
#define CLOAKROOM_CLI_BEST_H

#include "base/bytes.h"
#include "base/err.h"

struct best_line {
    uint64_t key;
    size_t len;
    char *text;
};

/* Zeroed but for the limit it is empty. */
struct best {
    size_t limit; /* 0: none */
    struct best_line *lines;
    size_t n;
    size_t cap;
};

enum err best_add(struct best *best, uint64_t key, struct bytes line) ERR_MUST_CHECK;

/* Into their order; nothing may be added afterwards. */
void best_sort(struct best *best);
void best_fini(struct best *best);

#endif
