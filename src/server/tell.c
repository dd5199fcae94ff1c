/* Ops and connections as events, see tell.h. */
#include "server/tell.h"
#include "engine/keyclass.h"
#include "engine/local.h"

#include <arpa/inet.h>
#include <sys/socket.h>

static struct events *events_of(const struct conn *conn)
{
    return &conn->worker->server->events;
}

static void set_key(struct event *event, struct bytes key)
{
    event->len = (uint8_t)(key.len <= EVENT_TEXT_MAX ? key.len : EVENT_TEXT_MAX);
    memcpy(event->text, key.p, event->len);
}

static uint8_t class_number(enum store_class class)
{
    return (uint8_t)(class + 1);
}

static struct event about_op(const struct conn *conn, enum events_group group, enum event_kind kind)
{
    const struct op *op = &conn->op;
    struct event event = {.group = (uint8_t)group,
                          .kind = (uint8_t)kind,
                          .fd = conn->transport.fd,
                          .is_session = op->class == STORE_SESSION};
    set_key(&event, op->key);
    return event;
}

/* As memcached, which looks up before it does anything else. */
static void tell_get(struct conn *conn)
{
    static const uint8_t misses[] = {[STORE_MISS_ABSENT] = EVENT_NOT_FOUND,
                                     [STORE_MISS_EXPIRED] = EVENT_EXPIRED,
                                     [STORE_MISS_FLUSHED] = EVENT_FLUSHED};
    const struct op *op = &conn->op;
    struct event event = about_op(conn, EVENTS_FETCHERS, EVENT_GET);
    event.status = op->was_found ? EVENT_FOUND : misses[op->miss];
    event.class = op->was_found ? class_number(op->class) : 0;
    event.size = op->was_found ? op->found_len : 0;
    events_put(events_of(conn), &event);
}

static uint8_t stored_as(enum op_result result)
{
    switch (result) {
    case OP_OK:
        return EVENT_STORED;
    case OP_NOT_STORED:
        return EVENT_NOT_STORED;
    case OP_EXISTS:
        return EVENT_EXISTS;
    case OP_MISS:
        return EVENT_NO_SUCH;
    case OP_TOO_LARGE:
        return EVENT_TOO_LARGE;
    default:
        return EVENT_NO_MEMORY;
    }
}

static uint8_t command_of(const struct op *op)
{
    static const uint8_t commands[] = {[OP_SET] = EVENT_BY_SET,
                                       [OP_ADD] = EVENT_BY_ADD,
                                       [OP_REPLACE] = EVENT_BY_REPLACE,
                                       [OP_APPEND] = EVENT_BY_APPEND,
                                       [OP_PREPEND] = EVENT_BY_PREPEND};
    return op->kind == OP_SET && op->compare_cas ? EVENT_BY_CAS : commands[op->kind];
}

/* 0: for ever, -1: over already. */
static int64_t ttl_of(const struct conn *conn, int64_t exptime)
{
    enum { RELATIVE_MAX_S = 60 * 60 * 24 * 30 };
    int64_t ttl = exptime > RELATIVE_MAX_S ? exptime - clock_wall_s(conn->worker->server->clock) : exptime;
    return exptime == 0 ? 0 : ttl <= 0 ? -1 : ttl;
}

static void tell_store(struct conn *conn)
{
    const struct op *op = &conn->op;
    bool is_added = op->result == OP_OK && op->was_found && (op->kind == OP_APPEND || op->kind == OP_PREPEND);
    struct event event = about_op(conn, EVENTS_MUTATIONS, EVENT_STORE);
    event.status = stored_as(op->result);
    event.command = command_of(op);
    event.class = class_number(op->class);
    event.ttl_s = ttl_of(conn, op->exptime);
    event.size = op->value.len + (is_added ? op->found_len : 0);
    events_put(events_of(conn), &event);
}

static void tell_delete(struct conn *conn)
{
    const struct op *op = &conn->op;
    struct event event = about_op(conn, EVENTS_DELETIONS, EVENT_DELETE);
    event.command = conn->request.meta != META_NONE ? EVENT_BY_MD : EVENT_BY_DELETE;
    event.class = class_number(op->class);
    event.size = op->found_len;
    events_put(events_of(conn), &event);
}

