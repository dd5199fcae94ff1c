/*
 * Promise (proto.h, session.h): whatever the bytes and however they are cut, the session verbs never make proto read
 * past its input, yield the same requests, have in them only what may be there, and are answered as docs/protocol.md
 * says.
 */
#include "test_proto_play.h"

#define K50  "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define K250 K50 K50 K50 K50 K50
#define N64  "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
#define H120 K50 K50 "hhhhhhhhhhhhhhhhhhhh"
#define O31  "ooooooooooooooooooooooooooooooo"
#define A48  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define A248 A48 A48 A48 A48 A48 "AAAAAAAA"
#define MOST "18446744073709551615"

#define FORMAT    "CLIENT_ERROR bad command line format\r\n"
#define DUPLICATE "CLIENT_ERROR duplicate flag\r\n"
#define INVALID   "CLIENT_ERROR invalid flag\r\n"
#define TOKEN     "CLIENT_ERROR bad token in command line format\r\n"
#define KEY       "CLIENT_ERROR error decoding key\r\n"
#define OPAQUE    "CLIENT_ERROR opaque token too long\r\n"
#define NO_TOKEN  "CLIENT_ERROR token missing: give K<token> as so answered it\r\n"
#define TAGS      "CLIENT_ERROR too many tags: a session has at most 8\r\n"
#define EIGHT     "Ga Gb Gc Gd Ge Gf Gg Gh"
#define SESSIONS                                                                                             \
    "SE 00112233aabbccdd a90 i8 t77 s1234 Ashop n3 m55 hweb1/4711 Guser:42 Gb\r\n"                           \
    "SE ffeeddccbbaa0099 a0 i0 t-1 s0\r\n"
#define EVENTS "EV 7 1700000000123 killed 00112233aabbccdd Ashop n3 x\r\nEV 8 1 full -\r\n"

