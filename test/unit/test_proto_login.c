/*
 * Promise (login.h): before somebody has logged in nothing else is a request, in either dialect; what he says is
 * bounded; it is answered as memcached 1.6 does, however the bytes are cut.
 */
#include "test_proto_play.h"

enum { HEADER = 24 };

#define NO     "CLIENT_ERROR unauthenticated\r\n"
#define S50    "                                                  "
#define X50    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X500   X50 X50 X50 X50 X50 X50 X50 X50 X50 X50
#define X2000  X500 X500 X500 X500
#define FAILED "CLIENT_ERROR authentication failure\r\n"
#define FORMAT "CLIENT_ERROR bad authentication token format\r\n"

static const struct text_row {
    const char *stream;
    const char *answers;
} text_rows[] = {
    {"set a 0 0 3\r\nu p\r\nget hit\r\n", "STORED\r\nVALUE hit 7 5\r\nhello\r\nEND\r\n"},
    {"get hit\r\nversion\r\nquit\r\n\r\nmn\r\nstats\r\n", NO NO NO NO NO NO},
    {"set a 0 0 3\r\nu q\r\nget hit\r\nset a 0 0 3\r\nu p\r\nmn\r\n", FAILED NO "STORED\r\nMN\r\n"},
    {"set a 0 0 3 noreply\r\nu p\r\nmn\r\n", "STORED\r\nMN\r\n"},
    {"set a b c 3\r\nu p\r\nmn\r\n", "STORED\r\nMN\r\n"},
    {"set  a 0 0 3\nu p\r\nmn\r\n", "STORED\r\nMN\r\n"},
    {"set a 0 0 7\r\n u  p x\r\nmn\r\n", "STORED\r\nMN\r\n"},
    {"set a 0 0 1\r\nu\r\nset a 0 0 0\r\n\r\n", FORMAT FORMAT},
    {"set a 0 0 5\r\nu p\r\nX\r\n", "CLIENT_ERROR bad command line termination\r\n" NO},
    {"set a 0 0 x\r\nset a 0 0 -3\r\nset a 0 0\r\nadd a 0 0 3\r\nsett a 0 0 3\r\n", NO NO NO NO NO},
    {"set a 0 0 4294967295\r\n" X500, "CLIENT_ERROR auth token too long\r\n"},
    {"set a 0 0 2049\r\n" X2000 X50 "\nmn\r\n", "CLIENT_ERROR auth token too long\r\n" NO},
    {X2000 X50, "CLIENT_ERROR line too long\r\n"},
    {"\x80\x0b\n", NO},
};

static void test_text_every_way(void **state)
{
    (void)state;
    struct guard guard = guard_open(PLAY_ROOM);
    play_proto = (struct proto){.value_max = PLAY_VALUE_MAX, .auth = AUTH_WANTED, .dialect = DIALECT_LOGIN};
    for (size_t i = 0; i < sizeof text_rows / sizeof *text_rows; i++) {
        struct play whole;
        play_every_way(&guard, text_rows[i].stream, strlen(text_rows[i].stream), &whole);
        assert_string_equal(whole.answers_text, text_rows[i].answers);
        play_close(&whole);
    }
    guard_close(&guard);
}

/* Packets: opcode, key, value with dots for zeros. */
struct packet {
    uint8_t opcode;
    const char *key;
    const char *value;
};

static size_t put_packet(char *out, const struct packet *packet)
{
    size_t key_len = strlen(packet->key);
    size_t value_len = strlen(packet->value);
    memset(out, 0, HEADER);
    out[0] = (char)0x80;
    out[1] = (char)packet->opcode;
    bytes_put_be16(out + 2, (uint16_t)key_len);
    bytes_put_be32(out + 8, (uint32_t)(key_len + value_len));
    memcpy(out + HEADER, packet->key, key_len);
    for (size_t i = 0; i < value_len; i++)
        out[HEADER + key_len + i] = packet->value[i] == '.' ? '\0' : packet->value[i];
    return HEADER + key_len + value_len;
}

/* Each answer as "opcode:status:words ". */
static void assert_answers(const struct play *play, const char *expected)
{
    char text[1024] = "";
    for (size_t at = 0; at < play->answers_len;) {
        const char *p = play->answers_text + at;
        size_t body_len = bytes_get_be32(p + 8);
        char one[256];
        snprintf(one, sizeof one, "%02x:%02x:%.*s ", (unsigned char)p[1], bytes_get_be16(p + 6),
                 (int)body_len, p + HEADER);
        strcat(text, one);
        at += HEADER + body_len;
    }
    assert_string_equal(text, expected);
}

enum { AUTH = 0x21, STEP = 0x22, LIST = 0x20, VERSION = 0x0b, NOOP = 0x0a };

