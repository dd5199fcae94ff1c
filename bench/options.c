/* The generator's command line, see options.h. */
#include "options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#include "base/num.h"

static const char HELP[] =
    "usage: load (--tcp ADDRESS:PORT | --unix PATH) [options]\n"
    "\n"
    "  --protocol NAME      text (default), binary, or redis for that server\n"
    "  --connections N      kept connections, or cycles at once (50)\n"
    "  --depth N            requests in one batch of a connection (1)\n"
    "  --cycle              connect, get, set, close for each; a cycle counts as one request\n"
    "  --mix G:S:T          percent of get, set and touch (50:40:10)\n"
    "  --sessions K         sessions, keys of 40 bytes (200000)\n"
    "  --value-mean BYTES   values are log-normal about this (1024)\n"
    "  --value-min BYTES    none is smaller (200)\n"
    "  --value-max BYTES    none is larger (8192); the same as --value-min: all are equal\n"
    "  --keep               do not load: the sessions are there, as a load with the same options left "
    "them\n"
    "  --seed N             what the sessions and the order of requests follow from (1)\n"
    "  --load-depth N       requests in one batch while loading (32)\n"
    "  --measure-ms T       how long to measure (2000); 0: only load\n"
    "  --on-demand          measure once for each line on standard input instead\n"
    "  --warmup-ms T        how long to run before that (100)\n"
    "  --requests N         stop after so many, warm-up included, even if --measure-ms is not over\n"
    "  --limit SECONDS      give up when everything together takes longer (120)\n"
    "  --server-pid PID     report the processor time of this process\n"
    "  --spin               never sleep while waiting for answers: the server is spared waking the "
    "generator\n"
    "  --help               this text\n";

_Noreturn static void usage(const char *what, const char *value)
{
    fprintf(stderr, "load: %s: %s\nload --help lists the options\n", what, value);
    exit(2);
}

static uint64_t number(const char *option, const char *text, uint64_t min, uint64_t max)
{
    uint64_t value;
    if (!num_parse_u64(bytes_of(text), &value) || value < min || value > max) {
        fprintf(stderr, "load: --%s takes a number from %" PRIu64 " to %" PRIu64 ", not %s\n", option, min,
                max, text);
        exit(2);
    }
    return value;
}

static void mix_parse(struct options *o, const char *text)
{
    char end;
    int n = sscanf(text, "%" SCNu64 ":%" SCNu64 ":%" SCNu64 "%c", &o->percent_get, &o->percent_set,
                   &o->percent_touch, &end);
    if (n != 3 || o->percent_get > 100 || o->percent_set > 100 ||
        o->percent_get + o->percent_set + o->percent_touch != 100)
        usage("--mix takes three numbers that make 100, as 50:40:10, not", text);
}

static void protocol_parse(struct options *o, const char *text)
{
    static const struct dialect *const all[] = {&dialect_text, &dialect_binary, &dialect_redis};
    o->dialect = NULL;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(text, all[i]->name) == 0)
            o->dialect = all[i];
    if (!o->dialect)
        usage("--protocol is text, binary or redis, not", text);
}

enum {
    OPT_TCP = 256,
    OPT_UNIX,
    OPT_PROTOCOL,
    OPT_MIX,
    OPT_CYCLE,
    OPT_KEEP,
    OPT_ON_DEMAND,
    OPT_SPIN,
    OPT_HELP,
    OPT_NUMBERS
};

/* The options that are a number, where it goes and what it may be. */
static const struct number_option {
    const char *name;
    size_t offset;
    uint64_t min, max;
} numbers[] = {
    {"connections", offsetof(struct options, connections), 1, 10000},
    {"depth", offsetof(struct options, depth), 1, 1024},
    {"load-depth", offsetof(struct options, load_depth), 1, 1024},
    {"sessions", offsetof(struct options, sessions), 1, 100000000},
    {"value-min", offsetof(struct options, value_min), WORKLOAD_VALUE_MIN, WORKLOAD_VALUE_MAX},
    {"value-mean", offsetof(struct options, value_mean), WORKLOAD_VALUE_MIN, WORKLOAD_VALUE_MAX},
    {"value-max", offsetof(struct options, value_max), WORKLOAD_VALUE_MIN, WORKLOAD_VALUE_MAX},
    {"seed", offsetof(struct options, seed), 0, UINT64_MAX},
    {"measure-ms", offsetof(struct options, measure_ms), 0, 3600000},
    {"warmup-ms", offsetof(struct options, warmup_ms), 0, 60000},
    {"requests", offsetof(struct options, requests), 1, UINT64_MAX},
    {"limit", offsetof(struct options, limit_s), 1, 86400},
    {"server-pid", offsetof(struct options, server_pid), 1, INT32_MAX},
};

