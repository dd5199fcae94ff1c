/*
 * workload: the sessions of a run, what each of them holds by now, and the requests made for them.
 *
 * Promise: all of it follows from the seed. What a session holds follows from its number and its generation
 * (how often it was overwritten), so a get is checked to the last byte without a copy being kept.
 *
 * Ownership: the caller owns the struct; workload_fini gives back what it holds. Threads: one.
 */
#ifndef CLOAKROOM_BENCH_WORKLOAD_H
#define CLOAKROOM_BENCH_WORKLOAD_H

#include "base/bytes.h"

enum {
    WORKLOAD_KEY_LEN = 40,      /* memc.sess.key. and an id of 26 */
    WORKLOAD_VALUE_MIN = 16,    /* a value opens with its stamp */
    WORKLOAD_VALUE_MAX = 60000, /* one size fits 16 bits */
    WORKLOAD_SIZES = 4096,      /* sizes are drawn from a table of quantiles */
    WORKLOAD_POOL = 64 * 1024,  /* values are slices of one text that stays in the cache */
    WORKLOAD_TTL_S = 1440       /* PHP's session.gc_maxlifetime */
};

enum request_op { REQUEST_GET, REQUEST_SET, REQUEST_TOUCH, REQUEST_OPS };

/* One request, and all that is needed to judge its answer. */
struct request {
    uint32_t session;
    uint32_t generation; /* what a get must find, what a set writes */
    enum request_op op;
};

struct workload_sizes {
    uint32_t min, mean, max; /* log-normal about the mean, cut at both ends; min == max: all the same */
};

struct workload {
    uint64_t seed;
    uint32_t n_sessions;
    char (*keys)[WORKLOAD_KEY_LEN];
    uint32_t *generations;
    uint16_t sizes[WORKLOAD_SIZES];
    char *pool;
};

/* False when there is not enough memory; nothing is held then. */
bool workload_init(struct workload *w, uint64_t seed, uint32_t n_sessions, struct workload_sizes sizes);
void workload_fini(struct workload *w);

/* Length of the value that `request` writes or must find. */
uint32_t workload_value_len(const struct workload *w, const struct request *request);

/* Writes that value to `ret`; returns its length. */
uint32_t workload_value_write(const struct workload *w, const struct request *request, char *ret);

/* Whether `value` is, byte for byte, what `request` must find. */
bool workload_value_matches(const struct workload *w, const struct request *request, struct bytes value);

/* Keys and values of all sessions as they are now. */
uint64_t workload_stored_bytes(const struct workload *w);

/* The next number of a splitmix64 sequence. */
static inline uint64_t workload_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

#endif
