/* The forms of an address, and what is said about those that are none; see address.h. */
#include "client/address.h"
#include "base/num.h"

#include <stdarg.h>
#include <stdio.h>

enum { TEXT_SHOWN_MAX = 120, PORT_MAX = 65535 };

#define FORMS                                                                                                \
    "host:port, [v6]:port, tcp://host:port, tls://host:port, /path/of/socket or unix:///path/of/socket"

/* What is being parsed, for messages. */
struct parser {
    const char *text;
    char *error;
};

__attribute__((format(printf, 2, 3))) static enum err refuse(const struct parser *parser, const char *format,
                                                             ...)
{
    int len = snprintf(parser->error, ADDRESS_ERROR_MAX, "%.*s: ", TEXT_SHOWN_MAX, parser->text);
    va_list args;
    va_start(args, format);
    vsnprintf(parser->error + len, ADDRESS_ERROR_MAX - (size_t)len, format, args);
    va_end(args);
    return ERR_USAGE;
}

static struct bytes skip(struct bytes b, size_t len)
{
    return (struct bytes){.p = b.p + len, .len = b.len - len};
}

/* What stands before `rest`: a scheme, or nothing. */
static int scheme_len(const struct parser *parser, struct bytes rest)
{
    return (int)(rest.p - parser->text);
}

static bool holds(struct bytes b, char c)
{
    return b.len > 0 && memchr(b.p, c, b.len) != NULL;
}

static size_t count(struct bytes b, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < b.len; i++)
        n += b.p[i] == c;
    return n;
}

static bool is_host(struct bytes host, const char *letters)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.p[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && (c == '\0' || strchr(letters, c) == NULL))
            return false;
    }
    return host.len > 0;
}

static enum err take_host_port(const struct parser *parser, struct bytes host, struct bytes port,
                               struct address *ret)
{
    uint32_t number;
    if (host.len >= ADDRESS_HOST_MAX)
        return refuse(parser, "no host has a name of more than %d bytes", ADDRESS_HOST_MAX - 1);
    if (!num_parse_u32(port, &number) || number == 0 || number > PORT_MAX)
        return refuse(parser, "the port must be a number, 1 to %d, such as 11211", PORT_MAX);
    *ret = (struct address){.kind = ADDRESS_TCP, .port = (uint16_t)number};
    memcpy(ret->host, host.p, host.len);
    return ERR_NONE;
}

/* [v6]:port */
static enum err parse_bracketed(const struct parser *parser, struct bytes rest, struct address *ret)
{
    struct bytes inner = skip(rest, 1);
    const char *bracket = memchr(inner.p, ']', inner.len);
    if (bracket == NULL)
        return refuse(parser, "the bracket is not closed; write [v6]:port");
    struct bytes host = {.p = inner.p, .len = (size_t)(bracket - inner.p)};
    struct bytes behind = skip(inner, host.len + 1);
    if (!is_host(host, ":.%-_") || !holds(host, ':'))
        return refuse(parser, "no IPv6 address stands between the brackets; write [v6]:port or host:port");
    if (behind.len == 0 || behind.p[0] != ':')
        return refuse(parser, "the port is missing; write %.*s[%.*s]:11211", scheme_len(parser, rest),
                      parser->text, (int)host.len, host.p);
    return take_host_port(parser, host, skip(behind, 1), ret);
}

/* More than one colon, no brackets: host:port:weight, or IPv6. */
static enum err refuse_colons(const struct parser *parser, struct bytes rest)
{
    size_t host_len = (size_t)((const char *)memchr(rest.p, ':', rest.len) - rest.p);
    struct bytes behind = skip(rest, host_len + 1);
    size_t port_len = (size_t)((const char *)memchr(behind.p, ':', behind.len) - behind.p);
    uint32_t port;
    struct bytes middle = {.p = behind.p, .len = port_len};
    bool is_weighted = count(rest, ':') == 2 && holds(rest, '.') && num_parse_u32(middle, &port);
    if (is_weighted)
        return refuse(parser, "a weight behind the port, as in lists of php-memcached, means nothing here; "
                              "leave it out");
    return refuse(parser, "an IPv6 address goes between brackets, the port behind them: [::1]:11211");
}

