/* line: a session verb as it is sent, put together piece by piece; private to php/. */
#ifndef CLOAKROOM_PHP_LINE_H
#define CLOAKROOM_PHP_LINE_H

#include "php_cloakroom.h"

struct line {
    size_t len;
    char text[REQUEST_MAX];
};

/* The verb, the id and whose application; for a write its length, too. */
void line_begin(struct line *line, const char *verb, const zend_string *id);
void line_begin_write(struct line *line, const zend_string *id, size_t len);

__attribute__((format(printf, 2, 3))) void line_add(struct line *line, const char *format, ...);

/* The idle life in the form of exptime, as session.gc_maxlifetime has it, or cloakroom.first_life until the session is used again. */
zend_long line_life(bool is_first);
void line_add_life(struct line *line, bool is_first);

/* host:pid:page, for those who look at who holds a session. */
void line_add_holder(struct line *line);

#endif
