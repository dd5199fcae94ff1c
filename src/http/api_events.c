/* The last things that happened to sessions. */
#include "engine/journal.h"
#include "http/api.h"
#include "http/http_private.h"

enum { PIECE = 16, LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

static json_t *show(const struct journal_event *event)
{
    char handle[HANDLE_DIGITS + 1] = "";
    handle_put(event->handle, handle);
    struct bytes application = {.p = event->application, .len = event->application_len};
    return json_pack("{s:I, s:I, s:s, s:s, s:o}", "number", (json_int_t)event->number, "time_ms",
                     (json_int_t)(event->wall_s * 1000), "kind", journal_word(event->kind), "handle", handle,
                     "application", call_string(application));
}

/* `missed`: how many behind `after` are too old to be known. */
enum call_step api_events(struct call *call)
{
    struct engine *engine = call_engine(call);
    struct journal_event events[PIECE];
    uint64_t after = 0;
    uint64_t limit = LIMIT_DEFAULT;
    uint64_t missed = 0;
    size_t n;
    if (!call_number(call, "after", 0, INT64_MAX, &after) ||
        !call_number(call, "limit", 1, LIMIT_MAX, &limit))
        return CALL_DONE;
    if (!engine_has_sessions(engine))
        return call_refuse(call, 503, "what lies on disk is still being read; see /health");
    call->list = json_array();
    while (limit > 0 &&
           (n = engine_read_events(engine, after, events, limit < PIECE ? (size_t)limit : PIECE)) > 0) {
        missed += events[0].number - after - 1;
        for (size_t i = 0; i < n; i++)
            json_array_append_new(call->list, show(&events[i]));
        after = events[n - 1].number;
        limit -= n;
    }
    return call_json(call, 200,
                     json_pack("{s:O, s:I, s:I}", "events", call->list, "next", (json_int_t)after, "missed",
                               (json_int_t)missed));
}
