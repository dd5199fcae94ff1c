/*
 * local_private: what local.c and local_work.c share: the engine, and an op under way.
 */
#ifndef CLOAKROOM_ENGINE_LOCAL_PRIVATE_H
#define CLOAKROOM_ENGINE_LOCAL_PRIVATE_H

#include "engine/decide.h"
#include "engine/house.h"
#include "engine/local.h"
#include "engine/lock.h"

struct local {
    struct engine engine;
    struct local_config config;
    struct store *store;
    struct lock_table locks;
    _Atomic uint64_t refused_full[STORE_NCLASSES];
    _Atomic uint64_t refused_disk;
    struct house tidy;
    struct house sync;
    pthread_mutex_t watch_lock;
    struct engine_watch *watches;
    bool has_told; /* that the disk has failed */
};

/* What an op needs beyond one attempt. */
struct work {
    struct local *local;
    struct op *op;
    enum keyclass keyclass;
    bool is_locked_session; /* `<key>.lock` is held: a session of php-memcache */
    struct decide_lives lives;
    struct segment *staged;
    uint64_t staged_for; /* the version that an append was staged on; 0 for what needs no old value */
    bool is_rewrite;     /* of a live session */
    size_t need;         /* bytes that there was no room for */
};

/* Carries out the op on the store: its result, and what the turn's commit is to be asked about, are in it then. */
void work_run(struct work *work);

#endif
