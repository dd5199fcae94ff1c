/* The stats command: one table of general figures, one of settings; see stats.h. */
#include "server/stats.h"
#include "base/version.h"
#include "server/exec.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { VALUE_MAX = 256 };

static void put_line(struct conn *conn, struct bytes name, struct bytes value)
{
    char *room = conn_answer_room(conn);
    if (room != NULL)
        conn->out.len += proto_put_stat(&conn->proto, &conn->request, name, value, room);
}

__attribute__((format(printf, 3, 4))) static void put(struct conn *conn, const char *name, const char *format,
                                                      ...)
{
    char value[VALUE_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(value, sizeof value, format, args);
    va_end(args);
    if (len >= (int)sizeof value)
        len = sizeof value - 1;
    put_line(conn, bytes_of(name), (struct bytes){.p = value, .len = (size_t)len});
}

static void put_u64(struct conn *conn, const char *name, uint64_t value)
{
    put(conn, name, "%" PRIu64, value);
}

static void put_end(struct conn *conn)
{
    put_line(conn, (struct bytes){0}, (struct bytes){0});
}

static void put_rusage(struct conn *conn)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return;
    put(conn, "rusage_user", "%ld.%06ld", (long)usage.ru_utime.tv_sec, (long)usage.ru_utime.tv_usec);
    put(conn, "rusage_system", "%ld.%06ld", (long)usage.ru_stime.tv_sec, (long)usage.ru_stime.tv_usec);
}

static void put_process(struct conn *conn)
{
    struct server *server = conn->worker->server;
    put_u64(conn, "pid", (uint64_t)getpid());
    put_u64(conn, "uptime", (clock_steady_ns(server->clock) - server->started_ns) / 1000000000U);
    put_u64(conn, "time", (uint64_t)clock_wall_s(server->clock));
    put(conn, "version", "%s", VERSION_PROTOCOL);
    put_u64(conn, "pointer_size", 8 * sizeof(void *));
    put_rusage(conn);
}

static void put_connections(struct conn *conn)
{
    struct server *server = conn->worker->server;
    uint64_t current = __atomic_load_n(&server->nconnections, __ATOMIC_RELAXED);
    put_u64(conn, "max_connections", server->settings->max_connections);
    put_u64(conn, "curr_connections", current);
    put_u64(conn, "total_connections", __atomic_load_n(&server->total_connections, __ATOMIC_RELAXED));
    put_u64(conn, "rejected_connections", __atomic_load_n(&server->rejected_connections, __ATOMIC_RELAXED));
    put_u64(conn, "connection_structures", current);
    put_u64(conn, "read_buf_bytes", __atomic_load_n(&server->buffers.used_bytes, __ATOMIC_RELAXED));
    put_u64(conn, "read_buf_oom", __atomic_load_n(&server->buffers.nrefused, __ATOMIC_RELAXED));
}

static uint64_t sum_of(const struct server *server, enum counter counter)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < server->nworkers; i++)
        sum += counters_get(&server->workers[i]->counters, counter);
    return sum;
}

static uint64_t base_of(const struct server *server, int counter)
{
    return __atomic_load_n(&server->counters_base.values[counter], __ATOMIC_RELAXED);
}

static void put_counters(struct conn *conn)
{
    static const char *const names[] = {
#define COUNTERS_NAME(name) #name,
        COUNTERS_TABLE(COUNTERS_NAME)
#undef COUNTERS_NAME
    };
    struct server *server = conn->worker->server;
    for (int counter = 0; counter < NCOUNTERS; counter++) {
        uint64_t base =
            base_of(server, counter); /* first: a reset in between must not make it larger than the sum */
        put_u64(conn, names[counter], sum_of(server, (enum counter)counter) - base);
    }
}

