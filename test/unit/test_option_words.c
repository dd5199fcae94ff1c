/*
 * Holds the promise of base/option.h for lists of words within one value (-o): each goes where its row says, has its
 * default, and what is refused or ignored is named; the help and the manual page show them below their option.
 */
#include "base/option.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct settings {
    uint64_t idle_s;
    bool fast;
    char *path;
    unsigned verbose;
};

static enum err take_slow(struct option_set *set, const char *value)
{
    (void)value;
    ((struct settings *)set->target)->fast = false;
    return ERR_NONE;
}

/* clang-format off */
static const struct option_row word_rows[] = {
    {.name = "idle", .argument = "<num>", .help = "seconds",
     OPTION_NUMBER(struct settings, idle_s, 0, 60), .fallback = "7"},
    {.name = "fast", .help = "at once", OPTION_FLAG(struct settings, fast)},
    {.name = "no_fast", .help = "by and by", OPTION_CALL(take_slow)},
    {.name = "path", .argument = "<file>", .help = "where", OPTION_TEXT(struct settings, path)},
    {.name = "slabs", .argument = "<num>", OPTION_IGNORED("there are none")},
};
static const struct option_table words = {word_rows, sizeof word_rows / sizeof *word_rows};
static const struct option_row rows[] = {
    {.letter = 'o', .name = "extended", .argument = "<words>", .help = "words:", OPTION_WORDS(&words)},
    {.letter = 'v', .name = "verbose", .help = "says more", OPTION_COUNT(struct settings, verbose)},
};
/* clang-format on */

enum { NROWS = sizeof rows / sizeof *rows };

struct fixture {
    struct option_set set;
    struct settings settings;
};

static enum err parse(struct fixture *f, const char *list)
{
    memset(&f->settings, 0xA5, sizeof f->settings);
    assert_int_equal(option_init(&f->set, rows, NROWS, &f->settings), ERR_NONE);
    char *argv[] = {"cloakroomd", "-o", (char *)(uintptr_t)list, "-v", NULL};
    return option_parse_args(&f->set, 4, argv);
}

static void expect(const char *list, uint64_t idle_s, bool fast, const char *path)
{
    struct fixture f;
    assert_int_equal(parse(&f, list), ERR_NONE);
    assert_int_equal(f.settings.idle_s, idle_s);
    assert_int_equal(f.settings.fast, fast);
    if (path == NULL)
        assert_null(f.settings.path);
    else
        assert_string_equal(f.settings.path, path);
    assert_int_equal(f.settings.verbose, 1);
    option_fini(&f.set);
}

static void expect_refused(const char *list, const char *message)
{
    struct fixture f;
    assert_int_equal(parse(&f, list), ERR_USAGE);
    assert_string_equal(f.set.error, message);
    option_fini(&f.set);
}

static void test_each_word_goes_where_its_row_says(void **state)
{
    (void)state;
    expect("", 7, false, NULL);
    expect("fast", 7, true, NULL);
    expect("idle=3,fast,path=/x=y", 3, true, "/x=y");
    expect(",fast,,idle=4,no_fast,", 4, false, NULL);
    expect("path=a,path=b", 7, false, "b");
    expect("path=", 7, false, "");
}

static void test_what_is_refused_is_named(void **state)
{
    (void)state;
    expect_refused("fast,fats", "-o: unknown word fats; did you mean fast?");
    expect_refused("nonsense=3", "-o: unknown word nonsense; --help lists them all");
    expect_refused("verbose", "-o: unknown word verbose; --help lists them all");
    expect_refused("idle", "-o idle: needs a value, idle=<num>");
    expect_refused("fast=1", "-o fast 1: takes no value");
    expect_refused("idle=61", "-o idle 61: idle must be 0 to 60");
}

static void test_what_is_ignored_leaves_a_note(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(parse(&f, "slabs,idle=1,slabs=x"), ERR_NONE);
    assert_int_equal(f.set.notes.n, 2);
    assert_string_equal(f.set.notes.items[0], "-o slabs: accepted and ignored: there are none");
    assert_string_equal(f.set.notes.items[1], "-o slabs x: accepted and ignored: there are none");
    assert_int_equal(f.settings.idle_s, 1);
    option_fini(&f.set);
}

static void test_a_word_without_end_overruns_nothing(void **state)
{
    (void)state;
    char list[4096];
    memset(list, 'i', sizeof list - 1);
    list[sizeof list - 1] = '\0';
    struct fixture f;
    assert_int_equal(parse(&f, list), ERR_USAGE);
    assert_true(strlen(f.set.error) < 200);
    option_fini(&f.set);
}

static void check_printed(void (*print)(const struct option_row *, size_t, FILE *), const char *wanted)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    print(rows, NROWS, out);
    fclose(out);
    assert_string_equal(text, wanted);
    free(text);
}

static void test_help_and_manual_show_them(void **state)
{
    (void)state;
    check_printed(option_print_help, "-o, --extended=<words>    words:\n"
                                     "    - idle=<num>          seconds (default: 7)\n"
                                     "    - fast                at once\n"
                                     "    - no_fast             by and by\n"
                                     "    - path=<file>         where\n"
                                     "    - slabs=<num>         accepted and ignored: there are none\n"
                                     "-v, --verbose             says more\n");
    check_printed(option_print_manual,
                  ".SH OPTIONS\n"
                  ".TP\n\\fB\\-o\\fR, \\fB\\-\\-extended\\fR=\\fIwords\\fR\nwords:\n.RS\n"
                  ".TP\n\\fBidle\\fR=\\fInum\\fR\nseconds (default: 7)\n"
                  ".TP\n\\fBfast\\fR\nat once\n"
                  ".TP\n\\fBno_fast\\fR\nby and by\n"
                  ".TP\n\\fBpath\\fR=\\fIfile\\fR\nwhere\n"
                  ".TP\n\\fBslabs\\fR=\\fInum\\fR\nAccepted and ignored: there are none\n"
                  ".RE\n.TP\n\\fB\\-v\\fR, \\fB\\-\\-verbose\\fR\nsays more\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_word_goes_where_its_row_says),
        cmocka_unit_test(test_what_is_refused_is_named),
        cmocka_unit_test(test_what_is_ignored_leaves_a_note),
        cmocka_unit_test(test_a_word_without_end_overruns_nothing),
        cmocka_unit_test(test_help_and_manual_show_them),
    };
    return cmocka_run_group_tests_name("option_words", tests, NULL, NULL);
}
