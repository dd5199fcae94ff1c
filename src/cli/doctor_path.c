/* save_path in the syntax of its handler; see doctor_path.h and doctor.h. */
#include "cli/doctor_path.h"
#include "cli/doctor_root.h"

#include <stdio.h>

/* Debian's PHP has it compiled in. */
static const char debian_directory[] = "/var/lib/php/sessions";

bool doctor_path_cut(const json_t *view, struct doctor_path *ret)
{
    bool is_memcache = strcmp(doctor_view_get(view, "session.save_handler"), "memcache") == 0;
    bool has_own = is_memcache && doctor_view_get(view, "memcache.session_save_path")[0] != '\0';
    *ret = (struct doctor_path){.setting = has_own ? "memcache.session_save_path" : "session.save_path"};
    ret->value = doctor_view_get(view, ret->setting);
    for (const char *p = ret->value; *p != '\0' && ret->n < DOCTOR_PATH_ITEMS_MAX;) {
        p += strspn(p, " \t,");
        size_t len = strcspn(p, ",");
        size_t kept = len;
        while (kept > 0 && (p[kept - 1] == ' ' || p[kept - 1] == '\t'))
            kept--;
        if (kept > 0 && kept < DOCTOR_PATH_ITEM_MAX)
            memcpy(ret->items[ret->n++], p, kept);
        p += len;
    }
    return strstr(ret->value, "${") == NULL;
}

/* An item without what handlers take for settings: ?weight=1 behind it, and php-memcached's weight, host:port:1 or a blank
 * and a number. */
static void put_bare(const char *item, char *to, size_t size)
{
    snprintf(to, size, "%.*s", (int)strcspn(item, "? "), item);
    const char *host = strstr(to, "://") != NULL ? strstr(to, "://") + 3 : to;
    char *first = strchr(host, ':');
    char *second = first == NULL ? NULL : strchr(first + 1, ':');
    bool is_weight = second != NULL && host[0] != '[' && host[0] != '/' && strchr(second + 1, ':') == NULL;
    if (is_weight && second[1] != '\0' && second[1 + strspn(second + 1, "0123456789")] == '\0')
        *second = '\0';
}

bool doctor_path_address(const char *handler, const char *item, struct address *ret)
{
    char text[DOCTOR_PATH_ITEM_MAX];
    char error[ADDRESS_ERROR_MAX];
    put_bare(item, text, sizeof text);
    bool has_scheme = strstr(text, "://") != NULL;
    if (strcmp(handler, "memcached") == 0 && has_scheme)
        return false;
    if (strcmp(handler, "memcache") == 0 && text[0] == '/')
        return false;
    return address_parse(text, ret, error) == ERR_NONE;
}

const char *doctor_path_directory(const json_t *view)
{
    const char *path = doctor_view_get(view, "session.save_path");
    const char *behind = strrchr(path, ';');
    path = behind != NULL ? behind + 1 : path;
    return path[0] != '\0' ? path : doctor_text(view, "version")[0] != '\0' ? debian_directory : "/tmp";
}

/* The item as the handler would have it; false: nobody can tell. */
static bool correct(const char *handler, const char *item, char *to, size_t size)
{
    char text[DOCTOR_PATH_ITEM_MAX];
    char error[ADDRESS_ERROR_MAX];
    struct address address;
    put_bare(item, text, sizeof text);
    bool is_good = address_parse(text, &address, error) == ERR_NONE;
    if (!is_good && strlen(text) + 6 < sizeof text) {
        strcat(text, ":11211"); /* the port alone may be missing */
        is_good = address_parse(text, &address, error) == ERR_NONE;
    }
    if (!is_good)
        return false;
    bool is_bare = strcmp(handler, "memcached") == 0;
    bool is_v6 = strchr(address.host, ':') != NULL;
    if (address.kind == ADDRESS_UNIX)
        snprintf(to, size, "%s%s", is_bare ? "" : "unix://", address.path);
    else
        snprintf(to, size, "%s%s%s%s:%u", is_bare ? "" : "tcp://", is_v6 ? "[" : "", address.host,
                 is_v6 ? "]" : "", (unsigned)address.port);
    return true;
}

/* One thing that is wrong with the path of a view, with what it should be instead, if `fixed` is not NULL. */
static void find(struct doctor *doctor, enum doctor_id id, const json_t *view, const struct doctor_path *path,
                 const char *fixed, const char *text)
{
    struct doctor_change change;
    doctor_view_change(view, path->setting, fixed != NULL ? fixed : "...", &change);
    doctor_find(doctor, id, doctor_view_name(view), &change, "the handler %s has %s = \"%s\": %s",
                doctor_view_get(view, "session.save_handler"), path->setting, path->value, text);
}

