/* cloakroom check: what lies in a data directory, and whether it is sound. */
#include "cli/command.h"
#include "cli/table.h"
#include "io/disk.h"
#include "store/check.h"

#include <stdio.h>

/* In JSON they are members of one list. */
struct findings {
    json_t *list;
};

static void take_finding(void *arg, const char *line)
{
    struct findings *findings = arg;
    struct cell cell = cell_text(bytes_of(line));
    if (findings->list != NULL)
        (void)json_array_append_new(findings->list, cell_json(&cell));
    else
        puts(line);
}

static void add(struct facts *facts, const char *name, struct cell cell)
{
    facts_add(facts, name, name, &cell);
}

static void add_sums(struct facts *facts, const struct check_report *report)
{
    char digest[24];
    double used = report->file_bytes == 0 ? 0 : (double)report->living_bytes / (double)report->file_bytes;
    snprintf(digest, sizeof digest, "%016llx", (unsigned long long)report->digest);
    add(facts, "living_items", cell_number(CELL_NUMBER, report->living_items));
    add(facts, "living_bytes", cell_number(CELL_NUMBER, report->living_bytes));
    add(facts, "utilisation_percent", cell_real(100 * used, 1));
    add(facts, "digest", cell_text(bytes_of(digest)));
}

static enum outcome print_report(const struct call *call, const struct check_report *report,
                                 const struct findings *findings)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"segments", report->segments},
        {"file_bytes", report->file_bytes},
        {"item_records", report->items},
        {"session_records", report->sessions},
        {"tombstone_records", report->tombstones},
        {"touch_records", report->touches},
        {"flush_records", report->flushes},
        {"void_records", report->voids},
        {"other_records", report->others},
        {"bad_files", report->bad_files},
        {"damaged_runs", report->damaged_runs},
        {"damaged_bytes", report->damaged_bytes},
        {"torn_ends", report->torn_ends},
        {"torn_bytes", report->torn_bytes},
        {"repaired", report->repaired},
    };
    struct facts facts = {.json = call->options->json};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        add(&facts, rows[i].name, cell_number(CELL_NUMBER, rows[i].value));
    add_sums(&facts, report);
    if (findings->list != NULL)
        (void)json_object_set(facts.object, "findings", findings->list);
    enum err err = facts_print(&facts, stdout);
    if (err != ERR_NONE)
        return command_trouble(call, err);
    return check_is_clean(report) ? OUTCOME_OK : OUTCOME_NO;
}

static enum outcome look(const struct call *call, const char *path, struct findings *findings)
{
    struct disk *disk = NULL;
    struct check_report report = {0};
    char problem[STORE_PROBLEM_MAX];
    int error = disk_open(path, false, &disk);
    if (error < 0) {
        command_misuse(call, "%.200s: %s", path, strerror(-error));
        return OUTCOME_TROUBLE;
    }
    enum err err = check_run(disk, call->options->repair, &report, take_finding, findings, problem);
    disk_close(&disk);
    if (err == ERR_NONE)
        return print_report(call, &report, findings);
    command_misuse(call, "%.200s: %s", path, problem);
    return OUTCOME_TROUBLE;
}

static enum outcome run(const struct call *call)
{
    struct findings findings = {.list = call->options->json ? json_array() : NULL};
    if (call->nargs != 1)
        return command_misuse(call, "the directory is missing; `cloakroom help check` describes it");
    enum outcome outcome = look(call, call->args[0], &findings);
    json_decref(findings.list);
    return outcome;
}

static const struct option_row rows_of_check[] = {
    {.name = "repair",
     .help = "take damaged bytes out, and keep them in files of their own",
     OPTION_FLAG(struct options, repair)},
};

const struct command command_check = {
    .name = "check",
    .arguments = "directory",
    .summary = "look through a data directory that no server has open; exit code 0 when it is sound",
    .help = "Reads every segment, names what is damaged by file and offset, and prints what lies there. The\n"
            "digest is the same for directories that hold the same items. With --repair damaged bytes are\n"
            "kept in a file beside the segment, NAME.seg.damaged-OFFSET, and taken out of it.\n"
            "Exit code 1: damage was found, and not repaired; 4: it could not look.\n",
    .options = COMMAND_OPTIONS(rows_of_check),
    .nargs_max = 1,
    .run = run};
