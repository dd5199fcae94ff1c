/*
 * Promise (proto.h, binary.h): whatever the bytes and however they are cut, the binary dialect never reads
 * past its input, yields the same requests, judges a header before it waits for a body, and answers as
 * memcached 1.6 does.
 */
#include <time.h>

#include "test_proto_play.h"

enum { HEADER = 24, OPAQUE = 0x0badcafe };

#define K50  "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define K250 K50 K50 K50 K50 K50
#define E4   "\0\0\0\x1e"
#define E8   "\0\0\0\x07" E4
#define E20                                                                                                  \
    "\0\0\0\0\0\0\0\x05"                                                                                     \
    "\0\0\0\0\0\0\0\x63" E4
#define E20N                                                                                                 \
    "\0\0\0\0\0\0\0\x05"                                                                                     \
    "\0\0\0\0\0\0\0\x63"                                                                                     \
    "\xff\xff\xff\xff"

/* A packet to send, the request that is to come of it, and the answer as render() writes it. */
static const struct row {
    uint8_t opcode;
    uint8_t extras_len;
    const char *extras;
    const char *key;
    const char *value;
    uint64_t cas;
    const char *request;
    const char *answer;
} rows[] = {
    {0x00, 0, "", "hit", "", 0, "get key=hit\n", "00 0000 x=00000007 hello cas=9\n"},
    {0x00, 0, "", "a", "", 0, "get key=a\n", "00 0001 Not found\n"},
    {0x00, 0, "", K250, "", 0, "get key=" K250 "\n", "00 0001 Not found\n"},
    {0x09, 0, "", "hit", "", 0, "get key=hit quiet\n", "09 0000 x=00000007 hello cas=9\n"},
    {0x09, 0, "", "a", "", 0, "get key=a quiet\n", ""},
    {0x0c, 0, "", "hit", "", 0, "get key=hit +key\n", "0c 0000 x=00000007 k=hit hello cas=9\n"},
    {0x0c, 0, "", "a", "", 0, "get key=a +key\n", "0c 0001 k=a\n"},
    {0x0d, 0, "", "hit", "", 0, "get key=hit +key quiet\n", "0d 0000 x=00000007 k=hit hello cas=9\n"},
    {0x0d, 0, "", "a", "", 0, "get key=a +key quiet\n", ""},
    {0x1d, 4, E4, "hit", "", 0, "get key=hit exp=30 touch\n", "1d 0000 x=00000007 hello cas=9\n"},
    {0x1e, 4, E4, "a", "", 0, "get key=a exp=30 touch quiet\n", ""},
    {0x23, 4, E4, "a", "", 0, "get key=a exp=30 touch +key\n", "23 0001 k=a\n"},
    {0x24, 4, E4, "hit", "", 0, "get key=hit exp=30 touch +key quiet\n",
     "24 0000 x=00000007 k=hit hello cas=9\n"},
    {0x1c, 4, E4, "k", "", 0, "touch key=k exp=30\n", "1c 0000 x=00000007 cas=5\n"},
    {0x1c, 4, E4, "miss", "", 0, "touch key=miss exp=30\n", "1c 0001 Not found\n"},
    {0x01, 8, E8, "k", "abc", 0, "set key=k value=abc flags=7 exp=30\n", "01 0000 cas=5\n"},
    {0x01, 8, E8, "k", "", 0, "set key=k flags=7 exp=30\n", "01 0000 cas=5\n"},
    {0x01, 8, E8, "exists", "v", 3, "cas key=exists value=v flags=7 exp=30 cas=3\n",
     "01 0002 Data exists for key.\n"},
    {0x11, 8, E8, "k", "abc", 0, "set key=k value=abc flags=7 exp=30 quiet\n", ""},
    {0x11, 8, E8, "full", "v", 0, "set key=full value=v flags=7 exp=30 quiet\n",
     "11 0082 Out of memory allocating item\n"},
    {0x02, 8, E8, "not", "v", 0, "add key=not value=v flags=7 exp=30\n", "02 0002 Data exists for key.\n"},
    {0x12, 8, E8, "not", "v", 0, "add key=not value=v flags=7 exp=30 quiet\n",
     "12 0002 Data exists for key.\n"},
    {0x02, 8, E8, "miss", "v", 1, "cas key=miss value=v flags=7 exp=30 cas=1\n", "02 0001 Not found\n"},
    {0x03, 8, E8, "not", "v", 0, "replace key=not value=v flags=7 exp=30\n", "03 0001 Not found\n"},
    {0x13, 8, E8, "k", "v", 0, "replace key=k value=v flags=7 exp=30 quiet\n", ""},
    {0x0e, 0, "", "not", "v", 0, "append key=not value=v\n", "0e 0005 Not stored.\n"},
    {0x0f, 0, "", "exists", "v", 2, "prepend key=exists value=v cas=2\n", "0f 0002 Data exists for key.\n"},
    {0x19, 0, "", "k", "v", 0, "append key=k value=v quiet\n", ""},
    {0x1a, 0, "", "large", "v", 0, "prepend key=large value=v quiet\n", "1a 0003 Too large.\n"},
    {0x04, 0, "", "k", "", 0, "delete key=k\n", "04 0000\n"},
    {0x04, 0, "", "exists", "", 8, "delete key=exists cas=8\n", "04 0002 Data exists for key.\n"},
    {0x14, 0, "", "k", "", 0, "delete key=k quiet\n", ""},
    {0x14, 0, "", "miss", "", 0, "delete key=miss quiet\n", "14 0001 Not found\n"},
    {0x05, 20, E20, "k", "", 0, "incr key=k delta=5 initial=99 life=30 create\n", "05 0000 6 cas=5\n"},
    {0x06, 20, E20N, "miss", "", 0, "decr key=miss delta=5 initial=99 life=4294967295\n",
     "06 0001 Not found\n"},
    {0x15, 20, E20, "k", "", 0, "incr key=k delta=5 initial=99 life=30 create quiet\n", ""},
    {0x16, 20, E20, "word", "", 0, "decr key=word delta=5 initial=99 life=30 create quiet\n",
     "16 0006 Non-numeric server-side value for incr or decr\n"},
    {0x05, 20, E20, "full", "", 0, "incr key=full delta=5 initial=99 life=30 create\n",
     "05 0082 Out of memory incrementing value\n"},
    {0x08, 0, "", "", "", 0, "flush\n", "08 0000\n"},
    {0x08, 4, E4, "", "", 0, "flush exp=30\n", "08 0000\n"},
    {0x18, 4, E4, "", "", 0, "flush exp=30 quiet\n", ""},
    {0x0a, 0, "", "", "", 0, "noop\n", "0a 0000\n"},
    {0x0b, 0, "", "", "", 0, "version\n", "0b 0000 1.2.3\n"},
    {0x10, 0, "", "", "", 0, "stats\n", "10 0000 k=pid 42\n10 0000\n"},
    {0x10, 0, "", "reset", "", 0, "stats arg=reset\n", "10 0000\n"},
    {0x10, 0, "", "nonsense", "", 0, "stats arg=nonsense\n", "10 0001 Not found\n"},
    /* unknown, with or without a body: the stream goes on */
    {0x20, 0, "", "", "", 0, "refused why=1\n", "20 0081 Unknown command\n"},
    {0x21, 0, "", "PLAIN", "secret", 0, "refused why=1\n", "21 0081 Unknown command\n"},
    {0x1b, 4, E4, "", "", 0, "refused why=1\n", "1b 0081 Unknown command\n"},
    {0xff, 4, E4, "k", "v", 0, "refused why=1\n", "ff 0081 Unknown command\n"},
    /* 101 bytes where 100 are allowed */
    {0x01, 8, E8, "k", K50 K50 "k", 0, "refused why=4\n", "01 0003 Too large.\n"},
    {0x19, 0, "", "k", K50 K50 "k", 0, "refused why=4\n", "19 0003 Too large.\n"},
    /* the end of a connection */
    {0x07, 0, "", "", "", 0, "quit close\n", "07 0000\n"},
    {0x17, 0, "", "", "", 0, "quit quiet close\n", ""},
    {0x00, 0, "", "", "", 0, "refused why=2 close\n", "00 0004 Invalid arguments\n"},
    {0x00, 0, "", K250 "k", "", 0, "refused why=2 close\n", "00 0004 Invalid arguments\n"},
    {0x00, 0, "", "k", "v", 0, "refused why=2 close\n", "00 0004 Invalid arguments\n"},
    {0x01, 0, "", "k", "v", 0, "refused why=2 close\n", "01 0004 Invalid arguments\n"},
    {0x01, 4, E4, "k", "v", 0, "refused why=2 close\n", "01 0004 Invalid arguments\n"},
    {0x05, 8, E8, "k", "", 0, "refused why=2 close\n", "05 0004 Invalid arguments\n"},
    {0x0e, 0, "", "", "v", 0, "refused why=2 close\n", "0e 0004 Invalid arguments\n"},
    {0x0a, 0, "", "", "v", 0, "refused why=2 close\n", "0a 0004 Invalid arguments\n"},
    {0x08, 8, E8, "", "", 0, "refused why=2 close\n", "08 0004 Invalid arguments\n"},
    {0x1c, 4, E4, "k", "v", 0, "refused why=2 close\n", "1c 0004 Invalid arguments\n"},
    {0x07, 0, "", "k", "", 0, "refused why=2 close\n", "07 0004 Invalid arguments\n"},
    {0x10, 0, "", "k", "v", 0, "refused why=2 close\n", "10 0004 Invalid arguments\n"},
};

