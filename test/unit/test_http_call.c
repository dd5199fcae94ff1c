/*
 * Promises of http/call.h: text of clients as JSON, whatever bytes it has.
 */
#include "unit.h"

#include "http/call.h"

#include <stdlib.h>

#define UNKNOWN "\xEF\xBF\xBD"

static void shows(const char *text, size_t len, const char *expected)
{
    char *own = malloc(len); /* flush against what the address sanitizer watches */
    memcpy(own, text, len);
    json_t *json = call_string((struct bytes){.p = own, .len = len});
    free(own);
    assert_non_null(json);
    if (strcmp(json_string_value(json), expected) != 0)
        fail_msg("'%s' is shown as '%s'", expected, json_string_value(json));
    json_decref(json);
}

static void unicode_as_it_is(void **state)
{
    (void)state;
    static const char *const texts[] = {"a",
                                        "user:42",
                                        "\"\\/",
                                        "Gr\xC3\xBC\xC3\x9F"
                                        "e",
                                        "\xE6\x97\xA5\xE6\x9C\xAC",
                                        "\xF0\x9F\x98\x80",
                                        "\xF4\x8F\xBF\xBF",
                                        "\xED\x9F\xBF",
                                        "\xEE\x80\x80",
                                        "\x01\x1F\x7F",
                                        "\xE0\xA0\x80",
                                        "\xC2\x80"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        shows(texts[i], strlen(texts[i]), texts[i]);
    json_t *empty = call_string((struct bytes){0});
    assert_string_equal(json_string_value(empty), "");
    json_decref(empty);
}

/* Each byte that is none by itself, and what is behind it all the same. */
static void the_rest_as_unknown(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } rows[] = {
        {"\x80", UNKNOWN},
        {"a\xFF"
         "b",
         "a" UNKNOWN "b"},
        {"\xC3", UNKNOWN},
        {"\xC3(", UNKNOWN "("},
        {"\xE6\x97", UNKNOWN UNKNOWN},
        {"\xE6\x97x", UNKNOWN UNKNOWN "x"},
        {"\xF0\x9F\x98", UNKNOWN UNKNOWN UNKNOWN},
        {"\xC0\xAF", UNKNOWN UNKNOWN}, /* overlong */
        {"\xC1\xBF", UNKNOWN UNKNOWN},
        {"\xE0\x9F\xBF", UNKNOWN UNKNOWN UNKNOWN},
        {"\xF0\x8F\xBF\xBF", UNKNOWN UNKNOWN UNKNOWN UNKNOWN},
        {"\xED\xA0\x80", UNKNOWN UNKNOWN UNKNOWN},             /* half a surrogate pair */
        {"\xF4\x90\x80\x80", UNKNOWN UNKNOWN UNKNOWN UNKNOWN}, /* beyond U+10FFFF */
        {"\xF5\x80\x80\x80", UNKNOWN UNKNOWN UNKNOWN UNKNOWN},
        {"\xFF\xC3\xBC", UNKNOWN "\xC3\xBC"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        shows(rows[i].text, strlen(rows[i].text), rows[i].expected);
}

/* Every two bytes, and three of all kinds: there is always a text. */
static void any_bytes_have_one(void **state)
{
    (void)state;
    static const unsigned char kinds[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1,
                                          0xC2, 0xDF, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF};
    char text[4];
    for (unsigned i = 0; i < 1U << 16; i++) {
        text[0] = (char)(i >> 8);
        text[1] = (char)i;
        json_t *json = call_string((struct bytes){.p = text, .len = 2});
        assert_non_null(json);
        json_decref(json);
    }
    const size_t n = sizeof kinds;
    for (size_t i = 0; i < n * n * n * n; i++) {
        text[0] = (char)kinds[i % n];
        text[1] = (char)kinds[i / n % n];
        text[2] = (char)kinds[i / n / n % n];
        text[3] = (char)kinds[i / n / n / n];
        json_t *json = call_string((struct bytes){.p = text, .len = 4});
        char *dumped = json_dumps(json, JSON_ENCODE_ANY);
        assert_non_null(dumped);
        free(dumped);
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unicode_as_it_is),
        cmocka_unit_test(the_rest_as_unknown),
        cmocka_unit_test(any_bytes_have_one),
    };
    return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
