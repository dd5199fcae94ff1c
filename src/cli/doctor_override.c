/* What is set twice, and where PHPs of one machine see different things; see doctor.h. */
#include "cli/doctor_path.h"

#include <stdio.h>

static const char *const watched[] = {
    "session.save_handler",   "session.save_path",    "memcache.session_save_path",
    "session.gc_maxlifetime", "session.name",         "session.serialize_handler",
    "session.cookie_domain",  "memcached.sess_prefix"};

/* What distributions ship says nothing of what anybody wanted. */
static bool is_shipped(const char *name, const char *value)
{
    static const char *const shipped[][2] = {
        {"session.save_handler", "files"},
        {"session.gc_maxlifetime", "1440"},
        {"session.name", "PHPSESSID"},
        {"session.serialize_handler", "php"},
        {"session.save_path", "/var/lib/php/sessions"},
        {"session.save_path", "/tmp"},
        {"memcached.sess_prefix", "memc.sess.key."},
    };
    for (size_t i = 0; i < sizeof shipped / sizeof *shipped; i++)
        if (strcmp(shipped[i][0], name) == 0 && strcmp(shipped[i][1], value) == 0)
            return true;
    return value[0] == '\0';
}

static bool ends_with(const char *text, const char *end)
{
    return bytes_ends_with(bytes_of(text), bytes_of(end));
}

static enum doctor_id id_of(const json_t *view, const json_t *winner)
{
    const char *file = doctor_text(winner, "file");
    if (ends_with(file, "/.htaccess"))
        return DOCTOR_OVERRIDDEN_BY_HTACCESS;
    if (ends_with(file, "/.user.ini"))
        return DOCTOR_OVERRIDDEN_BY_USER_INI;
    if (doctor_number(winner, "rank") == DOCTOR_RANK_INI)
        return DOCTOR_SET_TWICE;
    return strcmp(doctor_text(view, "sapi"), "fpm") == 0 ? DOCTOR_OVERRIDDEN_BY_POOL
                                                         : DOCTOR_OVERRIDDEN_BY_APACHE;
}

static void check_setting(struct doctor *doctor, const json_t *view, const char *name)
{
    size_t i;
    json_t *loser;
    const json_t *winner = json_object_get(json_object_get(view, "settings"), name);
    const char *value = doctor_text(winner, "value");
    json_array_foreach(json_object_get(winner, "lost"), i, loser)
    {
        const char *lost = doctor_text(loser, "value");
        struct doctor_change change = {.file = doctor_text(loser, "file"),
                                       .line = (unsigned)doctor_number(loser, "line")};
        snprintf(change.text, sizeof change.text,
                 "remove the line of the two that is not meant; this one has no effect");
        if (strcmp(lost, value) != 0 && !is_shipped(name, lost))
            doctor_find(doctor, id_of(view, winner), doctor_view_name(view), &change,
                        "%s is \"%s\" by %s:%d; \"%s\" in %s:%u does not count", name, value,
                        doctor_text(winner, "file"), (int)doctor_number(winner, "line"), lost, change.file,
                        change.line);
    }
}

static bool is_cli(const json_t *view)
{
    return strcmp(doctor_text(view, "sapi"), "cli") == 0;
}

static bool has_path(const json_t *view)
{
    return doctor_view_has_servers(view) ||
           strcmp(doctor_view_get(view, "session.save_handler"), "files") == 0;
}

static bool same_store(const json_t *a, const json_t *b)
{
    struct doctor_path first;
    struct doctor_path second;
    if (strcmp(doctor_view_get(a, "session.save_handler"), doctor_view_get(b, "session.save_handler")) != 0)
        return false;
    if (!doctor_view_has_servers(a))
        return strcmp(doctor_path_directory(a), doctor_path_directory(b)) == 0;
    return !doctor_path_cut(a, &first) || !doctor_path_cut(b, &second) ||
           strcmp(first.value, second.value) == 0;
}

/* Is it as the files for this kind of PHP have it? Pools and sites with settings of their own are meant to differ. */
static bool is_general(const json_t *view)
{
    int64_t rank =
        doctor_number(json_object_get(json_object_get(view, "settings"), "session.save_handler"), "rank");
    int64_t path =
        doctor_number(json_object_get(json_object_get(view, "settings"), "session.save_path"), "rank");
    return rank == DOCTOR_RANK_INI && path == DOCTOR_RANK_INI;
}

static void check_pair(struct doctor *doctor, const json_t *a, const json_t *b)
{
    const char *handler_a = doctor_view_get(a, "session.save_handler");
    const char *handler_b = doctor_view_get(b, "session.save_handler");
    bool is_plain_cli =
        (is_cli(a) && !doctor_view_has_servers(a)) || (is_cli(b) && !doctor_view_has_servers(b));
    bool are_general = is_general(a) && is_general(b) && has_path(a) && has_path(b);
    struct doctor_change change;
    doctor_view_change(b, "session.save_handler", handler_a, &change);
    if (are_general && !is_plain_cli && !same_store(a, b))
        doctor_find(doctor, DOCTOR_VIEWS_DIFFER, doctor_view_name(b), &change,
                    "%s has %s \"%s\", %s has %s \"%s\"", doctor_view_name(a), handler_a,
                    doctor_view_get(a, "session.save_path"), doctor_view_name(b), handler_b,
                    doctor_view_get(b, "session.save_path"));
    const char *serializer = doctor_view_get(a, "session.serialize_handler");
    doctor_view_change(b, "session.serialize_handler", serializer, &change);
    if (same_store(a, b) && strcmp(serializer, doctor_view_get(b, "session.serialize_handler")) != 0)
        doctor_find(doctor, DOCTOR_SERIALIZERS_DIFFER, doctor_view_name(b), &change,
                    "%s and %s share sessions, and one has session.serialize_handler %s, the other %s",
                    doctor_view_name(a), doctor_view_name(b), serializer,
                    doctor_view_get(b, "session.serialize_handler"));
}

void doctor_check_override(struct doctor *doctor)
{
    size_t i;
    json_t *view;
    json_array_foreach(doctor->views, i, view)
    {
        for (size_t k = 0; k < sizeof watched / sizeof *watched; k++)
            check_setting(doctor, view, watched[k]);
        for (size_t k = 0; k < i; k++)
            check_pair(doctor, json_array_get(doctor->views, k), view);
    }
}
