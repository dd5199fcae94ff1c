/* Which PHPs there are, and what their ini files and the pools of php-fpm say; see doctor.h. */
#include "cli/doctor_root.h"
#include "cli/doctor_view.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { NAME_MAX_BYTES = 64, INCLUDES_MAX = 4 };

/* Where distributions keep them: Debian, with a folder for each version and kind, in find_debian(); others here. */
static const struct layout {
    const char *sapi;
    const char *ini;
    const char *scan;
    const char *fpm; /* NULL: none */
    const char *sign;
} layouts[] = {
    {"cli", "/etc/php.ini", "/etc/php.d", NULL, "/etc/php.ini"},
    {"fpm", "/etc/php.ini", "/etc/php.d", "/etc/php-fpm.conf", "/etc/php-fpm.d"},
    {"cli", "/usr/local/etc/php/php.ini", "/usr/local/etc/php/conf.d", NULL, "/usr/local/etc/php/conf.d"},
    {"fpm", "/usr/local/etc/php/php.ini", "/usr/local/etc/php/conf.d", "/usr/local/etc/php-fpm.conf",
     "/usr/local/etc/php-fpm.d"},
};

/* What is being read. */
struct reading {
    struct doctor *doctor;
    json_t *view; /* of a pool: NULL before its section */
    json_t *base; /* of pools */
    const char *file;
    unsigned depth; /* of files that include files */
    char variable[NAME_MAX_BYTES + 4];
};

static void note_trouble(struct doctor *doctor, json_t *view, const char *key, const char *file,
                         unsigned line)
{
    if (json_object_get(view, key) == NULL)
        doctor_put(doctor, view, key, json_array());
    doctor_append(doctor, json_object_get(view, key),
                  json_pack("{s:s, s:i}", "file", file, "line", (int)line));
}

/* Whoever starts PHP knows its environment; such a value is left as it stands. */
static const char *variable(void *arg, const char *name)
{
    struct reading *reading = arg;
    snprintf(reading->variable, sizeof reading->variable, "${%.*s}", NAME_MAX_BYTES, name);
    return reading->variable;
}

static void read_file(struct reading *reading, void (*each)(void *, const struct doctor_ini_entry *),
                      json_t *view)
{
    struct bytes text;
    unsigned line;
    struct doctor_ini_events events = {.each = each, .variable = variable, .arg = reading};
    char *owned = doctor_root_read(reading->doctor, reading->file, &text);
    if (owned == NULL && errno != ENOENT)
        note_trouble(reading->doctor, view, "unreadable", reading->file, 0);
    if (owned != NULL && !doctor_ini_read(text, &events, &line))
        note_trouble(reading->doctor, view, "broken", reading->file, line);
    free(owned);
}

static bool is_for_all(struct bytes section)
{
    return !bytes_starts_with(section, bytes_of("PATH=")) && !bytes_starts_with(section, bytes_of("HOST="));
}

static void take_ini(void *arg, const struct doctor_ini_entry *entry)
{
    struct reading *reading = arg;
    if (is_for_all(entry->section))
        doctor_view_take(reading->doctor, reading->view, entry, reading->file, DOCTOR_RANK_INI);
}

/* php.ini, then what lies beside it, by name. */
static void read_inis(struct doctor *doctor, json_t *view, const char *scan)
{
    char pattern[PATH_MAX];
    size_t i;
    json_t *path;
    struct reading reading = {.doctor = doctor, .view = view, .file = doctor_text(view, "ini")};
    read_file(&reading, take_ini, view);
    snprintf(pattern, sizeof pattern, "%s/*.ini", scan);
    json_t *paths = doctor_root_glob(doctor, pattern);
    json_array_foreach(paths, i, path)
    {
        reading.file = json_string_value(path);
        read_file(&reading, take_ini, view);
    }
    json_decref(paths);
}

/* The pool's view, made when it is first met: it may go on in another file. */
static json_t *pool_view(struct reading *reading, struct bytes pool)
{
    char name[NAME_MAX_BYTES];
    char part[NAME_MAX_BYTES + 8];
    size_t i;
    json_t *view;
    snprintf(name, sizeof name, "%.*s", (int)(pool.len < sizeof name ? pool.len : sizeof name - 1), pool.p);
    json_array_foreach(reading->doctor->views, i,
                       view) if (strcmp(doctor_text(view, "pool"), name) == 0 &&
                                 strcmp(doctor_text(view, "version"),
                                        doctor_text(reading->base, "version")) == 0) return view;
    snprintf(part, sizeof part, "pool %s", name);
    view = doctor_view_add(reading->doctor, reading->base, part);
    doctor_put(reading->doctor, view, "pool", doctor_string(name, strlen(name)));
    return view;
}

