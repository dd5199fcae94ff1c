/*
 * sim_disk: a disk that obeys a seed: it forgets at a power cut what was not synced, tears it, fails when told, fills up.
 *
 * What it assumes of a real one is as little as POSIX: writes that were not synced are kept, dropped or torn
 * independently of their order; a file's sync does not save its name, only sync_dir() does; a rename is atomic. A failed
 * sync loses what it should have saved, for good, though it stays readable until the cut.
 *
 *      sim_disk_new() ──> store_new() … store_abandon() ──> sim_disk_kill() or sim_disk_cut() ──> store_new() …
 *
 * Ownership: sim_disk_free() or disk_close() frees all.
 * Threads: calls through `disk` may come from several; the rest from one, while none are under way.
 * Failure: what a process must not do (use a file it has closed) aborts.
 */
#ifndef CLOAKROOM_TEST_SIM_DISK_H
#define CLOAKROOM_TEST_SIM_DISK_H

#include "io/disk.h"

struct sim_disk;

/* What is counted and can fail. */
enum sim_call {
    SIM_OPEN = 1,
    SIM_READ = 2,
    SIM_WRITE = 4,
    SIM_ALLOCATE = 8,
    SIM_TRUNCATE = 16,
    SIM_SYNC = 32,
    SIM_SYNC_DIR = 64,
    SIM_REMOVE = 128,
    SIM_RENAME = 256,
    SIM_ANY = 511,
};

struct sim_disk *sim_disk_new(uint64_t seed);
void sim_disk_free(struct sim_disk **sim);
struct disk *sim_disk_as_disk(struct sim_disk *sim);

/* The process is gone: what it wrote stays, its files and its lock are released. */
void sim_disk_kill(struct sim_disk *sim);
/* The power is gone: what was not synced stays, goes or tears as `*seed` will have it. */
void sim_disk_cut(struct sim_disk *sim, uint64_t *seed);

/* The n-th call from now among `calls` (1: the next) fails with -error; n = 0: none will. Once. */
void sim_disk_fail_at(struct sim_disk *sim, uint64_t n, int error, unsigned calls);
/* In the n-th call from now the process or the machine stops: what that call did is open, and from then on all
 * calls give -EIO and do nothing, until sim_disk_kill() or sim_disk_cut(). n = 0: that will not be. */
void sim_disk_cut_at(struct sim_disk *sim, uint64_t n);
bool sim_disk_is_dead(const struct sim_disk *sim);
/* Has the failure of sim_disk_fail_at() happened? */
bool sim_disk_has_failed(const struct sim_disk *sim);
/* Called within each sync, sync_dir and remove, before it is done, but not within itself: for what another thread may
 * do meanwhile. NULL: nothing. */
void sim_disk_meanwhile(struct sim_disk *sim, void (*meanwhile)(void *arg), void *arg);
/* Bytes in files, or set aside for them, that there is room for; 0: no bound. */
void sim_disk_limit(struct sim_disk *sim, uint64_t bytes);

uint64_t sim_disk_calls(const struct sim_disk *sim);
/* Flips a bit of a file, for good. */
void sim_disk_damage(struct sim_disk *sim, const char *name, uint64_t at, unsigned bit);
void sim_disk_each(struct sim_disk *sim, void (*each)(void *arg, const char *name, uint64_t len), void *arg);

#endif
