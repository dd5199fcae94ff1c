/*
 * Promise (proto.h, text.h): whatever the bytes and however they are cut, the text dialect never reads past
 * its input, yields the same requests, and answers as memcached 1.6.45 does.
 */
#include <time.h>

#include "test_proto_play.h"

#define K50  "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define K250 K50 K50 K50 K50 K50
#define K251 K250 "k"

#define USAGE  "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n"
#define FORMAT "CLIENT_ERROR bad command line format\r\n"

static const struct play_row rows[] = {
    /* gets */
    {"get a\r\n", "get key=a last\n", "END\r\n"},
    {"get a\n", "get key=a last\n", "END\r\n"},
    {"get hit\r\n", "get key=hit last\n", "VALUE hit 7 5\r\nhello\r\nEND\r\n"},
    {"gets hit\r\n", "get key=hit +cas last\n", "VALUE hit 7 5 9\r\nhello\r\nEND\r\n"},
    {"get  hit1   a hit2  \r\n", "get key=hit1\nget key=a\nget key=hit2 last\n",
     "VALUE hit1 7 5\r\nhello\r\nVALUE hit2 7 5\r\nhello\r\nEND\r\n"},
    {"get hit a\r\nget b\r\n", "get key=hit\nget key=a last\nget key=b last\n",
     "VALUE hit 7 5\r\nhello\r\nEND\r\nEND\r\n"},
    {"gat 30 hit a\r\n", "get key=hit exp=30 touch\nget key=a exp=30 touch last\n",
     "VALUE hit 7 5\r\nhello\r\nEND\r\n"},
    {"gats -1 hit\r\n", "get key=hit exp=-1 touch +cas last\n", "VALUE hit 7 5 9\r\nhello\r\nEND\r\n"},
    {"get " K250 "\r\n", "get key=" K250 " last\n", "END\r\n"},
    {"get a\tb\x01\xff a\rb \r\r\n", "get key=a\tb\x01\xff\nget key=a\rb\nget key=\r last\n", "END\r\n"},
    {"get noreply\r\n", "get key=noreply last\n", "END\r\n"},
    /* a bad key refuses its whole line, once */
    {"get hit " K251 " b\r\nmn\r\n", "refused why=2\nnoop\n", FORMAT "MN\r\n"},
    {"gat 1 " K251 "\r\n", "refused why=2\n", FORMAT},
    {"get\r\n", "refused why=2\n", FORMAT},
    {"get  \r\n", "refused why=2\n", FORMAT},
    {"gat 1\r\n", "refused why=2\n", FORMAT},
    {"gat x a\r\n", "refused why=6\n", "CLIENT_ERROR invalid exptime argument\r\n"},
    /* values */
    {"set k 1 2 3\r\nabc\r\n", "set key=k value=abc flags=1 exp=2\n", "STORED\r\n"},
    {"set k 1 -1 0\r\n\r\n", "set key=k flags=1 exp=-1\n", "STORED\r\n"},
    {"set k 4294967295 0 4\r\n\r\n\r\n\r\n", "set key=k value=\r\n\r\n flags=4294967295\n", "STORED\r\n"},
    {"set k 0 0 1 noreply\r\na\r\nmn\r\n", "set key=k value=a quiet\nnoop\n", "MN\r\n"},
    {"set k +1 +5 1 surplus\r\na\r\n", "set key=k value=a flags=1 exp=5\n", "STORED\r\n"},
    {"set k 0 0 1 noreply x\r\na\r\n", "set key=k value=a\n", "STORED\r\n"},
    {"add not 0 0 1\r\na\r\n", "add key=not value=a\n", "NOT_STORED\r\n"},
    {"replace not 0 0 1\r\na\r\n", "replace key=not value=a\n", "NOT_STORED\r\n"},
    {"append k 0 0 1\r\na\r\n", "append key=k value=a\n", "STORED\r\n"},
    {"prepend large 0 0 1\r\na\r\n", "prepend key=large value=a\n",
     "SERVER_ERROR object too large for cache\r\n"},
    {"set full 0 0 1\r\na\r\n", "set key=full value=a\n", "SERVER_ERROR out of memory storing object\r\n"},
    {"cas exists 0 0 1 77\r\na\r\n", "cas key=exists value=a cas=77\n", "EXISTS\r\n"},
    {"cas miss 0 0 1 0 noreply\r\na\r\n", "cas key=miss value=a quiet\n", ""},
    {"cas miss 0 0 1 18446744073709551615\r\na\r\n", "cas key=miss value=a cas=-1\n", "NOT_FOUND\r\n"},
    /* malformed with a good length: the value is swallowed */
    {"set k x 0 1\r\na\r\nmn\r\n", "refused why=2\nnoop\n", FORMAT "MN\r\n"},
    {"set k 4294967296 0 1\r\na\r\nmn\r\n", "refused why=2\nnoop\n", FORMAT "MN\r\n"},
    {"set k 0 y 1\r\na\r\nmn\r\n", "refused why=2\nnoop\n", FORMAT "MN\r\n"},
    {"set k 0 y 1 noreply\r\na\r\nmn\r\n", "refused why=2 quiet\nnoop\n", "MN\r\n"},
    {"set " K251 " 0 0 1\r\na\r\nmn\r\n", "refused why=2\nnoop\n", FORMAT "MN\r\n"},
    {"cas k 0 0 1\r\na\r\nmn\r\n", "refused why=2\nnoop\n", FORMAT "MN\r\n"},
    {"cas k 0 0 1 noreply\r\na\r\nmn\r\n", "refused why=2 quiet\nnoop\n", "MN\r\n"},
    /* malformed without one: the value, if there is one, is the next line */
    {"set k 0 0\r\n", "refused why=2\n", FORMAT},
    {"set k 0 0 -1 noreply\r\n", "refused why=2\n", FORMAT},
    {"set k 0 0 2147483646\r\n", "refused why=2\n", FORMAT},
    {"set k 0 0 18446744073709551616\r\n", "refused why=2\n", FORMAT},
    {"set k 0 0 1x\r\nabcd\r\n", "refused why=2\nrefused why=1\n", FORMAT "ERROR\r\n"},
    /* as many bytes as announced and two more are taken, whatever they are */
    {"set k 0 0 1\r\nabcdefg\r\n", "refused why=3\nrefused why=1\n",
     "CLIENT_ERROR bad data chunk\r\nERROR\r\n"},
    {"set k 0 0 3\nabc\r\n", "set key=k value=abc\n", "STORED\r\n"},
    {"set k 0 0 3 noreply\r\nabc\n\nmn\r\n", "refused why=3 quiet\nnoop\n", "MN\r\n"},
    /* 101 bytes where 100 are allowed */
    {"set k 0 0 101\r\n" K50 K50 "k\r\nmn\r\n", "refused why=4\nnoop\n",
     "SERVER_ERROR object too large for cache\r\nMN\r\n"},
    {"set k 0 0 101 noreply\r\n" K50 K50 "k\r\nmn\r\n", "refused why=4 quiet\nnoop\n", "MN\r\n"},
    /* the small ones */
    {"delete k\r\n", "delete key=k\n", "DELETED\r\n"},
    {"delete miss 0\r\n", "delete key=miss\n", "NOT_FOUND\r\n"},
    {"delete k 0 noreply\r\nmn\r\n", "delete key=k quiet\nnoop\n", "MN\r\n"},
    {"delete k 5\r\ndelete k 0 0\r\ndelete a b c d e\r\n", "refused why=8\nrefused why=8\nrefused why=1\n",
     USAGE USAGE "ERROR\r\n"},
    {"delete k 5 noreply\r\ndelete noreply\r\n", "refused why=8 quiet\ndelete key=noreply quiet\n", ""},
    {"delete\r\ndelete " K251 "\r\n", "refused why=2\nrefused why=2\n", FORMAT FORMAT},
    {"incr k 5\r\ndecr k 18446744073709551614\r\n", "incr key=k delta=5\ndecr key=k delta=-2\n",
     "6\r\n18446744073709551615\r\n"},
    {"incr miss 1\r\nincr word 1\r\nincr full 1\r\n",
     "incr key=miss delta=1\nincr key=word delta=1\nincr key=full delta=1\n",
     "NOT_FOUND\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nSERVER_ERROR out of "
     "memory\r\n"},
    {"incr k -1\r\nincr k noreply\r\nincr k\r\n", "refused why=7\nrefused why=7 quiet\nrefused why=2\n",
     "CLIENT_ERROR invalid numeric delta argument\r\n" FORMAT},
    {"touch k 10\r\ntouch miss -1\r\n", "touch key=k exp=10\ntouch key=miss exp=-1\n",
     "TOUCHED\r\nNOT_FOUND\r\n"},
    {"touch k x\r\ntouch k\r\n", "refused why=6\nrefused why=2\n",
     "CLIENT_ERROR invalid exptime argument\r\n" FORMAT},
    {"flush_all\r\nflush_all 10\r\nflush_all -5\r\n", "flush\nflush exp=10\nflush\n", "OK\r\nOK\r\nOK\r\n"},
    {"flush_all noreply\r\nflush_all 3 noreply\r\nflush_all x\r\n",
     "flush quiet\nflush exp=3 quiet\nrefused why=6\n", "CLIENT_ERROR invalid exptime argument\r\n"},
    {"verbosity 1\r\nverbosity\r\nverbosity noreply\r\n",
     "verbosity arg=1\nrefused why=2\nrefused why=2 quiet\n", "OK\r\n" FORMAT},
    {"version\r\nversion x\r\n", "version\nversion arg=x\n", "VERSION 1.2.3\r\nVERSION 1.2.3\r\n"},
    {"stats\r\nstats  reset \r\nstats nonsense\r\n", "stats\nstats arg=reset\nstats arg=nonsense\n",
     "STAT pid 42\r\nEND\r\nRESET\r\nERROR\r\n"},
    {"quit now\r\nmn\r\n", "quit arg=now close\n", ""},
    /* what is no command */
    {"\r\na\r\n\n", "refused why=2\nrefused why=2\nrefused why=2\n", FORMAT FORMAT FORMAT},
    {"nonsense\r\n get a\r\nGET a\r\ngetx a\r\n",
     "refused why=1\nrefused why=1\nrefused why=1\nrefused why=1\n", "ERROR\r\nERROR\r\nERROR\r\nERROR\r\n"},
    {"nonsense noreply\r\n", "refused why=1 quiet\n", ""},
    {"GET / HTTP/1.1\r\nset k 0 0 1\r\n", "refused why=10 close\n", ""},
};