static void look_at_pools(struct doctor *doctor, json_t *base, const char *pattern, unsigned depth);

/* A relative one is below php-fpm's prefix: that of PHP's own images. */
static void take_include(struct reading *reading, struct bytes pattern)
{
    char path[PATH_MAX];
    bool is_absolute = bytes_starts_with(pattern, bytes_of("/"));
    int len =
        snprintf(path, sizeof path, "%s%.*s", is_absolute ? "" : "/usr/local/", (int)pattern.len, pattern.p);
    if (len < (int)sizeof path)
        look_at_pools(reading->doctor, reading->base, path, reading->depth + 1);
}

static void take_pool(void *arg, const struct doctor_ini_entry *entry)
{
    struct reading *reading = arg;
    if (bytes_equal(entry->name, bytes_of("include"))) {
        take_include(reading, entry->value);
        return;
    }
    if (entry->section.len == 0 || bytes_equal(entry->section, bytes_of("global")))
        return;
    json_t *view = pool_view(reading, entry->section);
    bool is_admin = bytes_starts_with(entry->name, bytes_of("php_admin_"));
    bool is_php = is_admin || bytes_starts_with(entry->name, bytes_of("php_"));
    if (is_php && entry->offset.p != NULL)
        doctor_view_take(reading->doctor, view, entry, reading->file,
                         is_admin ? DOCTOR_RANK_ADMIN : DOCTOR_RANK_VALUE);
    for (const char *const *key = (const char *const[]){"user", "listen", NULL}; *key != NULL; key++)
        if (bytes_equal(entry->name, bytes_of(*key)) && entry->value.len < PATH_MAX)
            doctor_put(reading->doctor, view, *key, doctor_string(entry->value.p, entry->value.len));
}

static void look_at_pools(struct doctor *doctor, json_t *base, const char *pattern, unsigned depth)
{
    size_t i;
    json_t *path;
    json_t *paths = depth > INCLUDES_MAX ? json_array() : doctor_root_glob(doctor, pattern);
    json_array_foreach(paths, i, path)
    {
        struct reading reading = {
            .doctor = doctor, .base = base, .file = json_string_value(path), .depth = depth};
        size_t before = json_array_size(doctor->views);
        json_t *broken = json_object();
        read_file(&reading, take_pool, broken);
        /* What is wrong with the file is wrong with its pools. */
        for (size_t k = before; k < json_array_size(doctor->views); k++)
            json_object_update(json_array_get(doctor->views, k), broken);
        if (before == json_array_size(doctor->views))
            json_object_update(base, broken);
        json_decref(broken);
    }
    json_decref(paths);
}

static json_t *look_at(struct doctor *doctor, const char *version, const struct layout *layout)
{
    json_t *view = doctor_view_new(doctor, version, layout->sapi, layout->ini);
    read_inis(doctor, view, layout->scan);
    doctor_ask(doctor, view, layout->scan);
    doctor_append(doctor, doctor->bases, view);
    if (layout->fpm != NULL)
        look_at_pools(doctor, view, layout->fpm, 0);
    else if (strcmp(layout->sapi, "apache2") != 0) /* doctor_web.c adds Apache's */
        doctor_view_add(doctor, view, NULL);
    return view;
}

/* /etc/php/8.2/fpm/php.ini */
static void look_at_debian(struct doctor *doctor, const char *ini)
{
    char version[NAME_MAX_BYTES];
    char sapi[NAME_MAX_BYTES];
    char scan[PATH_MAX];
    char fpm[PATH_MAX];
    if (sscanf(ini, "/etc/php/%31[^/]/%31[^/]/php.ini", version, sapi) != 2)
        return;
    static const char *const known[] = {"cli", "fpm", "apache2", "cgi"};
    snprintf(scan, sizeof scan, "/etc/php/%s/%s/conf.d", version, sapi);
    snprintf(fpm, sizeof fpm, "/etc/php/%s/fpm/php-fpm.conf", version);
    struct layout layout = {.sapi = sapi, .ini = ini, .scan = scan};
    layout.fpm = strcmp(sapi, "fpm") == 0 ? fpm : NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(sapi, known[i]) == 0)
            look_at(doctor, version, &layout);
}

void doctor_php_look(struct doctor *doctor)
{
    size_t i;
    json_t *path;
    struct stat status;
    json_t *paths = doctor_root_glob(doctor, "/etc/php/*/*/php.ini");
    json_array_foreach(paths, i, path) look_at_debian(doctor, json_string_value(path));
    json_decref(paths);
    for (i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (doctor_root_stat(doctor, layouts[i].sign, &status))
            look_at(doctor, "", &layouts[i]);
}
