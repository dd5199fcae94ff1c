/* The options of all subcommands, see options.h. */
#include "cli/options.h"
#include "cli/human.h"

enum { TIMEOUT_MAX_MS = 60 * 60 * 1000, INTERVAL_MAX_S = 60 * 60 };

static const struct option_row rows[] = {
    {.letter = 's',
     .name = "server",
     .argument = "<addr>",
     .help = "the server to ask: host:port, [v6]:port, tls://host:port?ca=FILE, a socket's path, or unix:// "
             "and that",
     OPTION_TEXT(struct options, server)},
    {.name = "login",
     .argument = "<file>",
     .help = "log in as its first line says, user:password, where the server asks for it (-Y)",
     OPTION_TEXT(struct options, login)},
    {.letter = 't',
     .name = "timeout-ms",
     .argument = "<num>",
     .help = "how long to wait for the connection, and for each answer (default: 1000; for answers that "
             "need a look at each session 60000)",
     OPTION_NUMBER(struct options, timeout_ms, 0, TIMEOUT_MAX_MS)},
    {.letter = 'j',
     .name = "json",
     .help = "print JSON, one object; of lists one object a line. Numbers are exact, in the unit at the "
             "end of their name",
     OPTION_FLAG(struct options, json)},
    {.letter = 'b',
     .name = "bytes",
     .help = "print sizes in bytes, not with K, M or G behind them",
     OPTION_FLAG(struct options, exact)},
    {.letter = 'h',
     .name = "help",
     .help = "describe the command, or list all, and exit",
     OPTION_FLAG(struct options, help)},
    {.letter = 'V',
     .name = "version",
     .help = "print the version of this tool and exit",
     OPTION_FLAG(struct options, version)},
    {.name = "manual",
     .help = "print the manual page, for man(1), and exit",
     OPTION_FLAG(struct options, manual)},
};

const struct option_table options_common = {.rows = rows, .n = sizeof rows / sizeof *rows};

enum err options_take_duration(struct option_set *set, const char *value, uint64_t *ret_s)
{
    if (human_parse_duration(bytes_of(value), ret_s))
        return ERR_NONE;
    return option_refuse(set,
                         "a time is a number of seconds, or one with s, m, h or d behind it, such as 15m");
}

enum err options_take_older(struct option_set *set, const char *value)
{
    struct options *options = set->target;
    return options_take_duration(set, value, &options->older_s);
}

enum err options_take_idle(struct option_set *set, const char *value)
{
    struct options *options = set->target;
    return options_take_duration(set, value, &options->idle_s);
}

enum err options_take_interval(struct option_set *set, const char *value)
{
    struct options *options = set->target;
    enum err err = options_take_duration(set, value, &options->interval_s);
    if (err == ERR_NONE && (options->interval_s < 1 || options->interval_s > INTERVAL_MAX_S))
        return option_refuse(set, "it must be 1 s to 1 h");
    return err;
}
