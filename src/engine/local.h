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
#include "engine/keyclass.h"
#include "engine/lock.h"

struct local_config {
    struct store_config store;
    struct keyclass_config keyclass;
    struct lock_limits locks;
    const struct clock *clock;
    uint32_t sync_interval_ms;
    bool without_thread; /* tests call the store's housekeeping themselves */
};

enum err local_new(const struct local_config *config, struct engine **ret) ERR_MUST_CHECK;

#endif
