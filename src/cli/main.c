/*
 * cloakroom: the tool. Reads the command line, finds the command, and lets it run.
 */
#include "cli/command.h"
#include "base/version.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MAX_MS = 10 * 60 * 1000 };

struct settings {
    char *server;
    uint64_t timeout_ms;
    bool repair;
    bool help;
    bool version;
    struct option_list words; /* the command and its arguments */
};

static const struct option_row rows[] = {
    {.letter = 's',
     .name = "server",
     .argument = "<addr>",
     .help = "the server to ask",
     OPTION_TEXT(struct settings, server)},
    {.letter = 't',
     .name = "timeout-ms",
     .argument = "<num>",
     .help = "how long to wait for the connection, and for each answer",
     OPTION_NUMBER(struct settings, timeout_ms, 1, TIMEOUT_MAX_MS),
     .fallback = "1000"},
    {.name = "repair",
     .help = "with check: take damaged bytes out, and keep them in files of their own",
     OPTION_FLAG(struct settings, repair)},
    {.letter = 'h',
     .name = "help",
     .help = "describe the command, or list all, and exit",
     OPTION_FLAG(struct settings, help)},
    {.letter = 'V',
     .name = "version",
     .help = "print the version of this tool and exit",
     OPTION_FLAG(struct settings, version)},
    {.argument = "command ...", .help = "one of the commands", OPTION_LIST(struct settings, words)},
};

enum { NROWS = sizeof rows / sizeof *rows };

static const char *server_of(const struct settings *settings)
{
    const char *from_environment = getenv(COMMAND_SERVER_ENVIRONMENT);
    if (settings->server != NULL)
        return settings->server;
    if (from_environment != NULL && from_environment[0] != '\0')
        return from_environment;
    return COMMAND_SERVER_DEFAULT;
}

static enum outcome run_command(const struct settings *settings, const struct command *command)
{
    struct call call = {
        .command = command,
        .server = server_of(settings),
        .limits = {.connect_ms = (uint32_t)settings->timeout_ms, .answer_ms = (uint32_t)settings->timeout_ms},
        .repair = settings->repair,
        .options = rows,
        .noptions = NROWS - 1};
    if (settings->words.n > 1) {
        call.args = settings->words.items + 1;
        call.nargs = settings->words.n - 1;
    }
    if (settings->repair && !command->may_repair) {
        command_complain("%s: --repair is for check alone", command->name);
        return OUTCOME_USAGE;
    }
    if (call.nargs <= command->nargs_max)
        return command->run(&call);
    command_complain("%s %.80s: too many words; `cloakroom help %s` describes it", command->name,
                     call.args[command->nargs_max], command->name);
    return OUTCOME_USAGE;
}

static enum outcome run(const struct settings *settings)
{
    if (settings->version) {
        printf("cloakroom %s\n", VERSION_TEXT);
        return OUTCOME_OK;
    }
    if (settings->words.n == 0 && settings->help)
        return run_command(settings, command_find("help"));
    if (settings->words.n == 0) {
        command_complain("a command is missing; `cloakroom help` lists them");
        return OUTCOME_USAGE;
    }
    const struct command *command = command_choose(settings->words.items[0]);
    if (command == NULL)
        return OUTCOME_USAGE;
    if (!settings->help)
        return run_command(settings, command);
    command_print_help(command);
    return OUTCOME_OK;
}

/* What was printed may still be on its way; a script must not take half of it for all. */
static enum outcome finish_output(enum outcome outcome)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return outcome;
    command_complain("the output cannot be written: %s", strerror(errno));
    return outcome == OUTCOME_OK ? OUTCOME_NO : outcome;
}

int main(int argc, char *argv[])
{
    struct settings settings;
    struct option_set set;
    enum outcome outcome;
    enum err err = option_init(&set, rows, NROWS, &settings);
    if (err == ERR_NONE)
        err = option_parse_args(&set, argc, argv);
    if (err == ERR_NONE) {
        outcome = run(&settings);
    } else {
        outcome = err == ERR_USAGE ? OUTCOME_USAGE : OUTCOME_NO;
        command_complain("%s", set.error);
    }
    option_fini(&set);
    return (int)finish_output(outcome);
}
