/* cloakroom help: all commands, or one. */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

/* Where option_print_help() begins its prose, too. */
enum { HELP_COLUMN = 26 };

void command_print_help(const struct command *command)
{
    const char *blank = command->arguments[0] != '\0' ? " " : "";
    printf("cloakroom %s%s%s%s: %s\n", command->name, command->options.n > 0 ? " [options]" : "", blank,
           command->arguments, command->summary);
    if (command->help[0] != '\0')
        printf("\n%s", command->help);
    if (command->options.n > 0) {
        printf("\nOptions, beside those of all commands (`cloakroom help`):\n");
        option_print_help(command->options.rows, command->options.n, stdout);
    }
}

static void print_commands(void)
{
    size_t n;
    const struct command *const *all = command_all(&n);
    for (size_t i = 0; i < n; i++) {
        const char *blank = all[i]->arguments[0] != '\0' ? " " : "";
        int len = printf("%s%s%s", all[i]->name, blank, all[i]->arguments);
        printf("%*s%s\n", len < HELP_COLUMN ? HELP_COLUMN - len : 1, "", all[i]->summary);
    }
}

static void print_all(void)
{
    printf("cloakroom [options] command: asks and administers a cloakroomd, or another memcached server\n\n"
           "Commands; `cloakroom help COMMAND` tells the options of each:\n");
    print_commands();
    printf("\nOptions of all, anywhere on the line:\n");
    option_print_help(options_common.rows, options_common.n, stdout);
    printf("\nUnless told by --server, the server is that of the environment's " COMMAND_SERVER_ENVIRONMENT
           ",\nor else the local one: " COMMAND_SERVER_SOCKET ", or " COMMAND_SERVER_DEFAULT ".\n\n"
           "Exit codes, the same of all commands:\n");
    for (int i = 0; i < NOUTCOMES; i++)
        printf("%d  %s\n", i, command_outcome_text((enum outcome)i));
}

static enum outcome run(const struct call *call)
{
    char complaint[OPTION_ERROR_MAX];
    if (call->nargs == 0) {
        print_all();
        return OUTCOME_OK;
    }
    const struct command *command = command_find(call->args[0]);
    if (command == NULL) {
        command_put_unknown(call->args[0], complaint, sizeof complaint);
        command_complain("%s", complaint);
        return OUTCOME_USAGE;
    }
    command_print_help(command);
    return OUTCOME_OK;
}

const struct command command_help = {.name = "help",
                                     .arguments = "[command]",
                                     .summary = "list the commands and options, or describe one command",
                                     .help = "",
                                     .nargs_max = 1,
                                     .run = run};
