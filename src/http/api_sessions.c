/* Sessions listed, counted and killed, in pieces between which others have their turn. */
#include "base/check.h"
#include "base/num.h"
#include "engine/cursor.h"
#include "http/api.h"
#include "http/http_private.h"

#include <stdlib.h>

/* So many sessions between two looks at the clock; so long a piece, and a page. */
enum { PIECE = 8, LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

#define PIECE_NS ((uint64_t)1000000)
#define PAGE_NS  ((uint64_t)200000000)

struct listing {
    struct engine_filter filter; /* its texts are MHD's, until the call is over */
    struct engine_cursor cursor;
    uint64_t left;
    uint64_t number;
    uint64_t until_ns; /* then the page ends as it is; 0: never */
    bool has_no_page;  /* count: sessions are not shown */
    struct op op;
    struct op_session session;
    struct engine_client client;
    struct engine_session found[PIECE];
};

/* NULL: it has been answered. */
static struct listing *begin(struct call *call)
{
    if (!engine_has_sessions(call_engine(call))) {
        call_refuse(call, 503, "what lies on disk is still being read; see /health");
        return NULL;
    }
    struct listing *listing = call->job = calloc(1, sizeof *listing);
    if (listing == NULL) {
        call_refuse(call, 500, "out of memory");
        return NULL;
    }
    struct engine_filter *filter = &listing->filter;
    filter->has_application = call_argument(call, "application", &filter->application);
    call_argument(call, "tag", &filter->tag);
    filter->has_tag = filter->tag.len > 0;
    listing->left = UINT64_MAX;
    return listing;
}

static enum call_step finish(struct call *call, struct listing *listing, bool has_more)
{
    char text[CURSOR_TEXT_MAX] = "";
    if (listing->has_no_page)
        return call_json(call, 200, json_pack("{s:I}", "count", (json_int_t)listing->number));
    if (has_more)
        cursor_put(&listing->cursor, &listing->filter, text);
    return call_json(call, 200,
                     json_pack("{s:O, s:s?}", "sessions", call->list, "cursor", has_more ? text : NULL));
}

static enum call_step go_on_listing(struct call *call)
{
    struct listing *listing = call->job;
    struct engine *engine = call_engine(call);
    uint64_t now_ns = call_now_ns(call);
    uint64_t piece_ends_ns = now_ns + PIECE_NS;
    bool has_more = true;
    for (; has_more && listing->left > 0 && now_ns < piece_ends_ns; now_ns = call_now_ns(call)) {
        size_t most = listing->left < PIECE ? (size_t)listing->left : PIECE;
        size_t n;
        has_more = engine_list_sessions(engine, &listing->filter, &listing->cursor, engine_now_s(now_ns),
                                        listing->found, most, &n, &call->unwritten);
        listing->left -= n;
        listing->number += n;
        for (size_t i = 0; i < n && !listing->has_no_page; i++)
            json_array_append_new(call->list, api_show_session(&listing->found[i]));
    }
    bool is_late = listing->until_ns != 0 && now_ns >= listing->until_ns;
    return has_more && listing->left > 0 && !is_late ? CALL_MORE : finish(call, listing, has_more);
}

static enum call_step list(struct call *call)
{
    call->go_on = go_on_listing;
    call->list = json_array();
    return go_on_listing(call);
}

/* A filter by application looks through all others, too: a page that takes long ends early, with fewer than were asked
 * for and a cursor. */
enum call_step api_sessions(struct call *call)
{
    struct bytes cursor;
    uint64_t limit = LIMIT_DEFAULT;
    struct listing *listing = begin(call);
    if (listing == NULL || !call_number(call, "limit", 1, LIMIT_MAX, &limit))
        return CALL_DONE;
    call_argument(call, "cursor", &cursor);
    if (!cursor_read(cursor, &listing->filter, &listing->cursor))
        return call_refuse(call, 400, "no such cursor; begin without one");
    listing->left = limit;
    listing->until_ns = call_now_ns(call) + PAGE_NS;
    return list(call);
}

enum call_step api_count(struct call *call)
{
    struct listing *listing = begin(call);
    if (listing == NULL)
        return CALL_DONE;
    listing->has_no_page = true;
    if (listing->filter.has_tag)
        return list(call);
    const struct engine_filter *filter = &listing->filter;
    listing->number =
        engine_count_sessions(call_engine(call), filter->has_application ? &filter->application : NULL);
    return finish(call, listing, false);
}

enum call_step api_session(struct call *call)
{
    unsigned char handle[HANDLE_BYTES];
    size_t n;
    struct listing *listing = begin(call);
    if (listing == NULL)
        return CALL_DONE;
    if (!handle_read(call_rest(call), handle))
        return call_refuse(call, 400, "a handle has 16 hex digits");
    listing->filter.has_handle = true;
    listing->filter.handle = bytes_get_be64(handle);
    engine_list_sessions(call_engine(call), &listing->filter, &listing->cursor,
                         engine_now_s(call_now_ns(call)), listing->found, 1, &n, &call->unwritten);
    return n == 0 ? call_refuse(call, 404, "there is no session of this handle, or no longer")
                  : call_json(call, 200, api_show_session(&listing->found[0]));
}

/* ---- kills ---- */

static struct op *kill_op(struct call *call, struct listing *listing)
{
    listing->session = (struct op_session){.application = listing->filter.application};
    listing->op = (struct op){.kind = OP_KILL,
                              .session = &listing->session,
                              .client = &listing->client,
                              .now_s = engine_now_s(call_now_ns(call))};
    return &listing->op;
}

/* OP_OK and OP_MISS are the caller's. */
static enum call_step refuse_kill(struct call *call, enum op_result result)
{
    if (result == OP_FULL)
        return call_refuse(call, 507, "memory is full to the last byte: a kill is remembered, too; raise -m");
    if (result == OP_DISK_FULL)
        return call_refuse(call, 507, "the disk is full: nothing has been killed; make room there");
    if (result == OP_READ_ONLY)
        return call_refuse(call, 503, "read-only: the disk has failed; see /health");
    return call_refuse(call, 503, "it could not be killed now; try again");
}

enum call_step api_kill(struct call *call)
{
    struct listing *listing = begin(call);
    if (listing == NULL)
        return CALL_DONE;
    struct op *op = kill_op(call, listing);
    listing->session.by_handle = true;
    if (!handle_read(call_rest(call), listing->session.handle))
        return call_refuse(call, 400, "a handle has 16 hex digits");
    CHECK(engine_submit(call_engine(call), op) == SUBMIT_DONE); /* kills never wait */
    call->unwritten |= op->unwritten;
    if (op->result == OP_MISS)
        return call_refuse(call, 404, "there is no session of this handle, or no longer");
    return op->result == OP_OK ? call_json(call, 200, json_pack("{s:i}", "killed", 1))
                               : refuse_kill(call, op->result);
}

static enum call_step go_on_killing(struct call *call)
{
    struct listing *listing = call->job;
    struct op *op = &listing->op;
    uint64_t piece_ends_ns = call_now_ns(call) + PIECE_NS;
    bool has_more = true;
    while (has_more && call_now_ns(call) < piece_ends_ns) {
        op->now_s = engine_now_s(call_now_ns(call));
        op->unwritten = 0;
        has_more =
            engine_kill_tagged(call_engine(call), &listing->filter, &listing->cursor, op, &listing->number);
        call->unwritten |= op->unwritten;
    }
    if (has_more)
        return CALL_MORE;
    if (op->result != OP_OK && op->result != OP_MISS)
        return refuse_kill(call, op->result);
    return call_json(call, 200, json_pack("{s:I}", "killed", (json_int_t)listing->number));
}

enum call_step api_kill_tagged(struct call *call)
{
    struct listing *listing = begin(call);
    if (listing == NULL)
        return CALL_DONE;
    if (!listing->filter.has_tag)
        return call_refuse(call, 400, "name a tag: what has it is killed");
    kill_op(call, listing);
    call->go_on = go_on_killing;
    return go_on_killing(call);
}
