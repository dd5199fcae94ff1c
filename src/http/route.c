/* Who may ask for what, see route.h. */
#include "http/route.h"
#include "http/api.h"
#include "http/http_private.h"
#include "http/pages.h"

#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

static const struct route routes[] = {
    {"GET", "/health", HTTP_NOBODY, "", api_health},
    {"GET", "/metrics", HTTP_READER, "", metrics_serve},
    {"GET", "/api/v1/openapi.json", HTTP_NOBODY, "", pages_serve_api},
    {"POST", "/api/v1/login", HTTP_NOBODY, "", api_login},
    {"GET", "/api/v1/login", HTTP_READER, "", api_whoami},
    {"DELETE", "/api/v1/login", HTTP_READER, "", api_logout},
    {"GET", "/api/v1/status", HTTP_READER, "", api_status},
    {"GET", "/api/v1/stats", HTTP_READER, "", api_stats},
    {"GET", "/api/v1/history", HTTP_READER, ",after,", api_history},
    {"GET", "/api/v1/sessions", HTTP_READER, ",application,tag,cursor,limit,", api_sessions},
    {"DELETE", "/api/v1/sessions", HTTP_ADMIN, ",application,tag,", api_kill_tagged},
    {"GET", "/api/v1/sessions/", HTTP_READER, "", api_session},
    {"DELETE", "/api/v1/sessions/", HTTP_ADMIN, "", api_kill},
    {"GET", "/api/v1/count", HTTP_READER, ",application,tag,", api_count},
    {"GET", "/api/v1/contention", HTTP_READER, ",limit,", api_contention},
    {"GET", "/api/v1/events", HTTP_READER, ",after,limit,", api_events},
};

#define WHERE_TOKEN "it is in the file http-token in the directory of --data, or the one of --http-token-file"

enum { NROUTES = sizeof routes / sizeof *routes };

/* What is no route may be one of the dashboard's files. */
static const struct route pages_route = {"GET", "/", HTTP_NOBODY, NULL, pages_serve};

static bool is_get(const struct call *call)
{
    return strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;
}

static bool is_path(const struct route *route, const char *path)
{
    size_t len = strlen(route->path);
    if (route->path[len - 1] != '/')
        return strcmp(route->path, path) == 0;
    return strncmp(route->path, path, len) == 0 && path[len] != '\0' && strchr(path + len, '/') == NULL;
}

/* The methods of a path, for who used another. */
static const char *methods_of(const char *path)
{
    bool gets = false;
    bool posts = false;
    bool deletes = false;
    for (size_t i = 0; i < NROUTES; i++) {
        if (!is_path(&routes[i], path))
            continue;
        gets |= routes[i].method[0] == 'G';
        posts |= routes[i].method[0] == 'P';
        deletes |= routes[i].method[0] == 'D';
    }
    if (posts)
        return "GET, HEAD, POST, DELETE";
    if (deletes)
        return gets ? "GET, HEAD, DELETE" : "DELETE";
    return "GET, HEAD";
}

/* NULL: there is none, and that has been answered. */
static const struct route *find(struct call *call)
{
    const char *method = is_get(call) ? "GET" : call->method;
    bool is_known = pages_find(call->path) != NULL;
    for (size_t i = 0; i < NROUTES; i++) {
        if (!is_path(&routes[i], call->path))
            continue;
        if (strcmp(routes[i].method, method) == 0)
            return &routes[i];
        is_known = true;
    }
    if (strcmp(method, "GET") == 0 && !is_known)
        return &pages_route; /* which says that there is nothing */
    if (strcmp(method, "GET") == 0 && pages_find(call->path) != NULL)
        return &pages_route;
    call_refuse(call, is_known ? 405 : 404,
                is_known ? "this path takes no %s" : "there is nothing at this path for %s", call->method);
    call->reply.allow = is_known ? methods_of(call->path) : NULL;
    return NULL;
}

/* False: refused. Who leaves Host out is no browser, and may ask for its health. */
static bool check_from(struct call *call)
{
    struct sockaddr_storage local;
    socklen_t len = sizeof local;
    struct bytes host;
    struct bytes origin;
    struct bytes site;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    bool has_local = info != NULL && getsockname(info->connect_fd, (struct sockaddr *)&local, &len) == 0;
    bool has_host = call_header(call, "Host", &host);
    if (!has_host && strcmp(call->path, "/health") == 0)
        return true;
    if (!guard_is_host(&call->http->names, host, has_local ? (struct sockaddr *)&local : NULL)) {
        call_refuse(call, 403,
                    "this is not known by that name (Host); if it should be, name it with --http-host");
        return false;
    }
    if (call_header(call, "Origin", &origin) && !guard_is_origin(origin, host)) {
        call_refuse(call, 403, "pages from elsewhere (Origin) are not served");
        return false;
    }
    bool is_foreign = call_header(call, "Sec-Fetch-Site", &site) &&
                      !bytes_equal(site, bytes_of("same-origin")) && !bytes_equal(site, bytes_of("none"));
    if (is_foreign && call->route->role != HTTP_NOBODY) {
        call_refuse(call, 403, "pages from elsewhere (Sec-Fetch-Site) are not served");
        return false;
    }
    return true;
}

static enum call_step deny(struct call *call)
{
    call->http->nwrong--;
    return call_refuse(call, 401, "the token is wrong; " WHERE_TOKEN);
}

