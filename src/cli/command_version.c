/* cloakroom version: of the tool, and of the server. */
#include "cli/command.h"
#include "base/version.h"
#include "cli/table.h"

#include <stdio.h>

enum { VERSION_SHOWN_MAX = 128 };

enum outcome command_ask_version(struct client *client, struct bytes *ret_version)
{
    struct bytes begin = bytes_of("VERSION ");
    struct bytes line;
    enum outcome outcome = command_send_words(client, (const char *[]){"version"}, 1);
    if (outcome != OUTCOME_OK)
        return outcome;
    if (client_read_line(client, &line) != ERR_NONE)
        return command_fail(client);
    if (!bytes_starts_with(line, begin))
        return command_refuse(client, line);
    if (client_finish(client) != ERR_NONE)
        return command_fail(client);
    *ret_version = (struct bytes){.p = line.p + begin.len, .len = line.len - begin.len};
    return OUTCOME_OK;
}

enum outcome command_version(const struct call *call)
{
    struct client client = {0};
    struct bytes version;
    char shown[VERSION_SHOWN_MAX];
    printf("tool    %s\n", VERSION_TEXT);
    enum outcome outcome = command_connect(call, &client);
    if (outcome == OUTCOME_OK)
        outcome = command_ask_version(&client, &version);
    if (outcome == OUTCOME_OK) {
        table_clean(version, shown, sizeof shown);
        printf("server  %s\n", shown);
    }
    client_close(&client);
    return outcome;
}
