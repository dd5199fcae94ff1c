/* cloakroom restore: a data directory from a backup. */
#include "cli/backup_talk.h"
#include "cli/command.h"
#include "cli/table.h"
#include "io/disk.h"
#include "store/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int give_all(DIR *dir, const struct stat *owner)
{
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (fchownat(dirfd(dir), entry->d_name, owner->st_uid, owner->st_gid, AT_SYMLINK_NOFOLLOW) != 0)
            return -errno;
    }
    return 0;
}

/* What root puts into the directory of the server's user is that user's. */
static enum outcome give_to_owner(const struct call *call, const char *path)
{
    struct stat owner;
    if (geteuid() != 0)
        return OUTCOME_OK;
    DIR *dir = opendir(path);
    int error = dir == NULL || fstat(dirfd(dir), &owner) != 0 ? -errno : give_all(dir, &owner);
    if (dir != NULL)
        closedir(dir);
    if (error == 0)
        return OUTCOME_OK;
    command_misuse(call, "%.200s: its files cannot be given to its owner: %s", path, strerror(-error));
    return OUTCOME_TROUBLE;
}

static enum outcome print_report(const struct call *call, const struct backup_report *report,
                                 const struct check_report *check, struct backup_talk *talk)
{
    struct facts facts = {.json = call->options->json, .exact = call->options->exact};
    struct cell taken = cell_number(CELL_TIME, (uint64_t)report->taken_s * 1000);
    struct cell has_key = {.kind = CELL_FLAG, .flag = report->has_key};
    char digest[24];
    snprintf(digest, sizeof digest, "%016llx", (unsigned long long)check->digest);
    const struct {
        const char *name;
        const char *key;
        struct cell cell;
    } rows[] = {
        {"taken", "taken_ms", taken},
        {"files", "files", cell_number(CELL_NUMBER, report->files)},
        {"size", "size_bytes", cell_number(CELL_SIZE, report->bytes)},
        {"items", "living_items", cell_number(CELL_NUMBER, check->living_items)},
        {"digest", "digest", cell_text(bytes_of(digest))},
        {"key", "has_key", has_key},
        {"damaged", "damaged_runs", cell_number(CELL_NUMBER, check->damaged_runs)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        facts_add(&facts, rows[i].name, rows[i].key, &rows[i].cell);
    backup_talk_add(talk, &facts);
    enum err err = facts_print(&facts, stdout);
    if (err != ERR_NONE)
        return command_trouble(call, err);
    return check_is_clean(check) ? OUTCOME_OK : OUTCOME_NO;
}

static enum outcome put_back(const struct call *call, struct backup_pair *pair, struct backup_talk *talk)
{
    struct backup_report report = {0};
    struct check_report check = {0};
    struct backup_ears ears = {.notice = backup_talk_notice, .progress = backup_talk_progress, .arg = talk};
    char problem[STORE_PROBLEM_MAX] = "";
    enum err err = backup_restore(pair->from, pair->to, &ears, &report, &check, problem);
    backup_talk_end(talk);
    if (err != ERR_NONE)
        return backup_pair_fail(call, pair, problem);
    enum outcome outcome = give_to_owner(call, call->args[1]);
    if (outcome != OUTCOME_OK)
        return outcome;
    if (!report.has_key)
        command_say(
            call,
            "the backup has no key: put the server's into %.200s/key, mode 600, or start it with --id-key; "
            "without it no session is found",
            call->args[1]);
    return print_report(call, &report, &check, talk);
}

static enum outcome run(const struct call *call)
{
    return backup_pair_run(call, put_back);
}

const struct command command_restore = {
    .name = "restore",
    .arguments = "backup directory",
    .summary = "make a data directory, new or empty, of a backup, and look through it",
    .help = "Each file is held against what was written when the backup was taken; if one is missing or was "
            "changed,\n"
            "nothing is restored. What was put back is then looked through as by `cloakroom check`. Root "
            "gives the\n"
            "files to the owner of the directory. Start the server on it after that; sessions that have "
            "expired since\n"
            "the backup are gone. Never let clients use two servers with copies of one directory.\n"
            "Exit code 1: restored, with damage that was there when the backup was taken; 4: nothing was "
            "restored.\n",
    .nargs_max = 2,
    .run = run};
