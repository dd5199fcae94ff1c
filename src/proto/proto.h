/*
 * proto: the dialects of memcached, bytes to requests and answers to bytes. Pure: no socket, no clock, no
 * store.
 *
 * Promise: whatever the bytes and however they are cut, proto_next() never reads past `in + len`, never loops
 * without consuming, and yields the same requests. Answers leave in the order of the requests. What is not
 * understood is answered as memcached 1.6 answers it, or the connection is told to close.
 * The session verbs are the house's own: see docs/protocol.md.
 *
 *      first byte 0x80 -> binary, anything else -> text      (once for a connection's life)
 *
 * Where users have to say who they are (`auth`), nothing but that is a request before proto_let_in(): see login.h.
 *
 * Threads: none of its own; one struct proto per connection.
 * Limits: value_max limits the value alone; memcached's -I limits the item, that is about 50 bytes, key,
 * value and \r\n together. So every value that fits there fits here. Text has 2^31 - 3 bytes at most as well.
 *
 * Failure: none; bad input is a request with VERB_REFUSED.
 */
#ifndef CLOAKROOM_PROTO_PROTO_H
#define CLOAKROOM_PROTO_PROTO_H

#include "proto/request.h"

enum {
    PROTO_LINE_MAX = 2048,         /* a command line with its end, unless it is a get with many keys */
    PROTO_KEYS_LINE_MAX = 1 << 20, /* get, gets, gat, gats with many keys */
    PROTO_LOGIN_MAX = 2048,        /* user and password with what stands around them */
    PROTO_ANSWER_MAX = 512,        /* what proto_put_answer() and the head and tail of a hit need at most */
    PROTO_COPY_MAX = 600, /* what the head of a hit needs beyond that, when the answer has_revision */
    PROTO_SESSION_LINE_MAX = 1024, /* what proto_put_session_line() needs at most: eight tags are long */
    PROTO_EVENT_KIND_MAX = 32,
    PROTO_EVENT_WORDS_MAX = 240,
};

/* DIALECT_LOGIN: text, before proto_let_in(). */
enum dialect { DIALECT_UNKNOWN, DIALECT_TEXT, DIALECT_BINARY, DIALECT_LOGIN };

/* Who sends VERB_LOGIN and who need not; proto_let_in() makes the one of the other. */
enum auth {
    AUTH_NONE, /* there are no users, and no such command */
    AUTH_WANTED,
    AUTH_DONE
};

/* The parser's state between two calls. Zero it and set value_max to begin, and where users have to log in `auth`, and
 * `dialect` if there is only one; all else is the parser's own. */
struct proto {
    enum dialect dialect;
    enum auth auth;
    bool sasl_begun;     /* a step may follow */
    bool no_room;        /* within proto_refuse_value(): the value at hand is to be refused */
    uint64_t value_max;  /* the longest value accepted, in bytes */
    uint64_t skip;       /* bytes still to be thrown away, as of a refused value */
    size_t scanned;      /* text: bytes at the front of an unfinished line that hold no \n */
    size_t keys_left;    /* text: bytes left of a get line that has been checked whole, its end included */
    struct request keys; /* text: what the keys of that line share */
};

enum parse {
    PARSE_REQUEST, /* *ret holds one; it used *ret_used bytes */
    PARSE_MORE, /* no whole request yet, and *ret holds none; *ret_used bytes may be dropped (skipped ones),
                   the rest must be offered again with more behind it; *ret_need is the total length that the
                   rest must reach, when known, or 0 */
};

/* Parses the next request of `in`. Call again with the rest until PARSE_MORE; after a request with `close`
 * set do not call again.
 *
 * The rest that is offered again must be the same bytes, wherever they lie now: what was searched for a
 * line's end is not searched again, and the keys of a get line are not checked again. So a line of 1 MiB
 * offered in n pieces costs one pass over it. A value is not looked at before it is whole, but its header is
 * parsed at each call: with ret_need the server knows how large a buffer to read into, and need not ask
 * before that is full. */
enum parse proto_next(struct proto *proto, const char *in, size_t len, size_t *ret_used, size_t *ret_need,
                      struct request *ret);

/* An error has been the answer to a key: it ends the answer to its line, whose other keys are not asked for any more. */
void proto_skip_keys(struct proto *proto);

/* The server has no buffer for the value that the last PARSE_MORE announced by ret_need: called with the same
 * bytes, this refuses the request as out of memory, and throws its value away as it arrives. Fills *ret with
 * the request to answer (its value empty) and *ret_used with what is consumed of `in`; proto_next() skips the
 * rest. */
void proto_refuse_value(struct proto *proto, const char *in, size_t len, size_t *ret_used,
                        struct request *ret);

/* What came of a VERB_LOGIN: from now on everything is a request, or nothing but another login is. */
void proto_let_in(struct proto *proto, bool in);

/* The key of a request, decoded into `room` when it arrived as base64. */
struct bytes proto_key(const struct request *request, char room[PROTO_KEY_MAX]);

