/*
 * Where web servers set PHP's settings: Apache's php_value in its configuration, its sites and .htaccess, .user.ini below
 * the document roots of Apache and nginx. Each that sets something is a view of its own.
 */
#include "cli/doctor_conf.h"
#include "cli/doctor_root.h"
#include "cli/doctor_view.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { DEPTH_MAX = 16, NAME_MAX_BYTES = 64 };

/* In the order in which Apache reads them, as Debian and Red Hat have them. */
static const char *const apache_files[] = {
    "/etc/apache2/apache2.conf",        "/etc/apache2/mods-enabled/*.load",
    "/etc/apache2/mods-enabled/*.conf", "/etc/apache2/conf-enabled/*.conf",
    "/etc/apache2/sites-enabled/*",     "/etc/httpd/conf.modules.d/*.conf",
    "/etc/httpd/conf/httpd.conf",       "/etc/httpd/conf.d/*.conf",
};
static const char *const nginx_files[] = {"/etc/nginx/nginx.conf", "/etc/nginx/conf.d/*.conf",
                                          "/etc/nginx/sites-enabled/*"};

/* One thing that php_value and its like say, kept until all of a site is known. */
struct web {
    struct doctor *doctor;
    const char *file;
    char module[NAME_MAX_BYTES]; /* php_module, php7_module; empty: Apache has none */
    json_t *global;              /* what is set outside of sites: [{name, value, file, line, rank}] */
    json_t *sites;               /* [{name, set: [...]}] */
    json_t *site;                /* borrowed; NULL: outside of one */
    json_t *roots;               /* {path: true}: DocumentRoot and root */
    json_t *overrides;           /* {path: AllowOverride's word} */
    bool is_off[DEPTH_MAX];      /* by the sections that are open */
    char section[DEPTH_MAX][PATH_MAX];
    unsigned depth;
};

/* The name of the module in <IfModule mod_php.c> or <IfModule php_module>. */
static bool is_the_module(const struct web *web, const char *word)
{
    bool is_seven = strncmp(web->module, "php7", 4) == 0;
    return web->module[0] != '\0' &&
           (strcmp(word, web->module) == 0 || strcmp(word, is_seven ? "mod_php7.c" : "mod_php.c") == 0);
}

static bool is_off(const struct web *web)
{
    return web->depth > 0 && web->depth <= DEPTH_MAX && web->is_off[web->depth - 1];
}

static void open_section(struct web *web, const struct doctor_conf_line *line)
{
    bool off = is_off(web);
    if (strcasecmp(line->words[0], "IfModule") == 0) {
        const char *word = line->words[1];
        bool is_not = word[0] == '!';
        bool is_php = strncmp(word + is_not, "mod_php", 7) == 0 || strncmp(word + is_not, "php", 3) == 0;
        off |= is_php && is_the_module(web, word + is_not) == is_not;
    }
    if (strcasecmp(line->words[0], "VirtualHost") == 0) {
        doctor_append(
            web->doctor, web->sites,
            json_pack("{s:o, s:[]}", "name", doctor_string(line->words[1], strlen(line->words[1])), "set"));
        web->site = json_array_get(web->sites, json_array_size(web->sites) - 1);
    }
    if (web->depth < DEPTH_MAX) {
        web->is_off[web->depth] = off;
        bool is_directory = strcasecmp(line->words[0], "Directory") == 0;
        snprintf(web->section[web->depth], PATH_MAX, "%s", is_directory ? line->words[1] : "");
    }
    web->depth++;
}

static void close_section(struct web *web, const struct doctor_conf_line *line)
{
    if (strcasecmp(line->words[0], "VirtualHost") == 0)
        web->site = NULL;
    web->depth -= web->depth > 0;
}

/* {name, value, ...} of php_value and its like; NULL: the line is none. */
static json_t *setting_of(const struct doctor_conf_line *line, const char *file, enum doctor_rank rank)
{
    static const struct {
        const char *directive;
        bool is_flag;
        bool is_admin;
    } rows[] = {{"php_value", false, false},
                {"php_flag", true, false},
                {"php_admin_value", false, true},
                {"php_admin_flag", true, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcasecmp(line->words[0], rows[i].directive) != 0)
            continue;
        const char *value = line->words[2];
        if (rows[i].is_flag)
            value = strcasecmp(value, "on") == 0 || strcmp(value, "1") == 0 ? "1" : "0";
        if (strcasecmp(value, "none") == 0)
            value = "";
        return json_pack("{s:o, s:o, s:s, s:i, s:i}", "name",
                         doctor_string(line->words[1], strlen(line->words[1])), "value",
                         doctor_string(value, strlen(value)), "file", file, "line", (int)line->line, "rank",
                         (int)(rows[i].is_admin ? DOCTOR_RANK_ADMIN : rank));
    }
    return NULL;
}

