/*
 * play: a store on a simulated disk under a simulated clock, played with at random and held to its model.
 *
 *      play_init ──> play_open ──> play_turns … ──> play_crash ──> play_open ──> … ──> play_fini
 *
 * Failure: what the store did wrong is in model.wrong, from then on nothing counts.
 */
#ifndef CLOAKROOM_TEST_PLAY_H
#define CLOAKROOM_TEST_PLAY_H

#include "base/clock.h"
#include "sim/model.h"
#include "sim/sim_disk.h"

enum { PLAY_VALUE_MAX = 24 << 10 };

struct play {
    struct clock clock;
    uint64_t steady_ns;
    int64_t wall_s;
    char boot_id[40];
    uint64_t boots;
    uint64_t seed;
    struct sim_disk *disk;
    struct store_config config;
    struct store *store;
    struct model model;
    uint64_t number; /* of the last value */
    bool has_flushes;
    bool is_broken; /* the store has told that its disk failed */
    bool has_jumped;
    uint32_t jumped_s;        /* when the wall clock last did, while no note of the time since is safe */
    struct model_crash crash; /* the last one, for play_open() */
    char problem[STORE_PROBLEM_MAX];
    char value[PLAY_VALUE_MAX];
    char other[PLAY_VALUE_MAX];
};

/* All follows from the seed; is_plain: without flushes and jumps of the clock. */
void play_init(struct play *play, uint64_t seed, bool is_plain);
void play_fini(struct play *play);

uint32_t play_now_s(const struct play *play);
bool play_is_wrong(const struct play *play);

/* False: the store could not be opened, see model.wrong; the disk's failure or death is not a wrong. */
bool play_open(struct play *play);
/* What the store shows of a key; false: not to be shown, as the disk has failed. */
bool play_look(struct play *play, unsigned key, struct model_view *ret);
/* Turns of some requests each, with the housekeeping between. Ends early when the disk is dead. */
void play_turns(struct play *play, unsigned n);
void play_crash(struct play *play, bool is_cut);
/* A clean end; time passes, the boot is the same. */
void play_close(struct play *play);

#endif
