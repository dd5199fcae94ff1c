/*
 * options: what the generator is told on its command line.
 *
 * Failure: what cannot be understood ends the process with status 2 and one line that says why; --help with
 * 0.
 */
#ifndef CLOAKROOM_BENCH_OPTIONS_H
#define CLOAKROOM_BENCH_OPTIONS_H

#include "pump.h"

struct options {
    const char *tcp, *unix_path;
    const struct dialect *dialect;
    bool cycle, keep, on_demand, spin;
    uint64_t connections, depth, load_depth, sessions, seed, measure_ms, warmup_ms, requests, limit_s,
        server_pid;
    uint64_t value_min, value_mean, value_max;
    uint64_t percent_get, percent_set, percent_touch;
};

/* The strings belong to argv. */
struct options options_parse(int argc, char **argv);

/* What the pump needs of them; `w` is borrowed. */
struct pump_config options_pump_config(const struct options *o, struct workload *w);

#endif
