/* cloakroom kill: ends sessions. */
#include "cli/sessions.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { HANDLES_MAX = 100000 };

struct killing {
    const struct call *call;
    uint64_t nkilled;
    json_t *missing; /* NULL: not asked for, or no memory */
};

/* More than one is asked about; nobody there to be asked is told to say --yes. */
static enum outcome confirm(const struct call *call, uint64_t n, const char *which)
{
    char answer[16];
    if (call->options->yes || n <= 1)
        return OUTCOME_OK;
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
        return command_misuse(
            call, "%" PRIu64 " sessions%s would end; say --yes, as nobody can be asked here", n, which);
    fprintf(stderr, "End %" PRIu64 " sessions%s? Their users are logged out. [y/N] ", n, which);
    if (fgets(answer, sizeof answer, stdin) == NULL)
        answer[0] = '\0';
    if (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0)
        return OUTCOME_OK;
    command_misuse(call, "nothing was done");
    return OUTCOME_NO;
}

static enum outcome kill_one(struct client *client, const char *const *words, size_t n, uint64_t *ret_n)
{
    struct bytes line;
    struct reply reply;
    enum outcome outcome = command_ask_words(client, words, n, &line);
    if (outcome != OUTCOME_OK)
        return outcome;
    enum reply_code code = reply_parse(line, &reply);
    if (code != REPLY_DONE && code != REPLY_MISSING)
        return command_refuse(client, line);
    *ret_n = code == REPLY_DONE ? reply.number : 0;
    return OUTCOME_OK;
}

static enum outcome kill_handles(struct killing *killing, struct client *client)
{
    const struct call *call = killing->call;
    enum outcome outcome = OUTCOME_OK;
    bool is_missing = false;
    for (size_t i = 0; i < call->nargs && outcome == OUTCOME_OK; i++) {
        uint64_t n = 0;
        outcome = kill_one(client, (const char *[]){"sk", call->args[i], "h"}, 3, &n);
        killing->nkilled += n;
        if (outcome != OUTCOME_OK || n > 0)
            continue;
        is_missing = true;
        command_misuse(call, "%s: there is no such session", call->args[i]);
        if (killing->missing != NULL)
            (void)json_array_append_new(killing->missing, json_string(call->args[i]));
    }
    return outcome == OUTCOME_OK && is_missing ? OUTCOME_NO : outcome;
}

static enum outcome kill_tagged(struct killing *killing, struct client *client)
{
    const struct options *options = killing->call->options;
    const struct sessions_query query = {.tag = options->tag, .application = options->application};
    char which[160];
    char application[80];
    uint64_t n;
    enum outcome outcome = sessions_count(client, &query, &n);
    if (outcome != OUTCOME_OK)
        return outcome;
    snprintf(which, sizeof which, " that have the tag %.64s", options->tag);
    outcome = confirm(killing->call, n, which);
    if (outcome != OUTCOME_OK)
        return outcome;
    snprintf(application, sizeof application, "A%.64s",
             options->application != NULL ? options->application : "");
    size_t nwords = options->application != NULL ? 4 : 3;
    outcome =
        kill_one(client, (const char *[]){"sk", options->tag, "g", application}, nwords, &killing->nkilled);
    if (outcome == OUTCOME_OK && killing->nkilled == 0) {
        command_misuse(killing->call, "no session has the tag %.64s", options->tag);
        return OUTCOME_NO;
    }
    return outcome;
}

/* Also when it did not come to its end: those are dead. */
static enum outcome report(const struct killing *killing, enum outcome outcome)
{
    struct facts facts = {.json = killing->call->options->json};
    struct cell n = cell_number(CELL_NUMBER, killing->nkilled);
    if (!facts.json && killing->nkilled > 0)
        printf("%" PRIu64 " session%s ended\n", killing->nkilled, killing->nkilled == 1 ? "" : "s");
    if (!facts.json || (killing->nkilled == 0 && outcome != OUTCOME_OK && outcome != OUTCOME_NO))
        return outcome;
    facts_add(&facts, NULL, "killed", &n);
    if (killing->missing != NULL)
        (void)json_object_set(facts.object, "missing", killing->missing);
    enum err err = facts_print(&facts, stdout);
    return err == ERR_NONE ? outcome : command_trouble(killing->call, err);
}

static enum outcome check_words(const struct call *call)
{
    if ((call->nargs > 0) == (call->options->tag != NULL))
        return command_misuse(call, "%s; `cloakroom help kill` describes it",
                              call->nargs > 0 ? "handles and a tag do not go together"
                                              : "which? Name handles, or a tag by --tag");
    if (call->nargs > 0 && call->options->application != NULL)
        return command_misuse(call, "--application is for --tag; a handle is of one application anyway");
    for (size_t i = 0; i < call->nargs; i++)
        if (!sessions_is_handle(call, call->args[i]))
            return OUTCOME_USAGE;
    return OUTCOME_OK;
}

static enum outcome run(const struct call *call)
{
    struct client client = {0};
    struct killing killing = {.call = call};
    enum outcome outcome = check_words(call);
    if (outcome == OUTCOME_OK && call->nargs > 0)
        outcome = confirm(call, call->nargs, "");
    if (outcome == OUTCOME_OK)
        outcome = command_connect(call, &client);
    if (outcome != OUTCOME_OK)
        return outcome;
    if (call->options->json)
        killing.missing = json_array();
    outcome = call->nargs > 0 ? kill_handles(&killing, &client) : kill_tagged(&killing, &client);
    client_close(&client);
    outcome = report(&killing, outcome);
    json_decref(killing.missing);
    return outcome;
}

static const struct option_row rows[] = {
    OPTIONS_ROW_TAG,
    OPTIONS_ROW_APPLICATION,
    {.letter = 'y', .name = "yes", .help = "do not ask", OPTION_FLAG(struct options, yes)},
};

const struct command command_kill = {
    .name = "kill",
    .arguments = "[handle ...]",
    .summary = "end sessions, by their handles or by a tag; their users are logged out",
    .help =
        "Prints how many have ended. What was ended stays so: a request that still has the session open "
        "cannot\n"
        "write it any more. More than one is asked about first, unless --yes; where nobody can be asked,\n"
        "nothing is done without it. Exit code 1: one of the handles, or the tag, was not there; the others\n"
        "have ended.\n"
        "\n"
        "    cloakroom kill 99469aaa180902bc\n"
        "    cloakroom kill --tag user:42 --yes\n",
    .options = COMMAND_OPTIONS(rows),
    .nargs_max = HANDLES_MAX,
    .is_long = true,
    .run = run};