static void test_table_every_way(void **state)
{
    (void)state;
    play_rows(rows, sizeof rows / sizeof *rows);
}

/* All rows but those that close, as one pipelined stream. */
static void test_pipeline_every_way(void **state)
{
    (void)state;
    struct guard guard = guard_open(PLAY_ROOM);
    char *stream = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&stream, &len);
    size_t n = sizeof rows / sizeof *rows;
    for (size_t i = 0; i < n; i++)
        if (strstr(rows[i].requests, "close") == NULL)
            fputs(rows[i].in, to);
    fclose(to);
    struct play whole;
    play_every_way(&guard, stream, len, &whole);
    assert_int_equal(whole.at, len);
    play_close(&whole);
    free(stream);
    guard_close(&guard);
}

/* The end of a line is looked for from behind; an empty line has nothing there. */
static void test_nothing_is_read_before_the_input(void **state)
{
    (void)state;
    struct guard guard = guard_open(4096);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t len = 1; len <= strlen(rows[i].in); len++) {
            struct proto proto = {.value_max = PLAY_VALUE_MAX};
            const char *tail = rows[i].in + strlen(rows[i].in) - len;
            struct request request;
            size_t used;
            size_t need;
            proto_next(&proto, guard_place_front(&guard, tail, len), len, &used, &need, &request);
        }
    guard_close(&guard);
}

