/*
 * What people read of an option table: the help, in the shape of `memcached -h`, and a section of the manual
 * page. See option.h.
 */
#include "base/option.h"

#include <string.h>

enum {
    HELP_COLUMN = 26, /* where the prose begins, as memcached has it */
    HELP_WIDTH = 79
};

/* Where the next letter of the output goes. */
struct column {
    FILE *out;
    int at;
};

static void put_text(struct column *column, const char *text, int len)
{
    fprintf(column->out, "%.*s", len, text);
    column->at += len;
}

/* Goes on to the column of the prose, on a new line unless there is room left on this one. */
static void go_to_prose(struct column *column)
{
    if (column->at >= HELP_COLUMN) {
        fputc('\n', column->out);
        column->at = 0;
    }
    fprintf(column->out, "%*s", HELP_COLUMN - column->at, "");
    column->at = HELP_COLUMN;
}

/* Words, wrapped at HELP_WIDTH. */
static void put_prose(struct column *column, const char *text)
{
    while (*text != '\0') {
        if (*text == '\n' && column->at > HELP_COLUMN)
            go_to_prose(column);
        text += strspn(text, " \n");
        int len = (int)strcspn(text, " \n");
        if (len == 0)
            break;
        if (column->at + 1 + len > HELP_WIDTH && column->at > HELP_COLUMN)
            go_to_prose(column);
        if (column->at > HELP_COLUMN)
            put_text(column, " ", 1);
        put_text(column, text, len);
        text += len;
    }
}

/* "-p, --port=<num>", "-W <num>", "    --data=<dir>" */
static void put_head(struct column *column, const struct option_row *row)
{
    char head[128];
    const char *argument = row->argument != NULL ? row->argument : "";
    const char *blank = argument[0] != '\0' ? " " : "";
    if (row->letter != 0 && row->name != NULL)
        snprintf(head, sizeof head, "-%c, --%s%s%s", row->letter, row->name, blank[0] != '\0' ? "=" : "",
                 argument);
    else if (row->letter != 0)
        snprintf(head, sizeof head, "-%c%s%s", row->letter, blank, argument);
    else if (row->name != NULL)
        snprintf(head, sizeof head, "    --%s%s%s", row->name, blank[0] != '\0' ? "=" : "", argument);
    else
        snprintf(head, sizeof head, "%s", argument);
    put_text(column, head, (int)strlen(head));
}

/* "   - idle_timeout=<num>" */
static void put_word(struct column *column, const struct option_row *word)
{
    char head[128];
    bool takes_value = word->argument != NULL;
    snprintf(head, sizeof head, "    - %s%s%s", word->name, takes_value ? "=" : "",
             takes_value ? word->argument : "");
    put_text(column, head, (int)strlen(head));
}

static void print_row(const struct option_row *row, bool is_word, FILE *out)
{
    struct column column = {.out = out};
    if (is_word)
        put_word(&column, row);
    else
        put_head(&column, row);
    go_to_prose(&column);
    if (row->ignored_because != NULL) {
        put_prose(&column, "accepted and ignored:");
        put_prose(&column, row->ignored_because);
    } else {
        put_prose(&column, row->help);
    }
    if (row->fallback != NULL && row->ignored_because == NULL) {
        char fallback[128];
        snprintf(fallback, sizeof fallback, "(default: %s)", row->fallback);
        put_prose(&column, fallback);
    }
    fputc('\n', out);
    for (size_t i = 0; row->words != NULL && i < row->words->n; i++)
        print_row(&row->words->rows[i], true, out);
}

void option_print_help(const struct option_row *rows, size_t n, FILE *out)
{
    for (size_t i = 0; i < n; i++)
        print_row(&rows[i], false, out);
}

/* ---- the manual page ---- */

/* `len` bytes of text that roff is to print as they are. A line that begins with a dot would be a command. */
static void put_roff(const char *text, size_t len, FILE *out)
{
    for (size_t i = 0; i < len; i++) {
        if ((i == 0 || text[i - 1] == '\n') && (text[i] == '.' || text[i] == '\''))
            fputs("\\&", out);
        if (text[i] == '\n')
            fputs("\n.br\n", out);
        else if (text[i] == '\\')
            fputs("\\e", out);
        else if (text[i] == '-')
            fputs("\\-", out);
        else
            fputc(text[i], out);
    }
}

static void put_bold(const char *dashes, const char *name, FILE *out)
{
    fputs("\\fB", out);
    put_roff(dashes, strlen(dashes), out);
    put_roff(name, strlen(name), out);
    fputs("\\fR", out);
}

/* "<num>" in italics, its brackets left out. */
static void put_argument(const char *argument, FILE *out)
{
    fputs("\\fI", out);
    for (const char *p = argument; *p != '\0';) {
        p += strspn(p, "<>");
        size_t len = strcspn(p, "<>|");
        put_roff(p, len, out);
        p += len;
        if (*p == '|')
            fprintf(out, "%c\\:", *p++); /* a long row of choices may be broken here */
    }
    fputs("\\fR", out);
}

static void put_manual_head(const struct option_row *row, bool is_word, FILE *out)
{
    if (is_word)
        put_bold("", row->name, out);
    if (row->letter != 0)
        put_bold("-", (char[]){row->letter, '\0'}, out);
    if (row->letter != 0 && row->name != NULL)
        fputs(", ", out);
    if (row->name != NULL && !is_word)
        put_bold("--", row->name, out);
    if (row->argument != NULL) {
        if (row->name != NULL)
            fputc('=', out);
        else if (row->letter != 0)
            fputc(' ', out);
        put_argument(row->argument, out);
    }
}

static void put_manual_row(const struct option_row *row, bool is_word, FILE *out)
{
    const char *text = row->help;
    fputs(".TP\n", out);
    put_manual_head(row, is_word, out);
    fputc('\n', out);
    if (row->ignored_because != NULL) {
        fputs("Accepted and ignored: ", out);
        text = row->ignored_because;
    }
    put_roff(text, strlen(text), out);
    if (row->fallback != NULL && row->ignored_because == NULL) {
        fputs(" (default: ", out);
        put_roff(row->fallback, strlen(row->fallback), out);
        fputc(')', out);
    }
    fputc('\n', out);
    if (row->words == NULL)
        return;
    fputs(".RS\n", out);
    for (size_t i = 0; i < row->words->n; i++)
        put_manual_row(&row->words->rows[i], true, out);
    fputs(".RE\n", out);
}

void option_print_manual_rows(const struct option_row *rows, size_t n, FILE *out)
{
    for (size_t i = 0; i < n; i++)
        put_manual_row(&rows[i], false, out);
}

void option_print_manual(const struct option_row *rows, size_t n, FILE *out)
{
    fputs(".SH OPTIONS\n", out);
    option_print_manual_rows(rows, n, out);
}
