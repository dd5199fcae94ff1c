/* User, descriptors, background, pid file: see process.h. */
#include "server/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { OWN_DESCRIPTORS = 64 };

enum err process_raise_descriptors(uint64_t nconnections, char *error)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)nconnections + OWN_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return ERR_NONE;
    struct rlimit raised = {.rlim_cur = wanted,
                            .rlim_max = limit.rlim_max < wanted ? wanted : limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
        return ERR_NONE;
    snprintf(error, PROCESS_ERROR_MAX,
             "-c %llu needs %llu open files but the limit is %llu: raise it (ulimit -n, LimitNOFILE=), "
             "start as root, or lower -c",
             (unsigned long long)nconnections, (unsigned long long)wanted,
             (unsigned long long)limit.rlim_max);
    return ERR_SYSTEM;
}

static enum err become(const struct passwd *entry, const char *user, char *error)
{
    if (initgroups(entry->pw_name, entry->pw_gid) == 0 && setgid(entry->pw_gid) == 0 &&
        setuid(entry->pw_uid) == 0)
        return ERR_NONE;
    snprintf(error, PROCESS_ERROR_MAX, "-u %.64s: cannot become that user: %s", user, strerror(errno));
    return ERR_SYSTEM;
}

enum err process_become_user(const char *user, char *error)
{
    if (geteuid() != 0)
        return ERR_NONE;
    if (user == NULL) {
        snprintf(error, PROCESS_ERROR_MAX,
                 "started as root: name the user to become with -u (-u root if root it must be)");
        return ERR_USAGE;
    }
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL) {
        snprintf(error, PROCESS_ERROR_MAX, "-u %.64s: there is no such user; create it or name another",
                 user);
        return ERR_USAGE;
    }
    return become(entry, user, error);
}

enum err process_daemonize(char *error)
{
    pid_t pid = fork();
    if (pid > 0)
        _exit(EXIT_SUCCESS);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (pid == 0 && setsid() >= 0 && null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
        dup2(null, STDOUT_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0 && chdir("/") == 0) {
        close(null);
        return ERR_NONE;
    }
    snprintf(error, PROCESS_ERROR_MAX, "-d: cannot go into the background: %s", strerror(errno));
    return ERR_SYSTEM;
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
