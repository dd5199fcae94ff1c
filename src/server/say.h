/*
 * say: what the server tells its operator, on standard error: one line an event.
 *
 *      ts=2026-11-25T10:30:00.123Z level=error event=start_failed msg="-p x: the port must be …"
 *      <3>level=error event=start_failed msg="…"          when standard error is systemd's journal, which has the time
 *
 * key=value, as logfmt has it: a value with blanks, quotes or = in it stands in quotes, with \" and \\; what is no
 * printable ASCII and begins no UTF-8 is \xNN. So no value can pose as a line or a key of its own. `msg` is for people.
 *
 * Promise: nothing secret: no key, id, token or password is ever handed to it.
 * Threads: any; a line is one write.
 * Limits: what is longer than SAY_MAX is cut off, and still one line.
 * Failure: none that is told; there is nobody else to tell.
 */
#ifndef CLOAKROOM_SERVER_SAY_H
#define CLOAKROOM_SERVER_SAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* syslog's numbers. The first three are always said; INFO with -v, DEBUG with -vv. */
enum say_level { SAY_ERROR = 3, SAY_WARNING = 4, SAY_NOTICE = 5, SAY_INFO = 6, SAY_DEBUG = 7 };

enum { SAY_MAX = 2048, SAY_VALUE_MAX = 1024, SAY_PREFIX_MAX = 64 };

struct say {
    char text[SAY_MAX];
    size_t len;
};

/* `wall_ms`: since 1970; not used when standard error is the journal. */
void say_begin(struct say *say, enum say_level level, const char *event, bool is_journal, uint64_t wall_ms);
/* What is longer than SAY_VALUE_MAX is cut off. */
void say_add(struct say *say, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Ends the line; it is in say->text, and say->len long. */
void say_end(struct say *say);

/* Is standard error the journal's? As systemd tells by JOURNAL_STREAM. */
bool say_is_journal(void);

/* The same, to standard error. say_line() has no more than a msg. */
void say_open(struct say *say, enum say_level level, const char *event);
void say_close(struct say *say);
void say_line(enum say_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
