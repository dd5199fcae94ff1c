/*
 * local_private: what the files of local.c share: the engine, and an op under way.
 */
#ifndef CLOAKROOM_ENGINE_LOCAL_PRIVATE_H
#define CLOAKROOM_ENGINE_LOCAL_PRIVATE_H

#include "engine/census.h"
#include "engine/claims.h"
#include "engine/decide.h"
#include "engine/house.h"
#include "engine/journal.h"
#include "engine/local.h"
#include "engine/lock.h"
#include "engine/naming.h"
#include "engine/traits.h"

struct local {
    struct engine engine;
    struct local_config config;
    struct store *store;
    struct handle_maker maker;
    struct handle_maker former; /* of the key that was replaced */
    bool has_former;
    bool has_plain; /* sessions under names that are no hashes, from before there were any */
    struct lock_table locks;
    struct census census;
    struct claims claims;
    struct journal journal;
    _Atomic uint64_t refused_full[STORE_NCLASSES];
    _Atomic uint64_t refused_disk;
    struct house tidy;
    struct house sync;
    pthread_mutex_t watch_lock;
    struct engine_watch *watches;
    bool is_counted; /* what was there when it was opened */
    bool has_told;   /* that the disk has failed */
};

/* What an op needs beyond one attempt. */
struct work {
    struct local *local;
    struct op *op;
    struct name name;
    struct decide_lives lives;
    struct segment *staged;
    uint64_t staged_for; /* the version that the value, or what goes with it, was staged on; 0: none */
    bool is_rewrite;     /* of a live session */
    size_t need;         /* bytes that there was no room for */

    /* Of one attempt. */
    struct traits was;            /* of the session that was found, dead or alive; else of none */
    struct traits is;             /* of what is to be written */
    const struct traits *adopted; /* of a session that is moved here; else NULL */
    bool has_was;                 /* there is a session, or what is left of a killed one */
    struct traits_room room;
    char tags[TRAITS_TAGS_MAX * TRAITS_TAG_MAX]; /* of a predecessor */
    char was_tags[TRAITS_TAGS_MAX * TRAITS_TAG_MAX];
};

/* The key under which the work's item lies. */
static inline struct bytes work_key(const struct work *work)
{
    return work->name.kind == KEYCLASS_PLAIN ? work->op->key : handle_session_key(&work->name.session);
}

/* All but what each attempt fills in: most of it is large, and needed by few. */
static inline void work_init(struct work *work, struct local *local, struct op *op)
{
    work->local = local;
    work->op = op;
    work->adopted = NULL;
    work->staged = NULL;
    work->staged_for = 0;
    work->is_rewrite = false;
    work->need = 0;
}

/* Carries out the op on the store: its result, and what the turn's commit is to be asked about, are in it then. */
void work_run(struct work *work);

/* work_traits.c: reads what was there, and what is to be there unless the op says otherwise. */
void work_read_traits(struct work *work, const struct store_entry *entry);
/* A life, as steady seconds, within what the session's lives allow. */
uint32_t work_limit_life(const struct work *work, uint32_t expiry_s);
/* The session's record has been killed: does its client know that, and so may begin a new one? */
bool work_may_begin(const struct work *work, const struct store_entry *entry);

/* session.c: what is to be done to what was found, by one of the verbs. */
void session_decide(struct work *work, const struct store_entry *entry, const struct decide_item *item,
                    struct verdict *ret);
enum submit session_submit(struct local *local, struct op *op);

#endif
