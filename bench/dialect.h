/*
 * dialect: a request as bytes, and its answer judged; memcached's text and binary protocol, and Redis's.
 *
 * Promise: an answer passes only when it is the one that the workload knows to be right, values to the last
 * byte. Threads: pure functions.
 */
#ifndef CLOAKROOM_BENCH_DIALECT_H
#define CLOAKROOM_BENCH_DIALECT_H

#include "workload.h"

enum {
    DIALECT_ROOM = 128 /* what a request or an answer needs beyond its value, at most */
};

enum answer {
    ANSWER_RIGHT,
    ANSWER_PARTIAL, /* more bytes are needed */
    ANSWER_MISS,    /* a session that was stored is not there */
    ANSWER_REFUSED, /* ERROR, CLIENT_ERROR, SERVER_ERROR, NOT_STORED, a binary status, or Redis's - */
    ANSWER_WRONG,   /* a value of another length or content */
    ANSWER_GARBLED  /* not the protocol, or not the key asked for; where the next answer starts is unknown */
};

struct dialect {
    const char *name;
    /* Writes the request to `ret`, which has room for the value and DIALECT_ROOM; returns the length. */
    size_t (*compose)(const struct workload *w, const struct request *request, char *ret);
    /* Judges the answer that `in` opens with; *ret_used is its length unless it is partial or garbled. */
    enum answer (*judge)(const struct workload *w, const struct request *request, struct bytes in,
                         size_t *ret_used);
};

extern const struct dialect dialect_text, dialect_binary, dialect_redis;

#endif
