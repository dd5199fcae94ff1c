/* cloakroom show: one session. */
#include "base/clock.h"
#include "cli/sessions.h"

struct showing {
    const struct options *options;
    bool is_found;
    enum err err;
};

/* When it was and will be, by the clock of this machine; for people. */
static void add_times(struct facts *facts, const struct reply *session)
{
    uint64_t now_s = (uint64_t)clock_wall_s(&clock_system);
    struct cell created = cell_number(CELL_TIME, (now_s - session->age_s) * 1000);
    struct cell used = cell_number(CELL_TIME, (now_s - session->idle_s) * 1000);
    struct cell ends = cell_number(CELL_TIME, (now_s + (uint64_t)session->ttl_s) * 1000);
    facts_add(facts, "made at", NULL, &created);
    facts_add(facts, "used at", NULL, &used);
    if (session->ttl_s >= 0)
        facts_add(facts, "ends at, unless used", NULL, &ends);
}

static bool take(void *arg, const struct reply *session, struct bytes line)
{
    struct showing *showing = arg;
    struct facts facts = {.json = showing->options->json, .exact = showing->options->exact};
    struct cell cells[SESSIONS_NCOLUMNS];
    (void)line;
    sessions_put_cells(session, cells);
    for (size_t i = 0; i < SESSIONS_NCOLUMNS; i++)
        facts_add(&facts, sessions_columns[i].name, sessions_columns[i].key, &cells[i]);
    add_times(&facts, session);
    showing->is_found = true;
    showing->err = facts_print(&facts, stdout);
    return true;
}

static enum outcome run(const struct call *call)
{
    struct client client = {0};
    struct showing showing = {.options = call->options};
    if (call->nargs != 1)
        return command_misuse(call, "the handle is missing; `cloakroom list` has them");
    if (!sessions_is_handle(call, call->args[0]))
        return OUTCOME_USAGE;
    const struct sessions_query query = {.handle = call->args[0]};
    enum outcome outcome = command_connect(call, &client);
    if (outcome == OUTCOME_OK)
        outcome = sessions_each(&client, &query, take, &showing);
    client_close(&client);
    if (outcome != OUTCOME_OK)
        return outcome;
    if (showing.err != ERR_NONE)
        return command_trouble(call, showing.err);
    if (showing.is_found)
        return OUTCOME_OK;
    command_misuse(call, "%s: there is no such session; it has ended, or was never there", call->args[0]);
    return OUTCOME_NO;
}

const struct command command_show = {
    .name = "show",
    .arguments = "handle",
    .summary = "show one session",
    .help = "All that is known about it but what is in it, which nobody is shown.\n",
    .nargs_max = 1,
    .run = run};