void tell_op(struct conn *conn)
{
    const struct events *events = events_of(conn);
    const struct op *op = &conn->op;
    if (events_wants(events, EVENTS_FETCHERS))
        tell_get(conn);
    if (op->kind >= OP_SET && op->kind <= OP_PREPEND && events_wants(events, EVENTS_MUTATIONS))
        tell_store(conn);
    bool is_gone = op->kind == OP_DELETE && op->result == OP_OK && !op->invalidate && !op->drop_value;
    if (is_gone && events_wants(events, EVENTS_DELETIONS))
        tell_delete(conn);
}

/* Nothing has been looked up, so what php-memcache writes cannot be told from cache. */
static bool may_be_of_php(struct bytes key)
{
    enum { PHP_ID_MIN = 22 };
    return key.len >= PHP_ID_MIN && keyclass_may_be_id(key);
}

void tell_too_large(struct conn *conn)
{
    const struct request *request = &conn->request;
    if (!events_wants(events_of(conn), EVENTS_MUTATIONS) || request->key.len == 0 || request->key_is_base64)
        return;
    struct event event = {.group = EVENTS_MUTATIONS,
                          .kind = EVENT_STORE,
                          .status = EVENT_TOO_LARGE,
                          .command = EVENT_BY_SET,
                          .fd = conn->transport.fd,
                          .is_session = may_be_of_php(request->key),
                          .ttl_s = ttl_of(conn, request->exptime)};
    set_key(&event, request->key);
    events_put(events_of(conn), &event);
}

/* What the system no longer knows is shown as unknown: a peer that has reset. */
static void set_peer(struct event *event, int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    const void *ip = NULL;
    char *text = event->text;
    event->command = EVENT_TCP;
    if (getpeername(fd, (struct sockaddr *)&address, &len) != 0) {
        strcpy(text, "unknown");
    } else if (address.ss_family == AF_INET) {
        ip = &((const struct sockaddr_in *)&address)->sin_addr;
        event->port = ntohs(((const struct sockaddr_in *)&address)->sin_port);
    } else if (address.ss_family == AF_INET6) {
        ip = &((const struct sockaddr_in6 *)&address)->sin6_addr;
        event->port = ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
    } else {
        strcpy(text, "unix");
        event->command = EVENT_LOCAL;
    }
    if (ip != NULL && inet_ntop(address.ss_family, ip, text, EVENT_TEXT_MAX) == NULL)
        strcpy(text, "unknown");
    event->len = (uint8_t)strlen(text);
}

static void tell_conn(struct conn *conn, enum event_kind kind, enum event_closed reason)
{
    if (!events_wants(events_of(conn), EVENTS_CONNEVENTS))
        return;
    struct event event = {.group = EVENTS_CONNEVENTS,
                          .kind = (uint8_t)kind,
                          .status = (uint8_t)reason,
                          .fd = conn->transport.fd};
    set_peer(&event, conn->transport.fd);
    events_put(events_of(conn), &event);
}

void tell_open(struct conn *conn)
{
    tell_conn(conn, EVENT_OPEN, EVENT_NORMAL);
}

void tell_close(struct conn *conn, enum event_closed reason)
{
    tell_conn(conn, EVENT_CLOSE, reason);
}

void tell_eviction(void *arg, const struct store_dropped *dropped)
{
    struct server *server = arg;
    if (dropped->why != STORE_EVICTED || !events_wants(&server->events, EVENTS_EVICTIONS))
        return;
    struct event event = {.group = EVENTS_EVICTIONS,
                          .kind = EVENT_EVICTION,
                          .ttl_s = dropped->ttl_s,
                          .idle_s = dropped->idle_s,
                          .size = dropped->value_len,
                          .class = class_number(dropped->class),
                          .is_session = dropped->class == STORE_SESSION,
                          .is_hashed = dropped->is_hashed,
                          .is_fetched = dropped->fetched};
    set_key(&event, dropped->key);
    events_put(&server->events, &event);
}
