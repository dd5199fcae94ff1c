/*
 * metrics: lines of `stats` under names, kinds and units as Prometheus has them.
 *
 * Rows of one name stand together, and the first has the help.
 */
#ifndef CLOAKROOM_HTTP_METRICS_H
#define CLOAKROOM_HTTP_METRICS_H

#include <stddef.h>

enum { METRICS_MAX = 64 };

struct metric {
    const char *name;
    const char *labels;
    const char *kind;
    const char *help;
    const char *stat;
    double factor; /* to the base unit */
};

extern const struct metric metrics_rows[];
extern const size_t metrics_n;

#endif
