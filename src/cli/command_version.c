/* cloakroom version: of the tool, and of the server. */
#include "cli/command.h"
#include "base/version.h"
#include "cli/table.h"

#include <stdio.h>

enum outcome command_ask_version(struct client *client, struct bytes *ret_version)
{
    struct bytes begin = bytes_of("VERSION ");
    struct bytes line;
    enum outcome outcome = command_ask_words(client, (const char *[]){"version"}, 1, &line);
    if (outcome != OUTCOME_OK)
        return outcome;
    if (!bytes_starts_with(line, begin))
        return command_refuse(client, line);
    *ret_version = (struct bytes){.p = line.p + begin.len, .len = line.len - begin.len};
    return OUTCOME_OK;
}

static enum outcome run(const struct call *call)
{
    struct client client = {0};
    struct bytes version = {0};
    struct facts facts = {.json = call->options->json};
    struct cell of_tool = cell_text(bytes_of(VERSION_TEXT));
    facts_add(&facts, "tool", "tool", &of_tool);
    enum outcome outcome = command_connect(call, &client);
    if (outcome == OUTCOME_OK)
        outcome = command_ask_version(&client, &version);
    struct cell of_server = outcome == OUTCOME_OK ? cell_text(version) : (struct cell){.kind = CELL_NONE};
    facts_add(&facts, outcome == OUTCOME_OK ? "server" : NULL, "server", &of_server);
    enum err err = facts_print(&facts, stdout);
    client_close(&client);
    return err == ERR_NONE ? outcome : command_trouble(call, err);
}

const struct command command_version = {
    .name = "version",
    .arguments = "",
    .summary = "print the version of this tool and of the server",
    .help = "The tool's version needs no server. --version prints nothing else.\n",
    .run = run};
