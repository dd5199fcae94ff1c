/* Reading ini files with PHP's rules; see doctor_ini.h. */
#include "cli/doctor_ini.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { DEPTH_MAX = 64, VARIABLE_MAX = 128 };

static const char label_ends[] = "=\n\r\t;&|^$~(){}!\"[]";
static const char value_ends[] = "$= \t\n\r;&|^~()!\"'";

struct reader {
    const char *p;
    const char *end;
    unsigned line;
    unsigned depth;
    size_t value_len;
    const struct doctor_ini_events *events;
    struct doctor_ini_entry entry;
    char value[DOCTOR_INI_VALUE_MAX + 1];
};

static bool at_end(const struct reader *r)
{
    return r->p == r->end;
}

/* The byte here; 0, which ends a file for PHP, too, behind the last. */
static char here(const struct reader *r)
{
    return at_end(r) ? '\0' : *r->p;
}

static bool is_one_of(char c, const char *set)
{
    return c == '\0' || strchr(set, c) != NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_blanks(struct reader *r)
{
    while (is_blank(here(r)))
        r->p++;
}

static void skip_comment(struct reader *r)
{
    while (!is_one_of(here(r), "\r\n"))
        r->p++;
}

static bool skip_newline(struct reader *r)
{
    if (here(r) != '\r' && here(r) != '\n')
        return false;
    bool is_return = *r->p++ == '\r';
    if (is_return && here(r) == '\n')
        r->p++;
    r->line++;
    return true;
}

static void put(struct reader *r, char c)
{
    if (r->value_len < DOCTOR_INI_VALUE_MAX)
        r->value[r->value_len++] = c;
}

static void put_text(struct reader *r, const char *text)
{
    while (text != NULL && *text != '\0')
        put(r, *text++);
}

static struct bytes trimmed(const char *from, const char *to)
{
    while (from < to && is_blank(*from))
        from++;
    while (to > from && is_blank(to[-1]))
        to--;
    return (struct bytes){.p = from, .len = (size_t)(to - from)};
}

/* Behind `${`. */
static bool read_variable(struct reader *r)
{
    const char *from = r->p;
    while (!is_one_of(here(r), label_ends))
        r->p++;
    struct bytes name = trimmed(from, r->p);
    if (here(r) != '}' || name.len == 0)
        return false;
    r->p++;
    char text[VARIABLE_MAX];
    if (name.len < sizeof text && r->events->variable != NULL) {
        memcpy(text, name.p, name.len);
        text[name.len] = '\0';
        put_text(r, r->events->variable(r->events->arg, text));
    }
    return true;
}

static bool at_variable(const struct reader *r)
{
    return r->end - r->p >= 2 && r->p[0] == '$' && r->p[1] == '{';
}

/* A quote behind a backslash ends nothing, but at the end of a line. */
static bool ends_quotes(const struct reader *r)
{
    bool is_last = r->p + 1 == r->end;
    return is_last || r->p[-1] != '\\' || r->p[1] == '\r' || r->p[1] == '\n';
}

/* One byte between double quotes, or one with the backslash before it. */
static void read_quoted_byte(struct reader *r)
{
    char c = *r->p++;
    if (c == '\n' || (c == '\r' && here(r) != '\n'))
        r->line++;
    if (c != '\\' || at_end(r)) {
        put(r, c);
        return;
    }
    char next = *r->p;
    if (next == '"' && ends_quotes(r)) {
        put(r, c);
        return;
    }
    if (next != '"' && next != '\\' && next != '\'')
        put(r, c);
    put(r, next);
    r->p++;
    if (next == '\n' || (next == '\r' && here(r) != '\n'))
        r->line++;
}

/* Behind the first quote. */
static bool read_double_quoted(struct reader *r)
{
    while (!at_end(r)) {
        if (*r->p == '"') {
            r->p++;
            skip_blanks(r);
            return true;
        }
        if (at_variable(r)) {
            r->p += 2;
            if (!read_variable(r))
                return false;
        } else {
            read_quoted_byte(r);
        }
    }
    return false;
}

/* Behind the first quote. One that stands alone is the end of the file for PHP, without a word. */
static bool read_single_quoted(struct reader *r)
{
    const char *end = memchr(r->p, '\'', (size_t)(r->end - r->p));
    if (end == NULL)
        return false;
    for (; r->p < end; r->p++) {
        r->line += *r->p == '\n';
        put(r, *r->p);
    }
    r->p++;
    return true;
}

/* A word outside of quotes. */
static bool read_bare(struct reader *r)
{
    const char *from = r->p;
    while (!at_end(r)) {
        bool is_dollar = *r->p == '$' && r->end - r->p >= 2 && !at_variable(r);
        if (is_dollar)
            put(r, *r->p++);
        else if (is_one_of(*r->p, value_ends))
            break;
        put(r, *r->p++);
    }
    return r->p != from;
}

/* Where the value ends, blanks before it being none of its own; or an operator, which swallows them, too. */
static bool at_value_end(const struct reader *r)
{
    const char *p = r->p;
    while (p < r->end && is_blank(*p))
        p++;
    return p == r->end ? p == r->p : is_one_of(*p, "\r\n;=&|^~()!");
}

/* The length of one of PHP's words for yes and no, that stands here; 0: none does. */
static size_t at_word(const struct reader *r, const char *ends, const char **ret_value)
{
    static const char *const words[][2] = {{"true", "1"}, {"on", "1"}, {"yes", "1"}, {"false", ""},
                                           {"off", ""},   {"no", ""},  {"none", ""}, {"null", ""}};
    size_t len = 0;
    while ((size_t)(r->end - r->p) > len && !is_one_of(r->p[len], ends))
        len++;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (len == strlen(words[i][0]) && strncasecmp(r->p, words[i][0], len) == 0) {
            *ret_value = words[i][1];
            return len;
        }
    }
    return 0;
}

