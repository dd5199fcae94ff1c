/*
 * fuzz_proto: any bytes as what a client sends. Whole and in pieces they make the same requests; what a request points
 * to lies in the input; each answer, whatever has come of the request, fits its room. The first byte says how long the
 * pieces are, and with bit 7 that users have to log in first.
 */
#include "base/check.h"
#include "base/hash.h"
#include "proto/proto.h"

#include <stdlib.h>

enum { LEN_MAX = 1 << 16, VALUE_MAX = 100 };

static const char longest_holder[PROTO_HOLDER_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What has been said so far, in one number. */
struct talk {
    struct proto proto;
    uint64_t said;
    bool is_over;
};

static void say(struct talk *talk, struct bytes bytes)
{
    talk->said = hash_bytes(bytes, talk->said + bytes.len);
}

static void say_number(struct talk *talk, uint64_t number)
{
    say(talk, (struct bytes){.p = (const char *)&number, .len = sizeof number});
}

static void say_request(struct talk *talk, const struct request *r)
{
    const uint64_t numbers[] = {r->verb,
                                r->refusal,
                                r->meta,
                                r->flags,
                                (uint64_t)r->exptime,
                                r->cas,
                                r->delta,
                                r->initial,
                                (uint64_t)r->create_exptime,
                                (uint64_t)r->recache_exptime,
                                r->new_cas,
                                r->opaque,
                                r->wait_ms,
                                r->lease_s,
                                r->grace_s,
                                r->made_s,
                                r->revision,
                                r->page};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        say_number(talk, numbers[i]);
    say_number(talk,
               (uint64_t)r->replaces << 3 | (uint64_t)r->quiet << 2 | (uint64_t)r->last << 1 | r->close);
    say(talk, r->key);
    say(talk, r->value);
    say(talk, r->argument);
}

static void check_within(struct bytes part, const char *in, size_t used)
{
    if (part.len > 0)
        CHECK(part.p >= in && part.p + part.len <= in + used);
}

static bool is_session(const struct request *request)
{
    return request->verb >= VERB_OPEN && request->verb <= VERB_EVENTS;
}

/* Says a text of the flags of a session verb; it is no longer than it may be. */
static void say_text(struct talk *talk, const struct request *request, struct bytes text, size_t max)
{
    check_within(text, request->argument.p, request->argument.len);
    CHECK(text.len <= max);
    say(talk, text);
}

/* What was accepted of a session verb is whole, and fits the lines that may show it. */
static void look_up(struct talk *talk, const struct request *request)
{
    char room[PROTO_KEY_MAX];
    char out[PROTO_SESSION_LINE_MAX];
    struct bytes tags[PROTO_TAGS_MAX];
    struct session_line line = {
        .tags = tags, .application = proto_application(request), .holder = proto_holder(request)};
    struct bytes rest = request->argument;
    struct bytes tag;
    uint64_t version = 0;
    uint64_t fence = 0;
    say_text(talk, request, line.application, PROTO_APPLICATION_MAX);
    say_text(talk, request, line.holder, PROTO_HOLDER_MAX);
    say_text(talk, request, proto_cursor(request), PROTO_CURSOR_MAX);
    while (proto_next_tag(&rest, &tag)) {
        CHECK(line.ntags < PROTO_TAGS_MAX && request->has_tags);
        say_text(talk, request, tag, PROTO_TAG_MAX);
        tags[line.ntags++] = tag;
    }
    (void)proto_predecessor(request, &version, &fence);
    say_number(talk, version + fence);
    if (request->by_tag)
        say(talk, proto_spared(request, room));
    if (request->by_handle)
        say_number(talk, proto_handle(request));
    CHECK(request->page >= 1 && request->page <= PROTO_PAGE_MAX);
    bool needs_token = request->verb == VERB_WRITE || request->verb == VERB_CLOSE;
    CHECK(!needs_token || request->has_token || request->has_revision);
    say(talk, (struct bytes){out, proto_put_session_line(&line, out)});
    say(talk, (struct bytes){out, proto_put_list_end(request, proto_cursor(request), out)});
}

static void answer(struct talk *talk, const struct request *request)
{
    char out[PROTO_ANSWER_MAX];
    char room[PROTO_KEY_MAX];
    size_t key_len = request->verb == VERB_REFUSED ? 0 : proto_key(request, room).len;
    CHECK(key_len <= PROTO_KEY_MAX);
    struct answer answer = {.cas = UINT64_MAX,
                            .number = UINT64_MAX,
                            .flags = UINT32_MAX,
                            .value_len = UINT32_MAX,
                            .ttl_s = (int64_t)key_len - 1,
                            .touched_ttl_s = INT64_MAX,
                            .created_ttl_s = INT64_MAX,
                            .idle_s = UINT32_MAX,
                            .size = UINT64_MAX,
                            .is_created = key_len % 2,
                            .is_stale = true,
                            .was_won = true,
                            .has_won = true,
                            .token_version = UINT64_MAX,
                            .token_fence = UINT64_MAX,
                            .held_ms = UINT64_MAX,
                            .holder = {longest_holder, PROTO_HOLDER_MAX},
                            .waiting = UINT32_MAX,
                            .waited_ms = UINT32_MAX,
                            .age_s = UINT32_MAX,
                            .has_token = true,
                            .is_succeeded = true};
    bool has_value = request->verb == VERB_GET || request->verb == VERB_OPEN;
    if (is_session(request))
        look_up(talk, request);
    if (has_value) {
        size_t n = proto_put_hit_head(&talk->proto, request, &answer, out);
        n += proto_put_hit_tail(&talk->proto, request, out + n);
        CHECK(n <= sizeof out);
        say(talk, (struct bytes){out, n});
    }
    if (request->verb == VERB_VERSION || request->verb == VERB_STATS)
        return;
    for (answer.status = STATUS_OK; answer.status <= STATUS_REFUSED; answer.status++) {
        if (has_value && answer.status == STATUS_OK)
            continue;
        size_t n = proto_put_answer(&talk->proto, request, &answer, out);
        CHECK(n <= sizeof out);
        say(talk, (struct bytes){out, n});
    }
}

/* Hands over all that is there, each time in memory of its exact length. Returns how much of it is used up. */
static size_t take(struct talk *talk, const uint8_t *data, size_t len)
{
    size_t at = 0;
    while (at < len && !talk->is_over) {
        char *in = malloc(len - at);
        CHECK(in != NULL);
        memcpy(in, data + at, len - at);
        size_t used = 0;
        size_t need = 0;
        struct request request;
        enum parse parse = proto_next(&talk->proto, in, len - at, &used, &need, &request);
        CHECK(used <= len - at);
        if (parse == PARSE_REQUEST) {
            CHECK(used > 0);
            check_within(request.key, in, used);
            check_within(request.value, in, used);
            check_within(request.argument, in, used);
            CHECK(request.key.len <= PROTO_KEY_MAX || request.verb == VERB_REFUSED);
            CHECK(request.value.len <= VALUE_MAX || request.verb == VERB_LOGIN);
            say_request(talk, &request);
            if (request.verb == VERB_LOGIN)
                proto_let_in(&talk->proto, request.value.len % 2);
            else
                answer(talk, &request);
            talk->is_over = request.close;
        }
        free(in);
        at += used;
        if (parse == PARSE_MORE)
            break;
    }
    return at;
}

static uint64_t play(const uint8_t *data, size_t len, size_t piece, bool has_users)
{
    struct talk talk = {.proto = {.value_max = VALUE_MAX, .auth = has_users ? AUTH_WANTED : AUTH_NONE}};
    size_t at = 0;
    for (size_t have = piece < len ? piece : len; !talk.is_over;
         have = have + piece < len ? have + piece : len) {
        at += take(&talk, data + at, have - at);
        if (have == len)
            break;
    }
    return talk.said;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 2 || len > LEN_MAX)
        return 0;
    bool has_users = (data[0] & 0x80) != 0;
    size_t piece = 1 + (data[0] & 0x7f);
    CHECK(play(data + 1, len - 1, piece, has_users) == play(data + 1, len - 1, len - 1, has_users));
    return 0;
}
