/* Asking and reading answers, see client.h. */
#include "client/client.h"
#include "base/check.h"
#include "client/deadline.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

enum { QUOTE_MAX = 80 };

#define LINE_END "\r\n"

static_assert(CLIENT_LINE_MAX + 2 < CLIENT_BUFFER_BYTES, "a line and its end fit into the buffer");

/* ---- failing ---- */

__attribute__((format(printf, 3, 4))) static enum err fail(struct client *client, enum err err,
                                                           const char *format, ...)
{
    int len = snprintf(client->error, sizeof client->error, "%s: ", client->server);
    va_list args;
    va_start(args, format);
    vsnprintf(client->error + len, sizeof client->error - (size_t)len, format, args);
    va_end(args);
    client_close(client);
    return err;
}

static enum err fail_system(struct client *client, const char *what)
{
    if (errno == ECONNRESET || errno == EPIPE)
        return fail(client, ERR_CLOSED,
                    "the connection broke off; the server has ended, or gave this connection up");
    if (errno == EACCES)
        return fail(client, ERR_SYSTEM,
                    "it wants to know who asks: give a certificate of the client's own with cert= and key=");
    return fail(client, ERR_SYSTEM, "cannot %s: %s", what, strerror(errno));
}

static enum err fail_wait(struct client *client, enum err err, const char *what)
{
    if (err == ERR_TIMEOUT)
        return fail(client, err,
                    "no answer within %u ms; the server hangs or has too much to do, or the time-out is too "
                    "short",
                    client->answer_ms);
    return fail_system(client, what);
}

/* What a stranger sent, without the ends of its last lines, fit for a terminal. */
static void quote(struct bytes text, char ret[static QUOTE_MAX])
{
    size_t n = 0;
    while (text.len > 0 && (text.p[text.len - 1] == '\n' || text.p[text.len - 1] == '\r'))
        text.len--;
    for (; n < text.len && n < QUOTE_MAX - 1; n++)
        ret[n] = text.p[n] >= ' ' && text.p[n] <= '~' ? text.p[n] : '?';
    ret[n] = '\0';
}

/* What to do about a line that nobody expected, which often shows who else answers there. */
static const char *advice_of(struct bytes line, const char *otherwise)
{
    static const struct {
        const char *begin;
        const char *advice;
    } known[] = {
        {"ERROR Too many open connections", "raise the server's limit (-c), or have clients close theirs"},
        {"-", "this is Redis or Valkey, not cloakroomd; correct the address"},
        {"HTTP/", "this is a web server, not cloakroomd; correct the address"},
        {"SSH-", "this is an SSH server, not cloakroomd; correct the address"},
        {"220 ", "this is a mail or FTP server, not cloakroomd; correct the address"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (bytes_starts_with(line, bytes_of(known[i].begin)))
            return known[i].advice;
    return otherwise;
}

enum err client_reject(struct client *client, struct bytes line)
{
    char quoted[QUOTE_MAX];
    quote(line, quoted);
    return fail(client, ERR_PROTOCOL, "answered '%s': %s", quoted,
                advice_of(line, "is this a memcached server, and of this version?"));
}

/* ---- opening and closing ---- */

static void begin(struct client *client, const char *shown, struct client_limits limits)
{
    client->is_open = false;
    client->is_asked = false;
    client->answer_ms = limits.answer_ms;
    client->begin = client->end = 0;
    client->error[0] = '\0';
    snprintf(client->server, sizeof client->server, "%s", shown);
}

static enum err reach(struct client *client, const struct address *address, struct client_limits limits)
{
    char why[CHANNEL_ERROR_MAX];
    enum err err = channel_open(&client->channel, address, limits.connect_ms, limits.answer_ms, why);
    client->is_open = err == ERR_NONE;
    return err == ERR_NONE ? ERR_NONE : fail(client, err, "%s", why);
}

enum err client_open_address(struct client *client, const char *shown, const struct address *address,
                             struct client_limits limits)
{
    begin(client, shown, limits);
    return reach(client, address, limits);
}

enum err client_open(struct client *client, const char *server, struct client_limits limits)
{
    struct address address;
    begin(client, server, limits);
    static_assert((int)CLIENT_ERROR_MAX >= (int)ADDRESS_ERROR_MAX, "the parser writes right there");
    enum err err = address_parse(server, &address, client->error);
    return err != ERR_NONE ? err : reach(client, &address, limits);
}

bool client_is_open(const struct client *client)
{
    return client->is_open;
}

void client_set_answer_ms(struct client *client, uint32_t answer_ms)
{
    client->answer_ms = answer_ms;
}

void client_close(struct client *client)
{
    if (client == NULL || !client->is_open)
        return;
    client->is_open = false;
    channel_close(&client->channel);
}

/* ---- sending ---- */

/* Nobody may have said anything before this request: neither what was read ahead, nor what waits in the
 * socket. */
static enum err check_quiet(struct client *client)
{
    char unasked[QUOTE_MAX];
    char quoted[QUOTE_MAX];
    ssize_t len;
    do
        len = channel_peek(&client->channel, unasked, sizeof unasked);
    while (len < 0 && errno == EINTR);
    if (len < 0 && errno == EAGAIN)
        return ERR_NONE;
    if (len < 0)
        return fail_system(client, "read");
    if (len == 0)
        return fail(client, ERR_CLOSED,
                    "the server has closed the connection since it was last used; connect again");
    struct bytes said = {.p = unasked, .len = (size_t)len};
    quote(said, quoted);
    return fail(client, ERR_PROTOCOL, "said '%s' before it was asked: %s", quoted,
                advice_of(said, "connect again"));
}

/* What is still to be sent of `parts`, of which `sent` bytes have left. */
static size_t fill_vectors(const struct bytes *parts, size_t n, size_t sent, struct iovec *ret)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        size_t before = sent < parts[i].len ? sent : parts[i].len;
        sent -= before;
        if (before < parts[i].len)
            ret[used++] = (struct iovec){.iov_base = (void *)(uintptr_t)(parts[i].p + before),
                                         .iov_len = parts[i].len - before};
    }
    return used;
}

