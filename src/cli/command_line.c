/* The words that the tool was started with, see command_line.h. */
#include "cli/command_line.h"
#include "base/check.h"

#include <string.h>

static const struct option_row words_row = {
    .argument = "command ...", .help = "one of the commands", OPTION_LIST(struct options, words)};

/* By its name, or NULL and its letter. */
static const struct option_row *find_row(const char *name, size_t len, char letter)
{
    for (size_t i = 0; i < options_common.n; i++) {
        const struct option_row *row = &options_common.rows[i];
        bool is_it = name != NULL ? strlen(row->name) == len && memcmp(row->name, name, len) == 0
                                  : row->letter == letter;
        if (is_it)
            return row;
    }
    return NULL;
}

/* The row of an option of all commands. Of letters together it is that of the first that takes a value, or of the last;
 * *ret_glued: its value stands in the same word. */
static const struct option_row *find_common(const char *word, bool *ret_glued)
{
    struct option_row const *row = NULL;
    bool is_long = word[1] == '-';
    size_t len = is_long ? strcspn(word + 2, "=") : 0;
    *ret_glued = is_long && word[2 + len] == '=';
    for (const char *letter = word + 1; !is_long && *letter != '\0'; letter++) {
        row = find_row(NULL, 0, *letter);
        *ret_glued = letter[1] != '\0';
        if (row == NULL || row->argument != NULL)
            return row;
    }
    return is_long ? find_row(word + 2, len, '\0') : row;
}

/* The command's name: the first word that is neither an option of all nor the value of one. NULL: there is none, or an
 * unknown option stands before it. */
static const char *find_name(int argc, char *const argv[])
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (strcmp(word, "--") == 0)
            return i + 1 < argc ? argv[i + 1] : NULL;
        if (word[0] != '-' || word[1] == '\0')
            return word;
        bool is_glued;
        const struct option_row *row = find_common(word, &is_glued);
        if (row == NULL)
            return NULL;
        i += row->argument != NULL && !is_glued;
    }
    return NULL;
}

static size_t take_rows(struct command_line *line, const struct option_table *own)
{
    size_t n = 0;
    CHECK(own->n + options_common.n + 1 <= COMMAND_LINE_ROWS_MAX);
    for (size_t i = 0; i < own->n; i++)
        line->rows[n++] = own->rows[i];
    for (size_t i = 0; i < options_common.n; i++)
        line->rows[n++] = options_common.rows[i];
    line->rows[n++] = words_row;
    return n;
}

enum err command_line_parse(struct command_line *line, int argc, char *const argv[])
{
    static const struct option_table none = {0};
    const char *name = find_name(argc, argv);
    *line = (struct command_line){.command = name != NULL ? command_find(name) : NULL};
    if (name != NULL && line->command == NULL) {
        command_put_unknown(name, line->text, sizeof line->text);
        line->error = line->text;
        return ERR_USAGE;
    }
    size_t n = take_rows(line, line->command != NULL ? &line->command->options : &none);
    enum err err = option_init(&line->set, line->rows, n, &line->options);
    if (err == ERR_NONE)
        err = option_parse_args(&line->set, argc, argv);
    line->error = line->set.error;
    return err;
}

void command_line_fini(struct command_line *line)
{
    option_fini(&line->set);
}
