/*
 * histogram: durations in buckets that widen with the duration, 64 to each power of two.
 *
 * Promise: a quantile is at most 1.6 % off; adding costs a few instructions and never allocates.
 * Limits: durations from 2^40 ns (18 minutes) on count as the last bucket.
 */
#ifndef CLOAKROOM_BENCH_HISTOGRAM_H
#define CLOAKROOM_BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_SUB_BITS = 6,
    HISTOGRAM_SUB = 1 << HISTOGRAM_SUB_BITS,
    HISTOGRAM_TOP_BIT = 39,
    HISTOGRAM_BUCKETS = HISTOGRAM_SUB * (HISTOGRAM_TOP_BIT - HISTOGRAM_SUB_BITS + 2)
};

struct histogram {
    uint64_t n;
    uint64_t max_ns;
    uint64_t bucket[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_bucket(uint64_t ns)
{
    if (ns < HISTOGRAM_SUB)
        return (unsigned)ns;
    unsigned top = 63u - (unsigned)__builtin_clzll(ns);
    if (top > HISTOGRAM_TOP_BIT)
        return HISTOGRAM_BUCKETS - 1;
    unsigned shift = top - HISTOGRAM_SUB_BITS;
    return HISTOGRAM_SUB * shift + (unsigned)(ns >> shift);
}

static inline void histogram_add(struct histogram *h, uint64_t ns)
{
    h->n++;
    h->bucket[histogram_bucket(ns)]++;
    if (ns > h->max_ns)
        h->max_ns = ns;
}

/* The middle of a bucket, in nanoseconds. */
static inline uint64_t histogram_bucket_ns(unsigned bucket)
{
    if (bucket < 2 * HISTOGRAM_SUB)
        return bucket;
    unsigned shift = bucket / HISTOGRAM_SUB - 1;
    uint64_t low = (uint64_t)(bucket - HISTOGRAM_SUB * shift) << shift;
    return low + ((1ull << shift) >> 1);
}

/* The duration that `share` (0 to 1) of all stay at or below; 0 when there are none. */
static inline uint64_t histogram_quantile_ns(const struct histogram *h, double share)
{
    uint64_t rank = (uint64_t)(share * (double)h->n), seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->bucket[i];
        if (seen > rank || (seen == h->n && seen > 0))
            return histogram_bucket_ns(i);
    }
    return 0;
}

#endif
