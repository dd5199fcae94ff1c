/* Session cycles against a server, see bench.h. */
#include "cli/bench.h"
#include "base/clock.h"
#include "cli/cell.h"
#include "cli/login.h"
#include "client/reply.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum { LINE_MAX_BYTES = 256, RANDOM_BYTES = 12, TOKEN_MAX = 48, PREFIX_DIGITS = 2 * RANDOM_BYTES };

#define STOCK_KEY  "memc.sess.key."
#define STOCK_LOCK "memc.sess.key.lock."

/* ---- failing ---- */

static bool fail(struct bench_worker *worker, enum outcome outcome, const char *problem)
{
    worker->outcome = outcome;
    snprintf(worker->problem, sizeof worker->problem, "%s", problem);
    return false;
}

static bool fail_client(struct bench_worker *worker)
{
    return fail(worker, OUTCOME_UNREACHABLE, worker->client.error);
}

/* A line that is no answer to what was asked. */
static bool refuse(struct bench_worker *worker, const char *asked, struct bytes line)
{
    char text[LINE_MAX_BYTES];
    char problem[BENCH_PROBLEM_MAX];
    cell_clean(line, text, sizeof text);
    snprintf(problem, sizeof problem, "%s answered %s with '%s'", worker->server, asked, text);
    return fail(worker, OUTCOME_NO, problem);
}

/* ---- asking ---- */

/* A line and, unless len is 0, a value behind it. */
__attribute__((format(printf, 3, 4))) static bool say(struct bench_worker *worker, size_t len,
                                                      const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    int line_len = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    const struct bytes parts[] = {
        {.p = line, .len = (size_t)line_len}, {.p = worker->value, .len = len}, {.p = "\r\n", .len = 2}};
    return client_send(&worker->client, parts, len > 0 ? 3 : 1) == ERR_NONE || fail_client(worker);
}

static bool hear(struct bench_worker *worker, struct bytes *ret_line)
{
    return client_read_line(&worker->client, ret_line) == ERR_NONE || fail_client(worker);
}

static bool finish(struct bench_worker *worker)
{
    return client_finish(&worker->client) == ERR_NONE || fail_client(worker);
}

/* The value that follows, which is as long as those that are written. */
static bool hear_value(struct bench_worker *worker, const char *asked, struct bytes line, uint64_t len)
{
    if (len > worker->size)
        return refuse(worker, asked, line);
    return client_read_value(&worker->client, worker->read, len) == ERR_NONE || fail_client(worker);
}

/* An answer of one line, which must begin so. */
static bool expect(struct bench_worker *worker, const char *asked, const char *begin)
{
    struct bytes line;
    if (!hear(worker, &line))
        return false;
    if (!bytes_starts_with(line, bytes_of(begin)))
        return refuse(worker, asked, line);
    return finish(worker);
}

/* ---- the cycles ---- */

static bool open_session(struct bench_worker *worker, const char *id, char token[static TOKEN_MAX])
{
    struct bytes line;
    struct reply reply;
    if (!say(worker, 0, "so %s A" BENCH_APPLICATION " T%d W1000\r\n", id, BENCH_LIFE_S))
        return false;
    do {
        if (!hear(worker, &line))
            return false;
    } while (reply_parse(line, &reply) == REPLY_WAITING);
    bool is_open = reply.code == REPLY_VALUE || reply.code == REPLY_EMPTY;
    if (reply_parse(line, &reply) == REPLY_NONE || !is_open || reply.token.len >= TOKEN_MAX)
        return refuse(worker, "so", line);
    memcpy(token, reply.token.p, reply.token.len);
    token[reply.token.len] = '\0';
    if (reply.code == REPLY_VALUE && !hear_value(worker, "so", line, reply.number))
        return false;
    return finish(worker);
}

static bool cycle_verbs(struct bench_worker *worker, const char *id)
{
    char token[TOKEN_MAX];
    return open_session(worker, id, token) &&
           say(worker, worker->size, "sw %s %zu A" BENCH_APPLICATION " K%s T%d\r\n", id, worker->size, token,
               BENCH_LIFE_S) &&
           expect(worker, "sw", "HD");
}

/* END, or VALUE with its length as the last word, the value and END. */
static bool hear_get(struct bench_worker *worker)
{
    struct bytes line;
    unsigned long long len;
    char text[LINE_MAX_BYTES];
    if (!hear(worker, &line))
        return false;
    cell_clean(line, text, sizeof text);
    if (sscanf(text, "VALUE %*s %*u %llu", &len) == 1)
        return hear_value(worker, "get", line, len) && expect(worker, "get", "END");
    return bytes_equal(line, bytes_of("END")) ? finish(worker) : refuse(worker, "get", line);
}

