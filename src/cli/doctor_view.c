/* Where PHP runs, and its settings; see doctor_view.h. */
#include "cli/doctor_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { NAME_MAX_BYTES = 128 };

static const char *const defaults[][2] = {
    {"session.save_handler", "files"},
    {"session.gc_maxlifetime", "1440"},
    {"session.gc_probability", "1"},
    {"session.gc_divisor", "100"},
    {"session.name", "PHPSESSID"},
    {"session.cookie_path", "/"},
    {"session.cookie_lifetime", "0"},
    {"session.use_cookies", "1"},
    {"session.use_only_cookies", "1"},
    {"session.use_trans_sid", "0"},
    {"session.use_strict_mode", "0"},
    {"session.lazy_write", "1"},
    {"session.serialize_handler", "php"},
    {"memcached.sess_locking", "1"},
    {"memcached.sess_lock_expire", "0"},
    {"memcached.sess_prefix", "memc.sess.key."},
    {"memcached.sess_persistent", "0"},
    {"memcached.sess_binary_protocol", "1"},
    {"memcache.session_prefix_host_key", "0"},
    {"redis.session.locking_enabled", "0"},
    {"cloakroom.application", ""},
    {"max_execution_time", "30"},
};

static const char *const wanted[] = {"session.", "memcached.", "memcache.", "redis.", "cloakroom."};

static bool is_wanted(const char *name)
{
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (strncmp(name, wanted[i], strlen(wanted[i])) == 0)
            return true;
    return strcmp(name, "extension_dir") == 0 || strcmp(name, "max_execution_time") == 0;
}

json_t *doctor_view_new(struct doctor *doctor, const char *version, const char *sapi, const char *ini)
{
    json_t *view = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:{}, s:{}}", "version", version, "sapi", sapi,
                             "pool", "", "user", "", "ini", ini, "is_asked", 0, "extensions", "settings");
    doctor->is_short |= view == NULL;
    return view;
}

json_t *doctor_view_add(struct doctor *doctor, json_t *base, const char *part)
{
    char name[NAME_MAX_BYTES * 2];
    json_t *view = json_deep_copy(base);
    snprintf(name, sizeof name, "%s%s%s%s%s", doctor_text(base, "version"),
             doctor_text(base, "version")[0] != '\0' ? " " : "", doctor_text(base, "sapi"),
             part == NULL ? "" : " ", part == NULL ? "" : part);
    doctor_put(doctor, view, "name", json_string(name));
    doctor_append(doctor, doctor->views, view);
    return view;
}

/* The loser keeps its value and place with who beat it. */
static void lose(struct doctor *doctor, json_t *winner, json_t *loser)
{
    if (json_object_get(winner, "lost") == NULL)
        doctor_put(doctor, winner, "lost", json_array());
    json_t *lost = json_object_get(winner, "lost");
    json_t *older = json_object_get(loser, "lost");
    if (older != NULL)
        json_array_extend(lost, older);
    json_object_del(loser, "lost");
    doctor_append(doctor, lost, json_incref(loser));
}

void doctor_view_set(struct doctor *doctor, json_t *view, const char *name, const char *value,
                     struct doctor_place place, enum doctor_rank rank)
{
    char masked[DOCTOR_INI_VALUE_MAX + 1];
    json_t *settings = json_object_get(view, "settings");
    if (!is_wanted(name))
        return;
    doctor_view_mask(name, value, masked, sizeof masked);
    json_t *setting = json_pack("{s:o, s:s, s:i, s:i}", "value", doctor_string(masked, strlen(masked)),
                                "file", place.file, "line", (int)place.line, "rank", (int)rank);
    json_t *old = json_incref(json_object_get(settings, name));
    if (old != NULL && doctor_number(old, "rank") > (int64_t)rank) {
        lose(doctor, old, setting);
        json_decref(setting);
    } else {
        if (old != NULL)
            lose(doctor, setting, old);
        doctor_put(doctor, settings, name, setting);
    }
    json_decref(old);
}

void doctor_view_add_extension(struct doctor *doctor, json_t *view, const char *name,
                               struct doctor_place place)
{
    char text[NAME_MAX_BYTES];
    json_t *extensions = json_object_get(view, "extensions");
    const char *slash = strrchr(name, '/');
    snprintf(text, sizeof text, "%s", slash == NULL ? name : slash + 1);
    char *dot = strstr(text, ".so");
    if (dot != NULL)
        *dot = '\0';
    json_t *old = json_object_get(extensions, text);
    json_t *extension =
        json_pack("{s:o, s:s, s:i, s:i}", "path", doctor_string(name, strlen(name)), "file", place.file,
                  "line", (int)place.line, "times", 1 + (int)doctor_number(old, "times"));
    doctor_put(doctor, extensions, text, extension);
}

