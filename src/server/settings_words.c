/* The words of -o, see settings.h. Those of memcached that have no meaning here are accepted, each with its reason. */
#include "server/settings_private.h"

static enum err no_maxconns_fast(struct option_set *set, const char *value)
{
    (void)value;
    ((struct settings *)set->target)->maxconns_waits = true;
    return ERR_NONE;
}

static enum err maxconns_fast(struct option_set *set, const char *value)
{
    (void)value;
    ((struct settings *)set->target)->maxconns_waits = false;
    return ERR_NONE;
}

static enum err no_lru_crawler(struct option_set *set, const char *value)
{
    (void)value;
    ((struct settings *)set->target)->crawler_off = true;
    return ERR_NONE;
}

static enum err lru_crawler(struct option_set *set, const char *value)
{
    (void)value;
    ((struct settings *)set->target)->crawler_off = false;
    return ERR_NONE;
}

static const char no_slabs[] = "there are no slabs: what is stored is appended to segments";
static const char no_lru[] =
    "there is no LRU: what expired, and the oldest of the cache, is dropped by segments";
static const char no_hash_table[] = "the index has one hash function, and follows -m";
static const char no_filter[] = "no system calls are forbidden to the process";

static const struct option_row rows[] = {
    {.name = "maxconns_fast",
     .help = "over the limit of -c the newest is told and closed (the default)",
     OPTION_CALL(maxconns_fast)},
    {.name = "no_maxconns_fast",
     .help = "over the limit of -c the newest waits until another has gone",
     OPTION_CALL(no_maxconns_fast)},
    {.name = "lru_crawler", .help = "lru_crawler begins enabled (the default)", OPTION_CALL(lru_crawler)},
    {.name = "no_lru_crawler",
     .help = "lru_crawler begins disabled, and dumps nothing before it is enabled",
     OPTION_CALL(no_lru_crawler)},
    {.name = "no_modern", .help = "the same, among others in memcached", OPTION_CALL(no_lru_crawler)},
    {.name = "idle_timeout",
     .argument = "<num>",
     .help = "close a connection that has neither sent nor taken anything for so many seconds; 0: never",
     OPTION_NUMBER(struct settings, idle_timeout_s, 0, UINT32_MAX / 2),
     .unit = "seconds",
     .fallback = "0"},
    {.name = "read_buf_mem_limit",
     .argument = "<num>",
     .help = "memory for requests and answers that do not fit into one turn, in megabytes; 0: a quarter of "
             "-m, 64 at "
             "least",
     OPTION_NUMBER(struct settings, buffers_mib, 0, 1 << 20),
     .unit = "megabytes",
     .fallback = "0"},
    {.name = "ssl_chain_cert",
     .argument = "<file>",
     .help = "with -Z: the server's certificate, PEM, and what signed it",
     OPTION_TEXT(struct settings, ssl_chain_cert)},
    {.name = "ssl_key",
     .argument = "<file>",
     .help = "its key, if that is not in the same file",
     OPTION_TEXT(struct settings, ssl_key)},
    {.name = "ssl_keyformat",
     .argument = "<word>",
     .help = "PEM or DER",
     OPTION_TEXT(struct settings, ssl_keyformat),
     .fallback = "PEM"},
    {.name = "ssl_ca_cert",
     .argument = "<file>",
     .help = "who signs the certificates of clients, PEM",
     OPTION_TEXT(struct settings, ssl_ca_cert)},
    {.name = "ssl_verify_mode",
     .argument = "<num>",
     .help = "certificate of the client: 0 none, 1 checked if there is one, 2 and 3 required",
     OPTION_NUMBER(struct settings, ssl_verify_mode, 0, 3),
     .fallback = "0"},
    {.name = "ssl_ciphers",
     .argument = "<list>",
     .help = "ciphers up to TLS 1.2, in OpenSSL's words",
     OPTION_TEXT(struct settings, ssl_ciphers)},
    {.name = "ssl_min_version",
     .argument = "<word>",
     .help = "tlsv1.0 to tlsv1.3, or 0 to 3",
     OPTION_TEXT(struct settings, ssl_min_version),
     .fallback = "tlsv1.2"},
    {.name = "ssl_session_cache",
     .help = "clients may resume a TLS session",
     OPTION_FLAG(struct settings, ssl_session_cache)},
    {.name = "ssl_handshake_timeout",
     .argument = "<s>",
     .help = "seconds that a TLS handshake may take",
     OPTION_NUMBER(struct settings, ssl_handshake_timeout_s, 1, 3600),
     .unit = "seconds",
     .fallback = "10"},
    {.name = "ssl_wbuf_size",
     .argument = "<size>",
     OPTION_TEXT(struct settings, ssl_wbuf_kib),
     .ignored_because = "there is no such buffer here"},
    {.name = "ssl_kernel_tls", OPTION_IGNORED("encryption is left to OpenSSL")},
    {.name = "resp_obj_mem_limit",
     .argument = "<num>",
     OPTION_IGNORED("answers count within read_buf_mem_limit")},
    {.name = "slab_*", OPTION_IGNORED(no_slabs)},
    {.name = "chunked_items", OPTION_IGNORED(no_slabs)},
    {.name = "lru_*", OPTION_IGNORED(no_lru)},
    {.name = "hot_*", OPTION_IGNORED(no_lru)},
    {.name = "warm_*", OPTION_IGNORED(no_lru)},
    {.name = "temporary_ttl", .argument = "<num>", OPTION_IGNORED(no_lru)},
    {.name = "tail_repair_time", .argument = "<num>", OPTION_IGNORED(no_lru)},
    {.name = "hash*", OPTION_IGNORED(no_hash_table)},
    {.name = "track_sizes", OPTION_IGNORED("stats slabs tells the mean size; no list of sizes is kept")},
    {.name = "modern", OPTION_IGNORED("its defaults are about slabs and LRU")},
    {.name = "inline_ascii_resp", OPTION_IGNORED("answers are composed when they are asked for")},
    {.name = "meta_response_old", OPTION_IGNORED("meta commands answer HD, as the newest memcached does")},
    {.name = "relaxed_privileges", OPTION_IGNORED(no_filter)},
    {.name = "drop_privileges", OPTION_IGNORED(no_filter)},
    {.name = "watcher_logbuf_size", .argument = "<num>", OPTION_IGNORED("its buffer has one size")},
    {.name = "worker_logbuf_size", .argument = "<num>", OPTION_IGNORED("its buffer has one size")},
    {.name = "sock_cookie_id", .argument = "<num>", OPTION_IGNORED("Linux has no such thing")},
    {.name = "ext_*", OPTION_IGNORED("there is no external storage; --data keeps everything on disk")},
};

const struct option_table settings_words = {.rows = rows, .n = sizeof rows / sizeof *rows};
