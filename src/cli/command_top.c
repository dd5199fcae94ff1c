/* cloakroom top: what the server does now, again and again. */
#include "base/clock.h"
#include "cli/best.h"
#include "cli/figures.h"
#include "cli/human.h"
#include "cli/screen.h"
#include "cli/sessions.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

enum { LIMIT_ONCE = 10, ROWS_MAX = 1000, HEAD_LINES = 5, NS_PER_S = 1000000000, FOR_PEOPLE = 4 };

/* What is counted up, and shown as so many a second. */
static const struct {
    const char *figure;
    const char *also; /* counted with it; NULL: nothing */
    const char *name;
    const char *key;
} rates[] = {
    {"cloakroom_session_opens", NULL, "opens/s", "opens_per_s"},
    {"cloakroom_session_writes", NULL, "writes/s", "writes_per_s"},
    {"cloakroom_lock_waits", NULL, "waits/s", "waits_per_s"},
    {"cloakroom_sessions_created", NULL, "new/s", "created_per_s"},
    {"cloakroom_refused_full", "cloakroom_refused_disk", "refused/s", "refused_per_s"},
};

enum { NRATES = sizeof rates / sizeof *rates };

struct sample {
    uint64_t at_ns;
    struct figures figures;
    bool has[NRATES];
    uint64_t counted[NRATES];
    struct best waited; /* lines of sessions */
    struct best held;
};

struct top {
    const struct call *call;
    const char *server;
    struct client client;
    struct sample last;
    struct sample now;
    size_t limit; /* rows of each table */
    enum err err;
};

static uint64_t figure(const struct sample *sample, const char *name)
{
    uint64_t value = 0;
    return figures_find(&sample->figures, name, &value) ? value : 0;
}

static void sample_fini(struct sample *sample)
{
    figures_fini(&sample->figures);
    best_fini(&sample->waited);
    best_fini(&sample->held);
}

static bool take(void *arg, const struct reply *session, struct bytes line)
{
    struct top *top = arg;
    if (session->waiting > 0)
        top->err = best_add(&top->now.waited, session->waiting, line);
    if (top->err == ERR_NONE)
        top->err = best_add(&top->now.held, session->held_ms, line);
    return top->err == ERR_NONE;
}

/* The one before becomes the last. */
static enum outcome take_sample(struct top *top)
{
    const struct sessions_query query = {.held = true};
    struct sample *now = &top->now;
    sample_fini(&top->last);
    top->last = *now;
    *now = (struct sample){.waited = {.limit = ROWS_MAX}, .held = {.limit = ROWS_MAX}};
    enum outcome outcome = figures_read(top->call, &top->client, NULL, 0, &now->figures);
    now->at_ns = clock_steady_ns(&clock_system);
    for (size_t i = 0; i < NRATES; i++) {
        now->has[i] = figures_find(&now->figures, rates[i].figure, &now->counted[i]);
        now->counted[i] += rates[i].also != NULL ? figure(now, rates[i].also) : 0;
    }
    if (outcome == OUTCOME_OK)
        outcome = sessions_each(&top->client, &query, take, top);
    if (outcome == OUTCOME_OK && top->err != ERR_NONE)
        outcome = command_trouble(top->call, top->err);
    best_sort(&now->waited);
    best_sort(&now->held);
    return outcome;
}

/* CELL_NONE before there are two samples, and of a server that does not count it. */
static struct cell rate_of(const struct top *top, size_t i)
{
    const struct sample *last = &top->last;
    const struct sample *now = &top->now;
    if (!now->has[i] || !last->has[i] || now->at_ns <= last->at_ns || now->counted[i] < last->counted[i])
        return (struct cell){.kind = CELL_NONE};
    double passed_s = (double)(now->at_ns - last->at_ns) / NS_PER_S;
    return cell_real((double)(now->counted[i] - last->counted[i]) / passed_s, 0);
}

/* ---- for people ---- */

static void put_pair(FILE *out, const char *name, const struct cell *cell, bool exact)
{
    char text[CELL_MAX];
    cell_put(cell, exact, text);
    fprintf(out, "%s %-*s", name, FOR_PEOPLE + 3, text);
}

static void put_number(FILE *out, const char *name, const struct sample *sample, const char *from)
{
    struct cell cell = cell_number(CELL_NUMBER, figure(sample, from));
    put_pair(out, name, &cell, false);
}

static void put_size(const struct top *top, FILE *out, const char *name, const char *from)
{
    struct cell cell = cell_number(CELL_SIZE, figure(&top->now, from));
    put_pair(out, name, &cell, top->call->options->exact);
}

