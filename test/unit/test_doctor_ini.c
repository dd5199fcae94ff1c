/*
 * Holds the promise of cli/doctor_ini.h: values are what PHP 8.2 makes of them, and a file is given up where PHP does.
 * What is expected here was taken from PHP: `php -c FILE -r 'var_dump(get_cfg_var("k"));'`.
 */
#include "unit.h"

#include <stdio.h>

#include "cli/doctor_ini.h"
#include "guard.h"

enum { SAID_MAX = 8192 };

struct said {
    char text[SAID_MAX];
    size_t len;
    bool is_cut;
    bool is_sum;
};

static void say(struct said *said, struct bytes bytes)
{
    assert_true(said->len + bytes.len < SAID_MAX);
    if (bytes.len > 0)
        memcpy(said->text + said->len, bytes.p, bytes.len);
    said->len += bytes.len;
    said->text[said->len] = '\0';
}

static void say_entry(void *arg, const struct doctor_ini_entry *entry)
{
    struct said *said = arg;
    char line[16];
    snprintf(line, sizeof line, "%u:", entry->line);
    say(said, bytes_of(line));
    say(said, entry->section);
    say(said, bytes_of("/"));
    say(said, entry->name);
    if (entry->offset.p != NULL) {
        say(said, bytes_of("["));
        say(said, entry->offset);
        say(said, bytes_of("]"));
    }
    say(said, bytes_of("="));
    say(said, entry->value);
    say(said, bytes_of("|"));
    said->is_cut |= entry->is_cut;
    said->is_sum |= entry->is_sum;
}

static const char *variable(void *arg, const char *name)
{
    (void)arg;
    return strcmp(name, "HOME") == 0 ? "/root" : NULL;
}

/* Reads `text`; 0, or the line where it was given up. */
static unsigned read_into(struct said *said, const char *text, size_t len)
{
    *said = (struct said){0};
    struct guard guard = guard_open(len);
    struct doctor_ini_events events = {.each = say_entry, .variable = variable, .arg = said};
    unsigned line = 0;
    bool is_good =
        doctor_ini_read((struct bytes){.p = guard_place(&guard, text, len), .len = len}, &events, &line);
    assert_true(is_good == (line == 0));
    guard_close(&guard);
    return line;
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *expected;
    } rows[] = {
        {"tcp://127.0.0.1:11211?x", "tcp://127.0.0.1:11211?x"},
        {"\"a\" b ; c", "ab"},
        {"'a;b' \"c;d\" e", "a;bc;de"},
        {"a;b", "a"},
        {"\"a\\\"b\\\\c\\n\"", "a\"b\\c\\n"},
        {"\"tcp://h:1?a=b&c=d\"", "tcp://h:1?a=b&c=d"},
        {"None", ""},
        {"yes", "1"},
        {"onx", "onx"},
        {"${HOME}/x", "/root/x"},
        {"\"${HOME}/${NOPE}\"", "/root/"},
        {"5 | 2", "7"},
        {"7 & ~2", "5"},
        {"a&b", "0"},
        {"!1", "0"},
        {"(1|2)^3", "0"},
        {"q w   ", "q w"},
        {"a$b", "a$b"},
        {"a{b}", "a{b}"},
        {"q # x", "q # x"},
        {"", ""},
        {"''", ""},
        {"\"\"", ""},
        {"\t \"x\"\t", "x"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct said said;
        char text[256];
        char expected[256];
        int len = snprintf(text, sizeof text, "k = %s\nlast=1\n", rows[i].value);
        snprintf(expected, sizeof expected, "1:/k=%s|2:/last=1|", rows[i].expected);
        assert_int_equal(read_into(&said, text, (size_t)len), 0);
        assert_string_equal(said.text, expected);
    }
}

static void test_files(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } rows[] = {
        {"; a\n\n[ www ]\nuser = www-data\nphp_value[session.name] = X ; y\n",
         "4:www/user=www-data|5:www/php_value[session.name]=X|"},
        {"k = \"a\nb\"\nj=1", "1:/k=a\nb|3:/j=1|"},
        {"k=1\r\nj=2\rl=3\r\n", "1:/k=1|2:/j=2|3:/l=3|"},
        {"alone\nk=2\n", "2:/k=2|"},
        {"# k = 1\n", "1:/# k=1|"},
        {"session.save_path : q\nk=1\n", "2:/k=1|"},
        {"\xEF\xBB\xBFk=1\n", "1:/k=1|"},
        {"[PATH=/srv]\nk=1\n", "2:PATH=/srv/k=1|"},
        {"k[ \"a\" ] = 1\nk[] = 2\n", "1:/k[a]=1|2:/k[]=2|"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct said said;
        assert_int_equal(read_into(&said, rows[i].text, strlen(rows[i].text)), 0);
        assert_string_equal(said.text, rows[i].expected);
    }
}

static void test_where_php_gives_up(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned line;
        const char *expected;
    } rows[] = {
        {"k = tcp://h:1?persistent=1\nj=1\n", 1, "1:/k=tcp://h:1?persistent|"},
        {"j=1\nk = on b\n", 2, "1:/j=1|2:/k=1|"},
        {"k = b on\nj=1\n", 1, "1:/k=b |"},
        {"k = a!b\nj=1\n", 1, "1:/k=a|"},
        {"k = a(b)\n", 1, "1:/k=a|"},
        {"j=1\nk = \"a\nl=2\n", 4, "1:/j=1|"},
        {"[foo\nk=1\n", 1, ""},
        {"# foo (bar)\nk=1\n", 1, ""},
        {"k = = b\n", 1, "1:/k=|"},
        {"k = 1 |\n", 1, ""},
        {"k = ${HOME\n", 1, ""},
        {"= 1\n", 1, ""},
        {"k = 'a\nj=1\n", 1, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct said said;
        assert_int_equal(read_into(&said, rows[i].text, strlen(rows[i].text)), rows[i].line);
        assert_string_equal(said.text, rows[i].expected);
    }
}

static void test_marks_of_missing_quotes(void **state)
{
    (void)state;
    struct said said;
    read_into(&said, "k = 5;/srv\n", 11);
    assert_true(said.is_cut && !said.is_sum);
    read_into(&said, "k = 5 ; five\n", 13);
    assert_false(said.is_cut);
    read_into(&said, "k = \"5\";five\n", 13);
    assert_false(said.is_cut);
    read_into(&said, "k = a&b\n", 8);
    assert_true(said.is_sum);
}

static void test_any_end_and_depth(void **state)
{
    (void)state;
    struct said said;
    const char *all = "[s]\r\nk = \"a${HOME}\\\"\" 'q' b$c & ~(1|2) ; x\nl[ \"o\" ] = on\n";
    for (size_t len = 0; len <= strlen(all); len++)
        read_into(&said, all, len);
    char deep[1000] = "k = ";
    memset(deep + 4, '(', sizeof deep - 4);
    assert_int_equal(read_into(&said, deep, sizeof deep), 1);
    char *text = malloc(3 + 2 * DOCTOR_INI_VALUE_MAX);
    memset(text, 'x', 3 + 2 * DOCTOR_INI_VALUE_MAX);
    memcpy(text, "k=", 2);
    assert_int_equal(read_into(&said, text, 2 + 2 * DOCTOR_INI_VALUE_MAX), 0);
    assert_int_equal(said.len, strlen("1:/k=|") + DOCTOR_INI_VALUE_MAX);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_where_php_gives_up),
        cmocka_unit_test(test_marks_of_missing_quotes),
        cmocka_unit_test(test_any_end_and_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
