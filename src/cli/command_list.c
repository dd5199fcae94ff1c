/* cloakroom list: sessions, by their handles. */
#include "cli/best.h"
#include "cli/sessions.h"

#include <string.h>

struct listing {
    const struct call *call;
    struct table table;
    struct best best; /* with --sort: lines, to be printed at the end */
    struct progress progress;
    uint64_t nseen;
    uint64_t nshown;
    enum err err;
};

/* What --sort may name, as its row says. */
static bool read_key(const char *name, const struct reply *session, uint64_t *ret)
{
    const struct {
        const char *name;
        uint64_t key;
    } keys[] = {
        {"age", session->age_s},
        {"idle", session->idle_s},
        {"left", (uint64_t)session->ttl_s}, /* -1, for ever, is the most */
        {"size", session->size},
        {"waiting", session->waiting},
        {"held", session->held_ms},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcmp(keys[i].name, name) == 0) {
            *ret = keys[i].key;
            return true;
        }
    }
    return false;
}

static void print_session(struct listing *listing, const struct reply *session)
{
    struct cell cells[SESSIONS_NCOLUMNS];
    sessions_put_cells(session, cells);
    listing->err = table_add(&listing->table, cells, sessions_paint(session));
    listing->nshown++;
}

static void keep_session(struct listing *listing, const struct reply *session, struct bytes line)
{
    const struct options *options = listing->call->options;
    uint64_t key = 0;
    (void)read_key(options->sort, session, &key);
    listing->err = best_add(&listing->best, options->reverse ? ~key : key, line);
}

static bool take(void *arg, const struct reply *session, struct bytes line)
{
    struct listing *listing = arg;
    const struct options *options = listing->call->options;
    progress_tell(&listing->progress, ++listing->nseen);
    if (!sessions_match(options, session))
        return true;
    if (options->sort != NULL)
        keep_session(listing, session, line);
    else
        print_session(listing, session);
    bool is_full = options->sort == NULL && options->limit > 0 && listing->nshown == options->limit;
    return listing->err == ERR_NONE && !is_full;
}

static void print_best(struct listing *listing)
{
    best_sort(&listing->best);
    for (size_t i = 0; i < listing->best.n && listing->err == ERR_NONE; i++) {
        const struct best_line *line = &listing->best.lines[i];
        struct reply session;
        if (reply_parse((struct bytes){.p = line->text, .len = line->len}, &session) == REPLY_SESSION)
            print_session(listing, &session);
    }
}

static enum outcome list(struct listing *listing, struct client *client)
{
    const struct options *options = listing->call->options;
    struct sessions_query query;
    char room[SESSIONS_APPLICATION_MAX];
    enum outcome outcome = sessions_query_of(listing->call, client, room, &query);
    if (outcome == OUTCOME_OK)
        outcome = sessions_begin_progress(&listing->progress, client, &query, options->sort != NULL);
    if (outcome == OUTCOME_OK)
        outcome = sessions_each(client, &query, take, listing);
    progress_end(&listing->progress);
    if (outcome == OUTCOME_OK && options->sort != NULL)
        print_best(listing);
    if (outcome == OUTCOME_OK && listing->err != ERR_NONE)
        outcome = command_trouble(listing->call, listing->err);
    return outcome;
}

static enum outcome run(const struct call *call)
{
    const struct options *options = call->options;
    struct table_column columns[SESSIONS_NCOLUMNS];
    struct listing listing = {.call = call, .best = {.limit = options->limit}};
    struct client client = {0};
    uint64_t key;
    if (options->sort != NULL && !read_key(options->sort, &(struct reply){0}, &key))
        return command_misuse(call, "--sort %.40s: it is one of age, idle, left, size, waiting, held",
                              options->sort);
    if (options->reverse && options->sort == NULL)
        return command_misuse(call, "--reverse means nothing without --sort");
    for (size_t i = 0; i < SESSIONS_NCOLUMNS; i++)
        columns[i] = (struct table_column){.title = sessions_columns[i].title,
                                           .key = sessions_columns[i].key,
                                           .is_right = sessions_columns[i].is_right};
    enum outcome outcome = command_connect(call, &client);
    if (outcome != OUTCOME_OK)
        return outcome;
    table_begin(&listing.table, columns, SESSIONS_NCOLUMNS, options->json, options->exact, stdout);
    outcome = list(&listing, &client);
    if (outcome == OUTCOME_OK || listing.nshown > 0)
        table_flush(&listing.table);
    table_end(&listing.table);
    best_fini(&listing.best);
    client_close(&client);
    return outcome;
}

static const struct option_row rows[] = {
    OPTIONS_ROW_TAG,
    OPTIONS_ROW_APPLICATION,
    OPTIONS_ROW_PREFIX,
    OPTIONS_ROW_OLDER,
    OPTIONS_ROW_IDLE,
    OPTIONS_ROW_LARGER,
    OPTIONS_ROW_HELD,
    {.name = "sort",
     .argument = "<age|idle|left|size|waiting|held>",
     .help = "by this, largest first; all are kept in memory, some 200 bytes each, or with --limit so many",
     OPTION_TEXT(struct options, sort)},
    {.name = "reverse", .help = "with --sort: smallest first", OPTION_FLAG(struct options, reverse)},
    {.name = "limit",
     .argument = "<num>",
     .help = "so many at most",
     OPTION_NUMBER(struct options, limit, 1, 1000000000)},
};

const struct command command_list = {
    .name = "list",
    .arguments = "",
    .summary = "list sessions",
    .help =
        "One a line, in no order unless --sort names one: its handle, which `show` and `kill` take and "
        "which\n"
        "logs nobody in; for how long it has been there, has not been used, and may still be left unused;\n"
        "how many requests wait for it, for how long one has held it, and what that one says it is; its\n"
        "application and its tags. Those that are waited for are coloured.\n"
        "\n"
        "Sessions that are there from the beginning to the end of the list are in it, rarely twice; those "
        "that\n"
        "come or go meanwhile may be.\n"
        "\n"
        "    cloakroom list --held --sort waiting --limit 10\n"
        "    cloakroom list --idle 7d --json | jq -r .handle | xargs -r cloakroom kill --yes\n",
    .options = COMMAND_OPTIONS(rows),
    .is_long = true,
    .run = run};