static enum err refuse_without_port(const struct parser *parser, struct bytes rest)
{
    uint32_t number;
    if (num_parse_u32(rest, &number))
        return refuse(parser, "the host is missing; write %.*s127.0.0.1:%u", scheme_len(parser, rest),
                      parser->text, number);
    if (is_host(rest, ".-_"))
        return refuse(parser, "the port is missing; write %.*s%.*s:11211", scheme_len(parser, rest),
                      parser->text, (int)rest.len, rest.p);
    return refuse(parser, "not an address; write " FORMS);
}

/* host:port, with or without tcp:// before it. */
static enum err parse_tcp(const struct parser *parser, struct bytes rest, struct address *ret)
{
    if (holds(rest, ','))
        return refuse(parser, "this is a list; give one server");
    if (holds(rest, '?'))
        return refuse(parser, "what follows the ? are settings of php-memcache, which mean nothing here; "
                              "leave them out");
    if (holds(rest, '/') && rest.p == parser->text)
        return refuse(parser, "a socket is written with its whole path, beginning with /");
    if (holds(rest, '/'))
        return refuse(parser, "nothing may follow the port; leave the / out");
    if (rest.len > 0 && rest.p[0] == '[')
        return parse_bracketed(parser, rest, ret);
    if (count(rest, ':') > 1)
        return refuse_colons(parser, rest);
    if (!holds(rest, ':'))
        return refuse_without_port(parser, rest);
    size_t host_len = (size_t)((const char *)memchr(rest.p, ':', rest.len) - rest.p);
    struct bytes host = {.p = rest.p, .len = host_len};
    struct bytes port = skip(rest, host_len + 1);
    if (host_len == 0)
        return refuse(parser, "the host is missing; write %.*s127.0.0.1:%.*s", scheme_len(parser, rest),
                      parser->text, (int)port.len, port.p);
    if (!is_host(host, ".-_"))
        return refuse(parser, "what stands before the port is no host; write " FORMS);
    return take_host_port(parser, host, port, ret);
}

static enum err parse_unix(const struct parser *parser, struct bytes path, struct address *ret)
{
    if (path.len == 0 || path.p[0] != '/')
        return refuse(parser, "a socket is written with its whole path, so with three slashes: "
                              "unix:///path/of/socket");
    if (bytes_ends_with(path, bytes_of(":0")))
        path.len -= 2;
    if (path.len >= ADDRESS_PATH_MAX)
        return refuse(parser, "the path is too long for a socket (%d bytes)", ADDRESS_PATH_MAX - 1);
    *ret = (struct address){.kind = ADDRESS_UNIX};
    memcpy(ret->path, path.p, path.len);
    return ERR_NONE;
}

/* ---- tls:// ---- */

static enum err take_text(const struct parser *parser, const char *name, struct bytes value, char *to,
                          size_t max)
{
    if (value.len == 0 || value.len >= max)
        return refuse(parser, "%s= wants 1 to %zu bytes", name, max - 1);
    memcpy(to, value.p, value.len);
    to[value.len] = '\0';
    return ERR_NONE;
}

static enum err take_file(const struct parser *parser, const char *name, struct bytes value, char *to)
{
    if (value.len > 0 && value.p[0] != '/')
        return refuse(parser, "%s= wants the whole path of a file, beginning with /", name);
    return take_text(parser, name, value, to, ADDRESS_FILE_MAX);
}

