/* Directories and words of backup and restore, see backup_talk.h. */
#include "cli/backup_talk.h"
#include "io/disk.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static enum outcome fail(const struct call *call, const char *path, const char *what)
{
    command_misuse(call, "%.200s: %s", path, what);
    return OUTCOME_TROUBLE;
}

static enum outcome pair_open(const struct call *call, struct backup_pair *pair)
{
    *pair = (struct backup_pair){0};
    if (call->nargs != 2)
        return command_misuse(call, "two directories are to be named; `cloakroom help %s` describes it",
                              call->command->name);
    int error = disk_open(call->args[0], false, &pair->from);
    if (error < 0)
        return fail(call, call->args[0], strerror(-error));
    pair->is_new = access(call->args[1], F_OK) != 0;
    error = disk_open(call->args[1], true, &pair->to);
    if (error < 0) {
        disk_close(&pair->from);
        return fail(call, call->args[1], strerror(-error));
    }
    return OUTCOME_OK;
}

static void pair_close(struct backup_pair *pair)
{
    disk_close(&pair->from);
    disk_close(&pair->to);
}

enum outcome backup_pair_fail(const struct call *call, struct backup_pair *pair, const char *problem)
{
    if (pair->is_new)
        (void)rmdir(call->args[1]);
    command_misuse(call, "%.200s to %.200s: %s", call->args[0], call->args[1], problem);
    return OUTCOME_TROUBLE;
}

static void talk_begin(struct backup_talk *talk, const struct call *call)
{
    *talk = (struct backup_talk){.is_terminal = isatty(STDERR_FILENO) == 1,
                                 .findings = call->options->json ? json_array() : NULL};
}

void backup_talk_notice(void *arg, const char *line)
{
    struct backup_talk *talk = arg;
    struct cell cell = cell_text(bytes_of(line));
    backup_talk_end(talk);
    if (talk->findings != NULL)
        (void)json_array_append_new(talk->findings, cell_json(&cell));
    else
        puts(line);
}

void backup_talk_progress(void *arg, uint64_t done_bytes, uint64_t bytes)
{
    struct backup_talk *talk = arg;
    if (!talk->is_terminal)
        return;
    fprintf(stderr, "\r%llu of %llu MB", (unsigned long long)(done_bytes >> 20),
            (unsigned long long)(bytes >> 20));
    talk->is_told = true;
}

void backup_talk_end(struct backup_talk *talk)
{
    if (talk->is_told)
        fputs("\r\033[K", stderr);
    talk->is_told = false;
}

void backup_talk_add(struct backup_talk *talk, struct facts *facts)
{
    if (talk->findings != NULL && facts->object != NULL)
        (void)json_object_set(facts->object, "findings", talk->findings);
}

static void talk_fini(struct backup_talk *talk)
{
    json_decref(talk->findings);
}

void command_say(const struct call *call, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "cloakroom %s: ", call->command->name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

enum outcome backup_pair_run(const struct call *call,
                             enum outcome (*work)(const struct call *call, struct backup_pair *pair,
                                                  struct backup_talk *talk))
{
    struct backup_pair pair;
    struct backup_talk talk;
    enum outcome outcome = pair_open(call, &pair);
    if (outcome != OUTCOME_OK)
        return outcome;
    talk_begin(&talk, call);
    outcome = work(call, &pair, &talk);
    talk_fini(&talk);
    pair_close(&pair);
    return outcome;
}
