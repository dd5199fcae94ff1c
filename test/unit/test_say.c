/*
 * Holds the promise of server/say.h: one line an event, whatever the values; none can pose as a line or a key; what is too
 * long is cut off and still one line.
 */
#include "server/say.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *line_of(struct say *say, const char *value)
{
    say_begin(say, SAY_WARNING, "event", true, 0);
    say_add(say, "key", "%s", value);
    say_end(say);
    assert_true(say->len < sizeof say->text);
    say->text[say->len] = '\0';
    return say->text;
}

static void values_are_quoted_when_they_must_be(void **state)
{
    (void)state;
    static const struct {
        const char *value, *shown;
    } rows[] = {
        {"plain", "plain"},
        {"127.0.0.1:11211", "127.0.0.1:11211"},
        {"", "\"\""},
        {"two words", "\"two words\""},
        {"a=b", "\"a=b\""},
        {"say \"hi\"", "\"say \\\"hi\\\"\""},
        {"back\\slash", "\"back\\\\slash\""},
        {"line\n<0>level=emergency", "\"line\\x0a<0>level=emergency\""},
        {"bell\a\x7f", "\"bell\\x07\\x7f\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct say say;
        char wanted[200];
        snprintf(wanted, sizeof wanted, "<4>level=warning event=event key=%s\n", rows[i].shown);
        assert_string_equal(line_of(&say, rows[i].value), wanted);
    }
}

static void a_time_stands_in_front_when_there_is_no_journal(void **state)
{
    (void)state;
    struct say say;
    say_begin(&say, SAY_DEBUG, "e", false, 1795602600123U);
    say_end(&say);
    const char *wanted = "ts=2026-11-25T10:30:00.123Z level=debug event=e\n";
    assert_int_equal(say.len, strlen(wanted));
    assert_memory_equal(say.text, wanted, say.len);
}

static void what_is_too_long_is_still_one_line(void **state)
{
    (void)state;
    static char value[3 * SAY_MAX];
    for (size_t len = SAY_VALUE_MAX / 8; len < sizeof value; len += 97) {
        for (int c = 0; c < 3; c++) {
            struct say say;
            memset(value, "a \n"[c], len);
            value[len] = '\0';
            say_begin(&say, SAY_INFO, "e", false, 0);
            for (int i = 0; i < 5; i++)
                say_add(&say, "key", "%s", value);
            say_end(&say);
            assert_true(say.len <= sizeof say.text);
            assert_ptr_equal(memchr(say.text, '\n', say.len), say.text + say.len - 1);
            size_t quotes = 0;
            for (size_t i = 0; i < say.len; i++)
                quotes += say.text[i] == '"';
            assert_int_equal(quotes % 2, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_quoted_when_they_must_be),
        cmocka_unit_test(a_time_stands_in_front_when_there_is_no_journal),
        cmocka_unit_test(what_is_too_long_is_still_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
