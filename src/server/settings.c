/* The one table of cloakroomd's options, see settings.h. */
#include "server/settings.h"
#include "base/version.h"
#include "engine/local.h"

static enum err read_config(struct option_set *set, const char *path)
{
    return option_parse_file(set, path);
}

/* Memory up to 2 TiB: 64 shards of 32 GiB, which is what a place in the index can tell apart. */
enum { PORT_MAX = 65535, MEMORY_MAX_MIB = 2 << 20, THREADS_MAX = 64 };

#define MIB ((uint64_t)1 << 20)

static const struct option_row rows[] = {
    {.letter = 'p',
     .name = "port",
     .argument = "<num>",
     .help = "TCP port to listen on; 0: none",
     OPTION_NUMBER(struct settings, port, 0, PORT_MAX),
     .fallback = "11211"},
    {.letter = 'U',
     .name = "udp-port",
     .argument = "<num>",
     .help = "UDP port; only 0, off: UDP is not served yet",
     OPTION_NUMBER(struct settings, udp_port, 0, 0 + PORT_MAX),
     .fallback = "0"},
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
    {.letter = 'l',
     .name = "listen",
     .argument = "<addr>",
     .help = "address to listen on, also as addr:port, [v6]:port or a list with commas; may be given "
             "again; readonly: or noadmin: in front narrows what is allowed there (default: 127.0.0.1)",
     OPTION_LIST(struct settings, listen)},
    {.letter = 'd',
     .name = "daemon",
     .help = "run in the background",
     OPTION_FLAG(struct settings, daemonize)},
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
     .fallback = "64"},
    {.letter = 'M',
     .name = "disable-evictions",
     .help = "refuse cache items too when memory is full",
     OPTION_FLAG(struct settings, no_evict)},
    {.name = "evict-sessions",
     .help = "when memory is full drop live sessions, oldest first, as memcached does",
     OPTION_FLAG(struct settings, evict_sessions)},
    {.name = "session-prefix",
     .argument = "<prefix>",
     .help = "keys that begin so are sessions, never dropped to make room; may be given again",
     OPTION_LIST(struct settings, session_prefixes),
     .fallback = KEYCLASS_DEFAULT_PREFIX},
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
     .fallback = "1000"},
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
    {.letter = 'I',
     .name = "max-item-size",
     .argument = "<size>",
     .help = "the largest value, plain or with k or m",
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
    {.letter = 'v',
     .name = "verbose",
     .help = "say when connections are refused; -vv says when connections come and go",
     OPTION_COUNT(struct settings, verbose)},
    {.letter = 'h', .name = "help", .help = "print this and exit", OPTION_FLAG(struct settings, help)},
    {.letter = 'V',
     .name = "version",
     .help = "print the version and exit",
     OPTION_FLAG(struct settings, version)},
    {.name = "manual",
     .help = "print the manual page and exit; to read it: cloakroomd --manual | man -l -",
     OPTION_FLAG(struct settings, manual)},
};

enum { NROWS = sizeof rows / sizeof *rows };

enum err settings_parse(struct settings_parser *parser, int argc, char *const argv[])
{
    enum err err = option_init(&parser->set, rows, NROWS, &parser->settings);
    return err == ERR_NONE ? option_parse_args(&parser->set, argc, argv) : err;
}

const char *settings_contradiction(const struct settings *settings)
{
    if (settings->udp_port != 0)
        return "-U: UDP is not served; leave it out or give -U 0";
    if (settings->no_evict && settings->evict_sessions)
        return "-M forbids what --evict-sessions asks for; give one of them";
    enum store_sync sync;
    if (!settings_sync(settings, &sync))
        return "--sync: give always, interval or none";
    if (settings->data != NULL && settings->data[0] == '\0')
        return "--data: give the name of a directory";
    for (size_t i = 0; i < settings->session_prefixes.n; i++) {
        if (settings->session_prefixes.items[i][0] == '\0')
            return "--session-prefix: an empty one would make every key a session; give the beginning of the "
                   "sessions' keys";
    }
    return NULL;
}

bool settings_sync(const struct settings *settings, enum store_sync *ret)
{
    static const char *const words[] = {
        [STORE_SYNC_INTERVAL] = "interval", [STORE_SYNC_ALWAYS] = "always", [STORE_SYNC_NONE] = "none"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(settings->sync, words[i]) == 0) {
            *ret = (enum store_sync)i;
            return true;
        }
    }
    return false;
}

void settings_fini(struct settings_parser *parser)
{
    option_fini(&parser->set);
}

void settings_print_help(FILE *out)
{
    option_print_help(rows, NROWS, out);
}

/* What stands around the section that the table makes. */
static const char manual_head[] =
    ".TH CLOAKROOMD 8 \"\" \"cloakroomd " VERSION_TEXT "\" \"System administration\"\n"
    ".SH NAME\n"
    "cloakroomd \\- keeps web sessions, speaks the memcached protocol\n"
    ".SH SYNOPSIS\n"
    ".B cloakroomd\n"
    "[\\fIoption\\fR ...]\n"
    ".SH DESCRIPTION\n"
    "cloakroomd stands in the place of\n"
    ".BR memcached (1)\n"
    "where PHP keeps its sessions in it. A session that was stored is not dropped to make room for another;\n"
    "when memory is full, cache items go, and then new sessions are refused. With\n"
    ".B \\-\\-data\n"
    "all is on disk, too, and comes back after a restart or a crash; without it, what it holds ends with "
    "the\n"
    "process.\n"
    ".PP\n"
    "It stays in the foreground and says on standard error when it is ready, and at what addresses.\n"
    "What it cannot do it says there in one line and ends with status 1.\n";

static const char manual_tail[] =
    ".SH CONFIGURATION FILE\n"
    "The file of\n"
    ".B \\-\\-config\n"
    "has the same options as the command line, one or more in a line.\n"
    "# begins a comment; a value with blanks goes between quotes; a first word without dashes is the long\n"
    "name of an option. What comes later counts, but lists grow.\n"
    ".SH SIGNALS\n"
    ".TP\n"
    ".BR SIGTERM \", \" SIGINT\n"
    "close all connections, remove the pid file and the socket file where that is allowed, and end with\n"
    "status 0.\n"
    ".TP\n"
    ".B SIGHUP\n"
    "is ignored.\n"
    ".SH EXAMPLE\n"
    "To keep the sessions of PHP on this machine in 512 megabytes:\n"
    ".PP\n"
    ".RS\n"
    ".nf\n"
    "cloakroomd \\-l 127.0.0.1 \\-m 512 \\-\\-data /var/lib/cloakroom\n"
    ".fi\n"
    ".RE\n"
    ".PP\n"
    "and in php.ini:\n"
    ".PP\n"
    ".RS\n"
    ".nf\n"
    "session.save_handler = memcached\n"
    "session.save_path = \"127.0.0.1:11211\"\n"
    ".fi\n"
    ".RE\n"
    ".SH SEE ALSO\n"
    ".BR memcached (1)\n";

void settings_print_manual(FILE *out)
{
    fputs(manual_head, out);
    option_print_manual(rows, NROWS, out);
    fputs(manual_tail, out);
}
