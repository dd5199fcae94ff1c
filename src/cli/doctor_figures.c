/* What is wrong with a server, or soon will be; see doctor.h. */
#include "base/version.h"
#include "cli/doctor_server.h"
#include "cli/doctor_view.h"

#include <stdio.h>
#include <stdlib.h>

enum { CLOCK_MOST_MS = 2000, SLOW_US = 5000, NEARLY_PERCENT = 90 };

static int64_t stat_of(const json_t *server, const char *name)
{
    return strtoll(doctor_text(json_object_get(server, "stats"), name), NULL, 10);
}

static bool is_zero(const json_t *server, const char *name)
{
    return stat_of(server, name) == 0;
}

/* All views that use it are where a finding about it was made. */
static void find(struct doctor *doctor, enum doctor_id id, const json_t *server, const char *change,
                 const char *what)
{
    size_t i;
    json_t *name;
    struct doctor_change to = {0};
    snprintf(to.text, sizeof to.text, "%s", change);
    const json_t *views = json_object_get(server, "views");
    if (json_array_size(views) == 0)
        doctor_find(doctor, id, NULL, &to, "%s: %s", doctor_text(server, "address"), what);
    json_array_foreach(views, i, name)
        doctor_find(doctor, id, json_string_value(name), &to, "%s: %s", doctor_text(server, "address"), what);
}

static void check_reach(struct doctor *doctor, const json_t *server)
{
    const char *state = doctor_text(server, "state");
    const char *kind = doctor_text(server, "kind");
    const char *handler = doctor_text(server, "handler");
    bool is_redis_handler = strcmp(handler, "redis") == 0;
    if (strcmp(state, "missing") == 0)
        find(doctor, DOCTOR_SOCKET_MISSING, server,
             "start the server (cloakroomd -s ...), or correct the path", "there is no such socket");
    else if (strcmp(state, "unreachable") == 0)
        find(doctor, DOCTOR_SERVER_UNREACHABLE, server, "start the server, or correct the address",
             doctor_text(server, "error"));
    else if (strcmp(state, "login") == 0)
        find(doctor, DOCTOR_SERVER_LOGIN, server,
             "memcached.sess_sasl_username and ...password with the server's -S, or no -Y there "
             "(docs/security.md)",
             "it wants a login");
    else if (strcmp(state, "other") == 0 && is_redis_handler)
        find(doctor, DOCTOR_SERVER_IS_OTHER, server,
             "session.save_handler = cloakroom, memcached or memcache",
             "it is no Redis, and the handler is redis");
    else if (strcmp(state, "other") == 0)
        find(doctor, DOCTOR_SERVER_IS_OTHER, server, "correct the address", doctor_text(server, "error"));
    else if (strcmp(kind, "redis") == 0 && !is_redis_handler)
        find(doctor, DOCTOR_SERVER_IS_OTHER, server, "correct the address, or session.save_handler = redis",
             "Redis answers there");
    else if (strcmp(kind, "memcached") == 0)
        find(doctor, DOCTOR_SERVER_IS_MEMCACHED, server,
             "systemctl disable --now memcached, then start cloakroomd at this address (docs/migration.md)",
             "memcached answers there, not cloakroomd");
}

/* A build between two releases says 0.1.0-12-gabcdef: what counts stands before the second point. */
static bool same_release(const char *a, const char *b)
{
    size_t len = strcspn(a, ".");
    len += a[len] == '.' ? 1 + strcspn(a + len + 1, ".") : 0;
    return strncmp(a, b, len) == 0;
}

static void check_state(struct doctor *doctor, const json_t *server)
{
    char text[256];
    int64_t clock_ms = doctor_number(server, "clock_ms");
    int64_t trip_us = doctor_number(server, "round_trip_us");
    const char *version = doctor_text(server, "version");
    snprintf(text, sizeof text, "the server is version %.32s, this tool %s", version, VERSION_TEXT);
    if (!same_release(VERSION_TEXT, version))
        find(doctor, DOCTOR_SERVER_VERSION, server, "install the same version of both", text);
    snprintf(text, sizeof text, "its clock is %.1f s %s of this machine's", (double)llabs(clock_ms) / 1000,
             clock_ms > 0 ? "ahead" : "behind");
    if (llabs(clock_ms) > CLOCK_MOST_MS)
        find(doctor, DOCTOR_SERVER_CLOCK, server, "timedatectl set-ntp true, on both", text);
    snprintf(text, sizeof text, "the best of %d round trips takes %.1f ms", 5, (double)trip_us / 1000);
    if (trip_us > SLOW_US)
        find(doctor, DOCTOR_SERVER_SLOW, server, "put web server and sessions into one data centre", text);
    snprintf(text, sizeof text, "it is read-only: %.128s",
             doctor_text(json_object_get(server, "stats"), "cloakroom_disk_error"));
    if (!is_zero(server, "cloakroom_read_only"))
        find(doctor, DOCTOR_SERVER_READ_ONLY, server,
             "mend the disk, then restart cloakroomd (docs/operations.md)", text);
    if (strcmp(doctor_text(json_object_get(server, "stats"), "cloakroom_sync"), "off") == 0)
        find(doctor, DOCTOR_SERVER_FORGETS, server, "cloakroomd's options: --data /var/lib/cloakroom",
             "it keeps sessions in memory alone");
}

