/*
 * test_proto_play: a server in miniature that plays a stream of bytes to proto in pieces, and writes down the
 * requests that came of it and the answers it gave. Shared by the tests of the dialects.
 *
 * The engine behind it is a rule: keys that begin with "hit" are hits of "hello", flags 7, cas 9, with 70 s left,
 * stale when the next letter is an s, won by somebody else when it is a z, made just now when it is an n; a key that
 * is the name of a status ("exists", "full", ...) has that status; all else is a miss of a get and the
 * success of the rest.
 */
#ifndef CLOAKROOM_TEST_PROTO_PLAY_H
#define CLOAKROOM_TEST_PROTO_PLAY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "guard.h"
#include "proto/proto.h"

enum { PLAY_VALUE_MAX = 100, PLAY_ROOM = 1 << 21 };

struct play {
    struct proto proto;
    struct guard *guard;
    const char *stream;
    size_t at;   /* consumed up to here */
    size_t have; /* arrived up to here */
    bool closed;
    bool refuse_values; /* as a server without buffers: proto_refuse_value() */
    FILE *requests;
    FILE *answers;
    char *requests_text;
    char *answers_text;
    size_t requests_len;
    size_t answers_len;
};

/* How the parsers of a test begin. */
static struct proto play_proto = {.value_max = PLAY_VALUE_MAX};

static inline void play_open(struct play *play, struct guard *guard, const char *stream)
{
    *play = (struct play){.proto = play_proto, .guard = guard, .stream = stream};
    play->requests = open_memstream(&play->requests_text, &play->requests_len);
    play->answers = open_memstream(&play->answers_text, &play->answers_len);
}

static inline void play_close(struct play *play)
{
    fclose(play->requests);
    fclose(play->answers);
    free(play->requests_text);
    free(play->answers_text);
}

static inline void play_note(FILE *to, const char *name, struct bytes b)
{
    if (b.len > 0)
        fprintf(to, " %s=%.*s", name, (int)b.len, b.p);
}

static inline void play_number(FILE *to, const char *name, long long number)
{
    if (number != 0)
        fprintf(to, " %s=%lld", name, number);
}

/* The fields that only meta commands fill. */
static inline void play_describe_meta(FILE *to, const struct request *r)
{
    static const char *const names[] = {"", " mg", " ms", " md", " ma", " me"};
    fputs(names[r->meta], to);
    play_number(to, "recache", r->recache_exptime);
    play_number(to, "new_cas", (long long)r->new_cas);
    fprintf(to, "%s%s%s%s%s%s%s%s%s", r->create_last ? " create_last" : "", r->recache ? " recache" : "",
            r->recache_last ? " recache_last" : "", r->compare_cas ? " compare" : "",
            r->invalidate ? " invalidate" : "", r->drop_value ? " drop" : "",
            r->meta == META_GET && !r->without_value ? " +value" : "", r->unseen ? " unseen" : "",
            r->key_is_base64 ? " base64" : "");
}

/* The fields that only session verbs fill, and what is looked up in their flags. */
static inline void play_describe_session(FILE *to, const struct request *r)
{
    char room[PROTO_KEY_MAX];
    uint64_t version;
    uint64_t fence;
    struct bytes rest = r->argument;
    struct bytes tag;
    play_note(to, "app", proto_application(r));
    play_note(to, "holder", proto_holder(r));
    play_note(to, "cursor", proto_cursor(r));
    while (proto_next_tag(&rest, &tag))
        play_note(to, "tag", tag);
    play_note(to, "spared", proto_spared(r, room));
    if (proto_predecessor(r, &version, &fence))
        fprintf(to, " after=%llu-%llu", (unsigned long long)version, (unsigned long long)fence);
    if (r->by_handle)
        fprintf(to, " handle=%016llx", (unsigned long long)proto_handle(r));
    if (r->has_wait)
        fprintf(to, " wait=%u", r->wait_ms);
    play_number(to, "lease", r->lease_s);
    play_number(to, "grace", r->grace_s);
    if (r->has_revision)
        fprintf(to, " revision=%llu", (unsigned long long)r->revision);
    if (r->has_age)
        fprintf(to, " made=%u", r->made_s);
    if (r->tells_copy)
        fprintf(to, " tells");
    play_number(to, "page", r->page == PROTO_PAGE ? 0 : r->page);
    fprintf(to, "%s%s%s%s%s%s%s%s%s%s%s", r->has_token ? " token" : "", r->succeeds ? " succeeds" : "",
            r->read_only ? " ro" : "", r->must_exist ? " must" : "", r->keep_lease ? " keep" : "",
            r->is_bot ? " bot" : "", r->by_handle ? " by-handle" : "", r->by_tag ? " by-tag" : "",
            r->is_held ? " held" : "", r->has_tags ? " tags" : "", r->key_is_base64 ? " base64" : "");
}

