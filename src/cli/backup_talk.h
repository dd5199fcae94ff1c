/*
 * backup_talk: what backup and restore share: their two directories, and what they say while they work.
 *
 * Ownership: both belong to backup_pair_run(), from which the work has them.
 */
#ifndef CLOAKROOM_CLI_BACKUP_TALK_H
#define CLOAKROOM_CLI_BACKUP_TALK_H

#include "cli/command.h"
#include "cli/table.h"

struct disk;

struct backup_pair {
    struct disk *from;
    struct disk *to;
    bool is_new; /* made by us, to be removed when nothing came of it */
};

/* Complains that nothing came of it. */
enum outcome backup_pair_fail(const struct call *call, struct backup_pair *pair, const char *problem);

/* How far it is, is for a terminal at stderr alone, and wiped away at the end. */
struct backup_talk {
    bool is_terminal;
    bool is_told;
    json_t *findings; /* NULL: they are printed as they come */
};

/* For struct backup_ears, with the talk as `arg`. */
void backup_talk_notice(void *arg, const char *line);
void backup_talk_progress(void *arg, uint64_t done_bytes, uint64_t bytes);
/* The work is done. */
void backup_talk_end(struct backup_talk *talk);
/* In JSON: the findings. */
void backup_talk_add(struct backup_talk *talk, struct facts *facts);

/* Does `work` between the directories that the call names; the second is made if only its last part is missing. A failure
 * has been complained about. */
enum outcome backup_pair_run(const struct call *call,
                             enum outcome (*work)(const struct call *call, struct backup_pair *pair,
                                                  struct backup_talk *talk));

/* A line for who reads along, on stderr: no failure. */
void command_say(const struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
