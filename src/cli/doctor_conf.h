/*
 * doctor_conf: Apache's configuration and .htaccess, line by line.
 *
 *      <VirtualHost *:80>                       DOCTOR_CONF_OPEN    VirtualHost *:80
 *          php_value session.name "a \          DOCTOR_CONF_LINE    php_value session.name "a b"
 *              b"
 *      </VirtualHost>                           DOCTOR_CONF_CLOSE   VirtualHost
 *
 * Promise: words are as Apache cuts them: at blanks, quotes keep them together, a backslash at the end of a line
 * continues it, `#` at its beginning makes it a comment. Pure, and any bytes do no harm.
 * Ownership: what a line points at lasts as long as the call of `each`.
 * Limits: DOCTOR_CONF_WORDS_MAX words and DOCTOR_CONF_LINE_MAX bytes of a line, its continuations included; the rest is
 * cut off.
 */
#ifndef CLOAKROOM_CLI_DOCTOR_CONF_H
#define CLOAKROOM_CLI_DOCTOR_CONF_H

#include "base/bytes.h"

enum { DOCTOR_CONF_WORDS_MAX = 8, DOCTOR_CONF_LINE_MAX = 4096 };

enum doctor_conf_kind { DOCTOR_CONF_LINE, DOCTOR_CONF_OPEN, DOCTOR_CONF_CLOSE };

struct doctor_conf_line {
    enum doctor_conf_kind kind;
    const char *words[DOCTOR_CONF_WORDS_MAX]; /* what is not there is empty, never NULL */
    size_t n;
    unsigned line; /* where it begins */
};

typedef void doctor_conf_each(void *arg, const struct doctor_conf_line *line);

void doctor_conf_read(struct bytes text, doctor_conf_each *each, void *arg);

#endif
