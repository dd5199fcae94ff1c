/* Asking a server for lists of sessions, see sessions.h. */
#include "cli/sessions.h"
#include "cli/figures.h"

#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 8, WORD_MAX = 640, CURSOR_MAX = 128, PAGE = 1000 };

/* A request in the making. */
struct words {
    char texts[WORDS_MAX][WORD_MAX];
    const char *items[WORDS_MAX];
    size_t n;
};

/* Cut off when it is too long; it is refused then by what it lacks, or by the server. */
static void add(struct words *words, const char *letter, const char *text)
{
    char *to = words->texts[words->n];
    snprintf(to, WORD_MAX, "%s%s", letter, text);
    words->items[words->n++] = to;
}

static void add_query(struct words *words, const struct sessions_query *query)
{
    if (query->application != NULL)
        add(words, "A", query->application);
    if (query->tag != NULL)
        add(words, "G", query->tag);
    if (query->handle != NULL)
        add(words, "h", query->handle);
    if (query->held)
        add(words, "w", "");
}

static enum outcome ask_page(struct client *client, const struct sessions_query *query, const char *cursor)
{
    struct words words = {.n = 0};
    char page[16];
    snprintf(page, sizeof page, "%d", PAGE);
    add(&words, "sl", "");
    add_query(&words, query);
    add(&words, "N", page);
    if (cursor[0] != '\0')
        add(&words, "C", cursor);
    return command_send_words(client, words.items, words.n);
}

/* To the end of a page. *ret_cursor is empty when that was all, *ret_enough true when `take` wants no more. */
static enum outcome read_page(struct client *client, sessions_take *take, void *arg, char *ret_cursor,
                              bool *ret_enough)
{
    struct bytes line;
    struct reply reply;
    while (client_read_line(client, &line) == ERR_NONE) {
        switch (reply_parse(line, &reply)) {
        case REPLY_SESSION:
            if (!take(arg, &reply, line)) {
                *ret_enough = true;
                return OUTCOME_OK;
            }
            break;
        case REPLY_EMPTY:
            if (reply.cursor.len >= CURSOR_MAX)
                return command_refuse(client, line);
            memcpy(ret_cursor, reply.cursor.len > 0 ? reply.cursor.p : "", reply.cursor.len);
            ret_cursor[reply.cursor.len] = '\0';
            return client_finish(client) == ERR_NONE ? OUTCOME_OK : command_fail(client);
        default:
            return command_refuse(client, line);
        }
    }
    return command_fail(client);
}

enum outcome sessions_each(struct client *client, const struct sessions_query *query, sessions_take *take,
                           void *arg)
{
    char cursor[CURSOR_MAX] = "";
    bool is_enough = false;
    enum outcome outcome;
    do {
        outcome = ask_page(client, query, cursor);
        if (outcome == OUTCOME_OK)
            outcome = read_page(client, take, arg, cursor, &is_enough);
    } while (outcome == OUTCOME_OK && !is_enough && cursor[0] != '\0');
    return outcome;
}

/* The next of a list with commas; false: there is none left. */
static bool next_word(struct bytes *rest, struct bytes *ret)
{
    if (rest->p == NULL)
        return false;
    const char *comma = rest->len > 0 ? memchr(rest->p, ',', rest->len) : NULL;
    *ret = (struct bytes){.p = rest->p, .len = comma == NULL ? rest->len : (size_t)(comma - rest->p)};
    *rest = comma == NULL ? (struct bytes){0} : (struct bytes){comma + 1, rest->len - ret->len - 1};
    return true;
}

/* What the server calls the application of --prefix. */
static enum outcome name_prefix(const struct call *call, struct client *client,
                                char room[SESSIONS_APPLICATION_MAX])
{
    struct figures settings = {0};
    enum outcome outcome = figures_read(call, client, (const char *[]){"settings"}, 1, &settings);
    const char *known = outcome == OUTCOME_OK ? figures_text(&settings, "session_prefixes") : NULL;
    const char *names = outcome == OUTCOME_OK ? figures_text(&settings, "session_applications") : NULL;
    struct bytes prefixes = known != NULL ? bytes_of(known) : (struct bytes){0};
    struct bytes applications = names != NULL ? bytes_of(names) : (struct bytes){0};
    struct bytes prefix;
    struct bytes name;
    bool is_found = false;
    while (!is_found && next_word(&prefixes, &prefix) && next_word(&applications, &name))
        is_found = bytes_equal(prefix, bytes_of(call->options->prefix));
    if (is_found)
        snprintf(room, SESSIONS_APPLICATION_MAX, "%.*s", (int)name.len, name.p);
    else if (outcome == OUTCOME_OK)
        outcome =
            command_misuse(call, "--prefix %.80s: the server has no such --session-prefix; it has %.200s",
                           call->options->prefix, known != NULL ? known : "none");
    figures_fini(&settings);
    return outcome;
}

