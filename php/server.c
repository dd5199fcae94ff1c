/* The choice of the server and asking it, see server.h. */
#include "server.h"
#include "base/clock.h"
#include "base/num.h"
#include "client/address.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NS_PER_MS = 1000000, MS_PER_S = 1000, TIMEOUT_MAX_S = 3600 };

#define FORMS "unix:///path/of/socket, /path/of/socket, tcp://host:port, host:port or tcp://[v6]:port"

/* ---- save_path ---- */

__attribute__((format(printf, 2, 3))) static bool refuse(char *error, const char *format, ...)
{
    int len = snprintf(error, CLIENT_ERROR_MAX, "session.save_path: ");
    va_list args;
    va_start(args, format);
    vsnprintf(error + len, CLIENT_ERROR_MAX - (size_t)len, format, args);
    va_end(args);
    return false;
}

/* One `name=value` of php-memcache. All but timeout mean nothing here, but are no mistake. */
static bool take_parameter(struct server *server, char *text, char *error)
{
    static const char *const others[] = {"persistent", "weight", "retry_interval", "udp_port", "status"};
    char *value = strchr(text, '=');
    if (value == NULL)
        return refuse(error, "'%s' behind the ? lacks its value; write %s=1 or leave it out", text, text);
    *value++ = '\0';
    if (strcmp(text, "timeout") == 0) {
        char *end;
        double s = strtod(value, &end);
        if (end == value || *end != '\0' || !(s > 0 && s <= TIMEOUT_MAX_S))
            return refuse(error, "timeout=%s is no number of seconds to connect; write timeout=1", value);
        server->connect_ms = s * MS_PER_S < 1 ? 1 : (uint32_t)(s * MS_PER_S);
        return true;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(text, others[i]) == 0)
            return true;
    return refuse(error,
                  "'%s' behind the ? is no setting; there are timeout, persistent, weight, retry_interval",
                  text);
}

static bool take_parameters(struct server *server, char *text, char *error)
{
    char *rest = NULL;
    for (char *one = strtok_r(text, "&", &rest); one != NULL; one = strtok_r(NULL, "&", &rest))
        if (!take_parameter(server, one, error))
            return false;
    return true;
}

static bool check_form(const char *path, char *error)
{
    if (path[0] == '\0')
        return refuse(error, "it is empty; write where cloakroomd listens: " FORMS);
    if (strncmp(path, "tls://", 6) == 0)
        return refuse(error,
                      "'%.200s': TLS is not there yet; write tcp:// (in a network of your own) or unix://",
                      path);
    if (path[0] != '/' && strncmp(path, "unix:", 5) != 0 && strpbrk(path, ", ") != NULL)
        return refuse(error, "'%.200s' is a list; several servers are not there yet, name one: " FORMS, path);
    if (path[0] != '/' && strchr(path, ';') != NULL)
        return refuse(error, "'%.200s' is written for session.save_handler = files; write " FORMS, path);
    return true;
}

static bool parse(struct server *server, char *error)
{
    struct address address;
    struct stat found;
    char why[ADDRESS_ERROR_MAX];
    if (!check_form(server->path, error))
        return false;
    strcpy(server->address, server->path);
    char *question = server->path[0] == '/' ? NULL : strchr(server->address, '?');
    if (question != NULL) {
        *question = '\0';
        if (!take_parameters(server, question + 1, error))
            return false;
    }
    if (address_parse(server->address, &address, why) != ERR_NONE)
        return refuse(error, "%s", why);
    if (address.kind == ADDRESS_UNIX && stat(address.path, &found) == 0 && S_ISDIR(found.st_mode))
        return refuse(error,
                      "'%s' is a folder, as for session.save_handler = files; write the path of the socket",
                      address.path);
    return true;
}

static void free_one(struct server **at)
{
    struct server *server = *at;
    *at = server->next;
    server_drop(server);
    free(server);
}

static void make_room(struct server **list)
{
    size_t n = 0;
    for (struct server **at = list; *at != NULL; at = &(*at)->next)
        if (++n == SERVERS_MAX) {
            free_one(at);
            return;
        }
}

struct server *server_find(struct server **list, const char *path, char *error)
{
    for (struct server *server = *list; server != NULL; server = server->next)
        if (strcmp(server->path, path) == 0)
            return server;
    if (strlen(path) >= SERVER_PATH_MAX) {
        refuse(error, "more than %d bytes; write " FORMS, SERVER_PATH_MAX - 1);
        return NULL;
    }
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        refuse(error, "the system has no memory left");
        return NULL;
    }
    strcpy(server->path, path);
    if (!parse(server, error)) {
        free(server);
        return NULL;
    }
    make_room(list);
    server->next = *list;
    *list = server;
    return server;
}

/* ---- connecting ---- */

void server_drop(struct server *server)
{
    client_close(&server->client);
    server->is_asked = false;
    server->has_lease = false;
}

bool server_is_connected(const struct server *server)
{
    return client_is_open(&server->client) && server->pid == getpid();
}

static bool fail(struct server *server)
{
    snprintf(server->error, sizeof server->error, "%s", server->client.error);
    server->figures.failures++;
    server_drop(server);
    return false;
}

static bool fail_call(struct server *server, struct server_limits limits, enum err err)
{
    if (err == ERR_TIMEOUT)
        server->silent_until_ns = clock_steady_ns(&clock_system) + (uint64_t)limits.retry_ms * NS_PER_MS;
    return fail(server);
}

