/* The lines of the meta commands, see meta.h. */
#include "proto/meta.h"

#include "base/base64.h"
#include "proto/words.h"

/* What has been seen of a line's flags so far. */
struct flags {
    uint64_t seen[2]; /* by letter */
    enum refusal refusal;
    bool is_bad;
    char mode; /* 0: none */
    struct request *request;
};

static bool is_seen(struct flags *flags, unsigned char letter)
{
    uint64_t bit = UINT64_C(1) << (letter & 63);
    bool seen = (flags->seen[letter >> 6] & bit) != 0;
    flags->seen[letter >> 6] |= bit;
    return seen;
}

/* A token that is no number is refused once the line is through: an error behind it comes first. */
static void note_bad(struct flags *flags, enum refusal refusal)
{
    flags->is_bad = true;
    flags->refusal = refusal;
}

static void take_exptime(struct flags *flags, struct bytes token, int64_t *ret)
{
    if (!num_parse_i64(token, ret))
        note_bad(flags, REFUSAL_TOKEN);
}

static void take_u64(struct flags *flags, struct bytes token, enum refusal refusal, uint64_t *ret)
{
    if (!words_u64(token, ret))
        note_bad(flags, refusal);
}

static void take_key(struct flags *flags)
{
    char decoded[PROTO_KEY_MAX];
    size_t len;
    if (!base64_decode(flags->request->key, decoded, &len))
        note_bad(flags, REFUSAL_KEY);
    flags->request->key_is_base64 = true;
}

/* Flags with a token. False: it is none of them. */
static bool take_token(struct flags *flags, char letter, struct bytes token)
{
    struct request *request = flags->request;
    switch (letter) {
    case 'N':
        take_exptime(flags, token, &request->create_exptime);
        request->create = true;
        request->create_last = request->touch;
        return true;
    case 'T':
        take_exptime(flags, token, &request->exptime);
        request->touch = true;
        return true;
    case 'R':
        take_exptime(flags, token, &request->recache_exptime);
        request->recache = true;
        request->recache_last = request->touch;
        return true;
    case 'F':
        if (!words_u32(token, &request->flags))
            note_bad(flags, flags->refusal);
        return true;
    case 'C':
        take_u64(flags, token, REFUSAL_TOKEN, &request->cas);
        request->compare_cas = true;
        return true;
    case 'E':
        take_u64(flags, token, REFUSAL_TOKEN, &request->new_cas);
        return true;
    case 'J':
        take_u64(flags, token, REFUSAL_INITIAL, &request->initial);
        return true;
    case 'D':
        take_u64(flags, token, REFUSAL_NEW_DELTA, &request->delta);
        return true;
    case 'M':
        flags->mode = token.len > 0 ? token.p[0] : ' ';
        return true;
    default:
        return false;
    }
}

/* Flags that stand alone; whatever is behind them is passed over. False: unknown. */
static bool take_letter(struct flags *flags, char letter)
{
    struct request *request = flags->request;
    switch (letter) {
    case 'b':
        take_key(flags);
        return true;
    case 'I':
        request->invalidate = true;
        return true;
    case 'q':
        request->quiet = true;
        return true;
    case 'u':
        request->unseen = true;
        return true;
    case 'v':
        request->without_value = false;
        return true;
    case 'x':
        request->drop_value = true;
        return true;
    default: /* what only the answer cares about; L and P are for proxies on the way */
        return memchr("OPLkstcflh", letter, 10) != NULL;
    }
}

/* REFUSAL_NONE: on with the next. */
static enum refusal take_flag(struct flags *flags, struct bytes word)
{
    unsigned char letter = (unsigned char)word.p[0];
    if (letter >= 127 || is_seen(flags, letter))
        return REFUSAL_DUPLICATE;
    struct bytes token = {word.p + 1, word.len - 1};
    bool known = take_token(flags, word.p[0], token) || take_letter(flags, word.p[0]);
    return known ? REFUSAL_NONE : REFUSAL_FLAG;
}

static size_t count_words(struct bytes rest)
{
    size_t n = 0;
    while (words_next(&rest).len > 0)
        n++;
    return n;
}