static const struct play_row rows[] = {
    /* so */
    {"so a\r\n", "open key=a\n", "EN K" MOST "-6 w12\r\n"},
    {"so hit\r\n", "open key=hit\n", "VA 5 K9-4 c9 f7 t70 a80 w12\r\nhello\r\n"},
    {"so hits r k O1\r\n", "open key=hits arg=r k O1 ro\n", "VA 5 c9 f7 t-1 a80 w12 s khits O1\r\nhello\r\n"},
    {"so  hit   O1  k\n", "open key=hit arg=O1  k\n", "VA 5 K9-4 c9 f7 t70 a80 w12 O1 khit\r\nhello\r\n"},
    {"so a W2500 L30 T1440 Hweb1/4711 S5-6 Ashop e B k O1\r\n",
     "open key=a arg=W2500 L30 T1440 Hweb1/4711 S5-6 Ashop e B k O1 exp=1440 touch app=shop holder=web1/4711 "
     "after=5-6 wait=2500 lease=30 must bot\n",
     "NF ka O1\r\n"},
    {"so a A\r\nso a A A\r\n", "open key=a arg=A\nrefused why=16\n",
     "EN K" MOST "-6 w12\r\nCLIENT_ERROR duplicate flag\r\n"},
    {"so a W0 L0 T-1\r\n", "open key=a arg=W0 L0 T-1 exp=-1 touch wait=0\n", "EN K" MOST "-6 w12\r\n"},
    {"so busy\r\nso busy Hx k\r\n", "open key=busy\nopen key=busy arg=Hx k holder=x\n",
     "BS n2 m345\r\nBS n2 m345 hx kbusy\r\n"},
    {"so gone O\r\nso full\r\nso denied\r\n", "open key=gone arg=O\nopen key=full\nopen key=denied\n",
     "GN O\r\nSERVER_ERROR out of memory storing object\r\nCLIENT_ERROR not allowed\r\n"},
    {"so aGl0 b k\r\nso aGl b\r\n", "open key=aGl0 arg=b k base64\nrefused why=20\n",
     "EN K" MOST "-6 w12 kaGl0 b\r\n" KEY},
    {"so a W4294967295 L4294967295 S" MOST "-" MOST " A" N64 " H" H120 "\r\n",
     "open key=a arg=W4294967295 L4294967295 S" MOST "-" MOST " A" N64 " H" H120 " app=" N64 " holder=" H120
     " after=" MOST "-" MOST " wait=4294967295 lease=4294967295\n",
     "EN K" MOST "-6 w12\r\n"},
    {"so hit v\r\nso hits v r k\r\nso a v\r\nso miss v r\r\n",
     "open key=hit arg=v tells\nopen key=hits arg=v r k tells ro\nopen key=a arg=v tells\n"
     "open key=miss arg=v r tells ro\n",
     "VA 5 K9-4 c9 f7 t70 a80 w12 v65541\r\nhello\r\n"
     "VA 5 c9 f7 t-1 a80 w12 v65541 E900 Guser:42 Gb s khits\r\nhello\r\nEN K" MOST "-6 w12\r\n"
     "EN K" MOST "-6 w12 v" MOST "\r\n"},
    {"so a v1\r\nso a v v\r\nsw a 0 K1-1 v\r\n\r\n", "refused why=17\nrefused why=16\nrefused why=17\n",
     INVALID DUPLICATE INVALID},
    /* sw */
    {"sw a 1 R65541 a60 E900 Gb\r\nx\r\nsw a 1 K7-9 R" MOST " a4294967295\r\nx\r\n",
     "write key=a arg=R65541 a60 E900 Gb value=x life=900 create tag=b revision=65541 made=60 tags\n"
     "write key=a arg=K7-9 R" MOST " a4294967295 value=x cas=7 delta=9 revision=" MOST
     " made=4294967295 token\n",
     "HD c5\r\nHD c5\r\n"},
    {"sw a 1 R1 l\r\nx\r\nsw a 1 R\r\nx\r\nsw a 1 Rx\r\nx\r\nsw a 1 R1 a-1\r\nx\r\nsw a 1 a1\r\nx\r\n",
     "refused why=27\nrefused why=19\nrefused why=19\nrefused why=19\nrefused why=27\n",
     NO_TOKEN TOKEN TOKEN TOKEN NO_TOKEN},
    {"sw a 1 K7-9\r\nx\r\n", "write key=a arg=K7-9 value=x cas=7 delta=9 token\n", "HD c5\r\n"},
    {"sw a 0 l K0-0 k O1\r\n\r\n", "write key=a arg=l K0-0 k O1 token keep\n", "HD c5 K" MOST "-6 ka O1\r\n"},
    {"sw a 1 K7-9 T60 E86400 F5 Guser:42 Gb B Ashop\r\nx\r\n",
     "write key=a arg=K7-9 T60 E86400 F5 Guser:42 Gb B Ashop value=x flags=5 exp=60 cas=7 delta=9 life=86400 "
     "create touch app=shop tag=user:42 tag=b token bot tags\n",
     "HD c5\r\n"},
    {"sw a 1 K7-9 G E0\r\nx\r\n", "write key=a arg=K7-9 G E0 value=x cas=7 delta=9 create token tags\n",
     "HD c5\r\n"},
    {"sw a 1 " EIGHT " K7-9\r\nx\r\n",
     "write key=a arg=" EIGHT " K7-9 value=x cas=7 delta=9 tag=a tag=b tag=c tag=d tag=e tag=f tag=g tag=h "
     "token tags\n",
     "HD c5\r\n"},
    {"sw exists 1 K1-1 k\r\nx\r\nsw gone 1 K1-1 k\r\nx\r\n",
     "write key=exists arg=K1-1 k value=x cas=1 delta=1 token\n"
     "write key=gone arg=K1-1 k value=x cas=1 delta=1 token\n",
     "EX kexists\r\nGN kgone\r\n"},
    {"sw large 1 K1-1\r\nx\r\nsw full 1 K1-1\r\nx\r\n",
     "write key=large arg=K1-1 value=x cas=1 delta=1 token\nwrite key=full arg=K1-1 value=x cas=1 delta=1 "
     "token\n",
     "SERVER_ERROR object too large for cache\r\nSERVER_ERROR out of memory storing object\r\n"},
    /* what is refused swallows its value, as a set does; a length that is none has none */
    {"sw a 1\r\nx\r\nsw a 4 K1-1 z\r\nmn\r\n\r\nmn\r\n", "refused why=27\nrefused why=17\nnoop\n",
     NO_TOKEN INVALID "MN\r\n"},
    {"sw a 1 K1-1\r\nxyz\r\nmn\r\n", "refused why=3\nrefused why=2\nnoop\n",
     "CLIENT_ERROR bad data chunk\r\n" FORMAT "MN\r\n"},
    {"sw a 101 K1-1\r\n" K50 K50 "k\r\nmn\r\nset a 0 0 101\r\n" K50 K50 "k\r\n",
     "refused why=4\nnoop\nrefused why=4\n",
     "SERVER_ERROR object too large for cache by 1 bytes\r\nMN\r\nSERVER_ERROR object too large for "
     "cache\r\n"},
    {"sw a K1-1\r\nsw a\r\nsw a -1 K1-1\r\nsw\r\n",
     "refused why=2\nrefused why=2\nrefused why=2\nrefused why=2\n", FORMAT FORMAT FORMAT FORMAT},
    {"sw " K250 "k 2 K1-1\r\nmn\r\nmn\r\n", "refused why=2\nnoop\n", FORMAT "MN\r\n"},
    {"sw a 0 " EIGHT
     " Gi K1-1\r\n\r\nsw a 0 K1-1 G Ga\r\n\r\nsw a 0 K1-1 Ga G\r\n\r\nsw a 0 K1-1 G G\r\n\r\n",
     "refused why=28\nrefused why=19\nrefused why=19\nrefused why=19\n", TAGS TOKEN TOKEN TOKEN},
    {"sw a 0 K1-1 G" N64 "\r\n\r\nsw a 0 K1-1 G" N64
     "n\r\n\r\nsw a 0 K1-1 Gx\ty\r\n\r\nsw a 0 K1-1 G\x7f\r\n\r\n"
     "sw a 0 K1-1 G\xc3\xa4\r\n\r\n",
     "write key=a arg=K1-1 G" N64 " cas=1 delta=1 tag=" N64
     " token tags\nrefused why=19\nrefused why=19\nrefused why=19\n"
     "write key=a arg=K1-1 G\xc3\xa4 cas=1 delta=1 tag=\xc3\xa4 token tags\n",
     "HD c5\r\n" TOKEN TOKEN TOKEN "HD c5\r\n"},
    {"sw a 0 K1-1 E4294967296\r\n\r\nsw a 0 K1-1 E-1\r\n\r\nsw a 0 K1-1 F4294967296\r\n\r\nsw a 0 K1-1 "
     "Tx\r\n\r\n",
     "refused why=19\nrefused why=19\nrefused why=19\nrefused why=19\n", TOKEN TOKEN TOKEN TOKEN},
    /* sc */
    {"sc a K7-9\r\n", "close key=a arg=K7-9 cas=7 delta=9 token\n", "HD\r\n"},
    {"sc a K7-9 T60 s30 k O1\r\n",
     "close key=a arg=K7-9 T60 s30 k O1 exp=60 cas=7 delta=9 touch grace=30 token succeeds\n",
     "HD ka O1\r\n"},
    {"sc a K7-9 s0\r\nsc miss K7-9 k\r\n",
     "close key=a arg=K7-9 s0 cas=7 delta=9 token succeeds\nclose key=miss arg=K7-9 k cas=7 delta=9 token\n",
     "HD\r\nNF kmiss\r\n"},
    {"sc a\r\nsc a s30\r\nsc a K7-9 s\r\nsc a K7-9 s-1\r\n",
     "refused why=27\nrefused why=27\nrefused why=19\nrefused why=19\n", NO_TOKEN NO_TOKEN TOKEN TOKEN},
    {"sc a R5 s30\r\nsc a R5\r\nsc a K7-9 R5\r\nsc a R5 a1\r\n",
     "close key=a arg=R5 s30 grace=30 revision=5 succeeds\nrefused why=27\n"
     "close key=a arg=K7-9 R5 cas=7 delta=9 revision=5 token\nrefused why=17\n",
     "HD\r\n" NO_TOKEN "HD\r\n" INVALID},
    /* sk */
    {"sk a R5\r\nsk a R5 s\r\nsk user:42 g R5\r\nsk 99469aaa180902bc h R5\r\n",
     "kill key=a arg=R5 revision=5\nkill key=a arg=R5 s revision=5 succeeds\nrefused why=17\nrefused "
     "why=17\n",
     "HD 1\r\nHD 1\r\n" INVALID INVALID},
    {"sk a k\r\nsk miss O1\r\n", "kill key=a arg=k\nkill key=miss arg=O1\n", "HD 1 ka\r\nNF O1\r\n"},
    {"sk a K7-9 s Ashop\r\nsk a K7-9\r\n",
     "kill key=a arg=K7-9 s Ashop cas=7 delta=9 app=shop token succeeds\nkill key=a arg=K7-9 cas=7 delta=9 "
     "token\n",
     "HD 10\r\nHD 10\r\n"},
    {"sk aGl0 b k\r\nsk aGl b\r\n", "kill key=aGl0 arg=b k base64\nrefused why=20\n", "HD 1 kaGl0 b\r\n" KEY},
    {"sk 99469aaa180902bc h k\r\nsk FFeeDDccBBaa0099 h\r\n",
     "kill key=99469aaa180902bc arg=h k handle=99469aaa180902bc by-handle\n"
     "kill key=FFeeDDccBBaa0099 arg=h handle=ffeeddccbbaa0099 by-handle\n",
     "HD 1 k99469aaa180902bc\r\nHD 1\r\n"},
    {"sk 99469aaa180902b h\r\nsk 99469aaa180902bcc h\r\nsk 99469aaa180902bg h\r\nsk 99469aaa180902bc h b\r\n",
     "refused why=19\nrefused why=19\nrefused why=19\nrefused why=17\n", TOKEN TOKEN TOKEN INVALID},
    {"sk user:42 g k\r\nsk user:42 g Xabc Ashop\r\n",
     "kill key=user:42 arg=g k by-tag\nkill key=user:42 arg=g Xabc Ashop app=shop spared=abc by-tag\n",
     "HD 1 kuser:42\r\nHD 1\r\n"},
    {"sk user:42 g b XaGl0 k\r\nsk user:42 g b\r\nsk user:42 g b XaGl\r\n",
     "kill key=user:42 arg=g b XaGl0 k spared=hit by-tag\nkill key=user:42 arg=g b by-tag\nrefused why=20\n",
     "HD 1 kuser:42\r\nHD 1\r\n" KEY},
    {"sk " N64 " g\r\nsk " N64 "n g\r\nsk a\x01 g\r\nsk a g X\r\nsk a g X" K250 "k\r\n",
     "kill key=" N64 " arg=g by-tag\nrefused why=19\nrefused why=19\nrefused why=19\nrefused why=19\n",
     "HD 1\r\n" TOKEN TOKEN TOKEN TOKEN},
    {"sk 99469aaa180902bc h g\r\nsk a Xb\r\nsk a g K1-1\r\nsk a g s\r\nsk 99469aaa180902bc h K1-1\r\nsk a "
     "s\r\nsk a s5\r\n",
     "refused why=17\nrefused why=17\nrefused why=17\nrefused why=17\nrefused why=17\nrefused "
     "why=27\nrefused why=17\n",
     INVALID INVALID INVALID INVALID INVALID NO_TOKEN INVALID},
    /* lists and counts; they have no key */
    {"sl\r\n", "list\n", SESSIONS "EN\r\n"},
    {"sl C12.ab-_Z N1000 Guser:42 Ashop O1\r\n",
     "list arg=C12.ab-_Z N1000 Guser:42 Ashop O1 app=shop cursor=12.ab-_Z tag=user:42 page=1000 tags\n",
     SESSIONS "EN C9.a O1\r\n"},
    {"se\r\nse N1 C7 O1\r\n", "events\nevents arg=N1 C7 O1 cursor=7 page=1\n",
     EVENTS "EN\r\n" EVENTS "EN C9.a O1\r\n"},
    {"sn\r\nsn Guser:42 Ashop O1\r\n", "count\ncount arg=Guser:42 Ashop O1 app=shop tag=user:42 tags\n",
     "HD 1\r\nHD 1 O1\r\n"},
    {"sl N0\r\nsl N1001\r\nsl C\r\nsl C1;\r\nsl C" N64 "n\r\nsl G\r\nsl Ga Gb\r\n",
     "refused why=19\nrefused why=19\nrefused why=19\nrefused why=19\nrefused why=19\nrefused "
     "why=19\nrefused why=16\n",
     TOKEN TOKEN TOKEN TOKEN TOKEN TOKEN DUPLICATE},
    {"sl w\r\nsl h99469aaa180902bc w O1\r\n",
     "list arg=w held\nlist arg=h99469aaa180902bc w O1 handle=99469aaa180902bc by-handle held\n",
     SESSIONS "EN\r\n" SESSIONS "EN O1\r\n"},
    {"sl h\r\nsl h99469aaa180902b\r\nsl h99469AAA180902BX\r\nsl ww\r\nsl w w\r\nsn w\r\nsn "
     "h99469aaa180902bc\r\n",
     "refused why=19\nrefused why=19\nrefused why=19\nrefused why=17\nrefused why=16\nrefused "
     "why=17\nrefused why=17\n",
     TOKEN TOKEN TOKEN INVALID DUPLICATE INVALID INVALID},
    {"sl k\r\nsl x\r\nsn C1\r\nsn N1\r\nse Ga\r\nse Ax\r\nsn b\r\n",
     "refused why=17\nrefused why=17\nrefused why=17\nrefused why=17\nrefused why=17\nrefused "
     "why=17\nrefused why=17\n",
     INVALID INVALID INVALID INVALID INVALID INVALID INVALID},
    /* what is wrong, and what of it is told: the first thing in the line, then what is missing */
    {"so\r\nso  \r\nsc\r\nsk\r\nso " K250 "k\r\n",
     "refused why=2\nrefused why=2\nrefused why=2\nrefused why=2\nrefused why=2\n",
     FORMAT FORMAT FORMAT FORMAT FORMAT},
    {"so " K250 " k\r\nso " A248 " b\r\nso " A248 "AAAA b\r\n",
     "open key=" K250 " arg=k\nopen key=" A248 " arg=b base64\nrefused why=2\n",
     "EN K" MOST "-6 w12 k" K250 "\r\nEN K" MOST "-6 w12\r\n" FORMAT},
    {"so a z\r\nso a \x7f\r\nso a \xc3\xa4\r\nso a K1-1\r\nso a kx\r\nso a noreply\r\nso a r r\r\nso a W1 "
     "W1\r\n",
     "refused why=17\nrefused why=17\nrefused why=17\nrefused why=17\nrefused why=17\nrefused "
     "why=17\nrefused why=16\nrefused why=16\n",
     INVALID INVALID INVALID INVALID INVALID INVALID DUPLICATE DUPLICATE},
    {"so a W\r\nso a W-1\r\nso a W+1\r\nso a W4294967296\r\nso a Lx\r\nso a T\r\n",
     "refused why=19\nrefused why=19\nrefused why=19\nrefused why=19\nrefused why=19\nrefused why=19\n",
     TOKEN TOKEN TOKEN TOKEN TOKEN TOKEN},
    {"so a S\r\nso a S1\r\nso a S1-\r\nso a S-1\r\nso a S1-2-3\r\nso a S1-18446744073709551616\r\nso a "
     "S1--2\r\n",
     "refused why=19\nrefused why=19\nrefused why=19\nrefused why=19\nrefused why=19\nrefused "
     "why=19\nrefused why=19\n",
     TOKEN TOKEN TOKEN TOKEN TOKEN TOKEN TOKEN},
    {"so a A\x1f\r\nso a Ax/y\r\nso a A" N64 "n\r\nso a H\r\nso a H" H120 "h\r\nso a Hx\x1fy\r\n",
     "refused why=19\nrefused why=19\nrefused why=19\nrefused why=19\nrefused why=19\nrefused why=19\n",
     TOKEN TOKEN TOKEN TOKEN TOKEN TOKEN},
    {"so a O" O31 "\r\nso a O" O31 "o\r\n", "open key=a arg=O" O31 "\nrefused why=23\n",
     "EN K" MOST "-6 w12 O" O31 "\r\n" OPAQUE},
    {"so a Wx z\r\nso a z Wx\r\nsw a 0 Gx\x01 K\r\n\r\nso a b b\r\nso aGl b z\r\n",
     "refused why=19\nrefused why=17\nrefused why=19\nrefused why=16\nrefused why=17\n",
     TOKEN INVALID TOKEN DUPLICATE INVALID},
    {"So a\r\nSO a\r\nsoo a\r\nsx a\r\ns a b\r\n",
     "refused why=1\nrefused why=1\nrefused why=1\nrefused why=1\nrefused why=1\n",
     "ERROR\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\n"},
};

