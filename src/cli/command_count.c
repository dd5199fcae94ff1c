/* cloakroom count: how many sessions there are. */
#include "cli/progress.h"
#include "cli/sessions.h"

struct counting {
    const struct options *options;
    struct progress progress;
    uint64_t nseen;
    uint64_t n;
};

static bool take(void *arg, const struct reply *session, struct bytes line)
{
    struct counting *counting = arg;
    (void)line;
    progress_tell(&counting->progress, ++counting->nseen);
    counting->n += sessions_match(counting->options, session);
    return true;
}

static enum outcome count(const struct call *call, struct client *client, uint64_t *ret_n)
{
    struct sessions_query query;
    struct counting counting = {.options = call->options};
    char room[SESSIONS_APPLICATION_MAX];
    enum outcome outcome = sessions_query_of(call, client, room, &query);
    if (outcome != OUTCOME_OK)
        return outcome;
    if (!sessions_must_look(call->options))
        return sessions_count(client, &query, ret_n);
    outcome = sessions_begin_progress(&counting.progress, client, &query, true);
    if (outcome == OUTCOME_OK)
        outcome = sessions_each(client, &query, take, &counting);
    progress_end(&counting.progress);
    *ret_n = counting.n;
    return outcome;
}

static enum outcome run(const struct call *call)
{
    struct client client = {0};
    uint64_t n = 0;
    enum outcome outcome = command_connect(call, &client);
    if (outcome == OUTCOME_OK)
        outcome = count(call, &client, &n);
    client_close(&client);
    if (outcome != OUTCOME_OK)
        return outcome;
    if (call->options->json)
        printf("{\"sessions\":%llu}\n", (unsigned long long)n);
    else
        printf("%llu\n", (unsigned long long)n);
    return OUTCOME_OK;
}

static const struct option_row rows[] = {
    OPTIONS_ROW_TAG,  OPTIONS_ROW_APPLICATION, OPTIONS_ROW_PREFIX, OPTIONS_ROW_OLDER,
    OPTIONS_ROW_IDLE, OPTIONS_ROW_LARGER,      OPTIONS_ROW_HELD,
};

const struct command command_count = {
    .name = "count",
    .arguments = "",
    .summary = "print how many sessions there are",
    .help =
        "Of all applications, unless one is named. With --older, --idle, --larger or --held each session is\n"
        "looked at, which takes a second or two for a million.\n",
    .options = COMMAND_OPTIONS(rows),
    .is_long = true,
    .run = run};
