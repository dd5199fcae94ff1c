/*
 * pump: connections that keep a server busy, one thread, one epoll.
 *
 * Each connection sends a batch of requests with one write, reads until all are answered, and sends the next.
 * Sessions are dealt out, session s to connection s mod n, so the order in which the server sees the requests
 * of one session is known and every answer can be judged.
 *
 *   PUMP_LOAD    every session is written once, with kept connections
 *   PUMP_MIX     get, set and touch of random sessions, with kept connections
 *   PUMP_CYCLE   connect, get, set, close: what PHP's stock handlers do; a cycle counts as one request
 *
 * Promise: nothing waits for ever. A server silent for PUMP_SILENCE_S is a failure.
 * Ownership: the caller owns the struct and what config points to. Threads: one.
 * Failure: the first one is told in `failure`; wrong answers are counted and do not stop the pump.
 */
#ifndef CLOAKROOM_BENCH_PUMP_H
#define CLOAKROOM_BENCH_PUMP_H

#include <sys/socket.h>

#include "dialect.h"
#include "histogram.h"

enum { PUMP_SILENCE_S = 5, PUMP_FAILURE_ROOM = 256 };

enum pump_plan { PUMP_IDLE, PUMP_LOAD, PUMP_MIX, PUMP_CYCLE };

struct pump_config {
    struct workload *workload;
    const struct dialect *dialect;
    struct sockaddr_storage address;
    socklen_t address_len;
    uint32_t n_conns;
    uint32_t depth;       /* requests to a batch */
    uint32_t load_depth;  /* the same while loading */
    uint32_t percent_get; /* the mix: */
    uint32_t percent_set; /* what remains of 100 is touched */
    uint32_t value_max;
    bool spin; /* ask epoll again and again instead of sleeping in it */
    uint64_t seed;
};

/* Rising counters; a span is the difference of two copies. */
struct pump_counters {
    uint64_t requests; /* answered; cycles with PUMP_CYCLE */
    uint64_t ops[REQUEST_OPS];
    uint64_t misses, refused, wrong;
    uint64_t waited_ns; /* in epoll_wait calls that found nothing; only complete when spinning */
};

struct pump {
    struct pump_config config;
    struct conn *conns;
    int epoll;
    uint32_t n_busy;
    uint64_t random;
    enum pump_plan plan;
    uint64_t n_composed, limit; /* PUMP_MIX composes so many requests */
    struct pump_counters counters;
    struct histogram latency;     /* of batches or cycles */
    struct histogram latency_get; /* of batches of a single get */
    uint64_t progress_ns;         /* when the last answer came */
    char failure[PUMP_FAILURE_ROOM];
    char complaint[PUMP_FAILURE_ROOM]; /* the first wrong answer */
};

/* All return false when the pump has failed. */
bool pump_init(struct pump *p, const struct pump_config *config);

/* Starts every connection on a plan; `limit` requests at most (PUMP_MIX). The pump is idle before. */
bool pump_start(struct pump *p, enum pump_plan plan, uint64_t limit);

/* Runs until the clock says `until_ns` or, earlier, until nothing is in flight and nothing more to send. */
bool pump_run(struct pump *p, uint64_t until_ns);

/* Sends nothing more and collects what is in flight. */
bool pump_drain(struct pump *p);

void pump_fini(struct pump *p);

/* Monotonic, nanoseconds. */
uint64_t pump_now_ns(void);

#endif