static void test_table_every_way(void **state)
{
    (void)state;
    play_rows(rows, sizeof rows / sizeof *rows);
}

/* Each verb takes its own flags and no other letter. */
static void test_flags_of_each_verb(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *letters;
    } verbs[] = {{"so a", "AkObWLTHSreBv"},
                 {"sw a 0", "AkObKTEFGlBRa"},
                 {"sc a", "AkObKTsR"},
                 {"sk a", "AkObKshgXR"},
                 {"sl", "AOCNGhw"},
                 {"sn", "AOG"},
                 {"se", "OCN"}};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        for (int letter = '!'; letter < 256; letter++) {
            struct proto proto = {.value_max = 10};
            struct request request;
            size_t used;
            size_t need;
            char line[64];
            int len = snprintf(line, sizeof line, "%s %c\r\n\r\n", verbs[i].line, letter);
            assert_int_equal(proto_next(&proto, line, (size_t)len, &used, &need, &request), PARSE_REQUEST);
            bool belongs = letter < 127 && strchr(verbs[i].letters, letter) != NULL;
            bool is_refused = request.verb == VERB_REFUSED && request.refusal == REFUSAL_FLAG;
            assert_int_equal(is_refused, !belongs);
        }
}

static struct request parse(const char *line)
{
    struct proto proto = {.dialect = DIALECT_TEXT, .value_max = 10};
    struct request request;
    size_t used;
    size_t need;
    assert_int_equal(proto_next(&proto, line, strlen(line), &used, &need, &request), PARSE_REQUEST);
    return request;
}

