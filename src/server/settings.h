/*
 * settings: what the operator asked for, from the command line and the config file.
 *
 * Promise: one table is the parser, the help, the config file and the manual page; a mistake is one line that
 * names it and what would be accepted.
 * Ownership: settings_fini() frees what settings_parse() filled in.
 * Threads: read-only after start, but `verbose`, which the verbosity command sets.
 */
#ifndef CLOAKROOM_SERVER_SETTINGS_H
#define CLOAKROOM_SERVER_SETTINGS_H

#include "base/option.h"
#include "store/store.h"

enum { SETTINGS_PORT = 11211 };

struct settings {
    uint64_t port;
    bool any_port; /* -p -1: one that the system picks */
    bool has_port; /* -p was given */
    uint64_t udp_port;
    bool any_udp_port;
    char *socket_path;
    unsigned socket_mode;
    struct option_list listen; /* addresses as written */
    uint64_t memory_mib;
    uint64_t value_max;
    uint64_t nthreads;
    uint64_t max_connections;
    uint64_t backlog;
    uint64_t requests_per_turn;
    uint64_t idle_timeout_s; /* 0: none */
    uint64_t buffers_mib;    /* 0: a share of memory_mib */
    bool maxconns_waits;     /* over the limit the newest waits, else it is told */
    bool crawler_off;        /* at the start: see crawler.h */
    unsigned delimiter;      /* of key prefixes; 0: as -D was not given */
    bool has_protocol;       /* -B was given */
    unsigned protocol;       /* enum dialect; DIALECT_UNKNOWN: told by the first byte */
    bool allow_shutdown;
    bool forbid_flush;
    bool no_cas;
    bool lock_memory;
    bool core_dumps;
    bool license;
    unsigned verbose;
    bool daemonize;
    bool no_evict;
    bool evict_sessions;
    bool no_dumps;
    bool no_watch;
    bool help;
    bool version;
    bool manual;
    bool tls;
    char *ssl_chain_cert;
    char *ssl_key;
    char *ssl_keyformat;
    char *ssl_ca_cert;
    uint64_t ssl_verify_mode;
    char *ssl_ciphers;
    char *ssl_min_version;
    char *ssl_wbuf_kib; /* ignored, but shown */
    bool ssl_session_cache;
    uint64_t ssl_handshake_timeout_s;
    bool sasl;
    char *auth_file; /* of -Y */
    char *pid_file;
    char *user;
    struct option_list session_prefixes;
    bool bare_sessions;
    char *data; /* NULL: all is kept in memory */
    char *sync;
    uint64_t sync_interval_ms;
    char *id_key; /* NULL: none; so the next */
    char *former_id_key;
    uint64_t first_life_s; /* 0, these three: no such bound */
    uint64_t bot_life_s;
    uint64_t absolute_life_s;
    char *http; /* NULL: not asked for, so the default */
    struct option_list http_hosts;
    char *http_token_file;
    char *http_cert;
    char *http_key;
    uint64_t lock_wait_ms; /* 0: nobody waits */
    uint64_t lock_wait_incr_ms;
    uint64_t max_waiters;
};

struct settings_parser {
    struct option_set set;
    struct settings settings;
};

/* Fills parser->settings; parser->set.error has the line when refused. settings_fini() is due either way. */
enum err settings_parse(struct settings_parser *parser, int argc, char *const argv[]) ERR_MUST_CHECK;
/* What cannot be meant together, or at all, as one line that says what to do; NULL when there is no such
 * thing. */
const char *settings_contradiction(const struct settings *settings);
/* What --sync asks for; false: no such word. */
bool settings_sync(const struct settings *settings, enum store_sync *ret);
/* Is UDP to be served? */
bool settings_wants_udp(const struct settings *settings);
void settings_fini(struct settings_parser *parser);

void settings_print_help(FILE *out);
void settings_print_license(FILE *out);

/* The whole manual page, cloakroomd(8), in roff's man macros. */
void settings_print_manual(FILE *out);

#endif