static enum refusal take_flags(struct flags *flags, size_t words_before)
{
    if (flags->request->key.len > PROTO_KEY_MAX)
        return REFUSAL_FORMAT;
    struct bytes rest = flags->request->argument;
    if (words_before + count_words(rest) > META_WORDS_MAX)
        return REFUSAL_TOO_MANY;
    for (struct bytes word = words_next(&rest); word.len > 0; word = words_next(&rest)) {
        enum refusal refusal = take_flag(flags, word);
        if (refusal != REFUSAL_NONE)
            return refusal;
    }
    return flags->is_bad ? flags->refusal : REFUSAL_NONE;
}

static enum refusal check_opaque(struct bytes rest)
{
    for (struct bytes word = words_next(&rest); word.len > 0; word = words_next(&rest))
        if (word.p[0] == 'O' && word.len > META_OPAQUE_MAX)
            return REFUSAL_OPAQUE;
    return REFUSAL_NONE;
}

/* E is for add, as S is for set; a cas makes the modes that would replace something compare it. */
static enum refusal set_mode(char mode, struct request *ret)
{
    switch (mode) {
    case 0:
    case 'S':
        ret->verb = ret->compare_cas ? VERB_CAS : VERB_SET;
        return REFUSAL_NONE;
    case 'R':
        ret->verb = ret->compare_cas ? VERB_CAS : VERB_REPLACE;
        return REFUSAL_NONE;
    case 'E':
        ret->verb = VERB_ADD;
        break;
    case 'A':
        ret->verb = VERB_APPEND;
        break;
    case 'P':
        ret->verb = VERB_PREPEND;
        break;
    default:
        return REFUSAL_SET_MODE;
    }
    ret->compare_cas = false; /* here 0 is any */
    return REFUSAL_NONE;
}

static enum refusal count_mode(char mode, struct request *ret)
{
    ret->compare_cas = false; /* here 0 is any */
    if (mode == 'D' || mode == '-')
        ret->verb = VERB_DECR;
    else if (mode != 0 && mode != 'I' && mode != '+')
        return REFUSAL_COUNT_MODE;
    return REFUSAL_NONE;
}

static enum refusal parse_flags(enum meta meta, struct request *ret)
{
    struct flags flags = {.refusal = REFUSAL_FORMAT, .request = ret};
    enum refusal refusal = take_flags(&flags, meta == META_SET ? 3 : 2);
    if (refusal != REFUSAL_NONE)
        return meta == META_COUNT ? REFUSAL_COUNT_FLAGS : refusal;
    if (meta == META_SET)
        refusal = set_mode(flags.mode, ret);
    else if (meta == META_COUNT)
        refusal = count_mode(flags.mode, ret);
    return refusal != REFUSAL_NONE ? refusal : check_opaque(ret->argument);
}

/* me takes one flag, and passes over what it does not know. */
static enum refusal parse_debug(struct request *ret)
{
    struct flags flags = {.request = ret};
    struct bytes rest = ret->argument;
    struct bytes word = words_next(&rest);
    ret->unseen = true;
    if (ret->key.len > PROTO_KEY_MAX)
        return REFUSAL_FORMAT;
    if (word.len == 1 && word.p[0] == 'b')
        take_key(&flags);
    return flags.is_bad ? REFUSAL_FORMAT : REFUSAL_NONE;
}

bool meta_parse(enum meta meta, struct bytes rest, struct request *ret)
{
    ret->meta = meta;
    ret->without_value = true;
    ret->delta = meta == META_COUNT ? 1 : 0;
    ret->key = words_next(&rest);
    bool is_whole = ret->key.len > 0 && (meta != META_SET || words_value_len(words_next(&rest), ret));
    ret->argument = words_trimmed(rest);
    enum refusal refusal = REFUSAL_FORMAT;
    if (is_whole)
        refusal = meta == META_DEBUG ? parse_debug(ret) : parse_flags(meta, ret);
    if (refusal != REFUSAL_NONE) {
        ret->verb = VERB_REFUSED;
        ret->refusal = refusal;
        ret->quiet = false;
    }
    return is_whole && meta == META_SET;
}