static void put_head(const struct top *top, FILE *out)
{
    const struct sample *now = &top->now;
    char clock[HUMAN_MAX];
    char up[HUMAN_MAX];
    char version[CELL_MAX];
    const char *told = figures_text(&now->figures, "version");
    human_put_time((uint64_t)time(NULL) * 1000, clock);
    human_put_seconds(figure(now, "uptime"), up);
    cell_clean(bytes_of(told != NULL ? told : "-"), version, sizeof version);
    fprintf(out, "%c%s  %s  up %s  %s\n", SCREEN_TITLE, top->server, version, up, clock);
    put_number(out, "sessions", now, "cloakroom_sessions");
    put_number(out, "held", now, "cloakroom_locks");
    put_number(out, "waiting", now, "cloakroom_lock_waiting");
    for (size_t i = 0; i < NRATES; i++) {
        struct cell rate = rate_of(top, i);
        put_pair(out, rates[i].name, &rate, false);
    }
    fputc('\n', out);
    put_size(top, out, "memory", "cloakroom_used_bytes");
    put_size(top, out, "of", "limit_maxbytes");
    put_size(top, out, "disk", "cloakroom_disk_bytes");
    put_number(out, "connections", now, "curr_connections");
    put_number(out, "of", now, "max_connections");
    fprintf(out, "%s%s\n", figure(now, "cloakroom_read_only") > 0 ? "READ-ONLY: its disk has failed  " : "",
            figure(now, "cloakroom_loading") > 0 ? "LOADING its data" : "");
}

/* Those of `from`, in columns of the lists, but with what this view is about in front. */
static enum err put_sessions(const struct top *top, FILE *out, const char *title, const struct best *from,
                             size_t limit)
{
    static const size_t order[] = {7, 6, 0, 8, 9, 4, 1, 10}; /* of sessions_columns */
    enum { N = sizeof order / sizeof *order };
    struct table_column columns[N];
    struct table table;
    enum err err = ERR_NONE;
    if (from->n == 0)
        return ERR_NONE;
    fprintf(out, "\n%c%s\n", SCREEN_TITLE, title);
    for (size_t i = 0; i < N; i++)
        columns[i] = (struct table_column){.title = sessions_columns[order[i]].title,
                                           .is_right = sessions_columns[order[i]].is_right};
    table_begin(&table, columns, N, false, top->call->options->exact, out);
    for (size_t i = 0; i < from->n && i < limit && err == ERR_NONE; i++) {
        struct cell cells[SESSIONS_NCOLUMNS];
        struct cell wanted[N];
        struct reply session;
        if (reply_parse((struct bytes){.p = from->lines[i].text, .len = from->lines[i].len}, &session) !=
            REPLY_SESSION)
            continue;
        sessions_put_cells(&session, cells);
        for (size_t k = 0; k < N; k++)
            wanted[k] = cells[order[k]];
        err = table_add(&table, wanted, PAINT_PLAIN);
    }
    table_flush(&table);
    table_end(&table);
    return err;
}

static enum err put_all(const struct top *top, FILE *out)
{
    put_head(top, out);
    enum err err = put_sessions(top, out, "Most waited for", &top->now.waited, top->limit);
    if (err == ERR_NONE)
        err = put_sessions(top, out, "Held for longest", &top->now.held, top->limit);
    if (top->now.held.n == 0)
        fputs("\nNo session is held.\n", out);
    return err;
}

/* ---- for scripts ---- */

static json_t *sessions_json(const struct best *from, size_t limit)
{
    json_t *list = json_array();
    for (size_t i = 0; i < from->n && i < limit; i++) {
        struct cell cells[SESSIONS_NCOLUMNS];
        struct reply session;
        json_t *object = json_object();
        if (reply_parse((struct bytes){.p = from->lines[i].text, .len = from->lines[i].len}, &session) ==
            REPLY_SESSION) {
            sessions_put_cells(&session, cells);
            for (size_t k = 0; k < SESSIONS_NCOLUMNS; k++)
                (void)json_object_set_new(object, sessions_columns[k].key, cell_json(&cells[k]));
        }
        (void)json_array_append_new(list, object);
    }
    return list;
}

static enum err print_json(const struct top *top)
{
    static const struct {
        const char *key;
        const char *from;
    } numbers[] = {
        {"uptime_s", "uptime"},
        {"sessions", "cloakroom_sessions"},
        {"held", "cloakroom_locks"},
        {"waiting", "cloakroom_lock_waiting"},
        {"memory", "cloakroom_used_bytes"},
        {"memory_limit", "limit_maxbytes"},
        {"disk", "cloakroom_disk_bytes"},
        {"connections", "curr_connections"},
        {"connections_limit", "max_connections"},
        {"read_only", "cloakroom_read_only"},
        {"loading", "cloakroom_loading"},
    };
    struct facts facts = {.json = true};
    struct cell server = cell_text(bytes_of(top->server));
    facts_add(&facts, NULL, "server", &server);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct cell cell = cell_number(CELL_NUMBER, figure(&top->now, numbers[i].from));
        facts_add(&facts, NULL, numbers[i].key, &cell);
    }
    for (size_t i = 0; i < NRATES; i++) {
        struct cell rate = rate_of(top, i);
        facts_add(&facts, NULL, rates[i].key, &rate);
    }
    (void)json_object_set_new(facts.object, "most_waited", sessions_json(&top->now.waited, top->limit));
    (void)json_object_set_new(facts.object, "longest_held", sessions_json(&top->now.held, top->limit));
    return facts_print(&facts, stdout);
}

