/* Connecting to a server and asking it, see server.h. */
#include "server.h"
#include "base/clock.h"
#include "base/num.h"

#include <stdio.h>
#include <unistd.h>

enum { NS_PER_MS = 1000000 };

void server_init(struct server *server, const struct path_server *from)
{
    const char *scheme = from->address.kind == ADDRESS_UNIX ? "" : from->address.is_tls ? "tls://" : "tcp://";
    snprintf(server->shown, sizeof server->shown, "%s%s", scheme, from->name);
    server->ranked = (struct ranked){.seed = ranking_seed(bytes_of(from->name)), .weight = from->weight};
    server->address = from->address;
    server->connect_ms = from->connect_ms;
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
    enum err err = client_open_address(&server->client, server->shown, &server->address, given);
    if (err != ERR_NONE)
        return fail_call(server, limits, err);
    server->pid = getpid();
    server->is_plain = false;
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

static enum err send_once(struct client *client, const struct bytes *parts, size_t n, bool is_numbered)
{
    return is_numbered ? client_send_numbered(client, parts, n) : client_send(client, parts, n);
}

static bool send_parts(struct server *server, struct server_limits limits, const struct bytes *parts,
                       size_t n, bool is_numbered)
{
    enum err err = send_once(&server->client, parts, n, is_numbered);
    if (err == ERR_CLOSED) { /* it was idle, and nothing was seen of this: see client.h */
        server_drop(server);
        if (!connect_now(server, limits))
            return false;
        err = send_once(&server->client, parts, n, is_numbered);
    }
    if (err != ERR_NONE)
        return fail_call(server, limits, err);
    server->is_asked = true;
    server->limits = limits;
    server->figures.round_trips++;
    return true;
}

bool server_ask(struct server *server, struct server_limits limits, struct bytes line, struct bytes value)
{
    char tail[NUM_MAX + 4] = " O";
    if (!make_ready(server, limits))
        return false;
    size_t len = 2 + num_format_u64(++server->number, tail + 2);
    memcpy(tail + len, "\r\n", 2);
    const struct bytes parts[] = {line, {.p = tail, .len = len + 2}, value, {.p = "\r\n", .len = 2}};
    return send_parts(server, limits, parts, value.p != NULL ? 4 : 2, true);
}

bool server_say(struct server *server, struct server_limits limits, const struct bytes *parts, size_t n)
{
    return make_ready(server, limits) && send_parts(server, limits, parts, n, false);
}

static bool refused(struct server *server, struct bytes line)
{
    const char *advice = "";
    server->is_plain = bytes_equal(line, bytes_of("ERROR"));
    if (server->is_plain)
        advice =
            ": this is a plain memcached, which keeps sessions as well as it can; tags, lists and kills need "
            "cloakroomd there";
    else if (bytes_starts_with(line, bytes_of("SERVER_ERROR object too large")))
        advice = ": what was stored before is still there; store less, or raise the server's limit (-I)";
    else if (bytes_starts_with(line, bytes_of("SERVER_ERROR out of memory")))
        advice = ": the server is full of sessions; raise its limit (-m)";
    else if (bytes_equal(line, bytes_of("CLIENT_ERROR unauthenticated")))
        advice = ": the server wants a login (-Y), which this extension has not; start it without -Y, and "
                 "let only "
                 "web servers reach it (a unix socket, or TLS with ssl_verify_mode=2)";
    char said[CLIENT_ERROR_MAX / 2];
    snprintf(said, sizeof said, "%.*s", (int)(line.len < sizeof said ? line.len : sizeof said - 1), line.p);
    snprintf(server->error, sizeof server->error, "%.120s: refused with '%.120s'%s", server->shown, said,
             advice);
    server->figures.failures += !server->is_plain;
    if (client_finish(&server->client) != ERR_NONE)
        server_drop(server);
    server->is_asked = false;
    return false;
}

void server_refuse(struct server *server)
{
    snprintf(
        server->error, sizeof server->error,
        "%.120s: answered what is no answer to what it was asked; is this cloakroomd, and of this version?",
        server->shown);
    server->figures.failures++;
    server_drop(server);
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
                     server->shown, server->limits.wait_ms);
            return fail(server);
        }
    }
}

bool server_next_line(struct server *server, struct bytes *ret_line)
{
    enum err err = client_read_line(&server->client, ret_line);
    return err == ERR_NONE || fail_call(server, server->limits, err);
}

bool server_read_value(struct server *server, char *to, size_t len)
{
    enum err err = client_read_value(&server->client, to, len);
    return err == ERR_NONE || fail_call(server, server->limits, err);
}

void server_hurry(struct server *server, uint32_t within_ms)
{
    client_set_answer_ms(&server->client, within_ms);
}

bool server_finish(struct server *server)
{
    if (client_finish(&server->client) != ERR_NONE)
        return fail(server);
    server->is_asked = false;
    return true;
}

bool server_is_plain(const struct server *server)
{
    return server->is_plain && server_is_connected(server);
}

/* ---- the rest ---- */

bool server_reach(struct server *server, struct server_limits limits)
{
    if (!make_ready(server, limits))
        return false;
    enum err err = client_look(&server->client);
    if (err == ERR_CLOSED) {
        server_drop(server);
        return connect_now(server, limits);
    }
    return err == ERR_NONE || fail_call(server, limits, err);
}

void server_tidy(struct server *server)
{
    if (server->is_asked || server->has_lease)
        server_drop(server);
}
