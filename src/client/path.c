/* Taking a session.save_path apart, see path.h. */
#include "client/path.h"
#include "base/num.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum { MS_PER_S = 1000, TIMEOUT_MAX_S = 3600, SHOWN_MAX = 120 };

#define BLANKS     " \t\r\n"
#define SEPARATORS "," BLANKS
#define FORMS      "unix:///path/of/socket, tcp://host:port, tcp://[v6]:port, tls://host:port or host:port"

enum style { STYLE_URL, STYLE_BARE };

struct parser {
    struct path *path;
    char *error;
    enum style style; /* of the first server */
    char first[SHOWN_MAX];
};

/* One server, as it is taken apart. */
struct part {
    struct path_server *server;
    enum style style;
    bool has_weight;
    char *text;               /* all of it, for messages; what is understood is cut off its end */
    char kept[PATH_PART_MAX]; /* settings that are the address's */
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct parser *parser, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(parser->error, PATH_ERROR_MAX, format, args);
    va_end(args);
    return false;
}

/* What stands behind a scheme such as tcp://; NULL: there is none. */
static const char *behind_scheme(const char *text)
{
    const char *mark = text + strspn(text, "abcdefghijklmnopqrstuvwxyz");
    return strncmp(mark, "://", 3) == 0 ? mark + 3 : NULL;
}

/* ---- weights and settings ---- */

static bool take_weight(struct parser *parser, struct part *part, const char *text)
{
    uint32_t weight;
    if (part->has_weight)
        return refuse(parser, "%.*s has two weights; leave one out", SHOWN_MAX, part->text);
    if (!num_parse_u32(bytes_of(text), &weight) || weight == 0 || weight > PATH_WEIGHT_MAX)
        return refuse(parser, "%.*s: the weight '%.40s' must be a number, 1 to %d", SHOWN_MAX, part->text,
                      text, PATH_WEIGHT_MAX);
    part->server->weight = weight;
    part->has_weight = true;
    return true;
}

/* Seconds, perhaps with decimals, of which milliseconds are left: not strtod(), to which a locale may give a comma. */
static bool parse_ms(struct bytes text, uint32_t *ret)
{
    const char *point = text.len > 0 ? memchr(text.p, '.', text.len) : NULL;
    struct bytes whole = {.p = text.p, .len = point == NULL ? text.len : (size_t)(point - text.p)};
    uint32_t s = 0;
    uint32_t ms = 0;
    uint32_t step = MS_PER_S;
    if ((whole.len > 0 || point == NULL) && (!num_parse_u32(whole, &s) || s > TIMEOUT_MAX_S))
        return false;
    for (size_t i = whole.len + 1; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        step /= 10;
        ms += step * (uint32_t)(text.p[i] - '0');
    }
    *ret = s * MS_PER_S + ms;
    return *ret > 0;
}

static bool take_timeout(struct parser *parser, struct part *part, const char *text)
{
    uint32_t ms;
    if (!parse_ms(bytes_of(text), &ms))
        return refuse(parser, "%.*s: timeout=%.40s is no number of seconds to connect; write timeout=1",
                      SHOWN_MAX, part->text, text);
    part->server->connect_ms = ms;
    return true;
}

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Puts it back, for address_parse(). */
static void keep(struct part *part, const char *name, const char *value)
{
    size_t len = strlen(part->kept);
    snprintf(part->kept + len, sizeof part->kept - len, "%c%s=%s", len == 0 ? '?' : '&', name, value);
}

