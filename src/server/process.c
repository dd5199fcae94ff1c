/* User, descriptors, background, pid file: see process.h. */
#include "server/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

void process_fill_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

enum err process_raise_descriptors(uint64_t nconnections, uint64_t nfiles, char *error)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)(nconnections + nfiles) + PROCESS_OWN_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return ERR_NONE;
    struct rlimit raised = {.rlim_cur = wanted,
                            .rlim_max = limit.rlim_max < wanted ? wanted : limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
        return ERR_NONE;
    snprintf(error, PROCESS_ERROR_MAX,
             "-c %llu%s needs %llu open files but the limit is %llu: raise it (ulimit -n, LimitNOFILE=), "
             "start as root, or lower -c",
             (unsigned long long)nconnections, nfiles > 0 ? " with --data" : "", (unsigned long long)wanted,
             (unsigned long long)limit.rlim_max);
    return ERR_SYSTEM;
}

enum err process_allow_cores(char *error)
{
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    if (setrlimit(RLIMIT_CORE, &limit) == 0)
        return ERR_NONE;
    if (getrlimit(RLIMIT_CORE, &limit) == 0) { /* as far as it may be lifted */
        limit.rlim_cur = limit.rlim_max;
        if (limit.rlim_max != 0 && setrlimit(RLIMIT_CORE, &limit) == 0)
            return ERR_NONE;
    }
    snprintf(error, PROCESS_ERROR_MAX,
             "-r: core files are forbidden: raise the limit (ulimit -c, LimitCORE=), or leave "
             "-r out");
    return ERR_SYSTEM;
}

void process_raise_memlock(void)
{
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    (void)setrlimit(RLIMIT_MEMLOCK, &limit); /* process_lock_memory() tells whether it was enough */
}

bool process_lock_memory(void)
{
    return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}

static enum err become(const struct passwd *entry, const char *user, char *error)
{
    if (initgroups(entry->pw_name, entry->pw_gid) == 0 && setgid(entry->pw_gid) == 0 &&
        setuid(entry->pw_uid) == 0)
        return ERR_NONE;
    snprintf(error, PROCESS_ERROR_MAX, "-u %.64s: cannot become that user: %s", user, strerror(errno));
    return ERR_SYSTEM;
}

static const struct passwd *find_user(const char *user, char *error)
{
    const struct passwd *entry = user == NULL ? NULL : getpwnam(user);
    if (user == NULL)
        snprintf(error, PROCESS_ERROR_MAX,
                 "started as root: name the user to become with -u (-u root if root it must be)");
    else if (entry == NULL)
        snprintf(error, PROCESS_ERROR_MAX, "-u %.64s: there is no such user; create it or name another",
                 user);
    return entry;
}

enum err process_give_away(const char *path, const char *user, char *error)
{
    if (geteuid() != 0)
        return ERR_NONE;
    const struct passwd *entry = find_user(user, error);
    if (entry == NULL)
        return ERR_USAGE;
    if (chown(path, entry->pw_uid, entry->pw_gid) == 0)
        return ERR_NONE;
    snprintf(error, PROCESS_ERROR_MAX, "cannot give %.256s to %.64s: %s", path, user, strerror(errno));
    return ERR_SYSTEM;
}

enum err process_become_user(const char *user, char *error)
{
    if (geteuid() != 0)
        return ERR_NONE;
    const struct passwd *entry = find_user(user, error);
    return entry == NULL ? ERR_USAGE : become(entry, user, error);
}

/* The parent's end: a byte says ready, the end of the pipe says that the child is gone. */
static _Noreturn void wait_for_child(int ready_fd)
{
    char byte;
    ssize_t n;
    do {
        n = read(ready_fd, &byte, 1);
    } while (n < 0 && errno == EINTR);
    _exit(n == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
}

enum err process_fork(int *ret_ready_fd, char *error)
{
    int fds[2];
    pid_t pid = pipe2(fds, O_CLOEXEC) == 0 ? fork() : -1;
    if (pid < 0) {
        snprintf(error, PROCESS_ERROR_MAX, "-d: cannot go into the background: %s", strerror(errno));
        return ERR_SYSTEM;
    }
    if (pid > 0) {
        close(fds[1]);
        wait_for_child(fds[0]);
    }
    close(fds[0]);
    (void)setsid();
    *ret_ready_fd = fds[1];
    return ERR_NONE;
}

void process_detach(int ready_fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && null >= 0; fd++)
        (void)dup2(null, fd);
    if (null >= 0)
        close(null);
    (void)!write(ready_fd, "", 1);
    close(ready_fd);
}

enum err process_write_pid(const char *path, char *error)
{
    FILE *file = fopen(path, "we");
    if (file != NULL) {
        fprintf(file, "%ld\n", (long)getpid());
        if (fclose(file) == 0)
            return ERR_NONE;
    }
    snprintf(error, PROCESS_ERROR_MAX, "-P %.256s: cannot write the pid file: %s", path, strerror(errno));
    return ERR_SYSTEM;
}
