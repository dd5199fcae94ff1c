/* The real clocks behind the seam of clock.h. */
#include "base/clock.h"
#include "base/check.h"

#include <time.h>

static uint64_t system_steady_ns(const struct clock *clock)
{
    (void)clock;
    struct timespec ts;
    CHECK(clock_gettime(CLOCK_BOOTTIME, &ts) == 0);
    return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static int64_t system_wall_s(const struct clock *clock)
{
    (void)clock;
    return (int64_t)time(NULL);
}

const struct clock clock_system = {.steady_ns = system_steady_ns, .wall_s = system_wall_s};
