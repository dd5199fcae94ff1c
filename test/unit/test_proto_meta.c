/*
 * Promise (proto.h, meta.h): whatever the bytes and however they are cut, the meta commands never make proto read past
 * its input, yield the same requests, and are answered as memcached 1.6.45 answers them.
 */
#include "test_proto_play.h"

#define K50  "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define K250 K50 K50 K50 K50 K50
#define A48  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define A248 A48 A48 A48 A48 A48 "AAAAAAAA"
#define O31  "ooooooooooooooooooooooooooooooo"

#define FORMAT    "CLIENT_ERROR bad command line format\r\n"
#define DUPLICATE "CLIENT_ERROR duplicate flag\r\n"
#define INVALID   "CLIENT_ERROR invalid flag\r\n"
#define TOO_MANY  "CLIENT_ERROR options flags are too long\r\n"
#define TOKEN     "CLIENT_ERROR bad token in command line format\r\n"
#define KEY       "CLIENT_ERROR error decoding key\r\n"
#define OPAQUE    "CLIENT_ERROR opaque token too long\r\n"
#define COUNT     "CLIENT_ERROR invalid or duplicate flag\r\n"

/* All flags but those of mg that change what is asked. */
#define FLAGS16 "s v k f c t h l u O1 P L F1 C1 E1 J1 "

