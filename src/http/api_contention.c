/* Which sessions are held and waited for, and how a session is shown. */
#include "http/api.h"
#include "http/http_private.h"

#include <stdlib.h>

enum { PIECE = 8, LIMIT_DEFAULT = 50, LIMIT_MAX = 200 };

#define PIECE_NS ((uint64_t)1000000)

/* The most contended so far, in no order. */
struct contention {
    struct engine_filter filter;
    struct engine_cursor cursor;
    size_t limit;
    size_t n;
    struct engine_session found[PIECE];
    struct engine_session list[];
};

static json_t *show_tags(const struct engine_session *session)
{
    json_t *list = json_array();
    size_t at = 0;
    for (size_t i = 0; i < session->ntags; i++) {
        json_array_append_new(
            list, call_string((struct bytes){.p = session->tag_text + at, .len = session->tag_lens[i]}));
        at += session->tag_lens[i];
    }
    return list;
}

json_t *api_show_session(const struct engine_session *session)
{
    static const struct op_session nobody;
    const struct op_session *lease = session->is_held ? &session->lease : &nobody;
    char handle[HANDLE_DIGITS + 1] = "";
    handle_put(session->handle, handle);
    struct bytes application = {.p = session->application, .len = session->application_len};
    struct bytes holder = {.p = lease->holder_text, .len = lease->holder_len};
    return json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:b, s:I, s:I, s:o, s:o}", "handle", handle,
                     "application", call_string(application), "age_s", (json_int_t)session->age_s, "idle_s",
                     (json_int_t)session->idle_s, "ttl_s", (json_int_t)session->ttl_s, "size",
                     (json_int_t)session->size, "held", session->is_held, "held_ms",
                     (json_int_t)lease->held_ms, "waiting", (json_int_t)lease->waiting, "holder",
                     call_string(holder), "tags", show_tags(session));
}

/* Before others: who is waited for by more, then who is held longer. */
static bool is_before(const struct engine_session *a, const struct engine_session *b)
{
    if (a->lease.waiting != b->lease.waiting)
        return a->lease.waiting > b->lease.waiting;
    return a->lease.held_ms > b->lease.held_ms;
}

static int compare(const void *a, const void *b)
{
    return is_before(a, b) ? -1 : is_before(b, a);
}

static void take(struct contention *contention, const struct engine_session *session)
{
    size_t last = 0;
    if (contention->n < contention->limit) {
        contention->list[contention->n++] = *session;
        return;
    }
    for (size_t i = 1; i < contention->n; i++) {
        if (is_before(&contention->list[last], &contention->list[i]))
            last = i;
    }
    if (is_before(session, &contention->list[last]))
        contention->list[last] = *session;
}

static enum call_step finish(struct call *call, struct contention *contention)
{
    qsort(contention->list, contention->n, sizeof contention->list[0], compare);
    call->list = json_array();
    for (size_t i = 0; i < contention->n; i++)
        json_array_append_new(call->list, api_show_session(&contention->list[i]));
    return call_json(call, 200, json_pack("{s:O}", "sessions", call->list));
}

static enum call_step go_on(struct call *call)
{
    struct contention *contention = call->job;
    uint64_t piece_ends_ns = call_now_ns(call) + PIECE_NS;
    bool has_more = true;
    while (has_more && call_now_ns(call) < piece_ends_ns) {
        size_t n;
        has_more = engine_list_sessions(call_engine(call), &contention->filter, &contention->cursor,
                                        engine_now_s(call_now_ns(call)), contention->found, PIECE, &n,
                                        &call->unwritten);
        for (size_t i = 0; i < n; i++)
            take(contention, &contention->found[i]);
    }
    return has_more ? CALL_MORE : finish(call, contention);
}

enum call_step api_contention(struct call *call)
{
    uint64_t limit = LIMIT_DEFAULT;
    if (!call_number(call, "limit", 1, LIMIT_MAX, &limit))
        return CALL_DONE;
    if (!engine_has_sessions(call_engine(call)))
        return call_refuse(call, 503, "what lies on disk is still being read; see /health");
    struct contention *contention = calloc(1, sizeof *contention + limit * sizeof contention->list[0]);
    if (contention == NULL)
        return call_refuse(call, 500, "out of memory");
    contention->limit = (size_t)limit;
    contention->filter.is_held = true;
    call->job = contention;
    call->go_on = go_on;
    return go_on(call);
}
