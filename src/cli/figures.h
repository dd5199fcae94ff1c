/*
 * figures: what `stats` answers.
 *
 * Ownership: figures_fini() frees; figures_read() begins anew.
 * Limits: FIGURES_MAX lines of an answer.
 */
#ifndef CLOAKROOM_CLI_FIGURES_H
#define CLOAKROOM_CLI_FIGURES_H

#include "cli/command.h"

enum { FIGURES_MAX = 65536 };

struct figure {
    char *name; /* and behind its zero the value */
    const char *value;
};

/* Zeroed it is empty. */
struct figures {
    struct figure *items;
    size_t n;
    size_t cap;
    bool is_reset; /* the answer was RESET */
};

/* Asks for `stats` with these words behind it. A failure has been complained about. */
enum outcome figures_read(const struct call *call, struct client *client, const char *const *words, size_t n,
                          struct figures *figures);

/* False: there is none of that name, or it is no number. */
bool figures_find(const struct figures *figures, const char *name, uint64_t *ret);

/* NULL: there is none of that name. */
const char *figures_text(const struct figures *figures, const char *name);

void figures_fini(struct figures *figures);

#endif
