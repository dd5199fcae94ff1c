/* The help and the manual page, which the table makes, see settings.h. */
#include "base/version.h"
#include "server/settings_private.h"

void settings_print_help(FILE *out)
{
    option_print_help(settings_rows.rows, settings_rows.n, out);
}

/* What stands around the section that the table makes. */
static const char manual_head[] =
    ".TH CLOAKROOMD 8 \"\" \"cloakroomd " VERSION_TEXT "\" \"System administration\"\n"
    ".SH NAME\n"
    "cloakroomd \\- keeps web sessions, speaks the memcached protocol\n"
    ".SH SYNOPSIS\n"
    ".B cloakroomd\n"
    "[\\fIoption\\fR ...]\n"
    ".SH DESCRIPTION\n"
    "cloakroomd stands in the place of\n"
    ".BR memcached (1)\n"
    "where PHP keeps its sessions in it. A session that was stored is not dropped to make room for another;\n"
    "when memory is full, cache items go, and then new sessions are refused. With\n"
    ".B \\-\\-data\n"
    "all is on disk, too, and comes back after a restart or a crash; without it, what it holds ends with "
    "the\n"
    "process.\n"
    ".PP\n"
    "It stays in the foreground and says on standard error when it is ready, and at what addresses.\n"
    "What it cannot do it says there in one line and ends with status 1.\n";

static const char manual_tail[] =
    ".SH CONFIGURATION FILE\n"
    "The file of\n"
    ".B \\-\\-config\n"
    "has the same options as the command line, one or more in a line.\n"
    "# begins a comment; a value with blanks goes between quotes; a first word without dashes is the long\n"
    "name of an option. What comes later counts, but lists grow.\n"
    ".SH SIGNALS\n"
    ".TP\n"
    ".BR SIGTERM \", \" SIGINT\n"
    "close all connections, remove the pid file and the socket file where that is allowed, and end with\n"
    "status 0.\n"
    ".TP\n"
    ".B SIGHUP\n"
    "reads the users of\n"
    ".BR \\-Y ,\n"
    "the certificate and key of\n"
    ".BR \\-Z ,\n"
    "and tokens, certificate and key of\n"
    ".B \\-\\-http\n"
    "again. What cannot be used is said on standard error, and those from before stay.\n"
    ".SH EXAMPLE\n"
    "To keep the sessions of PHP on this machine in 512 megabytes:\n"
    ".PP\n"
    ".RS\n"
    ".nf\n"
    "cloakroomd \\-l 127.0.0.1 \\-m 512 \\-\\-data /var/lib/cloakroom\n"
    ".fi\n"
    ".RE\n"
    ".PP\n"
    "and in php.ini:\n"
    ".PP\n"
    ".RS\n"
    ".nf\n"
    "session.save_handler = memcached\n"
    "session.save_path = \"127.0.0.1:11211\"\n"
    ".fi\n"
    ".RE\n"
    ".SH SEE ALSO\n"
    ".BR memcached (1)\n";

void settings_print_manual(FILE *out)
{
    fputs(manual_head, out);
    option_print_manual(settings_rows.rows, settings_rows.n, out);
    fputs(manual_tail, out);
}