static const struct play_row rows[] = {
    /* mg: the answer has what was asked for, in that order */
    {"mg a\r\n", "get key=a mg\n", "EN\r\n"},
    {"mg hit\r\n", "get key=hit mg\n", "HD\r\n"},
    {"mg hit v\r\n", "get key=hit arg=v mg +value\n", "VA 5\r\nhello\r\n"},
    {"mg hit s v k f c t h l O1\r\n", "get key=hit arg=s v k f c t h l O1 mg +value\n",
     "VA 5 s5 khit f7 c9 t70 h0 l3 O1\r\nhello\r\n"},
    {"mg  hit   O1  l h t\n", "get key=hit arg=O1  l h t mg\n", "HD O1 l3 h0 t70\r\n"},
    {"mg hitz h k\r\n", "get key=hitz arg=h k mg\n", "HD h1 khitz Z\r\n"},
    {"mg hits v t u\r\n", "get key=hits arg=v t u mg +value unseen\n", "VA 5 t-1 X W\r\nhello\r\n"},
    {"mg hit sxyz kfoo v1 tt\r\n", "get key=hit arg=sxyz kfoo v1 tt mg +value\n",
     "VA 5 s5 khit t70\r\nhello\r\n"},
    {"mg hit P/a/b L1 O\r\n", "get key=hit arg=P/a/b L1 O mg\n", "HD O\r\n"},
    {"mg hit k noreply\r\n", "refused why=17\n", INVALID},
    /* of a miss, the key and the opaque; nothing to the quiet */
    {"mg a s v k t O1 c\r\n", "get key=a arg=s v k t O1 c mg +value\n", "EN ka O1\r\n"},
    {"mg a q k\r\nmg hit q k\r\nmn\r\n", "get key=a arg=q k mg quiet\nget key=hit arg=q k mg quiet\nnoop\n",
     "HD khit\r\nMN\r\n"},
    /* T and N have changed what a t behind them shows */
    {"mg hit t T30\r\n", "get key=hit arg=t T30 exp=30 touch mg\n", "HD t70\r\n"},
    {"mg hit T30 t\r\n", "get key=hit arg=T30 t exp=30 touch mg\n", "HD t30\r\n"},
    {"mg hit N30 t\r\n", "get key=hit arg=N30 t life=30 create mg\n", "HD t70\r\n"},
    {"mg hitn N30 t\r\n", "get key=hitn arg=N30 t life=30 create mg\n", "HD t30 W\r\n"},
    {"mg hitn t N30\r\n", "get key=hitn arg=t N30 life=30 create mg\n", "HD t-1 W\r\n"},
    {"mg hitn T50 N30 t\r\n", "get key=hitn arg=T50 N30 t exp=50 life=30 create touch mg create_last\n",
     "HD t30 W\r\n"},
    {"mg hitn N30 T-1 t\r\n", "get key=hitn arg=N30 T-1 t exp=-1 life=30 create touch mg\n", "HD t-1 W\r\n"},
    {"mg a R30 T9\r\n", "get key=a arg=R30 T9 exp=9 touch mg recache=30 recache\n", "EN\r\n"},
    {"mg a T9 R30 E77\r\n",
     "get key=a arg=T9 R30 E77 exp=9 touch mg recache=30 new_cas=77 recache recache_last\n", "EN\r\n"},
    /* base64 keys: told back as they came */
    {"mg aGl0 b k v\r\n", "get key=aGl0 arg=b k v mg +value base64\n", "EN kaGl0 b\r\n"},
    {"mg aGl0 k b O1\r\n", "get key=aGl0 arg=k b O1 mg base64\n", "EN kaGl0 b O1\r\n"},
    {"mg aGl b\r\nmg aGl0= b k\r\nmg aGm= b\r\n", "refused why=20\nrefused why=20\nrefused why=20\n",
     KEY KEY KEY},
    {"mg " A248 " b\r\n", "get key=" A248 " arg=b mg base64\n", "EN\r\n"},
    {"mg " A248 "AAAA b\r\n", "refused why=2\n", FORMAT},
    /* ms */
    {"ms k 1\r\nx\r\n", "set key=k value=x ms\n", "HD\r\n"},
    {"ms k 0 c s k O9\r\n\r\n", "set key=k arg=c s k O9 ms\n", "HD c5 s10 kk O9\r\n"},
    {"ms k 2 q c\r\nxy\r\nmn\r\n", "set key=k arg=q c value=xy ms quiet\nnoop\n", "MN\r\n"},
    {"ms not 2 q c s f t h\r\nxy\r\n", "set key=not arg=q c s f t h value=xy ms quiet\n", "NS c0 s2\r\n"},
    {"ms k 1 T30 F7\r\nx\r\n", "set key=k arg=T30 F7 value=x flags=7 exp=30 touch ms\n", "HD\r\n"},
    {"ms exists 1 C5 c\r\nx\r\n", "cas key=exists arg=C5 c value=x cas=5 ms compare\n", "EX c0\r\n"},
    {"ms miss 1 C0 I k\r\nx\r\n", "cas key=miss arg=C0 I k value=x ms compare invalidate\n", "NF kmiss\r\n"},
    {"ms k 1 MS\r\nx\r\nms k 1 MR\r\nx\r\nms k 1 ME\r\nx\r\nms k 1 MA\r\nx\r\nms k 1 MP\r\nx\r\n",
     "set key=k arg=MS value=x ms\nreplace key=k arg=MR value=x ms\nadd key=k arg=ME value=x ms\nappend "
     "key=k "
     "arg=MA value=x ms\nprepend key=k arg=MP value=x ms\n",
     "HD\r\nHD\r\nHD\r\nHD\r\nHD\r\n"},
    {"ms k 1 MR C5\r\nx\r\nms k 1 C5 ME\r\nx\r\nms k 1 MA C0 N60\r\nx\r\nms k 1 MSet\r\nx\r\n",
     "cas key=k arg=MR C5 value=x cas=5 ms compare\nadd key=k arg=C5 ME value=x cas=5 ms\nappend key=k "
     "arg=MA C0 N60 value=x life=60 create ms\nset key=k arg=MSet value=x ms\n",
     "HD\r\nHD\r\nHD\r\nHD\r\n"},
    {"ms aGk= 1 b k s\r\nx\r\n", "set key=aGk= arg=b k s value=x ms base64\n", "HD kaGk= b s11\r\n"},
    {"ms large 1 q\r\nx\r\nms full 1\r\nx\r\n",
     "set key=large arg=q value=x ms quiet\nset key=full value=x ms\n",
     "SERVER_ERROR object too large for cache\r\nSERVER_ERROR out of memory storing object\r\n"},
    /* refused with a good length: the value is swallowed, and the quiet are told */
    {"ms k 1 z q\r\nx\r\nmn\r\n", "refused why=17\nnoop\n", INVALID "MN\r\n"},
    {"ms k 1 q q\r\nx\r\nmn\r\n", "refused why=16\nnoop\n", DUPLICATE "MN\r\n"},
    {"ms k 1 q Tx\r\nx\r\nmn\r\n", "refused why=19\nnoop\n", TOKEN "MN\r\n"},
    {"ms k 1 MQ\r\nx\r\nms k 1 M\r\nx\r\nmn\r\n", "refused why=24\nrefused why=24\nnoop\n",
     "CLIENT_ERROR invalid mode for ms M token\r\nCLIENT_ERROR invalid mode for ms M token\r\nMN\r\n"},
    {"ms " K250 "k 1\r\nx\r\nmn\r\n", "refused why=2\nnoop\n", FORMAT "MN\r\n"},
    {"ms k 1 O" O31 "o\r\nx\r\nms k 1 O" O31 "\r\nx\r\n",
     "refused why=23\nset key=k arg=O" O31 " value=x ms\n", OPAQUE "HD O" O31 "\r\n"},
    {"ms k 1 q\r\nxyz\r\nmn\r\n", "refused why=3\nrefused why=2\nnoop\n",
     "CLIENT_ERROR bad data chunk\r\n" FORMAT "MN\r\n"},
    {"ms k 101 q\r\n" K50 K50 "k\r\nmn\r\n", "refused why=4\nnoop\n",
     "SERVER_ERROR object too large for cache\r\nMN\r\n"},
    /* and without one */
    {"ms k\r\nms k x\r\nms k -1\r\nms k S1\r\nms\r\nmn\r\n",
     "refused why=2\nrefused why=2\nrefused why=2\nrefused why=2\nrefused why=2\nnoop\n",
     FORMAT FORMAT FORMAT FORMAT FORMAT "MN\r\n"},
    /* md */
    {"md k\r\nmd k q\r\nmn\r\n", "delete key=k md\ndelete key=k arg=q md quiet\nnoop\n", "HD\r\nMN\r\n"},
    {"md miss q k O1 s c t\r\n", "delete key=miss arg=q k O1 s c t md quiet\n", "NF kmiss O1\r\n"},
    {"md exists C0 k\r\n", "delete key=exists arg=C0 k md compare\n", "EX kexists\r\n"},
    {"md k I T30 x F5 E9 s t c f\r\n",
     "delete key=k arg=I T30 x F5 E9 s t c f flags=5 exp=30 touch md new_cas=9 invalidate drop\n", "HD\r\n"},
    {"md full x\r\n", "delete key=full arg=x md drop\n", "SERVER_ERROR out of memory\r\n"},
    {"md k z\r\nmd k k k\r\nmd k Cx\r\nmd " K250 "k\r\n",
     "refused why=17\nrefused why=16\nrefused why=19\nrefused why=2\n", INVALID DUPLICATE TOKEN FORMAT},
    /* ma */
    {"ma k\r\nma k D5 v\r\n", "incr key=k delta=1 ma\nincr key=k arg=D5 v delta=5 ma\n",
     "HD\r\nVA 1\r\n6\r\n"},
    {"ma k D99 v c t k O1 s f h\r\n", "incr key=k arg=D99 v c t k O1 s f h delta=99 ma\n",
     "VA 3 c5 t70 kk O1\r\n100\r\n"},
    {"ma k t T30\r\nma k T30 t\r\n",
     "incr key=k arg=t T30 exp=30 delta=1 touch ma\nincr key=k arg=T30 t exp=30 "
     "delta=1 touch ma\n",
     "HD t70\r\nHD t30\r\n"},
    {"ma k MD\r\nma k M-\r\nma k MI\r\nma k M+\r\nma k MIncr\r\n",
     "decr key=k arg=MD delta=1 ma\ndecr key=k arg=M- delta=1 ma\nincr key=k arg=MI delta=1 ma\nincr key=k "
     "arg=M+ "
     "delta=1 ma\nincr key=k arg=MIncr delta=1 ma\n",
     "HD\r\nHD\r\nHD\r\nHD\r\nHD\r\n"},
    {"ma k N0 J13 C5 E6\r\n", "incr key=k arg=N0 J13 C5 E6 cas=5 delta=1 initial=13 create ma new_cas=6\n",
     "HD\r\n"},
    {"ma k q v\r\nma miss q\r\nma exists q k\r\n",
     "incr key=k arg=q v delta=1 ma quiet\nincr key=miss arg=q delta=1 ma quiet\nincr key=exists arg=q k "
     "delta=1 ma "
     "quiet\n",
     "NF\r\nEX kexists\r\n"},
    {"ma word q\r\nma full\r\n", "incr key=word arg=q delta=1 ma quiet\nincr key=full delta=1 ma\n",
     "CLIENT_ERROR cannot increment or decrement non-numeric value\r\nSERVER_ERROR out of memory\r\n"},
    {"ma k Dx\r\nma k z\r\nma k q q\r\nma " K250 "k\r\nma k MQ\r\nma k O" O31 "o\r\n",
     "refused why=26\nrefused why=26\nrefused why=26\nrefused why=26\nrefused why=25\nrefused why=23\n",
     COUNT COUNT COUNT COUNT "CLIENT_ERROR invalid mode for ma M token\r\n" OPAQUE},
    /* me */
    {"me hit\r\nme a\r\n", "get key=hit me unseen\nget key=a me unseen\n",
     "ME hit exp=70 la=3 cas=9 fetch=no cls=1 size=61\r\nEN\r\n"},
    {"me hits x y\r\n", "get key=hits arg=x y me unseen\n",
     "ME hits exp=-1 la=3 cas=9 fetch=no cls=1 size=61\r\n"},
    {"me aGl0 b\r\nme aGl b\r\nme\r\nme " K250 "k\r\nme " K250 "k b\r\n",
     "get key=aGl0 arg=b me unseen base64\nrefused why=2\nrefused why=2\nrefused why=2\nrefused why=2\n",
     "EN\r\n" FORMAT FORMAT FORMAT FORMAT},
    /* mn takes anything */
    {"mn\r\nmn x y\r\nmnx\r\n", "noop\nnoop arg=x y\nrefused why=1\n", "MN\r\nMN\r\nERROR\r\n"},
    /* what is wrong, and what of it is told */
    {"mg\r\nmg  \r\nmd\r\nma\r\n", "refused why=2\nrefused why=2\nrefused why=2\nrefused why=2\n",
     FORMAT FORMAT FORMAT FORMAT},
    {"mg " K250 "\r\nmg " K250 "k\r\n", "get key=" K250 " mg\nrefused why=2\n", "EN\r\n" FORMAT},
    {"mg a z\r\nmg a \x7f\r\nmg a \xc3\xa4\r\nmg a s s\r\nmg a 1\r\n",
     "refused why=17\nrefused why=16\nrefused why=16\nrefused why=16\nrefused why=17\n",
     INVALID DUPLICATE DUPLICATE DUPLICATE INVALID},
    {"mg a Nx\r\nmg a N\r\nmg a T1x\r\nmg a R-\r\nmg a C-1\r\nmg a E\r\n",
     "refused why=19\nrefused why=19\nrefused why=19\nrefused why=19\nrefused why=19\nrefused why=19\n",
     TOKEN TOKEN TOKEN TOKEN TOKEN TOKEN},
    {"mg a Jx\r\nmg a D-1\r\nmg a Fx\r\nmg a F4294967296\r\n",
     "refused why=21\nrefused why=22\nrefused why=2\nrefused why=2\n",
     "CLIENT_ERROR invalid numeric initial value\r\nCLIENT_ERROR invalid numeric delta value\r\n" FORMAT
         FORMAT},
    {"mg a Tx Jx\r\nmg a Jx Tx\r\nmg a Tx Fx\r\nmg a Tx z\r\nmg a Tx q q\r\n",
     "refused why=21\nrefused why=19\nrefused why=19\nrefused why=17\nrefused why=16\n",
     "CLIENT_ERROR invalid numeric initial value\r\n" TOKEN TOKEN INVALID DUPLICATE},
    {"mg a O" O31 "o\r\nmd a O" O31 "o q\r\nmg a O" O31 "\r\n",
     "refused why=23\nrefused why=23\nget key=a arg=O" O31 " mg\n", OPAQUE OPAQUE "EN O" O31 "\r\n"},
    {"mg a " FLAGS16 "D1 q\r\nmg a " FLAGS16 "D1 q x\r\nms a 1 " FLAGS16 "D1\r\nx\r\nms a 1 " FLAGS16
     "D1 q\r\nx\r\n",
     "get key=a arg=" FLAGS16
     "D1 q flags=1 cas=1 delta=1 initial=1 mg new_cas=1 compare +value unseen quiet\n"
     "refused why=18\ncas key=a arg=" FLAGS16
     "D1 value=x flags=1 cas=1 delta=1 initial=1 ms new_cas=1 compare unseen\n"
     "refused why=18\n",
     TOO_MANY "HD s11 ka c5 O1\r\n" TOO_MANY},
};

