/* HTTP as settings ask for it, see web.h. */
#include "server/web.h"
#include "base/version.h"
#include "net/listen.h"
#include "server/server.h"
#include "server/stats.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { WEB_PORT = 11280 };

#define WEB_DEFAULT "127.0.0.1"

/* ---- what HTTP is told ---- */

static struct engine *tell_engine(void *arg)
{
    return server_engine(arg);
}

static void tell_facts(void *arg, struct http_facts *ret)
{
    const struct server *server = arg;
    const struct settings *settings = server->settings;
    struct statvfs fs;
    *ret = (struct http_facts){
        .version = VERSION_TEXT,
        .uptime_s = (clock_steady_ns(server->clock) - server->started_ns) / 1000000000U,
        .connections = __atomic_load_n(&server->nconnections, __ATOMIC_RELAXED),
        .connections_max = settings->max_connections,
        .no_evict = settings->no_evict,
        .evict_sessions = settings->evict_sessions,
        .has_disk = settings->data != NULL,
    };
    if (settings->data != NULL && statvfs(settings->data, &fs) == 0)
        ret->disk_free = (uint64_t)fs.f_bavail * fs.f_frsize;
}

static void tell_stats(void *arg, void (*line)(void *to, struct bytes name, struct bytes value), void *to)
{
    stats_write(arg, line, to);
}

/* ---- where ---- */

static enum err refuse(char *error, enum err err, const char *what, const char *why)
{
    snprintf(error, WEB_ERROR_MAX, "--http %.128s: %s", what, why);
    return err;
}

static enum err listen_at_path(struct web *web, const struct settings *settings, const char *path,
                               char *error)
{
    char problem[LISTEN_ERROR_MAX];
    enum err err =
        listen_unix(path, settings->socket_mode, (int)settings->backlog, &web->listener->fd, problem);
    if (err != ERR_NONE)
        return refuse(error, err, path, problem);
    web->listener->path = path;
    web->listener->inode = listener_inode(path);
    return ERR_NONE;
}

/* One address: the first of those that a name stands for. */
static enum err listen_at_address(struct web *web, const struct settings *settings, const char *text,
                                  char *error)
{
    int fds[LISTEN_PER_NAME_MAX];
    size_t n = 0;
    char problem[LISTEN_ERROR_MAX];
    char *host;
    uint16_t port = WEB_PORT;
    bool has_port;
    if (strlen(text) >= sizeof web->address ||
        !listener_split(strcpy(web->address, text), &host, &port, &has_port))
        return refuse(error, ERR_USAGE, text, "not understood; write addr:port, [v6]:port, /socket or off");
    memmove(web->address, host, strlen(host) + 1);
    bool is_any = strcmp(web->address, "*") == 0;
    enum err err = listen_tcp(is_any ? NULL : web->address, port, (int)settings->backlog, fds, &n, problem);
    if (err != ERR_NONE)
        return refuse(error, err, text, problem);
    web->listener->fd = fds[0];
    for (size_t i = 1; i < n; i++)
        close(fds[i]);
    return ERR_NONE;
}

static bool is_loopback(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return false;
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&address;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&address;
    if (address.ss_family == AF_INET)
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    return address.ss_family != AF_INET6 || IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

/* The file of the token; NULL: there is no place for one. */
static char *find_token_file(const struct settings *settings)
{
    const char *folder = settings->data != NULL ? settings->data : getenv("RUNTIME_DIRECTORY");
    char *path = NULL;
    if (settings->http_token_file != NULL)
        return strdup(settings->http_token_file);
    if (folder == NULL || folder[0] == '\0')
        return NULL;
    size_t len =
        settings->data != NULL ? strlen(folder) : strcspn(folder, ":"); /* systemd names several so */
    return asprintf(&path, "%.*s/http-token", (int)len, folder) < 0 ? NULL : path;
}

static enum err find_certs(const struct settings *settings, bool is_plain, struct http_config *config,
                           char *error)
{
    if (settings->http_cert != NULL) {
        config->cert = settings->http_cert;
        config->key = settings->http_key != NULL ? settings->http_key : settings->http_cert;
    } else if (settings->tls && !is_plain) {
        config->cert = settings->ssl_chain_cert;
        config->key = settings->ssl_key != NULL ? settings->ssl_key : settings->ssl_chain_cert;
        if (strcasecmp(settings->ssl_keyformat, "PEM") != 0) {
            snprintf(error, WEB_ERROR_MAX,
                     "HTTP needs the key as PEM: give --http-cert and --http-key, or notls:");
            return ERR_USAGE;
        }
    }
    return ERR_NONE;
}

enum err web_open(struct web *web, struct server *server, char *error)
{
    const struct settings *settings = server->settings;
    const char *text = settings->http != NULL ? settings->http : WEB_DEFAULT;
    struct http_config config = {
        .clock = server->clock,
        .names = (const char *const *)settings->http_hosts.items,
        .nnames = settings->http_hosts.n,
        .host = {.arg = server, .engine = tell_engine, .facts = tell_facts, .stats = tell_stats}};
    if (strcmp(text, "off") == 0)
        return ERR_NONE;
    bool is_plain = strncmp(text, "notls:", 6) == 0;
    text += is_plain ? 6 : 0;
    web->token_file = find_token_file(settings);
    web->listener = calloc(1, sizeof *web->listener);
    if (web->listener == NULL)
        return refuse(error, ERR_MEMORY, text, err_text(ERR_MEMORY));
    web->listener->fd = -1;
    if (web->token_file == NULL)
        return refuse(error, ERR_USAGE, text, "name a file for its token with --http-token-file");
    enum err err = find_certs(settings, is_plain, &config, error);
    if (err == ERR_NONE && (text[0] == '/' || text[0] == '.'))
        err = listen_at_path(web, settings, text, error);
    else if (err == ERR_NONE)
        err = listen_at_address(web, settings, text, error);
    if (err != ERR_NONE)
        return err;
    web->is_plain = config.cert == NULL && !is_loopback(web->listener->fd);
    config.fd = web->listener->fd;
    config.address = web->listener->path != NULL ? NULL : web->address;
    config.token_file = web->token_file;
    return http_new(&config, &web->http, error);
}

enum err web_start(struct web *web, char *error)
{
    if (web->http == NULL)
        return ERR_NONE;
    enum err err = http_open_tokens(web->http, false, error);
    return err == ERR_NONE ? http_start(web->http, error) : err;
}

enum err web_complete(struct web *web, char *error)
{
    return web->http == NULL ? ERR_NONE : http_open_tokens(web->http, true, error);
}

enum err web_reload(struct web *web, char *error)
{
    if (web->http == NULL)
        return ERR_NONE;
    enum err err = http_open_tokens(web->http, true, error);
    return err == ERR_NONE ? http_reload(web->http, error) : err;
}

void web_tell_address(const struct web *web, char *ret, size_t size)
{
    ret[0] = '\0';
    if (web->http == NULL)
        return;
    if (web->listener->path != NULL)
        snprintf(ret, size, "HTTP %s", web->listener->path);
    else
        snprintf(ret, size, "HTTP %s:%u", web->address, listen_port(web->listener->fd));
}

void web_close(struct web *web)
{
    http_free(&web->http);
    if (web->listener != NULL && web->listener->fd >= 0)
        listener_close_all(web->listener, 1);
    else
        free(web->listener);
    free(web->token_file);
    *web = (struct web){0};
}
