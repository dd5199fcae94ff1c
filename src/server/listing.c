/* Lists of sessions and events in pieces, see listing.h. */
#include "server/listing.h"
#include "base/check.h"
#include "base/num.h"
#include "engine/cursor.h"
#include "engine/journal.h"
#include "server/exec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { PIECE = 8 };

/* The request with its line, which outlives the input. */
struct listing {
    struct request request;
    char line[PROTO_LINE_MAX];
    char key[PROTO_KEY_MAX];
    char spared[PROTO_KEY_MAX];
    struct engine_filter filter;
    struct engine_cursor cursor;
    uint32_t left; /* lines of the page */
    uint64_t number;
    struct op op;
    struct op_session session;
    struct engine_session found[PIECE];
};

static void put_answer(struct conn *conn, const struct request *request, enum status status, uint64_t number)
{
    char *room = conn_answer_room(conn);
    const struct answer answer = {.status = status, .number = number};
    if (room != NULL)
        conn->out.len += proto_put_answer(&conn->proto, request, &answer, room);
}

/* `text`: where the list goes on; empty: there is no more. */
static void put_end(struct conn *conn, const struct request *request, struct bytes text)
{
    char *room = conn_answer_room(conn);
    if (room != NULL)
        conn->out.len += proto_put_list_end(request, text, room);
}

static void run_events(struct conn *conn)
{
    const struct request *request = &conn->request;
    struct engine *engine = server_engine(conn->worker->server);
    struct bytes text = proto_cursor(request);
    struct journal_event events[PIECE];
    uint64_t after = 0;
    if (text.len > 0 && !num_parse_u64(text, &after)) {
        exec_put_line(conn, bytes_of("CLIENT_ERROR no such cursor: begin without one"));
        return;
    }
    uint32_t left = request->page;
    size_t n;
    while (left > 0 && (n = engine_read_events(engine, after, events, left < PIECE ? left : PIECE)) > 0) {
        for (size_t i = 0; i < n; i++) {
            const struct journal_event *event = &events[i];
            char handle[HANDLE_DIGITS];
            handle_put(event->handle, handle);
            const struct session_event line = {
                .number = event->number,
                .wall_ms = (uint64_t)event->wall_s * 1000,
                .kind = bytes_of(journal_word(event->kind)),
                .handle = {.p = handle, .len = sizeof handle},
                .application = {.p = event->application, .len = event->application_len}};
            char *room = conn_answer_room(conn);
            if (room == NULL)
                return;
            conn->out.len += proto_put_event_line(&line, room);
            after = event->number;
        }
        left -= (uint32_t)n;
    }
    char digits[NUM_MAX];
    put_end(conn, request, (struct bytes){.p = digits, .len = num_format_u64(after, digits)});
}

static void rebase(struct bytes *bytes, const struct bytes *from, char *to)
{
    if (bytes->p >= from->p && bytes->p < from->p + from->len)
        bytes->p = to + (bytes->p - from->p);
}

/* The flags and the key are all that is needed of the line. */
static void keep_request(struct listing *listing, const struct request *request)
{
    listing->request = *request;
    struct bytes key = proto_key(request, listing->key);
    if (key.len > 0 && key.p != listing->key)
        memcpy(listing->key, key.p, key.len);
    CHECK(request->argument.len <= sizeof listing->line);
    if (request->argument.len > 0)
        memcpy(listing->line, request->argument.p, request->argument.len);
    rebase(&listing->request.argument, &request->argument, listing->line);
    listing->request.key = (struct bytes){.p = listing->key, .len = key.len};
    listing->request.key_is_base64 = false;
}

static void fill_filter(struct listing *listing)
{
    const struct request *request = &listing->request;
    struct engine_filter *filter = &listing->filter;
    struct bytes rest = request->argument;
    filter->application = proto_application(request);
    filter->has_application = proto_has_application(request);
    if (request->by_tag) {
        filter->tag = request->key;
        filter->has_tag = true;
        filter->except = proto_spared(request, listing->spared);
        filter->has_except = filter->except.len > 0;
    } else {
        filter->has_tag = request->has_tags && proto_next_tag(&rest, &filter->tag);
        filter->is_held = request->is_held;
        filter->has_handle = request->by_handle;
        filter->handle = request->by_handle ? proto_handle(request) : 0;
    }
}

static void fill_kill(struct conn *conn, struct listing *listing)
{
    listing->session = (struct op_session){.application = listing->filter.application};
    listing->op = (struct op){
        .kind = OP_KILL, .session = &listing->session, .client = &conn->client, .now_s = conn->worker->now_s};
}

