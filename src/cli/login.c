/* Who the tool is, see login.h. */
#include "cli/login.h"
#include "cli/cell.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LOGIN_MAX = 512, SHOWN_MAX = 120 };

__attribute__((format(printf, 3, 4))) static enum outcome fail(char *problem, enum outcome outcome,
                                                               const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(problem, LOGIN_PROBLEM_MAX, format, args);
    va_end(args);
    return outcome;
}

/* "user:password" as the server wants it, "user password". */
static enum outcome read_login(const char *path, char login[static LOGIN_MAX], char *problem)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return fail(problem, OUTCOME_TROUBLE, "--login %.200s: %s", path, strerror(errno));
    setvbuf(file, NULL, _IONBF, 0); /* no copy of it is left in a buffer */
    char *line = fgets(login, LOGIN_MAX, file);
    fclose(file);
    size_t len = line != NULL ? strcspn(login, "\r\n") : 0;
    char *colon = line != NULL ? strchr(login, ':') : NULL;
    if (colon == NULL || colon == login || login[len] == '\0')
        return fail(problem, OUTCOME_TROUBLE, "--login %.200s: its first line must be user:password, and end",
                    path);
    login[len] = '\0';
    *colon = ' ';
    return OUTCOME_OK;
}

static enum outcome ask(struct client *client, const char *login, char *problem)
{
    char head[64];
    char shown[SHOWN_MAX];
    struct bytes line;
    int len = snprintf(head, sizeof head, "set login 0 0 %zu\r\n", strlen(login));
    const struct bytes parts[] = {{.p = head, .len = (size_t)len}, bytes_of(login), bytes_of("\r\n")};
    if (client_send(client, parts, 3) != ERR_NONE || client_read_line(client, &line) != ERR_NONE)
        return fail(problem, OUTCOME_UNREACHABLE, "%s", client->error);
    bool is_stored = bytes_equal(line, bytes_of("STORED"));
    cell_clean(line, shown, sizeof shown);
    if (client_finish(client) != ERR_NONE)
        return fail(problem, OUTCOME_UNREACHABLE, "%s", client->error);
    return is_stored ? OUTCOME_OK
                     : fail(problem, OUTCOME_NO, "the server does not accept the login: %s", shown);
}

enum outcome login_say(struct client *client, const char *path, char problem[static LOGIN_PROBLEM_MAX])
{
    char login[LOGIN_MAX];
    if (path == NULL)
        return OUTCOME_OK;
    enum outcome outcome = read_login(path, login, problem);
    if (outcome == OUTCOME_OK)
        outcome = ask(client, login, problem);
    explicit_bzero(login, sizeof login);
    return outcome;
}
