/* The binary dialect: a table of opcodes, the header's checks, and the answers; see binary.h. */
#include "proto/binary.h"
#include "proto/login.h"

enum {
    KEY = 1,          /* there must be a key */
    KEY_MAYBE = 2,    /* there may be one; else there must be none */
    VALUE = 4,        /* what is left of the body is a value; else nothing may be left */
    EXTRAS_MAYBE = 8, /* no extras will do too */
    QUIET = 16,
    TOUCH = 32,
    ECHO_KEY = 64,
};

struct opcode {
    enum verb verb; /* VERB_REFUSED: unknown */
    uint8_t extras_len;
    uint8_t is; /* of the above */
};

/* By number. What is unknown to memcached is unknown here: verbosity, and SASL where nobody has to log in. */
static const struct opcode opcodes[] = {
    {/* 00 get */ VERB_GET, 0, KEY},
    {/* 01 set */ VERB_SET, 8, KEY | VALUE},
    {/* 02 add */ VERB_ADD, 8, KEY | VALUE},
    {/* 03 replace */ VERB_REPLACE, 8, KEY | VALUE},
    {/* 04 delete */ VERB_DELETE, 0, KEY},
    {/* 05 incr */ VERB_INCR, 20, KEY},
    {/* 06 decr */ VERB_DECR, 20, KEY},
    {/* 07 quit */ VERB_QUIT, 0, 0},
    {/* 08 flush */ VERB_FLUSH, 4, EXTRAS_MAYBE},
    {/* 09 getq */ VERB_GET, 0, KEY | QUIET},
    {/* 0a noop */ VERB_NOOP, 0, 0},
    {/* 0b version */ VERB_VERSION, 0, 0},
    {/* 0c getk */ VERB_GET, 0, KEY | ECHO_KEY},
    {/* 0d getkq */ VERB_GET, 0, KEY | ECHO_KEY | QUIET},
    {/* 0e append */ VERB_APPEND, 0, KEY | VALUE},
    {/* 0f prepend */ VERB_PREPEND, 0, KEY | VALUE},
    {/* 10 stat */ VERB_STATS, 0, KEY_MAYBE},
    {/* 11 setq */ VERB_SET, 8, KEY | VALUE | QUIET},
    {/* 12 addq */ VERB_ADD, 8, KEY | VALUE | QUIET},
    {/* 13 replaceq */ VERB_REPLACE, 8, KEY | VALUE | QUIET},
    {/* 14 deleteq */ VERB_DELETE, 0, KEY | QUIET},
    {/* 15 incrq */ VERB_INCR, 20, KEY | QUIET},
    {/* 16 decrq */ VERB_DECR, 20, KEY | QUIET},
    {/* 17 quitq */ VERB_QUIT, 0, QUIET},
    {/* 18 flushq */ VERB_FLUSH, 4, EXTRAS_MAYBE | QUIET},
    {/* 19 appendq */ VERB_APPEND, 0, KEY | VALUE | QUIET},
    {/* 1a prependq */ VERB_PREPEND, 0, KEY | VALUE | QUIET},
    {/* 1b verbosity */ VERB_REFUSED, 0, 0},
    {/* 1c touch */ VERB_TOUCH, 4, KEY},
    {/* 1d gat */ VERB_GET, 4, KEY | TOUCH},
    {/* 1e gatq */ VERB_GET, 4, KEY | TOUCH | QUIET},
    {/* 1f none */ VERB_REFUSED, 0, 0},
    {/* 20 SASL list */ VERB_SASL_LIST, 0, 0},
    {/* 21 SASL auth */ VERB_LOGIN, 0, KEY | VALUE},
    {/* 22 SASL step */ VERB_LOGIN, 0, KEY | VALUE},
    {/* 23 gatk */ VERB_GET, 4, KEY | TOUCH | ECHO_KEY},
    {/* 24 gatkq */ VERB_GET, 4, KEY | TOUCH | ECHO_KEY | QUIET},
};

enum { OPCODE_SASL_LIST = 0x20, OPCODE_SASL_STEP = 0x22 };