/* One name=value behind the ?. */
static bool take_setting(struct parser *parser, struct part *part, char *name)
{
    static const char *const meaningless[] = {"persistent", "retry_interval", "udp_port", "status"};
    static const char *const of_tls[] = {"ca", "cert", "key", "name", "verify"};
    char *value = strchr(name, '=');
    if (value == NULL)
        return refuse(parser, "%.*s: '%.40s' behind the ? lacks its value; write %.40s=1 or leave it out",
                      SHOWN_MAX, part->text, name, name);
    *value++ = '\0';
    if (strcmp(name, "weight") == 0)
        return take_weight(parser, part, value);
    if (strcmp(name, "timeout") == 0)
        return take_timeout(parser, part, value);
    if (is_one_of(name, meaningless, sizeof meaningless / sizeof *meaningless))
        return true;
    if (is_one_of(name, of_tls, sizeof of_tls / sizeof *of_tls)) {
        keep(part, name, value);
        return true;
    }
    return refuse(
        parser,
        "%.*s: '%.40s' behind the ? is no setting; there are weight, timeout, persistent, retry_interval, "
        "and with tls:// ca, cert, key, name, verify",
        SHOWN_MAX, part->text, name);
}

/* Cuts off what stands behind the ?. */
static bool take_settings(struct parser *parser, struct part *part)
{
    char *rest = NULL;
    char *question = strchr(part->text, '?');
    if (question == NULL)
        return true;
    *question = '\0';
    for (char *one = strtok_r(question + 1, "&", &rest); one != NULL; one = strtok_r(NULL, "&", &rest))
        if (!take_setting(parser, part, one))
            return false;
    if (part->kept[0] != '\0' && strncmp(part->text, "tls://", strlen("tls://")) != 0)
        return refuse(parser, "%.*s: %.40s is for TLS; write tls:// before the host, or leave it out",
                      SHOWN_MAX, part->text, part->kept + 1);
    return true;
}

/* php-memcached's host:port:weight: what is behind a second colon, which follows a host or a bracket. */
static bool take_weight_behind_port(struct parser *parser, struct part *part)
{
    const char *host = part->style == STYLE_URL ? behind_scheme(part->text) : part->text;
    if (*host == '/')
        return true;
    const char *from = *host == '[' ? strchr(host, ']') : host;
    char *port = from == NULL ? NULL : strchr(from, ':');
    char *weight = port == NULL || port[1] == '/' ? NULL : strchr(port + 1, ':');
    if (weight == NULL || weight == port + 1 || strchr(weight + 1, ':') != NULL)
        return true; /* there is none; or it is tcp:/ or IPv6 without brackets, which address_parse() explains */
    if (part->style == STYLE_URL)
        return refuse(parser,
                      "%.*s: a weight behind the port is php-memcached's way, which has no scheme; write "
                      "%.*s?weight=%.40s",
                      SHOWN_MAX, part->text, (int)(weight - part->text), part->text, weight + 1);
    char number[PATH_PART_MAX];
    strcpy(number, weight + 1);
    if (!take_weight(parser, part, number))
        return false;
    *weight = '\0';
    return true;
}

/* ---- one server ---- */

static bool check_style(struct parser *parser, const struct part *part)
{
    if (parser->path->n == 0) {
        parser->style = part->style;
        snprintf(parser->first, sizeof parser->first, "%.*s", SHOWN_MAX - 1, part->text);
        return true;
    }
    if (parser->style == part->style)
        return true;
    const char *url = part->style == STYLE_URL ? part->text : parser->first;
    const char *bare = part->style == STYLE_URL ? parser->first : part->text;
    return refuse(
        parser,
        "two kinds of lists are mixed: %.*s has a scheme, %.*s has none; write all of them in one way",
        SHOWN_MAX, url, SHOWN_MAX, bare);
}

/* What is written for another handler. */
static bool check_foreign(struct parser *parser, const char *text)
{
    if (strchr(text, ';') != NULL)
        return refuse(parser, "'%.*s' is written for session.save_handler = files; write " FORMS, SHOWN_MAX,
                      text);
    if (strncmp(text, "PERSISTENT=", strlen("PERSISTENT=")) == 0)
        return refuse(parser,
                      "%.*s: PERSISTENT= is from an old php-memcached; leave it out, connections are kept",
                      SHOWN_MAX, text);
    return true;
}

