/*
 * words: a line of the text dialect cut into words. Private to proto.
 *
 * A word is a run of anything but spaces: tabs, control characters and zeros are part of it, as memcached has
 * it.
 */
#ifndef CLOAKROOM_PROTO_WORDS_H
#define CLOAKROOM_PROTO_WORDS_H

#include <limits.h>

#include "base/num.h"
#include "proto/request.h"

enum { WORDS_KEPT = 5 };

struct words {
    struct bytes word[WORDS_KEPT]; /* the first ones */
    struct bytes last;
    size_t n; /* of all on the line */
};

/* Cuts off the end, \n or \r\n, of the `full` bytes of a line. */
static inline struct bytes words_line(const char *in, size_t full)
{
    return (struct bytes){in, full > 1 && in[full - 2] == '\r' ? full - 2 : full - 1};
}

static inline void words_skip_spaces(struct bytes *rest)
{
    while (rest->len > 0 && *rest->p == ' ') {
        rest->p++;
        rest->len--;
    }
}

static inline struct bytes words_trimmed(struct bytes rest)
{
    words_skip_spaces(&rest);
    while (rest.len > 0 && rest.p[rest.len - 1] == ' ')
        rest.len--;
    return rest;
}

/* Takes the next word off `rest`; empty at the end of the line. */
static inline struct bytes words_next(struct bytes *rest)
{
    words_skip_spaces(rest);
    const char *end = rest->len > 0 ? memchr(rest->p, ' ', rest->len) : NULL;
    struct bytes word = {rest->p, end != NULL ? (size_t)(end - rest->p) : rest->len};
    rest->p += word.len;
    rest->len -= word.len;
    return word;
}

static inline void words_split(struct bytes rest, struct words *ret)
{
    ret->n = 0;
    ret->last = (struct bytes){0};
    for (struct bytes word = words_next(&rest); word.len > 0; word = words_next(&rest)) {
        if (ret->n < WORDS_KEPT)
            ret->word[ret->n] = word;
        ret->last = word;
        ret->n++;
    }
}

/* memcached lets a plus stand before a number. */
static inline bool words_u64(struct bytes word, uint64_t *ret)
{
    if (word.len > 1 && word.p[0] == '+')
        word = (struct bytes){word.p + 1, word.len - 1};
    return num_parse_u64(word, ret);
}

static inline bool words_u32(struct bytes word, uint32_t *ret)
{
    uint64_t number;
    if (!words_u64(word, &number) || number > UINT32_MAX)
        return false;
    *ret = (uint32_t)number;
    return true;
}

/* The length of the value that follows a line. */
static inline bool words_value_len(struct bytes word, struct request *ret)
{
    uint64_t len;
    if (!num_parse_u64(word, &len) || len > INT_MAX - 2)
        return false;
    ret->value.len = (size_t)len;
    return true;
}

#endif
