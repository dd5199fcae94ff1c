/* The system's clock, moved and stopped: see debug_clock.h. */
#include "server/debug_clock.h"

#ifdef CLOAKROOM_DEBUG

#include "base/num.h"

#define NS_PER_S 1000000000LL

/* A year either way is more than any test needs, and nothing overflows. */
enum { MOVE_MAX_S = 366 * 24 * 3600 };

static const struct debug_clock *debug_of(const struct clock *clock)
{
    return (const struct debug_clock *)(const void *)clock;
}

static uint64_t steady_ns(const struct clock *clock)
{
    const struct debug_clock *debug = debug_of(clock);
    uint64_t stands_ns = __atomic_load_n(&debug->stands_ns, __ATOMIC_RELAXED);
    uint64_t system_ns = stands_ns != 0 ? stands_ns : clock_steady_ns(&clock_system);
    int64_t ns = (int64_t)system_ns + __atomic_load_n(&debug->moved_s, __ATOMIC_RELAXED) * NS_PER_S;
    return ns < 0 ? 0 : (uint64_t)ns;
}

/* Moved alike, or a time that a client writes as wall time would be another one than it means. */
static int64_t wall_s(const struct clock *clock)
{
    const struct debug_clock *debug = debug_of(clock);
    uint64_t stands_ns = __atomic_load_n(&debug->stands_ns, __ATOMIC_RELAXED);
    int64_t behind_s = 0;
    if (stands_ns != 0)
        behind_s = (int64_t)(clock_steady_ns(&clock_system) - stands_ns) / NS_PER_S;
    return clock_wall_s(&clock_system) - behind_s + __atomic_load_n(&debug->moved_s, __ATOMIC_RELAXED);
}

void debug_clock_init(struct debug_clock *debug)
{
    *debug = (struct debug_clock){.clock = {.steady_ns = steady_ns, .wall_s = wall_s}};
}

bool debug_clock_order(struct debug_clock *debug, struct bytes word)
{
    int64_t seconds;
    if (bytes_equal(word, bytes_of("p"))) {
        __atomic_store_n(&debug->stands_ns, clock_steady_ns(&clock_system), __ATOMIC_RELAXED);
        return true;
    }
    if (bytes_equal(word, bytes_of("r"))) {
        __atomic_store_n(&debug->stands_ns, 0, __ATOMIC_RELAXED);
        return true;
    }
    if (!num_parse_i64(word, &seconds) || seconds > MOVE_MAX_S || seconds < -MOVE_MAX_S)
        return false;
    __atomic_fetch_add(&debug->moved_s, seconds, __ATOMIC_RELAXED);
    return true;
}

#endif
