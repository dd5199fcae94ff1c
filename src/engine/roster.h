/*
 * roster: sessions listed, counted and killed by application and tag, a slice at a time.
 *
 * Promise: no slice holds anything longer than a look at one session; what is there from the first slice to the last is
 * in it once, or (without a tag) rarely twice.
 * Threads: any.
 */
#ifndef CLOAKROOM_ENGINE_ROSTER_H
#define CLOAKROOM_ENGINE_ROSTER_H

#include "engine/engine.h"

struct local;

/* See engine_list_sessions() and its neighbours. */
bool roster_list(struct local *local, const struct engine_filter *filter, struct engine_cursor *cursor,
                 uint32_t now_s, struct engine_session *ret, size_t max, size_t *ret_n,
                 uint64_t *ret_unwritten);
bool roster_kill(struct local *local, const struct engine_filter *filter, struct engine_cursor *cursor,
                 struct op *op, uint64_t *ret_nkilled);

#endif
