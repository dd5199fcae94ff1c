/* The one table of cloakroomd's options, see settings.h; the words of -o stand in settings_words.c. */
#include "base/num.h"
#include "engine/local.h"
#include "proto/proto.h"
#include "server/settings_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_MAX = 65535 };

static enum err read_config(struct option_set *set, const char *path)
{
    return option_parse_file(set, path);
}

static enum err read_port(struct option_set *set, const char *value, uint64_t *ret, bool *ret_any)
{
    uint32_t port = 0;
    *ret_any = strcmp(value, "-1") == 0;
    if (!*ret_any && (!num_parse_u32(bytes_of(value), &port) || port > PORT_MAX))
        return option_refuse(set, "the port must be a number from 0 to %d, or -1", PORT_MAX);
    *ret = port;
    return ERR_NONE;
}

static enum err take_port(struct option_set *set, const char *value)
{
    struct settings *settings = set->target;
    settings->has_port = true;
    return read_port(set, value, &settings->port, &settings->any_port);
}

static enum err take_udp_port(struct option_set *set, const char *value)
{
    struct settings *settings = set->target;
    return read_port(set, value, &settings->udp_port, &settings->any_udp_port);
}

static enum err take_protocol(struct option_set *set, const char *value)
{
    static const char *const names[] = {
        [DIALECT_UNKNOWN] = "auto", [DIALECT_TEXT] = "ascii", [DIALECT_BINARY] = "binary"};
    struct settings *settings = set->target;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(value, names[i]) == 0) {
            settings->protocol = i;
            settings->has_protocol = true;
            return ERR_NONE;
        }
    }
    return option_refuse(set, "give auto, ascii or binary");
}

/* What stands before the delimiter is shown: it must not be a piece of a session's id. */
static enum err take_delimiter(struct option_set *set, const char *value)
{
    unsigned char c = (unsigned char)value[0];
    if (value[0] == '\0' || value[1] != '\0')
        return option_refuse(set, "give the one character that ends a prefix, such as :");
    if (isalnum(c) || c == '-' || c == ',')
        return option_refuse(set,
                             "session ids have letters, digits, - and , in them, and a piece of one would be "
                             "shown; take another character");
    ((struct settings *)set->target)->delimiter = c;
    return ERR_NONE;
}

/* Memory up to 2 TiB: 64 shards of 32 GiB, which is what a place in the index can tell apart. */
enum { MEMORY_MAX_MIB = 2 << 20, THREADS_MAX = 64, LIFE_MAX_S = 10 * 366 * 24 * 60 * 60 };

#define MIB ((uint64_t)1 << 20)