void doctor_view_take(struct doctor *doctor, json_t *view, const struct doctor_ini_entry *entry,
                      const char *file, enum doctor_rank rank)
{
    char name[NAME_MAX_BYTES];
    char value[DOCTOR_INI_VALUE_MAX + 1];
    struct doctor_place place = {.file = file, .line = entry->line};
    struct bytes key = entry->offset.p != NULL ? entry->offset : entry->name;
    if (key.len >= sizeof name)
        return;
    snprintf(name, sizeof name, "%.*s", (int)key.len, key.p);
    snprintf(value, sizeof value, "%.*s", (int)entry->value.len, entry->value.p);
    if (strcmp(name, "extension") == 0 && value[0] != '\0')
        doctor_view_add_extension(doctor, view, value, place);
    else
        doctor_view_set(doctor, view, name, value, place, rank);
    json_t *setting = json_object_get(json_object_get(view, "settings"), name);
    if (setting != NULL && (entry->is_cut || entry->is_sum))
        doctor_put(doctor, setting, "is_cut", json_true());
}

const char *doctor_view_name(const json_t *view)
{
    return doctor_text(view, "name");
}

static const json_t *setting_of(const json_t *view, const char *name)
{
    return json_object_get(json_object_get(view, "settings"), name);
}

bool doctor_view_is_set(const json_t *view, const char *name)
{
    return setting_of(view, name) != NULL;
}

const char *doctor_view_get(const json_t *view, const char *name)
{
    const json_t *setting = setting_of(view, name);
    if (setting != NULL)
        return doctor_text(setting, "value");
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (strcmp(defaults[i][0], name) == 0)
            return defaults[i][1];
    return "";
}

bool doctor_view_is_on(const json_t *view, const char *name)
{
    const char *value = doctor_view_get(view, name);
    return strcasecmp(value, "on") == 0 || strcasecmp(value, "yes") == 0 || strcasecmp(value, "true") == 0 ||
           strtol(value, NULL, 10) != 0;
}

/* PHP takes k, m and g behind a number, here, too. */
long doctor_view_number(const json_t *view, const char *name)
{
    char *end;
    long number = strtol(doctor_view_get(view, name), &end, 10);
    const char *unit = *end == '\0' ? NULL : strchr("kKmMgG", *end);
    return unit == NULL ? number
                        : number * (strchr("kK", *unit)   ? 1L << 10
                                    : strchr("mM", *unit) ? 1L << 20
                                                          : 1L << 30);
}

struct doctor_place doctor_view_place(const json_t *view, const char *name)
{
    const json_t *setting = setting_of(view, name);
    if (setting == NULL)
        return (struct doctor_place){.file = doctor_text(view, "ini")};
    return (struct doctor_place){.file = doctor_text(setting, "file"),
                                 .line = (unsigned)doctor_number(setting, "line")};
}

void doctor_view_change(const json_t *view, const char *name, const char *value, struct doctor_change *ret)
{
    struct doctor_place place = doctor_view_place(view, name);
    bool is_admin = doctor_number(setting_of(view, name), "rank") == DOCTOR_RANK_ADMIN;
    const char *key = is_admin ? "php_admin_value" : "php_value";
    size_t len = strlen(place.file);
    bool is_ini = len > 4 && strcmp(place.file + len - 4, ".ini") == 0;
    bool is_quoted = strpbrk(value, "=?;&|^~!(){} ") != NULL || strstr(value, "://") != NULL;
    const char *quote = is_quoted ? "\"" : "";
    ret->file = place.file;
    ret->line = place.line;
    if (is_ini)
        snprintf(ret->text, sizeof ret->text, "%s = %s%s%s", name, quote, value, quote);
    else if (strcmp(doctor_text(view, "sapi"), "fpm") == 0)
        snprintf(ret->text, sizeof ret->text, "%s[%s] = %s%s%s", key, name, quote, value, quote);
    else
        snprintf(ret->text, sizeof ret->text, "%s %s %s%s%s", key, name, quote, value, quote);
}

/* What PHP itself says counts, where it was asked: one that is named may fail to load, one may be built in. */
bool doctor_view_has(const json_t *view, const char *extension)
{
    const json_t *loaded = json_object_get(view, "loaded");
    if (loaded != NULL)
        return json_object_get(loaded, extension) != NULL;
    return json_object_get(json_object_get(view, "extensions"), extension) != NULL;
}

bool doctor_view_has_servers(const json_t *view)
{
    static const char *const handlers[] = {"memcached", "memcache", "redis", "cloakroom"};
    const char *handler = doctor_view_get(view, "session.save_handler");
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++)
        if (strcmp(handler, handlers[i]) == 0)
            return true;
    return false;
}
