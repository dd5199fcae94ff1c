/*
 * command: the tool's subcommands, one table and what each of them is given.
 *
 * Promise: the table is the dispatcher, the help and the suggestions; a subcommand is one row there and one
 * file, command_<name>.c. All of them end with the same three codes.
 * Ownership: a call borrows everything from main, for as long as it runs.
 */
#ifndef CLOAKROOM_CLI_COMMAND_H
#define CLOAKROOM_CLI_COMMAND_H

#include "base/option.h"
#include "client/client.h"

#define COMMAND_SERVER_DEFAULT     "127.0.0.1:11211"
#define COMMAND_SERVER_ENVIRONMENT "CLOAKROOM_SERVER"

/* Exit codes. */
enum outcome {
    OUTCOME_OK = 0,
    /* The server said no, cannot be reached or spoke nonsense; output cannot be written; `check` found damage. */
    OUTCOME_NO = 1,
    /* The command line was not understood, nothing was done; `check` could not look. */
    OUTCOME_USAGE = 2
};

struct command;

/* What main has made of the command line. */
struct call {
    const struct command *command;
    char *const *args; /* the words behind the command's name */
    size_t nargs;
    const char *server;
    struct client_limits limits;
    bool repair;                      /* only where the command may */
    const struct option_row *options; /* of the tool, for its help */
    size_t noptions;
};

struct command {
    const char *name;
    const char *arguments; /* "[name ...]"; empty: it takes none */
    const char *summary;   /* one line, for the list of all */
    const char *help;      /* prose that follows the summary in the command's own help; lines end with \n */
    size_t nargs_max;
    bool may_repair; /* takes --repair */
    enum outcome (*run)(const struct call *call);
};

/* The table; `ret_n` rows. */
const struct command *command_all(size_t *ret_n);

/* NULL: there is none of that name. */
const struct command *command_find(const char *name);

/* The same, which complains when there is none, with the name that was probably meant. */
const struct command *command_choose(const char *name);

/* Prints "cloakroom: ", the text and a newline to stderr. */
void command_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Connects to the call's server; a failure has been complained about, and is the outcome. */
enum outcome command_connect(const struct call *call, struct client *client);

/* Sends the words with blanks between them as one line. A word that the protocol cannot carry (empty, too
 * long, a blank or control character in it) is OUTCOME_USAGE. A failure has been complained about. */
enum outcome command_send_words(struct client *client, const char *const *words, size_t n);

/* Complains with the client's line, which a failed call has left. */
enum outcome command_fail(const struct client *client);

/* Complains about a line that is no answer to what was asked: the server's refusal, or no protocol at all,
 * which closes the client. */
enum outcome command_refuse(struct client *client, struct bytes line);

/* In command_version.c: asks for the server's version, borrowed until the client is next used. A failure has
 * been complained about. */
enum outcome command_ask_version(struct client *client, struct bytes *ret_version);

/* The rows' functions, one file each. */
enum outcome command_check(const struct call *call);
enum outcome command_help(const struct call *call);
enum outcome command_ping(const struct call *call);
enum outcome command_stats(const struct call *call);
enum outcome command_version(const struct call *call);

/* In command_help.c: the help of one command. */
void command_print_help(const struct command *command);

#endif
