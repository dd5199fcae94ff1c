/* Lines of watch, see event_line.h. */
#include "server/event_line.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const founds[] = {"not_found", "found", "flushed", "expired"};
static const char *const storeds[] = {"not_stored", "stored",    "exists",
                                      "not_found",  "too_large", "no_memory"};
static const char *const commands[] = {"null",    "add", "set",    "replace", "append",
                                       "prepend", "cas", "delete", "md"};
static const char *const reasons[] = {"error", "normal", "idle_timeout", "shutdown"};
static const char *const transports[] = {"local", "tcp"};

static int put_key_line(const struct server *server, const struct event *event, char *out, size_t room)
{
    char key[SHOW_KEY_MAX];
    const struct bytes text = {.p = event->text, .len = event->len};
    int len =
        (int)(event->is_hashed ? show_hashed(text, key) : show_key(server, text, event->is_session, key));
    unsigned class = event->class;
    switch ((enum event_kind)event->kind) {
    case EVENT_GET:
        return snprintf(out, room, "type=item_get key=%.*s status=%s clsid=%u cfd=%d size=%" PRIu64 "\n", len,
                        key, founds[event->status], class, event->fd, event->size);
    case EVENT_STORE:
        return snprintf(out, room,
                        "type=item_store key=%.*s status=%s cmd=%s ttl=%" PRId64
                        " clsid=%u cfd=%d size=%" PRIu64 "\n",
                        len, key, storeds[event->status], commands[event->command], event->ttl_s, class,
                        event->fd, event->size);
    case EVENT_DELETE:
        return snprintf(out, room, "type=deleted key=%.*s cmd=%s clsid=%u size=%" PRIu64 "\n", len, key,
                        commands[event->command], class, event->size);
    default:
        return snprintf(
            out, room, "type=eviction key=%.*s fetch=%s ttl=%" PRId64 " la=%u clsid=%u size=%" PRIu64 "\n",
            len, key, event->is_fetched ? "yes" : "no", event->ttl_s, event->idle_s, class, event->size);
    }
}

static int put_conn_line(const struct event *event, char *out, size_t room)
{
    bool is_close = event->kind == EVENT_CLOSE;
    return snprintf(out, room, "type=%s rip=%.*s rport=%u transport=%s%s%s cfd=%d\n",
                    is_close ? "conn_close" : "conn_new", (int)event->len, event->text, event->port,
                    transports[event->command], is_close ? " reason=" : "",
                    is_close ? reasons[event->status] : "", event->fd);
}

size_t event_line(const struct server *server, uint64_t number, const struct event *event, char *out)
{
    int n = snprintf(out, EVENT_LINE_MAX, "ts=%" PRId64 ".%06" PRId64 " gid=%" PRIu64 " ",
                     event->at_us / 1000000, event->at_us % 1000000, number);
    size_t room = (size_t)(EVENT_LINE_MAX - n);
    int more = event->group == EVENTS_CONNEVENTS ? put_conn_line(event, out + n, room)
                                                 : put_key_line(server, event, out + n, room);
    return (size_t)(n + more);
}