static void check_room(struct doctor *doctor, const json_t *server)
{
    char text[256];
    int64_t limit = stat_of(server, "limit_maxbytes");
    int64_t living = stat_of(server, "cloakroom_used_bytes") - stat_of(server, "cloakroom_garbage_bytes");
    int64_t percent = limit > 0 ? living * 100 / limit : 0;
    snprintf(text, sizeof text, "%lld new sessions were refused since it was started, for want of room",
             (long long)stat_of(server, "cloakroom_refused_full"));
    if (!is_zero(server, "cloakroom_refused_full"))
        find(doctor, DOCTOR_SERVER_FULL, server, "cloakroomd's options: a larger -m (docs/php.md, Sizes)",
             text);
    snprintf(text, sizeof text, "%lld %% of its memory (-m) is taken by what lives, %lld MB of %lld MB",
             (long long)percent, (long long)(living >> 20), (long long)(limit >> 20));
    if (percent >= NEARLY_PERCENT && stat_of(server, "cloakroom_cache_items") == 0)
        find(doctor, DOCTOR_SERVER_NEARLY_FULL, server,
             "cloakroomd's options: a larger -m (docs/php.md, Sizes)", text);
    snprintf(text, sizeof text, "%lld live sessions were dropped to make room",
             (long long)stat_of(server, "cloakroom_evicted_sessions"));
    if (!is_zero(server, "cloakroom_evicted_sessions"))
        find(doctor, DOCTOR_SERVER_EVICTS, server,
             "cloakroomd's options: without --evict-sessions, and a larger -m", text);
}

static void check_values(struct doctor *doctor, const json_t *server)
{
    char text[256];
    const json_t *large = json_object_get(server, "large");
    long long limit = strtoll(doctor_text(json_object_get(server, "settings"), "item_size_max"), NULL, 10);
    snprintf(text, sizeof text,
             "%lld values were refused since it was started, for they are larger than %lld KB (-I)",
             (long long)stat_of(server, "store_too_large"), limit >> 10);
    if (!is_zero(server, "store_too_large"))
        find(doctor, DOCTOR_SERVER_TOO_LARGE, server,
             "cloakroomd's options: a larger -I; or keep less in the session ($_SESSION is no cache)", text);
    snprintf(text, sizeof text,
             "%lld of %lld sessions take more than %d %% of what one may (-I), %lld KB; %s has %lld KB",
             (long long)doctor_number(large, "n"), (long long)doctor_number(large, "seen"),
             DOCTOR_SERVER_NEARLY_LARGE, limit >> 10, doctor_text(large, "handle"),
             (long long)doctor_number(large, "size") >> 10);
    if (doctor_number(large, "n") > 0)
        find(doctor, DOCTOR_SERVER_NEARLY_TOO_LARGE, server,
             "cloakroomd's options: a larger -I; who they are: cloakroom list --sort size", text);
}

/* Is the server's process on this machine, as far as /proc tells? */
static long open_files_of(const json_t *server)
{
    char path[64];
    char line[256];
    long limit = 0;
    snprintf(path, sizeof path, "/proc/%lld/comm", (long long)stat_of(server, "pid"));
    FILE *file = fopen(path, "r");
    bool is_it = file != NULL && fgets(line, sizeof line, file) != NULL && strcmp(line, "cloakroomd\n") == 0;
    if (file != NULL)
        fclose(file);
    snprintf(path, sizeof path, "/proc/%lld/limits", (long long)stat_of(server, "pid"));
    file = is_it ? fopen(path, "r") : NULL;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "Max open files %ld", &limit) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return limit;
}

static void check_connections(struct doctor *doctor, const json_t *server)
{
    char text[256];
    int64_t now = stat_of(server, "curr_connections");
    int64_t most = stat_of(server, "max_connections");
    int64_t refused = stat_of(server, "rejected_connections");
    snprintf(text, sizeof text, "%lld of %lld connections (-c) are in use, %lld were refused", (long long)now,
             (long long)most, (long long)refused);
    if (refused > 0 || (most > 0 && now * 100 >= most * NEARLY_PERCENT))
        find(doctor, DOCTOR_SERVER_CONNECTIONS, server,
             "cloakroomd's options: -c above the sum of all pm.max_children", text);
    long files = open_files_of(server);
    snprintf(text, sizeof text, "it may open %ld files, and -c is %lld", files, (long long)most);
    if (files > 0 && files < most)
        find(doctor, DOCTOR_SERVER_OPEN_FILES, server, "LimitNOFILE= in its systemd unit", text);
}

/* A view whose keys the server takes for cache. */
static void check_prefix(struct doctor *doctor, const json_t *view)
{
    char wanted[256];
    struct doctor_change change;
    const json_t *settings = json_object_get(doctor_server_of(doctor, view), "settings");
    const char *known = doctor_text(settings, "session_prefixes");
    const char *prefix = doctor_view_get(view, "memcached.sess_prefix");
    bool is_memcached = strcmp(doctor_view_get(view, "session.save_handler"), "memcached") == 0;
    snprintf(wanted, sizeof wanted, ",%.128s,", prefix);
    char list[1024];
    snprintf(list, sizeof list, ",%.1000s,", known);
    if (!is_memcached || known[0] == '\0' || strstr(list, wanted) != NULL)
        return;
    doctor_view_change(view, "memcached.sess_prefix", "memc.sess.key.", &change);
    doctor_find(doctor, DOCTOR_SERVER_PREFIX, doctor_view_name(view), &change,
                "memcached.sess_prefix is \"%s\", and the server's --session-prefix \"%s\"", prefix, known);
}

void doctor_check_server(struct doctor *doctor)
{
    size_t i;
    json_t *item;
    json_array_foreach(doctor->servers, i, item)
    {
        check_reach(doctor, item);
        if (strcmp(doctor_text(item, "state"), "answers") != 0 ||
            strcmp(doctor_text(item, "kind"), "cloakroomd") != 0)
            continue;
        check_state(doctor, item);
        check_room(doctor, item);
        check_values(doctor, item);
        check_connections(doctor, item);
    }
    json_array_foreach(doctor->views, i, item) check_prefix(doctor, item);
}
