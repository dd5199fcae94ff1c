/*
 * command: the tool's subcommands, one table and what each of them is given.
 *
 * Promise: the table is the dispatcher, the help, the manual page, the completion and the suggestions; a subcommand is
 * one row, which stands in a file of its own, command_<name>.c. All of them end with the same exit codes.
 * Ownership: a call borrows everything from main, for as long as it runs.
 */
#ifndef CLOAKROOM_CLI_COMMAND_H
#define CLOAKROOM_CLI_COMMAND_H

#include "cli/options.h"
#include "client/client.h"

/* Where a server is looked for when none is named, in this order. */
#define COMMAND_SERVER_ENVIRONMENT "CLOAKROOM_SERVER"
#define COMMAND_SERVER_SOCKET      "/run/cloakroom/cloakroom.sock"
#define COMMAND_SERVER_DEFAULT     "127.0.0.1:11211"

/* Exit codes, the same of all subcommands. */
#define OUTCOME_TABLE(X)                                                                                     \
    X(OUTCOME_OK, "done")                                                                                    \
    X(OUTCOME_NO,                                                                                            \
      "not found, refused by the server or by who was asked, or something was found that is not well")       \
    X(OUTCOME_USAGE, "the command line was not understood; nothing was done")                                \
    X(OUTCOME_UNREACHABLE,                                                                                   \
      "the server cannot be reached, did not answer in time, broke off, or is no memcached server")          \
    X(OUTCOME_TROUBLE,                                                                                       \
      "trouble on this machine: a file cannot be read, the output not be written, memory is short")

enum outcome {
#define OUTCOME_ENUM(name, sentence) name,
    OUTCOME_TABLE(OUTCOME_ENUM)
#undef OUTCOME_ENUM
        NOUTCOMES
};

struct command;

/* What main has made of the command line. */
struct call {
    const struct command *command;
    char *const *args; /* the words behind the command's name */
    size_t nargs;
    const char *server; /* as it was named; NULL: the local one is to be found */
    const struct options *options;
};

struct command {
    const char *name;
    const char *arguments; /* "[name ...]"; empty: it takes none */
    const char *summary;   /* one line, for the list of all */
    const char *help; /* prose that follows the summary in the command's own help; lines end with \n, and an
                              empty one begins a new paragraph */
    struct option_table options;
    size_t nargs_max;
    bool is_long; /* answers need a look at each session: they have more time */
    enum outcome (*run)(const struct call *call);
};

#define COMMAND_OPTIONS(table)                                                                               \
    {                                                                                                        \
        .rows = (table), .n = sizeof(table) / sizeof *(table)                                                \
    }

/* All of them; `ret_n` pointers. */
const struct command *const *command_all(size_t *ret_n);

/* NULL: there is none of that name. */
const struct command *command_find(const char *name);

/* Writes a line about a name that is none, with the one that was probably meant. */
void command_put_unknown(const char *name, char *to, size_t size);

/* The sentence for an exit code; static. */
const char *command_outcome_text(enum outcome outcome);

/* Prints "cloakroom: ", the text and a newline to stderr. */
void command_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, "cloakroom NAME: " before the text, and OUTCOME_USAGE. */
enum outcome command_misuse(const struct call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Complains of a lack of memory, or of what else is no server's fault: OUTCOME_TROUBLE. */
enum outcome command_trouble(const struct call *call, enum err err);

/* Connects to the call's server, or the first of those that a local one may have that is there. A failure has been
 * complained about, and is the outcome. */
enum outcome command_connect(const struct call *call, struct client *client);

/* The same; *ret_server is the address that was reached. */
enum outcome command_reach(const struct call *call, struct client *client, const char **ret_server);

/* Sends the words with blanks between them as one line. A word that the protocol cannot carry (empty, too
 * long, a blank or control character in it) is OUTCOME_USAGE. A failure has been complained about. */
enum outcome command_send_words(struct client *client, const char *const *words, size_t n);

/* Asks so, and reads the one line that answers, borrowed until the client is next used; it is no refusal. */
enum outcome command_ask_words(struct client *client, const char *const *words, size_t n,
                               struct bytes *ret_line);

/* Complains with the client's line, which a failed call has left: OUTCOME_UNREACHABLE. */
enum outcome command_fail(const struct client *client);

/* Complains about a line that is no answer to what was asked: the server's refusal, which is OUTCOME_NO, or no
 * protocol at all, which closes the client. */
enum outcome command_refuse(struct client *client, struct bytes line);

/* In command_version.c: asks for the server's version, borrowed until the client is next used. A failure has
 * been complained about. */
enum outcome command_ask_version(struct client *client, struct bytes *ret_version);

/* In command_help.c: the help of one command. */
void command_print_help(const struct command *command);

/* In manual.c: the whole manual page, cloakroom(1), in roff's man macros. */
void command_print_manual(FILE *out);

/* The rows, one file each. */
extern const struct command command_backup;
extern const struct command command_bench;
extern const struct command command_check;
extern const struct command command_completion;
extern const struct command command_count;
extern const struct command command_doctor;
extern const struct command command_events;
extern const struct command command_help;
extern const struct command command_import;
extern const struct command command_kill;
extern const struct command command_list;
extern const struct command command_ping;
extern const struct command command_restore;
extern const struct command command_show;
extern const struct command command_stats;
extern const struct command command_top;
extern const struct command command_version;

#endif