static void begin(struct conn *conn)
{
    struct listing *listing = calloc(1, sizeof *listing);
    if (listing == NULL) {
        exec_put_status(conn, STATUS_FULL);
        return;
    }
    keep_request(listing, &conn->request);
    listing->left = conn->request.verb == VERB_LIST ? conn->request.page : UINT32_MAX;
    fill_filter(listing);
    if (conn->request.verb == VERB_LIST &&
        !cursor_read(proto_cursor(&conn->request), &listing->filter, &listing->cursor)) {
        exec_put_line(conn, bytes_of("CLIENT_ERROR no such cursor: begin without one"));
        listing_free(&listing);
        return;
    }
    if (conn->request.by_tag)
        fill_kill(conn, listing);
    conn->listing = listing;
}

void listing_run(struct conn *conn)
{
    const struct request *request = &conn->request;
    struct engine *engine = server_engine(conn->worker->server);
    if (!engine_has_sessions(engine)) {
        exec_put_status(conn, STATUS_LOADING);
    } else if (request->verb == VERB_EVENTS) {
        run_events(conn);
    } else if (request->verb == VERB_COUNT && !request->has_tags) {
        struct bytes application = proto_application(request);
        put_answer(conn, request, STATUS_OK,
                   engine_count_sessions(engine, proto_has_application(request) ? &application : NULL));
    } else {
        begin(conn);
    }
}

static void put_session(struct conn *conn, const struct engine_session *session)
{
    char handle[HANDLE_DIGITS];
    struct bytes tags[OP_TAGS_MAX];
    size_t at = 0;
    handle_put(session->handle, handle);
    for (size_t i = 0; i < session->ntags; i++) {
        tags[i] = (struct bytes){.p = session->tag_text + at, .len = session->tag_lens[i]};
        at += tags[i].len;
    }
    struct session_line line = {.handle = {.p = handle, .len = sizeof handle},
                                .application = {.p = session->application, .len = session->application_len},
                                .tags = tags,
                                .ntags = session->ntags,
                                .size = session->size,
                                .ttl_s = session->ttl_s,
                                .age_s = session->age_s,
                                .idle_s = session->idle_s,
                                .is_held = session->is_held};
    if (session->is_held) {
        line.held_ms = session->lease.held_ms;
        line.waiting = session->lease.waiting;
        line.holder = (struct bytes){.p = session->lease.holder_text, .len = session->lease.holder_len};
    }
    if (!buffer_reserve(&conn->out, &conn->worker->server->buffers, PROTO_SESSION_LINE_MAX)) {
        conn->is_last = true; /* half a list must not look like a whole one */
        return;
    }
    conn->out.len += proto_put_session_line(&line, conn->out.p + conn->out.len);
}

/* False: that was all. */
static bool go_on_listing(struct conn *conn, struct listing *listing)
{
    size_t n;
    uint32_t most = listing->left < PIECE ? listing->left : PIECE;
    bool has_more =
        engine_list_sessions(server_engine(conn->worker->server), &listing->filter, &listing->cursor,
                             conn->worker->now_s, listing->found, most, &n, &conn->worker->turn.unwritten);
    listing->left -= (uint32_t)n;
    listing->number += n;
    for (size_t i = 0; i < n && listing->request.verb == VERB_LIST && !conn->is_last; i++)
        put_session(conn, &listing->found[i]);
    if (has_more && listing->left > 0)
        return true;
    if (listing->request.verb == VERB_LIST) {
        char text[CURSOR_TEXT_MAX];
        size_t len = has_more ? cursor_put(&listing->cursor, &listing->filter, text) : 0;
        put_end(conn, &listing->request, (struct bytes){.p = text, .len = len});
    } else {
        put_answer(conn, &listing->request, STATUS_OK, listing->number);
    }
    return false;
}

static bool go_on_killing(struct conn *conn, struct listing *listing)
{
    struct op *op = &listing->op;
    op->now_s = conn->worker->now_s;
    op->unwritten = 0;
    bool has_more = engine_kill_tagged(server_engine(conn->worker->server), &listing->filter,
                                       &listing->cursor, op, &listing->number);
    conn->worker->turn.unwritten |= op->unwritten;
    if (has_more)
        return true;
    if (op->result != OP_OK && op->result != OP_MISS)
        put_answer(conn, &listing->request, exec_status_of(op->result), 0);
    else
        put_answer(conn, &listing->request, listing->number > 0 ? STATUS_OK : STATUS_MISS, listing->number);
    return false;
}

void listing_go_on(struct conn *conn)
{
    struct listing *listing = conn->listing;
    bool has_more = listing->request.by_tag ? go_on_killing(conn, listing) : go_on_listing(conn, listing);
    if (!has_more || conn->is_last)
        listing_free(&conn->listing);
}

void listing_free(struct listing **listing)
{
    free(*listing);
    *listing = NULL;
}
