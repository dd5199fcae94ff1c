/*
 * login: who the tool is, for a server that asks (-Y).
 *
 * Promise: the password is read from a file alone, as everybody sees a command line; it is never shown, and is wiped out
 * after it was sent.
 * Failure: as said, with a line in `problem`.
 */
#ifndef CLOAKROOM_CLI_LOGIN_H
#define CLOAKROOM_CLI_LOGIN_H

#include "cli/command.h"

enum { LOGIN_PROBLEM_MAX = CLIENT_ERROR_MAX + 64 };

/* Says it as the first thing on a connection. `path`: a file whose first line is user:password, as those of the server's
 * -Y; NULL: there is nothing to be said. OUTCOME_TROUBLE: the file; OUTCOME_NO: the server does not accept it;
 * OUTCOME_UNREACHABLE. */
enum outcome login_say(struct client *client, const char *path, char problem[static LOGIN_PROBLEM_MAX]);

#endif
