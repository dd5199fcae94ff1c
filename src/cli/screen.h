/*
 * screen: the terminal, while something is drawn on it again and again.
 *
 * Promise: whatever ends the view, SIGINT, SIGTERM and SIGHUP among it, the terminal is left as it was found, the cursor
 * below the last picture. Plain ANSI orders alone: home, erase, cursor off and on, bold.
 * Limits: one at a time in a process, as there is one terminal.
 */
#ifndef CLOAKROOM_CLI_SCREEN_H
#define CLOAKROOM_CLI_SCREEN_H

#include "base/bytes.h"

#include <termios.h>

/* A line that begins so is drawn bold, without it. */
#define SCREEN_TITLE '\001'

struct screen {
    struct termios found;
    int lines;
    int columns;
};

enum screen_event { SCREEN_TIME, SCREEN_RESIZED, SCREEN_QUIT };

/* False: stdin or stdout is no terminal. */
bool screen_open(struct screen *screen);
void screen_close(struct screen *screen);

/* Asks the terminal for its size. */
void screen_measure(struct screen *screen);

/* Draws lines, each cut off at the right edge, all at the lower one. */
void screen_draw(const struct screen *screen, struct bytes text);

/* Waits for so long, or until a q was typed, a signal came to end, or the size has changed. */
enum screen_event screen_wait(uint64_t until_ns);

#endif