/* Writes the answer to anything but a hit with a value, stats lines or a version; a refused request is
 * answered from request.refusal whatever the status. At most PROTO_ANSWER_MAX bytes. Returns the number of
 * bytes; 0 when silent:
 *
 *   text    noreply: always, errors too; a miss that is not the last key of its line; quit
 *   meta    quiet: the miss of mg; the success of ms, md and ma
 *   binary  quiet: success, and the miss of a get; errors are answered
 *
 * For VERB_STATS: STATUS_OK says that the counters were reset, STATUS_MISS that there is no such argument.
 *
 * Session verbs: a hit of so has head and tail. Else it is STATUS_MISS with a token (none, and held for making it),
 * STATUS_MISS without one (none), STATUS_BUSY or STATUS_GONE; the success of sk and sn has a number; lists have
 * lines of their own, see below. */
size_t proto_put_answer(const struct proto *proto, const struct request *request, const struct answer *answer,
                        char *out);

/* A hit with a value (without_value: with none) is head, value, tail; both functions return their number of bytes, together at most
 * PROTO_ANSWER_MAX, and PROTO_COPY_MAX more if the answer has_revision. Hits are never silent. */
size_t proto_put_hit_head(const struct proto *proto, const struct request *request,
                          const struct answer *answer, char *out);
size_t proto_put_hit_tail(const struct proto *proto, const struct request *request, char *out);

/* One line of a stats answer (name at most 64 bytes, value at most 384); an empty name ends it. */
size_t proto_put_stat(const struct proto *proto, const struct request *request, struct bytes name,
                      struct bytes value, char *out);

/* Words of the server's own, without their end, in the text dialect; at most 480 bytes. */
size_t proto_put_line(const struct request *request, struct bytes line, char *out);

/* The answer to VERB_VERSION and VERB_SASL_LIST: `words`, at most 64 bytes. */
size_t proto_put_words(const struct proto *proto, const struct request *request, struct bytes words,
                       char *out);

/* What the flags of a session verb say, found where they stand in request->argument.
 *
 * proto_flag(): the next flag of this letter in `rest`, which begins as request->argument; its token is what stands
 * behind the letter. False: there is none left. The others are empty, or false, when it was not given. */
bool proto_flag(struct bytes *rest, char letter, struct bytes *ret_token);
struct bytes proto_application(const struct request *request);
/* `A` alone, too, which is the default application. */
bool proto_has_application(const struct request *request);
struct bytes proto_holder(const struct request *request);
struct bytes proto_cursor(const struct request *request);
bool proto_next_tag(struct bytes *rest, struct bytes *ret_tag);
bool proto_predecessor(const struct request *request, uint64_t *ret_version, uint64_t *ret_fence);

/* sk with `by_tag`: the id that is not killed, decoded into `room` when it arrived as base64; or empty. */
struct bytes proto_spared(const struct request *request, char room[PROTO_KEY_MAX]);

/* sk with `by_handle`: the number that the digits of the handle make. */
uint64_t proto_handle(const struct request *request);

/* A session as sl shows it. Texts are at most as long as the flags of their name may be; an empty one is not shown. */
struct session_line {
    struct bytes handle;      /* its digits, at most PROTO_HANDLE_DIGITS */
    struct bytes application; /* empty: the default one */
    struct bytes holder;
    const struct bytes *tags;
    size_t ntags; /* PROTO_TAGS_MAX at most */
    uint64_t size;
    int64_t ttl_s; /* -1: for ever */
    uint64_t held_ms;
    uint32_t age_s;
    uint32_t idle_s;
    uint32_t waiting; /* 0: not shown */
    bool is_held;     /* held_ms is shown */
};

/* What has happened, as se shows it. */
struct session_event {
    uint64_t number;
    uint64_t wall_ms;         /* since 1970 */
    struct bytes kind;        /* a word, at most PROTO_EVENT_KIND_MAX bytes */
    struct bytes handle;      /* as above; empty when it is of no one session */
    struct bytes application; /* as above */
    struct bytes words;       /* what else there is to say, PROTO_EVENT_WORDS_MAX bytes at most; or empty */
};

/* Lines of the answers to session verbs: so waits (before its answer; position 1 is the next), one session, one event,
 * and the end of either list; an empty cursor: there is no more. Each returns its number of bytes: that of a session
 * takes PROTO_SESSION_LINE_MAX at most, the others PROTO_ANSWER_MAX. */
size_t proto_put_waiting(uint32_t position, char *out);
size_t proto_put_session_line(const struct session_line *line, char *out);
size_t proto_put_event_line(const struct session_event *event, char *out);
size_t proto_put_list_end(const struct request *request, struct bytes cursor, char *out);

/* Something of the server went wrong that has words of its own; what is too long for an answer is cut off. */
size_t proto_put_error(const struct proto *proto, const struct request *request, struct bytes words,
                       char *out);

#endif