static bool connect_now(struct server *server, struct server_limits limits)
{
    const struct client_limits given = {.connect_ms =
                                            server->connect_ms != 0 ? server->connect_ms : limits.connect_ms,
                                        .answer_ms = limits.read_ms};
    enum err err = client_open(&server->client, server->address, given);
    if (err != ERR_NONE)
        return fail_call(server, limits, err);
    server->pid = getpid();
    server->figures.connects++;
    return true;
}

/* Also: what is of another process, or was left in the middle, is closed. */
static bool make_ready(struct server *server, struct server_limits limits)
{
    if (client_is_open(&server->client) && (server->pid != getpid() || server->is_asked))
        server_drop(server);
    if (client_is_open(&server->client)) {
        client_set_answer_ms(&server->client, limits.read_ms);
        return true;
    }
    if (clock_steady_ns(&clock_system) < server->silent_until_ns) {
        if (strstr(server->error, "not asked again") == NULL)
            snprintf(server->error + strlen(server->error), sizeof server->error - strlen(server->error),
                     "; it is not asked again for %u ms (cloakroom.retry)", limits.retry_ms);
        server->figures.failures++;
        return false;
    }
    return connect_now(server, limits);
}

/* ---- asking ---- */

bool server_ask(struct server *server, struct server_limits limits, struct bytes line, struct bytes value)
{
    char tail[NUM_MAX + 4] = " O";
    if (!make_ready(server, limits))
        return false;
    size_t len = 2 + num_format_u64(++server->number, tail + 2);
    memcpy(tail + len, "\r\n", 2);
    const struct bytes parts[] = {line, {.p = tail, .len = len + 2}, value, {.p = "\r\n", .len = 2}};
    size_t n = value.p != NULL ? 4 : 2;
    enum err err = client_send(&server->client, parts, n);
    if (err == ERR_CLOSED) { /* it was idle, and nothing was seen of this: see client.h */
        server_drop(server);
        if (!connect_now(server, limits))
            return false;
        err = client_send(&server->client, parts, n);
    }
    if (err != ERR_NONE)
        return fail_call(server, limits, err);
    server->is_asked = true;
    server->limits = limits;
    server->figures.round_trips++;
    return true;
}

static bool refused(struct server *server, struct bytes line)
{
    const char *advice = "";
    if (bytes_equal(line, bytes_of("ERROR")))
        advice = ": this server does not know sessions; it is memcached or an old cloakroomd. Start "
                 "cloakroomd there, or "
                 "set session.save_handler = memcached";
    else if (bytes_starts_with(line, bytes_of("SERVER_ERROR object too large")))
        advice = ": what was stored before is still there; store less, or raise the server's limit (-I)";
    else if (bytes_starts_with(line, bytes_of("SERVER_ERROR out of memory")))
        advice = ": the server is full of sessions; raise its limit (-m)";
    else if (bytes_equal(line, bytes_of("CLIENT_ERROR unauthenticated")))
        advice = ": this listener wants a login; name one without (notls:, noauth:), or a unix socket";
    char said[CLIENT_ERROR_MAX / 2];
    snprintf(said, sizeof said, "%.*s", (int)(line.len < sizeof said ? line.len : sizeof said - 1), line.p);
    snprintf(server->error, sizeof server->error, "%.120s: refused with '%.120s'%s", server->address, said,
             advice);
    server->figures.failures++;
    if (client_finish(&server->client) != ERR_NONE)
        server_drop(server);
    server->is_asked = false;
    return false;
}

static bool is_mine(const struct server *server, const struct reply *reply)
{
    uint64_t number;
    if (reply->code == REPLY_WAITING || reply->code == REPLY_SESSION)
        return true;
    return num_parse_u64(reply->opaque, &number) && number == server->number;
}

bool server_next(struct server *server, struct reply *ret)
{
    struct bytes line;
    uint64_t begin_ns = clock_steady_ns(&clock_system);
    for (;;) {
        enum err err = client_read_line(&server->client, &line);
        if (err != ERR_NONE)
            return fail_call(server, server->limits, err);
        if (client_is_refusal(line))
            return refused(server, line);
        if (reply_parse(line, ret) == REPLY_NONE || !is_mine(server, ret)) {
            (void)client_reject(&server->client, line);
            return fail(server);
        }
        if (ret->code != REPLY_WAITING)
            return true;
        uint64_t took_ms = (clock_steady_ns(&clock_system) - begin_ns) / NS_PER_MS;
        if (took_ms > (uint64_t)server->limits.wait_ms + server->limits.read_ms) {
            snprintf(server->client.error, sizeof server->client.error,
                     "%.120s: still waits after %u ms, longer than it was asked to; restart the server",
                     server->address, server->limits.wait_ms);
            return fail(server);
        }
    }
}

bool server_read_value(struct server *server, char *to, size_t len)
{
    enum err err = client_read_value(&server->client, to, len);
    return err == ERR_NONE || fail_call(server, server->limits, err);
}

bool server_finish(struct server *server)
{
    if (client_finish(&server->client) != ERR_NONE)
        return fail(server);
    server->is_asked = false;
    return true;
}

/* ---- the end ---- */

void server_tidy_all(struct server *list)
{
    for (struct server *server = list; server != NULL; server = server->next)
        if (server->is_asked || server->has_lease)
            server_drop(server);
}

void server_free_all(struct server **list)
{
    while (*list != NULL)
        free_one(list);
}