/* ---- once, and again and again ---- */

static uint64_t interval_s(const struct top *top)
{
    uint64_t told_s = top->call->options->interval_s;
    return told_s > 0 ? told_s : 1;
}

/* Without marks, and without blanks at the ends of lines. */
static void print_plain(struct bytes text)
{
    size_t nblanks = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        if (c == ' ') {
            nblanks++;
        } else if (c != SCREEN_TITLE) {
            printf("%*s%c", c == '\n' ? 0 : (int)nblanks, "", c);
            nblanks = 0;
        }
    }
}

static enum outcome show_once(struct top *top)
{
    const struct timespec pause = {.tv_sec = (time_t)interval_s(top)};
    char *text = NULL;
    size_t size = 0;
    top->limit = top->call->options->limit > 0 ? top->call->options->limit : LIMIT_ONCE;
    nanosleep(&pause, NULL);
    enum outcome outcome = take_sample(top);
    if (outcome != OUTCOME_OK)
        return outcome;
    if (top->call->options->json) {
        enum err err = print_json(top);
        return err == ERR_NONE ? OUTCOME_OK : command_trouble(top->call, err);
    }
    FILE *out = open_memstream(&text, &size);
    enum err err = out != NULL ? put_all(top, out) : ERR_MEMORY;
    if (out != NULL)
        fclose(out);
    if (err == ERR_NONE)
        print_plain((struct bytes){.p = text, .len = size});
    free(text);
    return err == ERR_NONE ? OUTCOME_OK : command_trouble(top->call, err);
}

/* Both tables have half of what is left below the head, with their titles. */
static enum err draw(struct top *top, const struct screen *screen)
{
    char *text = NULL;
    size_t size = 0;
    int left = (screen->lines - HEAD_LINES) / (top->now.waited.n > 0 ? 2 : 1) - 3;
    top->limit = left > 1 ? (size_t)left : 1;
    FILE *out = open_memstream(&text, &size);
    enum err err = out != NULL ? put_all(top, out) : ERR_MEMORY;
    if (out != NULL)
        fclose(out);
    if (err == ERR_NONE)
        screen_draw(screen, (struct bytes){.p = text, .len = size});
    free(text);
    return err;
}

static enum outcome show_on(struct top *top, struct screen *screen)
{
    uint64_t interval_ns = interval_s(top) * NS_PER_S;
    uint64_t next_ns = clock_steady_ns(&clock_system) + interval_ns;
    enum outcome outcome = OUTCOME_OK;
    enum screen_event event = SCREEN_RESIZED;
    while (outcome == OUTCOME_OK && event != SCREEN_QUIT) {
        screen_measure(screen);
        enum err err = draw(top, screen);
        if (err != ERR_NONE)
            return command_trouble(top->call, err);
        event = screen_wait(next_ns);
        if (event == SCREEN_TIME) {
            outcome = take_sample(top);
            next_ns = clock_steady_ns(&clock_system) + interval_ns;
        }
    }
    return outcome;
}

static enum outcome show(struct top *top)
{
    struct screen screen;
    if (!screen_open(&screen))
        return command_misuse(top->call, "input and output must be a terminal; --once is for scripts");
    enum outcome outcome = show_on(top, &screen);
    screen_close(&screen);
    return outcome;
}

static enum outcome run(const struct call *call)
{
    struct top top = {.call = call};
    if (call->options->json && !call->options->once)
        return command_misuse(call, "--json goes with --once");
    enum outcome outcome = command_reach(call, &top.client, &top.server);
    if (outcome == OUTCOME_OK)
        outcome = take_sample(&top);
    if (outcome == OUTCOME_OK)
        outcome = call->options->once ? show_once(&top) : show(&top);
    sample_fini(&top.last);
    sample_fini(&top.now);
    client_close(&top.client);
    return outcome;
}

static const struct option_row rows[] = {
    {.name = "interval",
     .argument = "<time>",
     .help = "so long from one look to the next (default: 1s)",
     OPTION_CALL(options_take_interval)},
    {.name = "once",
     .help = "look twice, print what has changed between, and end; for scripts, also with --json",
     OPTION_FLAG(struct options, once)},
    {.name = "limit",
     .argument = "<num>",
     .help = "with --once: so many rows of each table (default: 10)",
     OPTION_NUMBER(struct options, limit, 1, ROWS_MAX)},
};

const struct command command_top = {
    .name = "top",
    .arguments = "",
    .summary = "watch what the server does: load, and the sessions that are held or waited for",
    .help =
        "How many sessions there are, how many of them requests hold and wait for; opens, writes, waits, "
        "new\n"
        "sessions and refused writes a second; memory, disk, connections. Below are the sessions that most\n"
        "requests wait for and those that have been held for longest, with who holds them, as the PHP\n"
        "extension tells: the slow pages. q ends it, exit code 0; so does Ctrl-C.\n",
    .options = COMMAND_OPTIONS(rows),
    .run = run};