static bool take_address(struct parser *parser, struct part *part)
{
    char whole[2 * PATH_PART_MAX];
    char why[ADDRESS_ERROR_MAX];
    struct path_server *server = part->server;
    snprintf(whole, sizeof whole, "%s%s", part->text, part->kept);
    if (address_parse(whole, &server->address, why) != ERR_NONE)
        return refuse(parser, "%s", why);
    const char *name = part->style == STYLE_URL ? behind_scheme(part->text) : part->text;
    if (server->address.kind == ADDRESS_UNIX)
        name = server->address.path;
    snprintf(server->name, sizeof server->name, "%s", name);
    for (size_t i = 0; i < parser->path->n; i++)
        if (strcmp(parser->path->servers[i].name, server->name) == 0)
            return refuse(parser, "%.*s is there twice; leave one out", SHOWN_MAX, server->name);
    return true;
}

static bool take_server(struct parser *parser, const char *from, size_t len)
{
    char text[PATH_PART_MAX];
    if (len >= sizeof text)
        return refuse(parser, "%.*s…: one server in more than %d bytes", SHOWN_MAX, from, PATH_PART_MAX - 1);
    if (parser->path->n == PATH_SERVERS_MAX)
        return refuse(parser, "there are more than %d servers", PATH_SERVERS_MAX);
    memcpy(text, from, len);
    text[len] = '\0';
    struct part part = {.server = &parser->path->servers[parser->path->n],
                        .style = behind_scheme(text) != NULL ? STYLE_URL : STYLE_BARE,
                        .text = text};
    *part.server = (struct path_server){.weight = 1};
    if (!check_foreign(parser, text) || !check_style(parser, &part) || !take_settings(parser, &part) ||
        !take_weight_behind_port(parser, &part) || !take_address(parser, &part))
        return false;
    parser->path->n++;
    return true;
}

/* ---- the list ---- */

/* libmemcached's other way: host:port, a blank, the weight. Its length, 0: that is not what stands here. */
static size_t find_loose_weight(const char *text)
{
    size_t blanks = strspn(text, BLANKS);
    size_t digits = strspn(text + blanks, "0123456789");
    char end = text[blanks + digits];
    return blanks > 0 && digits > 0 && (end == '\0' || strchr(SEPARATORS, end) != NULL) ? blanks + digits : 0;
}

static bool take_loose_weight(struct parser *parser, const char *text, size_t len)
{
    char number[SHOWN_MAX];
    struct path_server *server = &parser->path->servers[parser->path->n - 1];
    struct part part = {.server = server, .text = server->name, .has_weight = server->weight != 1};
    size_t blanks = strspn(text, BLANKS);
    snprintf(number, sizeof number, "%.*s", (int)(len - blanks), text + blanks);
    return take_weight(parser, &part, number);
}

static bool take_list(struct parser *parser, const char *text)
{
    for (text += strspn(text, SEPARATORS); *text != '\0'; text += strspn(text, SEPARATORS)) {
        size_t len = strcspn(text, SEPARATORS);
        if (!take_server(parser, text, len))
            return false;
        text += len;
        size_t weight_len = parser->style == STYLE_BARE ? find_loose_weight(text) : 0;
        if (weight_len > 0 && !take_loose_weight(parser, text, weight_len))
            return false;
        text += weight_len;
    }
    if (parser->path->n == 0)
        return refuse(parser, "it is empty; write where cloakroomd listens: " FORMS);
    return true;
}

enum err path_parse(const char *text, struct path *ret, char *error)
{
    static_assert((int)PATH_ERROR_MAX >= (int)ADDRESS_ERROR_MAX, "what address_parse() says fits");
    struct parser parser = {.path = ret, .error = error};
    ret->n = 0;
    return take_list(&parser, text) ? ERR_NONE : ERR_USAGE;
}
