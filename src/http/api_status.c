/* How the server is: health, status, figures, and what they were. */
#include "base/num.h"
#include "http/api.h"
#include "http/http_private.h"

#include <stdlib.h>
#include <unistd.h>

struct state {
    struct engine_stats stats;
    struct http_facts facts;
    bool is_ready;
    bool is_read_only;
    const char *why; /* "": nothing is wrong */
};

static void read_state(struct call *call, struct state *ret)
{
    const struct http_host *host = &call->http->config.host;
    struct engine *engine = call_engine(call);
    *ret = (struct state){.why = ""};
    engine_read_stats(engine, &ret->stats);
    host->facts(host->arg, &ret->facts);
    ret->is_read_only = ret->stats.store.disk_error != NULL;
    ret->is_ready = engine_has_sessions(engine) && !ret->is_read_only;
    if (!engine_has_sessions(engine))
        ret->why = "what lies on disk is still being read";
    else if (ret->is_read_only)
        ret->why = ret->stats.store.disk_error;
}

enum call_step api_health(struct call *call)
{
    struct state state;
    read_state(call, &state);
    return call_json(call, state.is_ready ? 200 : 503,
                     json_pack("{s:b, s:b, s:b, s:o, s:s}", "live", 1, "ready", state.is_ready, "read_only",
                               state.is_read_only, "why", call_string(bytes_of(state.why)), "version",
                               state.facts.version));
}

static const char *when_full(const struct http_facts *facts)
{
    if (facts->evict_sessions)
        return "When memory is full, cache items and then the oldest live sessions are dropped to make room "
               "(--evict-sessions): people are logged out.";
    if (facts->no_evict)
        return "When memory is full, new sessions and new cache items are refused (-M); sessions that exist "
               "can "
               "still be written.";
    return "When memory is full, cache items are dropped first; then new sessions are refused, and those "
           "that "
           "exist can still be written: nobody is logged out.";
}

static json_t *show_applications(struct engine *engine)
{
    json_t *list = json_array();
    struct bytes name;
    uint64_t nsessions;
    for (uint32_t i = 0; engine_application(engine, i, &name, &nsessions); i++)
        json_array_append_new(
            list, json_pack("{s:o, s:I}", "name", call_string(name), "sessions", (json_int_t)nsessions));
    return list;
}

enum call_step api_status(struct call *call)
{
    static const char *const words[] = {
        [STORE_SYNC_INTERVAL] = "interval", [STORE_SYNC_ALWAYS] = "always", [STORE_SYNC_NONE] = "none"};
    struct state state;
    read_state(call, &state);
    const struct store_stats *store = &state.stats.store;
    const struct http_facts *facts = &state.facts;
    json_t *disk = !facts->has_disk ? json_null()
                                    : json_pack("{s:I, s:I}", "bytes", (json_int_t)store->disk_bytes, "free",
                                                (json_int_t)facts->disk_free);
    json_t *json = json_pack(
        "{s:s, s:i, s:I, s:I, s:b, s:b, s:o, s:b, s:s, s:{s:I, s:I, s:I}, s:o, s:I, s:o, s:b, s:{s:I, s:I}, "
        "s:s}",
        "version", facts->version, "pid", (int)getpid(), "uptime_s", (json_int_t)facts->uptime_s, "time_ms",
        (json_int_t)http_wall_ms(), "ready", state.is_ready, "read_only", state.is_read_only, "why",
        call_string(bytes_of(state.why)), "data", facts->has_disk, "sync",
        facts->has_disk ? words[store->sync] : "off", "memory", "limit", (json_int_t)store->limit_bytes,
        "used", (json_int_t)store->used_bytes, "sessions_refused_at_percent",
        (json_int_t)(store->new_limit_bytes * 100 / store->limit_bytes), "disk", disk, "sessions",
        (json_int_t)state.stats.sessions, "applications", show_applications(call_engine(call)),
        "evict_sessions", facts->evict_sessions, "connections", "open", (json_int_t)facts->connections, "max",
        (json_int_t)facts->connections_max, "what_happens_when_full", when_full(facts));
    return call_json(call, 200, json);
}

/* Numbers as numbers. */
static void take_line(void *to, struct bytes name, struct bytes value)
{
    json_t *json = to;
    char key[128];
    char text[64];
    char *end = text;
    uint64_t number;
    if (name.len >= sizeof key)
        return;
    memcpy(key, name.p, name.len);
    key[name.len] = '\0';
    if (num_parse_u64(value, &number) && number <= INT64_MAX) {
        json_object_set_new(json, key, json_integer((json_int_t)number));
        return;
    }
    if (value.len > 0 && value.len < sizeof text && memchr(value.p, '.', value.len) != NULL) {
        memcpy(text, value.p, value.len);
        text[value.len] = '\0';
        double real = strtod(text, &end);
        if (*end == '\0') {
            json_object_set_new(json, key, json_real(real));
            return;
        }
    }
    json_object_set_new(json, key, call_string(value));
}

enum call_step api_stats(struct call *call)
{
    const struct http_host *host = &call->http->config.host;
    json_t *json = json_object();
    if (json != NULL)
        host->stats(host->arg, take_line, json);
    return call_json(call, 200, json);
}

enum call_step api_history(struct call *call)
{
    uint64_t after_ms = 0;
    if (!call_number(call, "after", 0, INT64_MAX, &after_ms))
        return CALL_DONE;
    return call_json(call, 200, history_show(&call->http->history, after_ms));
}