/* What the server has said before it left tells more than that it has. */
static enum err fail_send(struct client *client, size_t sent)
{
    int error_number = errno;
    enum err err = sent == 0 && (errno == EPIPE || errno == ECONNRESET) ? check_quiet(client) : ERR_NONE;
    errno = error_number;
    return err != ERR_NONE ? err : fail_system(client, "send");
}

static enum err send_all(struct client *client, const struct bytes *parts, size_t n)
{
    uint64_t deadline_ns = deadline_in(client->answer_ms);
    size_t sent = 0;
    for (;;) {
        struct iovec vectors[CLIENT_PARTS_MAX];
        size_t nvectors = fill_vectors(parts, n, sent, vectors);
        if (nvectors == 0)
            return ERR_NONE;
        ssize_t len = channel_send(&client->channel, vectors, nvectors);
        if (len >= 0) {
            sent += (size_t)len;
        } else if (errno == EAGAIN) {
            enum err err = deadline_wait(deadline_ns, client->channel.fd, client->channel.wanted);
            if (err != ERR_NONE)
                return fail_wait(client, err, "send");
        } else if (errno != EINTR) {
            return fail_send(client, sent);
        }
    }
}

enum err client_look(struct client *client)
{
    if (!client->is_open)
        return ERR_CLOSED;
    return check_quiet(client);
}

static enum err send_request(struct client *client, const struct bytes *parts, size_t n, bool looks)
{
    CHECK(n <= CLIENT_PARTS_MAX);
    if (!client->is_open)
        return ERR_CLOSED;
    if (client->is_asked)
        return fail(client, ERR_PROTOCOL, "the answer before was not read to its end; connect again");
    enum err err = looks ? check_quiet(client) : ERR_NONE;
    if (err != ERR_NONE)
        return err;
    client->is_asked = true;
    return send_all(client, parts, n);
}

enum err client_send(struct client *client, const struct bytes *parts, size_t n)
{
    return send_request(client, parts, n, true);
}

enum err client_send_numbered(struct client *client, const struct bytes *parts, size_t n)
{
    return send_request(client, parts, n, !client->channel.tells_of_end);
}

/* ---- reading ---- */

/* Reads more: up to `len` bytes to `to`, what comes beyond into the buffer, which must then be empty; with
 * len 0 all of it into the buffer. *ret_len is what arrived in `to`. */
static enum err receive(struct client *client, uint64_t deadline_ns, char *to, size_t len, size_t *ret_len)
{
    size_t ahead = client->end - client->begin;
    CHECK(len == 0 || ahead == 0);
    memmove(client->buffer, client->buffer + client->begin, ahead);
    client->begin = 0;
    client->end = ahead;
    struct iovec vectors[] = {{.iov_base = to, .iov_len = len},
                              {.iov_base = client->buffer + ahead, .iov_len = CLIENT_BUFFER_BYTES - ahead}};
    ssize_t got = channel_receive(&client->channel, vectors, 2, deadline_ns);
    if (got < 0)
        return errno == ETIMEDOUT ? fail_wait(client, ERR_TIMEOUT, "read") : fail_system(client, "read");
    bool may_want_tls = client->channel.ssl == NULL && !client->channel.tells_of_end;
    if (got == 0)
        return fail(client, ERR_CLOSED,
                    "closed the connection before the answer was whole; the server was stopped, or gave "
                    "this connection up%s",
                    may_want_tls ? ", or it wants TLS: tls://" : "");
    *ret_len = (size_t)got < len ? (size_t)got : len;
    client->end += (size_t)got - *ret_len;
    return ERR_NONE;
}