static void take_line(struct web *web, const struct doctor_conf_line *line)
{
    const char *word = line->words[0];
    json_t *setting = setting_of(line, web->file, DOCTOR_RANK_VALUE);
    if (setting != NULL)
        doctor_append(web->doctor, web->site != NULL ? json_object_get(web->site, "set") : web->global,
                      setting);
    else if (strcasecmp(word, "ServerName") == 0 && web->site != NULL)
        doctor_put(web->doctor, web->site, "name", doctor_string(line->words[1], strlen(line->words[1])));
    else if (strcasecmp(word, "DocumentRoot") == 0)
        doctor_put(web->doctor, web->roots, line->words[1], json_true());
    else if (strcasecmp(word, "LoadModule") == 0 && strncmp(line->words[1], "php", 3) == 0)
        snprintf(web->module, sizeof web->module, "%s", line->words[1]);
    else if (strcasecmp(word, "AllowOverride") == 0 && web->depth > 0 && web->depth <= DEPTH_MAX)
        doctor_put(web->doctor, web->overrides, web->section[web->depth - 1], json_string(line->words[1]));
}

static void take_apache(void *arg, const struct doctor_conf_line *line)
{
    struct web *web = arg;
    if (line->kind == DOCTOR_CONF_OPEN)
        open_section(web, line);
    else if (line->kind == DOCTOR_CONF_CLOSE)
        close_section(web, line);
    else if (!is_off(web))
        take_line(web, line);
}

/* "root /srv/www;" */
static void take_nginx(void *arg, const struct doctor_conf_line *line)
{
    struct web *web = arg;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.*s", (int)strcspn(line->words[1], ";"), line->words[1]);
    if (strcmp(line->words[0], "root") == 0 && path[0] == '/')
        doctor_put(web->doctor, web->roots, path, json_true());
}

static void read_file(struct web *web, const char *path, doctor_conf_each *each)
{
    struct bytes text;
    char *owned = doctor_root_read(web->doctor, path, &text);
    web->file = path;
    web->depth = 0;
    web->site = NULL;
    if (owned != NULL)
        doctor_conf_read(text, each, web);
    free(owned);
}

static void read_files(struct web *web, const char *const *patterns, size_t n, doctor_conf_each *each)
{
    for (size_t i = 0; i < n; i++) {
        size_t k;
        json_t *path;
        json_t *paths = doctor_root_glob(web->doctor, patterns[i]);
        json_array_foreach(paths, k, path) read_file(web, json_string_value(path), each);
        json_decref(paths);
    }
}

static void apply(struct doctor *doctor, json_t *view, const json_t *set)
{
    size_t i;
    json_t *row;
    json_array_foreach(set, i, row)
    {
        struct doctor_place place = {.file = doctor_text(row, "file"),
                                     .line = (unsigned)doctor_number(row, "line")};
        doctor_view_set(doctor, view, doctor_text(row, "name"), doctor_text(row, "value"), place,
                        (enum doctor_rank)doctor_number(row, "rank"));
    }
}

static json_t *add_site_view(struct doctor *doctor, json_t *common, const char *name)
{
    char part[NAME_MAX_BYTES * 2];
    snprintf(part, sizeof part, "site %s", name);
    return doctor_view_add(doctor, common, part);
}

/* Apache's own view, and one for each site that sets something. */
static void add_apache_views(struct web *web, json_t *base)
{
    size_t i;
    json_t *site;
    json_t *common = json_deep_copy(base);
    apply(web->doctor, common, web->global);
    doctor_put(web->doctor, common, "user", json_string("www-data"));
    doctor_view_add(web->doctor, common, NULL);
    json_array_foreach(web->sites, i, site) if (json_array_size(json_object_get(site, "set")) > 0)
        apply(web->doctor, add_site_view(web->doctor, common, doctor_text(site, "name")),
              json_object_get(site, "set"));
    json_decref(common);
}

/* May a .htaccess in this directory say something? The longest <Directory> that it lies in decides. */
static bool may_override(const struct web *web, const char *path)
{
    const char *directory;
    json_t *word;
    size_t longest = 0;
    bool may = false;
    json_object_foreach(web->overrides, directory, word)
    {
        size_t len = strlen(directory);
        while (len > 1 && directory[len - 1] == '/')
            len--;
        bool is_in =
            strncmp(path, directory, len) == 0 && (len <= 1 || path[len] == '/' || path[len] == '\0');
        if (is_in && len >= longest) {
            longest = len;
            may = strcasecmp(json_string_value(word), "None") != 0;
        }
    }
    return may;
}

struct htaccess {
    struct web *web;
    json_t *set;
};

static void take_htaccess(void *arg, const struct doctor_conf_line *line)
{
    struct htaccess *htaccess = arg;
    struct web *web = htaccess->web;
    if (line->kind == DOCTOR_CONF_OPEN)
        open_section(web, line);
    else if (line->kind == DOCTOR_CONF_CLOSE)
        close_section(web, line);
    json_t *setting = is_off(web) ? NULL : setting_of(line, web->file, DOCTOR_RANK_DIRECTORY);
    if (setting != NULL && line->kind == DOCTOR_CONF_LINE)
        doctor_append(web->doctor, htaccess->set, setting);
    else
        json_decref(setting);
}