static bool read_piece(struct reader *r)
{
    if (at_variable(r)) {
        r->p += 2;
        return read_variable(r);
    }
    bool is_double = here(r) == '"';
    if (!is_double && here(r) != '\'')
        return read_bare(r);
    r->p++;
    return is_double ? read_double_quoted(r) : read_single_quoted(r);
}

static bool is_alone(const struct reader *r)
{
    return here(r) == '\'' && memchr(r->p + 1, '\'', (size_t)(r->end - r->p - 1)) == NULL;
}

/* Pieces in a row become one text. */
static bool read_pieces(struct reader *r)
{
    const char *from = r->p;
    const char *word;
    while (!at_value_end(r)) {
        const char *blanks = r->p;
        skip_blanks(r);
        for (; here(r) != '"' && blanks < r->p; blanks++)
            put(r, *blanks);
        if (at_end(r) || is_alone(r) || at_word(r, value_ends, &word) > 0)
            break;
        if (!read_piece(r))
            return false;
    }
    return r->p != from;
}

/* The number that the value begins with from `start` on. */
static int take_number(struct reader *r, size_t start)
{
    r->value[r->value_len] = '\0';
    int number = (int)strtol(r->value + start, NULL, 10);
    r->value_len = start;
    return number;
}

static void put_number(struct reader *r, int number)
{
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    put_text(r, text);
    r->entry.is_sum = true;
}

/* The operator that comes next, without its blanks; 0: none does. */
static char next_operator(const struct reader *r, const char *set)
{
    const char *p = r->p;
    while (p < r->end && is_blank(*p))
        p++;
    return p < r->end && *p != '\0' && strchr(set, *p) != NULL ? *p : '\0';
}

static void skip_operator(struct reader *r)
{
    skip_blanks(r);
    r->p++;
    skip_blanks(r);
}

static bool read_sum(struct reader *r);

