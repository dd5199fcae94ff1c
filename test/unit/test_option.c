/*
 * Holds the promise of base/option.h: the same table reads command lines and config files, nothing is global,
 * later beats earlier, lists grow, and whatever is refused is named as it was written with what would be
 * accepted.
 */
#include "base/option.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct settings {
    uint64_t port;
    uint64_t threads;
    uint64_t memory_mb;
    uint64_t item_max;
    uint64_t idle_s;
    unsigned verbose;
    unsigned mode;
    bool daemon;
    bool no_evict;
    char *user;
    char *socket;
    char *buffer;
    struct option_list listen;
    struct option_list words;
    unsigned even;
};

static enum err read_config(struct option_set *set, const char *path)
{
    return option_parse_file(set, path);
}

static enum err take_even(struct option_set *set, const char *value)
{
    struct settings *settings = set->target;
    int number = atoi(value);
    if (number % 2 != 0)
        return option_refuse(set, "must be even, such as %d", number + 1);
    settings->even = (unsigned)number;
    return ERR_NONE;
}

/* clang-format off */
#define COMMON_ROWS                                                                                          \
    {'p', "port", "<num>", "TCP port to listen on",                                                          \
     OPTION_NUMBER(struct settings, port, 0, 65535), .fallback = "11211"},                                   \
    {'t', "threads", "<num>", "number of threads to use",                                                    \
     OPTION_NUMBER(struct settings, threads, 1, 64), .fallback = "4"},                                       \
    {'m', "memory-limit", "<num>", "item memory in megabytes",                                               \
     OPTION_NUMBER(struct settings, memory_mb, 2, 0), .fallback = "64"},                                     \
    {'I', "max-item-size", "<num>", "adjusts max item size, at least 1k and at most 1024m",                  \
     OPTION_SIZE(struct settings, item_max, 1024, 1 << 30), .fallback = "1m"},                               \
    {0, "idle", "<size>", "no upper limit", OPTION_SIZE(struct settings, idle_s, 1, 0), .fallback = "5"},    \
    {'v', "verbose", NULL, "say more; -vv and -vvv: more still", OPTION_COUNT(struct settings, verbose)},    \
    {'a', "unix-mask", "<mask>", "access mask of the socket",                                                \
     OPTION_MODE(struct settings, mode), .fallback = "700"},                                                 \
    {'d', "daemon", NULL, "run as a daemon", OPTION_FLAG(struct settings, daemon)},                          \
    {'M', "disable-evictions", NULL, "return an error", OPTION_FLAG(struct settings, no_evict)},             \
    {'u', "user", "<user>", "assume the identity of <user>", OPTION_TEXT(struct settings, user)},            \
    {'s', "unix-socket", "<file>", "UNIX socket to listen on", OPTION_TEXT(struct settings, socket)},        \
    {'l', "listen", "<addr>", "interface to listen on; may be given several times",                          \
     OPTION_LIST(struct settings, listen), .fallback = "127.0.0.1"},                                         \
    {'e', NULL, "<num>", "an even number", OPTION_CALL(take_even)},                                          \
    {0, "config", "<file>", "read options from <file>", OPTION_CALL(read_config)},                           \
    {0, "logfile", "<file>", NULL, OPTION_IGNORED("messages go to stderr")},                                 \
    {0, "buffer", "<size>", NULL, OPTION_TEXT(struct settings, buffer), .ignored_because = "there is none"}, \
    {'L', "enable-largepages", NULL, NULL, OPTION_IGNORED("the system decides")}

static const struct option_row daemon_rows[] = {COMMON_ROWS};
static const struct option_row tool_rows[] = {
    COMMON_ROWS,
    {0, NULL, "<key> ...", "keys", OPTION_LIST(struct settings, words)},
};
/* clang-format on */

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A set over its own settings; each test has one, some have two. */
struct fixture {
    struct option_set set;
    struct settings settings;
};

static void begin(struct fixture *f)
{
    memset(&f->settings, 0xA5, sizeof f->settings); /* the target needs no preparation */
    assert_int_equal(option_init(&f->set, daemon_rows, N_OF(daemon_rows), &f->settings), ERR_NONE);
}

