/*
 * put: the pieces that answers of the text dialect are made of, private to proto. Each writes at `out` and returns
 * where it has come to.
 */
#ifndef CLOAKROOM_PROTO_PUT_H
#define CLOAKROOM_PROTO_PUT_H

#include "base/num.h"
#include "proto/request.h"

static inline char *put(char *out, struct bytes b)
{
    if (b.len > 0)
        memcpy(out, b.p, b.len);
    return out + b.len;
}

static inline char *put_char(char *out, char c)
{
    *out = c;
    return out + 1;
}

static inline char *put_u64(char *out, uint64_t value)
{
    return out + num_format_u64(value, out);
}

static inline char *put_end(char *out)
{
    return put(out, (struct bytes){"\r\n", 2});
}

static inline char *put_word(char *out, const char *word)
{
    return put(out, bytes_of(word));
}

static inline char *put_flag(char *out, char letter)
{
    return put_char(put_char(out, ' '), letter);
}

static inline char *put_key(char *out, const struct request *request)
{
    char *p = put(put_flag(out, 'k'), request->key);
    return request->key_is_base64 ? put_flag(p, 'b') : p;
}

/* What a flag of any command has said back, found or not: the opaque and the key. */
static inline char *put_echo(char *out, const struct request *request, struct bytes word)
{
    if (word.p[0] == 'O')
        return put(put_char(out, ' '), word);
    return word.p[0] == 'k' ? put_key(out, request) : out;
}

static inline char *put_ttl(char *out, int64_t ttl_s)
{
    char *p = put_flag(out, 't');
    return ttl_s < 0 ? put_word(p, "-1") : put_u64(p, (uint64_t)ttl_s);
}

#endif
