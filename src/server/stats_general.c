/* stats: the general figures. See stats_private.h. */
#include "base/version.h"
#include "engine/journal.h"
#include "server/process.h"
#include "server/stats_private.h"

#include <sys/resource.h>
#include <unistd.h>

static void put_rusage(struct conn *conn)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return;
    stats_put(conn, "rusage_user", "%ld.%06ld", (long)usage.ru_utime.tv_sec, (long)usage.ru_utime.tv_usec);
    stats_put(conn, "rusage_system", "%ld.%06ld", (long)usage.ru_stime.tv_sec, (long)usage.ru_stime.tv_usec);
}

static void put_process(struct conn *conn)
{
    struct server *server = conn->worker->server;
    stats_put_u64(conn, "pid", (uint64_t)getpid());
    stats_put_u64(conn, "uptime", (clock_steady_ns(server->clock) - server->started_ns) / 1000000000U);
    stats_put_u64(conn, "time", (uint64_t)clock_wall_s(server->clock));
    stats_put(conn, "version", "%s", VERSION_PROTOCOL);
    stats_put(conn, "libevent", "none"); /* epoll itself */
    stats_put_u64(conn, "pointer_size", 8 * sizeof(void *));
    put_rusage(conn);
}

static void put_connections(struct conn *conn)
{
    struct server *server = conn->worker->server;
    uint64_t current = __atomic_load_n(&server->nconnections, __ATOMIC_RELAXED);
    stats_put_u64(conn, "max_connections", server->settings->max_connections);
    stats_put_u64(conn, "curr_connections", current);
    stats_put_u64(conn, "total_connections", __atomic_load_n(&server->total_connections, __ATOMIC_RELAXED));
    stats_put_u64(conn, "rejected_connections",
                  __atomic_load_n(&server->rejected_connections, __ATOMIC_RELAXED));
    stats_put_u64(conn, "connection_structures", current);
    uint64_t buffered = __atomic_load_n(&server->buffers.used_bytes, __ATOMIC_RELAXED);
    uint64_t limit = server->buffers.limit_bytes;
    stats_put_u64(conn, "read_buf_bytes", buffered);
    stats_put_u64(conn, "read_buf_bytes_free", buffered < limit ? limit - buffered : 0);
    stats_put_u64(conn, "read_buf_oom", __atomic_load_n(&server->buffers.nrefused, __ATOMIC_RELAXED));
    stats_put_u64(conn, "reserved_fds", PROCESS_OWN_DESCRIPTORS);
}

static void put_accepting(struct conn *conn)
{
    const struct server *server = conn->worker->server;
    bool is_away = __atomic_load_n(&server->naway, __ATOMIC_RELAXED) > 0;
    uint64_t away_ns = __atomic_load_n(&server->away_ns, __ATOMIC_RELAXED);
    uint64_t since_ns = __atomic_load_n(&server->away_since_ns, __ATOMIC_RELAXED);
    if (is_away && conn->worker->loop.now_ns > since_ns)
        away_ns += conn->worker->loop.now_ns - since_ns;
    stats_put_u64(conn, "accepting_conns", !is_away);
    stats_put_u64(conn, "listen_disabled_num", __atomic_load_n(&server->listen_disabled, __ATOMIC_RELAXED));
    stats_put_u64(conn, "time_in_listen_disabled_us", away_ns / 1000);
}

/* Slots of 8 bytes in the index, as a power of two. */
static unsigned hash_power(uint64_t index_bytes)
{
    return index_bytes < 8 ? 0 : 63U - (unsigned)__builtin_clzll(index_bytes / 8);
}

static uint64_t both(const uint64_t counts[STORE_NCLASSES])
{
    return counts[STORE_CACHE] + counts[STORE_SESSION];
}

