/*
 * sim_names: the directory of the simulated disk: names as a process sees them, and as a power cut leaves them.
 *
 *      durable ── changes not synced: create, rename, remove, … ──> now
 *
 * Ownership: files belong to the disk; a name only points.
 */
#ifndef CLOAKROOM_TEST_SIM_NAMES_H
#define CLOAKROOM_TEST_SIM_NAMES_H

#include "sim/sim_file.h"

enum { SIM_NAME_MAX = 64 };

struct sim_name {
    char text[SIM_NAME_MAX];
    struct sim_file *file;
};

struct sim_name_list {
    struct sim_name *p;
    size_t n;
    size_t room;
};

/* `to` comes to be `file`, unless that is NULL; `from` goes, unless it is empty. */
struct sim_name_change {
    char from[SIM_NAME_MAX];
    char to[SIM_NAME_MAX];
    struct sim_file *file;
};

struct sim_names {
    struct sim_name_list now;
    struct sim_name_list durable;
    struct sim_name_change *changes;
    size_t nchanges;
    size_t changes_room;
};

void sim_names_fini(struct sim_names *names);

struct sim_file *sim_names_find(const struct sim_names *names, const char *name);
void sim_names_create(struct sim_names *names, const char *name, struct sim_file *file);
void sim_names_remove(struct sim_names *names, const char *name);
void sim_names_rename(struct sim_names *names, const char *from, const char *to);
void sim_names_sync(struct sim_names *names);
/* Some of the changes are kept: the first ones, or any. */
void sim_names_cut(struct sim_names *names, uint64_t *seed);
/* Sets is_used of all files that a name, or a change to come, refers to. */
void sim_names_mark(struct sim_names *names);

#endif