static const struct binary_row {
    struct packet packets[4];
    const char *answers;
    bool closes;
} binary_rows[] = {
    {{{AUTH, "PLAIN", ".u.p"}, {NOOP, "", ""}}, "21:00:Authenticated 0a:00: ", false},
    {{{AUTH, "plain", "u.u.p"}, {NOOP, "", ""}}, "21:00:Authenticated 0a:00: ", false},
    {{{VERSION, "", ""}, {LIST, "", ""}}, "0b:00:1.2.3 20:00:PLAIN ", false},
    {{{NOOP, "", ""}}, "0a:20:Auth failure. ", true},
    {{{0x09, "hit", ""}}, "09:20:Auth failure. ", true},
    {{{0x07, "", ""}}, "07:20:Auth failure. ", true},
    {{{0x99, "", ""}}, "99:20:Auth failure. ", true},
    {{{AUTH, "PLAIN", ".u.q"}, {VERSION, "", ""}, {NOOP, "", ""}},
     "21:20:Auth failure. 0b:00:1.2.3 0a:20:Auth failure. ",
     true},
    {{{AUTH, "PLAIN", ".u.p"}, {AUTH, "PLAIN", ".u.q"}, {NOOP, "", ""}},
     "21:00:Authenticated 21:20:Auth failure. 0a:20:Auth failure. ",
     true},
    {{{AUTH, "PLAIN", "x.u.p"}, {AUTH, "PLAIN", "u.p"}, {AUTH, "PLAIN", "up"}},
     "21:20:Auth failure. 21:20:Auth failure. 21:20:Auth failure. ",
     false},
    {{{AUTH, "PLAINER", ".u.p"}, {AUTH, "CRAM-MD5", ""}}, "21:20:Auth failure. 21:20:Auth failure. ", false},
    {{{AUTH, "PLAIN", ""}, {STEP, "PLAIN", ".u.p"}, {NOOP, "", ""}},
     "21:21: 22:00:Authenticated 0a:00: ",
     false},
    {{{STEP, "PLAIN", ".u.p"}}, "22:20:Auth failure. ", false},
    {{{AUTH, "PLAIN", ""}, {AUTH, "PLAIN", ".u.q"}, {STEP, "PLAIN", ".u.p"}},
     "21:21: 21:20:Auth failure. 22:20:Auth failure. ",
     false},
    {{{AUTH, "P12345678901234567890123456789012", ".u.p"}, {VERSION, "", ""}},
     "21:04:Invalid arguments 0b:00:1.2.3 ",
     false},
    {{{AUTH, "PLAIN", X2000 X50}, {VERSION, "", ""}}, "21:82:Out of memory 0b:00:1.2.3 ", false},
    {{{AUTH, "", ""}}, "21:04:Invalid arguments ", true},
    {{{LIST, "k", ""}}, "20:04:Invalid arguments ", true},
};

static void test_binary_every_way(void **state)
{
    (void)state;
    struct guard guard = guard_open(PLAY_ROOM);
    play_proto = (struct proto){.value_max = PLAY_VALUE_MAX, .auth = AUTH_WANTED};
    for (size_t i = 0; i < sizeof binary_rows / sizeof *binary_rows; i++) {
        char stream[4096];
        size_t len = 0;
        for (size_t n = 0; n < 4 && binary_rows[i].packets[n].opcode != 0; n++)
            len += put_packet(stream + len, &binary_rows[i].packets[n]);
        struct play whole;
        play_every_way(&guard, stream, len, &whole);
        assert_answers(&whole, binary_rows[i].answers);
        assert_int_equal(whole.closed, binary_rows[i].closes);
        play_close(&whole);
    }
    guard_close(&guard);
}

/* Judged by the header alone: who may not ask need not be read to the end. */
static void test_nothing_is_awaited(void **state)
{
    (void)state;
    char head[HEADER] = {(char)0x80, 0x01, 0, 3, 8};
    bytes_put_be32(head + 8, 1000);
    struct proto proto = {.value_max = 1000, .auth = AUTH_WANTED};
    struct request request;
    size_t used;
    size_t need;
    assert_int_equal(proto_next(&proto, head, HEADER, &used, &need, &request), PARSE_REQUEST);
    assert_int_equal(request.refusal, REFUSAL_LOGIN);
    assert_true(request.close);
}

/* With both dialects served, the first byte tells, and text has to log in too. */
static void test_first_byte_tells(void **state)
{
    (void)state;
    struct guard guard = guard_open(PLAY_ROOM);
    static const char stream[] = "get hit\r\nset a 0 0 3\r\nu p\r\nmn\r\n";
    struct play whole;
    play_proto = (struct proto){.value_max = PLAY_VALUE_MAX, .auth = AUTH_WANTED};
    play_every_way(&guard, stream, sizeof stream - 1, &whole);
    assert_string_equal(whole.answers_text, NO "STORED\r\nMN\r\n");
    play_close(&whole);
    guard_close(&guard);
}

static void test_no_buffer_for_a_token(void **state)
{
    (void)state;
    static const char in[] = "set a 0 0 3\r\nu ";
    struct proto proto = {.value_max = 1000, .auth = AUTH_WANTED, .dialect = DIALECT_LOGIN};
    struct request request;
    size_t used;
    size_t need;
    assert_int_equal(proto_next(&proto, in, sizeof in - 1, &used, &need, &request), PARSE_MORE);
    assert_int_equal(need, 13 + 5);
    proto_refuse_value(&proto, in, sizeof in - 1, &used, &request);
    assert_int_equal(request.refusal, REFUSAL_FULL);
    assert_int_equal(proto.skip, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_every_way),        cmocka_unit_test(test_binary_every_way),
        cmocka_unit_test(test_nothing_is_awaited),    cmocka_unit_test(test_first_byte_tells),
        cmocka_unit_test(test_no_buffer_for_a_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
