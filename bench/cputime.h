/*
 * cputime: the processor time that another process has used.
 *
 * The total is the kernel's exact sum over all threads, in nanoseconds. User and system are known in ticks of
 * 10 ms only, so they tell how the total divides.
 */
#ifndef CLOAKROOM_BENCH_CPUTIME_H
#define CLOAKROOM_BENCH_CPUTIME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cputime {
    uint64_t total_ns;
    uint64_t user_ticks, system_ticks;
};

/* False when there is no such process. */
bool cputime_read(pid_t pid, struct cputime *ret);

#endif
