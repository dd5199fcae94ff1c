/* stats settings: what the operator asked for, see stats_private.h. */
#include "server/stats_private.h"
#include "base/num.h"
#include "engine/keyclass.h"

#include <stdio.h>
#include <string.h>

enum { PREFIXES_MAX = 512 }; /* bytes of their list; what is beyond is left out */

static const char *yes_no(bool is_so)
{
    return is_so ? "yes" : "no";
}

static void put_place(struct conn *conn, const struct settings *settings)
{
    struct engine_stats stats;
    engine_read_stats(server_engine(conn->worker->server), &stats);
    const char *interfaces = settings->socket_path != NULL ? "NULL" : "127.0.0.1";
    stats_put_u64(conn, "maxbytes", stats.store.limit_bytes);
    stats_put_u64(conn, "maxconns", settings->max_connections);
    stats_put_u64(conn, "tcpport", settings->port);
    stats_put_u64(conn, "udpport", settings->udp_port);
    stats_put(conn, "inter", "%s", settings->listen.n > 0 ? settings->listen.items[0] : interfaces);
    stats_put_u64(conn, "verbosity", __atomic_load_n(&settings->verbose, __ATOMIC_RELAXED));
    stats_put_u64(conn, "oldest", 0);
    stats_put(conn, "evictions", "%s", settings->no_evict ? "off" : "on");
    stats_put(conn, "evict_sessions", "%s", yes_no(settings->evict_sessions));
    stats_put(conn, "domain_socket", "%s", settings->socket_path != NULL ? settings->socket_path : "NULL");
    stats_put(conn, "umask", "%o", settings->socket_mode);
    stats_put(conn, "shutdown_command", "%s", yes_no(settings->allow_shutdown));
    stats_put_u64(conn, "num_threads", settings->nthreads);
    stats_put_u64(conn, "num_threads_per_udp", 1);
}

static size_t put_word(char *to, const char *comma, struct bytes word)
{
    return (size_t)sprintf(to, "%s%.*s", comma, (int)word.len, word.len > 0 ? word.p : "");
}

/* What decides how long sessions live, and which keys are some: `cloakroom doctor` compares it with PHP's settings. */
static void put_sessions(struct conn *conn, const struct settings *settings)
{
    char prefixes[PREFIXES_MAX] = "";
    char applications[PREFIXES_MAX] = ""; /* that they belong to, in the same order */
    size_t prefixes_len = 0;
    size_t applications_len = 0;
    for (size_t i = 0; i < settings->session_prefixes.n; i++) {
        struct keyclass_prefix session;
        if (!keyclass_read(settings->session_prefixes.items[i], &session))
            continue;
        if (prefixes_len + session.prefix.len + 2 > sizeof prefixes ||
            applications_len + session.application.len + 2 > sizeof applications)
            break;
        const char *comma = i > 0 ? "," : "";
        prefixes_len += put_word(prefixes + prefixes_len, comma, session.prefix);
        applications_len += put_word(applications + applications_len, comma, session.application);
    }
    stats_put(conn, "session_prefixes", "%s", prefixes);
    stats_put(conn, "session_applications", "%s", applications);
    stats_put_u64(conn, "first_life", settings->first_life_s);
    stats_put_u64(conn, "bot_life", settings->bot_life_s);
    stats_put_u64(conn, "absolute_life", settings->absolute_life_s);
}

static const char *word_or_null(const char *word)
{
    return word != NULL ? word : "NULL";
}

/* Numbers as OpenSSL has them, and a buffer that is not there, as memcached's tools read them. */
static void put_access(struct conn *conn, const struct settings *settings)
{
    enum { SSL_FILETYPE_PEM = 1, SSL_FILETYPE_ASN1 = 2, WBUF_KIB = 16 };
    uint32_t wbuf_kib = WBUF_KIB;
    if (settings->ssl_wbuf_kib != NULL)
        (void)num_parse_u32(bytes_of(settings->ssl_wbuf_kib), &wbuf_kib);
    stats_put(conn, "auth_enabled_sasl", "%s", yes_no(settings->sasl));
    stats_put(conn, "auth_enabled_ascii", "%s", settings->auth_file != NULL ? settings->auth_file : "no");
    stats_put(conn, "ssl_enabled", "%s", yes_no(settings->tls));
    stats_put(conn, "ssl_chain_cert", "%s", word_or_null(settings->ssl_chain_cert));
    stats_put(conn, "ssl_key", "%s", word_or_null(settings->ssl_key));
    stats_put_u64(conn, "ssl_verify_mode", settings->ssl_verify_mode);
    bool is_pem = strcmp(settings->ssl_keyformat, "PEM") == 0;
    stats_put_u64(conn, "ssl_keyformat", is_pem ? SSL_FILETYPE_PEM : SSL_FILETYPE_ASN1);
    stats_put(conn, "ssl_ciphers", "%s", word_or_null(settings->ssl_ciphers));
    stats_put(conn, "ssl_ca_cert", "%s", word_or_null(settings->ssl_ca_cert));
    stats_put_u64(conn, "ssl_wbuf_size", (uint64_t)wbuf_kib << 10);
    stats_put(conn, "ssl_kernel_tls", "no");
    stats_put(conn, "ssl_session_cache", "%s", yes_no(settings->ssl_session_cache));
    stats_put(conn, "ssl_min_version", "%s", settings->ssl_min_version);
    stats_put_u64(conn, "ssl_handshake_timeout", settings->ssl_handshake_timeout_s);
}

