/* cloakroom stats: the server's figures, one a line. */
#include "base/num.h"
#include "cli/figures.h"
#include "cli/table.h"

#include <stdlib.h>

enum { WORDS_MAX = 3 };

/* "0.998", but not "1.6.45" nor "inf" */
static bool parse_real(const char *text, double *ret)
{
    char *end;
    size_t len = strspn(text, "0123456789.");
    if (text[len] != '\0' || text[0] < '0' || text[0] > '9')
        return false;
    *ret = strtod(text, &end);
    return *end == '\0';
}

static int digits_behind_point(const char *text)
{
    const char *point = strchr(text, '.');
    return point != NULL ? (int)strlen(point + 1) : 0;
}

/* What its name says it is. */
static enum cell_kind kind_of(const char *name)
{
    struct bytes all = bytes_of(name);
    if (bytes_ends_with(all, bytes_of("bytes")) || bytes_equal(all, bytes_of("maxbytes")))
        return CELL_SIZE;
    if (bytes_equal(all, bytes_of("uptime")))
        return CELL_SECONDS;
    return CELL_NUMBER;
}

static struct cell cell_of(const struct figure *figure)
{
    uint64_t number;
    double real;
    if (num_parse_u64(bytes_of(figure->value), &number) && number <= INT64_MAX)
        return cell_number(kind_of(figure->name), number);
    if (parse_real(figure->value, &real))
        return cell_real(real, digits_behind_point(figure->value));
    return cell_text(bytes_of(figure->value));
}

static enum outcome print(const struct call *call, const struct figures *figures)
{
    struct facts facts = {.json = call->options->json, .exact = call->options->exact};
    if (figures->is_reset && !facts.json)
        puts("the counters are set to zero");
    for (size_t i = 0; i < figures->n; i++) {
        const struct figure *figure = &figures->items[i];
        struct cell cell = cell_of(figure);
        facts_add(&facts, figure->name, figure->name, &cell);
    }
    enum err err = facts_print(&facts, stdout);
    return err == ERR_NONE ? OUTCOME_OK : command_trouble(call, err);
}

static enum outcome run(const struct call *call)
{
    struct client client = {0};
    struct figures figures = {0};
    enum outcome outcome = command_connect(call, &client);
    if (outcome == OUTCOME_OK)
        outcome = figures_read(call, &client, (const char *const *)call->args, call->nargs, &figures);
    if (outcome == OUTCOME_OK)
        outcome = print(call, &figures);
    figures_fini(&figures);
    client_close(&client);
    return outcome;
}

const struct command command_stats = {
    .name = "stats",
    .arguments = "[group ...]",
    .summary = "print the server's figures",
    .help =
        "Without a group the general ones; `settings` are the options in force; `items`, `slabs`, `conns`\n"
        "and `detail dump` are what they are in memcached; `reset` sets the counters to zero.\n",
    .nargs_max = WORDS_MAX,
    .run = run};
