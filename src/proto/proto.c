/* Which dialect a connection speaks, and the throwing away of refused values; the dialects are text.c and
 * binary.c. */
#include "proto/proto.h"

#include "base/base64.h"
#include "base/check.h"
#include "proto/binary.h"
#include "proto/login.h"
#include "proto/text.h"

/* The first byte decides for the connection's whole life. */
static enum dialect dialect_of(const struct proto *proto, const char *in)
{
    if ((unsigned char)in[0] == BINARY_MAGIC_REQUEST)
        return DIALECT_BINARY;
    return proto->auth == AUTH_WANTED ? DIALECT_LOGIN : DIALECT_TEXT;
}

static enum parse next_of_dialect(struct proto *proto, const char *in, size_t len, size_t *ret_used,
                                  size_t *ret_need, struct request *ret)
{
    if (proto->dialect == DIALECT_TEXT)
        return text_next(proto, in, len, ret_used, ret_need, ret);
    if (proto->dialect == DIALECT_BINARY)
        return binary_next(proto, in, len, ret_used, ret_need, ret);
    return login_next(proto, in, len, ret_used, ret_need, ret);
}

/* Throws away what has arrived of a refused value; returns how much that is. */
static size_t skip_some(struct proto *proto, size_t len)
{
    size_t n = proto->skip < len ? (size_t)proto->skip : len;
    proto->skip -= n;
    return n;
}

enum parse proto_next(struct proto *proto, const char *in, size_t len, size_t *ret_used, size_t *ret_need,
                      struct request *ret)
{
    size_t skipped = proto->skip > 0 ? skip_some(proto, len) : 0;
    *ret_used = skipped;
    *ret_need = 0;
    if (skipped == len)
        return PARSE_MORE;
    if (proto->dialect == DIALECT_UNKNOWN)
        proto->dialect = dialect_of(proto, in + skipped);
    size_t used = 0;
    enum parse parse = next_of_dialect(proto, in + skipped, len - skipped, &used, ret_need, ret);
    *ret_used += used;
    return parse;
}

void proto_skip_keys(struct proto *proto)
{
    proto->skip += proto->keys_left;
    proto->keys_left = 0;
}

void proto_refuse_value(struct proto *proto, const char *in, size_t len, size_t *ret_used,
                        struct request *ret)
{
    size_t need;
    proto->no_room = true;
    enum parse parse = proto_next(proto, in, len, ret_used, &need, ret);
    proto->no_room = false;
    CHECK(parse == PARSE_REQUEST && ret->verb == VERB_REFUSED);
}

void proto_let_in(struct proto *proto, bool in)
{
    proto->auth = in ? AUTH_DONE : AUTH_WANTED;
    if (in && proto->dialect == DIALECT_LOGIN)
        proto->dialect = DIALECT_TEXT;
}

struct bytes proto_key(const struct request *request, char room[PROTO_KEY_MAX])
{
    size_t len = 0;
    if (!request->key_is_base64)
        return request->key;
    CHECK(base64_decode(request->key, room, &len)); /* the parser has seen to it */
    return (struct bytes){room, len};
}

size_t proto_put_answer(const struct proto *proto, const struct request *request, const struct answer *answer,
                        char *out)
{
    return proto->dialect == DIALECT_BINARY ? binary_put_answer(request, answer, out)
                                            : text_put_answer(request, answer, out);
}

size_t proto_put_hit_head(const struct proto *proto, const struct request *request,
                          const struct answer *answer, char *out)
{
    return proto->dialect == DIALECT_BINARY ? binary_put_hit_head(request, answer, out)
                                            : text_put_hit_head(request, answer, out);
}

size_t proto_put_hit_tail(const struct proto *proto, const struct request *request, char *out)
{
    return proto->dialect == DIALECT_BINARY ? 0 : text_put_hit_tail(request, out);
}

size_t proto_put_stat(const struct proto *proto, const struct request *request, struct bytes name,
                      struct bytes value, char *out)
{
    return proto->dialect == DIALECT_BINARY ? binary_put_stat(request, name, value, out)
                                            : text_put_stat(name, value, out);
}

size_t proto_put_line(const struct request *request, struct bytes line, char *out)
{
    return text_put_line(request, line, out);
}

size_t proto_put_words(const struct proto *proto, const struct request *request, struct bytes words,
                       char *out)
{
    return proto->dialect == DIALECT_BINARY ? binary_put_words(request, words, out)
                                            : text_put_version(words, out);
}

size_t proto_put_error(const struct proto *proto, const struct request *request, struct bytes words,
                       char *out)
{
    if (words.len > PROTO_ANSWER_MAX / 2)
        words.len = PROTO_ANSWER_MAX / 2;
    return proto->dialect == DIALECT_BINARY ? binary_put_error(request, words, out)
                                            : text_put_error(request, words, out);
}