static void put_disk(struct conn *conn, const struct engine_stats *stats)
{
    static const char *const words[] = {
        [STORE_SYNC_INTERVAL] = "interval", [STORE_SYNC_ALWAYS] = "always", [STORE_SYNC_NONE] = "none"};
    const struct store_stats *s = &stats->store;
    uint64_t live = s->live_bytes[STORE_CACHE] + s->live_bytes[STORE_SESSION];
    uint64_t kept = live + s->garbage_bytes;
    double appended = (double)s->appended_bytes;
    put(conn, "cloakroom_utilisation", "%.3f", kept == 0 ? 1.0 : (double)live / (double)kept);
    put(conn, "cloakroom_write_amplification", "%.3f",
        s->appended_bytes == 0 ? 1.0 : (appended + (double)s->copied_bytes) / appended);
    put(conn, "cloakroom_sync", "%s", s->has_disk ? words[s->sync] : "off");
    put_u64(conn, "cloakroom_loading", s->is_loading);
    if (s->is_loading) {
        put_u64(conn, "cloakroom_loaded_bytes", s->loaded_bytes);
        put_u64(conn, "cloakroom_load_bytes", s->load_bytes);
    }
    put_u64(conn, "cloakroom_read_only", s->disk_error != NULL);
    put(conn, "cloakroom_disk_error", "%s", s->disk_error != NULL ? s->disk_error : "none");
    put_u64(conn, "cloakroom_disk_bytes", s->disk_bytes);
    put_u64(conn, "cloakroom_written_bytes", s->written_bytes);
    put_u64(conn, "cloakroom_syncs", s->syncs);
    put_u64(conn, "cloakroom_refused_disk", stats->refused_disk);
    put_u64(conn, "cloakroom_recovered_items", s->recovered[STORE_CACHE] + s->recovered[STORE_SESSION]);
    put_u64(conn, "cloakroom_recovery_ms", s->recovery_ms);
    put_u64(conn, "cloakroom_damaged_records", s->damaged_records);
    put_u64(conn, "cloakroom_torn_bytes", s->torn_bytes);
}

static void put_store(struct conn *conn)
{
    struct engine_stats stats;
    engine_read_stats(server_engine(conn->worker->server), &stats);
    const struct store_stats *s = &stats.store;
    put_u64(conn, "limit_maxbytes", s->limit_bytes);
    put_u64(conn, "accepting_conns", 1);
    put_u64(conn, "listen_disabled_num", 0);
    put_u64(conn, "threads", conn->worker->server->nworkers);
    put_u64(conn, "hash_bytes", s->index_bytes);
    put_u64(conn, "bytes", s->live_bytes[STORE_CACHE] + s->live_bytes[STORE_SESSION]);
    put_u64(conn, "curr_items", s->items[STORE_CACHE] + s->items[STORE_SESSION]);
    put_u64(conn, "total_items", s->total_items);
    put_u64(conn, "expired_unfetched", s->expired_unfetched);
    put_u64(conn, "evicted_unfetched", s->evicted_unfetched);
    put_u64(conn, "evictions", s->evictions[STORE_CACHE] + s->evictions[STORE_SESSION]);
    put_u64(conn, "reclaimed", s->reclaimed);
    put_u64(conn, "cloakroom_sessions", s->items[STORE_SESSION]);
    put_u64(conn, "cloakroom_session_bytes", s->live_bytes[STORE_SESSION]);
    put_u64(conn, "cloakroom_cache_items", s->items[STORE_CACHE]);
    put_u64(conn, "cloakroom_locks", stats.locks.held);
    put_u64(conn, "cloakroom_locks_broken", stats.locks.broken);
    put_u64(conn, "cloakroom_lock_waiting", stats.locks.waiting);
    put_u64(conn, "cloakroom_lock_waits", stats.locks.waits);
    put_u64(conn, "cloakroom_lock_late", stats.locks.late);
    put_u64(conn, "cloakroom_evicted_sessions", s->evictions[STORE_SESSION]);
    put_u64(conn, "cloakroom_refused_full", stats.refused_full);
    put_u64(conn, "cloakroom_used_bytes", s->used_bytes);
    put_u64(conn, "cloakroom_garbage_bytes", s->garbage_bytes);
    put_u64(conn, "cloakroom_appended_bytes", s->appended_bytes);
    put_u64(conn, "cloakroom_copied_bytes", s->copied_bytes);
    put_u64(conn, "cloakroom_segments", s->segments);
    put_u64(conn, "cloakroom_segment_bytes", s->segment_bytes);
    put_u64(conn, "cloakroom_shards", s->nshards);
    put_disk(conn, &stats);
}

