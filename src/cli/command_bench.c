/* cloakroom bench: how fast session cycles are, here and now. */
#include "cli/bench.h"
#include "cli/progress.h"
#include "cli/table.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum {
    SIDES_MAX = 3,
    SLICE_MS = 250,
    NS_PER_MS = 1000000,
    CLIENTS_MAX = 64,
    SECONDS_MAX = 60,
    SESSIONS_MAX = 10000
};

/* Who is measured, with one worker for each client. */
struct side {
    const char *server;
    const char *what;
    enum bench_kind kind;
    struct bench_worker *workers;
};

struct bench {
    const struct call *call;
    struct side sides[SIDES_MAX];
    size_t nsides;
    size_t nclients;
    char *value;
    struct progress progress;
};

/* What signals can reach; the workers look at it. */
static atomic_bool must_end;

static void note_signal(int number)
{
    (void)number;
    atomic_store(&must_end, true);
}

static void watch_signals(void)
{
    struct sigaction action = {.sa_handler = note_signal};
    atomic_store(&must_end, false);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
}

/* ---- running ---- */

static void *run_worker(void *arg)
{
    (void)bench_run(arg);
    return NULL;
}

/* One slice of one side, all its clients at once. */
static enum outcome run_slice(const struct bench *bench, const struct side *side)
{
    pthread_t threads[CLIENTS_MAX];
    size_t nthreads = 0;
    enum outcome outcome = OUTCOME_OK;
    while (nthreads < bench->nclients &&
           pthread_create(&threads[nthreads], NULL, run_worker, &side->workers[nthreads]) == 0)
        nthreads++;
    if (nthreads < bench->nclients) {
        atomic_store(&must_end, true);
        outcome = command_trouble(bench->call, ERR_MEMORY);
    }
    for (size_t i = 0; i < nthreads; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < nthreads && outcome == OUTCOME_OK; i++) {
        outcome = side->workers[i].outcome;
        if (outcome != OUTCOME_OK)
            command_misuse(bench->call, "%s", side->workers[i].problem);
    }
    return outcome;
}

/* In turn, so that what else the machine does meets all of them. */
static enum outcome run_all(struct bench *bench)
{
    uint64_t nslices = bench->call->options->seconds * 1000 / SLICE_MS;
    enum outcome outcome = OUTCOME_OK;
    for (uint64_t slice = 0; slice < nslices && outcome == OUTCOME_OK && !atomic_load(&must_end); slice++)
        for (size_t i = 0; i < bench->nsides && outcome == OUTCOME_OK; i++) {
            outcome = run_slice(bench, &bench->sides[i]);
            progress_tell_now(&bench->progress, slice * bench->nsides + i);
        }
    if (outcome == OUTCOME_OK && atomic_load(&must_end)) {
        command_misuse(bench->call, "ended before its time");
        return OUTCOME_NO;
    }
    return outcome;
}

/* ---- what came of it ---- */

