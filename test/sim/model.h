/*
 * model: what a store may show after a crash (S1, S2): for each key all the states it was given, and which of them have
 * been answered, and which saved.
 *
 *      states of a key:   gone │ v1 │ v2 │ gone │ v3 │ v4        v4 is what a process reads
 *                                   │      │           └ submitted
 *                                   │      └ answered: the oldest that may be left after a kill
 *                                   └ saved: the oldest that may be left after a power cut
 *
 * Opening shows one from there on, and that is then the truth. A session is never missing; cache may be. With sync
 * `none` a power cut may leave anything, but no value that was never stored.
 * A delayed flush_all is a state of a register of its own, which becomes one of every key when its time has come.
 *
 * Times are seconds of the steady clock, moved by model_shift() when that begins anew.
 */
#ifndef CLOAKROOM_TEST_MODEL_H
#define CLOAKROOM_TEST_MODEL_H

#include "store/store.h"

enum { MODEL_KEYS = 60, MODEL_SHARDS = 64, MODEL_TEXT = 200 };

struct model_state {
    uint64_t number; /* of the value; 0: gone. Of the flush register: when, 0: not at all */
    uint64_t version;
    int64_t expiry_s;
    enum store_class class;
    bool has_come;   /* of the flush register: the one before, in its time */
    uint64_t ticket; /* answered once this is synced; UINT64_MAX: not known, or never */
};

struct model_key {
    struct model_state *states;
    size_t n;
    size_t room;
    size_t answered;
    size_t saved;
    size_t marked; /* answered when the sync under way began */
    size_t come;   /* when the last delayed flush came true */
    size_t floor;  /* after a crash: the oldest that may show */
};

struct model {
    struct model_key keys[MODEL_KEYS];
    struct model_key flush;
    uint64_t versions[MODEL_SHARDS]; /* the highest that were answered */
    enum store_sync sync;
    char wrong[MODEL_TEXT]; /* what the store did wrong; empty: nothing */
};

/* What the store shows of a key. */
struct model_view {
    bool found;
    uint64_t number; /* UINT64_MAX: no value of this key */
    uint64_t version;
    uint32_t expiry_s;
    enum store_class class;
};

/* How a crash was, and how well the time is known that passed. */
struct model_crash {
    bool is_cut;
    bool time_is_unknown;
    int64_t fuzz_s;
};

void model_init(struct model *model, enum store_sync sync);
void model_fini(struct model *model);
void model_copy(struct model *to, const struct model *from);
/* Only what had been answered when `before` was copied of it counts as answered. */
void model_turn_back(struct model *model, const struct model *before);

void model_submit(struct model *model, unsigned key, const struct model_state *state);
void model_submit_flush(struct model *model, uint32_t now_s, uint32_t at_s);
/* What the key's last state is may be told to a client once `ticket` is synced; 0: now. */
void model_answer(struct model *model, unsigned key, uint64_t ticket);
void model_answer_flush(struct model *model, uint64_t ticket);
void model_synced(struct model *model, uint64_t ticket);
/* A sync begins; and has succeeded: all that was answered when it began outlives a power cut, if that is the
 * policy. */
void model_mark(struct model *model);
void model_save(struct model *model);
void model_pass_time(struct model *model, uint32_t now_s, bool is_broken);

/* The store is running; `is_broken`: its disk has failed, so what was not answered may show or not; but what shows
 * has been told to a client (S1). */
void model_check(struct model *model, unsigned key, const struct model_view *view, uint32_t now_s,
                 bool is_broken);
const struct model_state *model_last(const struct model *model, unsigned key);
bool model_is_answered(const struct model *model, unsigned key);

void model_crash(struct model *model, bool is_cut);
void model_shift(struct model *model, int64_t by_s);
/* After opening: what a delayed flush may have done. False: it is not known what is still to come. */
bool model_reopen(struct model *model, const struct model_crash *crash, uint32_t now_s);
/* Is it one that may show? It is then the truth. */
void model_adopt(struct model *model, unsigned key, const struct model_view *view,
                 const struct model_crash *crash, uint32_t now_s);

#endif