static void test_zero_bytes_are_part_of_keys(void **state)
{
    (void)state;
    static const char in[] = "set a\0b 0 0 3\r\nx\0y\r\nget a\0b\r\n";
    struct proto proto = {.value_max = 10};
    struct request request;
    size_t used;
    size_t need;
    assert_int_equal(proto_next(&proto, in, sizeof in - 1, &used, &need, &request), PARSE_REQUEST);
    assert_true(bytes_equal(request.key, (struct bytes){"a\0b", 3}));
    assert_true(bytes_equal(request.value, (struct bytes){"x\0y", 3}));
    assert_int_equal(proto_next(&proto, in + used, sizeof in - 1 - used, &used, &need, &request),
                     PARSE_REQUEST);
    assert_true(bytes_equal(request.key, (struct bytes){"a\0b", 3}));
}

/* A line of `len` bytes: `head`, then words of one letter, then \r\n. */
static char *long_line(const char *head, size_t len)
{
    char *line = malloc(len + 1);
    size_t head_len = strlen(head);
    memcpy(line, head, head_len);
    for (size_t i = head_len; i < len - 2; i++)
        line[i] = (i - head_len) % 2 == 0 ? 'k' : ' ';
    memcpy(line + len - 2, "\r\n", 3);
    return line;
}

