/* Are the files read whole, and is there what the handler needs? See doctor.h. */
#include "base/nearest.h"
#include "cli/doctor_root.h"
#include "cli/doctor_view.h"

#include <limits.h>
#include <stdio.h>

/* Handlers and serializers that an extension brings, and Debian's package of it. */
static const struct {
    const char *name;
    const char *extension;
    const char *package;
} brought[] = {
    {"memcached", "memcached", "php-memcached"},
    {"memcache", "memcache", "php-memcache"},
    {"redis", "redis", "php-redis"},
    {"rediscluster", "redis", "php-redis"},
    {"cloakroom", "cloakroom", "php-cloakroom"},
    {"igbinary", "igbinary", "php-igbinary"},
    {"msgpack", "msgpack", "php-msgpack"},
};
static const char *const own_handlers[] = {"files", "user"};
static const char *const own_serializers[] = {"php", "php_binary", "php_serialize"};

enum { NBROUGHT = sizeof brought / sizeof *brought, NHANDLERS = 5 };

static bool is_among(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* What the real PHP has registered counts, where it was asked. */
static bool is_registered(const json_t *view, const char *key, const char *name)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(view, key), i,
                       item) if (strcmp(json_string_value(item), name) == 0) return true;
    return false;
}

/* Where the line that loads an extension belongs. */
static void put_loading(const struct doctor *doctor, const json_t *view, size_t row,
                        struct doctor_change *change)
{
    char pattern[PATH_MAX];
    const char *version = doctor_text(view, "version");
    const char *sapi = doctor_text(view, "sapi");
    const char *extension = brought[row].extension;
    snprintf(pattern, sizeof pattern, "/usr/lib/php/2*/%s.so", extension);
    json_t *found = doctor_root_glob(doctor, pattern);
    bool is_installed = json_array_size(found) > 0;
    json_decref(found);
    change->file = doctor_text(view, "ini");
    change->line = 0;
    if (version[0] == '\0')
        snprintf(change->text, sizeof change->text, "extension = %s", extension);
    else if (is_installed)
        snprintf(change->text, sizeof change->text, "phpenmod -v %s -s %s %s, or here: extension = %s",
                 version, sapi, extension, extension);
    else
        snprintf(change->text, sizeof change->text,
                 "apt-get install %s (for PHP %s), or here: extension = %s", brought[row].package, version,
                 extension);
}

/* Cloakroom's extension stands in for php-memcached and php-memcache where those are not loaded. */
static bool has_handler(const json_t *view, const char *name, size_t row)
{
    bool stands_in = strncmp(name, "memcache", 8) == 0 && doctor_view_has(view, "cloakroom");
    if (json_object_get(view, "handlers") != NULL)
        return is_registered(view, "handlers", name);
    return stands_in || doctor_view_has(view, brought[row].extension);
}

static void find_unknown(struct doctor *doctor, const json_t *view, const char *name)
{
    struct nearest nearest;
    struct doctor_change change;
    nearest_init(&nearest, bytes_of(name));
    for (size_t i = 0; i < NHANDLERS; i++)
        nearest_offer(&nearest, brought[i].name);
    nearest_offer(&nearest, "files");
    doctor_view_change(view, "session.save_handler", nearest.name == NULL ? "cloakroom" : nearest.name,
                       &change);
    doctor_find(doctor, DOCTOR_HANDLER_UNKNOWN, doctor_view_name(view), &change, "there is no handler \"%s\"",
                name);
}

static void check_handler(struct doctor *doctor, const json_t *view)
{
    struct doctor_change change;
    const char *name = doctor_view_get(view, "session.save_handler");
    if (is_among(name, own_handlers, 2) || is_registered(view, "handlers", name) ||
        strstr(name, "${") != NULL)
        return;
    for (size_t i = 0; i < NHANDLERS; i++) {
        if (strcmp(name, brought[i].name) != 0)
            continue;
        if (has_handler(view, name, i))
            return;
        put_loading(doctor, view, i, &change);
        doctor_find(doctor, DOCTOR_EXTENSION_MISSING, doctor_view_name(view), &change,
                    "session.save_handler is %s, and the extension %s is not loaded here", name,
                    brought[i].extension);
        return;
    }
    find_unknown(doctor, view, name);
}

static void check_serializer(struct doctor *doctor, const json_t *view)
{
    struct doctor_change change;
    const char *name = doctor_view_get(view, "session.serialize_handler");
    if (is_among(name, own_serializers, 3) || is_registered(view, "serializers", name))
        return;
    size_t row = 0;
    while (row < NBROUGHT && strcmp(name, brought[row].name) != 0)
        row++;
    bool is_known = row < NBROUGHT && row >= NHANDLERS;
    if (is_known && json_object_get(view, "serializers") == NULL &&
        doctor_view_has(view, brought[row].extension))
        return;
    if (is_known)
        put_loading(doctor, view, row, &change);
    else
        doctor_view_change(view, "session.serialize_handler", "php", &change);
    doctor_find(doctor, DOCTOR_SERIALIZER_MISSING, doctor_view_name(view), &change,
                "session.serialize_handler is %s, which no extension that is loaded here brings", name);
}

