/*
 * Holds the promise of base/option.h that one table makes the manual page, too: every row is there, and what
 * roff would take for a command of its own is printed as it is. The help is tested in test_option.c.
 */
#include "base/option.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct settings {
    uint64_t port;
    unsigned mode;
    bool daemon;
    struct option_list words;
};

static enum err take_nothing(struct option_set *set, const char *value)
{
    (void)set;
    (void)value;
    return ERR_NONE;
}

/* clang-format off */
static const struct option_row rows[] = {
    {'p', "port", "<num>", "TCP port", OPTION_NUMBER(struct settings, port, 0, 65535), .fallback = "11211"},
    {'e', NULL, "<num>", "an even number", OPTION_CALL(take_nothing)},
    {0, "unix-mask", "<mask>", ".profile\n'quoted' C:\\x", OPTION_MODE(struct settings, mode)},
    {'d', "daemon", NULL, "runs on", OPTION_FLAG(struct settings, daemon)},
    {0, "logfile", "<file>", NULL, OPTION_IGNORED("goes to stderr")},
    {0, "kind", "<old|new>", "which", OPTION_CALL(take_nothing)},
    {0, NULL, "<key> ...", "keys", OPTION_LIST(struct settings, words)},
};
/* clang-format on */

static void test_manual(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    option_print_manual(rows, sizeof rows / sizeof *rows, out);
    fclose(out);
    assert_string_equal(text, ".SH OPTIONS\n"
                              ".TP\n\\fB\\-p\\fR, \\fB\\-\\-port\\fR=\\fInum\\fR\n"
                              "TCP port (default: 11211)\n"
                              ".TP\n\\fB\\-e\\fR \\fInum\\fR\n"
                              "an even number\n"
                              ".TP\n\\fB\\-\\-unix\\-mask\\fR=\\fImask\\fR\n"
                              "\\&.profile\n.br\n\\&'quoted' C:\\ex\n"
                              ".TP\n\\fB\\-d\\fR, \\fB\\-\\-daemon\\fR\n"
                              "runs on\n"
                              ".TP\n\\fB\\-\\-logfile\\fR=\\fIfile\\fR\n"
                              "Accepted and ignored: goes to stderr\n"
                              ".TP\n\\fB\\-\\-kind\\fR=\\fIold|\\:new\\fR\n"
                              "which\n"
                              ".TP\n\\fIkey ...\\fR\n"
                              "keys\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_manual)};
    return cmocka_run_group_tests_name("option_help", tests, NULL, NULL);
}
