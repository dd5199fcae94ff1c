/* Watchers, see watch.h. */
#include "server/watch.h"
#include "proto/words.h"
#include "server/event_line.h"
#include "server/exec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOOK_EVERY_MS = 10, EVENTS_PER_TURN = 256, SKIPPED_MAX = 64 };

#define NS_PER_MS ((uint64_t)1000000)

struct watcher {
    struct loop_timer timer;
    struct conn *conn;
    unsigned groups;
    uint64_t last;    /* the newest that it was told, or has missed */
    uint64_t skipped; /* to be told */
    uint64_t awaited; /* one that was not there yet when it last looked */
    bool has_more;    /* without waiting */
};

/* False: there is a word that is none of memcached's. */
static bool parse_groups(struct bytes rest, unsigned *ret)
{
    /* What has 0 is memcached's own: taken, and nothing comes of it. */
    static const struct {
        const char *name;
        unsigned group;
    } rows[] = {
        {"fetchers", EVENTS_FETCHERS},
        {"mutations", EVENTS_MUTATIONS},
        {"evictions", EVENTS_EVICTIONS},
        {"connevents", EVENTS_CONNEVENTS},
        {"deletions", EVENTS_DELETIONS},
        {"rawcmds", 0},
        {"sysevents", 0},
        {"proxyreqs", 0},
        {"proxyevents", 0},
        {"proxyuser", 0},
    };
    *ret = rest.len == 0 ? EVENTS_FETCHERS : 0;
    for (struct bytes word = words_next(&rest); word.len > 0; word = words_next(&rest)) {
        size_t i = 0;
        while (i < sizeof rows / sizeof *rows && !bytes_equal(word, bytes_of(rows[i].name)))
            i++;
        if (i == sizeof rows / sizeof *rows)
            return false;
        *ret |= rows[i].group;
    }
    return true;
}

static void fire(struct loop_timer *timer)
{
    conn_go_on_watching(((struct watcher *)(void *)timer)->conn);
}

static bool begin(struct conn *conn, unsigned groups, bool *ret_full)
{
    struct events *events = &conn->worker->server->events;
    struct watcher *watcher = malloc(sizeof *watcher);
    *ret_full = false;
    if (watcher == NULL)
        return false;
    if (!events_join(events, groups, ret_full)) {
        free(watcher);
        return false;
    }
    *watcher =
        (struct watcher){.timer.fire = fire, .conn = conn, .groups = groups, .last = events_last(events)};
    conn->watcher = watcher;
    return true;
}

void watch_run(struct conn *conn)
{
    unsigned groups;
    bool is_full;
    if (conn->worker->server->settings->no_watch)
        exec_put_line(conn, bytes_of("CLIENT_ERROR watch commands not allowed"));
    else if (!parse_groups(conn->request.argument, &groups))
        exec_put_line(conn, bytes_of("ERROR"));
    else if (begin(conn, groups, &is_full))
        exec_put_line(conn, bytes_of("OK"));
    else if (is_full)
        exec_put_line(conn, bytes_of("WATCHER_TOO_MANY log watcher limit reached"));
    else
        exec_put_line(conn, bytes_of("WATCHER_FAILED failed to add log watcher"));
}

bool watch_wait(struct conn *conn)
{
    struct watcher *watcher = conn->watcher;
    /* In the next turn: what is due now fires in this one. */
    uint64_t in_ns = watcher->has_more ? 1 : LOOK_EVERY_MS * NS_PER_MS;
    return loop_set_timer(&conn->worker->loop, &watcher->timer, in_ns) == ERR_NONE;
}

void watch_free(struct conn *conn)
{
    struct watcher *watcher = conn->watcher;
    if (watcher == NULL)
        return;
    loop_clear_timer(&conn->worker->loop, &watcher->timer);
    events_leave(&conn->worker->server->events, watcher->groups);
    free(watcher);
    conn->watcher = NULL;
}

static void skip(struct watcher *watcher, struct events *events, uint64_t to)
{
    watcher->skipped += to - watcher->last;
    __atomic_fetch_add(&events->skipped, to - watcher->last, __ATOMIC_RELAXED);
    watcher->last = to;
}

/* The next event, or none for now. One that does not come by the second look was lost. */
static bool next(struct watcher *watcher, struct events *events, struct event *ret)
{
    uint64_t newest = events_last(events);
    if (newest - watcher->last > EVENTS_KEPT)
        skip(watcher, events, newest - EVENTS_KEPT / 2);
    while (watcher->last < newest) {
        uint64_t number = watcher->last + 1;
        enum events_read result = events_read(events, number, ret);
        if (result == EVENTS_NOT_YET && watcher->awaited != number) {
            watcher->awaited = number;
            return false;
        }
        if (result == EVENTS_READ) {
            watcher->last = number;
            return true;
        }
        skip(watcher, events, number);
    }
    return false;
}

static size_t put_skipped(struct watcher *watcher, char *out)
{
    if (watcher->skipped == 0)
        return 0;
    int n = snprintf(out, SKIPPED_MAX, "skipped=%" PRIu64 "\n", watcher->skipped);
    watcher->skipped = 0;
    return (size_t)n;
}

void watch_put_lines(struct conn *conn)
{
    struct server *server = conn->worker->server;
    struct watcher *watcher = conn->watcher;
    struct event event;
    unsigned n = 0;
    while (n < EVENTS_PER_TURN && conn->out.len < WORKER_FLUSH_BYTES &&
           buffer_reserve(&conn->out, &server->buffers, EVENT_LINE_MAX + SKIPPED_MAX) &&
           next(watcher, &server->events, &event)) {
        n++;
        if ((event.group & watcher->groups) == 0)
            continue;
        conn->out.len += put_skipped(watcher, conn->out.p + conn->out.len);
        conn->out.len += event_line(server, watcher->last, &event, conn->out.p + conn->out.len);
        __atomic_fetch_add(&server->events.sent, 1, __ATOMIC_RELAXED);
    }
    watcher->has_more = n == EVENTS_PER_TURN || conn->out.len >= WORKER_FLUSH_BYTES;
}