static bool cycle_stock(struct bench_worker *worker, const char *id)
{
    return say(worker, 0, "add " STOCK_LOCK "%s 0 %d 1\r\n1\r\n", id, BENCH_LIFE_S) &&
           expect(worker, "add", "STORED") && say(worker, 0, "get " STOCK_KEY "%s\r\n", id) &&
           hear_get(worker) &&
           say(worker, worker->size, "set " STOCK_KEY "%s 0 %d %zu\r\n", id, BENCH_LIFE_S, worker->size) &&
           expect(worker, "set", "STORED") && say(worker, 0, "delete " STOCK_LOCK "%s\r\n", id) &&
           expect(worker, "delete", "DELETED");
}

static void put_id(const struct bench_worker *worker, uint64_t number, char to[static BENCH_ID_DIGITS + 1])
{
    snprintf(to, BENCH_ID_DIGITS + 1, "%.*s%08x", PREFIX_DIGITS, worker->run, (unsigned)number);
}

static bool cycle(struct bench_worker *worker)
{
    char id[BENCH_ID_DIGITS + 1];
    uint64_t number = worker->next++ % worker->nsessions;
    worker->nmade = number >= worker->nmade ? number + 1 : worker->nmade;
    put_id(worker, number, id);
    return worker->kind == BENCH_VERBS ? cycle_verbs(worker, id) : cycle_stock(worker, id);
}

/* ---- the worker ---- */

static bool connect_worker(struct bench_worker *worker)
{
    char problem[LOGIN_PROBLEM_MAX];
    if (client_open(&worker->client, worker->server, worker->limits) != ERR_NONE)
        return fail_client(worker);
    enum outcome outcome = login_say(&worker->client, worker->login, problem);
    return outcome == OUTCOME_OK || fail(worker, outcome, problem);
}

bool bench_open(struct bench_worker *worker)
{
    unsigned char random[RANDOM_BYTES];
    worker->outcome = OUTCOME_OK;
    worker->took_ns = malloc(BENCH_CYCLES_MAX * sizeof *worker->took_ns);
    worker->read = malloc(worker->size);
    if (worker->took_ns == NULL || worker->read == NULL)
        return fail(worker, OUTCOME_TROUBLE, err_text(ERR_MEMORY));
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return fail(worker, OUTCOME_TROUBLE, "the system gives no random bytes");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(worker->run + 2 * i, sizeof worker->run - 2 * i, "%02x", random[i]);
    return connect_worker(worker);
}

bool bench_run(struct bench_worker *worker)
{
    uint64_t begin_ns = clock_steady_ns(&clock_system);
    uint64_t now_ns = begin_ns;
    bool is_well = true;
    while (is_well && now_ns - begin_ns < worker->slice_ns && worker->n < BENCH_CYCLES_MAX &&
           !atomic_load_explicit(worker->must_end, memory_order_relaxed)) {
        uint64_t from_ns = now_ns;
        is_well = cycle(worker);
        now_ns = clock_steady_ns(&clock_system);
        uint64_t took_ns = now_ns - from_ns;
        if (is_well)
            worker->took_ns[worker->n++] = took_ns < UINT32_MAX ? (uint32_t)took_ns : UINT32_MAX;
    }
    worker->busy_ns += now_ns - begin_ns;
    return is_well;
}

static bool remove_one(struct bench_worker *worker, const char *id)
{
    struct bytes line;
    bool is_asked = worker->kind == BENCH_VERBS ? say(worker, 0, "sk %s A" BENCH_APPLICATION "\r\n", id)
                                                : say(worker, 0, "delete " STOCK_KEY "%s\r\n", id);
    return is_asked && hear(worker, &line) && finish(worker);
}

void bench_close(struct bench_worker *worker)
{
    bool is_broken = !client_is_open(&worker->client) || worker->outcome != OUTCOME_OK;
    enum outcome outcome = worker->outcome;
    char problem[BENCH_PROBLEM_MAX];
    snprintf(problem, sizeof problem, "%s", worker->problem);
    if (is_broken)
        client_close(&worker->client);
    bool is_open = !is_broken || (worker->nmade > 0 && connect_worker(worker));
    for (uint64_t i = 0; i < worker->nmade && is_open; i++) {
        char id[BENCH_ID_DIGITS + 1];
        put_id(worker, i, id);
        is_open = remove_one(worker, id);
    }
    client_close(&worker->client);
    worker->outcome = outcome;
    snprintf(worker->problem, sizeof worker->problem, "%s", problem);
    free(worker->took_ns);
    free(worker->read);
    worker->took_ns = NULL;
    worker->read = NULL;
}
