/*
 * nearest: the known name that was probably meant by one that is not known.
 *
 *      nearest_init(&nearest, "stas"); nearest_offer(&nearest, "stats"); ... nearest.name
 *
 * Ownership: both names are borrowed.
 */
#ifndef CLOAKROOM_CLI_NEAREST_H
#define CLOAKROOM_CLI_NEAREST_H

#include <stddef.h>

enum { NEAREST_NAME_MAX = 40 }; /* the longest name that is looked at, its zero included */

struct nearest {
    const char *name; /* the best so far; NULL: none is near */

    /* Private. */
    const char *written;
    size_t best;
};

void nearest_init(struct nearest *nearest, const char *written);
void nearest_offer(struct nearest *nearest, const char *known);

#endif
