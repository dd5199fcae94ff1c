/*
 * Holds the promise of cli/command_line.h: options of all stand anywhere, those of one behind its name, and what is wrong
 * is one line.
 */
#include "cli/command_line.h"
#include "unit.h"

#include <string.h>

enum { WORDS_MAX = 12 };

/* A line as a shell would cut it, without the tool's own name. */
struct cut {
    char text[200];
    char *argv[WORDS_MAX];
    int argc;
};

static void cut(struct cut *ret, const char *line)
{
    static char tool[] = "cloakroom";
    *ret = (struct cut){.argv = {tool}, .argc = 1};
    strncpy(ret->text, line, sizeof ret->text - 1);
    for (char *word = strtok(ret->text, " "); word != NULL; word = strtok(NULL, " "))
        ret->argv[ret->argc++] = word;
}

static void test_understood(void **state)
{
    static const struct {
        const char *line;
        const char *command;
        size_t nwords;
        const char *server; /* NULL, these two: none */
        const char *tag;
    } rows[] = {
        {"ping", "ping", 1, NULL, NULL},
        {"ping 5", "ping", 2, NULL, NULL},
        {"-s list ping", "ping", 1, "list", NULL},
        {"-slist ping", "ping", 1, "list", NULL},
        {"--server list ping", "ping", 1, "list", NULL},
        {"--server=list ping", "ping", 1, "list", NULL},
        {"-js list ping", "ping", 1, "list", NULL},
        {"-jslist ping", "ping", 1, "list", NULL},
        {"ping -s x", "ping", 1, "x", NULL},
        {"-j -b list --tag ping -s x", "list", 1, "x", "ping"},
        {"list --tag=x --json", "list", 1, NULL, "x"},
        {"-- ping", "ping", 1, NULL, NULL},
        {"show -- -x", "show", 2, NULL, NULL},
        {"-t 5 count", "count", 1, NULL, NULL},
        {"--help", NULL, 0, NULL, NULL},
        {"", NULL, 0, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct command_line line;
        struct cut words;
        cut(&words, rows[i].line);
        assert_int_equal(command_line_parse(&line, words.argc, words.argv), ERR_NONE);
        if (rows[i].command == NULL)
            assert_null(line.command);
        else
            assert_string_equal(line.command->name, rows[i].command);
        assert_int_equal(line.options.words.n, rows[i].nwords);
        if (rows[i].nwords > 0)
            assert_string_equal(line.options.words.items[0], rows[i].command);
        assert_string_equal(line.options.server != NULL ? line.options.server : "-",
                            rows[i].server != NULL ? rows[i].server : "-");
        assert_string_equal(line.options.tag != NULL ? line.options.tag : "-",
                            rows[i].tag != NULL ? rows[i].tag : "-");
        command_line_fini(&line);
    }
}

static void test_refused(void **state)
{
    static const char *const rows[][2] = {
        {"pnig", "unknown command pnig; did you mean ping?"},
        {"-s", "needs a value"},
        {"ping --server", "needs a value"},
        {"--tag x list", "unknown option --tag"},
        {"ping --tag x", "unknown option --tag"},
        {"-x list", "unknown option -x"},
        {"-jx list", "unknown option -x"},
        {"list --limt 3", "did you mean --limit?"},
        {"list --older 1w", "a time is a number of seconds"},
        {"bench --clients 0", "clients must be"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct command_line line;
        struct cut words;
        cut(&words, rows[i][0]);
        assert_int_equal(command_line_parse(&line, words.argc, words.argv), ERR_USAGE);
        assert_non_null(strstr(line.error, rows[i][1]));
        assert_null(strchr(line.error, '\n'));
        command_line_fini(&line);
    }
}

/* What the dispatcher, the completion and the manual page take for granted. */
static void test_the_table(void **state)
{
    size_t n;
    const struct command *const *all = command_all(&n);
    (void)state;
    for (size_t i = 0; i < n; i++) {
        assert_true(i == 0 || strcmp(all[i - 1]->name, all[i]->name) < 0);
        assert_ptr_equal(command_find(all[i]->name), all[i]);
        assert_true(all[i]->run != NULL && strlen(all[i]->summary) > 0);
        assert_true((all[i]->nargs_max > 0) == (strlen(all[i]->arguments) > 0));
        size_t help_len = strlen(all[i]->help);
        assert_true(help_len == 0 || all[i]->help[help_len - 1] == '\n');
        for (size_t k = 0; k < all[i]->options.n; k++)
            assert_non_null(all[i]->options.rows[k].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_understood),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
