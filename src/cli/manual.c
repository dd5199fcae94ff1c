/* The manual page, which the tables make; see command.h. */
#include "base/version.h"
#include "cli/command.h"

#include <string.h>

static const char head[] =
    ".TH CLOAKROOM 1 \"\" \"cloakroom " VERSION_TEXT "\" \"User commands\"\n"
    ".ad l\n" /* a long row of choices has no blanks to be stretched */
    ".SH NAME\n"
    "cloakroom \\- asks and administers a server of web sessions\n"
    ".SH SYNOPSIS\n"
    ".B cloakroom\n"
    "[\\fIoption\\fR ...] \\fIcommand\\fR [\\fIargument\\fR ...]\n"
    ".SH DESCRIPTION\n"
    "cloakroom counts, lists and ends the web sessions that a\n"
    ".BR cloakroomd (8)\n"
    "keeps, shows what it does, and measures it. ping, stats and version work with any memcached server.\n"
    "Of a session it sees a handle, which logs nobody in, and what is known about it; never its id nor what "
    "is in it.\n"
    ".PP\n"
    "Tables are for people: sizes and times are short, and columns may be added. For scripts there is\n"
    ".BR \\-\\-json ,\n"
    "whose names stay.\n";

static const char environment[] =
    ".SH ENVIRONMENT\n"
    ".TP\n"
    ".B " COMMAND_SERVER_ENVIRONMENT "\n"
    "the server to ask, as for\n"
    ".BR \\-\\-server .\n"
    "Without both it is the local one:\n"
    ".IR " COMMAND_SERVER_SOCKET ",\n"
    "or " COMMAND_SERVER_DEFAULT ".\n"
    ".TP\n"
    ".B NO_COLOR\n"
    "when it is not empty, no colours are used. They are used on a terminal alone.\n";

static const char tail[] = ".SH SEE ALSO\n"
                           ".BR cloakroomd (8)\n";

/* As roff is to print it: filled, but that an empty line begins a paragraph, and lines that begin with a blank stay. */
static void put_prose(const char *text, FILE *out)
{
    bool is_begin = true;
    for (const char *p = text; *p != '\0'; p++) {
        if (is_begin && *p == '\n') {
            fputs(".PP\n", out);
            continue;
        }
        if (is_begin && *p == ' ')
            fputs(".br\n", out);
        if (is_begin && (*p == '.' || *p == '\''))
            fputs("\\&", out);
        is_begin = *p == '\n';
        if (*p == '\\')
            fputs("\\e", out);
        else if (*p == '-')
            fputs("\\-", out);
        else
            fputc(*p, out);
    }
}

static void put_command(const struct command *command, FILE *out)
{
    fprintf(out, ".SS %s", command->name);
    if (command->options.n > 0)
        fputs(" [options]", out);
    fprintf(out, "%s%s\n", command->arguments[0] != '\0' ? " " : "", command->arguments);
    put_prose(command->summary, out);
    fputs(".\n", out);
    if (command->help[0] != '\0') {
        fputs(".PP\n", out);
        put_prose(command->help, out);
    }
    option_print_manual_rows(command->options.rows, command->options.n, out);
}

void command_print_manual(FILE *out)
{
    size_t n;
    const struct command *const *all = command_all(&n);
    fputs(head, out);
    option_print_manual(options_common.rows, options_common.n, out);
    fputs(".SH COMMANDS\nTheir options may stand behind their names alone.\n", out);
    for (size_t i = 0; i < n; i++)
        put_command(all[i], out);
    fputs(".SH EXIT STATUS\n", out);
    for (int i = 0; i < NOUTCOMES; i++) {
        fprintf(out, ".TP\n.B %d\n", i);
        put_prose(command_outcome_text((enum outcome)i), out);
        fputc('\n', out);
    }
    fputs(environment, out);
    fputs(tail, out);
}
