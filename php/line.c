/* Lines of session verbs, see line.h. */
#include "line.h"
#include "page.h"

#include <php_ini.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { RELATIVE_MAX_S = 30 * 24 * 60 * 60 };

void line_add(struct line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line->text + line->len, sizeof line->text - line->len, format, args);
    va_end(args);
    line->len += n > 0 ? (size_t)n : 0;
    if (line->len >= sizeof line->text)
        line->len = sizeof line->text - 1;
}

/* In the form of exptime, where more than 30 days are an absolute time. */
zend_long line_life(bool is_first)
{
    zend_long life_s =
        zend_ini_long((char *)"session.gc_maxlifetime", sizeof "session.gc_maxlifetime" - 1, 0);
    zend_long first_s = CLOAKROOM_G(first_life);
    if (is_first && first_s > 0 && first_s < life_s)
        life_s = first_s;
    if (life_s < 1)
        life_s = 1;
    if (life_s > RELATIVE_MAX_S)
        life_s += time(NULL);
    return life_s > UINT32_MAX ? (zend_long)UINT32_MAX : life_s;
}

void line_add_life(struct line *line, bool is_first)
{
    line_add(line, " T" ZEND_LONG_FMT, line_life(is_first));
}

void line_begin(struct line *line, const char *verb, const zend_string *id)
{
    char room[80];
    line->len = 0;
    line_add(line, "%s %s%s", verb, ZSTR_VAL(id), cloakroom_application_flag(room));
}

void line_begin_write(struct line *line, const zend_string *id, size_t len)
{
    char room[80];
    line->len = 0;
    line_add(line, "sw %s %zu%s", ZSTR_VAL(id), len, cloakroom_application_flag(room));
}

void line_add_holder(struct line *line)
{
    char holder[HOLDER_MAX + 1];
    int len = snprintf(holder, sizeof holder, "%s:%ld:", CLOAKROOM_G(host), (long)getpid());
    page_tell(holder + len, sizeof holder - (size_t)len);
    for (char *c = holder; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~')
            *c = '_';
    line_add(line, " H%s", holder);
}