/* The longest answers there are. */
static void test_answers_fit(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "so " A248 " v b k O" O31 "\r\n", "sw " A248 " 0 K1-1 l b k O" O31 "\r\n\r\n",
        "sc " A248 " K1-1 b k O" O31 "\r\n", "sk " A248 " b k O" O31 "\r\n", "sn O" O31 "\r\n"};
    struct proto proto = {.dialect = DIALECT_TEXT};
    struct bytes tags[PROTO_TAGS_MAX];
    for (size_t i = 0; i < PROTO_TAGS_MAX; i++)
        tags[i] = bytes_of(N64);
    struct answer answer = {.cas = UINT64_MAX,
                            .number = UINT64_MAX,
                            .flags = UINT32_MAX,
                            .value_len = UINT32_MAX,
                            .ttl_s = INT64_MAX,
                            .token_version = UINT64_MAX,
                            .token_fence = UINT64_MAX,
                            .held_ms = UINT64_MAX,
                            .holder = bytes_of(H120),
                            .waiting = UINT32_MAX,
                            .waited_ms = UINT32_MAX,
                            .age_s = UINT32_MAX,
                            .has_revision = true,
                            .revision = UINT64_MAX,
                            .life_s = UINT32_MAX,
                            .tags = tags,
                            .ntags = PROTO_TAGS_MAX,
                            .has_token = true,
                            .is_succeeded = true};
    char out[PROTO_ANSWER_MAX + PROTO_COPY_MAX];
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct request request = parse(lines[i]);
        assert_int_not_equal(request.verb, VERB_REFUSED);
        for (answer.status = STATUS_OK; answer.status <= STATUS_REFUSED; answer.status++)
            assert_in_range(proto_put_answer(&proto, &request, &answer, out), 1, PROTO_ANSWER_MAX);
        if (request.verb != VERB_OPEN)
            continue;
        size_t n = proto_put_hit_head(&proto, &request, &answer, out);
        assert_in_range(n + proto_put_hit_tail(&proto, &request, out + n), PROTO_ANSWER_MAX,
                        PROTO_ANSWER_MAX + PROTO_COPY_MAX);
        answer.has_revision = false;
        n = proto_put_hit_head(&proto, &request, &answer, out);
        assert_in_range(n + proto_put_hit_tail(&proto, &request, out + n), 1, PROTO_ANSWER_MAX);
        answer.has_revision = true;
    }
}

