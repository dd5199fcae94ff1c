/*
 * bench: session cycles against a server, timed one by one.
 *
 *      verbs     so, sw                                     2 round trips: what the PHP extension does for a page
 *      stock     add of the lock, get, set, delete of it    4 round trips: what php-memcached does for one
 *
 * Promise: only sessions of its own are touched: under random ids, those of verbs in an application of their own. They
 * are removed at the end, and end by themselves within BENCH_LIFE_S when they cannot be.
 * Ownership: bench_open() to bench_close(); the worker is the caller's.
 * Threads: one for each worker.
 * Failure: false, with a line in `problem`, and `outcome` for the exit code; the worker is then done with.
 */
#ifndef CLOAKROOM_CLI_BENCH_H
#define CLOAKROOM_CLI_BENCH_H

#include "cli/command.h"

#include <stdatomic.h>

#define BENCH_APPLICATION "cloakroom-bench"

enum {
    BENCH_LIFE_S = 60,
    BENCH_ID_DIGITS = 32,
    BENCH_SIZE_MAX = 1 << 20,
    BENCH_CYCLES_MAX = 1 << 20, /* that are timed of each worker */
    BENCH_PROBLEM_MAX = CLIENT_ERROR_MAX + 64
};

enum bench_kind { BENCH_VERBS, BENCH_STOCK };

struct bench_worker {
    enum bench_kind kind;
    const char *server;
    const char *login; /* a file, as for login_say() */
    struct client_limits limits;
    const atomic_bool *must_end;
    uint64_t slice_ns;
    uint64_t nsessions;
    const char *value; /* of `size` bytes, which a session is given */
    size_t size;

    enum outcome outcome;
    char problem[BENCH_PROBLEM_MAX];
    uint32_t *took_ns; /* of each cycle */
    size_t n;
    uint64_t busy_ns; /* in which these were done */

    /* Private. */
    struct client client;
    char run[BENCH_ID_DIGITS]; /* random: the ids of this worker begin so */
    uint64_t next;
    uint64_t nmade; /* sessions that may be there */
    char *read;
};

bool bench_open(struct bench_worker *worker);

/* Cycles for slice_ns, or until *must_end, one session after the other. */
bool bench_run(struct bench_worker *worker);

/* Removes what was made, also after a failure if the server still answers; then frees. */
void bench_close(struct bench_worker *worker);

#endif
