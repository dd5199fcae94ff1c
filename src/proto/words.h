/*
 * words: a line of the text dialect cut into words. Private to proto.
 *
 * A word is a run of anything but spaces: tabs, control characters and zeros are part of it, as memcached has
 * it.
 */
#ifndef CLOAKROOM_PROTO_WORDS_H
#define CLOAKROOM_PROTO_WORDS_H

#include "base/bytes.h"

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

#endif