static inline bool play_is_session(const struct request *r)
{
    return r->verb >= VERB_OPEN && r->verb <= VERB_EVENTS;
}

/* One request in one line: its verb, and each field that is not empty. */
static inline void play_describe(FILE *to, const struct request *r)
{
    static const char *const verbs[] = {
        "get",         "set",      "add",      "replace",   "append", "prepend",   "cas",
        "delete",      "incr",     "decr",     "touch",     "flush",  "stats",     "version",
        "verbosity",   "shutdown", "memlimit", "debugtime", "noop",   "quit",      "refresh-certs",
        "lru-crawler", "slabs",    "lru",      "watch",     "login",  "sasl-list", "open",
        "write",       "close",    "kill",     "list",      "count",  "events",    "refused"};
    fputs(verbs[r->verb], to);
    play_number(to, "why", r->refusal);
    if (r->verb != VERB_REFUSED) {
        play_note(to, "key", r->key);
        play_note(to, "arg", r->argument);
        play_note(to, "value", r->value);
        play_number(to, "flags", r->flags);
        play_number(to, "exp", r->exptime);
        play_number(to, "cas", (long long)r->cas);
        play_number(to, "delta", (long long)r->delta);
        play_number(to, "initial", (long long)r->initial);
        play_number(to, "life", (long long)r->create_exptime);
    }
    if (r->verb != VERB_REFUSED)
        fprintf(to, "%s%s%s%s%s", r->create ? " create" : "", r->touch ? " touch" : "",
                r->with_cas ? " +cas" : "", r->with_key ? " +key" : "", r->last ? " last" : "");
    if (r->verb != VERB_REFUSED && r->meta != META_NONE)
        play_describe_meta(to, r);
    if (play_is_session(r))
        play_describe_session(to, r);
    fprintf(to, "%s%s\n", r->quiet ? " quiet" : "", r->close ? " close" : "");
}

static inline bool play_key_is(const struct request *request, const char *name)
{
    return bytes_equal(request->key, bytes_of(name));
}

