/* A ring of events, see events.h. */
#include "server/events.h"
#include "base/check.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WORDS = (sizeof(struct event) + sizeof(uint64_t) - 1) / sizeof(uint64_t), NGROUPS = 5 };

/*
 * `state` is twice the number of the event that is there; one less while it is being written. Who writes takes the place
 * from an older one, so two never write at once: the later one would be a whole round ahead, and is lost instead. Words
 * are atomic, released and acquired in order, so that a reader who finds the same state before and after has read what
 * belongs together.
 */
struct events_slot {
    _Atomic uint64_t state;
    _Atomic uint64_t words[WORDS];
};

void events_init(struct events *events)
{
    *events = (struct events){0};
    CHECK(pthread_mutex_init(&events->lock, NULL) == 0);
}

void events_fini(struct events *events)
{
    free(events->slots);
    pthread_mutex_destroy(&events->lock);
}

static void want(struct events *events)
{
    unsigned wanted = 0;
    for (unsigned i = 0; i < NGROUPS; i++)
        wanted |= events->per_group[i] > 0 ? 1U << i : 0;
    __atomic_store_n(&events->wanted, wanted, __ATOMIC_RELEASE);
}

static void count(struct events *events, unsigned groups, int by)
{
    for (unsigned i = 0; i < NGROUPS; i++) {
        if ((groups >> i & 1) != 0)
            events->per_group[i] += (unsigned)by;
    }
    events->watchers += (unsigned)by;
    want(events);
}

bool events_join(struct events *events, unsigned groups, bool *ret_full)
{
    pthread_mutex_lock(&events->lock);
    *ret_full = events->watchers >= EVENTS_WATCHERS_MAX;
    if (!*ret_full && events->slots == NULL) {
        struct events_slot *slots = calloc(EVENTS_KEPT, sizeof *slots);
        __atomic_store_n(&events->slots, slots, __ATOMIC_RELEASE);
    }
    bool ok = !*ret_full && events->slots != NULL;
    if (ok)
        count(events, groups, 1);
    pthread_mutex_unlock(&events->lock);
    return ok;
}

void events_leave(struct events *events, unsigned groups)
{
    pthread_mutex_lock(&events->lock);
    count(events, groups, -1);
    pthread_mutex_unlock(&events->lock);
}

static int64_t now_us(void)
{
    struct timespec ts;
    CHECK(clock_gettime(CLOCK_REALTIME, &ts) == 0);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void events_put(struct events *events, struct event *event)
{
    struct events_slot *slots = __atomic_load_n(&events->slots, __ATOMIC_ACQUIRE);
    uint64_t words[WORDS];
    size_t n = (offsetof(struct event, text) + event->len + sizeof *words - 1) / sizeof *words;
    CHECK(event->len <= EVENT_TEXT_MAX);
    if (slots == NULL)
        return; /* the first watcher is only just coming */
    event->at_us = now_us();
    memcpy(words, event, n * sizeof *words < sizeof *event ? n * sizeof *words : sizeof *event);
    uint64_t number = __atomic_add_fetch(&events->last, 1, __ATOMIC_ACQ_REL);
    struct events_slot *slot = &slots[number % EVENTS_KEPT];
    uint64_t state = __atomic_load_n(&slot->state, __ATOMIC_RELAXED);
    if ((state & 1) != 0 || state >= 2 * number ||
        !__atomic_compare_exchange_n(&slot->state, &state, 2 * number - 1, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED)) {
        __atomic_fetch_add(&events->lost, 1, __ATOMIC_RELAXED);
        return;
    }
    for (size_t i = 0; i < n; i++)
        __atomic_store_n(&slot->words[i], words[i], __ATOMIC_RELEASE);
    __atomic_store_n(&slot->state, 2 * number, __ATOMIC_RELEASE);
}

enum events_read events_read(const struct events *events, uint64_t number, struct event *ret)
{
    const struct events_slot *slot = &events->slots[number % EVENTS_KEPT];
    uint64_t words[WORDS];
    uint64_t state = __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
    if (state < 2 * number)
        return events_last(events) - number >= EVENTS_KEPT ? EVENTS_GONE : EVENTS_NOT_YET;
    if (state > 2 * number)
        return EVENTS_GONE;
    for (size_t i = 0; i < WORDS; i++)
        words[i] = __atomic_load_n(&slot->words[i], __ATOMIC_ACQUIRE);
    if (__atomic_load_n(&slot->state, __ATOMIC_RELAXED) != state)
        return EVENTS_GONE;
    memcpy(ret, words, sizeof *ret);
    return EVENTS_READ;
}
