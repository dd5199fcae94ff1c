/*
 * reply: a line that answers a session verb, taken apart; see docs/protocol.md.
 *
 *      VA 5 K77-3 c77 f0 t1440 a60 w0 Oq1        code, number, then what stands behind each letter
 *
 * Promise: what is no such line is told as REPLY_NONE and writes nothing else; letters that are unknown here are
 * passed over, so that a newer server may say more. No number overflows unseen, and no value is longer than what
 * memory may be asked for: whoever answers may be malicious.
 * Ownership: pieces of the line, as long as that lives.
 */
#ifndef CLOAKROOM_CLIENT_REPLY_H
#define CLOAKROOM_CLIENT_REPLY_H

#include "base/bytes.h"

enum { REPLY_TAGS_MAX = 8, REPLY_LEN_MAX = 1 << 30 /* bytes of a value: the most that -I may be */ };

enum reply_code {
    REPLY_NONE,    /* no answer to a session verb */
    REPLY_VALUE,   /* VA */
    REPLY_EMPTY,   /* EN: none there, or the end of a list */
    REPLY_MISSING, /* NF */
    REPLY_GONE,    /* GN */
    REPLY_BUSY,    /* BS */
    REPLY_WAITING, /* WT */
    REPLY_DONE,    /* HD */
    REPLY_REFUSED, /* EX */
    REPLY_SESSION, /* SE: a line of a list */
};

struct reply {
    enum reply_code code;
    uint64_t number;     /* of VA: bytes; WT: position; HD: how many */
    struct bytes handle; /* of SE */
    struct bytes token;  /* K */
    struct bytes opaque; /* O */
    struct bytes cursor; /* C */
    struct bytes holder; /* h */
    struct bytes application;
    struct bytes tags[REPLY_TAGS_MAX];
    size_t ntags;
    uint64_t flags; /* f of VA */
    int64_t ttl_s;  /* t, -1: for ever */
    uint64_t age_s;
    uint64_t idle_s;
    uint64_t waited_ms;
    uint64_t waiting; /* n */
    uint64_t held_ms;
    uint64_t revision; /* v, if has_revision */
    uint64_t life_s;   /* E, 0: no end */
    uint64_t size;     /* s of SE */
    bool has_revision;
    bool is_leased;    /* l: somebody has the lease there */
    bool is_succeeded; /* s of VA */
    bool is_held;      /* it has an m */
};

enum reply_code reply_parse(struct bytes line, struct reply *ret);

#endif