static const struct opcode *opcode_find(uint8_t number, enum auth auth)
{
    static const struct opcode unknown = {VERB_REFUSED, 0, 0};
    if (number >= OPCODE_SASL_LIST && number <= OPCODE_SASL_STEP && auth == AUTH_NONE)
        return &unknown;
    return number < sizeof opcodes / sizeof *opcodes ? &opcodes[number] : &unknown;
}

/* What may be asked before one has said who one is. */
static bool is_open_to_all(const struct opcode *opcode)
{
    return opcode->verb == VERB_VERSION || opcode->verb == VERB_SASL_LIST || opcode->verb == VERB_LOGIN;
}

struct header {
    uint8_t opcode;
    uint8_t extras_len;
    uint16_t key_len;
    uint32_t body_len;
    uint64_t cas;
};

static struct header header_of(const char *in)
{
    return (struct header){.opcode = (uint8_t)in[1],
                           .key_len = bytes_get_be16(in + 2),
                           .extras_len = (uint8_t)in[4],
                           .body_len = bytes_get_be32(in + 8),
                           .cas = bytes_get_be64(in + 16)};
}

/* Do the lengths suit the opcode? That the key and extras fit the body is known. */
static bool lengths_suit(const struct header *header, const struct opcode *opcode)
{
    uint32_t before_value = (uint32_t)header->key_len + header->extras_len;
    bool no_extras = (opcode->is & EXTRAS_MAYBE) && header->extras_len == 0;
    if (header->extras_len != opcode->extras_len && !no_extras)
        return false;
    if ((opcode->is & KEY) && header->key_len == 0)
        return false;
    if (!(opcode->is & (KEY | KEY_MAYBE)) && header->key_len > 0)
        return false;
    return (opcode->is & VALUE) || header->body_len == before_value;
}

static enum parse refuse(struct request *ret, enum refusal refusal, bool close)
{
    ret->verb = VERB_REFUSED;
    ret->refusal = refusal;
    ret->close = close;
    return PARSE_REQUEST;
}

/* Refused, but the stream goes on behind the body: what is not here yet is skipped as it comes. */
static enum parse refuse_and_skip(struct proto *proto, size_t len, const struct header *header,
                                  enum refusal refusal, size_t *ret_used, struct request *ret)
{
    uint64_t whole = BINARY_HEADER_LEN + (uint64_t)header->body_len;
    *ret_used = len < whole ? len : (size_t)whole;
    proto->skip = whole - *ret_used;
    return refuse(ret, refusal, false);
}

static enum refusal value_refusal(const struct proto *proto, const struct header *header,
                                  const struct opcode *opcode)
{
    uint32_t before_value = (uint32_t)header->key_len + header->extras_len;
    if (!(opcode->is & VALUE))
        return REFUSAL_NONE;
    if (header->body_len - before_value > proto->value_max)
        return REFUSAL_TOO_LARGE;
    return proto->no_room ? REFUSAL_FULL : REFUSAL_NONE;
}

/* Extras of incr and decr: delta, initial value, exptime; all ones means: do not make the key. */
static void take_counter(const char *extras, struct request *ret)
{
    uint32_t exptime = bytes_get_be32(extras + 16);
    ret->delta = bytes_get_be64(extras);
    ret->initial = bytes_get_be64(extras + 8);
    ret->create_exptime = exptime;
    ret->create = exptime != UINT32_MAX;
}

static void take_extras(const char *extras, size_t len, struct request *ret)
{
    if (len == 20) {
        take_counter(extras, ret);
    } else if (len == 8) {
        ret->flags = bytes_get_be32(extras);
        ret->exptime = bytes_get_be32(extras + 4);
    } else if (len == 4) {
        ret->exptime = bytes_get_be32(extras);
    }
}