static inline enum status play_status(const struct request *request)
{
    static const struct {
        const char *key;
        enum status status;
    } rules[] = {
        {"miss", STATUS_MISS},       {"not", STATUS_NOT_STORED}, {"exists", STATUS_EXISTS},
        {"large", STATUS_TOO_LARGE}, {"full", STATUS_FULL},      {"word", STATUS_NON_NUMERIC},
        {"denied", STATUS_DENIED},   {"busy", STATUS_BUSY},      {"gone", STATUS_GONE},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (play_key_is(request, rules[i].key))
            return rules[i].status;
    if (request->verb == VERB_LOGIN)
        return play_key_is(request, "u") && bytes_equal(request->value, bytes_of("p")) ? STATUS_OK
                                                                                       : STATUS_DENIED;
    bool missing = request->verb == VERB_GET || request->verb == VERB_OPEN ||
                   bytes_equal(request->argument, bytes_of("nonsense"));
    return missing ? STATUS_MISS : STATUS_OK;
}

static inline size_t play_hit(const struct proto *proto, const struct request *request, char *out)
{
    static const struct bytes tags[] = {{"user:42", 7}, {"b", 1}};
    char kind = request->key.len > 3 ? request->key.p[3] : 0;
    struct answer answer = {.status = STATUS_OK,
                            .cas = 9,
                            .flags = 7,
                            .value_len = 5,
                            .ttl_s = kind == 's' ? -1 : 70,
                            .touched_ttl_s = request->exptime,
                            .created_ttl_s = request->create_exptime,
                            .idle_s = 3,
                            .size = 61,
                            .is_created = kind == 'n',
                            .was_fetched = kind == 'z',
                            .is_stale = kind == 's',
                            .was_won = kind == 'z',
                            .has_won = kind == 's' || kind == 'n',
                            .token_version = 9,
                            .token_fence = 4,
                            .has_token = !request->read_only,
                            .waited_ms = 12,
                            .age_s = 80,
                            .has_revision = request->tells_copy,
                            .revision = 65541,
                            .life_s = kind == 's' ? 900 : 0,
                            .tags = tags,
                            .ntags = kind == 's' ? 2 : 0,
                            .is_succeeded = kind == 's'};
    size_t n = proto_put_hit_head(proto, request, &answer, out);
    size_t value_len = request->without_value ? 0 : 5;
    memcpy(out + n, "hello", value_len);
    n += value_len;
    return n + proto_put_hit_tail(proto, request, out + n);
}

/* Two sessions, of which one shows all there is, or two events; there is more when a cursor was given. */
static inline size_t play_list(const struct request *request, char *out)
{
    static const struct bytes tags[] = {{"user:42", 7}, {"b", 1}};
    static const struct session_line all = {
        {"00112233aabbccdd", 16}, {"shop", 4}, {"web1/4711", 9}, tags, 2, 1234, 77, 55, 90, 8, 3, true};
    static const struct session_line little = {.handle = {"ffeeddccbbaa0099", 16}, .ttl_s = -1};
    static const struct session_event killed = {
        7, 1700000000123, {"killed", 6}, {"00112233aabbccdd", 16}, {"shop", 4}, {"n3 x", 4}};
    static const struct session_event full = {.number = 8, .wall_ms = 1, .kind = {"full", 4}};
    bool has_more = proto_cursor(request).len > 0;
    size_t n;
    if (request->verb == VERB_LIST) {
        n = proto_put_session_line(&all, out);
        n += proto_put_session_line(&little, out + n);
    } else {
        n = proto_put_event_line(&killed, out);
        n += proto_put_event_line(&full, out + n);
    }
    return n + proto_put_list_end(request, has_more ? bytes_of("9.a") : (struct bytes){0}, out + n);
}

static inline size_t play_answer(const struct proto *proto, const struct request *request, char *out)
{
    bool reads = request->verb == VERB_GET || request->verb == VERB_OPEN;
    if (reads && bytes_starts_with(request->key, bytes_of("hit")))
        return play_hit(proto, request, out);
    if (request->verb == VERB_LIST || request->verb == VERB_EVENTS)
        return play_list(request, out);
    if (request->verb == VERB_VERSION)
        return proto_put_words(proto, request, bytes_of("1.2.3"), out);
    if (request->verb == VERB_SASL_LIST)
        return proto_put_words(proto, request, bytes_of("PLAIN"), out);
    if (request->verb == VERB_STATS && request->argument.len == 0) {
        size_t n = proto_put_stat(proto, request, bytes_of("pid"), bytes_of("42"), out);
        return n + proto_put_stat(proto, request, bytes_of(""), bytes_of(""), out + n);
    }
    struct answer answer = {.status = play_status(request),
                            .cas = 5,
                            .flags = 7,
                            .number = request->delta + 1,
                            .value_len = request->value.len + 10,
                            .ttl_s = 70,
                            .touched_ttl_s = request->exptime,
                            .created_ttl_s = request->create_exptime,
                            .token_version = UINT64_MAX,
                            .token_fence = 6,
                            .has_token =
                                !request->must_exist && (request->verb == VERB_OPEN || request->keep_lease),
                            .has_revision = request->tells_copy && !bytes_equal(request->key, bytes_of("a")),
                            .revision = UINT64_MAX,
                            .waited_ms = 12,
                            .waiting = 2,
                            .held_ms = 345,
                            .holder = proto_holder(request)};
    return proto_put_answer(proto, request, &answer, out);
}

/* Hands proto all that has arrived, until it wants more. */
static inline void play_parse(struct play *play)
{
    while (!play->closed) {
        size_t len = play->have - play->at;
        const char *in = guard_place(play->guard, play->stream + play->at, len);
        char out[2 * PROTO_ANSWER_MAX];
        size_t used = 0;
        size_t need = 0;
        struct request request;
        enum parse parse = proto_next(&play->proto, in, len, &used, &need, &request);
        assert_true(used <= len);
        if (parse == PARSE_MORE && play->refuse_values && need > PROTO_LINE_MAX) {
            assert_int_equal(used, 0);
            proto_refuse_value(&play->proto, in, len, &used, &request);
            parse = PARSE_REQUEST;
        }
        play->at += used;
        if (parse == PARSE_MORE) {
            assert_true(need == 0 || need > len - used);
            return;
        }
        assert_true(used > 0);
        play_describe(play->requests, &request);
        if (request.verb == VERB_LOGIN)
            proto_let_in(&play->proto, play_status(&request) == STATUS_OK);
        size_t n = play_answer(&play->proto, &request, out);
        assert_true(n <= PROTO_ANSWER_MAX + 5);
        fwrite(out, 1, n, play->answers);
        play->closed = request.close;
    }
}

/* Lets the stream arrive up to `have`. */
static inline void play_arrive(struct play *play, size_t have)
{
    play->have = have;
    play_parse(play);
}

static inline void play_end(struct play *play)
{
    fflush(play->requests);
    fflush(play->answers);
}

/* Does `play` say the same as `other`? */
static inline void play_assert_same(struct play *play, const struct play *other, const char *how, size_t cut)
{
    play_end(play);
    if (play->requests_len != other->requests_len || play->answers_len != other->answers_len ||
        memcmp(play->requests_text, other->requests_text, other->requests_len) != 0 ||
        memcmp(play->answers_text, other->answers_text, other->answers_len) != 0)
        fail_msg("%s at %zu:\n%s\nbut whole:\n%s", how, cut, play->requests_text, other->requests_text);
}

static inline void play_in_two(struct guard *guard, const char *stream, size_t len, size_t cut,
                               const struct play *whole)
{
    struct play play;
    play_open(&play, guard, stream);
    play_arrive(&play, cut);
    play_arrive(&play, len);
    play_assert_same(&play, whole, "split", cut);
    play_close(&play);
}

static inline void play_bytewise(struct guard *guard, const char *stream, size_t len,
                                 const struct play *whole)
{
    struct play play;
    play_open(&play, guard, stream);
    for (size_t have = 1; have <= len; have++)
        play_arrive(&play, have);
    play_assert_same(&play, whole, "byte by byte", len);
    play_close(&play);
}

/* Plays a stream whole, split at every point, and byte by byte: all must say the same. `whole` is left open.
 */
static inline void play_every_way(struct guard *guard, const char *stream, size_t len, struct play *whole)
{
    play_open(whole, guard, stream);
    play_arrive(whole, len);
    play_end(whole);
    for (size_t cut = 0; cut <= len; cut++)
        play_in_two(guard, stream, len, cut, whole);
    play_bytewise(guard, stream, len, whole);
}

/* What arrives, the requests that it is taken for, and what play_answer() makes of them. */
struct play_row {
    const char *in;
    const char *requests;
    const char *answers;
};

static inline void play_rows(const struct play_row *rows, size_t n)
{
    struct guard guard = guard_open(PLAY_ROOM);
    for (size_t i = 0; i < n; i++) {
        struct play whole;
        play_every_way(&guard, rows[i].in, strlen(rows[i].in), &whole);
        assert_string_equal(whole.requests_text, rows[i].requests);
        assert_string_equal(whole.answers_text, rows[i].answers);
        play_close(&whole);
    }
    guard_close(&guard);
}

#endif
