/* The one table of figures for Prometheus, see metrics.h. */
#include "http/metrics.h"

#define GAUGE   "gauge"
#define COUNTER "counter"

const struct metric metrics_rows[] = {
    /* Sessions. */
    {"cloakroom_sessions", "", GAUGE, "Sessions that live.", "cloakroom_sessions", 1},
    {"cloakroom_session_bytes", "", GAUGE, "Memory of sessions that live, in bytes.",
     "cloakroom_session_bytes", 1},
    {"cloakroom_session_opens_total", "", COUNTER, "Sessions opened, by the verb or by a get that found one.",
     "cloakroom_session_opens", 1},
    {"cloakroom_session_writes_total", "", COUNTER, "Sessions written, by the verb or by a set.",
     "cloakroom_session_writes", 1},
    {"cloakroom_session_events_total", "{kind=\"created\"}", COUNTER, "What happened to sessions.",
     "cloakroom_sessions_created", 1},
    {"cloakroom_session_events_total", "{kind=\"deleted\"}", COUNTER, "", "cloakroom_sessions_deleted", 1},
    {"cloakroom_session_events_total", "{kind=\"expired\"}", COUNTER, "", "cloakroom_sessions_expired", 1},
    {"cloakroom_session_events_total", "{kind=\"killed\"}", COUNTER, "", "cloakroom_sessions_killed", 1},
    {"cloakroom_session_events_total", "{kind=\"succeeded\"}", COUNTER, "", "cloakroom_sessions_succeeded",
     1},
    {"cloakroom_session_events_total", "{kind=\"refused\"}", COUNTER, "", "cloakroom_sessions_refused", 1},
    {"cloakroom_session_events_total", "{kind=\"evicted\"}", COUNTER, "", "cloakroom_evicted_sessions", 1},
    /* Locks and leases. */
    {"cloakroom_locks", "", GAUGE, "Sessions that are held.", "cloakroom_locks", 1},
    {"cloakroom_lock_waiting", "", GAUGE, "Requests that wait for a session just now.",
     "cloakroom_lock_waiting", 1},
    {"cloakroom_lock_waits_total", "", COUNTER, "Requests that had to wait for a session.",
     "cloakroom_lock_waits", 1},
    {"cloakroom_lock_late_total", "", COUNTER, "Requests that waited for a session in vain.",
     "cloakroom_lock_late", 1},
    {"cloakroom_locks_broken_total", "", COUNTER, "Locks given back because their connection closed.",
     "cloakroom_locks_broken", 1},
    /* Memory. */
    {"cloakroom_memory_limit_bytes", "", GAUGE, "The limit of -m, in bytes.", "limit_maxbytes", 1},
    {"cloakroom_memory_used_bytes", "", GAUGE, "Memory taken from that limit, in bytes.",
     "cloakroom_used_bytes", 1},
    {"cloakroom_memory_garbage_bytes", "", GAUGE,
     "Memory of what is no more and not compacted yet, in bytes.", "cloakroom_garbage_bytes", 1},
    {"cloakroom_cache_items", "", GAUGE, "Cache items that live.", "cloakroom_cache_items", 1},
    {"cloakroom_evictions_total", "", COUNTER, "Live items dropped to make room, of either class.",
     "evictions", 1},
    {"cloakroom_refused_total", "{reason=\"memory\"}", COUNTER, "Writes refused.", "cloakroom_refused_full",
     1},
    {"cloakroom_refused_total", "{reason=\"disk\"}", COUNTER, "", "cloakroom_refused_disk", 1},
    {"cloakroom_refused_total", "{reason=\"too_large\"}", COUNTER, "", "store_too_large", 1},
    {"cloakroom_appended_bytes_total", "", COUNTER, "Bytes written by clients, with heads and keys.",
     "cloakroom_appended_bytes", 1},
    {"cloakroom_copied_bytes_total", "", COUNTER, "Bytes copied by compaction.", "cloakroom_copied_bytes", 1},
    /* Disk. */
    {"cloakroom_loading", "", GAUGE, "Whether what lies on disk is still being read.", "cloakroom_loading",
     1},
    {"cloakroom_read_only", "", GAUGE, "Whether the disk has failed: nothing is written any more.",
     "cloakroom_read_only", 1},
    {"cloakroom_disk_bytes", "", GAUGE, "Bytes of segment files.", "cloakroom_disk_bytes", 1},
    {"cloakroom_disk_written_bytes_total", "", COUNTER, "Bytes written to files.", "cloakroom_written_bytes",
     1},
    {"cloakroom_disk_syncs_total", "", COUNTER, "Times the disk was synced.", "cloakroom_syncs", 1},
    {"cloakroom_recovery_seconds", "", GAUGE, "How long the last start took to read what lies on disk.",
     "cloakroom_recovery_ms", 0.001},
    {"cloakroom_damaged_records", "", GAUGE, "Damaged records found by the last start.",
     "cloakroom_damaged_records", 1},
    /* Commands. */
    {"cloakroom_commands_total", "{command=\"get\"}", COUNTER, "Commands, by memcached's kinds.", "cmd_get",
     1},
    {"cloakroom_commands_total", "{command=\"set\"}", COUNTER, "", "cmd_set", 1},
    {"cloakroom_commands_total", "{command=\"touch\"}", COUNTER, "", "cmd_touch", 1},
    {"cloakroom_commands_total", "{command=\"flush\"}", COUNTER, "", "cmd_flush", 1},
    {"cloakroom_get_hits_total", "", COUNTER, "Gets that found something.", "get_hits", 1},
    {"cloakroom_get_misses_total", "", COUNTER, "Gets that found nothing.", "get_misses", 1},
    {"cloakroom_auth_errors_total", "", COUNTER, "Logins of memcached's kind that failed.", "auth_errors", 1},
    /* Connections and the process. */
    {"cloakroom_connections", "", GAUGE, "Connections that are open.", "curr_connections", 1},
    {"cloakroom_connections_limit", "", GAUGE, "The limit of -c.", "max_connections", 1},
    {"cloakroom_connections_total", "", COUNTER, "Connections that were accepted.", "total_connections", 1},
    {"cloakroom_connections_rejected_total", "", COUNTER, "Connections over the limit.",
     "rejected_connections", 1},
    {"cloakroom_received_bytes_total", "", COUNTER, "Bytes received from clients.", "bytes_read", 1},
    {"cloakroom_sent_bytes_total", "", COUNTER, "Bytes sent to clients.", "bytes_written", 1},
    {"cloakroom_cpu_seconds_total", "{mode=\"user\"}", COUNTER, "Processor time.", "rusage_user", 1},
    {"cloakroom_cpu_seconds_total", "{mode=\"system\"}", COUNTER, "", "rusage_system", 1},
    {"cloakroom_uptime_seconds", "", GAUGE, "Since the start.", "uptime", 1},
    {"cloakroom_threads", "", GAUGE, "Worker threads.", "threads", 1},
};

const size_t metrics_n = sizeof metrics_rows / sizeof *metrics_rows;
_Static_assert(sizeof metrics_rows / sizeof *metrics_rows <= METRICS_MAX, "METRICS_MAX holds them all");