enum { ROWS = sizeof rows / sizeof *rows };

static size_t put_header(char *out, uint8_t opcode, uint16_t key_len, uint8_t extras_len, uint32_t body_len,
                         uint64_t cas)
{
    memset(out, 0, HEADER);
    out[0] = (char)0x80;
    out[1] = (char)opcode;
    bytes_put_be16(out + 2, key_len);
    out[4] = (char)extras_len;
    bytes_put_be32(out + 8, body_len);
    bytes_put_be32(out + 12, OPAQUE);
    bytes_put_be64(out + 16, cas);
    return HEADER;
}

static size_t put_packet(char *out, const struct row *row)
{
    size_t key_len = strlen(row->key);
    size_t value_len = strlen(row->value);
    size_t n = put_header(out, row->opcode, (uint16_t)key_len, row->extras_len,
                          (uint32_t)(row->extras_len + key_len + value_len), row->cas);
    memcpy(out + n, row->extras, row->extras_len);
    n += row->extras_len;
    memcpy(out + n, row->key, key_len);
    memcpy(out + n + key_len, row->value, value_len);
    return n + key_len + value_len;
}

static void render_value(FILE *to, uint8_t opcode, struct bytes value)
{
    bool counts = opcode == 0x05 || opcode == 0x06;
    if (counts && value.len == 8)
        fprintf(to, " %llu", (unsigned long long)bytes_get_be64(value.p));
    else if (value.len > 0)
        fprintf(to, " %.*s", (int)value.len, value.p);
}