static bool read_operand(struct reader *r)
{
    size_t start = r->value_len;
    char sign = next_operator(r, "~!(");
    if (sign == '\0')
        return read_pieces(r);
    if (++r->depth > DEPTH_MAX)
        return false;
    skip_operator(r);
    if (sign == '(') {
        if (!read_sum(r) || next_operator(r, ")") == '\0')
            return false;
        skip_operator(r);
    } else {
        if (!read_operand(r))
            return false;
        int number = take_number(r, start);
        put_number(r, sign == '~' ? ~number : !number);
    }
    r->depth--;
    return true;
}

static bool read_sum(struct reader *r)
{
    size_t start = r->value_len;
    if (!read_operand(r))
        return false;
    char sign;
    while ((sign = next_operator(r, "|&^")) != '\0') {
        int left = take_number(r, start);
        skip_operator(r);
        if (!read_operand(r))
            return false;
        int right = take_number(r, start);
        put_number(r, sign == '|' ? left | right : sign == '&' ? left & right : left ^ right);
    }
    return true;
}

static void tell(struct reader *r)
{
    r->entry.value = (struct bytes){.p = r->value, .len = r->value_len};
    r->events->each(r->events->arg, &r->entry);
}

/* Behind the `=`. What was understood of a value is told even where PHP then gives the file up. */
static bool read_value(struct reader *r)
{
    const char *word = "";
    r->value_len = 0;
    r->depth = 0;
    skip_blanks(r);
    bool is_bare = !is_one_of(here(r), "\"'");
    size_t word_len = at_word(r, value_ends, &word);
    r->p += word_len;
    put_text(r, word);
    if (word_len == 0 && !is_one_of(here(r), "\r\n;=") && !read_sum(r))
        return false;
    r->entry.is_cut = is_bare && here(r) == ';' && r->value_len > 0;
    tell(r);
    skip_blanks(r);
    if (here(r) == ';')
        skip_comment(r);
    return skip_newline(r) || at_end(r);
}

/* At the `[` of name[offset]. */
static bool read_offset(struct reader *r)
{
    const char *from = ++r->p;
    while (!is_one_of(here(r), "]\r\n"))
        r->p++;
    if (here(r) != ']')
        return false;
    r->entry.offset = trimmed(from, r->p);
    if (r->entry.offset.len >= 2 && is_one_of(*r->entry.offset.p, "\"'")) {
        r->entry.offset.p++;
        r->entry.offset.len -= 2;
    }
    r->p++;
    skip_blanks(r);
    return here(r) == '=';
}

static bool read_section(struct reader *r)
{
    const char *from = ++r->p;
    while (!is_one_of(here(r), "]\r\n"))
        r->p++;
    if (here(r) != ']')
        return false;
    r->entry.section = trimmed(from, r->p);
    r->p++;
    return true;
}

static bool read_entry(struct reader *r)
{
    const char *word;
    const char *from = r->p;
    if (at_word(r, label_ends, &word) > 0)
        return false;
    while (!is_one_of(here(r), label_ends))
        r->p++;
    r->entry.name = trimmed(from, r->p);
    r->entry.offset = (struct bytes){0};
    r->entry.line = r->line;
    r->entry.is_cut = r->entry.is_sum = false;
    if (r->entry.name.len == 0)
        return false;
    skip_blanks(r);
    if (here(r) == '[' && !read_offset(r))
        return false;
    if (here(r) == '=') {
        r->p++;
        return read_value(r);
    }
    return is_one_of(here(r), "\r\n;"); /* a name alone says nothing */
}

bool doctor_ini_read(struct bytes text, const struct doctor_ini_events *events, unsigned *ret_line)
{
    struct reader r = {.p = text.p, .end = text.p + text.len, .line = 1, .events = events};
    if (bytes_starts_with(text, bytes_of("\xEF\xBB\xBF")))
        r.p += 3;
    while (!at_end(&r) && *r.p != '\0') {
        skip_blanks(&r);
        bool is_good = true;
        if (here(&r) == ';')
            skip_comment(&r);
        else if (here(&r) == '[')
            is_good = read_section(&r);
        else if (!skip_newline(&r) && here(&r) != '\0')
            is_good = read_entry(&r);
        if (!is_good) {
            *ret_line = r.line;
            return false;
        }
    }
    return true;
}