static void put_tls(struct conn *conn)
{
    struct server *server = conn->worker->server;
    if (server->access.tls == NULL)
        return;
    uint64_t loaded_ns = __atomic_load_n(&server->access.certs_loaded_ns, __ATOMIC_RELAXED);
    put_u64(conn, "ssl_handshake_errors", __atomic_load_n(&server->tls_failures, __ATOMIC_RELAXED));
    put_u64(conn, "time_since_server_cert_refresh",
            (clock_steady_ns(server->clock) - loaded_ns) / 1000000000U);
}

static void run_general(struct conn *conn)
{
    put_process(conn);
    put_connections(conn);
    put_counters(conn);
    put_tls(conn);
    put_store(conn);
    put_end(conn);
}

static const char *word_or_null(const char *word)
{
    return word != NULL ? word : "NULL";
}

static void put_access_settings(struct conn *conn, const struct settings *settings)
{
    put(conn, "auth_enabled_sasl", "%s", settings->sasl ? "yes" : "no");
    put(conn, "auth_enabled_ascii", "%s", settings->auth_file != NULL ? settings->auth_file : "no");
    put(conn, "ssl_enabled", "%s", settings->tls ? "yes" : "no");
    put(conn, "ssl_chain_cert", "%s", word_or_null(settings->ssl_chain_cert));
    put(conn, "ssl_key", "%s", word_or_null(settings->ssl_key));
    put_u64(conn, "ssl_verify_mode", settings->ssl_verify_mode);
    put(conn, "ssl_keyformat", "%s", settings->ssl_keyformat);
    put(conn, "ssl_ciphers", "%s", word_or_null(settings->ssl_ciphers));
    put(conn, "ssl_ca_cert", "%s", word_or_null(settings->ssl_ca_cert));
    put(conn, "ssl_session_cache", "%s", settings->ssl_session_cache ? "yes" : "no");
    put(conn, "ssl_min_version", "%s", settings->ssl_min_version);
    put_u64(conn, "ssl_handshake_timeout", settings->ssl_handshake_timeout_s);
}

static void run_settings(struct conn *conn)
{
    const struct settings *settings = conn->worker->server->settings;
    put_u64(conn, "maxbytes", settings->memory_mib << 20);
    put_u64(conn, "maxconns", settings->max_connections);
    put_u64(conn, "tcpport", settings->port);
    put_u64(conn, "udpport", 0);
    put(conn, "inter", "%s", settings->listen.n > 0 ? settings->listen.items[0] : "127.0.0.1");
    put_u64(conn, "verbosity", __atomic_load_n(&settings->verbose, __ATOMIC_RELAXED));
    put(conn, "evictions", "%s", settings->no_evict ? "off" : "on");
    put(conn, "evict_sessions", "%s", settings->evict_sessions ? "yes" : "no");
    put(conn, "domain_socket", "%s", settings->socket_path != NULL ? settings->socket_path : "NULL");
    put(conn, "umask", "%o", settings->socket_mode);
    put_u64(conn, "num_threads", settings->nthreads);
    put_u64(conn, "tcp_backlog", settings->backlog);
    put_u64(conn, "item_size_max", settings->value_max);
    put_access_settings(conn, settings);
    put_end(conn);
}

/* A counter is its worker's to write, so a reset remembers what there was and takes it off from then on. */
static void run_reset(struct conn *conn)
{
    struct server *server = conn->worker->server;
    if ((conn->role & ROLE_ADMIN) == 0) {
        exec_put_status(conn, STATUS_DENIED);
        return;
    }
    for (int counter = 0; counter < NCOUNTERS; counter++)
        __atomic_store_n(&server->counters_base.values[counter], sum_of(server, (enum counter)counter),
                         __ATOMIC_RELAXED);
    __atomic_store_n(&server->total_connections, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&server->rejected_connections, 0, __ATOMIC_RELAXED);
    exec_put_status(conn, STATUS_OK);
}

void stats_run(struct conn *conn)
{
    static const struct {
        const char *name;
        void (*run)(struct conn *conn);
    } rows[] = {
        {"", run_general},
        {"settings", run_settings},
        {"reset", run_reset},
        /* No slabs, no sizes kept: true, and what memcached says of an empty server. */
        {"items", put_end},
        {"slabs", put_end},
        {"sizes", put_end},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (bytes_equal(conn->request.argument, bytes_of(rows[i].name))) {
            rows[i].run(conn);
            return;
        }
    }
    exec_put_status(conn, STATUS_MISS);
}