/* The whole packet is there and its lengths are good. */
static void take_packet(struct proto *proto, const char *in, const struct header *header,
                        const struct opcode *opcode, struct request *ret)
{
    const char *key = in + BINARY_HEADER_LEN + header->extras_len;
    ret->verb = opcode->verb;
    ret->quiet = opcode->is & QUIET;
    ret->touch = opcode->is & TOUCH;
    ret->with_key = opcode->is & ECHO_KEY;
    ret->cas = header->cas;
    ret->close = opcode->verb == VERB_QUIT;
    take_extras(in + BINARY_HEADER_LEN, header->extras_len, ret);
    if (opcode->verb == VERB_STATS)
        ret->argument = (struct bytes){key, header->key_len};
    else
        ret->key = (struct bytes){key, header->key_len};
    if (opcode->is & VALUE)
        ret->value =
            (struct bytes){key + header->key_len, header->body_len - header->key_len - header->extras_len};
    if (ret->verb == VERB_LOGIN)
        login_take_sasl(proto, header->opcode == OPCODE_SASL_STEP, ret);
    ret->replaces = ret->verb == VERB_SET;
    /* memcached turns all three into a cas; its add with a cas overwrites, too. */
    bool takes_cas = ret->verb == VERB_SET || ret->verb == VERB_ADD || ret->verb == VERB_REPLACE;
    if (takes_cas && ret->cas != 0)
        ret->verb = VERB_CAS;
}

enum parse binary_next(struct proto *proto, const char *in, size_t len, size_t *ret_used, size_t *ret_need,
                       struct request *ret)
{
    if ((unsigned char)in[0] != BINARY_MAGIC_REQUEST) {
        *ret = (struct request){0};
        *ret_used = len;
        return refuse(ret, REFUSAL_HANGUP, true);
    }
    if (len < BINARY_HEADER_LEN) {
        *ret_need = BINARY_HEADER_LEN;
        return PARSE_MORE;
    }
    struct header header = header_of(in);
    const struct opcode *opcode = opcode_find(header.opcode, proto->auth);
    uint32_t before_value = (uint32_t)header.key_len + header.extras_len;
    *ret = (struct request){.opcode = header.opcode};
    memcpy(&ret->opaque, in + 12, sizeof ret->opaque);
    *ret_used = len;
    if (before_value > header.body_len)
        return refuse(ret, REFUSAL_UNKNOWN, true);
    if (proto->auth == AUTH_WANTED && !is_open_to_all(opcode))
        return refuse(ret, REFUSAL_LOGIN, true);
    if (header.key_len > PROTO_KEY_MAX)
        return refuse(ret, REFUSAL_FORMAT, true);
    if (opcode->verb == VERB_REFUSED)
        return refuse_and_skip(proto, len, &header, REFUSAL_UNKNOWN, ret_used, ret);
    if (!lengths_suit(&header, opcode))
        return refuse(ret, REFUSAL_FORMAT, true);
    if (opcode->verb == VERB_LOGIN && header.key_len > LOGIN_MECHANISM_MAX)
        return refuse_and_skip(proto, len, &header, REFUSAL_LOGIN_FORMAT, ret_used, ret);
    if (opcode->verb == VERB_LOGIN && header.body_len > PROTO_LOGIN_MAX)
        return refuse_and_skip(proto, len, &header, REFUSAL_LOGIN_LONG, ret_used, ret);

    /* The key of a value is waited for first: what it was to replace may have to go. */
    enum refusal refusal = value_refusal(proto, &header, opcode);
    bool has_value = opcode->is & VALUE;
    bool has_key = len >= BINARY_HEADER_LEN + (size_t)before_value;
    bool is_head_enough = refusal != REFUSAL_NONE || (has_value && !has_key);
    size_t whole = BINARY_HEADER_LEN + (size_t)(is_head_enough ? before_value : header.body_len);
    *ret_used = len < whole ? 0 : whole;
    *ret_need = len < whole ? whole : 0;
    if (len < whole && !(has_value && proto->no_room))
        return PARSE_MORE;
    if (refusal != REFUSAL_NONE) {
        if (has_key)
            ret->key = (struct bytes){in + BINARY_HEADER_LEN + header.extras_len, header.key_len};
        ret->replaces = has_key && opcode->verb == VERB_SET;
        return refuse_and_skip(proto, len, &header, refusal, ret_used, ret);
    }
    take_packet(proto, in, &header, opcode, ret);
    return PARSE_REQUEST;
}
