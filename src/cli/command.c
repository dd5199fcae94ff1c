/* The table of subcommands, and what they share; see command.h. */
#include "cli/command.h"
#include "base/nearest.h"
#include "cli/cell.h"
#include "cli/find.h"
#include "cli/login.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    LINE_MAX_BYTES = 1024, /* of a request, its end included */
    CONNECT_MS = 1000,
    ANSWER_MS = 1000,
    LONG_ANSWER_MS = 60 * 1000
};

/* clang-format off */ /* one a line */
static const struct command *const commands[] = {
    &command_backup,
    &command_bench,
    &command_check,
    &command_completion,
    &command_count,
    &command_doctor,
    &command_events,
    &command_help,
    &command_import,
    &command_kill,
    &command_list,
    &command_ping,
    &command_restore,
    &command_show,
    &command_stats,
    &command_top,
    &command_version,
};
/* clang-format on */

enum { NCOMMANDS = sizeof commands / sizeof *commands };

const struct command *const *command_all(size_t *ret_n)
{
    *ret_n = NCOMMANDS;
    return commands;
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < NCOMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

void command_put_unknown(const char *name, char *to, size_t size)
{
    struct nearest nearest;
    nearest_init(&nearest, bytes_of(name));
    for (size_t i = 0; i < NCOMMANDS; i++)
        nearest_offer(&nearest, commands[i]->name);
    if (nearest.name != NULL)
        snprintf(to, size, "unknown command %.80s; did you mean %s?", name, nearest.name);
    else
        snprintf(to, size, "unknown command %.80s; `cloakroom help` lists them all", name);
}

const char *command_outcome_text(enum outcome outcome)
{
    static const char *const sentences[] = {
#define OUTCOME_SENTENCE(name, sentence) [name] = sentence,
        OUTCOME_TABLE(OUTCOME_SENTENCE)
#undef OUTCOME_SENTENCE
    };
    return sentences[outcome];
}

/* ---- complaining ---- */

static void complain_v(const char *name, const char *format, va_list args)
{
    fflush(stdout); /* what was printed before the trouble stands before it */
    fprintf(stderr, "cloakroom%s%s: ", name != NULL ? " " : "", name != NULL ? name : "");
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void command_complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain_v(NULL, format, args);
    va_end(args);
}

enum outcome command_misuse(const struct call *call, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain_v(call->command->name, format, args);
    va_end(args);
    return OUTCOME_USAGE;
}

enum outcome command_trouble(const struct call *call, enum err err)
{
    command_misuse(call, "%s", err_text(err));
    return OUTCOME_TROUBLE;
}

enum outcome command_fail(const struct client *client)
{
    command_complain("%s", client->error);
    return OUTCOME_UNREACHABLE;
}

enum outcome command_refuse(struct client *client, struct bytes line)
{
    if (!client_is_refusal(line)) {
        (void)client_reject(client, line);
        return command_fail(client);
    }
    char text[CELL_MAX];
    cell_clean(line, text, sizeof text);
    if (bytes_equal(line, bytes_of("ERROR")))
        command_complain(
            "the server does not know this request (ERROR); it is no cloakroomd, or one of another version");
    else
        command_complain("the server refused: %s%s", text,
                         bytes_equal(line, bytes_of("CLIENT_ERROR unauthenticated"))
                             ? "; it wants a login, which --login reads from a file"
                             : "");
    return OUTCOME_NO;
}

/* ---- the connection ---- */

enum outcome command_reach(const struct call *call, struct client *client, const char **ret_server)
{
    uint64_t told_ms = call->options->timeout_ms;
    uint64_t answer_ms = call->command->is_long ? LONG_ANSWER_MS : ANSWER_MS;
    struct client_limits limits = {.connect_ms = (uint32_t)(told_ms > 0 ? told_ms : CONNECT_MS),
                                   .answer_ms = (uint32_t)(told_ms > 0 ? told_ms : answer_ms)};
    struct find find = {.server = call->server,
                        .socket = COMMAND_SERVER_SOCKET,
                        .address = COMMAND_SERVER_DEFAULT,
                        .limits = limits};
    char problem[LOGIN_PROBLEM_MAX];
    enum err err = find_server(&find, client);
    if (find.note[0] != '\0')
        command_complain("%s", find.note);
    if (err != ERR_NONE) {
        command_complain("%s", find.error);
        return err == ERR_USAGE ? OUTCOME_USAGE : OUTCOME_UNREACHABLE;
    }
    *ret_server = find.found;
    enum outcome outcome = login_say(client, call->options->login, problem);
    if (outcome != OUTCOME_OK)
        command_complain("%s", problem);
    return outcome;
}

enum outcome command_connect(const struct call *call, struct client *client)
{
    const char *server;
    return command_reach(call, client, &server);
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

enum outcome command_ask_words(struct client *client, const char *const *words, size_t n,
                               struct bytes *ret_line)
{
    struct bytes line;
    enum outcome outcome = command_send_words(client, words, n);
    if (outcome != OUTCOME_OK)
        return outcome;
    if (client_read_line(client, &line) != ERR_NONE)
        return command_fail(client);
    if (client_is_refusal(line))
        return command_refuse(client, line);
    if (client_finish(client) != ERR_NONE)
        return command_fail(client);
    *ret_line = line;
    return OUTCOME_OK;
}
