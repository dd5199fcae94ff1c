/* cloakroom events: what has happened to sessions. */
#include "base/num.h"
#include "cli/best.h"
#include "cli/command.h"
#include "cli/table.h"
#include "client/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    PAGE = 1000,
    POLL_MS = 500,
    LIMIT_OF_FOLLOW = 10 /* before what is new */
};

#define KINDS "created|deleted|expired|killed|succeeded|evicted|lease-broken|refused"

static const struct table_column columns[] = {
    {.title = "NUMBER", .key = "number", .is_right = true}, {.title = "TIME", .key = "time_ms", .width = 19},
    {.title = "KIND", .key = "kind", .width = 12},          {.title = "HANDLE", .key = "handle", .width = 16},
    {.title = "APPLICATION", .key = "application"},
};

enum { NCOLUMNS = sizeof columns / sizeof *columns };

/* A line such as `EV 7 1795571220231 created 0c5de1f4a7b83962 Ashop`. */
struct event {
    uint64_t number;
    uint64_t time_ms;
    struct bytes kind;
    struct bytes handle; /* - : of no one session */
    struct bytes application;
};

struct following {
    const struct call *call;
    struct client client;
    struct table table;
    struct best best; /* the last ones, where only so many are wanted */
    bool is_keeping;
    uint64_t last; /* the number of the last one that was told; 0: none yet */
    enum err err;
};

static struct bytes next_word(struct bytes *rest)
{
    const char *blank = rest->len > 0 ? memchr(rest->p, ' ', rest->len) : NULL;
    struct bytes word = {.p = rest->p, .len = blank != NULL ? (size_t)(blank - rest->p) : rest->len};
    size_t used = word.len + (blank != NULL);
    rest->p += used;
    rest->len -= used;
    return word;
}

/* Words behind it that are not known here are passed over. */
static bool parse_event(struct bytes line, struct event *ret)
{
    struct event event = {0};
    bool is_event = bytes_equal(next_word(&line), bytes_of("EV")) &&
                    num_parse_u64(next_word(&line), &event.number) &&
                    num_parse_u64(next_word(&line), &event.time_ms);
    event.kind = next_word(&line);
    event.handle = next_word(&line);
    while (line.len > 0) {
        struct bytes word = next_word(&line);
        if (word.len > 1 && word.p[0] == 'A')
            event.application = (struct bytes){.p = word.p + 1, .len = word.len - 1};
    }
    if (!is_event || event.kind.len == 0 || event.handle.len == 0)
        return false;
    *ret = event;
    return true;
}

static bool is_wanted(const struct options *options, const struct event *event)
{
    return (options->kind == NULL || bytes_equal(event->kind, bytes_of(options->kind))) &&
           (options->application == NULL || bytes_equal(event->application, bytes_of(options->application)));
}

static enum err print_event(struct following *following, const struct event *event)
{
    bool has_handle = !bytes_equal(event->handle, bytes_of("-"));
    const struct cell cells[NCOLUMNS] = {
        cell_number(CELL_NUMBER, event->number),
        cell_number(CELL_TIME, event->time_ms),
        cell_text(event->kind),
        has_handle ? cell_text(event->handle) : (struct cell){.kind = CELL_NONE},
        cell_text(event->application),
    };
    bool is_bad =
        bytes_equal(event->kind, bytes_of("refused")) || bytes_equal(event->kind, bytes_of("evicted"));
    return table_add(&following->table, cells, is_bad ? PAINT_BAD : PAINT_PLAIN);
}

/* Numbers have no gaps, so one that is skipped has been missed; but not before the first. */
static void look_for_gap(struct following *following, uint64_t number)
{
    if (following->last > 0 && number > following->last + 1) {
        table_flush(&following->table);
        command_misuse(following->call,
                       "%" PRIu64 " events were missed: more have happened than the server keeps",
                       number - following->last - 1);
    }
    following->last = number;
}

static void take_event(struct following *following, const struct event *event, struct bytes line)
{
    look_for_gap(following, event->number);
    if (!is_wanted(following->call->options, event) || following->err != ERR_NONE)
        return;
    following->err = following->is_keeping ? best_add(&following->best, event->number, line)
                                           : print_event(following, event);
}

/* To the end of a page; *ret_n events. */
static enum outcome read_page(struct following *following, uint64_t *ret_n)
{
    struct client *client = &following->client;
    struct bytes line;
    struct event event;
    struct reply reply;
    *ret_n = 0;
    while (client_read_line(client, &line) == ERR_NONE) {
        if (parse_event(line, &event)) {
            take_event(following, &event, line);
            ++*ret_n;
        } else if (reply_parse(line, &reply) == REPLY_EMPTY) {
            return client_finish(client) == ERR_NONE ? OUTCOME_OK : command_fail(client);
        } else {
            return command_refuse(client, line);
        }
    }
    return command_fail(client);
}

