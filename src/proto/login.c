/* Who somebody says he is, in both dialects; see login.h. */
#include "proto/login.h"

#include "base/num.h"
#include "proto/words.h"

#include <strings.h>

static enum parse refuse(struct request *ret, enum refusal refusal)
{
    ret->verb = VERB_REFUSED;
    ret->refusal = refusal;
    return PARSE_REQUEST;
}

/* A `set` with whatever key, flags and time; its length is all that counts. */
static bool take_line(struct bytes line, uint32_t *ret_len)
{
    struct words words;
    words_split(line, &words);
    return words.n >= 5 && bytes_equal(words.word[0], bytes_of("set")) &&
           num_parse_u32(words.word[4], ret_len);
}

static enum parse take_token(struct bytes token, struct request *ret)
{
    struct words words;
    words_split(token, &words);
    if (words.n < 2)
        return refuse(ret, REFUSAL_LOGIN_FORMAT);
    ret->verb = VERB_LOGIN;
    ret->key = words.word[0];
    ret->value = words.word[1];
    return PARSE_REQUEST;
}

static enum parse find_line(struct proto *proto, const char *in, size_t len, size_t *ret_used,
                            struct request *ret, struct bytes *ret_line)
{
    size_t reach = len < PROTO_LINE_MAX ? len : PROTO_LINE_MAX;
    const char *end = memchr(in + proto->scanned, '\n', reach - proto->scanned);
    *ret_used = 0;
    proto->scanned = end == NULL ? reach : 0;
    if (end == NULL && len < PROTO_LINE_MAX)
        return PARSE_MORE;
    *ret = (struct request){0};
    *ret_used = len;
    if (end == NULL) {
        ret->close = true;
        return refuse(ret, REFUSAL_LINE_TOO_LONG);
    }
    *ret_used = (size_t)(end - in) + 1;
    *ret_line = words_line(in, *ret_used);
    return PARSE_REQUEST;
}

enum parse login_next(struct proto *proto, const char *in, size_t len, size_t *ret_used, size_t *ret_need,
                      struct request *ret)
{
    struct bytes line = {0};
    uint32_t token_len;
    if (find_line(proto, in, len, ret_used, ret, &line) == PARSE_MORE)
        return PARSE_MORE;
    if (ret->verb == VERB_REFUSED)
        return PARSE_REQUEST;
    if (!take_line(line, &token_len))
        return refuse(ret, REFUSAL_LOGIN);
    size_t at = *ret_used;
    size_t whole = at + token_len + 2;
    if (token_len > PROTO_LOGIN_MAX || proto->no_room) {
        *ret_used = len < whole ? len : whole;
        proto->skip = whole - *ret_used;
        return refuse(ret, token_len > PROTO_LOGIN_MAX ? REFUSAL_LOGIN_LONG : REFUSAL_FULL);
    }
    *ret_used = len < whole ? 0 : whole;
    *ret_need = len < whole ? whole : 0;
    if (len < whole)
        return PARSE_MORE;
    if (in[whole - 2] != '\r' || in[whole - 1] != '\n')
        return refuse(ret, REFUSAL_LOGIN_END);
    return take_token((struct bytes){in + at, token_len}, ret);
}

/* Takes what stands before the next zero, or all, off `rest`. */
static struct bytes next_field(struct bytes *rest)
{
    const char *end = rest->len > 0 ? memchr(rest->p, '\0', rest->len) : NULL;
    struct bytes field = {rest->p, end != NULL ? (size_t)(end - rest->p) : rest->len};
    size_t used = field.len + (end != NULL ? 1 : 0);
    rest->p += used;
    rest->len -= used;
    return field;
}

void login_take_sasl(struct proto *proto, bool is_step, struct request *ret)
{
    static const char plain[] = "PLAIN";
    bool is_plain = ret->key.len == sizeof plain - 1 && strncasecmp(ret->key.p, plain, sizeof plain - 1) == 0;
    bool is_due = is_plain && (!is_step || proto->sasl_begun);
    struct bytes rest = ret->value;
    proto->sasl_begun = is_due && !is_step && rest.len == 0;
    if (proto->sasl_begun) {
        (void)refuse(ret, REFUSAL_LOGIN_STEP);
        return;
    }
    struct bytes acts_for = next_field(&rest);
    ret->key = next_field(&rest);
    ret->value = rest;
    /* Nobody acts for somebody else. */
    if (!is_due || (acts_for.len > 0 && !bytes_equal(acts_for, ret->key))) {
        ret->key = (struct bytes){0};
        ret->value = (struct bytes){0};
    }
}
