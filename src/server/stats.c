/* The stats command: its kinds, and its lines; see stats.h. */
#include "server/stats.h"
#include "server/prefix.h"
#include "server/stats_private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { VALUE_MAX = 256 };

static void put_line(struct conn *conn, struct bytes name, struct bytes value)
{
    char *room = conn_answer_room(conn);
    if (room != NULL)
        conn->out.len += proto_put_stat(&conn->proto, &conn->request, name, value, room);
}

struct conn_out {
    struct stats_out out;
    struct conn *conn;
};

static void put_line_of(struct stats_out *out, struct bytes name, struct bytes value)
{
    put_line(((struct conn_out *)(void *)out)->conn, name, value);
}

static struct conn_out out_of(struct conn *conn)
{
    struct worker *worker = conn->worker;
    return (struct conn_out){
        .out = {.server = worker->server, .now_ns = worker->loop.now_ns, .line = put_line_of}, .conn = conn};
}

static void format_line(struct stats_out *out, const char *name, const char *format, va_list args)
{
    char value[VALUE_MAX];
    int len = vsnprintf(value, sizeof value, format, args);
    if (len >= (int)sizeof value)
        len = sizeof value - 1;
    out->line(out, bytes_of(name), (struct bytes){.p = value, .len = (size_t)len});
}

void stats_line(struct stats_out *out, const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    format_line(out, name, format, args);
    va_end(args);
}

void stats_line_u64(struct stats_out *out, const char *name, uint64_t value)
{
    stats_line(out, name, "%" PRIu64, value);
}

void stats_line_zeros(struct stats_out *out, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out->line(out, bytes_of(names[i]), bytes_of("0"));
}

void stats_put(struct conn *conn, const char *name, const char *format, ...)
{
    struct conn_out out = out_of(conn);
    va_list args;
    va_start(args, format);
    format_line(&out.out, name, format, args);
    va_end(args);
}

void stats_put_u64(struct conn *conn, const char *name, uint64_t value)
{
    stats_put(conn, name, "%" PRIu64, value);
}

void stats_put_zeros(struct conn *conn, const char *const *names, size_t n)
{
    struct conn_out out = out_of(conn);
    stats_line_zeros(&out.out, names, n);
}

void stats_put_end(struct conn *conn)
{
    put_line(conn, (struct bytes){0}, (struct bytes){0});
}

static uint64_t sum_of(const struct server *server, enum counter counter)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < server->nworkers; i++)
        sum += counters_get(&server->workers[i]->counters, counter);
    return sum;
}

uint64_t stats_counted(const struct server *server, enum counter counter)
{
    /* First: a reset in between must not make it larger than the sum. */
    uint64_t base = __atomic_load_n(&server->counters_base.values[counter], __ATOMIC_RELAXED);
    return sum_of(server, counter) - base;
}

/* A counter is its worker's to write, so a reset remembers what there was and takes it off from then on. */
static void run_reset(struct conn *conn)
{
    struct server *server = conn->worker->server;
    for (int counter = 0; counter < NCOUNTERS; counter++)
        __atomic_store_n(&server->counters_base.values[counter], sum_of(server, (enum counter)counter),
                         __ATOMIC_RELAXED);
    __atomic_store_n(&server->total_connections, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&server->rejected_connections, 0, __ATOMIC_RELAXED);
    prefix_clear(&server->prefixes);
    exec_put_status(conn, STATUS_OK);
}

static void run_general(struct conn *conn)
{
    struct conn_out out = out_of(conn);
    stats_general(&out.out);
    stats_put_end(conn);
}

struct writing {
    struct stats_out out;
    void (*line)(void *arg, struct bytes name, struct bytes value);
    void *arg;
};

static void write_line(struct stats_out *out, struct bytes name, struct bytes value)
{
    const struct writing *writing = (const struct writing *)(void *)out;
    writing->line(writing->arg, name, value);
}

void stats_write(struct server *server, void (*line)(void *arg, struct bytes name, struct bytes value),
                 void *arg)
{
    struct writing writing = {
        .out = {.server = server, .now_ns = clock_steady_ns(server->clock), .line = write_line},
        .line = line,
        .arg = arg};
    stats_general(&writing.out);
}

/* ---- stats detail ---- */