enum outcome sessions_query_of(const struct call *call, struct client *client,
                               char room[SESSIONS_APPLICATION_MAX], struct sessions_query *ret)
{
    const struct options *options = call->options;
    *ret = (struct sessions_query){
        .tag = options->tag, .application = options->application, .held = options->held};
    if (options->prefix == NULL)
        return OUTCOME_OK;
    if (options->application != NULL)
        return command_misuse(call, "--prefix and --application both name an application; leave one out");
    ret->application = room;
    return name_prefix(call, client, room);
}

bool sessions_must_look(const struct options *options)
{
    return options->held || options->older_s > 0 || options->idle_s > 0 || options->larger > 0;
}

bool sessions_match(const struct options *options, const struct reply *session)
{
    return session->age_s >= options->older_s && session->idle_s >= options->idle_s &&
           session->size >= options->larger;
}

enum outcome sessions_count(struct client *client, const struct sessions_query *query, uint64_t *ret_n)
{
    struct words words = {.n = 0};
    struct bytes line;
    struct reply reply;
    add(&words, "sn", "");
    add_query(&words, query);
    enum outcome outcome = command_ask_words(client, words.items, words.n, &line);
    if (outcome != OUTCOME_OK)
        return outcome;
    if (reply_parse(line, &reply) != REPLY_DONE)
        return command_refuse(client, line);
    *ret_n = reply.number;
    return OUTCOME_OK;
}

enum outcome sessions_begin_progress(struct progress *progress, struct client *client,
                                     const struct sessions_query *query, bool is_silent)
{
    uint64_t total = 0;
    enum outcome outcome = OUTCOME_OK;
    if (progress_is_on(is_silent) && query->tag == NULL && !query->held)
        outcome = sessions_count(client, query, &total);
    progress_begin(progress, "sessions:", total, is_silent);
    return outcome;
}

bool sessions_is_handle(const struct call *call, const char *word)
{
    if (strlen(word) == SESSIONS_HANDLE_DIGITS &&
        strspn(word, "0123456789abcdefABCDEF") == SESSIONS_HANDLE_DIGITS)
        return true;
    command_misuse(call, "%.40s: a handle has %d hex digits, as `cloakroom list` shows them", word,
                   SESSIONS_HANDLE_DIGITS);
    return false;
}

/* ---- what is shown of each ---- */

const struct sessions_column sessions_columns[SESSIONS_NCOLUMNS] = {
    {"HANDLE", "handle", "handle", false}, {"AGE", "age", "age_s", true},
    {"IDLE", "idle", "idle_s", true},      {"LEFT", "left", "ttl_s", true},
    {"SIZE", "size", "size", true},        {NULL, NULL, "held", false},
    {"HELD", "held for", "held_ms", true}, {"WAITING", "waiting", "waiting", true},
    {"HOLDER", "holder", "holder", false}, {"APPLICATION", "application", "application", false},
    {"TAGS", "tags", "tags", false},
};

void sessions_put_cells(const struct reply *session, struct cell to[static SESSIONS_NCOLUMNS])
{
    uint64_t left_s = session->ttl_s < 0 ? CELL_FOR_EVER : (uint64_t)session->ttl_s;
    to[0] = cell_text(session->handle);
    to[1] = cell_number(CELL_SECONDS, session->age_s);
    to[2] = cell_number(CELL_SECONDS, session->idle_s);
    to[3] = cell_number(CELL_SECONDS, left_s);
    to[4] = cell_number(CELL_SIZE, session->size);
    to[5] = (struct cell){.kind = CELL_FLAG, .flag = session->is_held};
    to[6] = cell_number(CELL_MS, session->held_ms);
    to[6].is_blank = !session->is_held;
    to[7] = cell_number(CELL_NUMBER, session->waiting);
    to[8] = cell_text(session->holder);
    to[9] = cell_text(session->application);
    to[10] = (struct cell){.kind = CELL_TEXTS, .texts = {.items = session->tags, .n = session->ntags}};
}

enum paint sessions_paint(const struct reply *session)
{
    return session->waiting > 0 ? PAINT_WARN : PAINT_PLAIN;
}
