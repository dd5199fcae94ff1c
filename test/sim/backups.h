/*
 * backups: a backup taken while the store is played with between any two calls of it; then the power of its disk is cut, it
 * is restored, and what the restored store shows is held to the model: of each key the state that had been answered when
 * the backup began, or a later one.
 */
#ifndef CLOAKROOM_TEST_BACKUPS_H
#define CLOAKROOM_TEST_BACKUPS_H

#include "sim/play.h"

/* Takes, restores and looks at one; the play goes on meanwhile, and after. What is wrong is in play->model.wrong. */
void backups_try(struct play *play);

/* The same with the target's calls failing in turn, which must leave nothing there that looks like a backup. */
void backups_fail_each(struct play *play);

#endif