static enum err take_tls_setting(const struct parser *parser, struct bytes setting, struct address_tls *ret)
{
    const char *equals = setting.len > 0 ? memchr(setting.p, '=', setting.len) : NULL;
    struct bytes name = {.p = setting.p, .len = equals == NULL ? setting.len : (size_t)(equals - setting.p)};
    struct bytes value = equals == NULL ? (struct bytes){0} : skip(setting, name.len + 1);
    if (bytes_equal(name, bytes_of("ca")))
        return take_file(parser, "ca", value, ret->ca);
    if (bytes_equal(name, bytes_of("cert")))
        return take_file(parser, "cert", value, ret->cert);
    if (bytes_equal(name, bytes_of("key")))
        return take_file(parser, "key", value, ret->key);
    if (bytes_equal(name, bytes_of("name")))
        return take_text(parser, "name", value, ret->name, sizeof ret->name);
    if (!bytes_equal(name, bytes_of("verify")))
        return refuse(parser, "'%.*s' behind the ? is none of ca, cert, key, name, verify",
                      (int)(name.len < TEXT_SHOWN_MAX ? name.len : TEXT_SHOWN_MAX), name.p);
    ret->is_unverified = bytes_equal(value, bytes_of("0"));
    if (ret->is_unverified || bytes_equal(value, bytes_of("1")))
        return ERR_NONE;
    return refuse(parser, "verify= wants 1, or 0 to trust whoever answers");
}

static enum err parse_tls(const struct parser *parser, struct bytes rest, struct address *ret)
{
    struct address_tls tls = {0};
    const char *question = rest.len > 0 ? memchr(rest.p, '?', rest.len) : NULL;
    struct bytes settings = {0};
    if (question != NULL) {
        size_t len = (size_t)(question - rest.p);
        settings = skip(rest, len + 1);
        rest.len = len;
    }
    while (settings.len > 0) {
        const char *and = memchr(settings.p, '&', settings.len);
        size_t len = and == NULL ? settings.len : (size_t)(and-settings.p);
        enum err err = take_tls_setting(parser, (struct bytes){.p = settings.p, .len = len}, &tls);
        if (err != ERR_NONE)
            return err;
        settings = skip(settings, and == NULL ? len : len + 1);
    }
    if ((tls.cert[0] == '\0') != (tls.key[0] == '\0'))
        return refuse(parser, "cert= and key= go together; add the other, or leave both out");
    struct address address;
    enum err err = parse_tcp(parser, rest, &address);
    if (err != ERR_NONE)
        return err;
    address.is_tls = true;
    address.tls = tls;
    *ret = address;
    return ERR_NONE;
}

enum err address_parse(const char *text, struct address *ret, char *error)
{
    const struct parser parser = {.text = text, .error = error};
    struct bytes all = bytes_of(text);
    if (all.len == 0) {
        snprintf(error, ADDRESS_ERROR_MAX, "the server's address is empty; write " FORMS);
        return ERR_USAGE;
    }
    if (text[0] == '/')
        return parse_unix(&parser, all, ret);
    if (bytes_starts_with(all, bytes_of("unix://")))
        return parse_unix(&parser, skip(all, strlen("unix://")), ret);
    if (bytes_starts_with(all, bytes_of("unix:/"))) /* a host may be named unix */
        return parse_unix(&parser, (struct bytes){0}, ret);
    if (bytes_starts_with(all, bytes_of("tcp://")))
        return parse_tcp(&parser, skip(all, strlen("tcp://")), ret);
    if (bytes_starts_with(all, bytes_of("tls://")))
        return parse_tls(&parser, skip(all, strlen("tls://")), ret);
    if (bytes_starts_with(all, bytes_of("tcp:/")) || bytes_starts_with(all, bytes_of("tls:/")))
        return refuse(&parser, "two slashes follow the colon; write %.3s://host:port", text);
    if (strstr(text, "://") != NULL)
        return refuse(&parser, "only tcp://, tls:// and unix:// may stand before an address; write " FORMS);
    return parse_tcp(&parser, all, ret);
}
