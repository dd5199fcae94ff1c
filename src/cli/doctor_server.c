/* Asking the servers; see doctor_server.h. */
#include "cli/doctor_server.h"
#include "base/clock.h"
#include "base/num.h"
#include "cli/doctor_path.h"
#include "cli/doctor_root.h"
#include "cli/sessions.h"
#include "client/client.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LINES_MAX = 1000, TRIPS = 5, LOOK_MS = 2000, LOOK_STEP = 1000 };

/* The address as it is shown and compared. */
static void put_address(const struct address *address, char *to, size_t size)
{
    bool is_v6 = strchr(address->host, ':') != NULL;
    if (address->kind == ADDRESS_UNIX)
        snprintf(to, size, "%s", address->path);
    else
        snprintf(to, size, "%s%s%s:%u", is_v6 ? "[" : "", address->host, is_v6 ? "]" : "",
                 (unsigned)address->port);
}

static json_t *server_at(const struct doctor *doctor, const char *address)
{
    size_t i;
    json_t *server;
    json_array_foreach(doctor->servers, i,
                       server) if (strcmp(doctor_text(server, "address"), address) == 0) return server;
    return NULL;
}

const json_t *doctor_server_of(const struct doctor *doctor, const json_t *view)
{
    struct doctor_path path;
    struct address address;
    char text[2 * ADDRESS_HOST_MAX];
    const char *handler = doctor_view_get(view, "session.save_handler");
    if (!doctor_view_has_servers(view) || !doctor_path_cut(view, &path) || path.n == 0 ||
        !doctor_path_address(handler, path.items[0], &address))
        return NULL;
    put_address(&address, text, sizeof text);
    return server_at(doctor, text);
}

bool doctor_server_is(const struct doctor *doctor, const json_t *view, const char *kind)
{
    return strcmp(doctor_text(doctor_server_of(doctor, view), "kind"), kind) == 0;
}

long doctor_server_setting(const struct doctor *doctor, const json_t *view, const char *name)
{
    const json_t *server = doctor_server_of(doctor, view);
    return strtol(doctor_text(json_object_get(server, "settings"), name), NULL, 10);
}

static json_t *add_server(struct doctor *doctor, const char *address, const char *handler)
{
    json_t *server = server_at(doctor, address);
    if (server != NULL)
        return server;
    server =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:[], s:{}, s:{}, s:s}", "address", address, "handler", handler,
                  "state", "", "kind", "", "version", "", "views", "stats", "settings", "error", "");
    doctor_append(doctor, doctor->servers, server);
    return server;
}

static bool ask_line(struct client *client, const char *request, struct bytes *ret_line)
{
    struct bytes part = bytes_of(request);
    return client_send(client, &part, 1) == ERR_NONE && client_read_line(client, ret_line) == ERR_NONE;
}

/* Reads "STAT name value" to END into an object. */
static bool ask_stats(struct doctor *doctor, struct client *client, const char *request, json_t *to)
{
    struct bytes line;
    char name[128];
    char value[1024];
    bool is_good = ask_line(client, request, &line);
    for (size_t i = 0; is_good && i < LINES_MAX && bytes_starts_with(line, bytes_of("STAT ")); i++) {
        char text[CLIENT_LINE_MAX + 1];
        snprintf(text, sizeof text, "%.*s", (int)line.len, line.p);
        if (sscanf(text, "STAT %127s %1023[^\n]", name, value) == 2)
            doctor_put(doctor, to, name, doctor_string(value, strlen(value)));
        is_good = client_read_line(client, &line) == ERR_NONE;
    }
    return is_good && bytes_equal(line, bytes_of("END")) && client_finish(client) == ERR_NONE;
}

