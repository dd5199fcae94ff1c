/* cloakroom help: all commands, or one. */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

/* Where option_print_help() begins its prose, too. */
enum { HELP_COLUMN = 26 };

void command_print_help(const struct command *command)
{
    const char *blank = command->arguments[0] != '\0' ? " " : "";
    printf("cloakroom [options] %s%s%s: %s\n%s", command->name, blank, command->arguments, command->summary,
           command->help);
}

static void print_commands(void)
{
    size_t n;
    const struct command *all = command_all(&n);
    for (size_t i = 0; i < n; i++) {
        int len = printf("%s %s", all[i].name, all[i].arguments);
        printf("%*s%s\n", len < HELP_COLUMN ? HELP_COLUMN - len : 1, "", all[i].summary);
    }
}

static void print_all(const struct call *call)
{
    printf("cloakroom [options] command: asks and administers a cloakroomd, or another memcached server\n\n"
           "Commands:\n");
    print_commands();
    printf("\nOptions, anywhere on the line:\n");
    option_print_help(call->options, call->noptions, stdout);
    printf("\nA server is host:port, [v6]:port, tcp://host:port, /path/of/socket or unix:///path/of/socket.\n"
           "Unless told by --server it is that of the environment's " COMMAND_SERVER_ENVIRONMENT
           ", or else " COMMAND_SERVER_DEFAULT ".\n\n"
           "Exit codes:\n"
           "%d  done\n"
           "%d  the server said no, cannot be reached, or did not answer in time; check: damage was found\n"
           "%d  the command line was not understood; check: it could not look\n",
           OUTCOME_OK, OUTCOME_NO, OUTCOME_USAGE);
}

enum outcome command_help(const struct call *call)
{
    if (call->nargs == 0) {
        print_all(call);
        return OUTCOME_OK;
    }
    const struct command *command = command_choose(call->args[0]);
    if (command == NULL)
        return OUTCOME_USAGE;
    command_print_help(command);
    return OUTCOME_OK;
}
