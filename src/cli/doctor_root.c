/* Files below a root; see doctor_root.h. */
#include "cli/doctor_root.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };

/* Below a root that is not the system's own, links are followed within it. */
static int open_below(const struct doctor *doctor, const char *path, int flags)
{
    if (doctor->root[0] == '\0')
        return open(path, flags | O_CLOEXEC);
    int root = open(doctor->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -1;
    struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT};
    int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
    int error = errno;
    close(root);
    errno = error;
    return fd;
}

static bool read_all(int fd, char *to, size_t *ret_len)
{
    size_t len = 0;
    while (len < FILE_MAX) {
        ssize_t n = read(fd, to + len, FILE_MAX - len);
        if (n < 0)
            return false;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    to[len] = '\0';
    *ret_len = len;
    return true;
}

char *doctor_root_read(const struct doctor *doctor, const char *path, struct bytes *ret)
{
    struct stat status;
    size_t len;
    char *text = NULL;
    int fd = open_below(doctor, path, O_RDONLY | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    errno = EISDIR;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        text = malloc(FILE_MAX + 1);
    if (text != NULL && !read_all(fd, text, &len)) {
        free(text);
        text = NULL;
    }
    int error = errno;
    close(fd);
    errno = error;
    if (text != NULL)
        *ret = (struct bytes){.p = text, .len = len};
    return text;
}

bool doctor_root_stat(const struct doctor *doctor, const char *path, struct stat *ret)
{
    int fd = open_below(doctor, path, O_PATH);
    if (fd < 0)
        return false;
    bool is_there = fstat(fd, ret) == 0;
    close(fd);
    return is_there;
}

/* The root's own name is no pattern. */
static bool put_pattern(const struct doctor *doctor, const char *pattern, char *to, size_t size)
{
    size_t len = 0;
    for (const char *p = doctor->root; *p != '\0' && len + 2 < size; p++) {
        if (strchr("*?[\\", *p) != NULL)
            to[len++] = '\\';
        to[len++] = *p;
    }
    return (size_t)snprintf(to + len, size - len, "%s", pattern) < size - len;
}

json_t *doctor_root_glob(const struct doctor *doctor, const char *pattern)
{
    char text[2 * PATH_MAX];
    glob_t found;
    json_t *paths = json_array();
    if (!put_pattern(doctor, pattern, text, sizeof text) || glob(text, 0, NULL, &found) != 0)
        return paths;
    for (size_t i = 0; i < found.gl_pathc; i++)
        json_array_append_new(paths, json_string(found.gl_pathv[i] + strlen(doctor->root)));
    globfree(&found);
    return paths;
}

static FILE *open_stream(const struct doctor *doctor, const char *path)
{
    int fd = open_below(doctor, path, O_RDONLY);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    if (file == NULL && fd >= 0)
        close(fd);
    return file;
}

static void add_groups(const struct doctor *doctor, const char *name, struct doctor_user *user)
{
    FILE *file = open_stream(doctor, "/etc/group");
    struct group *group;
    while (file != NULL && (group = fgetgrent(file)) != NULL)
        for (char **member = group->gr_mem; *member != NULL; member++)
            if (strcmp(*member, name) == 0 && user->ngroups < DOCTOR_ROOT_GROUPS_MAX)
                user->groups[user->ngroups++] = group->gr_gid;
    if (file != NULL)
        fclose(file);
}

bool doctor_root_user(const struct doctor *doctor, const char *name, struct doctor_user *ret)
{
    FILE *file = open_stream(doctor, "/etc/passwd");
    struct passwd *passwd;
    bool is_there = false;
    while (!is_there && file != NULL && (passwd = fgetpwent(file)) != NULL) {
        is_there = strcmp(passwd->pw_name, name) == 0;
        if (is_there)
            *ret = (struct doctor_user){.uid = passwd->pw_uid, .ngroups = 1, .groups = {passwd->pw_gid}};
    }
    if (file != NULL)
        fclose(file);
    if (is_there)
        add_groups(doctor, name, ret);
    return is_there;
}

static bool allows(const struct stat *status, const struct doctor_user *user, int mode)
{
    unsigned bits = status->st_mode & 7;
    if (user->uid == 0)
        return true;
    for (size_t i = 0; i < user->ngroups; i++)
        if (status->st_gid == user->groups[i])
            bits = status->st_mode >> 3 & 7;
    if (status->st_uid == user->uid)
        bits = status->st_mode >> 6 & 7;
    return ((unsigned)mode & ~bits) == 0;
}

bool doctor_root_may(const struct doctor *doctor, const struct doctor_user *user, const char *path, int mode,
                     char *ret_at, size_t size)
{
    char part[PATH_MAX];
    struct stat status;
    for (const char *slash = path; slash != NULL;) {
        slash = strchr(slash + 1, '/');
        int len = slash == NULL ? (int)strlen(path) : (int)(slash - path);
        snprintf(part, sizeof part, "%.*s", len, path);
        int wanted = slash == NULL ? mode : X_OK;
        if (doctor_root_stat(doctor, part, &status) && !allows(&status, user, wanted)) {
            snprintf(ret_at, size, "%s", part);
            return false;
        }
    }
    return true;
}
