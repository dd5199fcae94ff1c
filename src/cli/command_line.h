/*
 * command_line: the words that the tool was started with, as a call.
 *
 * Promise: options of all commands may stand anywhere, those of one behind its name. What is wrong is one line, with the
 * name that was probably meant.
 * Ownership: command_line_fini() frees what was parsed, and is due after a failure, too.
 * Failure: ERR_USAGE, or ERR_MEMORY, with its line in `error`.
 */
#ifndef CLOAKROOM_CLI_COMMAND_LINE_H
#define CLOAKROOM_CLI_COMMAND_LINE_H

#include "cli/command.h"

enum { COMMAND_LINE_ROWS_MAX = 48 };

struct command_line {
    const struct command *command; /* NULL: none was named */
    struct options options;
    const char *error;

    /* Private. */
    struct option_row rows[COMMAND_LINE_ROWS_MAX];
    struct option_set set;
    char text[OPTION_ERROR_MAX];
};

enum err command_line_parse(struct command_line *line, int argc, char *const argv[]) ERR_MUST_CHECK;
void command_line_fini(struct command_line *line);

#endif