enum { N_NUMBERS = sizeof numbers / sizeof *numbers, N_OTHERS = 9 };

static void table_fill(struct option *ret)
{
    static const struct option others[N_OTHERS] = {
        {"tcp", required_argument, NULL, OPT_TCP},
        {"unix", required_argument, NULL, OPT_UNIX},
        {"protocol", required_argument, NULL, OPT_PROTOCOL},
        {"mix", required_argument, NULL, OPT_MIX},
        {"cycle", no_argument, NULL, OPT_CYCLE},
        {"keep", no_argument, NULL, OPT_KEEP},
        {"on-demand", no_argument, NULL, OPT_ON_DEMAND},
        {"spin", no_argument, NULL, OPT_SPIN},
        {"help", no_argument, NULL, OPT_HELP},
    };
    memcpy(ret, others, sizeof others);
    for (int i = 0; i < N_NUMBERS; i++)
        ret[N_OTHERS + i] = (struct option){numbers[i].name, required_argument, NULL, OPT_NUMBERS + i};
    ret[N_OTHERS + N_NUMBERS] = (struct option){0};
}

static void option_take(struct options *o, int found, const char *text)
{
    switch (found) {
    case OPT_TCP:
        o->tcp = text;
        return;
    case OPT_UNIX:
        o->unix_path = text;
        return;
    case OPT_PROTOCOL:
        protocol_parse(o, text);
        return;
    case OPT_MIX:
        mix_parse(o, text);
        return;
    case OPT_CYCLE:
        o->cycle = true;
        return;
    case OPT_KEEP:
        o->keep = true;
        return;
    case OPT_ON_DEMAND:
        o->on_demand = true;
        return;
    case OPT_SPIN:
        o->spin = true;
        return;
    case OPT_HELP:
        fputs(HELP, stdout);
        exit(0);
    case '?':
        fputs("load --help lists the options\n", stderr);
        exit(2);
    default:;
        const struct number_option *n = &numbers[found - OPT_NUMBERS];
        *(uint64_t *)((char *)o + n->offset) = number(n->name, text, n->min, n->max);
    }
}

struct options options_parse(int argc, char **argv)
{
    struct options o = {.dialect = &dialect_text,
                        .connections = 50,
                        .depth = 1,
                        .load_depth = 32,
                        .sessions = 200000,
                        .seed = 1,
                        .measure_ms = 2000,
                        .warmup_ms = 100,
                        .requests = UINT64_MAX,
                        .limit_s = 120,
                        .value_min = 200,
                        .value_mean = 1024,
                        .value_max = 8192,
                        .percent_get = 50,
                        .percent_set = 40,
                        .percent_touch = 10};
    struct option table[N_OTHERS + N_NUMBERS + 1];
    table_fill(table);
    for (int found; (found = getopt_long(argc, argv, "", table, NULL)) != -1;)
        option_take(&o, found, optarg);
    if (optind < argc)
        usage("not an option", argv[optind]);
    if (!o.tcp == !o.unix_path)
        usage("needed", "either --tcp or --unix");
    if (o.value_min > o.value_max)
        usage("--value-min", "larger than --value-max");
    if (o.connections > o.sessions)
        usage("--connections", "more than --sessions");
    return o;
}

static void tcp_address(const char *text, struct pump_config *config)
{
    struct sockaddr_in *to = (struct sockaddr_in *)&config->address;
    char host[64];
    const char *colon = strrchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof host)
        usage("--tcp takes ADDRESS:PORT, not", text);
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = 0;
    to->sin_family = AF_INET;
    to->sin_port = htons((uint16_t)number("tcp", colon + 1, 1, UINT16_MAX));
    if (inet_pton(AF_INET, host, &to->sin_addr) != 1)
        usage("not an IPv4 address", host);
    config->address_len = sizeof *to;
}

static void unix_address(const char *path, struct pump_config *config)
{
    struct sockaddr_un *to = (struct sockaddr_un *)&config->address;
    if (strlen(path) >= sizeof to->sun_path)
        usage("too long for a socket", path);
    to->sun_family = AF_UNIX;
    memcpy(to->sun_path, path, strlen(path) + 1);
    config->address_len = sizeof *to;
}

struct pump_config options_pump_config(const struct options *o, struct workload *w)
{
    struct pump_config config = {
        .workload = w,
        .dialect = o->dialect,
        .n_conns = (uint32_t)o->connections,
        .depth = (uint32_t)o->depth,
        .load_depth = (uint32_t)o->load_depth,
        .percent_get = (uint32_t)o->percent_get,
        .percent_set = (uint32_t)o->percent_set,
        .value_max = (uint32_t)o->value_max,
        .spin = o->spin,
        .seed = o->seed,
    };
    if (o->tcp)
        tcp_address(o->tcp, &config);
    else
        unix_address(o->unix_path, &config);
    return config;
}