static enum refusal refusal_of_line(const char *head, size_t len, size_t first)
{
    struct guard guard = guard_open(PLAY_ROOM);
    char *line = long_line(head, len);
    struct proto proto = {.value_max = PLAY_VALUE_MAX};
    struct request request;
    size_t used;
    size_t need;
    enum parse parse = proto_next(&proto, guard_place(&guard, line, first), first, &used, &need, &request);
    if (parse == PARSE_MORE) {
        assert_int_equal(used, 0);
        parse = proto_next(&proto, guard_place(&guard, line, len), len, &used, &need, &request);
    }
    assert_int_equal(parse, PARSE_REQUEST);
    assert_int_equal(request.close, request.refusal == REFUSAL_LINE_TOO_LONG);
    free(line);
    guard_close(&guard);
    return request.refusal;
}

static void test_line_limits(void **state)
{
    (void)state;
    for (size_t first = 1; first < PROTO_LINE_MAX; first += 2046) {
        assert_int_equal(refusal_of_line("stats ", PROTO_LINE_MAX, first), REFUSAL_NONE);
        assert_int_equal(refusal_of_line("stats ", PROTO_LINE_MAX + 1, first), REFUSAL_LINE_TOO_LONG);
        assert_int_equal(refusal_of_line("get ", PROTO_LINE_MAX + 1, first), REFUSAL_NONE);
        assert_int_equal(refusal_of_line("gats 5 ", PROTO_KEYS_LINE_MAX, first), REFUSAL_NONE);
        assert_int_equal(refusal_of_line("get ", PROTO_KEYS_LINE_MAX + 1, first), REFUSAL_LINE_TOO_LONG);
    }
}

/* ret_need is the whole request, so that a server can read a value straight into a buffer of the right size.
 */
static void test_need_of_a_value(void **state)
{
    (void)state;
    struct proto proto = {.value_max = 1000000};
    struct request request;
    size_t used;
    size_t need;
    assert_int_equal(proto_next(&proto, "set k 0 0 500000\r\nabc", 21, &used, &need, &request), PARSE_MORE);
    assert_int_equal(used, 0);
    assert_int_equal(need, 18 + 500000 + 2);
}

/* A server without room has the request refused at once, and its value thrown away as it arrives. */
static void test_refuse_value(void **state)
{
    (void)state;
    struct guard guard = guard_open(PLAY_ROOM);
    char *stream = malloc(6000);
    memcpy(stream, "set k 0 0 5000\r\n", 16);
    memset(stream + 16, 'x', 5000);
    memcpy(stream + 5016, "\r\nmn\r\n", 6);
    for (size_t piece = 1; piece < 5022; piece += 501) {
        struct play play;
        play_open(&play, &guard, stream);
        play.proto.value_max = 5000;
        play.refuse_values = true;
        for (size_t have = piece; have < 5022; have += piece)
            play_arrive(&play, have);
        play_arrive(&play, 5022);
        play_end(&play);
        assert_string_equal(play.requests_text, "refused why=5\nnoop\n");
        assert_string_equal(play.answers_text, "SERVER_ERROR out of memory storing object\r\nMN\r\n");
        play_close(&play);
    }
    free(stream);
    guard_close(&guard);
}

