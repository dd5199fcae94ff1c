/* cloakroom ping: how long the server takes to answer. */
#include "cli/command.h"
#include "base/clock.h"
#include "base/num.h"

#include <stdio.h>

enum { TIMES_DEFAULT = 5, TIMES_MAX = 100000 };

/* Of the answers so far. */
struct times {
    uint64_t n;
    uint64_t least_ns;
    uint64_t most_ns;
    uint64_t sum_ns;
};

static double ms_of(uint64_t ns)
{
    return (double)ns / 1e6;
}

static void add(struct times *times, uint64_t ns)
{
    times->least_ns = times->n == 0 || ns < times->least_ns ? ns : times->least_ns;
    times->most_ns = ns > times->most_ns ? ns : times->most_ns;
    times->sum_ns += ns;
    times->n++;
}

static bool parse_times(const struct call *call, uint64_t *ret)
{
    if (call->nargs == 0) {
        *ret = TIMES_DEFAULT;
        return true;
    }
    uint64_t n;
    if (num_parse_u64(bytes_of(call->args[0]), &n) && n >= 1 && n <= TIMES_MAX) {
        *ret = n;
        return true;
    }
    command_complain("ping %.40s: times must be a number, 1 to %d", call->args[0], TIMES_MAX);
    return false;
}

static enum outcome ping_once(struct client *client, struct times *times)
{
    struct bytes version;
    uint64_t from_ns = clock_steady_ns(&clock_system);
    enum outcome outcome = command_ask_version(client, &version);
    if (outcome != OUTCOME_OK)
        return outcome;
    uint64_t took_ns = clock_steady_ns(&clock_system) - from_ns;
    add(times, took_ns);
    printf("answer %llu    %.3f ms\n", (unsigned long long)times->n, ms_of(took_ns));
    return OUTCOME_OK;
}

static enum outcome connect_timed(const struct call *call, struct client *client)
{
    uint64_t from_ns = clock_steady_ns(&clock_system);
    enum outcome outcome = command_connect(call, client);
    if (outcome == OUTCOME_OK)
        printf("connected   %.3f ms  %s\n", ms_of(clock_steady_ns(&clock_system) - from_ns), call->server);
    return outcome;
}

enum outcome command_ping(const struct call *call)
{
    struct client client = {0};
    struct times times = {0};
    uint64_t n;
    if (!parse_times(call, &n))
        return OUTCOME_USAGE;
    enum outcome outcome = connect_timed(call, &client);
    while (outcome == OUTCOME_OK && times.n < n)
        outcome = ping_once(&client, &times);
    client_close(&client);
    if (times.n > 0)
        printf("%llu of %llu answered; least %.3f ms, mean %.3f ms, most %.3f ms\n",
               (unsigned long long)times.n, (unsigned long long)n, ms_of(times.least_ns),
               ms_of(times.sum_ns / times.n), ms_of(times.most_ns));
    return outcome;
}
