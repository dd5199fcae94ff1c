/*
 * debug_clock: a clock that a client moves, for memcached's own test suite. In the debug profile only: whoever may move
 * the clock may end every life.
 *
 *      debugtime 5     five seconds on        debugtime -5    back, but never below 0
 *      debugtime p     it stands              debugtime r     it runs on, as if it had not stood
 *
 * Threads: any.
 */
#ifndef CLOAKROOM_SERVER_DEBUG_CLOCK_H
#define CLOAKROOM_SERVER_DEBUG_CLOCK_H

#ifdef CLOAKROOM_DEBUG

#include "base/bytes.h"
#include "base/clock.h"

#include <stdbool.h>

struct debug_clock {
    struct clock clock;
    _Atomic int64_t moved_s;
    _Atomic uint64_t stands_ns; /* 0: it runs */
};

void debug_clock_init(struct debug_clock *debug);

/* False: no such word. */
bool debug_clock_order(struct debug_clock *debug, struct bytes word);

#endif

#endif
