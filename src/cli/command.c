/* The table of subcommands, and what they share; see command.h. */
#include "cli/command.h"
#include "base/nearest.h"
#include "cli/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    STATS_WORDS_MAX = 3,
    LINE_MAX_BYTES = 1024, /* of a request, its end included */
};

static const struct command commands[] = {
    {.name = "check",
     .arguments = "directory",
     .summary = "look through a data directory that no server has open; exit code 0 when it is sound",
     .help =
         "Reads every segment, names what is damaged by file and offset, and prints what lies there. The\n"
         "digest is the same for directories that hold the same items. With --repair damaged bytes are\n"
         "kept in a file beside the segment, NAME.seg.damaged-OFFSET, and taken out of it.\n"
         "Exit code 1: damage was found, and not repaired; 2: it could not look.\n",
     .nargs_max = 1,
     .may_repair = true,
     .run = command_check},
    {.name = "help",
     .arguments = "[command]",
     .summary = "list the commands and options, or describe one command",
     .help = "",
     .nargs_max = 1,
     .run = command_help},
    {.name = "ping",
     .arguments = "[times]",
     .summary = "measure round trips to the server; exit code 0 when it answers",
     .help = "Connects once and asks for the version so many times (5 unless told), one after the other.\n"
             "Prints how long connecting and each answer took. Ends at the first answer that is missing.\n",
     .nargs_max = 1,
     .run = command_ping},
    {.name = "stats",
     .arguments = "[group ...]",
     .summary = "print the server's figures",
     .help = "Without a group the general ones; `settings` are the options in force; `reset` sets the\n"
             "counters to zero. A memcached has more groups, such as `items` and `slabs`.\n",
     .nargs_max = STATS_WORDS_MAX,
     .run = command_stats},
    {.name = "version",
     .arguments = "",
     .summary = "print the version of this tool and of the server",
     .help = "The tool's version comes first and needs no server. --version prints nothing else.\n",
     .nargs_max = 0,
     .run = command_version},
};

enum { NCOMMANDS = sizeof commands / sizeof *commands };

const struct command *command_all(size_t *ret_n)
{
    *ret_n = NCOMMANDS;
    return commands;
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < NCOMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

const struct command *command_choose(const char *name)
{
    const struct command *command = command_find(name);
    if (command != NULL)
        return command;
    struct nearest nearest;
    nearest_init(&nearest, bytes_of(name));
    for (size_t i = 0; i < NCOMMANDS; i++)
        nearest_offer(&nearest, commands[i].name);
    if (nearest.name != NULL)
        command_complain("unknown command %.80s; did you mean %s?", name, nearest.name);
    else
        command_complain("unknown command %.80s; `cloakroom help` lists them all", name);
    return NULL;
}

void command_complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fflush(stdout); /* what was printed before the trouble stands before it */
    fputs("cloakroom: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

enum outcome command_fail(const struct client *client)
{
    command_complain("%s", client->error);
    return OUTCOME_NO;
}

enum outcome command_refuse(struct client *client, struct bytes line)
{
    if (!client_is_refusal(line)) {
        (void)client_reject(client, line);
        return command_fail(client);
    }
    char text[TABLE_CELL_MAX];
    table_clean(line, text, sizeof text);
    if (bytes_equal(line, bytes_of("ERROR")))
        command_complain("the server does not know this request (ERROR); a word is misspelt, or its version "
                         "has no such thing");
    else
        command_complain("the server refused: %s", text);
    return OUTCOME_NO;
}

enum outcome command_connect(const struct call *call, struct client *client)
{
    enum err err = client_open(client, call->server, call->limits);
    if (err == ERR_NONE)
        return OUTCOME_OK;
    command_complain("%s", client->error);
    return err == ERR_USAGE ? OUTCOME_USAGE : OUTCOME_NO;
}

/* A word that would end the line, or become two, is none. */
static bool is_word(const char *word)
{
    for (const char *p = word; *p != '\0'; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7F)
            return false;
    return word[0] != '\0';
}

enum outcome command_send_words(struct client *client, const char *const *words, size_t n)
{
    char line[LINE_MAX_BYTES];
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        size_t word_len = strlen(words[i]);
        if (!is_word(words[i]) || len + word_len + 2 > sizeof line) {
            command_complain("'%.40s' cannot be sent: it is empty, too long, or holds a blank or a control "
                             "character",
                             words[i]);
            return OUTCOME_USAGE;
        }
        memcpy(line + len, words[i], word_len);
        len += word_len;
        line[len++] = ' ';
    }
    memcpy(line + len - 1, "\r\n", 2);
    struct bytes request = {.p = line, .len = len + 1};
    return client_send(client, &request, 1) == ERR_NONE ? OUTCOME_OK : command_fail(client);
}