/* Each view of Apache has a sibling below the directory. */
static void add_directory_views(struct web *web, const char *sapi, const char *path, const json_t *set)
{
    char directory[PATH_MAX];
    size_t n = json_array_size(web->doctor->views);
    snprintf(directory, sizeof directory, "%.*s", (int)(strrchr(path, '/') - path), path);
    for (size_t i = 0; i < n; i++) {
        json_t *view = json_array_get(web->doctor->views, i);
        if (strcmp(doctor_text(view, "sapi"), sapi) != 0 || json_object_get(view, "directory") != NULL)
            continue;
        json_t *below = json_deep_copy(view);
        doctor_put(web->doctor, below, "name", json_sprintf("%s %s", doctor_view_name(view), directory));
        doctor_put(web->doctor, below, "directory", json_string(directory));
        apply(web->doctor, below, set);
        doctor_append(web->doctor, web->doctor->views, below);
    }
}

static void read_htaccess(struct web *web, const char *path)
{
    char directory[PATH_MAX];
    struct htaccess htaccess = {.web = web, .set = json_array()};
    struct bytes text;
    snprintf(directory, sizeof directory, "%.*s", (int)(strrchr(path, '/') - path), path);
    char *owned = may_override(web, directory) ? doctor_root_read(web->doctor, path, &text) : NULL;
    web->file = path;
    web->depth = 0;
    if (owned != NULL)
        doctor_conf_read(text, take_htaccess, &htaccess);
    free(owned);
    const json_t *first = json_array_get(htaccess.set, 0);
    struct doctor_change change = {.file = path, .line = (unsigned)doctor_number(first, "line")};
    snprintf(change.text, sizeof change.text,
             "remove the line; with php-fpm the file .user.ini has %.64s = ...", doctor_text(first, "name"));
    if (first != NULL && web->module[0] == '\0')
        doctor_find(web->doctor, DOCTOR_HTACCESS_WITHOUT_PHP, NULL, &change,
                    "php_value without mod_php, in %s", path);
    else if (first != NULL)
        add_directory_views(web, "apache2", path, htaccess.set);
    json_decref(htaccess.set);
}

struct user_ini {
    struct web *web;
    json_t *set;
};

static void take_user_ini(void *arg, const struct doctor_ini_entry *entry)
{
    struct user_ini *user_ini = arg;
    if (entry->offset.p == NULL)
        doctor_append(user_ini->web->doctor, user_ini->set,
                      json_pack("{s:o, s:o, s:s, s:i, s:i}", "name",
                                doctor_string(entry->name.p, entry->name.len), "value",
                                doctor_string(entry->value.p, entry->value.len), "file", user_ini->web->file,
                                "line", (int)entry->line, "rank", (int)DOCTOR_RANK_DIRECTORY));
}

static void read_user_ini(struct web *web, const char *path)
{
    struct user_ini user_ini = {.web = web, .set = json_array()};
    struct doctor_ini_events events = {.each = take_user_ini, .arg = &user_ini};
    struct bytes text;
    unsigned line;
    char *owned = doctor_root_read(web->doctor, path, &text);
    web->file = path;
    if (owned != NULL)
        (void)doctor_ini_read(text, &events, &line);
    free(owned);
    if (json_array_size(user_ini.set) > 0)
        add_directory_views(web, "fpm", path, user_ini.set);
    json_decref(user_ini.set);
}

/* In the document roots, and one level below. */
static void look_below(struct web *web, const char *name, void (*look)(struct web *, const char *))
{
    const char *root;
    json_t *unused;
    json_object_foreach(web->roots, root, unused)
    {
        for (const char *const *below = (const char *const[]){"", "/*", NULL}; *below != NULL; below++) {
            char pattern[PATH_MAX];
            size_t i;
            json_t *path;
            snprintf(pattern, sizeof pattern, "%s%s/%s", root, *below, name);
            json_t *paths = doctor_root_glob(web->doctor, pattern);
            json_array_foreach(paths, i, path) look(web, json_string_value(path));
            json_decref(paths);
        }
    }
}

void doctor_web_look(struct doctor *doctor)
{
    size_t i;
    json_t *base;
    struct web web = {.doctor = doctor,
                      .global = json_array(),
                      .sites = json_array(),
                      .roots = json_object(),
                      .overrides = json_object()};
    read_files(&web, apache_files, sizeof apache_files / sizeof *apache_files, take_apache);
    json_array_foreach(doctor->bases, i, base) if (strcmp(doctor_text(base, "sapi"), "apache2") == 0 &&
                                                   web.module[0] != '\0') add_apache_views(&web, base);
    look_below(&web, ".htaccess", read_htaccess);
    read_files(&web, nginx_files, sizeof nginx_files / sizeof *nginx_files, take_nginx);
    look_below(&web, ".user.ini", read_user_ini);
    json_decref(web.global);
    json_decref(web.sites);
    json_decref(web.roots);
    json_decref(web.overrides);
}
