/* stats: the general figures. See stats_private.h. */
#include "base/version.h"
#include "engine/journal.h"
#include "server/process.h"
#include "server/stats_private.h"

#include <sys/resource.h>
#include <unistd.h>

static void put_rusage(struct stats_out *out)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return;
    stats_line(out, "rusage_user", "%ld.%06ld", (long)usage.ru_utime.tv_sec, (long)usage.ru_utime.tv_usec);
    stats_line(out, "rusage_system", "%ld.%06ld", (long)usage.ru_stime.tv_sec, (long)usage.ru_stime.tv_usec);
}

static void put_process(struct stats_out *out)
{
    struct server *server = out->server;
    stats_line_u64(out, "pid", (uint64_t)getpid());
    stats_line_u64(out, "uptime", (clock_steady_ns(server->clock) - server->started_ns) / 1000000000U);
    stats_line_u64(out, "time", (uint64_t)clock_wall_s(server->clock));
    stats_line(out, "version", "%s", VERSION_PROTOCOL);
    stats_line(out, "libevent", "none"); /* epoll itself */
    stats_line_u64(out, "pointer_size", 8 * sizeof(void *));
    put_rusage(out);
}

static void put_connections(struct stats_out *out)
{
    struct server *server = out->server;
    uint64_t current = __atomic_load_n(&server->nconnections, __ATOMIC_RELAXED);
    stats_line_u64(out, "max_connections", server->settings->max_connections);
    stats_line_u64(out, "curr_connections", current);
    stats_line_u64(out, "total_connections", __atomic_load_n(&server->total_connections, __ATOMIC_RELAXED));
    stats_line_u64(out, "rejected_connections",
                   __atomic_load_n(&server->rejected_connections, __ATOMIC_RELAXED));
    stats_line_u64(out, "connection_structures", current);
    uint64_t buffered = __atomic_load_n(&server->buffers.used_bytes, __ATOMIC_RELAXED);
    uint64_t limit = server->buffers.limit_bytes;
    stats_line_u64(out, "read_buf_bytes", buffered);
    stats_line_u64(out, "read_buf_bytes_free", buffered < limit ? limit - buffered : 0);
    stats_line_u64(out, "read_buf_oom", __atomic_load_n(&server->buffers.nrefused, __ATOMIC_RELAXED));
    stats_line_u64(out, "reserved_fds", PROCESS_OWN_DESCRIPTORS);
}

static void put_accepting(struct stats_out *out)
{
    const struct server *server = out->server;
    bool is_away = __atomic_load_n(&server->naway, __ATOMIC_RELAXED) > 0;
    uint64_t away_ns = __atomic_load_n(&server->away_ns, __ATOMIC_RELAXED);
    uint64_t since_ns = __atomic_load_n(&server->away_since_ns, __ATOMIC_RELAXED);
    if (is_away && out->now_ns > since_ns)
        away_ns += out->now_ns - since_ns;
    stats_line_u64(out, "accepting_conns", !is_away);
    stats_line_u64(out, "listen_disabled_num", __atomic_load_n(&server->listen_disabled, __ATOMIC_RELAXED));
    stats_line_u64(out, "time_in_listen_disabled_us", away_ns / 1000);
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
static void put_what_is_not_there(struct stats_out *out)
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
    stats_line_zeros(out, names, sizeof names / sizeof *names);
}

static void put_watchers(struct stats_out *out)
{
    struct events *events = &out->server->events;
    stats_line_u64(out, "log_worker_dropped", __atomic_load_n(&events->lost, __ATOMIC_RELAXED));
    stats_line_u64(out, "log_worker_written", events_last(events));
    stats_line_u64(out, "log_watcher_skipped", __atomic_load_n(&events->skipped, __ATOMIC_RELAXED));
    stats_line_u64(out, "log_watcher_sent", __atomic_load_n(&events->sent, __ATOMIC_RELAXED));
    pthread_mutex_lock(&events->lock);
    unsigned watchers = events->watchers;
    pthread_mutex_unlock(&events->lock);
    stats_line_u64(out, "log_watchers", watchers);
}

static void put_counters(struct stats_out *out)
{
    static const char *const names[] = {
#define COUNTERS_NAME(name) #name,
        COUNTERS_TABLE(COUNTERS_NAME)
#undef COUNTERS_NAME
    };
    const struct server *server = out->server;
    for (int counter = 0; counter < NCOUNTERS_SHOWN; counter++)
        stats_line_u64(out, names[counter], stats_counted(server, (enum counter)counter));
}

