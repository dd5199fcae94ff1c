/* Holds the promise of cli/doctor_conf.h: lines and words are as Apache cuts them, and any bytes do no harm. */
#include "unit.h"

#include <stdio.h>

#include "cli/doctor_conf.h"
#include "guard.h"

enum { SAID_MAX = 16384 };

struct said {
    char text[SAID_MAX];
    size_t len;
};

static void say_line(void *arg, const struct doctor_conf_line *line)
{
    struct said *said = arg;
    said->len +=
        (size_t)snprintf(said->text + said->len, SAID_MAX - said->len, "%u%c", line->line, " <>"[line->kind]);
    for (size_t i = 0; i < line->n; i++)
        said->len += (size_t)snprintf(said->text + said->len, SAID_MAX - said->len, "%s|", line->words[i]);
    for (size_t i = line->n; i < DOCTOR_CONF_WORDS_MAX; i++)
        assert_string_equal(line->words[i], "");
    assert_true(said->len < SAID_MAX);
}

static const char *read_all(struct said *said, const char *text, size_t len)
{
    *said = (struct said){0};
    struct guard guard = guard_open(len);
    doctor_conf_read((struct bytes){.p = guard_place(&guard, text, len), .len = len}, say_line, said);
    guard_close(&guard);
    return said->text;
}

static void test_lines(void **state)
{
    (void)state;
    struct said said;
    const char *text = "# comment\n"
                       "<VirtualHost *:80>\n"
                       "\tServerName shop.example # no comment\n"
                       "    php_value session.save_path \"tcp://h:1 \\\"x\\\"\"\r\n"
                       "  php_admin_flag 'session.use_strict_mode' on\n"
                       "\n"
                       "DocumentRoot \\\n"
                       "   /var/www\n"
                       "</VirtualHost>\n"
                       "<IfModule mod_php.c>";
    assert_string_equal(read_all(&said, text, strlen(text)),
                        "2<VirtualHost|*:80|3 ServerName|shop.example|#|no|comment|"
                        "4 php_value|session.save_path|tcp://h:1 \"x\"|"
                        "5 php_admin_flag|session.use_strict_mode|on|"
                        "7 DocumentRoot|/var/www|9>VirtualHost|10<IfModule|mod_php.c|");
}

static void test_limits(void **state)
{
    (void)state;
    struct said said;
    const char *words = "a b c d e f g h i j\nk\n";
    assert_string_equal(read_all(&said, words, strlen(words)), "1 a|b|c|d|e|f|g|h|2 k|");
    char text[3 * DOCTOR_CONF_LINE_MAX];
    memset(text, 'x', sizeof text);
    read_all(&said, text, sizeof text);
    assert_int_equal(said.len, strlen("1 |") + DOCTOR_CONF_LINE_MAX - 1);
    memset(text, '\\', sizeof text);
    read_all(&said, text, sizeof text);
}

static void test_any_end(void **state)
{
    (void)state;
    struct said said;
    const char *all = "<A \"b c\">\r\n x 'y\\'z' \\\n w\n</A>\n#\n";
    for (size_t len = 0; len <= strlen(all); len++)
        read_all(&said, all, len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_any_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