static void put_version(struct doctor *doctor, json_t *server, struct bytes line)
{
    static const char ours[] = "cloakroom-";
    char text[256];
    struct bytes begin = bytes_of("VERSION ");
    snprintf(text, sizeof text, "%.*s", (int)(line.len - begin.len), line.p + begin.len);
    const char *own = strstr(text, ours);
    const char *version = own == NULL ? text : own + strlen(ours);
    doctor_put(doctor, server, "kind", json_string(own == NULL ? "memcached" : "cloakroomd"));
    doctor_put(doctor, server, "version", doctor_string(version, strlen(version)));
}

/* The best of a few round trips, and the clock at the end of one. */
static bool measure(struct doctor *doctor, struct client *client, json_t *server)
{
    uint64_t best_ns = UINT64_MAX;
    struct bytes line;
    for (int i = 0; i < TRIPS; i++) {
        uint64_t from_ns = clock_steady_ns(&clock_system);
        if (!ask_line(client, "version\r\n", &line) || client_finish(client) != ERR_NONE)
            return false;
        uint64_t took_ns = clock_steady_ns(&clock_system) - from_ns;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
    doctor_put(doctor, server, "round_trip_us", json_integer((json_int_t)(best_ns / 1000)));
    json_t *stats = json_object_get(server, "stats");
    if (!ask_stats(doctor, client, "stats\r\n", stats))
        return false;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    long long theirs = strtoll(doctor_text(stats, "time"), NULL, 10);
    /* theirs is a whole second: up to one of difference is none */
    long long ahead_ms = theirs * 1000 - ((long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    doctor_put(doctor, server, "clock_ms",
               json_integer(ahead_ms > 0       ? ahead_ms
                            : ahead_ms < -1000 ? ahead_ms + 1000
                                               : 0));
    return ask_stats(doctor, client, "stats settings\r\n", json_object_get(server, "settings"));
}

/* The sessions near -I. */
struct large {
    uint64_t least;
    uint64_t until_ns;
    uint64_t nseen;
    uint64_t n;
    uint64_t size; /* of the largest */
    char handle[SESSIONS_HANDLE_DIGITS + 1];
};

static bool take_large(void *arg, const struct reply *session, struct bytes line)
{
    struct large *large = arg;
    (void)line;
    large->n += session->size >= large->least;
    if (session->size > large->size) {
        large->size = session->size;
        snprintf(large->handle, sizeof large->handle, "%.*s", (int)session->handle.len, session->handle.p);
    }
    return ++large->nseen % LOOK_STEP != 0 || clock_steady_ns(&clock_system) < large->until_ns;
}

/* For so long; of a server with very many that is a part of them, which is told. The last thing that is asked. */
static void look_for_large(struct doctor *doctor, struct client *client, json_t *server)
{
    static const struct sessions_query all;
    const char *limit = doctor_text(json_object_get(server, "settings"), "item_size_max");
    struct large large = {.least = strtoull(limit, NULL, 10) / 100 * DOCTOR_SERVER_NEARLY_LARGE,
                          .until_ns = clock_steady_ns(&clock_system) + LOOK_MS * (uint64_t)1000000};
    if (large.least == 0 || sessions_each(client, &all, take_large, &large) != OUTCOME_OK)
        return;
    doctor_put(doctor, server, "large",
               json_pack("{s:I, s:I, s:I, s:s}", "seen", (json_int_t)large.nseen, "n", (json_int_t)large.n,
                         "size", (json_int_t)large.size, "handle", large.handle));
}

static const char *ask(struct doctor *doctor, struct client *client, json_t *server)
{
    struct bytes line;
    bool is_redis = strcmp(doctor_text(server, "handler"), "redis") == 0;
    if (!ask_line(client, is_redis ? "PING\r\n" : "version\r\n", &line))
        return "other";
    if (bytes_starts_with(line, bytes_of("+PONG")) || bytes_starts_with(line, bytes_of("-NOAUTH"))) {
        doctor_put(doctor, server, "kind", json_string("redis"));
        return "answers";
    }
    if (bytes_starts_with(line, bytes_of("CLIENT_ERROR unauth")))
        return "login";
    if (bytes_starts_with(line, bytes_of("VERSION "))) {
        put_version(doctor, server, line);
        if (client_finish(client) != ERR_NONE || !measure(doctor, client, server))
            return "unreachable";
        if (strcmp(doctor_text(server, "kind"), "cloakroomd") == 0)
            look_for_large(doctor, client, server);
        return "answers";
    }
    if (is_redis && client_is_refusal(line))
        doctor_put(doctor, server, "kind", json_string("memcached"));
    else
        (void)client_reject(client, line);
    return "other";
}

static void look_at(struct doctor *doctor, json_t *server)
{
    char text[PATH_MAX];
    struct client client = {0};
    struct stat status;
    const char *address = doctor_text(server, "address");
    bool is_unix = address[0] == '/';
    const char *state = "unreachable";
    snprintf(text, sizeof text, "%s%s", is_unix ? doctor->root : "", address);
    struct client_limits limits = {.connect_ms = doctor->timeout_ms, .answer_ms = doctor->timeout_ms};
    if (is_unix && !doctor_root_stat(doctor, address, &status))
        state = "missing";
    else if (client_open(&client, text, limits) == ERR_NONE)
        state = ask(doctor, &client, server);
    doctor_put(doctor, server, "state", json_string(state));
    doctor_put(doctor, server, "error", doctor_string(client.error, strlen(client.error)));
    client_close(&client);
}

/* May the view's user open the socket? */
static void check_user(struct doctor *doctor, const json_t *view, const char *path)
{
    char at[PATH_MAX];
    struct doctor_user user;
    struct stat status;
    struct doctor_change change = {0};
    const char *name = doctor_text(view, "user");
    if (!doctor_root_stat(doctor, path, &status) || !doctor_root_user(doctor, name, &user))
        return;
    if (doctor_root_may(doctor, &user, path, 4 | 2, at, sizeof at))
        return;
    snprintf(change.text, sizeof change.text,
             "cloakroomd's options: -a 770, and usermod -aG with its group for %.64s; then "
             "restart both",
             name);
    doctor_find(doctor, DOCTOR_SOCKET_PERMISSION, doctor_view_name(view), &change,
                "the user %s may not open %s, because of the permissions of %s", name, path, at);
}

static void add_servers(struct doctor *doctor, const json_t *view)
{
    struct doctor_path path;
    char text[2 * ADDRESS_HOST_MAX];
    struct address address;
    const char *handler = doctor_view_get(view, "session.save_handler");
    if (!doctor_view_has_servers(view) || !doctor_path_cut(view, &path))
        return;
    for (size_t i = 0; i < path.n; i++) {
        if (!doctor_path_address(handler, path.items[i], &address))
            continue;
        struct stat status;
        bool is_directory = address.kind == ADDRESS_UNIX && doctor_root_stat(doctor, address.path, &status) &&
                            S_ISDIR(status.st_mode);
        if (is_directory)
            continue; /* doctor_path.c says so */
        put_address(&address, text, sizeof text);
        json_t *server = add_server(doctor, text, handler);
        doctor_append(doctor, json_object_get(server, "views"), json_string(doctor_view_name(view)));
        if (address.kind == ADDRESS_UNIX)
            check_user(doctor, view, address.path);
    }
}

void doctor_server_look(struct doctor *doctor)
{
    size_t i;
    json_t *item;
    json_array_foreach(doctor->views, i, item) add_servers(doctor, item);
    struct address address;
    char error[ADDRESS_ERROR_MAX];
    char text[2 * ADDRESS_HOST_MAX];
    if (doctor->server != NULL && address_parse(doctor->server, &address, error) == ERR_NONE) {
        put_address(&address, text, sizeof text);
        add_server(doctor, text, "");
    }
    json_array_foreach(doctor->servers, i, item) look_at(doctor, item);
}
