/*
 * counters: what each worker counts, under the names that memcached's monitoring reads.
 *
 * Threads: one writer, the worker; anybody may read and add up. Relaxed: each figure is right, their sum is
 * of no single moment.
 */
#ifndef CLOAKROOM_SERVER_COUNTERS_H
#define CLOAKROOM_SERVER_COUNTERS_H

#include <stdint.h>

/* In the order in which `stats` shows them. */
#define COUNTERS_TABLE(X)                                                                                    \
    X(cmd_get)                                                                                               \
    X(cmd_set)                                                                                               \
    X(cmd_flush)                                                                                             \
    X(cmd_touch)                                                                                             \
    X(cmd_meta)                                                                                              \
    X(get_hits)                                                                                              \
    X(get_misses)                                                                                            \
    X(get_expired)                                                                                           \
    X(get_flushed)                                                                                           \
    X(delete_misses)                                                                                         \
    X(delete_hits)                                                                                           \
    X(incr_misses)                                                                                           \
    X(incr_hits)                                                                                             \
    X(decr_misses)                                                                                           \
    X(decr_hits)                                                                                             \
    X(cas_misses)                                                                                            \
    X(cas_hits)                                                                                              \
    X(cas_badval)                                                                                            \
    X(touch_hits)                                                                                            \
    X(touch_misses)                                                                                          \
    X(store_too_large)                                                                                       \
    X(store_no_memory)                                                                                       \
    X(auth_cmds)                                                                                             \
    X(auth_errors)                                                                                           \
    X(bytes_read)                                                                                            \
    X(bytes_written)                                                                                         \
    X(conn_yields)                                                                                           \
    X(idle_kicks)                                                                                            \
    X(cloakroom_udp_requests)                                                                                \
    X(cloakroom_udp_dropped)                                                                                 \
    X(cloakroom_udp_too_large)

/* Of these, how many were about sessions: for `stats slabs`. */
#define COUNTERS_OF_SESSIONS(X)                                                                              \
    X(get_hits)                                                                                              \
    X(cmd_set)                                                                                               \
    X(delete_hits)                                                                                           \
    X(incr_hits)                                                                                             \
    X(decr_hits)                                                                                             \
    X(cas_hits)                                                                                              \
    X(cas_badval)                                                                                            \
    X(touch_hits)

enum counter {
#define COUNTERS_ENUM(name) COUNTER_##name,
    COUNTERS_TABLE(COUNTERS_ENUM) NCOUNTERS_SHOWN,
    COUNTER_before_sessions = NCOUNTERS_SHOWN - 1,
#undef COUNTERS_ENUM
#define COUNTERS_ENUM(name) COUNTER_session_##name,
    COUNTERS_OF_SESSIONS(COUNTERS_ENUM) COUNTER_verb_opens,
    COUNTER_verb_writes,
    NCOUNTERS
#undef COUNTERS_ENUM
};

/* The one that counts the same of sessions; NCOUNTERS: there is none. */
static inline enum counter counters_of_sessions(enum counter counter)
{
    switch (counter) {
#define COUNTERS_CASE(name)                                                                                  \
    case COUNTER_##name:                                                                                     \
        return COUNTER_session_##name;
        COUNTERS_OF_SESSIONS(COUNTERS_CASE)
#undef COUNTERS_CASE
    default:
        return NCOUNTERS;
    }
}

struct counters {
    _Atomic uint64_t values[NCOUNTERS];
};

static inline void counters_add(struct counters *counters, enum counter counter, uint64_t n)
{
    _Atomic uint64_t *value = &counters->values[counter];
    /* One writer: no locked instruction needed. */
    __atomic_store_n(value, __atomic_load_n(value, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

static inline uint64_t counters_get(const struct counters *counters, enum counter counter)
{
    return __atomic_load_n(&counters->values[counter], __ATOMIC_RELAXED);
}

#endif