static void test_table_every_way(void **state)
{
    (void)state;
    play_rows(rows, sizeof rows / sizeof *rows);
}

/* The longest answer there is: everything shown, nothing small. */
static void test_answers_fit(void **state)
{
    (void)state;
    static const char in[] = "mg " A248 " s v k b f c t h l O" O31 "\r\n";
    struct proto proto = {.value_max = 10};
    struct request request;
    size_t used;
    size_t need;
    struct answer answer = {.cas = UINT64_MAX,
                            .flags = UINT32_MAX,
                            .value_len = UINT32_MAX,
                            .ttl_s = INT64_MAX,
                            .idle_s = UINT32_MAX,
                            .size = UINT64_MAX,
                            .is_stale = true,
                            .was_won = true,
                            .has_won = true};
    char out[PROTO_ANSWER_MAX];
    assert_int_equal(proto_next(&proto, in, sizeof in - 1, &used, &need, &request), PARSE_REQUEST);
    assert_true(proto_put_hit_head(&proto, &request, &answer, out) < PROTO_ANSWER_MAX - 2);
    request.meta = META_DEBUG;
    assert_true(proto_put_hit_head(&proto, &request, &answer, out) < PROTO_ANSWER_MAX - 2);
    request.meta = META_COUNT;
    assert_true(proto_put_answer(&proto, &request, &answer, out) < PROTO_ANSWER_MAX - 2);
}