/* One answer as a line: opcode, status, extras, key, value, cas. Returns its length. */
static size_t render_one(FILE *to, const char *p, size_t len)
{
    assert_true(len >= HEADER && (unsigned char)p[0] == 0x81);
    assert_int_equal(bytes_get_be32(p + 12), OPAQUE);
    size_t key_len = bytes_get_be16(p + 2);
    size_t extras_len = (unsigned char)p[4];
    size_t body_len = bytes_get_be32(p + 8);
    assert_true(HEADER + body_len <= len && key_len + extras_len <= body_len);
    fprintf(to, "%02x %04x", (unsigned char)p[1], bytes_get_be16(p + 6));
    const char *body = p + HEADER;
    if (extras_len == 4)
        fprintf(to, " x=%08x", bytes_get_be32(body));
    play_note(to, "k", (struct bytes){body + extras_len, key_len});
    render_value(to, (uint8_t)p[1],
                 (struct bytes){body + extras_len + key_len, body_len - extras_len - key_len});
    play_number(to, "cas", (long long)bytes_get_be64(p + 16));
    fputs("\n", to);
    return HEADER + body_len;
}

static void assert_answers(const struct play *play, const char *expected)
{
    char *text = NULL;
    size_t text_len = 0;
    FILE *to = open_memstream(&text, &text_len);
    for (size_t at = 0; at < play->answers_len;)
        at += render_one(to, play->answers_text + at, play->answers_len - at);
    fclose(to);
    assert_string_equal(text, expected);
    free(text);
}

