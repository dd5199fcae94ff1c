/*
 * progress: how far a long work is, for who waits at a terminal.
 *
 * Promise: only a terminal at stderr is told anything, after the first half second, and what was told is wiped away at
 * the end. Where the work's own output goes to the same terminal as it comes, nothing is told: that is progress enough.
 */
#ifndef CLOAKROOM_CLI_PROGRESS_H
#define CLOAKROOM_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool is_on;
    bool is_told;
    uint64_t next_ns;
    const char *what;
    uint64_t total; /* 0: not known */
};

/* `is_silent`: nothing is printed to stdout before the end. */
void progress_begin(struct progress *progress, const char *what, uint64_t total, bool is_silent);
bool progress_is_on(bool is_silent);
/* Of steps that come by the thousand: most are passed over without a look at the clock. */
void progress_tell(struct progress *progress, uint64_t n);

/* Of few that take long. */
void progress_tell_now(struct progress *progress, uint64_t n);
void progress_end(struct progress *progress);

#endif
