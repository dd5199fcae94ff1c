/* Waiting with an end, see deadline.h. */
#include "client/deadline.h"
#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

enum { NS_PER_MS = 1000000 };

uint64_t deadline_in(uint32_t in_ms)
{
    return clock_steady_ns(&clock_system) + (uint64_t)in_ms * NS_PER_MS;
}

uint32_t deadline_left_ms(uint64_t deadline_ns)
{
    uint64_t now_ns = clock_steady_ns(&clock_system);
    if (now_ns >= deadline_ns)
        return 0;
    uint64_t left_ms = (deadline_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
    return left_ms < INT_MAX ? (uint32_t)left_ms : INT_MAX;
}

enum err deadline_wait(uint64_t deadline_ns, int fd, short events)
{
    struct pollfd wanted = {.fd = fd, .events = events};
    for (;;) {
        uint32_t left_ms = deadline_left_ms(deadline_ns);
        int n = poll(&wanted, 1, (int)left_ms);
        if (n > 0)
            return ERR_NONE;
        if (n < 0 && errno != EINTR)
            return ERR_SYSTEM;
        if (left_ms == 0)
            return ERR_TIMEOUT;
    }
}
