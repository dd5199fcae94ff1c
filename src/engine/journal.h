/*
 * journal: the last things that happened to sessions, for who watches over them.
 *
 * Promise: events are numbered from 1 without a gap; the last JOURNAL_EVENTS of them can be read. No id is in it.
 *
 * Ownership: journal_init() and journal_fini() of the caller's memory.
 * Threads: any; one lock, held for a copy.
 * Failure: init is ERR_MEMORY; putting cannot fail.
 */
#ifndef CLOAKROOM_ENGINE_JOURNAL_H
#define CLOAKROOM_ENGINE_JOURNAL_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "engine/handle.h"

#include <pthread.h>

enum { JOURNAL_EVENTS = 4096, JOURNAL_APPLICATION_MAX = HANDLE_SESSION_MAX - HANDLE_SESSION_HASH };

enum journal_kind {
    JOURNAL_CREATED,
    JOURNAL_DELETED, /* by a client that holds its id, as on logging out */
    JOURNAL_EXPIRED,
    JOURNAL_KILLED,
    JOURNAL_SUCCEEDED, /* killed, to be followed by another id */
    JOURNAL_EVICTED,
    JOURNAL_BROKEN,  /* a lease: its connection closed, or its time was over */
    JOURNAL_REFUSED, /* there was no room for it */
    JOURNAL_NKINDS
};

struct journal_event {
    uint64_t number;
    int64_t wall_s;
    enum journal_kind kind;
    unsigned char handle[HANDLE_BYTES];
    uint8_t application_len;
    char application[JOURNAL_APPLICATION_MAX];
};

struct journal {
    pthread_mutex_t mutex;
    const struct clock *clock;
    struct journal_event *events; /* number n at n % JOURNAL_EVENTS */
    uint64_t last;                /* number of the newest; 0: none yet */
    uint64_t counts[JOURNAL_NKINDS];
};

enum err journal_init(struct journal *journal, const struct clock *clock) ERR_MUST_CHECK;
void journal_fini(struct journal *journal);

/* `session_key` as handle_session() makes it. */
void journal_put(struct journal *journal, enum journal_kind kind, struct bytes session_key);

/* The oldest of those behind number `after` that are still there, at most `max`. */
size_t journal_read(struct journal *journal, uint64_t after, struct journal_event *ret, size_t max);

uint64_t journal_last(struct journal *journal);
void journal_read_counts(struct journal *journal, uint64_t ret[JOURNAL_NKINDS]);

/* As it stands on the wire. */
const char *journal_word(enum journal_kind kind);

#endif
