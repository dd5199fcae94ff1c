/*
 * put: the pieces that answers of the text dialect are made of, private to proto. Each writes at `out` and returns
 * where it has come to.
 */
#ifndef CLOAKROOM_PROTO_PUT_H
#define CLOAKROOM_PROTO_PUT_H

#include "base/num.h"

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

#endif