/* All that has happened since the last one that was told. */
static enum outcome catch_up(struct following *following)
{
    uint64_t n = PAGE;
    enum outcome outcome = OUTCOME_OK;
    while (outcome == OUTCOME_OK && n == PAGE && following->err == ERR_NONE) {
        char cursor[NUM_MAX + 2];
        snprintf(cursor, sizeof cursor, "C%" PRIu64, following->last);
        outcome = command_send_words(&following->client, (const char *[]){"se", cursor, "N1000"}, 3);
        if (outcome == OUTCOME_OK)
            outcome = read_page(following, &n);
    }
    if (outcome == OUTCOME_OK && following->err != ERR_NONE)
        outcome = command_trouble(following->call, following->err);
    return outcome;
}

/* Of what there was before, the last ones. */
static void print_kept(struct following *following)
{
    best_sort(&following->best);
    for (size_t i = following->best.n; i-- > 0 && following->err == ERR_NONE;) {
        const struct best_line *line = &following->best.lines[i];
        struct event event;
        if (parse_event((struct bytes){.p = line->text, .len = line->len}, &event))
            following->err = print_event(following, &event);
    }
    best_fini(&following->best);
    following->is_keeping = false;
}

/* Until the connection breaks, or the output: nobody reads it any more. */
static enum outcome follow(struct following *following)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    enum outcome outcome = OUTCOME_OK;
    while (outcome == OUTCOME_OK) {
        table_flush(&following->table);
        if (fflush(stdout) != 0)
            return OUTCOME_TROUBLE; /* main says so */
        nanosleep(&pause, NULL);
        outcome = catch_up(following);
    }
    return outcome;
}

static bool is_kind(const char *word)
{
    struct bytes rest = bytes_of(KINDS);
    while (rest.len > 0) {
        const char *bar = memchr(rest.p, '|', rest.len);
        size_t len = bar != NULL ? (size_t)(bar - rest.p) : rest.len;
        if (bytes_equal((struct bytes){.p = rest.p, .len = len}, bytes_of(word)))
            return true;
        rest = (struct bytes){.p = rest.p + len + (bar != NULL), .len = rest.len - len - (bar != NULL)};
    }
    return false;
}

static enum outcome run(const struct call *call)
{
    const struct options *options = call->options;
    struct following following = {.call = call};
    if (options->kind != NULL && !is_kind(options->kind))
        return command_misuse(call, "--kind %.40s: it is one of " KINDS, options->kind);
    following.best.limit = options->limit > 0 ? options->limit : options->follow ? LIMIT_OF_FOLLOW : 0;
    following.is_keeping = following.best.limit > 0;
    enum outcome outcome = command_connect(call, &following.client);
    if (outcome != OUTCOME_OK)
        return outcome;
    table_begin(&following.table, columns, NCOLUMNS, options->json, options->exact, stdout);
    outcome = catch_up(&following);
    if (outcome == OUTCOME_OK)
        print_kept(&following);
    if (outcome == OUTCOME_OK && options->follow)
        outcome = follow(&following);
    table_flush(&following.table);
    table_end(&following.table);
    best_fini(&following.best);
    client_close(&following.client);
    return outcome;
}

static const struct option_row rows[] = {
    {.letter = 'f',
     .name = "follow",
     .help = "go on with what happens, from the last 10 on, or from as many as --limit says",
     OPTION_FLAG(struct options, follow)},
    {.name = "kind", .argument = "<" KINDS ">", .help = "only these", OPTION_TEXT(struct options, kind)},
    OPTIONS_ROW_APPLICATION,
    {.name = "limit",
     .argument = "<num>",
     .help = "so many of the last ones at most",
     OPTION_NUMBER(struct options, limit, 1, 1000000)},
};

const struct command command_events = {
    .name = "events",
    .arguments = "",
    .summary = "print what has happened to sessions, and with --follow what happens",
    .help = "The server keeps the last 4096: sessions that were made, deleted as by logging out, killed, "
            "succeeded\n"
            "by another id, that have expired or were evicted, that were refused for want of room, and "
            "leases that\n"
            "broke off with their connection or went on for too long. Their numbers have no gaps; where some "
            "were\n"
            "missed, that is said on stderr. --follow ends with the connection, exit code 3, or by Ctrl-C.\n",
    .options = COMMAND_OPTIONS(rows),
    .run = run};
