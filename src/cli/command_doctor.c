/* cloakroom doctor: what is wrong with the sessions of this machine's PHP, and what to change. */
#include "cli/cell.h"
#include "cli/command.h"
#include "cli/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static enum outcome finish(const struct call *call, struct doctor *doctor)
{
    bool is_well = json_array_size(doctor->findings) == 0;
    if (doctor->is_short)
        return command_trouble(call, ERR_MEMORY);
    if (call->options->json && !cell_print_json(json_incref(doctor->report), stdout))
        return command_trouble(call, ERR_MEMORY);
    if (!call->options->json)
        doctor_show(doctor);
    return is_well ? OUTCOME_OK : OUTCOME_NO;
}

/* Settings of web servers are not everybody's business. */
static enum outcome write_report(const struct call *call, const struct doctor *doctor)
{
    const char *path = call->options->report;
    json_t *report = json_copy(doctor->report);
    json_object_del(report, "findings");
    mode_t mask = umask(077);
    bool is_written = report != NULL && json_dump_file(report, path, JSON_INDENT(1) | JSON_SORT_KEYS) == 0;
    int error = errno;
    umask(mask);
    json_decref(report);
    if (is_written)
        return OUTCOME_OK;
    command_complain("doctor: the report %.200s cannot be written: %s", path, strerror(error));
    return OUTCOME_TROUBLE;
}

static json_t *read_report(const char *path)
{
    json_error_t error;
    json_t *report = json_load_file(path, 0, &error);
    if (report == NULL)
        command_complain("doctor: the report %.200s cannot be read: %s", path, error.text);
    else if (!json_is_array(json_object_get(report, "views")) ||
             !json_is_array(json_object_get(report, "servers"))) {
        command_complain("doctor: %.200s is no report of `cloakroom doctor --report`", path);
        json_decref(report);
        return NULL;
    }
    return report;
}

static enum outcome compare(const struct call *call)
{
    struct doctor doctor;
    if (call->nargs != 2)
        return command_misuse(call, "--compare needs two files that --report has written");
    json_t *a = read_report(call->args[0]);
    json_t *b = read_report(call->args[1]);
    enum outcome outcome = OUTCOME_TROUBLE;
    doctor_init(&doctor, "");
    if (a != NULL && b != NULL) {
        doctor_compare(&doctor, a, b);
        outcome = finish(call, &doctor);
    }
    doctor_fini(&doctor);
    json_decref(a);
    json_decref(b);
    return outcome;
}

static enum outcome print_ids(void)
{
    for (int id = 0; id < DOCTOR_NIDS; id++)
        printf("%-24s %-8s %s\n", doctor_id_text((enum doctor_id)id), doctor_severity((enum doctor_id)id),
               doctor_why((enum doctor_id)id));
    return OUTCOME_OK;
}

static enum outcome look(const struct call *call)
{
    char root[4096] = "";
    struct doctor doctor;
    const struct options *options = call->options;
    if (options->root != NULL)
        snprintf(root, sizeof root, "%s", options->root);
    size_t len = strlen(root);
    while (len > 0 && root[len - 1] == '/')
        root[--len] = '\0';
    if (options->root != NULL && access(options->root, R_OK | X_OK) != 0) {
        command_complain("doctor: --root %.200s: %s", options->root, strerror(errno));
        return OUTCOME_TROUBLE;
    }
    doctor_init(&doctor, root);
    doctor.server = call->server;
    doctor.php = options->php;
    doctor.timeout_ms = options->timeout_ms > 0 ? (uint32_t)options->timeout_ms : doctor.timeout_ms;
    doctor_run(&doctor);
    enum outcome written = options->report != NULL ? write_report(call, &doctor) : OUTCOME_OK;
    enum outcome outcome = finish(call, &doctor);
    doctor_fini(&doctor);
    return written == OUTCOME_OK ? outcome : written;
}

static enum outcome run(const struct call *call)
{
    if (call->options->ids)
        return print_ids();
    if (call->options->compare)
        return compare(call);
    if (call->nargs > 0)
        return command_misuse(call, "files are for --compare alone");
    return look(call);
}

static const struct option_row rows[] = {
    {.name = "root",
     .argument = "<dir>",
     .help = "look at the files below this directory, of a container or a backup, as if it were /; nothing "
             "there is "
             "executed",
     OPTION_TEXT(struct options, root)},
    {.name = "php",
     .argument = "<file>",
     .help = "the PHP program to ask, instead of /usr/bin/php and its version; with --root none is asked "
             "without this",
     OPTION_TEXT(struct options, php)},
    {.name = "report",
     .argument = "<file>",
     .help = "write what was seen to this file, for --compare on another machine; no passwords are in it",
     OPTION_TEXT(struct options, report)},
    {.name = "compare",
     .help = "two reports of web servers that shall share their sessions: what differs and matters",
     OPTION_FLAG(struct options, compare)},
    {.name = "ids", .help = "list all that can be found", OPTION_FLAG(struct options, ids)},
};

const struct command command_doctor = {.name = "doctor",
                                       .arguments = "[report report]",
                                       .summary =
                                           "find what is wrong with the sessions of PHP on this machine",
                                       .help = "Reads what each PHP reads: the ini files of the command "
                                               "line, of php-fpm with its pools, of Apache with\n"
                                               "its sites and .htaccess files, .user.ini; asks the real PHP "
                                               "where it can, and the pools of php-fpm that\n"
                                               "run, by a page in /tmp that is gone afterwards; asks the "
                                               "servers that their save_path names, and the one\n"
                                               "of --server. Changes nothing. Run it as root, or files and "
                                               "sockets that only others may read are not seen.\n"
                                               "\n"
                                               "Each finding has an id, what is wrong, why it matters, and "
                                               "the file and line to change. Exit code 0:\n"
                                               "nothing was found; 1: something was.\n",
                                       .options = COMMAND_OPTIONS(rows),
                                       .nargs_max = 2,
                                       .run = run};
