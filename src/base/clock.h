/*
 * clock: the seam for time.
 *
 * Promise (S8): running time is the kernel's boot-time clock, which goes on through suspend and never jumps;
 * the wall clock is asked only to translate a time that a client wrote as wall time.
 *
 *   steady_ns   since an arbitrary start, monotonic; lives and waits are counted on it
 *   wall_s      seconds since 1970; may jump either way
 *
 * Threads: reading is safe from any thread as long as the functions behind are; the real ones are.
 */
#ifndef CLOAKROOM_BASE_CLOCK_H
#define CLOAKROOM_BASE_CLOCK_H

#include <stdint.h>

struct clock {
    uint64_t (*steady_ns)(const struct clock *);
    int64_t (*wall_s)(const struct clock *);
};

/* The kernel's clocks; static, lives for ever. */
extern const struct clock clock_system;

static inline uint64_t clock_steady_ns(const struct clock *clock)
{
    return clock->steady_ns(clock);
}

static inline int64_t clock_wall_s(const struct clock *clock)
{
    return clock->wall_s(clock);
}

/* Seconds of the steady clock as lives are counted in: never 0, nor so small as to meet one that stands for
 * "over". */
static inline uint32_t clock_seconds_of(uint64_t steady_ns)
{
    return (uint32_t)(steady_ns / 1000000000U) + 16;
}

static inline uint32_t clock_seconds(const struct clock *clock)
{
    return clock_seconds_of(clock_steady_ns(clock));
}

#endif
