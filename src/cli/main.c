/*
 * cloakroom: the tool. Reads the command line, finds the command, and lets it run.
 */
#include "base/version.h"
#include "cli/command_line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NULL: none is named. */
static const char *server_of(const struct options *options)
{
    const char *from_environment = getenv(COMMAND_SERVER_ENVIRONMENT);
    if (options->server != NULL)
        return options->server;
    return from_environment != NULL && from_environment[0] != '\0' ? from_environment : NULL;
}

static enum outcome run_command(const struct options *options, const struct command *command)
{
    struct call call = {.command = command, .server = server_of(options), .options = options};
    if (options->words.n > 1) {
        call.args = options->words.items + 1;
        call.nargs = options->words.n - 1;
    }
    if (call.nargs <= command->nargs_max)
        return command->run(&call);
    return command_misuse(&call, "%.80s: too many words; `cloakroom help %s` describes it",
                          call.args[command->nargs_max], command->name);
}

static enum outcome run(const struct command_line *line)
{
    const struct options *options = &line->options;
    if (options->manual) {
        command_print_manual(stdout);
        return OUTCOME_OK;
    }
    if (options->version) {
        printf("cloakroom %s\n", VERSION_TEXT);
        return OUTCOME_OK;
    }
    if (line->command != NULL && !options->help)
        return run_command(options, line->command);
    if (line->command == NULL && options->help)
        return run_command(options, &command_help);
    if (line->command == NULL) {
        command_complain("a command is missing; `cloakroom help` lists them");
        return OUTCOME_USAGE;
    }
    command_print_help(line->command);
    return OUTCOME_OK;
}

/* What was printed may still be on its way; a script must not take half of it for all. */
static enum outcome finish_output(enum outcome outcome)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return outcome;
    command_complain("the output cannot be written: %s", strerror(errno));
    return outcome == OUTCOME_OK ? OUTCOME_TROUBLE : outcome;
}

int main(int argc, char *argv[])
{
    struct command_line line;
    enum outcome outcome;
    enum err err = command_line_parse(&line, argc, argv);
    if (err == ERR_NONE) {
        outcome = run(&line);
    } else {
        outcome = err == ERR_USAGE ? OUTCOME_USAGE : OUTCOME_TROUBLE;
        command_complain("%s", line.error);
    }
    command_line_fini(&line);
    return (int)finish_output(outcome);
}