static void test_decoded_key(void **state)
{
    (void)state;
    struct proto proto = {.value_max = 10};
    struct request request;
    size_t used;
    size_t need;
    char room[PROTO_KEY_MAX];
    assert_int_equal(proto_next(&proto, "mg AAog/w== b\r\n", 15, &used, &need, &request), PARSE_REQUEST);
    assert_true(bytes_equal(proto_key(&request, room), (struct bytes){"\0\n \xff", 4}));
    assert_int_equal(proto_next(&proto, "mg AAog/w==\r\n", 13, &used, &need, &request), PARSE_REQUEST);
    assert_true(bytes_equal(proto_key(&request, room), bytes_of("AAog/w==")));
}

static void test_out_of_memory_for_a_new_number(void **state)
{
    (void)state;
    struct proto proto = {.value_max = 10};
    struct request request;
    size_t used;
    size_t need;
    char out[PROTO_ANSWER_MAX];
    struct answer answer = {.status = STATUS_FULL, .is_created = true};
    assert_int_equal(proto_next(&proto, "ma n N0 q\r\n", 11, &used, &need, &request), PARSE_REQUEST);
    size_t n = proto_put_answer(&proto, &request, &answer, out);
    assert_true(
        bytes_equal((struct bytes){out, n}, bytes_of("SERVER_ERROR Out of memory allocating new item\r\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_every_way),
        cmocka_unit_test(test_answers_fit),
        cmocka_unit_test(test_decoded_key),
        cmocka_unit_test(test_out_of_memory_for_a_new_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
