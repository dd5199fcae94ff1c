/*
 * Parsing command lines and config files by table, see option.h.
 *
 * Own scan, not getopt_long: getopt keeps its state in globals, prints its own messages, cannot say which
 * word of a config file's line it disliked, and takes any unambiguous beginning of a name, which breaks
 * scripts when an option is added. What is left to write is parse_words() and its three helpers.
 */
#include "base/option_row.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_WORDS_MAX = 64, /* words in a line of a config file */
    DEPTH_MAX = 4        /* config files naming config files */
};

/* Words still to be read. */
struct words {
    char *const *next;
    size_t n;
};

/* ---- messages ---- */

static void append_v(char *text, size_t size, const char *format, va_list args)
{
    size_t len = strlen(text);
    vsnprintf(text + len, size - len, format, args);
}

void option_message_add(char *text, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    append_v(text, size, format, args);
    va_end(args);
}

void option_message_begin(const struct option_place *at, char *text, size_t size)
{
    text[0] = '\0';
    if (at->file != NULL)
        option_message_add(text, size, "%s:%u: ", at->file, at->line);
    if (at->option[0] != '\0' && at->value != NULL)
        option_message_add(text, size, "%s %.80s: ", at->option, at->value);
    else if (at->option[0] != '\0')
        option_message_add(text, size, "%s: ", at->option);
}

enum err option_refuse(struct option_set *set, const char *format, ...)
{
    option_message_begin(&set->at, set->error, sizeof set->error);
    va_list args;
    va_start(args, format);
    append_v(set->error, sizeof set->error, format, args);
    va_end(args);
    return ERR_USAGE;
}

enum err option_refuse_memory(struct option_set *set)
{
    option_refuse(set, "%s", err_text(ERR_MEMORY));
    return ERR_MEMORY;
}

/* ---- the life of a set ---- */

enum err option_init(struct option_set *set, const struct option_row *rows, size_t n, void *target)
{
    *set = (struct option_set){.table = {.rows = rows, .n = n}, .target = target};
    for (size_t i = 0; i < n; i++) {
        option_row_check(&set->table, &rows[i]);
        option_row_clear(set, &rows[i]);
    }
    for (size_t i = 0; i < n; i++) {
        enum err err = option_row_default(set, &rows[i]);
        if (err != ERR_NONE)
            return err;
    }
    return ERR_NONE;
}

void option_fini(struct option_set *set)
{
    for (size_t i = 0; i < set->table.n; i++)
        option_row_fini(set, &set->table.rows[i]);
    option_row_free_list(&set->notes);
}

/* ---- scanning ---- */

/* `written` is the option with its dashes, `len` long in all. */
static enum err refuse_unknown(struct option_set *set, const char *written, size_t len)
{
    size_t dashes = strspn(written, "-");
    set->at.option[0] = '\0'; /* -dq: it is not -d that is refused */
    const char *nearest = option_row_nearest(&set->table, written + dashes, len - dashes);
    int shown = (int)(len < 80 ? len : 80);
    if (nearest != NULL)
        return option_refuse(set, "unknown option %.*s; did you mean --%s?", shown, written, nearest);
    return option_refuse(set, "unknown option %.*s; --help lists them all", shown, written);
}

static const char *next_word(struct words *words)
{
    if (words->n == 0)
        return NULL;
    words->n--;
    return *words->next++;
}

/* Applies `row`; its value is `glued` (-p11211, --port=11211) or else the next word. */
static enum err parse_value(struct option_set *set, const struct option_row *row, const char *glued,
                            struct words *words)
{
    if (row->argument == NULL) {
        if (glued != NULL)
            return option_refuse(set, "takes no value, but was given '%.80s'", glued);
        return option_row_apply(set, row, NULL);
    }
    const char *value = glued != NULL ? glued : next_word(words);
    if (value == NULL)
        return option_refuse(set, "needs a value, %s", row->argument);
    set->at.value = value;
    return option_row_apply(set, row, value);
}

/* --port=11211, or a config file's `port 11211`. */
static enum err parse_long(struct option_set *set, const char *word, struct words *words)
{
    const char *name = word + (strncmp(word, "--", 2) == 0 ? 2 : 0);
    size_t len = strcspn(name, "=");
    size_t written = (size_t)(name - word) + len;
    const struct option_row *row = option_row_find_name(&set->table, name, len);
    if (row == NULL)
        return refuse_unknown(set, word, written);
    snprintf(set->at.option, sizeof set->at.option, "%.*s", (int)written, word);
    return parse_value(set, row, name[len] == '=' ? name + len + 1 : NULL, words);
}

