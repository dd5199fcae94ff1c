/* cloakroom ping: how long the server takes to answer. */
#include "cli/command.h"
#include "base/clock.h"
#include "base/num.h"
#include "cli/table.h"

#include <stdio.h>

enum { TIMES_DEFAULT = 5, TIMES_MAX = 100000 };

/* Of the answers so far. */
struct times {
    uint64_t wanted;
    uint64_t connect_ns;
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

static enum outcome parse_times(const struct call *call, uint64_t *ret)
{
    *ret = TIMES_DEFAULT;
    if (call->nargs == 0)
        return OUTCOME_OK;
    uint64_t n;
    if (!num_parse_u64(bytes_of(call->args[0]), &n) || n < 1 || n > TIMES_MAX)
        return command_misuse(call, "%.40s: times must be a number, 1 to %d", call->args[0], TIMES_MAX);
    *ret = n;
    return OUTCOME_OK;
}

static enum outcome ping_once(const struct call *call, struct client *client, struct times *times)
{
    struct bytes version;
    uint64_t from_ns = clock_steady_ns(&clock_system);
    enum outcome outcome = command_ask_version(client, &version);
    if (outcome != OUTCOME_OK)
        return outcome;
    uint64_t took_ns = clock_steady_ns(&clock_system) - from_ns;
    add(times, took_ns);
    if (!call->options->json)
        printf("answer %llu    %.3f ms\n", (unsigned long long)times->n, ms_of(took_ns));
    return OUTCOME_OK;
}

static enum outcome connect_timed(const struct call *call, struct client *client, struct times *times,
                                  const char **ret_server)
{
    uint64_t from_ns = clock_steady_ns(&clock_system);
    enum outcome outcome = command_reach(call, client, ret_server);
    if (outcome != OUTCOME_OK)
        return outcome;
    times->connect_ns = clock_steady_ns(&clock_system) - from_ns;
    if (!call->options->json)
        printf("connected   %.3f ms  %s\n", ms_of(times->connect_ns), *ret_server);
    return OUTCOME_OK;
}

static enum err print_json(const struct times *times, const char *server)
{
    struct facts facts = {.json = true};
    const struct {
        const char *key;
        struct cell cell;
    } rows[] = {
        {"server", cell_text(bytes_of(server))},
        {"asked", cell_number(CELL_NUMBER, times->wanted)},
        {"answered", cell_number(CELL_NUMBER, times->n)},
        {"connect_ms", cell_real(ms_of(times->connect_ns), 3)},
        {"least_ms", cell_real(ms_of(times->least_ns), 3)},
        {"mean_ms", cell_real(ms_of(times->sum_ns / times->n), 3)},
        {"most_ms", cell_real(ms_of(times->most_ns), 3)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        facts_add(&facts, NULL, rows[i].key, &rows[i].cell);
    return facts_print(&facts, stdout);
}

static enum outcome run(const struct call *call)
{
    struct client client = {0};
    struct times times = {0};
    const char *server = NULL;
    enum outcome outcome = parse_times(call, &times.wanted);
    if (outcome == OUTCOME_OK)
        outcome = connect_timed(call, &client, &times, &server);
    while (outcome == OUTCOME_OK && times.n < times.wanted)
        outcome = ping_once(call, &client, &times);
    client_close(&client);
    if (times.n == 0)
        return outcome;
    if (call->options->json) {
        enum err err = print_json(&times, server);
        return err == ERR_NONE ? outcome : command_trouble(call, err);
    }
    printf("%llu of %llu answered; least %.3f ms, mean %.3f ms, most %.3f ms\n", (unsigned long long)times.n,
           (unsigned long long)times.wanted, ms_of(times.least_ns), ms_of(times.sum_ns / times.n),
           ms_of(times.most_ns));
    return outcome;
}

const struct command command_ping = {
    .name = "ping",
    .arguments = "[times]",
    .summary = "measure round trips to the server; exit code 0 when it answers",
    .help = "Connects once and asks for the version so many times (5 unless told), one after the other.\n"
            "Prints how long connecting and each answer took. Ends at the first answer that is missing.\n",
    .nargs_max = 1,
    .run = run};