static const struct option_row rows[] = {
    {.letter = 'p',
     .name = "port",
     .argument = "<num>",
     .help = "TCP port to listen on; 0: none, -1: one that the system picks (default: 11211)",
     OPTION_CALL(take_port)},
    {.letter = 'U',
     .name = "udp-port",
     .argument = "<num>",
     .help = "UDP port to serve as well, at the addresses of -l; 0: none, -1: one that the system picks. "
             "Answers to "
             "other machines are shorter than what was asked (default: 0)",
     OPTION_CALL(take_udp_port)},
    {.letter = 's',
     .name = "unix-socket",
     .argument = "<file>",
     .help = "unix socket to listen on; without -l it is the only one",
     OPTION_TEXT(struct settings, socket_path)},
    {.letter = 'a',
     .name = "unix-mask",
     .argument = "<mask>",
     .help = "access mode of the unix socket, in octal",
     OPTION_MODE(struct settings, socket_mode),
     .fallback = "700"},
    {.letter = 'A',
     .name = "enable-shutdown",
     .help = "the commands shutdown and shutdown graceful end the server",
     OPTION_FLAG(struct settings, allow_shutdown)},
    {.letter = 'l',
     .name = "listen",
     .argument = "<addr>",
     .help = "address to listen on, also as addr:port, [v6]:port or a list with commas; may be given "
             "again; readonly: or noadmin: in front narrows what is allowed there, notls: is for -Z "
             "(default: 127.0.0.1)",
     OPTION_LIST(struct settings, listen)},
    {.letter = 'Z',
     .name = "enable-ssl",
     .help = "TLS on TCP, but where notls: stands in front of the address; needs -o ssl_chain_cert",
     OPTION_FLAG(struct settings, tls)},
    {.letter = 'Y',
     .name = "auth-file",
     .argument = "<file>",
     .help = "who connects has to log in, as a user of this file of user:password lines",
     OPTION_TEXT(struct settings, auth_file)},
    {.letter = 'S',
     .name = "enable-sasl",
     .help = "log in by SASL, in the binary protocol; without -Y the file is the one that "
             "MEMCACHED_SASL_PWDB names, "
             "and text is not served",
     OPTION_FLAG(struct settings, sasl)},
    {.letter = 'd',
     .name = "daemon",
     .help = "run in the background",
     OPTION_FLAG(struct settings, daemonize)},
    {.letter = 'r',
     .name = "enable-coredumps",
     .help = "lift the limit of core files",
     OPTION_FLAG(struct settings, core_dumps)},
    {.letter = 'u',
     .name = "user",
     .argument = "<user>",
     .help = "the user to become, when started as root",
     OPTION_TEXT(struct settings, user)},
    {.letter = 'm',
     .name = "memory-limit",
     .argument = "<num>",
     .help = "memory for items and index, in megabytes",
     OPTION_NUMBER(struct settings, memory_mib, 2, MEMORY_MAX_MIB),
     .unit = "megabytes",
     .fallback = "64"},
    {.letter = 'M',
     .name = "disable-evictions",
     .help = "refuse cache items too when memory is full",
     OPTION_FLAG(struct settings, no_evict)},
    {.name = "evict-sessions",
     .help = "when memory is full drop live sessions, oldest first, as memcached does",
     OPTION_FLAG(struct settings, evict_sessions)},
    {.name = "session-prefix",
     .argument = "<prefix>[=<name>]",
     .help = "keys that begin so are sessions, never dropped to make room; may be given again. Each is an "
             "application of its own, called by that name, or by the prefix without the mark at its end",
     OPTION_LIST(struct settings, session_prefixes),
     .fallback = KEYCLASS_DEFAULT_PREFIX},
    {.name = "bare-sessions",
     .help = "a key of 22 or more letters, digits, - and , alone is a session of php-memcache, also before "
             "its lock "
             "is asked for",
     OPTION_FLAG(struct settings, bare_sessions)},
    {.letter = 'X',
     .name = "disable-dumping",
     .help = "refuse lru_crawler metadump and mgdump, and stats cachedump, which list the keys of all cache "
             "items, and sessions as handles",
     OPTION_FLAG(struct settings, no_dumps)},
    {.letter = 'W',
     .name = "disable-watch",
     .help = "refuse watch, which shows the keys of cache items as they are used, and sessions as handles",
     OPTION_FLAG(struct settings, no_watch)},
    {.name = "data",
     .argument = "<dir>",
     .help =
         "keep all on disk, too, in this directory, which is made if it is not there: a restart, or a crash, "
         "loses nothing",
     OPTION_TEXT(struct settings, data)},
    {.name = "sync",
     .argument = "<when>",
     .help = "with --data, when what was written is safe from a power cut: always (before it is answered), "
             "interval, none (when the system gets to it)",
     OPTION_TEXT(struct settings, sync),
     .fallback = "interval"},
    {.name = "sync-interval-ms",
     .argument = "<num>",
     .help = "the interval of --sync interval, in milliseconds",
     OPTION_NUMBER(struct settings, sync_interval_ms, 10, 3600000),
     .unit = "milliseconds",
     .fallback = "1000"},
    {.name = "id-key",
     .argument = "<file>",
     .help = "the key that session ids are hashed with, 64 hex digits, instead of the one in the directory "
             "of --data",
     OPTION_TEXT(struct settings, id_key)},
    {.name = "former-id-key",
     .argument = "<file>",
     .help =
         "the one before that: what was stored with it is still found, so that a new key logs nobody out; "
         "without it the file key.former in the directory of --data, if there is one",
     OPTION_TEXT(struct settings, former_id_key)},
    {.name = "first-life",
     .argument = "<s>",
     .help = "a session lives at most so long until it is written a second time, so that one-hit visitors do "
             "not pile up; 0: as long as its writer says. Magento's handler has 600",
     OPTION_NUMBER(struct settings, first_life_s, 0, LIFE_MAX_S),
     .unit = "seconds",
     .fallback = "0"},
    {.name = "bot-life",
     .argument = "<s>",
     .help = "the session of a bot lives at most so long; who is one is told by the writer; 0: as long as "
             "its writer says. Magento's handler has 7200",
     OPTION_NUMBER(struct settings, bot_life_s, 0, LIFE_MAX_S),
     .unit = "seconds",
     .fallback = "0"},
    {.name = "absolute-life",
     .argument = "<s>",
     .help = "a session ends so long after its creation, however much it is used; 0: never",
     OPTION_NUMBER(struct settings, absolute_life_s, 0, LIFE_MAX_S),
     .unit = "seconds",
     .fallback = "0"},
    {.name = "lock-wait",
     .argument = "<ms>",
     .help =
         "how long who asks for the lock of a session that another holds waits for it (php-memcached: add); "
         "0: nobody waits, all are told at once and poll, as with memcached",
     OPTION_NUMBER(struct settings, lock_wait_ms, 0, 60000),
     .unit = "milliseconds",
     .fallback = "2000"},
    {.name = "lock-wait-incr",
     .argument = "<ms>",
     .help = "the same for php-memcache, which asks by incr and waits no longer than its timeout",
     OPTION_NUMBER(struct settings, lock_wait_incr_ms, 1, 60000),
     .unit = "milliseconds",
     .fallback = "400"},
    {.name = "max-waiters",
     .argument = "<num>",
     .help = "how many wait for one session; the next is told at once",
     OPTION_NUMBER(struct settings, max_waiters, 1, 100000),
     .fallback = "128"},
    {.name = "http",
     .argument = "<addr:port>",
     .help = "where operators are served over HTTP: health, metrics, the API and the dashboard; also "
             "[v6]:port, or the "
             "name of a unix socket, which begins with / or .; port 0: one that the system picks; notls: in "
             "front is "
             "for -Z; off: nowhere (default: 127.0.0.1:11280, and if that is taken or there is no place for "
             "a token, "
             "nowhere)",
     OPTION_TEXT(struct settings, http)},
    {.name = "http-host",
     .argument = "<name>",
     .help = "a name under which HTTP is asked for (Host), beside the address of --http and those of "
             "loopback; may be "
             "given again",
     OPTION_LIST(struct settings, http_hosts)},
    {.name = "http-token-file",
     .argument = "<file>",
     .help = "the secret that lets operators in, made at the first start, and beside it FILE-reader, which "
             "lets in to "
             "look only (default: http-token in the directory of --data, or else of $RUNTIME_DIRECTORY)",
     OPTION_TEXT(struct settings, http_token_file)},
    {.name = "http-cert",
     .argument = "<file>",
     .help = "TLS for HTTP: the certificate and what signed it, PEM (default: with -Z, its own)",
     OPTION_TEXT(struct settings, http_cert)},
    {.name = "http-key",
     .argument = "<file>",
     .help = "its key, PEM, if that is not in the same file",
     OPTION_TEXT(struct settings, http_key)},
    {.letter = 'c',
     .name = "conn-limit",
     .argument = "<num>",
     .help = "connections at the same time",
     OPTION_NUMBER(struct settings, max_connections, 1, 1000000),
     .fallback = "1024"},
    {.letter = 'b',
     .name = "listen-backlog",
     .argument = "<num>",
     .help = "connections that wait to be accepted",
     OPTION_NUMBER(struct settings, backlog, 1, 65535),
     .fallback = "1024"},
    {.letter = 'R',
     .name = "max-reqs-per-event",
     .argument = "<num>",
     .help = "requests of one connection before the others of its thread have their turn",
     OPTION_NUMBER(struct settings, requests_per_turn, 1, UINT32_MAX),
     .fallback = "256"},
    {.letter = 'k',
     .name = "lock-memory",
     .help = "lock all memory, so that nothing is swapped out; if that is not permitted it is said, and goes "
             "on without",
     OPTION_FLAG(struct settings, lock_memory)},
    {.letter = 'C',
     .name = "disable-cas",
     .help = "show a cas of 0, and let no cas match; it saves no memory here",
     OPTION_FLAG(struct settings, no_cas)},
    {.letter = 'B',
     .name = "protocol",
     .argument = "<name>",
     .help = "auto, ascii or binary (default: auto, told by the first byte)",
     OPTION_CALL(take_protocol)},
    {.letter = 'D',
     .argument = "<char>",
     .help = "count commands by the prefix of their keys, which this character ends: stats detail (default: "
             ":, and off until stats detail on)",
     OPTION_CALL(take_delimiter)},
    {.letter = 'F',
     .name = "disable-flush-all",
     .help = "refuse flush_all",
     OPTION_FLAG(struct settings, forbid_flush)},
    {.letter = 'I',
     .name = "max-item-size",
     .argument = "<size>",
     .help = "the largest value, plain or with k or m, at most half of -m",
     OPTION_SIZE(struct settings, value_max, 1024, 1024 * MIB),
     .fallback = "1m"},
    {.letter = 't',
     .name = "threads",
     .argument = "<num>",
     .help = "worker threads",
     OPTION_NUMBER(struct settings, nthreads, 1, THREADS_MAX),
     .fallback = "4"},
    {.letter = 'P',
     .name = "pidfile",
     .argument = "<file>",
     .help = "write the process id there",
     OPTION_TEXT(struct settings, pid_file)},
    {.name = "logfile", .argument = "<file>", .help = NULL, OPTION_IGNORED("messages go to stderr")},
    {.name = "config",
     .argument = "<file>",
     .help = "read options from a file such as memcached.conf, as if they stood here",
     OPTION_CALL(read_config)},
    {.letter = 'o',
     .name = "extended",
     .argument = "<words>",
     .help = "words with commas between them, each as name or name=value; what is ignored is so with no_ "
             "before it, too:",
     OPTION_WORDS(&settings_words)},
    {.letter = 'e',
     .name = "memory-file",
     .argument = "<file>",
     OPTION_IGNORED("--data keeps the items over a restart, and over a crash")},
    {.letter = 'f', .name = "slab-growth-factor", .argument = "<num>", OPTION_IGNORED("there are no slabs")},
    {.letter = 'n', .name = "slab-min-size", .argument = "<bytes>", OPTION_IGNORED("there are no slabs")},
    {.letter = 'L',
     .name = "enable-largepages",
     OPTION_IGNORED("large pages are used where the system has them")},
    {.letter = 'N',
     .name = "napi_ids",
     .argument = "<num>",
     OPTION_IGNORED("a connection goes to the thread that has the fewest")},
    {.letter = 'v',
     .name = "verbose",
     .help = "say when connections are refused; -vv says when connections come and go",
     OPTION_COUNT(struct settings, verbose)},
    {.letter = 'h', .name = "help", .help = "print this and exit", OPTION_FLAG(struct settings, help)},
    {.letter = 'i',
     .name = "license",
     .help = "print the license and exit",
     OPTION_FLAG(struct settings, license)},
    {.letter = 'V',
     .name = "version",
     .help = "print the version and exit",
     OPTION_FLAG(struct settings, version)},
    {.name = "manual",
     .help = "print the manual page and exit; to read it: cloakroomd --manual | man -l -",
     OPTION_FLAG(struct settings, manual)},
};

const struct option_table settings_rows = {.rows = rows, .n = sizeof rows / sizeof *rows};
