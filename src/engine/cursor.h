/*
 * cursor: where a list of sessions stands, as text that a client hands back: numbers with points between them.
 *
 * Promise: whatever a client sends is refused or leads somewhere; it can be somewhere else, but no harm comes of it.
 */
#ifndef CLOAKROOM_ENGINE_CURSOR_H
#define CLOAKROOM_ENGINE_CURSOR_H

#include "engine/engine.h"

enum { CURSOR_TEXT_MAX = 80 };

/* A list by tag goes on behind a handle, any other at a place; so the filter has to be the same again. Empty text is the
 * beginning. False: it is none. */
bool cursor_read(struct bytes text, const struct engine_filter *filter, struct engine_cursor *ret);

/* The length, without the zero behind it. */
size_t cursor_put(const struct engine_cursor *cursor, const struct engine_filter *filter,
                  char ret[CURSOR_TEXT_MAX]);

#endif
