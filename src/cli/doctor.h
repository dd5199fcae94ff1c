/*
 * doctor: what `cloakroom doctor` knows, and the table of its checks.
 *
 *      doctor_php, doctor_web  read the ini files, pools and web servers' settings under the root     -> views
 *      doctor_ask              what the real PHP says of its settings, where there is one to ask      -> views
 *      doctor_server           what the servers say that the views name                               -> servers
 *      doctor_check_...        look at all that                                                       -> findings
 *
 * A view is one place where PHP runs: the command line, a pool of php-fpm, a site of Apache; doctor_view.h. Views and
 * servers are JSON from the beginning, as they are the report that another machine compares itself with.
 *
 * Promise: nothing on the machine is changed. No password is kept: doctor_view.h masks it where it is read, so that none
 * can be shown. With another root than / nothing of it is executed.
 * Ownership: the struct is the caller's, from doctor_init() to doctor_fini(). json_t pointers that are handed out are borrowed.
 * Failure: a file that is not there says nothing; one that cannot be read is a finding. A lack of memory is told by
 * doctor_is_short().
 */
#ifndef CLOAKROOM_CLI_DOCTOR_H
#define CLOAKROOM_CLI_DOCTOR_H

#include "base/bytes.h"
#include "cli/doctor_findings.h"

#include <jansson.h>

struct doctor {
    const char *root;    /* without a / at its end: empty for the system's own */
    const char *server;  /* also to be asked; NULL: only those that the views name */
    const char *php;     /* the program to ask; NULL: the system's own, with the system's root only */
    uint32_t timeout_ms; /* for each answer of a server */
    json_t
        *bases; /* array: the ini files of each kind of PHP, before pools and sites; private to the lookers */
    json_t *report;   /* what follows, and who made it when */
    json_t *views;    /* array, see doctor_view.h */
    json_t *servers;  /* array, see doctor_server.h */
    json_t *findings; /* array, see doctor_findings.h */
    bool is_short;    /* of memory */
};

void doctor_init(struct doctor *doctor, const char *root);
void doctor_fini(struct doctor *doctor);

/* Looks at everything. */
void doctor_run(struct doctor *doctor);

/* The parts of that, in their order. */
void doctor_php_look(struct doctor *doctor);
void doctor_ask(struct doctor *doctor, json_t *view, const char *scan);
void doctor_fpm_look(struct doctor *doctor);
void doctor_web_look(struct doctor *doctor);
void doctor_server_look(struct doctor *doctor);

/* The checks, one file each kind. */
void doctor_check_load(struct doctor *doctor);
void doctor_check_path(struct doctor *doctor);
void doctor_check_override(struct doctor *doctor);
void doctor_check_files(struct doctor *doctor);
void doctor_check_life(struct doctor *doctor);
void doctor_check_safe(struct doctor *doctor);
void doctor_check_server(struct doctor *doctor);

/* Prints all that for people, findings last. */
void doctor_show(const struct doctor *doctor);

/* Two reports, as `--report` wrote them: finds what differs and matters. */
void doctor_compare(struct doctor *doctor, const json_t *a, const json_t *b);

/* NULL-safe readings of a JSON object: "" and 0 where there is no such thing. */
const char *doctor_text(const json_t *object, const char *key);
int64_t doctor_number(const json_t *object, const char *key);

/* The text as JSON; bytes that are no UTF-8 become '?'. */
json_t *doctor_string(const char *text, size_t len);

/* Takes `value` over, NULL being a lack of memory. */
void doctor_put(struct doctor *doctor, json_t *object, const char *key, json_t *value);
void doctor_append(struct doctor *doctor, json_t *array, json_t *value);

#endif