/* The file of an extension of ours to look at; others are not about sessions. */
static void check_extension(struct doctor *doctor, const json_t *view, const char *name,
                            const json_t *extension)
{
    static const char *const folders[] = {"/usr/lib/php/2*/%s.so", "/usr/lib64/php/modules/%s.so",
                                          "/usr/local/lib/php/extensions/*/%s.so"};
    char pattern[PATH_MAX];
    struct stat status;
    const char *path = doctor_text(extension, "path");
    bool is_there = json_object_get(json_object_get(view, "loaded"), name) != NULL;
    if (path[0] == '/')
        is_there |= doctor_root_stat(doctor, path, &status);
    for (size_t i = 0; path[0] != '/' && i < sizeof folders / sizeof *folders; i++) {
        snprintf(pattern, sizeof pattern, folders[i], name);
        json_t *found = doctor_root_glob(doctor, pattern);
        is_there |= json_array_size(found) > 0;
        json_decref(found);
    }
    struct doctor_change change = {.file = doctor_text(extension, "file"),
                                   .line = (unsigned)doctor_number(extension, "line")};
    snprintf(change.text, sizeof change.text, "extension = %s", name);
    if (!is_there && !doctor_view_is_set(view, "extension_dir"))
        doctor_find(doctor, DOCTOR_EXTENSION_FILE, doctor_view_name(view), &change,
                    "extension = %s, and there is no such file", path);
    snprintf(change.text, sizeof change.text, "remove the line");
    if (doctor_number(extension, "times") > 1)
        doctor_find(doctor, DOCTOR_EXTENSION_TWICE, doctor_view_name(view), &change,
                    "the extension %s is loaded more than once, here again", name);
}

static void check_files(struct doctor *doctor, const json_t *view)
{
    size_t i;
    json_t *place;
    json_array_foreach(json_object_get(view, "broken"), i, place)
    {
        struct doctor_change change = {.file = doctor_text(place, "file"),
                                       .line = (unsigned)doctor_number(place, "line"),
                                       .text = "put the value between double quotes"};
        doctor_find(doctor, DOCTOR_INI_SYNTAX, doctor_view_name(view), &change,
                    "%s is not understood at line %u, and what follows is not read", change.file,
                    change.line);
    }
    static const struct doctor_change as_root = {
        .text = "run doctor as root; if it was: it must be a file that can be read"};
    static const struct doctor_change again = {
        .text = "install the package of this extension for this version of PHP, and what it needs before it"};
    json_array_foreach(json_object_get(view, "unreadable"), i, place)
        doctor_find(doctor, DOCTOR_FILE_UNREADABLE, doctor_view_name(view), &as_root, "%s cannot be read",
                    doctor_text(place, "file"));
    json_array_foreach(json_object_get(view, "complaints"), i, place)
        doctor_find(doctor, DOCTOR_EXTENSION_BROKEN, doctor_view_name(view), &again,
                    "PHP says at its start: %.300s", json_string_value(place));
}

static void check_cuts(struct doctor *doctor, const json_t *view)
{
    const char *name;
    json_t *setting;
    json_object_foreach(json_object_get(view, "settings"), name, setting)
    {
        struct doctor_change change;
        if (!json_is_true(json_object_get(setting, "is_cut")))
            continue;
        doctor_view_change(view, name, "...", &change);
        snprintf(change.text, sizeof change.text, "put all of the value of %s between double quotes", name);
        doctor_find(doctor, DOCTOR_INI_CUT, doctor_view_name(view), &change,
                    "%s = %s is all that PHP reads of a value without quotes", name,
                    doctor_text(setting, "value"));
    }
}

void doctor_check_load(struct doctor *doctor)
{
    size_t i;
    json_t *view;
    const char *name;
    json_t *extension;
    static const struct doctor_change elsewhere = {
        .text = "install PHP; or say with --root where its files are, if it lives in a container"};
    if (json_array_size(doctor->views) == 0)
        doctor_find(doctor, DOCTOR_NO_PHP, NULL, &elsewhere, "no PHP was found under %s",
                    doctor->root[0] == '\0' ? "/etc" : doctor->root);
    json_array_foreach(doctor->views, i, view)
    {
        check_files(doctor, view);
        check_cuts(doctor, view);
        json_object_foreach(json_object_get(view, "extensions"), name,
                            extension) for (size_t k = 0; k < NBROUGHT;
                                            k++) if (strcmp(name, brought[k].name) == 0)
            check_extension(doctor, view, name, extension);
        check_handler(doctor, view);
        check_serializer(doctor, view);
    }
}
