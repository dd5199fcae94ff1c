/* Two web servers that shall serve the same visitors: what differs between their reports; see doctor.h. */
#include "cli/doctor_path.h"
#include "cli/doctor_server.h"

#include <stdio.h>
#include <stdlib.h>

enum { CLOCK_MOST_MS = 2000, START_SLACK_S = 3 };

static const struct doctor_change to_one_server = {
    .text = "an address that leads both to the same machine: its own in the network, not a name each "
            "resolves for itself"};
static const struct doctor_change to_one_php = {.text = "install the same version of PHP on both"};
static const struct doctor_change to_both_or_none = {
    .text = "install that PHP, or make that pool or site, on the other, too"};

/* One of the two. */
struct side {
    const char *host;
    const json_t *report;
    struct doctor doctor; /* to look a view's server up */
};

static struct side side_of(const json_t *report)
{
    struct side side = {.host = doctor_text(report, "host"), .report = report};
    side.doctor.servers = json_object_get(report, "servers");
    return side;
}

static bool is_cli(const json_t *view)
{
    return strcmp(doctor_text(view, "sapi"), "cli") == 0;
}

/* What stands for the same in both, whatever the version: sapi, pool or site, directory. */
static const char *key_of(const json_t *view)
{
    const char *name = doctor_text(view, "name");
    const char *version = doctor_text(view, "version");
    size_t len = strlen(version);
    return len > 0 && strncmp(name, version, len) == 0 && name[len] == ' ' ? name + len + 1 : name;
}

static json_t *counterpart(const struct side *side, const json_t *view)
{
    size_t i;
    json_t *other;
    json_array_foreach(json_object_get(side->report, "views"), i,
                       other) if (strcmp(key_of(other), key_of(view)) == 0) return other;
    return NULL;
}

static void differ(struct doctor *doctor, enum doctor_id id, const struct side sides[2],
                   const json_t *const views[2], const char *name)
{
    struct doctor_change change;
    char text[512];
    const char *a = doctor_view_get(views[0], name);
    const char *b = doctor_view_get(views[1], name);
    if (strcmp(a, b) == 0)
        return;
    doctor_view_change(views[1], name, a, &change);
    snprintf(text, sizeof text, "on %.128s: %.300s", sides[1].host, change.text);
    snprintf(change.text, sizeof change.text, "%s", text);
    doctor_find(doctor, id, key_of(views[0]), &change, "%s is \"%s\" on %s and \"%s\" on %s", name, a,
                sides[0].host, b, sides[1].host);
}

/* The moment at which a server was started, by its own clock; 0: it has not said. */
static int64_t start_of(const json_t *server)
{
    const json_t *stats = json_object_get(server, "stats");
    int64_t now_s = strtoll(doctor_text(stats, "time"), NULL, 10);
    return now_s == 0 ? 0 : now_s - strtoll(doctor_text(stats, "uptime"), NULL, 10);
}

static bool same_server(const json_t *a, const json_t *b)
{
    const json_t *pid_a = json_object_get(json_object_get(a, "stats"), "pid");
    const json_t *pid_b = json_object_get(json_object_get(b, "stats"), "pid");
    return json_equal((json_t *)(uintptr_t)pid_a, (json_t *)(uintptr_t)pid_b) &&
           llabs(start_of(a) - start_of(b)) <= START_SLACK_S;
}

static bool is_local(const char *address)
{
    return address[0] == '/' || strncmp(address, "127.", 4) == 0 || strncmp(address, "localhost:", 10) == 0 ||
           strncmp(address, "[::1]", 5) == 0;
}

static void find_local(struct doctor *doctor, const struct side sides[2], const json_t *const views[2],
                       const char *what)
{
    struct doctor_change change = {
        .file = doctor_view_place(views[0], "session.save_path").file,
        .text = "on both: the address of one cloakroomd that both can reach, tcp://HOST:11211"};
    change.line = doctor_view_place(views[0], "session.save_path").line;
    doctor_find(doctor, DOCTOR_COMPARE_LOCAL, key_of(views[0]), &change,
                "%s keeps its sessions in %s of its own, and so does %s", sides[0].host, what, sides[1].host);
}

