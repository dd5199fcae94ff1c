/*
 * events: what the server does, for those who watch: a ring that is written without a lock and read by any number.
 *
 *      events_wants() ─ a relaxed load: nobody watches, nothing more happens
 *      events_put()   ─ takes the next number, writes its place in the ring; the oldest is overwritten
 *      events_read()  ─ copies one out by its number; too late: it is gone, and the reader knows how many are
 *
 * Promise: putting never waits, neither for readers nor for another who puts, and allocates nothing; so it may be done
 * under a lock of the store. A reader that is slow loses events, and nobody else notices. Numbers rise by one.
 *
 * Ownership: events hold copies of keys, ids among them: what is shown of them goes through show.h.
 * Threads: any; events_fini() when nobody puts or reads any more.
 * Limits: EVENTS_WATCHERS_MAX watchers; EVENTS_KEPT events, which take 2.5 MiB from the first watcher on.
 * Failure: an event is lost when the ring comes round while it is still being written; it is counted.
 */
#ifndef CLOAKROOM_SERVER_EVENTS_H
#define CLOAKROOM_SERVER_EVENTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EVENTS_WATCHERS_MAX = 20, EVENTS_KEPT = 8192, EVENT_TEXT_MAX = 250 };

/* What a watcher asks for; a bit each. */
enum events_group {
    EVENTS_FETCHERS = 1,
    EVENTS_MUTATIONS = 2,
    EVENTS_EVICTIONS = 4,
    EVENTS_CONNEVENTS = 8,
    EVENTS_DELETIONS = 16,
    EVENTS_ALL = 31
};

enum event_kind { EVENT_GET, EVENT_STORE, EVENT_DELETE, EVENT_EVICTION, EVENT_OPEN, EVENT_CLOSE };

struct event {
    int64_t at_us; /* wall time */
    int64_t ttl_s;
    uint64_t size;
    uint32_t idle_s;
    int32_t fd;
    uint16_t port;
    uint8_t group;
    uint8_t kind;
    uint8_t status;  /* a word of the kind's own, see event_line.c */
    uint8_t command; /* the same */
    uint8_t class;   /* as shown; 0: none */
    bool is_session; /* what is known beyond the key's name */
    bool is_hashed;  /* the key is the hash of a session's id */
    bool is_fetched;
    uint8_t len;
    char text[EVENT_TEXT_MAX]; /* a key, or an address */
};

struct events_slot;

/* Zeroed but for the lock, nobody watches. */
struct events {
    _Atomic unsigned wanted; /* groups of all watchers */
    _Atomic uint64_t last;   /* number of the newest; the first is 1 */
    struct events_slot *slots;
    pthread_mutex_t lock; /* of what follows, and of making the ring */
    unsigned watchers;
    unsigned per_group[8];
    _Atomic uint64_t lost;
    _Atomic uint64_t sent;
    _Atomic uint64_t skipped;
};

void events_init(struct events *events);
void events_fini(struct events *events);

/* One more, or one less, who watches these groups. False: there are too many (*ret_full), or there is no memory. */
bool events_join(struct events *events, unsigned groups, bool *ret_full);
void events_leave(struct events *events, unsigned groups);

static inline bool events_wants(const struct events *events, unsigned groups)
{
    return (__atomic_load_n(&events->wanted, __ATOMIC_RELAXED) & groups) != 0;
}

/* After events_wants(). Fills in at_us. */
void events_put(struct events *events, struct event *event);

enum events_read { EVENTS_READ, EVENTS_NOT_YET, EVENTS_GONE };

/* Event `number`, not above events_last(). NOT_YET: it is being written, or was lost. */
enum events_read events_read(const struct events *events, uint64_t number, struct event *ret);

static inline uint64_t events_last(const struct events *events)
{
    return __atomic_load_n(&events->last, __ATOMIC_ACQUIRE);
}

#endif