static enum err read_ahead(struct client *client, uint64_t deadline_ns)
{
    size_t none;
    return receive(client, deadline_ns, NULL, 0, &none);
}

/* The line that begins what was read ahead, `len` long with its \n. */
static enum err cut_line(struct client *client, size_t len, bool is_dump, struct bytes *ret_line)
{
    struct bytes line = {.p = client->buffer + client->begin, .len = len};
    bool is_whole = bytes_ends_with(line, bytes_of(LINE_END));
    if (!is_whole && !is_dump)
        return client_reject(client, line);
    line.len -= is_whole ? strlen(LINE_END) : 1;
    client->begin += len;
    *ret_line = line;
    return ERR_NONE;
}

static enum err read_line(struct client *client, bool is_dump, struct bytes *ret_line)
{
    if (!client->is_open)
        return ERR_CLOSED;
    CHECK(client->is_asked);
    uint64_t deadline_ns = deadline_in(client->answer_ms);
    size_t scanned = 0;
    for (;;) {
        const char *from = client->buffer + client->begin;
        size_t ahead = client->end - client->begin;
        size_t within = ahead < CLIENT_LINE_MAX + 2 ? ahead : CLIENT_LINE_MAX + 2;
        const char *newline = memchr(from + scanned, '\n', within - scanned);
        if (newline != NULL)
            return cut_line(client, (size_t)(newline - from) + 1, is_dump, ret_line);
        if (within == CLIENT_LINE_MAX + 2)
            return fail(client, ERR_PROTOCOL, "answered a line of more than %d bytes; is this cloakroomd?",
                        CLIENT_LINE_MAX);
        scanned = within;
        enum err err = read_ahead(client, deadline_ns);
        if (err != ERR_NONE)
            return err;
    }
}

enum err client_read_line(struct client *client, struct bytes *ret_line)
{
    return read_line(client, false, ret_line);
}

enum err client_read_dump_line(struct client *client, struct bytes *ret_line)
{
    return read_line(client, true, ret_line);
}

static enum err skip_line_end(struct client *client, uint64_t deadline_ns)
{
    while (client->end - client->begin < strlen(LINE_END)) {
        enum err err = read_ahead(client, deadline_ns);
        if (err != ERR_NONE)
            return err;
    }
    if (memcmp(client->buffer + client->begin, LINE_END, strlen(LINE_END)) != 0)
        return fail(client, ERR_PROTOCOL,
                    "sent a value that is longer than it had announced; is this cloakroomd?");
    client->begin += strlen(LINE_END);
    return ERR_NONE;
}

enum err client_read_value(struct client *client, char *to, size_t len)
{
    if (!client->is_open)
        return ERR_CLOSED;
    CHECK(client->is_asked);
    uint64_t deadline_ns = deadline_in(client->answer_ms);
    size_t ahead = client->end - client->begin;
    size_t have = ahead < len ? ahead : len;
    if (have > 0)
        memcpy(to, client->buffer + client->begin, have);
    client->begin += have;
    while (have < len) {
        size_t got;
        enum err err = receive(client, deadline_ns, to + have, len - have, &got);
        if (err != ERR_NONE)
            return err;
        have += got;
    }
    return skip_line_end(client, deadline_ns);
}

enum err client_finish(struct client *client)
{
    if (!client->is_open)
        return ERR_CLOSED;
    CHECK(client->is_asked);
    if (client->begin != client->end)
        return fail(client, ERR_PROTOCOL, "answered more than it was asked; is this cloakroomd?");
    client->is_asked = false;
    client->begin = client->end = 0;
    return ERR_NONE;
}

bool client_is_refusal(struct bytes line)
{
    return bytes_equal(line, bytes_of("ERROR")) || bytes_starts_with(line, bytes_of("ERROR ")) ||
           bytes_starts_with(line, bytes_of("CLIENT_ERROR")) ||
           bytes_starts_with(line, bytes_of("SERVER_ERROR"));
}