static void test_table_every_way(void **state)
{
    (void)state;
    struct guard guard = guard_open(PLAY_ROOM);
    for (size_t i = 0; i < ROWS; i++) {
        char stream[1024];
        size_t len = put_packet(stream, &rows[i]);
        struct play whole;
        play_every_way(&guard, stream, len, &whole);
        assert_string_equal(whole.requests_text, rows[i].request);
        assert_answers(&whole, rows[i].answer);
        play_close(&whole);
    }
    guard_close(&guard);
}

/* All rows but those that close, in one stream: nothing of one leaks into the next. */
static void test_pipeline_every_way(void **state)
{
    (void)state;
    struct guard guard = guard_open(PLAY_ROOM);
    char stream[16384];
    char requests[16384] = "";
    size_t len = 0;
    for (size_t i = 0; i < ROWS; i++) {
        if (strstr(rows[i].request, "close") != NULL)
            continue;
        len += put_packet(stream + len, &rows[i]);
        strcat(requests, rows[i].request);
    }
    struct play whole;
    play_every_way(&guard, stream, len, &whole);
    assert_string_equal(whole.requests_text, requests);
    play_close(&whole);
    guard_close(&guard);
}

/* Headers that promise what they cannot mean, or 4 GiB: answered from the header alone, and where it is about a value
 * from what stands before that. */
static void test_headers_are_judged_alone(void **state)
{
    (void)state;
    static const struct {
        uint8_t opcode;
        uint16_t key_len;
        uint8_t extras_len;
        uint32_t body_len;
        enum refusal refusal;
        bool close;
        uint64_t skip;
    } heads[] = {
        {0x01, 5, 8, 12, REFUSAL_UNKNOWN, true, 0},
        {0x00, 65535, 255, 0, REFUSAL_UNKNOWN, true, 0},
        {0x00, 65535, 0, 0xffffffff, REFUSAL_FORMAT, true, 0},
        {0x00, 3, 0, 0xffffffff, REFUSAL_FORMAT, true, 0},
        {0x0a, 0, 0, 0xffffffff, REFUSAL_FORMAT, true, 0},
        {0x01, 3, 8, 0xffffffff, REFUSAL_TOO_LARGE, false, 0xffffffff - 11},
        {0x0e, 3, 0, 104, REFUSAL_TOO_LARGE, false, 104 - 3},
        {0x77, 0, 0, 0xffffffff, REFUSAL_UNKNOWN, false, 0xffffffff},
    };
    struct guard guard = guard_open(4096);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        char head[HEADER + 11] = "";
        bool is_of_value = heads[i].refusal == REFUSAL_TOO_LARGE;
        size_t len = HEADER + (is_of_value ? (size_t)heads[i].extras_len + heads[i].key_len : 0);
        put_header(head, heads[i].opcode, heads[i].key_len, heads[i].extras_len, heads[i].body_len, 0);
        memcpy(head + len - 3, "abc", is_of_value ? 3 : 0);
        struct proto proto = {.value_max = PLAY_VALUE_MAX};
        struct request request;
        size_t used;
        size_t need;
        const char *in = guard_place(&guard, head, HEADER);
        if (is_of_value) {
            assert_int_equal(proto_next(&proto, in, HEADER, &used, &need, &request), PARSE_MORE);
            assert_int_equal(need, len);
            in = guard_place(&guard, head, len);
        }
        assert_int_equal(proto_next(&proto, in, len, &used, &need, &request), PARSE_REQUEST);
        assert_int_equal(request.key.len, is_of_value ? 3 : 0);
        assert_int_equal(request.replaces, heads[i].opcode == 0x01 && is_of_value);
        assert_int_equal(request.verb, VERB_REFUSED);
        assert_int_equal(request.refusal, heads[i].refusal);
        assert_int_equal(request.close, heads[i].close);
        assert_int_equal(used, len);
        assert_int_equal(proto.skip, heads[i].skip);
    }
    guard_close(&guard);
}

