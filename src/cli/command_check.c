/* cloakroom check: what lies in a data directory, and whether it is sound. */
#include "cli/command.h"
#include "cli/table.h"
#include "io/disk.h"
#include "store/check.h"

#include <stdio.h>

static void print_finding(void *arg, const char *line)
{
    (void)arg;
    puts(line);
}

static bool add_text(struct table *table, const char *name, const char *value)
{
    return table_add(table, bytes_of(name), bytes_of(value)) == ERR_NONE;
}

static bool add_number(struct table *table, const char *name, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return add_text(table, name, text);
}

static bool add_sums(struct table *table, const struct check_report *report)
{
    char percent[24];
    char digest[24];
    double used = report->file_bytes == 0 ? 0 : (double)report->living_bytes / (double)report->file_bytes;
    snprintf(percent, sizeof percent, "%.1f", 100 * used);
    snprintf(digest, sizeof digest, "%016llx", (unsigned long long)report->digest);
    return add_number(table, "living_items", report->living_items) &&
           add_number(table, "living_bytes", report->living_bytes) &&
           add_text(table, "utilisation_percent", percent) && add_text(table, "digest", digest);
}

static enum outcome print_report(const struct check_report *report)
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
    struct table table = {0};
    bool is_whole = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        is_whole = is_whole && add_number(&table, rows[i].name, rows[i].value);
    is_whole = is_whole && add_sums(&table, report);
    if (is_whole)
        table_print(&table, stdout);
    else
        command_complain("check cannot be shown: %s", err_text(ERR_MEMORY));
    table_fini(&table);
    if (!is_whole)
        return OUTCOME_USAGE;
    return check_is_clean(report) ? OUTCOME_OK : OUTCOME_NO;
}

enum outcome command_check(const struct call *call)
{
    struct disk *disk = NULL;
    struct check_report report = {0};
    char problem[STORE_PROBLEM_MAX];
    if (call->nargs != 1) {
        command_complain("check: the directory is missing; `cloakroom help check` describes it");
        return OUTCOME_USAGE;
    }
    const char *path = call->args[0];
    int error = disk_open(path, false, &disk);
    if (error < 0) {
        command_complain("check %.200s: %s", path, strerror(-error));
        return OUTCOME_USAGE;
    }
    enum err err = check_run(disk, call->repair, &report, print_finding, NULL, problem);
    disk_close(&disk);
    if (err == ERR_NONE)
        return print_report(&report);
    command_complain("check %.200s: %s", path, problem);
    return OUTCOME_USAGE;
}
