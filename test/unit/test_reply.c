/*
 * Holds the promise of client/reply.h: each kind of answer is taken apart, a newer server may say more, and what is
 * no answer to a session verb writes nothing.
 */
#include "unit.h"

#include "client/reply.h"

#include <stdio.h>

static void assert_bytes(struct bytes actual, const char *expected)
{
    assert_int_equal(actual.len, strlen(expected));
    assert_memory_equal(actual.p, expected, actual.len);
}

static void test_a_value(void **state)
{
    (void)state;
    struct reply reply;
    assert_int_equal(reply_parse(bytes_of("VA 5 K77-3 c77 f0 t1440 a60 w12 Oq1"), &reply), REPLY_VALUE);
    assert_int_equal(reply.number, 5);
    assert_bytes(reply.token, "77-3");
    assert_bytes(reply.opaque, "q1");
    assert_int_equal(reply.ttl_s, 1440);
    assert_int_equal(reply.age_s, 60);
    assert_int_equal(reply.waited_ms, 12);
    assert_false(reply.is_succeeded);
    assert_int_equal(reply_parse(bytes_of("VA 0 c7 f0 t-1 a0 w0 s Oq2"), &reply), REPLY_VALUE);
    assert_true(reply.is_succeeded);
    assert_int_equal(reply.token.len, 0);
    assert_int_equal(reply.ttl_s, -1);
}

/* With a header added, the largest numbers are small again. */
static void test_no_value_is_longer_than_any_may_be(void **state)
{
    (void)state;
    struct reply reply;
    assert_int_equal(reply_parse(bytes_of("VA 1073741824 c7 f0 O1"), &reply), REPLY_VALUE);
    assert_int_equal(reply.number, 1073741824);
    static const char *const longer[] = {"1073741825", "9223372036854775807", "18446744073709551600",
                                         "18446744073709551615"};
    for (size_t i = 0; i < sizeof longer / sizeof *longer; i++) {
        char line[64];
        snprintf(line, sizeof line, "VA %s c7 f0 O1", longer[i]);
        assert_int_equal(reply_parse(bytes_of(line), &reply), REPLY_NONE);
    }
    assert_int_equal(reply_parse(bytes_of("HD 18446744073709551615 O1"), &reply), REPLY_DONE);
}

static void test_what_a_copy_is_to_have(void **state)
{
    (void)state;
    struct reply reply;
    assert_int_equal(
        reply_parse(bytes_of("VA 5 K7-3 c7 f0 t9 a60 w0 v18446744073709551615 E900 Ga Gb O1"), &reply),
        REPLY_VALUE);
    assert_true(reply.has_revision);
    assert_true(reply.revision == UINT64_MAX);
    assert_int_equal(reply.life_s, 900);
    assert_int_equal(reply.ntags, 2);
    assert_int_equal(reply_parse(bytes_of("NF v65535 O1"), &reply), REPLY_MISSING);
    assert_true(reply.has_revision);
    assert_int_equal(reply_parse(bytes_of("NF O1"), &reply), REPLY_MISSING);
    assert_false(reply.has_revision);
}

static void test_other_codes(void **state)
{
    (void)state;
    struct reply reply;
    assert_int_equal(reply_parse(bytes_of("EN K0-9 w3 O1"), &reply), REPLY_EMPTY);
    assert_bytes(reply.token, "0-9");
    assert_int_equal(reply_parse(bytes_of("EN C7.0.1 O1"), &reply), REPLY_EMPTY);
    assert_bytes(reply.cursor, "7.0.1");
    assert_int_equal(reply_parse(bytes_of("NF"), &reply), REPLY_MISSING);
    assert_int_equal(reply_parse(bytes_of("GN O1"), &reply), REPLY_GONE);
    assert_int_equal(reply_parse(bytes_of("EX O1"), &reply), REPLY_REFUSED);
    assert_int_equal(reply_parse(bytes_of("WT 3"), &reply), REPLY_WAITING);
    assert_int_equal(reply.number, 3);
    assert_int_equal(reply_parse(bytes_of("HD 17 O1"), &reply), REPLY_DONE);
    assert_int_equal(reply.number, 17);
    assert_int_equal(reply_parse(bytes_of("HD c78 K78-3 O1"), &reply), REPLY_DONE);
    assert_bytes(reply.token, "78-3");
    assert_int_equal(reply_parse(bytes_of("BS n4 m1200 hweb1:77:a.php O1"), &reply), REPLY_BUSY);
    assert_int_equal(reply.waiting, 4);
    assert_int_equal(reply.held_ms, 1200);
    assert_bytes(reply.holder, "web1:77:a.php");
}

static void test_a_line_of_a_list(void **state)
{
    (void)state;
    struct reply reply;
    const char *line = "SE 99469aaa180902bc a61 i2 t1440 s112 Ashop n1 m5 hweb1:7 Guser:42 Gadmin";
    assert_int_equal(reply_parse(bytes_of(line), &reply), REPLY_SESSION);
    assert_bytes(reply.handle, "99469aaa180902bc");
    assert_int_equal(reply.size, 112);
    assert_int_equal(reply.idle_s, 2);
    assert_bytes(reply.application, "shop");
    assert_int_equal(reply.ntags, 2);
    assert_bytes(reply.tags[1], "admin");
    assert_true(reply.is_held);
}

static void test_a_newer_server_may_say_more(void **state)
{
    (void)state;
    struct reply reply;
    assert_int_equal(reply_parse(bytes_of("HD z9 Y O1"), &reply), REPLY_DONE);
    assert_bytes(reply.opaque, "1");
}

static void test_what_is_no_answer_writes_nothing(void **state)
{
    (void)state;
    static const char *const lines[] = {"",
                                        "V",
                                        "VALUE k 0 5",
                                        "STORED",
                                        "VA",
                                        "VA x",
                                        "VA 18446744073709551616 K1-1",
                                        "VA 5 tx",
                                        "VA 5 K",
                                        "WT",
                                        "BS n99999999999999999999",
                                        "SE 99 G1 G2 G3 G4 G5 G6 G7 G8 G9",
                                        "ERROR"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct reply reply = {.number = 4711};
        assert_int_equal(reply_parse(bytes_of(lines[i]), &reply), REPLY_NONE);
        assert_int_equal(reply.number, 4711);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value),
        cmocka_unit_test(test_no_value_is_longer_than_any_may_be),
        cmocka_unit_test(test_what_a_copy_is_to_have),
        cmocka_unit_test(test_other_codes),
        cmocka_unit_test(test_a_line_of_a_list),
        cmocka_unit_test(test_a_newer_server_may_say_more),
        cmocka_unit_test(test_what_is_no_answer_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