static void test_lines_fit(void **state)
{
    (void)state;
    struct bytes tags[PROTO_TAGS_MAX];
    for (size_t i = 0; i < PROTO_TAGS_MAX; i++)
        tags[i] = bytes_of(N64);
    struct session_line line = {bytes_of("00112233aabbccdd"),
                                bytes_of(N64),
                                bytes_of(H120),
                                tags,
                                PROTO_TAGS_MAX,
                                UINT64_MAX,
                                INT64_MAX,
                                UINT64_MAX,
                                UINT32_MAX,
                                UINT32_MAX,
                                UINT32_MAX,
                                true};
    char words[PROTO_EVENT_WORDS_MAX];
    memset(words, 'w', sizeof words);
    struct session_event event = {UINT64_MAX,  UINT64_MAX,       {words, PROTO_EVENT_KIND_MAX},
                                  line.handle, line.application, {words, sizeof words}};
    struct request request = parse("sl O" O31 "\r\n");
    char out[PROTO_SESSION_LINE_MAX];
    assert_in_range(proto_put_session_line(&line, out), PROTO_ANSWER_MAX + 1, PROTO_SESSION_LINE_MAX);
    assert_in_range(proto_put_event_line(&event, out), 1, PROTO_ANSWER_MAX);
    assert_in_range(proto_put_list_end(&request, bytes_of(N64), out), 1, PROTO_ANSWER_MAX);
}