/* The line of a get whose first key had an error, in pieces: its other keys are never told, what follows is. */
static void test_skipped_keys(void **state)
{
    (void)state;
    static const char stream[] = "get one two three\r\nget four five\r\n";
    size_t len = sizeof stream - 1;
    for (size_t have = 19; have <= len; have++) {
        struct proto proto = {.value_max = 10};
        struct request request;
        size_t used;
        size_t need;
        assert_int_equal(proto_next(&proto, stream, have, &used, &need, &request), PARSE_REQUEST);
        assert_true(bytes_equal(request.key, bytes_of("one")));
        proto_skip_keys(&proto);
        size_t at = used;
        if (have < len) {
            assert_int_equal(proto_next(&proto, stream + at, have - at, &used, &need, &request), PARSE_MORE);
            at += used;
        }
        assert_int_equal(proto_next(&proto, stream + at, len - at, &used, &need, &request), PARSE_REQUEST);
        assert_true(bytes_equal(request.key, bytes_of("four")));
        proto_skip_keys(&proto);
        at += used;
        assert_int_equal(proto_next(&proto, stream + at, len - at, &used, &need, &request), PARSE_MORE);
        assert_int_equal(at + used, len);
        proto_skip_keys(&proto); /* nothing is left of it */
        assert_int_equal(proto.skip, 0);
    }
}

/* 20,000 keys offered in growing pieces: searched once, so it takes milliseconds, not seconds. */
static void test_many_keys_are_not_quadratic(void **state)
{
    (void)state;
    enum { KEYS = 20000, KEY = 45, PIECE = 4 };
    size_t len = 3 + KEYS * (size_t)(KEY + 1) + 2;
    char *line = malloc(len);
    memcpy(line, "get", 3);
    for (size_t i = 0; i < KEYS; i++) {
        line[3 + i * (KEY + 1)] = ' ';
        memset(line + 4 + i * (KEY + 1), 'k', KEY);
    }
    memcpy(line + len - 2, "\r\n", 2);

    struct proto proto = {.value_max = 10};
    struct request request;
    size_t used;
    size_t need;
    clock_t start = clock();
    for (size_t have = PIECE; have < len; have += PIECE)
        assert_int_equal(proto_next(&proto, line, have, &used, &need, &request), PARSE_MORE);
    size_t n = 0;
    for (size_t at = 0; at < len; at += used, n++) {
        assert_int_equal(proto_next(&proto, line + at, len - at, &used, &need, &request), PARSE_REQUEST);
        assert_int_equal(request.key.len, KEY);
        assert_int_equal(request.last, n == KEYS - 1);
    }
    assert_int_equal(n, KEYS);
    assert_true(clock() - start < CLOCKS_PER_SEC / 2);
    free(line);
}

/* Random streams made of likely pieces: whole and cut at random must say the same. */
static void test_random_streams(void **state)
{
    (void)state;
    static const char *const pieces[] = {"get ",
                                         "gat ",
                                         "set ",
                                         "cas ",
                                         "k",
                                         "hit",
                                         " ",
                                         "\r\n",
                                         "\n",
                                         "\r",
                                         "0 ",
                                         "3 ",
                                         "-1 ",
                                         "abc",
                                         "x ",
                                         "noreply",
                                         "incr ",
                                         "delete ",
                                         "0 0 3",
                                         "quit",
                                         "stats",
                                         K50,
                                         "101",
                                         "5\r\nhello\r\n",
                                         "set k 0 0 3\r\n"};
    unsigned seed = (unsigned)time(NULL) ^ (unsigned)getpid();
    print_message("seed %u\n", seed);
    srandom(seed);
    struct guard guard = guard_open(PLAY_ROOM);
    clock_t start = clock();
    while (clock() - start < CLOCKS_PER_SEC / 2) {
        char stream[4096];
        size_t len = 0;
        while (len < 2000 && random() % 60 != 0) {
            const char *piece = pieces[(size_t)random() % (sizeof pieces / sizeof *pieces)];
            memcpy(stream + len, piece, strlen(piece));
            len += strlen(piece);
            if (random() % 40 == 0)
                stream[len++] = (char)random();
        }
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
        cmocka_unit_test(test_table_every_way),
        cmocka_unit_test(test_pipeline_every_way),
        cmocka_unit_test(test_nothing_is_read_before_the_input),
        cmocka_unit_test(test_zero_bytes_are_part_of_keys),
        cmocka_unit_test(test_line_limits),
        cmocka_unit_test(test_need_of_a_value),
        cmocka_unit_test(test_refuse_value),
        cmocka_unit_test(test_skipped_keys),
        cmocka_unit_test(test_many_keys_are_not_quadratic),
        cmocka_unit_test(test_random_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