/* Of slabs, the LRU and its crawler, network cards and answers that are objects of their own. */
static void put_what_is_not_there(struct conn *conn)
{
    static const char *const names[] = {
        "response_obj_oom",
        "response_obj_count",
        "response_obj_bytes",
        "read_buf_count",
        "hash_is_expanding",
        "slab_reassign_rescues",
        "slab_reassign_chunk_rescues",
        "slab_reassign_evictions_nomem",
        "slab_reassign_inline_reclaim",
        "slab_reassign_busy_items",
        "slab_reassign_busy_deletes",
        "slab_reassign_running",
        "slabs_moved",
        "slab_global_page_pool",
        "lru_crawler_running",
        "lru_crawler_starts",
        "lru_maintainer_juggles",
        "malloc_fails",
        "unexpected_napi_ids",
        "round_robin_fallback",
        "evicted_active",
        "crawler_reclaimed",
        "crawler_items_checked",
        "lrutail_reflocked",
        "moves_to_cold",
        "moves_to_warm",
        "moves_within_lru",
        "direct_reclaims",
        "lru_bumps_dropped",
    };
    stats_put_zeros(conn, names, sizeof names / sizeof *names);
}

static void put_watchers(struct conn *conn)
{
    struct events *events = &conn->worker->server->events;
    stats_put_u64(conn, "log_worker_dropped", __atomic_load_n(&events->lost, __ATOMIC_RELAXED));
    stats_put_u64(conn, "log_worker_written", events_last(events));
    stats_put_u64(conn, "log_watcher_skipped", __atomic_load_n(&events->skipped, __ATOMIC_RELAXED));
    stats_put_u64(conn, "log_watcher_sent", __atomic_load_n(&events->sent, __ATOMIC_RELAXED));
    pthread_mutex_lock(&events->lock);
    unsigned watchers = events->watchers;
    pthread_mutex_unlock(&events->lock);
    stats_put_u64(conn, "log_watchers", watchers);
}

static void put_counters(struct conn *conn)
{
    static const char *const names[] = {
#define COUNTERS_NAME(name) #name,
        COUNTERS_TABLE(COUNTERS_NAME)
#undef COUNTERS_NAME
    };
    const struct server *server = conn->worker->server;
    for (int counter = 0; counter < NCOUNTERS_SHOWN; counter++)
        stats_put_u64(conn, names[counter], stats_counted(server, (enum counter)counter));
}

static void put_disk(struct conn *conn, const struct engine_stats *stats)
{
    static const char *const words[] = {
        [STORE_SYNC_INTERVAL] = "interval", [STORE_SYNC_ALWAYS] = "always", [STORE_SYNC_NONE] = "none"};
    const struct store_stats *s = &stats->store;
    uint64_t live = both(s->live_bytes);
    uint64_t kept = live + s->garbage_bytes;
    double appended = (double)s->appended_bytes;
    stats_put(conn, "cloakroom_utilisation", "%.3f", kept == 0 ? 1.0 : (double)live / (double)kept);
    stats_put(conn, "cloakroom_write_amplification", "%.3f",
              s->appended_bytes == 0 ? 1.0 : (appended + (double)s->copied_bytes) / appended);
    stats_put(conn, "cloakroom_sync", "%s", s->has_disk ? words[s->sync] : "off");
    stats_put_u64(conn, "cloakroom_loading", s->is_loading);
    if (s->is_loading) {
        stats_put_u64(conn, "cloakroom_loaded_bytes", s->loaded_bytes);
        stats_put_u64(conn, "cloakroom_load_bytes", s->load_bytes);
    }
    stats_put_u64(conn, "cloakroom_read_only", s->disk_error != NULL);
    stats_put(conn, "cloakroom_disk_error", "%s", s->disk_error != NULL ? s->disk_error : "none");
    stats_put_u64(conn, "cloakroom_disk_bytes", s->disk_bytes);
    stats_put_u64(conn, "cloakroom_written_bytes", s->written_bytes);
    stats_put_u64(conn, "cloakroom_syncs", s->syncs);
    stats_put_u64(conn, "cloakroom_refused_disk", stats->refused_disk);
    stats_put_u64(conn, "cloakroom_recovered_items", both(s->recovered));
    stats_put_u64(conn, "cloakroom_recovery_ms", s->recovery_ms);
    stats_put_u64(conn, "cloakroom_damaged_records", s->damaged_records);
    stats_put_u64(conn, "cloakroom_torn_bytes", s->torn_bytes);
}

