/*
 * options: what may be asked for on the command line, of all subcommands together.
 *
 * Promise: an option means the same wherever it is taken. Which of them a subcommand takes is in its row, see command.h;
 * those of a subcommand may stand behind its name alone, those of all anywhere.
 * Ownership: texts and lists belong to the option set that parsed them.
 */
#ifndef CLOAKROOM_CLI_OPTIONS_H
#define CLOAKROOM_CLI_OPTIONS_H

#include "base/option.h"

struct options {
    /* of all */
    char *server;
    char *login;         /* the name of a file */
    uint64_t timeout_ms; /* 0: as the subcommand has it */
    bool json;
    bool exact; /* --bytes */
    bool help;
    bool version;
    bool manual;
    struct option_list words; /* the subcommand and its arguments */

    /* which sessions */
    char *tag;
    char *application;
    char *prefix; /* of keys, as the server's --session-prefix; of an import's source: NULL is the default */
    uint64_t older_s; /* 0, these three: all */
    uint64_t idle_s;
    uint64_t larger;
    bool held;
    char *sort;
    bool reverse;
    uint64_t limit; /* 0: no limit */

    /* others, of one each */
    bool yes;
    bool repair;
    bool without_key;
    bool follow;
    char *kind;
    bool once;
    uint64_t interval_s;

    /* of bench */
    uint64_t seconds;
    uint64_t clients;
    uint64_t sessions;
    uint64_t size;
    char *against;

    /* doctor */
    char *root;
    char *php;
    char *report;
    bool compare;
    bool ids;

    /* import */
    uint64_t lifetime_s; /* 0: the source's default */
    char *password_file;
    uint64_t db;
    bool overwrite;
    bool dry_run;
};

/* The rows of the options of all subcommands. */
extern const struct option_table options_common;

/* For rows' calls: a duration such as 90, 15m or 7d to *ret_s. */
enum err options_take_duration(struct option_set *set, const char *value, uint64_t *ret_s);

/* The rows by which several subcommands choose sessions. */
#define OPTIONS_ROW_TAG                                                                                      \
    {                                                                                                        \
        .name = "tag", .argument = "<tag>",                                                                  \
        .help = "only sessions that have this tag: those of --application, or else of the default one",      \
        OPTION_TEXT(struct options, tag)                                                                     \
    }
#define OPTIONS_ROW_APPLICATION                                                                              \
    {                                                                                                        \
        .name = "application", .argument = "<name>",                                                         \
        .help = "only sessions of this application, as the server's --session-prefix names it; '' names "    \
                "the default one",                                                                           \
        OPTION_TEXT(struct options, application)                                                             \
    }
#define OPTIONS_ROW_PREFIX                                                                                   \
    {                                                                                                        \
        .name = "prefix", .argument = "<prefix>",                                                            \
        .help = "the same by one of the server's --session-prefix, as it stands before the ids",             \
        OPTION_TEXT(struct options, prefix)                                                                  \
    }
#define OPTIONS_ROW_OLDER                                                                                    \
    {                                                                                                        \
        .name = "older", .argument = "<time>",                                                               \
        .help = "only sessions made so long ago, or longer: seconds, or a number with s, m, h or d behind "  \
                "it",                                                                                        \
        OPTION_CALL(options_take_older)                                                                      \
    }
#define OPTIONS_ROW_IDLE                                                                                     \
    {                                                                                                        \
        .name = "idle", .argument = "<time>",                                                                \
        .help = "only sessions that nobody has used for so long, or longer", OPTION_CALL(options_take_idle)  \
    }
#define OPTIONS_ROW_LARGER                                                                                   \
    {                                                                                                        \
        .name = "larger", .argument = "<size>",                                                              \
        .help = "only sessions that take so many bytes, or more; k, m or g may stand behind the number",     \
        OPTION_SIZE(struct options, larger, 0, 0)                                                            \
    }
#define OPTIONS_ROW_HELD                                                                                     \
    {                                                                                                        \
        .name = "held", .help = "only sessions that a request holds now, and perhaps others wait for",       \
        OPTION_FLAG(struct options, held)                                                                    \
    }

enum err options_take_interval(struct option_set *set, const char *value);
enum err options_take_older(struct option_set *set, const char *value);
enum err options_take_idle(struct option_set *set, const char *value);

#endif
