/*
 * nearest: the known name that was probably meant by one that is not known.
 *
 *      nearest_init(&nearest, bytes_of("stas")); nearest_offer(&nearest, "stats"); … nearest.name
 *
 * Ownership: all names are borrowed.
 */
#ifndef CLOAKROOM_BASE_NEAREST_H
#define CLOAKROOM_BASE_NEAREST_H

#include "base/bytes.h"

enum { NEAREST_NAME_MAX = 40 }; /* the longest name that is looked at, its zero included */

struct nearest {
    const char *name; /* the best so far; NULL: none is near */

    /* Private. */
    struct bytes written;
    size_t best;
};

void nearest_init(struct nearest *nearest, struct bytes written);
void nearest_offer(struct nearest *nearest, const char *known);

#endif