static void test_need_is_the_packet(void **state)
{
    (void)state;
    char head[HEADER + 11] = "";
    put_header(head, 0x01, 3, 8, 1011, 0);
    struct proto proto = {.value_max = 1000};
    struct request request;
    size_t used;
    size_t need;
    assert_int_equal(proto_next(&proto, head, 10, &used, &need, &request), PARSE_MORE);
    assert_int_equal(need, HEADER);
    assert_int_equal(proto_next(&proto, head, HEADER, &used, &need, &request), PARSE_MORE);
    assert_int_equal(need, HEADER + 11);
    assert_int_equal(proto_next(&proto, head, HEADER + 11, &used, &need, &request), PARSE_MORE);
    assert_int_equal(need, HEADER + 1011);
    assert_int_equal(used, 0);
    proto_refuse_value(&proto, head, HEADER, &used, &request);
    assert_int_equal(request.refusal, REFUSAL_FULL);
    assert_int_equal(request.key.len, 0);
    assert_int_equal(used, HEADER);
    assert_int_equal(proto.skip, 1011);
    proto.skip = 0;
    proto_refuse_value(&proto, head, HEADER + 11, &used, &request);
    assert_int_equal(request.refusal, REFUSAL_FULL);
    assert_int_equal(request.key.len, 3);
    assert_true(request.replaces);
    assert_int_equal(used, HEADER + 11);
    assert_int_equal(proto.skip, 1000);
}

/* The dialect is settled by the first byte; another magic later ends the connection, without a word. */
static void test_bad_magic_hangs_up(void **state)
{
    (void)state;
    struct guard guard = guard_open(4096);
    char stream[HEADER + 8];
    put_header(stream, 0x0a, 0, 0, 0, 0);
    memcpy(stream + HEADER, "get a\r\n", 8);
    struct play whole;
    play_every_way(&guard, stream, HEADER + 7, &whole);
    assert_string_equal(whole.requests_text, "noop\nrefused why=10 close\n");
    assert_answers(&whole, "0a 0000\n");
    play_close(&whole);
    guard_close(&guard);
}

static size_t random_packet(char *out)
{
    struct row row = rows[(size_t)random() % ROWS];
    size_t len = put_packet(out, &row);
    if (random() % 4 == 0)
        out[1 + random() % (HEADER - 1)] ^= (char)(1 << random() % 8);
    return len;
}

/* Random packets, some with a flipped bit in the header: whole and cut at random must say the same. */
static void test_random_streams(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL) ^ (unsigned)getpid();
    print_message("seed %u\n", seed);
    srandom(seed);
    struct guard guard = guard_open(PLAY_ROOM);
    clock_t start = clock();
    while (clock() - start < CLOCKS_PER_SEC / 2) {
        char stream[8192];
        size_t len = 0;
        while (len < 1500 && random() % 20 != 0)
            len += random_packet(stream + len);
        struct play whole;
        play_open(&whole, &guard, stream);
        play_arrive(&whole, len);
        play_end(&whole);
        play_in_two(&guard, stream, len, (size_t)random() % (len + 1), &whole);
        play_bytewise(&guard, stream, len, &whole);
        play_close(&whole);
    }
    guard_close(&guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_every_way),          cmocka_unit_test(test_pipeline_every_way),
        cmocka_unit_test(test_headers_are_judged_alone), cmocka_unit_test(test_need_is_the_packet),
        cmocka_unit_test(test_bad_magic_hangs_up),       cmocka_unit_test(test_random_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