static void compare_servers(struct doctor *doctor, const struct side sides[2], const json_t *const views[2])
{
    const json_t *a = doctor_server_of(&sides[0].doctor, views[0]);
    const json_t *b = doctor_server_of(&sides[1].doctor, views[1]);
    const char *at_a = doctor_text(a, "address");
    const char *at_b = doctor_text(b, "address");
    bool is_known = start_of(a) != 0 && start_of(b) != 0;
    bool are_hosts = strcmp(sides[0].host, sides[1].host) != 0;
    if (!doctor_view_has_servers(views[0])) {
        if (are_hosts && strcmp(doctor_view_get(views[0], "session.save_handler"), "files") == 0)
            find_local(doctor, sides, views, doctor_path_directory(views[0]));
        return;
    }
    if (is_known && same_server(a, b))
        return;
    if (at_a[0] != '\0' && is_local(at_a) && is_local(at_b) && (is_known || are_hosts))
        find_local(doctor, sides, views, at_a);
    else if (strcmp(at_a, at_b) != 0)
        differ(doctor, DOCTOR_COMPARE_SERVER, sides, views, "session.save_path");
    else if (is_known)
        doctor_find(doctor, DOCTOR_COMPARE_SERVER, key_of(views[0]), &to_one_server,
                    "%s is one server seen from %s, and another seen from %s", at_a, sides[0].host,
                    sides[1].host);
}

static void compare_clocks(struct doctor *doctor, const struct side sides[2], const json_t *const views[2])
{
    const json_t *a = doctor_server_of(&sides[0].doctor, views[0]);
    const json_t *b = doctor_server_of(&sides[1].doctor, views[1]);
    struct doctor_change change = {.text = "timedatectl set-ntp true, on both"};
    int64_t ahead_ms = doctor_number(b, "clock_ms") - doctor_number(a, "clock_ms");
    if (start_of(a) != 0 && start_of(b) != 0 && same_server(a, b) && llabs(ahead_ms) > CLOCK_MOST_MS)
        doctor_find(doctor, DOCTOR_COMPARE_CLOCK, key_of(views[0]), &change,
                    "the clock of %s is %.1f s %s that of %s", sides[0].host, (double)llabs(ahead_ms) / 1000,
                    ahead_ms > 0 ? "ahead of" : "behind", sides[1].host);
}

static void compare_views(struct doctor *doctor, const struct side sides[2], const json_t *const views[2])
{
    static const struct {
        enum doctor_id id;
        const char *name;
    } rows[] = {
        {DOCTOR_COMPARE_SERIALIZER, "session.serialize_handler"},
        {DOCTOR_COMPARE_PREFIX, "memcached.sess_prefix"},
        {DOCTOR_COMPARE_PREFIX, "cloakroom.application"},
        {DOCTOR_COMPARE_COOKIE, "session.name"},
        {DOCTOR_COMPARE_COOKIE, "session.cookie_domain"},
        {DOCTOR_COMPARE_COOKIE, "session.cookie_path"},
        {DOCTOR_COMPARE_COOKIE, "session.cookie_secure"},
        {DOCTOR_COMPARE_COOKIE, "session.cookie_samesite"},
        {DOCTOR_COMPARE_LIFE, "session.gc_maxlifetime"},
        {DOCTOR_COMPARE_LIFE, "session.cookie_lifetime"},
        {DOCTOR_COMPARE_LOCKING, "memcached.sess_locking"},
        {DOCTOR_COMPARE_LOCKING, "redis.session.locking_enabled"},
    };
    const char *handler = doctor_view_get(views[0], "session.save_handler");
    bool same_handler = strcmp(handler, doctor_view_get(views[1], "session.save_handler")) == 0;
    differ(doctor, DOCTOR_COMPARE_HANDLER, sides, views, "session.save_handler");
    if (same_handler) {
        compare_servers(doctor, sides, views);
        compare_clocks(doctor, sides, views);
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        differ(doctor, rows[i].id, sides, views, rows[i].name);
    const char *a = doctor_text(views[0], "version");
    const char *b = doctor_text(views[1], "version");
    if (strcmp(a, b) != 0)
        doctor_find(doctor, DOCTOR_COMPARE_VERSION, key_of(views[0]), &to_one_php,
                    "PHP is %s on %s and %s on %s", a, sides[0].host, b, sides[1].host);
}

static void find_missing(struct doctor *doctor, const struct side *has, const struct side *lacks,
                         const json_t *view)
{
    doctor_find(doctor, DOCTOR_COMPARE_MISSING, key_of(view), &to_both_or_none,
                "%s has PHP as %s, and %s has not", has->host, key_of(view), lacks->host);
}

void doctor_compare(struct doctor *doctor, const json_t *a, const json_t *b)
{
    size_t i;
    json_t *view;
    const struct side sides[2] = {side_of(a), side_of(b)};
    json_array_foreach(json_object_get(a, "views"), i, view)
    {
        const json_t *const views[2] = {view, counterpart(&sides[1], view)};
        if (views[1] != NULL)
            compare_views(doctor, sides, views);
        else if (!is_cli(view))
            find_missing(doctor, &sides[0], &sides[1], view);
    }
    json_array_foreach(json_object_get(b, "views"), i,
                       view) if (counterpart(&sides[0], view) == NULL && !is_cli(view))
        find_missing(doctor, &sides[1], &sides[0], view);
}
