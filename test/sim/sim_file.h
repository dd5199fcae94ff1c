/*
 * sim_file: one file of the simulated disk: what a process reads from it, and what a power cut leaves of it.
 *
 *      durable ── changes not synced: write, write, truncate, … ──> now
 *
 * A sync makes the changes durable. One that fails forgets them: they stay readable in `now`, as in a page cache
 * whose pages are marked clean, but no later sync writes them. A cut keeps of each change all, nothing, or some of
 * the sectors.
 *
 * Ownership: the disk has a list of them.
 * Failure: no memory aborts; it is a test.
 */
#ifndef CLOAKROOM_TEST_SIM_FILE_H
#define CLOAKROOM_TEST_SIM_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_content {
    char *p;
    size_t len;
    size_t room;
};

struct sim_change {
    char *data; /* NULL: a truncate to `at` */
    size_t len;
    uint64_t at;
};

struct sim_file {
    struct sim_file *next;
    struct sim_content now;
    struct sim_content durable;
    uint64_t allocated;
    struct sim_change *changes;
    size_t nchanges;
    size_t changes_room;
    bool is_used; /* a mark of the disk, while it looks for those that nothing refers to */
};

struct sim_file *sim_file_new(void);
void sim_file_free(struct sim_file **file);

void sim_file_write(struct sim_file *file, const void *from, size_t len, uint64_t at);
void sim_file_truncate(struct sim_file *file, uint64_t len);
void sim_file_sync(struct sim_file *file);
void sim_file_fail_sync(struct sim_file *file);
/* The power is gone, and back. */
void sim_file_cut(struct sim_file *file, uint64_t *seed);

#endif
