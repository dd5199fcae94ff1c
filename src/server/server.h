/*
 * server: what the workers share: engine, settings, listeners, and how many connections there are.
 *
 * Ownership: main builds it and takes it down after all workers have ended.
 * Threads: read-only after start but for the counters, which are atomic.
 */
#ifndef CLOAKROOM_SERVER_SERVER_H
#define CLOAKROOM_SERVER_SERVER_H

#include "engine/engine.h"
#include "engine/handle.h"
#include "server/access.h"
#include "server/buffer.h"
#include "server/counters.h"
#include "server/crawler.h"
#include "server/debug_clock.h"
#include "server/events.h"
#include "server/listener.h"
#include "server/prefix.h"
#include "server/settings.h"
#include "server/web.h"

struct disk;
struct worker;

struct server {
    struct settings *settings;
    const struct clock *clock;
#ifdef CLOAKROOM_DEBUG
    struct debug_clock debug_clock;
#endif
    struct engine *engine;  /* see server_engine() */
    struct engine *loading; /* what it was until the store had been loaded, or NULL */
    struct store_progress progress;
    struct disk *disk; /* of --data; NULL: none */
    struct keyclass_prefix *prefixes_of_sessions;
    char boot_id[40];
    struct buffer_pool buffers;
    struct access access;
    struct web web;
    struct crawler crawler;
    struct events events;
    struct listener *listeners;
    size_t nlisteners;
    const char *pid_file; /* written, to be removed at the end; else NULL */
    struct worker **workers;
    size_t nworkers;
    uint64_t started_ns; /* steady */
    _Atomic uint64_t nconnections;
    _Atomic uint64_t total_connections;
    _Atomic uint64_t rejected_connections;
    _Atomic uint64_t tls_failures;    /* handshakes */
    _Atomic uint64_t naway;           /* workers that do not accept just now */
    _Atomic uint64_t listen_disabled; /* how often all but none of them did not */
    _Atomic uint64_t away_since_ns;
    _Atomic uint64_t away_ns; /* until then */
    struct prefix_table prefixes;
    struct counters counters_base; /* what stats reset takes off the workers' sums */
};

/* It changes once, when the store has been loaded. */
static inline struct engine *server_engine(const struct server *server)
{
    return __atomic_load_n(&server->engine, __ATOMIC_ACQUIRE);
}

#endif