static void put_prefix(void *arg, struct bytes prefix, const struct prefix_counts *counts)
{
    struct conn *conn = arg;
    char value[VALUE_MAX];
    int len = snprintf(value, sizeof value, "get %" PRIu64 " hit %" PRIu64 " set %" PRIu64 " del %" PRIu64,
                       counts->get, counts->hit, counts->set, counts->del);
    if (conn->proto.dialect == DIALECT_BINARY) {
        put_line(conn, prefix, (struct bytes){.p = value, .len = (size_t)len});
        return;
    }
    char line[PREFIX_LEN_MAX + VALUE_MAX];
    len = snprintf(line, sizeof line, "PREFIX %.*s %s", (int)prefix.len, prefix.p, value);
    exec_put_line(conn, (struct bytes){.p = line, .len = (size_t)len});
}

static void run_detail_dump(struct conn *conn)
{
    prefix_each(&conn->worker->server->prefixes, put_prefix, conn);
    stats_put_end(conn);
}

static void turn_detail(struct conn *conn, bool on)
{
    if (!prefix_turn(&conn->worker->server->prefixes, on))
        exec_put_line(conn, bytes_of("SERVER_ERROR out of memory"));
    else if (conn->proto.dialect == DIALECT_BINARY)
        stats_put_end(conn);
    else
        exec_put_line(conn, bytes_of("OK"));
}

static void run_detail_on(struct conn *conn)
{
    turn_detail(conn, true);
}

static void run_detail_off(struct conn *conn)
{
    turn_detail(conn, false);
}

static void refuse_detail(struct conn *conn)
{
    if (conn->proto.dialect == DIALECT_BINARY)
        exec_put_status(conn, STATUS_MISS);
    else
        exec_put_line(conn, bytes_of("CLIENT_ERROR usage: stats detail on|off|dump"));
}

/* Of words, however many blanks there are between them; what follows is not looked at, as memcached has it. */
static struct bytes cut_word(struct bytes *rest)
{
    while (rest->len > 0 && *rest->p == ' ')
        *rest = (struct bytes){rest->p + 1, rest->len - 1};
    const char *end = rest->len > 0 ? memchr(rest->p, ' ', rest->len) : NULL;
    struct bytes word = {rest->p, end != NULL ? (size_t)(end - rest->p) : rest->len};
    *rest = (struct bytes){rest->p + word.len, rest->len - word.len};
    return word;
}

void stats_run(struct conn *conn)
{
    static const struct {
        const char *name;
        const char *second; /* NULL: whatever follows */
        unsigned needs;
        void (*run)(struct conn *conn);
    } rows[] = {
        {"", NULL, ROLE_READ, run_general},
        {"settings", NULL, ROLE_READ, stats_run_settings},
        {"items", NULL, ROLE_READ, stats_run_items},
        {"slabs", NULL, ROLE_READ, stats_run_slabs},
        {"sizes", NULL, ROLE_READ, stats_run_sizes},
        {"sizes_enable", NULL, ROLE_ADMIN, stats_run_sizes_change},
        {"sizes_disable", NULL, ROLE_ADMIN, stats_run_sizes_change},
        {"conns", NULL, ROLE_READ, stats_run_conns},
        {"cachedump", NULL, ROLE_ADMIN, stats_run_cachedump},
        {"detail", "dump", ROLE_READ, run_detail_dump},
        {"detail", "on", ROLE_ADMIN, run_detail_on},
        {"detail", "off", ROLE_ADMIN, run_detail_off},
        {"detail", NULL, ROLE_READ, refuse_detail},
        {"extstore", NULL, ROLE_READ, stats_put_end},
        {"reset", NULL, ROLE_ADMIN, run_reset},
    };
    struct bytes rest = conn->request.argument;
    struct bytes name = cut_word(&rest);
    struct bytes second = cut_word(&rest);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!bytes_equal(name, bytes_of(rows[i].name)) ||
            (rows[i].second != NULL && !bytes_equal(second, bytes_of(rows[i].second))))
            continue;
        if ((conn->role & rows[i].needs) == 0)
            exec_put_status(conn, STATUS_DENIED);
        else
            rows[i].run(conn);
        return;
    }
    exec_put_status(conn, STATUS_MISS);
}
