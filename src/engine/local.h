/*
 * local: the engine of one machine, store and lock table under one roof.
 *
 * Promise: answers every op before submit returns, but those that wait for a lock; S3 by key class; stock handlers' lock keys never reach the
 * store.
 * Threads: as engine.h says; one thread of its own does the store's housekeeping, and one syncs its log.
 */
#ifndef CLOAKROOM_ENGINE_LOCAL_H
#define CLOAKROOM_ENGINE_LOCAL_H

#include "base/clock.h"
#include "engine/engine.h"
#include "engine/handle.h"
#include "engine/keyclass.h"
#include "engine/lock.h"

/* Of sessions, beyond what their writers ask for; 0: no such bound. */
struct local_lives {
    uint32_t first_s;    /* until it is written a second time */
    uint32_t bot_s;      /* of one whose visitor is a bot, as its writer says */
    uint32_t absolute_s; /* from its creation */
};

struct local_config {
    struct store_config store;
    struct local_lives lives;
    struct keyclass_config keyclass;
    struct lock_limits locks;
    const struct clock *clock;
    uint32_t sync_interval_ms;
    bool without_thread; /* tests call the store's housekeeping themselves */
};

enum err local_new(const struct local_config *config, struct engine **ret) ERR_MUST_CHECK;

/* The key that ids are hashed with, before the first op; else it has one that no other start has. And the one before:
 * what was stored with that is found, and moves to where it is looked for from now on. NULL: none. */
void local_set_keys(struct engine *engine, const struct handle_key *key, const struct handle_key *former);

#endif
