/* cloakroom backup: a copy of a data directory, while a server has it. */
#include "cli/backup_talk.h"
#include "cli/command.h"
#include "cli/table.h"
#include "io/disk.h"
#include "store/backup.h"

#include <string.h>

static enum outcome print_report(const struct call *call, const struct backup_report *report,
                                 struct backup_talk *talk)
{
    struct facts facts = {.json = call->options->json, .exact = call->options->exact};
    struct cell has_key = {.kind = CELL_FLAG, .flag = report->has_key};
    struct cell taken = cell_number(CELL_TIME, (uint64_t)report->taken_s * 1000);
    const struct {
        const char *name;
        const char *key;
        struct cell cell;
    } rows[] = {
        {"taken", "taken_ms", taken},
        {"segments", "segments", cell_number(CELL_NUMBER, report->files)},
        {"size", "size_bytes", cell_number(CELL_SIZE, report->bytes)},
        {"records", "records", cell_number(CELL_NUMBER, report->records)},
        {"key", "has_key", has_key},
        {"damaged", "damaged_runs", cell_number(CELL_NUMBER, report->damaged_runs)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        facts_add(&facts, rows[i].name, rows[i].key, &rows[i].cell);
    backup_talk_add(talk, &facts);
    enum err err = facts_print(&facts, stdout);
    if (err != ERR_NONE)
        return command_trouble(call, err);
    return report->damaged_runs == 0 ? OUTCOME_OK : OUTCOME_NO;
}

static enum outcome take(const struct call *call, struct backup_pair *pair, struct backup_talk *talk)
{
    struct backup_report report = {0};
    struct backup_ears ears = {.notice = backup_talk_notice, .progress = backup_talk_progress, .arg = talk};
    char problem[STORE_PROBLEM_MAX] = "";
    bool with_key = !call->options->without_key;
    enum err err = backup_take(pair->from, pair->to, with_key, &ears, &report, problem);
    backup_talk_end(talk);
    if (err != ERR_NONE)
        return backup_pair_fail(call, pair, problem);
    if (with_key && !report.has_key)
        command_say(call, "there is no key in %.200s: the server was given one with --id-key; keep that, too",
                    call->args[0]);
    return print_report(call, &report, talk);
}

static enum outcome run(const struct call *call)
{
    return backup_pair_run(call, take);
}

static const struct option_row rows_of_backup[] = {
    {.name = "without-key",
     .help = "leave the key out that ids of sessions are hashed with; without it nobody can use the backup, "
             "so keep "
             "DIR/key elsewhere",
     OPTION_FLAG(struct options, without_key)},
};

const struct command command_backup = {
    .name = "backup",
    .arguments = "directory target",
    .summary = "copy a data directory, in use or not, to a new or empty one",
    .help =
        "The server is asked nothing and not held up. The copy shows the sessions of one moment near the "
        "beginning,\n"
        "however long it takes; what is deleted, killed or has expired by then is not in it. It is a backup\n"
        "once it is whole and on the disk: what is broken off is none, and `cloakroom restore` says so.\n"
        "Run it as the server's user or as root. The copy holds session data, and unless --without-key the "
        "key.\n"
        "Exit code 1: the backup was made, but of damaged places in the directory, which are named; 4: none "
        "was\n"
        "made.\n",
    .options = COMMAND_OPTIONS(rows_of_backup),
    .nargs_max = 2,
    .run = run};
