/*
 * paint: colours, where somebody sees them.
 *
 * Promise: only a terminal gets any, and none where the environment has NO_COLOR (no-color.org) or TERM=dumb. Nothing is
 * said by colour alone.
 */
#ifndef CLOAKROOM_CLI_PAINT_H
#define CLOAKROOM_CLI_PAINT_H

#include <stdbool.h>
#include <stdio.h>

enum paint { PAINT_PLAIN, PAINT_TITLE, PAINT_WARN, PAINT_BAD };

bool paint_is_on(FILE *out);

/* Texts to print before and behind; empty when colours are off. */
const char *paint_begin(enum paint paint, bool is_on);
const char *paint_end(enum paint paint, bool is_on);

#endif
