/*
 * Sessions of PHP's handler files: sess_ID in the directory and those below it (N;/path), alive for --lifetime seconds after
 * their last write. A request that runs holds a lock on its file: such a session is read when the import is run again.
 */
#include "cli/import.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LIFETIME_DEFAULT_S = 1440, DEPTH_MAX = 8 };

static bool read_whole(int fd, char *to, size_t len)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = read(fd, to + got, len - got);
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

static enum outcome take_open(struct import *import, int fd, struct bytes id)
{
    struct stat status;
    uint64_t lifetime_s = import->call->options->lifetime_s;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > IMPORT_VALUE_MAX) {
        import_fail(import, "no file, or a very large one");
        return OUTCOME_OK;
    }
    size_t len = (size_t)status.st_size;
    int64_t left_s =
        (int64_t)(lifetime_s > 0 ? lifetime_s : LIFETIME_DEFAULT_S) - (time(NULL) - status.st_mtime);
    char *value = malloc(len + 1);
    enum outcome outcome = OUTCOME_OK;
    if (value == NULL)
        outcome = command_trouble(import->call, ERR_MEMORY);
    else if (!read_whole(fd, value, len))
        import_fail(import, "the file changed while it was read");
    else
        outcome = import_put(import, id, (struct bytes){.p = value, .len = len}, 0, left_s);
    free(value);
    return outcome;
}

static enum outcome take_file(struct import *import, int directory, const char *name, struct bytes id)
{
    char reason[IMPORT_REASON_MAX];
    int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return OUTCOME_OK; /* it was removed meanwhile */
    if (fd < 0) {
        snprintf(reason, sizeof reason, "cannot be opened: %s", strerror(errno));
        import_fail(import, reason);
        return OUTCOME_OK;
    }
    enum outcome outcome = OUTCOME_OK;
    if (flock(fd, LOCK_SH | LOCK_NB) != 0)
        import_fail(import, "a request holds it now: run the import again");
    else
        outcome = take_open(import, fd, id);
    close(fd);
    return outcome;
}

/* Closes `directory`. */
static enum outcome walk(struct import *import, int directory, unsigned depth)
{
    struct dirent *entry;
    struct bytes id;
    enum outcome outcome = OUTCOME_OK;
    const char *prefix = import->call->options->prefix != NULL ? import->call->options->prefix : "sess_";
    DIR *names = fdopendir(directory);
    if (names == NULL) {
        close(directory);
        return command_trouble(import->call, ERR_SYSTEM);
    }
    while (outcome == OUTCOME_OK && (entry = readdir(names)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        int below = openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below >= 0 && depth < DEPTH_MAX)
            outcome = walk(import, below, depth + 1);
        else if (below >= 0)
            close(below);
        else if (import_cut_id(bytes_of(entry->d_name), prefix, &id))
            outcome = take_file(import, directory, entry->d_name, id);
    }
    closedir(names);
    return outcome;
}

enum outcome import_files(struct import *import, const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        return walk(import, fd, 0);
    command_complain("import: %.200s: %s", directory, strerror(errno));
    return OUTCOME_TROUBLE;
}