static bool is_directory(const struct doctor *doctor, const char *path)
{
    struct stat status;
    return path[0] == '/' && doctor_root_stat(doctor, path, &status) && S_ISDIR(status.st_mode);
}

static void check_item(struct doctor *doctor, const json_t *view, const struct doctor_path *path,
                       const char *item)
{
    char fixed[2 * DOCTOR_PATH_ITEM_MAX];
    char text[ADDRESS_ERROR_MAX];
    struct address address;
    const char *handler = doctor_view_get(view, "session.save_handler");
    const char *instead = correct(handler, item, fixed, sizeof fixed) ? fixed : NULL;
    bool is_memcached = strcmp(handler, "memcached") == 0;
    bool has_scheme = strstr(item, "://") != NULL;
    char bare[DOCTOR_PATH_ITEM_MAX];
    put_bare(item, bare, sizeof bare);
    if (is_directory(doctor, item))
        find(doctor, DOCTOR_PATH_DIRECTORY, view, path,
             is_memcached ? "127.0.0.1:11211" : "tcp://127.0.0.1:11211",
             "that is a directory, as the handler files has it");
    else if (is_memcached && has_scheme)
        find(doctor, DOCTOR_PATH_SCHEME, view, path, instead,
             "memcached takes no scheme in front of host:port or /path");
    else if (strcmp(handler, "memcache") == 0 && item[0] == '/')
        find(doctor, DOCTOR_PATH_BARE_SOCKET, view, path, instead, "a socket needs unix:// in front");
    else if (strcmp(handler, "redis") == 0 || address_parse(bare, &address, text) == ERR_NONE)
        return;
    else if (instead != NULL)
        find(doctor, DOCTOR_PATH_NO_PORT, view, path, instead, "the port is missing");
    else
        find(doctor, DOCTOR_PATH_INVALID, view, path, NULL, text);
}

static void check_servers(struct doctor *doctor, const json_t *view)
{
    static const char *const sockets[] = {"unix:///run/cloakroom/cloakroom.sock", "tcp://127.0.0.1:11211",
                                          "127.0.0.1:11211"};
    struct doctor_path path;
    const char *handler = doctor_view_get(view, "session.save_handler");
    bool is_memcached = strcmp(handler, "memcached") == 0;
    if (!doctor_path_cut(view, &path))
        return;
    if (path.n == 0)
        find(doctor, DOCTOR_PATH_EMPTY, view, &path,
             sockets[is_memcached                        ? 2
                     : strcmp(handler, "cloakroom") == 0 ? 0
                                                         : 1],
             "it names no server");
    for (size_t i = 0; i < path.n; i++)
        check_item(doctor, view, &path, path.items[i]);
    if (is_memcached && strchr(path.value, '?') != NULL)
        find(doctor, DOCTOR_PATH_IGNORED, view, &path, NULL,
             "memcached does not look at what stands behind ?; it has settings of its own, "
             "memcached.sess_...");
    bool is_stock = is_memcached || strcmp(handler, "memcache") == 0;
    if (is_stock && path.n > 1)
        find(doctor, DOCTOR_PATH_SEVERAL, view, &path, path.items[0], "several servers");
    const char *general = doctor_view_get(view, "session.save_path");
    bool is_beaten =
        strcmp(path.setting, "memcache.session_save_path") == 0 && strcmp(general, path.value) != 0;
    if (is_beaten && strcmp(general, debian_directory) != 0 && general[0] != '\0')
        find(doctor, DOCTOR_PATH_MEMCACHE_WINS, view, &path, general,
             "session.save_path says something else");
}

void doctor_check_path(struct doctor *doctor)
{
    size_t i;
    json_t *view;
    struct address address;
    char error[ADDRESS_ERROR_MAX];
    json_array_foreach(doctor->views, i, view)
    {
        struct doctor_path path = {.setting = "session.save_path", .value = doctor_path_directory(view)};
        if (doctor_view_has_servers(view))
            check_servers(doctor, view);
        else if (strcmp(doctor_view_get(view, "session.save_handler"), "files") == 0 &&
                 path.value[0] != '/' && address_parse(path.value, &address, error) == ERR_NONE)
            find(doctor, DOCTOR_PATH_SERVER_FOR_FILES, view, &path, debian_directory,
                 "that is a server, and the handler files knows none; session.save_handler is wrong, or was "
                 "lost");
    }
}
