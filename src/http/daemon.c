/* libmicrohttpd, driven by our own thread; see http_private.h. */
#include "base/check.h"
#include "http/http_private.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define NS_PER_S ((uint64_t)1000000000)

static uint64_t now_ns_of(const struct http *http)
{
    return clock_steady_ns(http->config.clock);
}

/* ---- connections ---- */

static void connection_changed(void *arg, struct MHD_Connection *connection, void **context,
                               enum MHD_ConnectionNotificationCode what)
{
    struct http *http = arg;
    struct visitor *visitor = *context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        visitor = calloc(1, sizeof *visitor);
        *context = visitor;
        if (visitor == NULL)
            return; /* it has no bound but MHD's own */
        visitor->http = http;
        visitor->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        visitor->until_ns = now_ns_of(http) + HTTP_REQUEST_S * NS_PER_S;
        visitor->next = http->visitors;
        http->visitors = visitor;
    } else if (visitor != NULL) {
        struct visitor **at = &http->visitors;
        while (*at != visitor)
            at = &(*at)->next;
        *at = visitor->next;
        free(visitor);
        *context = NULL;
    }
}

/* MHD sees the end, as if the other side had gone. */
void daemon_end_late(struct http *http, uint64_t now_ns)
{
    for (struct visitor *visitor = http->visitors; visitor != NULL; visitor = visitor->next) {
        if (visitor->until_ns <= now_ns)
            (void)shutdown(visitor->fd, SHUT_RDWR);
    }
}

/* ---- requests ---- */

static void put_aside(struct call *call)
{
    struct http *http = call->http;
    call->is_aside = true;
    call->next = http->aside;
    http->aside = call;
    MHD_suspend_connection(call->connection);
}

static void take_body(struct call *call, const char *data, size_t len)
{
    if (len > sizeof call->body - call->body_len) {
        call->is_too_large = true;
        return;
    }
    memcpy(call->body + call->body_len, data, len);
    call->body_len += len;
}

static enum MHD_Result serve(void *arg, struct MHD_Connection *connection, const char *url,
                             const char *method, const char *version, const char *data, size_t *data_len,
                             void **context)
{
    struct call *call = *context;
    (void)version;
    if (call == NULL) {
        *context = call = call_new(arg, connection, url, method);
        return call == NULL ? MHD_NO : MHD_YES; /* its body, if there is one, comes with the next call */
    }
    if (*data_len > 0) {
        take_body(call, data, *data_len);
        *data_len = 0;
        return MHD_YES;
    }
    if (call->reply.status == 0 && !call_run(call, now_ns_of(call->http))) {
        if (!call->http->is_ending) {
            put_aside(call);
            return MHD_YES;
        }
        call_refuse(call, 503, "the server is being stopped");
    }
    return call_answer(call);
}

static void completed(void *arg, struct MHD_Connection *connection, void **context,
                      enum MHD_RequestTerminationCode how)
{
    struct http *http = arg;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct visitor *visitor = info != NULL ? info->socket_context : NULL;
    (void)how;
    if (visitor != NULL)
        visitor->until_ns = now_ns_of(http) + HTTP_REQUEST_S * NS_PER_S;
    if (*context != NULL)
        call_free(*context);
    *context = NULL;
}

/* One piece of the work of each that is aside. True: some can be answered now. */
static bool run_aside(struct http *http)
{
    bool are_some_done = false;
    uint64_t now_ns = now_ns_of(http);
    struct call **at = &http->aside;
    while (*at != NULL) {
        struct call *call = *at;
        if (!http->is_ending && !call_run(call, now_ns)) {
            at = &call->next;
            continue;
        }
        if (call->reply.status == 0)
            call_refuse(call, 503, "the server is being stopped");
        *at = call->next;
        call->is_aside = false;
        MHD_resume_connection(call->connection);
        are_some_done = true;
    }
    return are_some_done;
}

/* How long those that are aside can wait, in milliseconds; -1: there are none. */
static int wait_of_aside(const struct http *http)
{
    int wait_ms = -1;
    uint64_t now_ns = now_ns_of(http);
    for (const struct call *call = http->aside; call != NULL; call = call->next) {
        int own_ms = call->ticket != 0 ? CALL_SAFETY_POLL_MS : 0;
        if (call->not_before_ns > now_ns)
            own_ms = (int)((call->not_before_ns - now_ns) / 1000000U) + 1;
        wait_ms = wait_ms < 0 || own_ms < wait_ms ? own_ms : wait_ms;
    }
    return wait_ms;
}

/* ---- the daemon ---- */

static void quiet(void *arg, const char *format, va_list args)
{
    (void)arg; /* what clients do wrong is theirs to know */
    (void)format;
    (void)args;
}

bool daemon_start(struct http *http, const char *cert, const char *key, struct MHD_Daemon **ret)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (cert != NULL ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cert},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
                                   {MHD_OPTION_HTTPS_PRIORITIES, 0, "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1"},
                                   {MHD_OPTION_END, 0, NULL}};
    int fd = fcntl(http->config.fd, F_DUPFD_CLOEXEC, 0); /* a daemon closes its own */
    if (fd < 0)
        return false;
    *ret = MHD_start_daemon(
        flags, 0, NULL, NULL, serve, http, MHD_OPTION_EXTERNAL_LOGGER, quiet, NULL, MHD_OPTION_LISTEN_SOCKET,
        fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(32 << 10),
        MHD_OPTION_NOTIFY_COMPLETED, completed, http, MHD_OPTION_NOTIFY_CONNECTION, connection_changed, http,
        MHD_OPTION_ARRAY, cert != NULL ? tls : &tls[3], MHD_OPTION_END);
    if (*ret == NULL)
        close(fd);
    return *ret != NULL;
}

void daemon_stop(struct http *http)
{
    http->is_ending = true; /* none may be suspended, or MHD aborts; not by its last requests either */
    run_aside(http);
    if (http->daemon != NULL) {
        MHD_run(http->daemon);
        MHD_stop_daemon(http->daemon);
    }
    http->daemon = NULL;
    http->is_ending = false;
    http->nwrong = 0; /* those who waited have been answered */
}

void daemon_turn(struct http *http, int wait_ms)
{
    MHD_UNSIGNED_LONG_LONG own_ms;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd polled[] = {{.fd = info->epoll_fd, .events = POLLIN},
                              {.fd = http->wake_fd, .events = POLLIN}};
    int aside_ms = wait_of_aside(http);
    if (MHD_get_timeout(http->daemon, &own_ms) == MHD_YES && own_ms < (MHD_UNSIGNED_LONG_LONG)wait_ms)
        wait_ms = (int)own_ms;
    if (aside_ms >= 0 && aside_ms < wait_ms)
        wait_ms = aside_ms;
    (void)poll(polled, 2, wait_ms);
    if ((polled[1].revents & POLLIN) != 0) {
        uint64_t n;
        (void)!read(http->wake_fd, &n, sizeof n);
    }
    CHECK(MHD_run(http->daemon) == MHD_YES);
    if (run_aside(http))
        CHECK(MHD_run(http->daemon) == MHD_YES);
}