static void test_waiting(void **state)
{
    (void)state;
    char out[PROTO_ANSWER_MAX];
    struct bytes line = {out, proto_put_waiting(3, out)};
    assert_true(bytes_equal(line, bytes_of("WT 3\r\n")));
    line.len = proto_put_waiting(UINT32_MAX, out);
    assert_true(bytes_equal(line, bytes_of("WT 4294967295\r\n")));
}

/* What is not there writes nothing. */
static void test_nothing_to_look_up(void **state)
{
    (void)state;
    char room[PROTO_KEY_MAX];
    uint64_t version = 1;
    uint64_t fence = 2;
    struct bytes token = bytes_of("untouched");
    struct request request = parse("so a k\r\n");
    struct bytes rest = request.argument;
    assert_false(proto_predecessor(&request, &version, &fence));
    assert_false(proto_flag(&rest, 'W', &token));
    assert_false(proto_next_tag(&rest, &token));
    assert_int_equal(version, 1);
    assert_int_equal(fence, 2);
    assert_true(bytes_equal(token, bytes_of("untouched")));
    assert_int_equal(proto_application(&request).len, 0);
    assert_int_equal(proto_holder(&request).len, 0);
    assert_int_equal(proto_cursor(&request).len, 0);
    assert_int_equal(proto_spared(&request, room).len, 0);
    assert_int_equal(request.page, PROTO_PAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_every_way), cmocka_unit_test(test_flags_of_each_verb),
        cmocka_unit_test(test_answers_fit),     cmocka_unit_test(test_lines_fit),
        cmocka_unit_test(test_waiting),         cmocka_unit_test(test_nothing_to_look_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
