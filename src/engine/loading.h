/*
 * loading: the engine of a server whose store is still being read from the disk: every op waits.
 *
 *      loading_new() ── serves ── the real one is put in its place ── loading_end(): all that wait are woken
 *                                                                       └─> engine_resume() of the real one
 *
 * So whoever comes meanwhile is not turned away, and stats shows how far it is.
 *
 * Threads: as engine.h says; loading_end() once, from any.
 */
#ifndef CLOAKROOM_ENGINE_LOADING_H
#define CLOAKROOM_ENGINE_LOADING_H

#include "engine/engine.h"

/* `config` is that of the store to come; its `progress`, for stats, is the caller's until engine_free(). */
enum err loading_new(const struct store_config *config, struct engine **ret) ERR_MUST_CHECK;

/* The real one is in place: nobody waits from now on. */
void loading_end(struct engine *engine);

#endif
