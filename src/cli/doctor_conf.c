/* Apache's configuration; see doctor_conf.h. */
#include "cli/doctor_conf.h"

/* Joins a line with those that continue it into `to`, and returns where the next begins. */
static const char *join_lines(const char *p, const char *end, char *to, unsigned *ret_lines)
{
    size_t len = 0;
    bool is_continued = true;
    for (*ret_lines = 0; is_continued && p < end; ++*ret_lines) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline == NULL ? end : newline;
        const char *next = newline == NULL ? end : newline + 1;
        if (stop > p && stop[-1] == '\r')
            stop--;
        is_continued = stop > p && stop[-1] == '\\';
        for (stop -= is_continued; p < stop; p++)
            if (len < DOCTOR_CONF_LINE_MAX - 1 && *p != '\0')
                to[len++] = *p;
        p = next;
    }
    to[len] = '\0';
    return p;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Cuts the word that begins at `p` out of the line, in place; returns what follows it. */
static char *cut_word(char *p, const char **ret_word)
{
    char quote = *p == '"' || *p == '\'' ? *p++ : '\0';
    char *to = p;
    *ret_word = p;
    while (*p != '\0' && (quote != '\0' ? *p != quote : !is_blank(*p))) {
        if (quote != '\0' && *p == '\\' && (p[1] == quote || p[1] == '\\'))
            p++;
        *to++ = *p++;
    }
    char *next = *p == '\0' ? p : p + 1;
    *to = '\0';
    return next;
}

/* Takes the brackets of a section off. */
static char *take_kind(char *p, struct doctor_conf_line *line)
{
    if (*p != '<')
        return p;
    char *end = strrchr(p, '>');
    if (end != NULL)
        *end = '\0';
    line->kind = p[1] == '/' ? DOCTOR_CONF_CLOSE : DOCTOR_CONF_OPEN;
    return p + (p[1] == '/' ? 2 : 1);
}

void doctor_conf_read(struct bytes text, doctor_conf_each *each, void *arg)
{
    char joined[DOCTOR_CONF_LINE_MAX];
    const char *from = text.p;
    const char *end = text.p + text.len;
    unsigned number = 1;
    while (from < end) {
        unsigned lines;
        struct doctor_conf_line line = {.kind = DOCTOR_CONF_LINE, .line = number};
        from = join_lines(from, end, joined, &lines);
        number += lines;
        char *p = joined;
        while (is_blank(*p))
            p++;
        if (*p == '#' || *p == '\0')
            continue;
        p = take_kind(p, &line);
        for (size_t i = 0; i < DOCTOR_CONF_WORDS_MAX; i++) {
            while (is_blank(*p))
                p++;
            line.n += *p != '\0';
            p = cut_word(p, &line.words[i]);
        }
        each(arg, &line);
    }
}
