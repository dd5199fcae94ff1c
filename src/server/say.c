/* Events as lines, see say.h. */
#include "server/say.h"
#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { END_LEN = 2, ESCAPED_MAX = 4 }; /* a quote and a newline; \xNN */

static const char *const level_names[] = {[SAY_ERROR] = "error",
                                          [SAY_WARNING] = "warning",
                                          [SAY_NOTICE] = "notice",
                                          [SAY_INFO] = "info",
                                          [SAY_DEBUG] = "debug"};

bool say_is_journal(void)
{
    const char *told = getenv("JOURNAL_STREAM");
    char ours[64];
    struct stat st;
    if (told == NULL || fstat(STDERR_FILENO, &st) != 0)
        return false;
    snprintf(ours, sizeof ours, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    return strcmp(told, ours) == 0;
}

/* As it is; what does not fit is left out. */
static void put(struct say *say, const char *text, size_t len)
{
    if (say->len + len > SAY_MAX - END_LEN)
        return;
    memcpy(say->text + say->len, text, len);
    say->len += len;
}

static void put_text(struct say *say, const char *text)
{
    put(say, text, strlen(text));
}

static bool is_plain(const char *value)
{
    if (*value == '\0')
        return false;
    for (; *value != '\0'; value++) {
        if (*value <= ' ' || *value == '"' || *value == '=' || *value == '\\' || *value == 0x7f)
            return false;
    }
    return true;
}

static void put_escaped(struct say *say, unsigned char c)
{
    char text[ESCAPED_MAX + 1];
    if (c == '"' || c == '\\')
        snprintf(text, sizeof text, "\\%c", c);
    else if (c < ' ' || c == 0x7f)
        snprintf(text, sizeof text, "\\x%02x", c);
    else
        snprintf(text, sizeof text, "%c", c);
    put_text(say, text);
}

static void put_value(struct say *say, const char *value)
{
    if (is_plain(value)) {
        put_text(say, value);
        return;
    }
    put_text(say, "\"");
    for (; *value != '\0' && say->len + ESCAPED_MAX <= SAY_MAX - END_LEN; value++)
        put_escaped(say, (unsigned char)*value);
    say->text[say->len++] = '"'; /* there is always room for that, and for the end of the line */
}

static void add(struct say *say, const char *key, const char *format, va_list args)
{
    char value[SAY_VALUE_MAX];
    vsnprintf(value, sizeof value, format, args);
    if (say->len + strlen(key) + ESCAPED_MAX > SAY_MAX - END_LEN)
        return;
    put_text(say, " ");
    put_text(say, key);
    put_text(say, "=");
    put_value(say, value);
}

void say_begin(struct say *say, enum say_level level, const char *event, bool is_journal, uint64_t wall_ms)
{
    char prefix[SAY_PREFIX_MAX];
    time_t s = (time_t)(wall_ms / 1000);
    struct tm tm;
    say->len = 0;
    if (is_journal) {
        snprintf(prefix, sizeof prefix, "<%d>", (int)level);
    } else {
        CHECK(gmtime_r(&s, &tm) != NULL);
        size_t n = strftime(prefix, sizeof prefix, "ts=%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(prefix + n, sizeof prefix - n, ".%03uZ ", (unsigned)(wall_ms % 1000));
    }
    put_text(say, prefix);
    put_text(say, "level=");
    put_text(say, level_names[level]);
    put_text(say, " event=");
    put_text(say, event);
}

void say_add(struct say *say, const char *key, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(say, key, format, args);
    va_end(args);
}

void say_end(struct say *say)
{
    CHECK(say->len < SAY_MAX);
    say->text[say->len++] = '\n';
}

void say_open(struct say *say, enum say_level level, const char *event)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    say_begin(say, level, event, say_is_journal(),
              (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

void say_close(struct say *say)
{
    say_end(say);
    (void)!write(STDERR_FILENO, say->text, say->len);
}

void say_line(enum say_level level, const char *event, const char *format, ...)
{
    struct say say;
    va_list args;
    say_open(&say, level, event);
    va_start(args, format);
    add(&say, "msg", format, args);
    va_end(args);
    say_close(&say);
}