static int compare_u32(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

struct result {
    uint64_t ncycles;
    double per_s;
    double median_us;
    double p99_us;
};

static enum err sum_up(const struct bench *bench, const struct side *side, struct result *ret)
{
    size_t n = 0;
    size_t used = 0;
    struct result result = {0};
    for (size_t i = 0; i < bench->nclients; i++)
        n += side->workers[i].n;
    uint32_t *all = calloc(n > 0 ? n : 1, sizeof *all);
    if (all == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < bench->nclients; i++) {
        const struct bench_worker *worker = &side->workers[i];
        if (worker->n > 0)
            memcpy(all + used, worker->took_ns, worker->n * sizeof *all);
        used += worker->n;
        result.per_s += worker->busy_ns > 0 ? (double)worker->n * 1e9 / (double)worker->busy_ns : 0;
    }
    qsort(all, n, sizeof *all, compare_u32);
    result.ncycles = n;
    result.median_us = n > 0 ? (double)all[n / 2] / 1000 : 0;
    result.p99_us = n > 0 ? (double)all[n * 99 / 100] / 1000 : 0;
    free(all);
    *ret = result;
    return ERR_NONE;
}

static enum err print_sides(const struct bench *bench)
{
    static const struct table_column columns[] = {
        {.title = "SERVER", .key = "server"},
        {.title = "CYCLE", .key = "cycle"},
        {.title = "TRIPS", .key = "round_trips", .is_right = true},
        {.title = "CYCLES/S", .key = "cycles_per_s", .is_right = true},
        {.title = "MEDIAN_US", .key = "median_us", .is_right = true},
        {.title = "P99_US", .key = "p99_us", .is_right = true},
        {.title = "CYCLES", .key = "cycles", .is_right = true},
    };
    struct table table;
    enum err err = ERR_NONE;
    table_begin(&table, columns, sizeof columns / sizeof *columns, bench->call->options->json, false, stdout);
    for (size_t i = 0; i < bench->nsides && err == ERR_NONE; i++) {
        const struct side *side = &bench->sides[i];
        struct result result;
        err = sum_up(bench, side, &result);
        if (err != ERR_NONE)
            break;
        const struct cell cells[] = {
            cell_text(bytes_of(side->server)),
            cell_text(bytes_of(side->what)),
            cell_number(CELL_NUMBER, side->kind == BENCH_VERBS ? 2 : 4),
            cell_real(result.per_s, 0),
            cell_real(result.median_us, 1),
            cell_real(result.p99_us, 1),
            cell_number(CELL_NUMBER, result.ncycles),
        };
        err = table_add(&table, cells, PAINT_PLAIN);
    }
    if (err == ERR_NONE)
        table_flush(&table);
    table_end(&table);
    return err;
}

/* ---- beginning and end ---- */

static void add_side(struct bench *bench, const char *server, const char *what, enum bench_kind kind)
{
    bench->sides[bench->nsides++] = (struct side){.server = server, .what = what, .kind = kind};
}

static enum outcome open_side(const struct bench *bench, struct side *side)
{
    const struct options *options = bench->call->options;
    uint32_t timeout_ms = options->timeout_ms > 0 ? (uint32_t)options->timeout_ms : 5000;
    side->workers = calloc(bench->nclients, sizeof *side->workers);
    if (side->workers == NULL)
        return command_trouble(bench->call, ERR_MEMORY);
    for (size_t i = 0; i < bench->nclients; i++) {
        struct bench_worker *worker = &side->workers[i];
        worker->kind = side->kind;
        worker->server = side->server;
        worker->login = options->login;
        worker->limits = (struct client_limits){.connect_ms = timeout_ms, .answer_ms = timeout_ms};
        worker->must_end = &must_end;
        worker->slice_ns = (uint64_t)SLICE_MS * NS_PER_MS;
        worker->nsessions = options->sessions;
        worker->value = bench->value;
        worker->size = options->size;
        if (!bench_open(worker)) {
            command_misuse(bench->call, "%s", worker->problem);
            return worker->outcome;
        }
    }
    return OUTCOME_OK;
}

static void close_side(const struct bench *bench, struct side *side)
{
    for (size_t i = 0; i < bench->nclients && side->workers != NULL; i++)
        bench_close(&side->workers[i]);
    free(side->workers);
}

static enum outcome measure(struct bench *bench)
{
    const struct options *options = bench->call->options;
    enum outcome outcome = OUTCOME_OK;
    for (size_t i = 0; i < bench->nsides && outcome == OUTCOME_OK; i++)
        outcome = open_side(bench, &bench->sides[i]);
    if (outcome == OUTCOME_OK) {
        progress_begin(&bench->progress, "slices:", options->seconds * 1000 / SLICE_MS * bench->nsides, true);
        outcome = run_all(bench);
        progress_end(&bench->progress);
    }
    if (outcome == OUTCOME_OK) {
        enum err err = print_sides(bench);
        outcome = err == ERR_NONE ? OUTCOME_OK : command_trouble(bench->call, err);
    }
    for (size_t i = 0; i < bench->nsides; i++)
        close_side(bench, &bench->sides[i]);
    return outcome;
}

static enum outcome run(const struct call *call)
{
    const struct options *options = call->options;
    struct bench bench = {.call = call, .nclients = options->clients};
    struct client client = {0};
    const char *server;
    enum outcome outcome = command_reach(call, &client, &server); /* which one it is, and that it is there */
    client_close(&client);
    if (outcome != OUTCOME_OK)
        return outcome;
    bench.value = malloc(options->size);
    if (bench.value == NULL)
        return command_trouble(call, ERR_MEMORY);
    memset(bench.value, 'x', options->size);
    add_side(&bench, server, "verbs", BENCH_VERBS);
    if (options->against != NULL) {
        add_side(&bench, server, "stock", BENCH_STOCK);
        add_side(&bench, options->against, "stock", BENCH_STOCK);
    }
    watch_signals();
    outcome = measure(&bench);
    free(bench.value);
    return outcome;
}

static const struct option_row rows[] = {
    {.name = "seconds",
     .argument = "<num>",
     .help = "how long to measure each",
     OPTION_NUMBER(struct options, seconds, 1, SECONDS_MAX),
     .fallback = "3"},
    {.name = "clients",
     .argument = "<num>",
     .help = "how many ask at once, each on a connection and with sessions of its own",
     OPTION_NUMBER(struct options, clients, 1, CLIENTS_MAX),
     .fallback = "1"},
    {.name = "sessions",
     .argument = "<num>",
     .help = "how many sessions each of them goes through",
     OPTION_NUMBER(struct options, sessions, 1, SESSIONS_MAX),
     .fallback = "100"},
    {.name = "size",
     .argument = "<size>",
     .help = "how large a session is",
     OPTION_SIZE(struct options, size, 1, BENCH_SIZE_MAX),
     .fallback = "1k"},
    {.name = "against",
     .argument = "<addr>",
     .help = "measure this server in turn with the other, both with the cycle of php-memcached; such as a "
             "memcached",
     OPTION_TEXT(struct options, against)},
};

const struct command command_bench = {
    .name = "bench",
    .arguments = "",
    .summary = "measure session cycles: how many a second, and how long each takes",
    .help =
        "A cycle opens a session and writes it back, as one page does: `verbs` as the extension cloakroom "
        "does\n"
        "it, in two round trips; `stock`, with --against alone, as php-memcached does it, in four: lock, "
        "get,\n"
        "set, unlock. Times are in microseconds, half of the cycles faster than the median, 99 of 100 "
        "faster\n"
        "than p99. Where several are measured they take turns of a quarter of a second.\n"
        "\n"
        "It is safe beside live sessions: its own have random ids and, but for those of `stock`, an "
        "application\n"
        "of their own, " BENCH_APPLICATION
        ". They are removed at the end, also after Ctrl-C (exit code 1); if that\n"
        "cannot be, they end by themselves within a minute. But it is load, and takes memory: clients times\n"
        "sessions times size.\n"
        "\n"
        "    cloakroom bench --clients 4 --against 127.0.0.1:11212\n",
    .options = COMMAND_OPTIONS(rows),
    .run = run};
