/* A binary heap of timers, soonest first; each timer knows its place, so clearing one is as cheap as
 * setting it. */
#include "net/timer.h"
#include "base/check.h"

#include <limits.h>
#include <stdlib.h>

enum { NS_PER_MS = 1000000 };

static void put(struct loop *loop, size_t at, struct loop_timer *timer)
{
    loop->timers[at] = timer;
    timer->at = at;
}

static void rise(struct loop *loop, size_t at)
{
    struct loop_timer *timer = loop->timers[at];
    for (; at > 1 && timer->due_ns < loop->timers[at / 2]->due_ns; at /= 2)
        put(loop, at, loop->timers[at / 2]);
    put(loop, at, timer);
}

static void sink(struct loop *loop, size_t at)
{
    struct loop_timer *timer = loop->timers[at];
    for (size_t child; (child = at * 2) <= loop->ntimers; at = child) {
        if (child < loop->ntimers && loop->timers[child + 1]->due_ns < loop->timers[child]->due_ns)
            child++;
        if (timer->due_ns <= loop->timers[child]->due_ns)
            break;
        put(loop, at, loop->timers[child]);
    }
    put(loop, at, timer);
}

static enum err make_room(struct loop *loop)
{
    if (loop->ntimers + 1 < loop->timers_cap)
        return ERR_NONE;
    size_t cap = loop->timers_cap == 0 ? 16 : loop->timers_cap * 2;
    struct loop_timer **timers = realloc(loop->timers, cap * sizeof(*timers));
    if (timers == NULL)
        return ERR_MEMORY;
    loop->timers = timers;
    loop->timers_cap = cap;
    return ERR_NONE;
}

enum err loop_set_timer(struct loop *loop, struct loop_timer *timer, uint64_t in_ns)
{
    loop_clear_timer(loop, timer);
    enum err err = make_room(loop);
    if (err != ERR_NONE)
        return err;
    timer->due_ns = loop->now_ns + in_ns;
    put(loop, ++loop->ntimers, timer);
    rise(loop, loop->ntimers);
    return ERR_NONE;
}

void loop_clear_timer(struct loop *loop, struct loop_timer *timer)
{
    size_t at = timer->at;
    if (at == 0)
        return;
    CHECK(loop->timers[at] == timer);
    timer->at = 0;
    struct loop_timer *last = loop->timers[loop->ntimers--];
    if (last == timer)
        return;
    put(loop, at, last);
    sink(loop, at);
    rise(loop, last->at);
}

int timer_wait_ms(const struct loop *loop)
{
    if (loop->ntimers == 0)
        return -1;
    uint64_t due_ns = loop->timers[1]->due_ns;
    if (due_ns <= loop->now_ns)
        return 0;
    uint64_t ms = (due_ns - loop->now_ns + NS_PER_MS - 1) / NS_PER_MS;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

void timer_fire_due(struct loop *loop)
{
    while (loop->ntimers > 0 && loop->timers[1]->due_ns <= loop->now_ns) {
        struct loop_timer *timer = loop->timers[1];
        loop_clear_timer(loop, timer);
        timer->fire(timer);
    }
}