static void put_behaviour(struct conn *conn, const struct settings *settings)
{
    static const char *const protocols[] = {
        [DIALECT_UNKNOWN] = "auto-negotiate", [DIALECT_TEXT] = "ascii", [DIALECT_BINARY] = "binary"};
    stats_put(conn, "stat_key_prefix", "%c", settings->delimiter != 0 ? (char)settings->delimiter : ':');
    stats_put(conn, "detail_enabled", "%s", yes_no(prefix_is_on(&conn->worker->server->prefixes)));
    stats_put_u64(conn, "reqs_per_event", settings->requests_per_turn);
    stats_put(conn, "cas_enabled", "%s", yes_no(!settings->no_cas));
    stats_put_u64(conn, "tcp_backlog", settings->backlog);
    stats_put(conn, "binding_protocol", "%s", protocols[settings->protocol]);
    stats_put_u64(conn, "item_size_max", settings->value_max);
    stats_put(conn, "maxconns_fast", "%s", yes_no(!settings->maxconns_waits));
    stats_put(conn, "flush_enabled", "%s", yes_no(!settings->forbid_flush));
    stats_put(conn, "dump_enabled", "%s", yes_no(!settings->no_dumps));
    stats_put_u64(conn, "idle_timeout", settings->idle_timeout_s);
    stats_put_u64(conn, "read_buf_mem_limit", settings->buffers_mib << 20);
    stats_put(conn, "hash_algorithm", "xxh3");
}

/* As it was told, see crawler.h. */
static void put_crawler(struct conn *conn)
{
    const struct crawler *crawler = &conn->worker->server->crawler;
    stats_put(conn, "lru_crawler", "%s", yes_no(!__atomic_load_n(&crawler->is_off, __ATOMIC_RELAXED)));
    stats_put_u64(conn, "lru_crawler_sleep", __atomic_load_n(&crawler->sleep_us, __ATOMIC_RELAXED));
    stats_put_u64(conn, "lru_crawler_tocrawl", __atomic_load_n(&crawler->tocrawl, __ATOMIC_RELAXED));
}

/* Of slabs, the LRU and the hash table. */
static void put_what_is_not_there(struct conn *conn)
{
    static const char *const zeros[] = {
        "chunk_size",
        "growth_factor",
        "hashpower_init",
        "slab_automove",
        "slab_automove_ratio",
        "slab_automove_window",
        "slab_automove_freeratio",
        "slab_chunk_max",
        "tail_repair_time",
        "hot_lru_pct",
        "warm_lru_pct",
        "hot_max_factor",
        "warm_max_factor",
        "temporary_ttl",
        "watcher_logbuf_size",
        "worker_logbuf_size",
    };
    static const char *const nos[] = {"slab_reassign", "lru_maintainer_thread", "lru_segmented",
                                      "temp_lru",      "track_sizes",           "inline_ascii_response"};
    stats_put_zeros(conn, zeros, sizeof zeros / sizeof *zeros);
    for (size_t i = 0; i < sizeof nos / sizeof *nos; i++)
        stats_put(conn, nos[i], "no");
    stats_put(conn, "num_napi_ids", "(null)");
    stats_put(conn, "memory_file", "(null)");
}

void stats_run_settings(struct conn *conn)
{
    const struct settings *settings = conn->worker->server->settings;
    put_place(conn, settings);
    put_sessions(conn, settings);
    put_behaviour(conn, settings);
    put_crawler(conn);
    put_access(conn, settings);
    put_what_is_not_there(conn);
    stats_put_end(conn);
}
