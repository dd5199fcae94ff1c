/*
 * Asking the real PHP: the command line's program of the same version, with the ini files of the kind that is asked
 * about, as Debian's own session cleaner does it. It reports which extensions were loaded, which handlers there are, and
 * its settings as they came out; what it complains of while it starts is kept, too.
 */
#include "cli/doctor_ask.h"
#include "cli/doctor_root.h"
#include "cli/doctor_view.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_MAX = 1 << 19, ANSWER_MS = 10000, STEP_MS = 100 };

const char doctor_ask_script[] =
    "ob_start(); phpinfo(INFO_MODULES); $info = ob_get_clean();"
    "$list = function ($name) use ($info) {"
    "  return preg_match('/^' . $name . ' => (.*)$/m', $info, $m) ? preg_split('/ +/', trim($m[1])) : []; };"
    "$loaded = [];"
    "foreach (get_loaded_extensions() as $name) $loaded[strtolower($name)] = (string) phpversion($name);"
    "echo json_encode(['loaded' => $loaded, 'handlers' => $list('Registered save handlers'),"
    "  'serializers' => $list('Registered serializer handlers'), 'settings' => ini_get_all(null, false)],"
    "  JSON_PARTIAL_OUTPUT_ON_ERROR);";

struct answer {
    char *text;
    size_t len;
    int fd;
};

/* Reads both to their ends, or for ANSWER_MS. */
static void read_answers(struct answer *answers, size_t n)
{
    for (int waited_ms = 0; waited_ms < ANSWER_MS;) {
        struct pollfd polls[2];
        size_t nopen = 0;
        for (size_t i = 0; i < n; i++) {
            polls[i] = (struct pollfd){.fd = answers[i].fd, .events = POLLIN};
            nopen += answers[i].fd >= 0;
        }
        if (nopen == 0)
            return;
        if (poll(polls, (nfds_t)n, STEP_MS) == 0)
            waited_ms += STEP_MS;
        for (size_t i = 0; i < n; i++) {
            if (answers[i].fd < 0 || polls[i].revents == 0)
                continue;
            struct answer *answer = &answers[i];
            ssize_t len = read(answer->fd, answer->text + answer->len, ANSWER_MAX - answer->len);
            if (len > 0) {
                answer->len += (size_t)len;
            } else {
                close(answer->fd);
                answer->fd = -1;
            }
        }
    }
}

/* Runs the program; its outputs end with a zero. */
static bool run(char *const argv[], char *const environment[], struct answer *answers)
{
    int out[2];
    int err[2];
    pid_t pid;
    posix_spawn_file_actions_t actions;
    if (pipe(out) != 0)
        return false;
    if (pipe(err) != 0)
        return close(out[0]), close(out[1]), false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_adddup2(&actions, err[1], 2);
    posix_spawn_file_actions_addclose(&actions, out[0]);
    posix_spawn_file_actions_addclose(&actions, err[0]);
    bool is_started = posix_spawn(&pid, argv[0], &actions, NULL, argv, environment) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    close(err[1]);
    answers[0].fd = out[0];
    answers[1].fd = err[0];
    if (is_started)
        read_answers(answers, 2);
    for (size_t i = 0; i < 2; i++) {
        if (answers[i].fd >= 0)
            close(answers[i].fd);
        answers[i].text[answers[i].len] = '\0';
    }
    if (is_started) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    return is_started;
}

static void take_setting(struct doctor *doctor, json_t *view, const char *name, const char *value)
{
    char masked[DOCTOR_INI_VALUE_MAX + 1];
    doctor_view_mask(name, value, masked, sizeof masked);
    if (strcmp(doctor_view_get(view, name), masked) == 0)
        return;
    json_t *setting = json_object_get(json_object_get(view, "settings"), name);
    if (setting != NULL)
        doctor_put(doctor, setting, "value", json_string(masked));
    else
        doctor_view_set(doctor, view, name, value, doctor_view_place(view, name), DOCTOR_RANK_INI);
}

static void take_complaints(struct doctor *doctor, json_t *view, char *text)
{
    char *rest = text;
    doctor_put(doctor, view, "complaints", json_array());
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        if (strstr(line, "Unable to load dynamic library") != NULL)
            doctor_append(doctor, json_object_get(view, "complaints"), json_string(line));
}

json_t *doctor_ask_read(const char *text)
{
    json_error_t error;
    const char *begin = strchr(text, '{');
    json_t *answer = begin == NULL ? NULL : json_loads(begin, JSON_DISABLE_EOF_CHECK, &error);
    if (json_is_object(json_object_get(answer, "loaded")))
        return answer;
    json_decref(answer);
    return NULL;
}

static void take(struct doctor *doctor, json_t *view, struct answer *answers)
{
    const char *name;
    json_t *value;
    json_t *answer = doctor_ask_read(answers[0].text);
    if (answer == NULL)
        return;
    doctor_put(doctor, view, "is_asked", json_true());
    for (const char *const *key = (const char *const[]){"loaded", "handlers", "serializers", NULL};
         *key != NULL; key++)
        doctor_put(doctor, view, *key, json_incref(json_object_get(answer, *key)));
    json_object_foreach(json_object_get(answer, "settings"), name,
                        value) if (strcmp(name, "max_execution_time") != 0) /* the command line has its own */
        take_setting(doctor, view, name, json_string_value(value) == NULL ? "" : json_string_value(value));
    take_complaints(doctor, view, answers[1].text);
    json_decref(answer);
}

bool doctor_ask_may(const struct doctor *doctor)
{
    return doctor->php != NULL || doctor->root[0] == '\0';
}

void doctor_ask(struct doctor *doctor, json_t *view, const char *scan)
{
    char program[PATH_MAX];
    char ini[PATH_MAX];
    char environment[PATH_MAX];
    const char *version = doctor_text(view, "version");
    if (!doctor_ask_may(doctor))
        return;
    if (doctor->php != NULL)
        snprintf(program, sizeof program, "%s", doctor->php);
    else
        snprintf(program, sizeof program, version[0] == '\0' ? "/usr/bin/php%s" : "/usr/bin/php%.16s",
                 version);
    snprintf(ini, sizeof ini, "%s%s", doctor->root, doctor_text(view, "ini"));
    snprintf(environment, sizeof environment, "PHP_INI_SCAN_DIR=%s%s", doctor->root, scan);
    char *argv[] = {program,
                    "-c",
                    ini,
                    "-d",
                    "display_errors=stderr",
                    "-d",
                    "display_startup_errors=1",
                    "-d",
                    "log_errors=0",
                    "-r",
                    (char *)(uintptr_t)doctor_ask_script,
                    NULL};
    char *variables[] = {environment, "PATH=/usr/bin:/bin", NULL};
    struct answer answers[2] = {{.text = malloc(ANSWER_MAX + 1)}, {.text = malloc(ANSWER_MAX + 1)}};
    if (answers[0].text == NULL || answers[1].text == NULL)
        doctor->is_short = true;
    else if (access(program, X_OK) == 0 && run(argv, variables, answers))
        take(doctor, view, answers);
    free(answers[0].text);
    free(answers[1].text);
}