static void end(struct fixture *f)
{
    option_fini(&f->set);
}

#define ARGS(...)                                                                                            \
    (char *[]){"cloakroomd", __VA_ARGS__, NULL}, (int)N_OF(((char *[]){"cloakroomd", __VA_ARGS__}))

static enum err parse(struct fixture *f, char *const argv[], int argc)
{
    return option_parse_args(&f->set, argc, argv);
}

static void expect_refused(char *const argv[], int argc, const char *message)
{
    struct fixture f;
    begin(&f);
    assert_int_equal(parse(&f, argv, argc), ERR_USAGE);
    assert_string_equal(f.set.error, message);
    end(&f);
}

/* A config file with this text; the caller unlinks it. */
static char *write_file(const char *text)
{
    static char path[] = "/tmp/test_option.XXXXXX";
    strcpy(path + sizeof path - 7, "XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static enum err parse_text(struct fixture *f, const char *text)
{
    const char *path = write_file(text);
    enum err err = option_parse_file(&f->set, path);
    unlink(path);
    return err;
}

/* The message without the temporary file's name: "3: -t 0: …". */
static void expect_file_refused(const char *text, const char *message)
{
    struct fixture f;
    begin(&f);
    assert_int_equal(parse_text(&f, text), ERR_USAGE);
    assert_memory_equal(f.set.error, "/tmp/test_option.", 17);
    assert_string_equal(strchr(f.set.error, ':') + 1, message);
    end(&f);
}

static void test_defaults(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    assert_int_equal(option_parse_args(&f.set, 1, (char *[]){"cloakroomd", NULL}), ERR_NONE);
    assert_int_equal(f.settings.port, 11211);
    assert_int_equal(f.settings.item_max, 1 << 20);
    assert_int_equal(f.settings.mode, 0700);
    assert_int_equal(f.settings.verbose, 0);
    assert_false(f.settings.daemon);
    assert_null(f.settings.user);
    assert_int_equal(f.settings.listen.n, 1);
    assert_string_equal(f.settings.listen.items[0], "127.0.0.1");
    end(&f);
}

static void test_every_way_to_write(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    assert_int_equal(
        parse(&f, ARGS("-dM", "-vvv", "-v", "-p1", "-t", "2", "--memory-limit=3", "--max-item-size", "512k",
                       "-a", "0660", "-ucarol", "--unix-socket=", "-vp", "9", "--idle=7")),
        ERR_NONE);
    assert_true(f.settings.daemon && f.settings.no_evict);
    assert_int_equal(f.settings.verbose, 5);
    assert_int_equal(f.settings.port, 9); /* the later one */
    assert_int_equal(f.settings.threads, 2);
    assert_int_equal(f.settings.memory_mb, 3);
    assert_int_equal(f.settings.item_max, 512 * 1024);
    assert_int_equal(f.settings.idle_s, 7);
    assert_int_equal(f.settings.mode, 0660);
    assert_string_equal(f.settings.user, "carol");
    assert_string_equal(f.settings.socket, "");
    end(&f);
}

static void test_lists_grow_and_lose_their_default(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    assert_int_equal(parse(&f, ARGS("-l", "::1", "--listen=10.0.0.1", "-u", "a", "-u", "b")), ERR_NONE);
    assert_int_equal(f.settings.listen.n, 2);
    assert_string_equal(f.settings.listen.items[0], "::1");
    assert_string_equal(f.settings.listen.items[1], "10.0.0.1");
    assert_string_equal(f.settings.user, "b");
    end(&f);
}

static void test_a_value_may_look_like_an_option(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    assert_int_equal(parse(&f, ARGS("-u", "-p", "-s", "--")), ERR_NONE);
    assert_string_equal(f.settings.user, "-p");
    assert_string_equal(f.settings.socket, "--");
    assert_int_equal(f.settings.port, 11211);
    end(&f);
}

static void test_numbers_are_held_to_their_range(void **state)
{
    (void)state;
    expect_refused(ARGS("-t", "0"), "-t 0: threads must be 1 to 64");
    expect_refused(ARGS("-t65"), "-t 65: threads must be 1 to 64");
    expect_refused(ARGS("--threads=many"), "--threads many: threads must be a number, 1 to 64");
    expect_refused(ARGS("-t", "-1"), "-t -1: threads must be a number, 1 to 64");
    expect_refused(ARGS("-t", ""), "-t : threads must be a number, 1 to 64");
    expect_refused(ARGS("-t", "4 "), "-t 4 : threads must be a number, 1 to 64");
    expect_refused(ARGS("-p", "99999999999999999999999"),
                   "-p 99999999999999999999999: port must be a number, 0 to 65535");
    expect_refused(ARGS("-m", "1"), "-m 1: memory-limit must be 2 or more");
}

static void test_sizes_and_modes(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    assert_int_equal(parse(&f, ARGS("-I", "1024m")), ERR_NONE);
    assert_int_equal(f.settings.item_max, 1 << 30);
    assert_int_equal(parse(&f, ARGS("-I", "1500")), ERR_NONE);
    assert_int_equal(f.settings.item_max, 1500);
    end(&f);
    expect_refused(ARGS("-I", "1023"), "-I 1023: max-item-size must be 1k to 1g");
    expect_refused(ARGS("-I", "2g"), "-I 2g: max-item-size must be 1k to 1g");
    expect_refused(ARGS("-I", "big"),
                   "-I big: max-item-size must be bytes, or a number with k, m or g behind it, 1k to 1g");
    expect_refused(ARGS("--idle=0"), "--idle 0: idle must be 1 or more");
    expect_refused(ARGS("-a", "888"), "-a 888: unix-mask must be an access mode in octal, 0 to 777");
    expect_refused(ARGS("-a", "1777"), "-a 1777: unix-mask must be an access mode in octal, 0 to 777");
    expect_refused(ARGS("-a", ""), "-a : unix-mask must be an access mode in octal, 0 to 777");
}

static void test_unknown_options_name_the_nearest(void **state)
{
    (void)state;
    expect_refused(ARGS("--mermory"), "unknown option --mermory; did you mean --memory-limit?");
    expect_refused(ARGS("--prot=1"), "unknown option --prot; did you mean --port?");
    expect_refused(ARGS("--verb"), "unknown option --verb; did you mean --verbose?");
    expect_refused(ARGS("--maxitemsize"), "unknown option --maxitemsize; did you mean --max-item-size?");
    expect_refused(ARGS("--evict"), "unknown option --evict; --help lists them all");
    expect_refused(ARGS("--x"), "unknown option --x; --help lists them all");
    expect_refused(ARGS("-port", "1"), "unknown option -port; did you mean --port?");
    expect_refused(ARGS("-dq"), "unknown option -q; --help lists them all");
}

static void test_values_where_none_belong_and_none_where_one_does(void **state)
{
    (void)state;
    expect_refused(ARGS("-p"), "-p: needs a value, <num>");
    expect_refused(ARGS("--port"), "--port: needs a value, <num>");
    expect_refused(ARGS("--daemon=yes"), "--daemon: takes no value, but was given 'yes'");
    expect_refused(ARGS("11211"), "'11211' is no option and belongs to none; --help lists them all");
    expect_refused(ARGS("-e", "3"), "-e 3: must be even, such as 4");
}

static void test_a_name_without_end_overruns_nothing(void **state)
{
    (void)state;
    char name[4096] = "--";
    memset(name + 2, 'm', sizeof name - 3);
    name[sizeof name - 1] = '\0';
    struct fixture f;
    begin(&f);
    assert_int_equal(parse(&f, ARGS(name)), ERR_USAGE);
    assert_true(strlen(f.set.error) < 200);
    name[1] = 'u';
    assert_int_equal(parse(&f, ARGS(name)), ERR_NONE);
    assert_int_equal(strlen(f.settings.user), sizeof name - 3);
    name[1] = 't';
    assert_int_equal(parse(&f, ARGS(name)), ERR_USAGE);
    assert_true(strlen(f.set.error) < 200);
    end(&f);
}

static void test_ignored_options_leave_a_note(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    assert_int_equal(parse(&f, ARGS("-dL", "--logfile", "/var/log/x", "-v")), ERR_NONE);
    assert_true(f.settings.daemon);
    assert_int_equal(f.settings.verbose, 1);
    assert_int_equal(f.set.notes.n, 2);
    assert_null(f.settings.buffer);
    assert_string_equal(f.set.notes.items[0], "-L: accepted and ignored: the system decides");
    assert_string_equal(f.set.notes.items[1],
                        "--logfile /var/log/x: accepted and ignored: messages go to stderr");
    assert_int_equal(parse(&f, ARGS("--buffer", "8", "--buffer=16")), ERR_NONE);
    assert_string_equal(f.set.notes.items[3], "--buffer 16: accepted and ignored: there is none");
    assert_string_equal(f.settings.buffer, "16"); /* to be shown */
    end(&f);
}

static void test_words(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(option_init(&f.set, tool_rows, N_OF(tool_rows), &f.settings), ERR_NONE);
    assert_int_equal(parse(&f, ARGS("one", "-v", "-", "--", "-v", "--port")), ERR_NONE);
    assert_int_equal(f.settings.verbose, 1);
    assert_int_equal(f.settings.words.n, 4);
    assert_string_equal(f.settings.words.items[1], "-");
    assert_string_equal(f.settings.words.items[3], "--port");
    assert_int_equal(parse_text(&f, "-v five\n"), ERR_USAGE); /* a file has none */
    assert_int_equal(f.settings.words.n, 4);
    end(&f);
}

static void test_two_sets_side_by_side(void **state)
{
    (void)state;
    struct fixture a;
    struct fixture b;
    begin(&a);
    begin(&b);
    assert_int_equal(parse(&a, ARGS("-p", "1", "-l", "a", "-u", "a")), ERR_NONE);
    assert_int_equal(parse(&b, ARGS("-p", "2", "-l", "b", "-p", "x")), ERR_USAGE);
    assert_int_equal(a.settings.port, 1);
    assert_int_equal(b.settings.port, 2);
    assert_string_equal(a.set.error, "");
    end(&b);
    assert_string_equal(a.settings.listen.items[0], "a");
    end(&a);
}

/* Debian's file, its comments shortened. */
static void test_debians_memcached_conf(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    assert_int_equal(parse_text(&f, "# memcached default config file\n"
                                    "\n"
                                    "-d\n"
                                    "logfile /var/log/memcached.log\n"
                                    "# -v\n"
                                    "-m 64\n"
                                    "-p 11212\r\n"
                                    "-u memcache\n"
                                    "  -l 127.0.0.1   # loopback\n"
                                    "-l ::1\n"
                                    "-v -v -t 2 # several in a line, as Debian's script takes them\n"
                                    "--unix-socket='/run/a b#c'\n"
                                    "max-item-size = 2m"),
                     ERR_USAGE); /* no blanks around the equals sign */
    assert_string_equal(strchr(f.set.error, ':'),
                        ":13: max-item-size =: max-item-size must be bytes, or a number with k, m or g "
                        "behind it, 1k to 1g");
    assert_true(f.settings.daemon);
    assert_int_equal(f.set.notes.n, 1);
    assert_int_equal(f.settings.port, 11212);
    assert_string_equal(f.settings.user, "memcache");
    assert_int_equal(f.settings.listen.n, 2);
    assert_int_equal(f.settings.verbose, 2);
    assert_int_equal(f.settings.threads, 2);
    assert_string_equal(f.settings.socket, "/run/a b#c");
    end(&f);
}

static void test_mistakes_in_a_file_name_the_line(void **state)
{
    (void)state;
    expect_file_refused("-m 64\n\n-t 0\n", "3: -t 0: threads must be 1 to 64");
    expect_file_refused("--prot 1\n", "1: unknown option --prot; did you mean --port?");
    expect_file_refused("logfle /x\n", "1: unknown option logfle; did you mean --logfile?");
    expect_file_refused("-m 64\n-p\n", "2: -p: needs a value, <num>");
    expect_file_refused("-p 1 2\n", "1: '2' is no option and belongs to none; --help lists them all");
    expect_file_refused("-u \"carol\n", "1: a quote is opened and not closed");
    expect_file_refused("\"\"\n", "1: unknown option ; --help lists them all");
}

static void test_lines_of_a_file_are_bounded(void **state)
{
    (void)state;
    char text[OPTION_LINE_MAX + 8];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    expect_file_refused(text, "1: the line is longer than 4094 bytes");
    text[0] = '#';
    text[OPTION_LINE_MAX - 2] = '\n';
    text[OPTION_LINE_MAX - 1] = '\0';
    struct fixture f;
    begin(&f);
    assert_int_equal(parse_text(&f, text), ERR_NONE);
    end(&f);
    for (size_t i = 0; i + 1 < 400; i += 2)
        memcpy(text + i, "v ", 2);
    memcpy(text + 400, "\n", 2);
    expect_file_refused(text, "1: more than 64 words; write one option a line");
}

static void test_files_that_cannot_be_read(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    assert_int_equal(option_parse_file(&f.set, "/tmp/test_option.none/x"), ERR_SYSTEM);
    assert_string_equal(f.set.error,
                        "config file /tmp/test_option.none/x cannot be read: No such file or directory");
    assert_int_equal(option_parse_file(&f.set, "/tmp"), ERR_SYSTEM);
    assert_string_equal(f.set.error, "config file /tmp cannot be read: Is a directory");
    end(&f);
}

static void test_a_file_counts_where_it_is_named(void **state)
{
    (void)state;
    struct fixture f;
    char *path = write_file("-p 2\n-t 2\n");
    begin(&f);
    assert_int_equal(parse(&f, ARGS("-p1", "-t1", "--config", path, "-t3")), ERR_NONE);
    assert_int_equal(f.settings.port, 2);
    assert_int_equal(f.settings.threads, 3);
    assert_int_equal(parse(&f, ARGS("--config", path, "-t0")), ERR_USAGE);
    assert_string_equal(f.set.error, "-t 0: threads must be 1 to 64"); /* no file in it any more */
    end(&f);
    unlink(path);
}

static void test_a_file_that_names_itself_ends(void **state)
{
    (void)state;
    struct fixture f;
    char *path = write_file("");
    FILE *file = fopen(path, "w");
    fprintf(file, "config %s\n", path);
    fclose(file);
    begin(&f);
    assert_int_equal(option_parse_file(&f.set, path), ERR_USAGE);
    assert_non_null(strstr(f.set.error, "config files name each other more than 4 deep"));
    end(&f);
    unlink(path);
}

static void test_help(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    option_print_help(daemon_rows, N_OF(daemon_rows), out);
    fclose(out);
    assert_non_null(strstr(text, "-p, --port=<num>          TCP port to listen on (default: 11211)\n"));
    assert_non_null(strstr(text, "-d, --daemon              run as a daemon\n"));
    assert_non_null(strstr(text, "    --idle=<size>         no upper limit (default: 5)\n"));
    assert_non_null(strstr(text, "-e <num>                  an even number\n"));
    assert_non_null(strstr(text, "-I, --max-item-size=<num> adjusts"));
    assert_non_null(strstr(text, "at least 1k and at most 1024m\n"
                                 "                          (default: 1m)\n"));
    assert_non_null(strstr(text, "-L, --enable-largepages   accepted and ignored: the system decides\n"));
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 79);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_way_to_write),
        cmocka_unit_test(test_lists_grow_and_lose_their_default),
        cmocka_unit_test(test_a_value_may_look_like_an_option),
        cmocka_unit_test(test_numbers_are_held_to_their_range),
        cmocka_unit_test(test_sizes_and_modes),
        cmocka_unit_test(test_unknown_options_name_the_nearest),
        cmocka_unit_test(test_values_where_none_belong_and_none_where_one_does),
        cmocka_unit_test(test_a_name_without_end_overruns_nothing),
        cmocka_unit_test(test_ignored_options_leave_a_note),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_two_sets_side_by_side),
        cmocka_unit_test(test_debians_memcached_conf),
        cmocka_unit_test(test_mistakes_in_a_file_name_the_line),
        cmocka_unit_test(test_lines_of_a_file_are_bounded),
        cmocka_unit_test(test_files_that_cannot_be_read),
        cmocka_unit_test(test_a_file_counts_where_it_is_named),
        cmocka_unit_test(test_a_file_that_names_itself_ends),
        cmocka_unit_test(test_help),
    };
    return cmocka_run_group_tests_name("option", tests, NULL, NULL);
}