/* Later, so that guessing takes its time; but not for more than a few, who would use up all connections. */
static enum call_step deny_later(struct call *call)
{
    struct http *http = call->http;
    __atomic_fetch_add(&http->counts.wrong_tokens, 1, __ATOMIC_RELAXED);
    if (http->nwrong >= HTTP_WRONG_MAX)
        return call_refuse(call, 429, "too many wrong tokens; try again in a second");
    http->nwrong++;
    call->go_on = deny;
    call->not_before_ns = call_now_ns(call) + HTTP_WRONG_DELAY_MS * (uint64_t)1000000;
    return CALL_MORE;
}

enum call_step route_let_in(struct call *call, struct bytes token, enum call_step (*then)(struct call *call))
{
    struct http *http = call->http;
    if (!__atomic_load_n(&http->has_tokens, __ATOMIC_ACQUIRE))
        return call_refuse(call, 503, "still starting; see /health");
    pthread_mutex_lock(&http->lock);
    call->role = tokens_check(&http->tokens, token);
    pthread_mutex_unlock(&http->lock);
    return call->role == HTTP_NOBODY ? deny_later(call) : then(call);
}

static enum call_step refuse_counted(struct call *call, const char *why)
{
    __atomic_fetch_add(&call->http->counts.refused, 1, __ATOMIC_RELAXED);
    return call_refuse(call, 403, "%s", why);
}

/* Each of the words behind the `?` must be known, and come once: a filter that was misspelt would let everything through. */
struct words {
    struct call *call;
    uint64_t seen; /* a bit for the place of each in route->arguments */
};

static enum MHD_Result check_word(void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct words *words = arg;
    struct call *call = words->call;
    char wanted[40];
    (void)kind;
    (void)value;
    int len = snprintf(wanted, sizeof wanted, ",%s,", key);
    const char *found = len < (int)sizeof wanted && strchr(key, ',') == NULL && key[0] != '\0'
                            ? strstr(call->route->arguments, wanted)
                            : NULL;
    uint64_t bit = found == NULL ? 0 : (uint64_t)1 << (found - call->route->arguments);
    if (bit == 0)
        call_refuse(call, 400, "no such parameter here; see /api/v1/openapi.json");
    else if ((words->seen & bit) != 0)
        call_refuse(call, 400, "a parameter stands there twice");
    words->seen |= bit;
    return call->reply.status != 0 ? MHD_NO : MHD_YES;
}

static enum call_step run(struct call *call)
{
    struct bytes csrf;
    call_header(call, "X-CSRF-Token", &csrf);
    if (call->login != NULL && !is_get(call) && !login_has_csrf(call->login, csrf))
        return refuse_counted(
            call, "with the cookie, a change needs the header X-CSRF-Token with what the login said");
    if (call->role < call->route->role)
        return refuse_counted(call, "the reader's token may not do this; take the admin's");
    struct words words = {.call = call};
    MHD_get_connection_values(call->connection, MHD_GET_ARGUMENT_KIND, check_word, &words);
    return call->reply.status != 0 ? CALL_DONE : call->route->run(call);
}

static enum call_step run_with_cookie(struct call *call)
{
    const char *cookie = MHD_lookup_connection_value(call->connection, MHD_COOKIE_KIND, CALL_COOKIE);
    if (cookie != NULL)
        call->login = logins_find(&call->http->logins, bytes_of(cookie), call_now_ns(call) / 1000000000U);
    if (call->login == NULL)
        return call_refuse(call, 401,
                           "log in: POST /api/v1/login, or send Authorization: Bearer TOKEN; " WHERE_TOKEN);
    call->role = call->login->role;
    return run(call);
}

/* Who takes a token away means those who have logged in with it, too. */
static void end_logins(struct http *http)
{
    pthread_mutex_lock(&http->lock);
    for (unsigned role = HTTP_READER; role < HTTP_NROLES; role++) {
        if (http->has_other_token[role])
            logins_remove_role(&http->logins, (enum http_role)role);
        http->has_other_token[role] = false;
    }
    pthread_mutex_unlock(&http->lock);
}

enum call_step route_begin(struct call *call)
{
    static const char bearer[] = "Bearer ";
    struct bytes text;
    __atomic_fetch_add(&call->http->counts.requests, 1, __ATOMIC_RELAXED);
    end_logins(call->http);
    call->route = find(call);
    if (call->route == NULL)
        return CALL_DONE;
    if (!check_from(call)) {
        __atomic_fetch_add(&call->http->counts.refused, 1, __ATOMIC_RELAXED);
        return CALL_DONE;
    }
    if (call->is_too_large)
        return call_refuse(call, 413, "a request's body has at most %d bytes", CALL_BODY_MAX);
    if (call->route == &pages_route)
        return pages_serve(call);
    if (call->route->role == HTTP_NOBODY)
        return run(call);
    if (!call_header(call, "Authorization", &text))
        return run_with_cookie(call);
    if (text.len < sizeof bearer - 1 || strncasecmp(text.p, bearer, sizeof bearer - 1) != 0)
        return call_refuse(call, 401, "send Authorization: Bearer TOKEN");
    return route_let_in(
        call, (struct bytes){.p = text.p + sizeof bearer - 1, .len = text.len - (sizeof bearer - 1)}, run);
}