/* What the journal has counted. */
static void put_events(struct conn *conn, const struct engine_stats *stats)
{
    static const char *const names[] = {[JOURNAL_CREATED] = "cloakroom_sessions_created",
                                        [JOURNAL_DELETED] = "cloakroom_sessions_deleted",
                                        [JOURNAL_EXPIRED] = "cloakroom_sessions_expired",
                                        [JOURNAL_KILLED] = "cloakroom_sessions_killed",
                                        [JOURNAL_SUCCEEDED] = "cloakroom_sessions_succeeded",
                                        [JOURNAL_REFUSED] = "cloakroom_sessions_refused"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i] != NULL)
            stats_put_u64(conn, names[i], stats->events[i]);
    }
}

static void put_store(struct conn *conn)
{
    struct engine_stats stats;
    engine_read_stats(server_engine(conn->worker->server), &stats);
    const struct store_stats *s = &stats.store;
    stats_put_u64(conn, "limit_maxbytes", s->limit_bytes);
    stats_put_u64(conn, "threads", conn->worker->server->nworkers);
    stats_put_u64(conn, "hash_power_level", hash_power(s->index_bytes));
    stats_put_u64(conn, "hash_bytes", s->index_bytes);
    stats_put_u64(conn, "bytes", both(s->live_bytes));
    stats_put_u64(conn, "curr_items", both(s->items));
    stats_put_u64(conn, "total_items", s->total_items);
    stats_put_u64(conn, "expired_unfetched", both(s->expired_unfetched));
    stats_put_u64(conn, "evicted_unfetched", both(s->evicted_unfetched));
    stats_put_u64(conn, "evictions", both(s->evictions));
    stats_put_u64(conn, "reclaimed", both(s->reclaimed));
    stats_put_u64(conn, "cloakroom_sessions", stats.sessions);
    stats_put_u64(conn, "cloakroom_session_bytes", s->live_bytes[STORE_SESSION]);
    stats_put_u64(conn, "cloakroom_cache_items", s->items[STORE_CACHE]);
    stats_put_u64(conn, "cloakroom_locks", stats.locks.held);
    stats_put_u64(conn, "cloakroom_locks_broken", stats.locks.broken);
    stats_put_u64(conn, "cloakroom_lock_waiting", stats.locks.waiting);
    stats_put_u64(conn, "cloakroom_lock_waits", stats.locks.waits);
    stats_put_u64(conn, "cloakroom_lock_late", stats.locks.late);
    stats_put_u64(conn, "cloakroom_evicted_sessions", s->evictions[STORE_SESSION]);
    stats_put_u64(conn, "cloakroom_refused_full", both(stats.refused_full));
    stats_put_u64(conn, "cloakroom_used_bytes", s->used_bytes);
    stats_put_u64(conn, "cloakroom_garbage_bytes", s->garbage_bytes);
    stats_put_u64(conn, "cloakroom_appended_bytes", s->appended_bytes);
    stats_put_u64(conn, "cloakroom_copied_bytes", s->copied_bytes);
    stats_put_u64(conn, "cloakroom_segments", s->segments);
    stats_put_u64(conn, "cloakroom_segment_bytes", s->segment_bytes);
    stats_put_u64(conn, "cloakroom_shards", s->nshards);
    put_events(conn, &stats);
    put_disk(conn, &stats);
}

static void put_tls(struct conn *conn)
{
    struct server *server = conn->worker->server;
    if (server->access.tls == NULL)
        return;
    uint64_t loaded_ns = __atomic_load_n(&server->access.certs_loaded_ns, __ATOMIC_RELAXED);
    stats_put_u64(conn, "ssl_handshake_errors", __atomic_load_n(&server->tls_failures, __ATOMIC_RELAXED));
    stats_put_u64(conn, "time_since_server_cert_refresh",
                  (clock_steady_ns(server->clock) - loaded_ns) / 1000000000U);
}

void stats_run_general(struct conn *conn)
{
    put_process(conn);
    put_connections(conn);
    put_counters(conn);
    put_watchers(conn);
    put_tls(conn);
    put_accepting(conn);
    put_store(conn);
    put_what_is_not_there(conn);
    stats_put_end(conn);
}
