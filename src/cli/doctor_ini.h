/*
 * doctor_ini: PHP's ini files as PHP reads them: php.ini, conf.d, .user.ini, and the pools of php-fpm.
 *
 * Promise: an entry has the value that PHP 8.2 makes of it: quotes, escapes, comments, words such as `on`, sums such as
 * `a | b`, and names between ${ and } are as there. Where PHP gives a file up, this does, at the same line, and what
 * stood before has been told. Pure: no file, nothing global, and any bytes do no harm.
 * Ownership: what an entry points at lasts as long as the call of `each`.
 * Limits: values of DOCTOR_INI_VALUE_MAX bytes, what is beyond is cut off. PHP's constants are not known and stay words.
 *
 * The rules are those of Zend/zend_ini_scanner.l and zend_ini_parser.y. Tried against PHP 8.2 with some thousand texts of
 * random pieces, it differs where a `$`, a quote or a `]` stands alone: PHP then takes the file's rest for nothing,
 * without a word, and this gives up there.
 */
#ifndef CLOAKROOM_CLI_DOCTOR_INI_H
#define CLOAKROOM_CLI_DOCTOR_INI_H

#include "base/bytes.h"

enum { DOCTOR_INI_VALUE_MAX = 4096 };

struct doctor_ini_entry {
    struct bytes section; /* without its brackets; empty before the first */
    struct bytes name;
    struct bytes offset; /* of name[offset]; .p is NULL where there is none */
    struct bytes value;
    unsigned line; /* where it begins */
    bool is_cut;   /* a `;` right behind the value: what follows is lost, for want of quotes */
    bool is_sum;   /* an operator stood outside of quotes: the value is a number that PHP has reckoned */
};

struct doctor_ini_events {
    void (*each)(void *arg, const struct doctor_ini_entry *entry);
    const char *(*variable)(void *arg,
                            const char *name); /* of ${name}; NULL: there is none. May itself be NULL */
    void *arg;
};

/* False: PHP gives up at *ret_line, which is only then written. */
bool doctor_ini_read(struct bytes text, const struct doctor_ini_events *events, unsigned *ret_line);

#endif