/* -dM, -p11211, -p 11211 */
static enum err parse_letters(struct option_set *set, const char *word, struct words *words)
{
    size_t len = strcspn(word, "=");
    if (len > 2 && option_row_find_name(&set->table, word + 1, len - 1) != NULL)
        return option_refuse(set, "unknown option %.*s; did you mean -%.*s?", (int)len, word, (int)len, word);
    for (const char *p = word + 1; *p != '\0'; p++) {
        const struct option_row *row = option_row_find_letter(&set->table, *p);
        if (row == NULL)
            return refuse_unknown(set, (char[]){'-', *p, '\0'}, 2);
        snprintf(set->at.option, sizeof set->at.option, "-%c", *p);
        if (row->argument != NULL)
            return parse_value(set, row, p[1] != '\0' ? p + 1 : NULL, words);
        enum err err = option_row_apply(set, row, NULL);
        if (err != ERR_NONE)
            return err;
    }
    return ERR_NONE;
}

/* A word that is no option. */
static enum err parse_plain(struct option_set *set, const char *word)
{
    const struct option_row *row = option_row_find_words(&set->table);
    if (row == NULL || set->at.file != NULL)
        return option_refuse(set, "'%.80s' is no option and belongs to none; --help lists them all", word);
    return option_row_apply(set, row, word);
}

static enum err parse_words(struct option_set *set, struct words words)
{
    bool options_ended = false;
    const char *word;
    while ((word = next_word(&words)) != NULL) {
        enum err err = ERR_NONE;
        set->at.option[0] = '\0';
        set->at.value = NULL;
        if (options_ended || word[0] != '-' || word[1] == '\0')
            err = parse_plain(set, word);
        else if (strcmp(word, "--") == 0)
            options_ended = true;
        else if (word[1] == '-')
            err = parse_long(set, word, &words);
        else
            err = parse_letters(set, word, &words);
        if (err != ERR_NONE)
            return err;
    }
    return ERR_NONE;
}

enum err option_parse_args(struct option_set *set, int argc, char *const argv[])
{
    set->at = (struct option_place){0};
    if (argc <= 1)
        return ERR_NONE;
    enum err err = parse_words(set, (struct words){.next = argv + 1, .n = (size_t)argc - 1});
    set->at = (struct option_place){0};
    return err;
}

/* ---- config files ---- */

/* Cuts the word at *rest out of its line, quotes removed. NULL when there is none or a comment begins;
 * *ret_closed is false when a quote is left open. */
static char *cut_word(char **rest, bool *ret_closed)
{
    char *in = *rest + strspn(*rest, " \t\r\n\v\f");
    *ret_closed = true;
    if (*in == '\0' || *in == '#')
        return NULL;
    char *word = in;
    char *out = in;
    char quote = '\0';
    for (; *in != '\0' && (quote != '\0' || strchr(" \t\r\n\v\f", *in) == NULL); in++) {
        if (*in == quote)
            quote = '\0';
        else if (quote == '\0' && (*in == '"' || *in == '\''))
            quote = *in;
        else
            *out++ = *in;
    }
    *ret_closed = quote == '\0';
    *rest = *in != '\0' ? in + 1 : in;
    *out = '\0';
    return word;
}

static enum err parse_line(struct option_set *set, char *line)
{
    char *list[LINE_WORDS_MAX];
    struct words words = {.next = list};
    bool closed;
    char *word;
    set->at.option[0] = '\0';
    set->at.value = NULL;
    while ((word = cut_word(&line, &closed)) != NULL) {
        if (!closed)
            return option_refuse(set, "a quote is opened and not closed");
        if (words.n == LINE_WORDS_MAX)
            return option_refuse(set, "more than %d words; write one option a line", LINE_WORDS_MAX);
        list[words.n++] = word;
    }
    if (words.n > 0 && list[0][0] != '-') {
        enum err err = parse_long(set, next_word(&words), &words);
        if (err != ERR_NONE)
            return err;
    }
    return parse_words(set, words);
}

static enum err parse_lines(struct option_set *set, FILE *file)
{
    char line[OPTION_LINE_MAX];
    while (fgets(line, sizeof line, file) != NULL) {
        set->at.line++;
        if (strlen(line) == sizeof line - 1 && line[sizeof line - 2] != '\n')
            return option_refuse(set, "the line is longer than %d bytes", OPTION_LINE_MAX - 2);
        enum err err = parse_line(set, line);
        if (err != ERR_NONE)
            return err;
    }
    return ERR_NONE;
}

static enum err refuse_file(struct option_set *set, const char *path, int error)
{
    option_refuse(set, "config file %s cannot be read: %s", path, strerror(error));
    return ERR_SYSTEM;
}

enum err option_parse_file(struct option_set *set, const char *path)
{
    struct option_place outer = set->at;
    if (outer.depth == DEPTH_MAX)
        return option_refuse(set, "config files name each other more than %d deep", DEPTH_MAX);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return refuse_file(set, path, errno);
    set->at = (struct option_place){.file = path, .depth = outer.depth + 1};
    enum err err = parse_lines(set, file);
    int error = errno;
    bool unread = ferror(file) != 0;
    fclose(file);
    set->at = outer;
    if (err == ERR_NONE && unread)
        return refuse_file(set, path, error);
    return err;
}