static void put_disk(struct stats_out *out, const struct engine_stats *stats)
{
    static const char *const words[] = {
        [STORE_SYNC_INTERVAL] = "interval", [STORE_SYNC_ALWAYS] = "always", [STORE_SYNC_NONE] = "none"};
    const struct store_stats *s = &stats->store;
    uint64_t live = both(s->live_bytes);
    uint64_t kept = live + s->garbage_bytes;
    double appended = (double)s->appended_bytes;
    stats_line(out, "cloakroom_utilisation", "%.3f", kept == 0 ? 1.0 : (double)live / (double)kept);
    stats_line(out, "cloakroom_write_amplification", "%.3f",
               s->appended_bytes == 0 ? 1.0 : (appended + (double)s->copied_bytes) / appended);
    stats_line(out, "cloakroom_sync", "%s", s->has_disk ? words[s->sync] : "off");
    stats_line_u64(out, "cloakroom_loading", s->is_loading);
    if (s->is_loading) {
        stats_line_u64(out, "cloakroom_loaded_bytes", s->loaded_bytes);
        stats_line_u64(out, "cloakroom_load_bytes", s->load_bytes);
    }
    stats_line_u64(out, "cloakroom_read_only", s->disk_error != NULL);
    stats_line(out, "cloakroom_disk_error", "%s", s->disk_error != NULL ? s->disk_error : "none");
    stats_line_u64(out, "cloakroom_disk_bytes", s->disk_bytes);
    stats_line_u64(out, "cloakroom_written_bytes", s->written_bytes);
    stats_line_u64(out, "cloakroom_syncs", s->syncs);
    stats_line_u64(out, "cloakroom_refused_disk", stats->refused_disk);
    stats_line_u64(out, "cloakroom_recovered_items", both(s->recovered));
    stats_line_u64(out, "cloakroom_recovery_ms", s->recovery_ms);
    stats_line_u64(out, "cloakroom_damaged_records", s->damaged_records);
    stats_line_u64(out, "cloakroom_torn_bytes", s->torn_bytes);
}

/* What the journal has counted. */
static void put_events(struct stats_out *out, const struct engine_stats *stats)
{
    static const char *const names[] = {[JOURNAL_CREATED] = "cloakroom_sessions_created",
                                        [JOURNAL_DELETED] = "cloakroom_sessions_deleted",
                                        [JOURNAL_EXPIRED] = "cloakroom_sessions_expired",
                                        [JOURNAL_KILLED] = "cloakroom_sessions_killed",
                                        [JOURNAL_SUCCEEDED] = "cloakroom_sessions_succeeded",
                                        [JOURNAL_REFUSED] = "cloakroom_sessions_refused"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i] != NULL)
            stats_line_u64(out, names[i], stats->events[i]);
    }
    const struct server *server = out->server;
    stats_line_u64(out, "cloakroom_session_opens",
                   stats_counted(server, COUNTER_verb_opens) +
                       stats_counted(server, COUNTER_session_get_hits));
    stats_line_u64(out, "cloakroom_session_writes",
                   stats_counted(server, COUNTER_verb_writes) +
                       stats_counted(server, COUNTER_session_cmd_set));
}

static void put_store(struct stats_out *out)
{
    struct engine_stats stats;
    engine_read_stats(server_engine(out->server), &stats);
    const struct store_stats *s = &stats.store;
    stats_line_u64(out, "limit_maxbytes", s->limit_bytes);
    stats_line_u64(out, "threads", out->server->nworkers);
    stats_line_u64(out, "hash_power_level", hash_power(s->index_bytes));
    stats_line_u64(out, "hash_bytes", s->index_bytes);
    stats_line_u64(out, "bytes", both(s->live_bytes));
    stats_line_u64(out, "curr_items", both(s->items));
    stats_line_u64(out, "total_items", s->total_items);
    stats_line_u64(out, "expired_unfetched", both(s->expired_unfetched));
    stats_line_u64(out, "evicted_unfetched", both(s->evicted_unfetched));
    stats_line_u64(out, "evictions", both(s->evictions));
    stats_line_u64(out, "reclaimed", both(s->reclaimed));
    stats_line_u64(out, "cloakroom_sessions", stats.sessions);
    stats_line_u64(out, "cloakroom_session_bytes", s->live_bytes[STORE_SESSION]);
    stats_line_u64(out, "cloakroom_cache_items", s->items[STORE_CACHE]);
    stats_line_u64(out, "cloakroom_locks", stats.locks.held);
    stats_line_u64(out, "cloakroom_locks_broken", stats.locks.broken);
    stats_line_u64(out, "cloakroom_lock_waiting", stats.locks.waiting);
    stats_line_u64(out, "cloakroom_lock_waits", stats.locks.waits);
    stats_line_u64(out, "cloakroom_lock_late", stats.locks.late);
    stats_line_u64(out, "cloakroom_evicted_sessions", s->evictions[STORE_SESSION]);
    stats_line_u64(out, "cloakroom_refused_full", both(stats.refused_full));
    stats_line_u64(out, "cloakroom_used_bytes", s->used_bytes);
    stats_line_u64(out, "cloakroom_garbage_bytes", s->garbage_bytes);
    stats_line_u64(out, "cloakroom_appended_bytes", s->appended_bytes);
    stats_line_u64(out, "cloakroom_copied_bytes", s->copied_bytes);
    stats_line_u64(out, "cloakroom_segments", s->segments);
    stats_line_u64(out, "cloakroom_segment_bytes", s->segment_bytes);
    stats_line_u64(out, "cloakroom_shards", s->nshards);
    put_events(out, &stats);
    put_disk(out, &stats);
}

static void put_tls(struct stats_out *out)
{
    struct server *server = out->server;
    if (server->access.tls == NULL)
        return;
    uint64_t loaded_ns = __atomic_load_n(&server->access.certs_loaded_ns, __ATOMIC_RELAXED);
    stats_line_u64(out, "ssl_handshake_errors", __atomic_load_n(&server->tls_failures, __ATOMIC_RELAXED));
    stats_line_u64(out, "time_since_server_cert_refresh",
                   (clock_steady_ns(server->clock) - loaded_ns) / 1000000000U);
}

void stats_general(struct stats_out *out)
{
    put_process(out);
    put_connections(out);
    put_counters(out);
    put_watchers(out);
    put_tls(out);
    put_accepting(out);
    put_store(out);
    put_what_is_not_there(out);
}
