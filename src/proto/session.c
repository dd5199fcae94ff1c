/* The lines of the session verbs, see session.h. */
#include "proto/session.h"

#include "base/base64.h"
#include "base/check.h"
#include "proto/meta.h"
#include "proto/words.h"

/* What has been seen of a line's flags so far. */
struct flags {
    struct request *request;
    struct bytes spared; /* sk: X */
    uint64_t seen;       /* by letter */
    size_t ntags;        /* of all G, an empty one too */
    bool has_no_tag;     /* an empty G */
    bool is_base64;
};

static uint64_t bit_of(char letter)
{
    return UINT64_C(1) << ((unsigned char)letter & 63);
}

static bool is_seen(const struct flags *flags, char letter)
{
    return (flags->seen & bit_of(letter)) != 0;
}

/* Which flags belong to a verb. */
static const char *letters_of(enum verb verb)
{
    switch (verb) {
    case VERB_OPEN:
        return "AkObWLTHSreBv";
    case VERB_WRITE:
        return "AkObKTEFGlBRa";
    case VERB_CLOSE:
        return "AkObKTsR";
    case VERB_KILL:
        return "AkObKshgXR";
    case VERB_LIST:
        return "AOCNGhw";
    case VERB_COUNT:
        return "AOG";
    default:
        return "OCN";
    }
}

/* Texts. */

static bool is_of_name(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
           c == '_' || c == '-';
}

/* An application, a cursor. */
static bool is_name(struct bytes text, size_t max)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_of_name(text.p[i]))
            return false;
    return text.len > 0 && text.len <= max;
}

/* A tag, a holder; a space cannot be in it, as it ends the flag. */
static bool is_text(struct bytes text, size_t max)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
            return false;
    return text.len > 0 && text.len <= max;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_handle(struct bytes text, uint64_t *ret)
{
    uint64_t handle = 0;
    if (text.len != PROTO_HANDLE_DIGITS)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.p[i]);
        if (digit < 0)
            return false;
        handle = handle << 4 | (uint64_t)digit;
    }
    *ret = handle;
    return true;
}

/* <version>-<fence> */
static bool parse_token(struct bytes text, uint64_t *ret_version, uint64_t *ret_fence)
{
    const char *dash = text.len > 0 ? memchr(text.p, '-', text.len) : NULL;
    if (dash == NULL)
        return false;
    size_t at = (size_t)(dash - text.p);
    uint64_t version;
    uint64_t fence;
    if (!num_parse_u64((struct bytes){text.p, at}, &version) ||
        !num_parse_u64((struct bytes){dash + 1, text.len - at - 1}, &fence))
        return false;
    *ret_version = version;
    *ret_fence = fence;
    return true;
}

/* Flags, by what is behind the letter. Each says whether that is good; *ret_known: whether it is one of these. */

static bool take_number(struct request *request, char letter, struct bytes token, bool *ret_known)
{
    uint32_t life_s;
    *ret_known = true;
    switch (letter) {
    case 'W':
        request->has_wait = true;
        return num_parse_u32(token, &request->wait_ms);
    case 'L':
        return num_parse_u32(token, &request->lease_s);
    case 'T':
        request->touch = true;
        return num_parse_i64(token, &request->exptime);
    case 'E':
        request->create = true;
        if (!num_parse_u32(token, &life_s))
            return false;
        request->create_exptime = life_s;
        return true;
    case 'F':
        return num_parse_u32(token, &request->flags);
    case 'N':
        return num_parse_u32(token, &request->page) && request->page >= 1 && request->page <= PROTO_PAGE_MAX;
    case 'R':
        request->has_revision = true;
        return num_parse_u64(token, &request->revision);
    case 'a':
        request->has_age = true;
        return num_parse_u32(token, &request->made_s);
    case 'K':
        request->has_token = true;
        return parse_token(token, &request->cas, &request->delta);
    default:
        *ret_known = false;
        return false;
    }
}

static bool take_text(struct flags *flags, char letter, struct bytes token, bool *ret_known)
{
    uint64_t version;
    uint64_t fence;
    *ret_known = true;
    switch (letter) {
    case 'A':
        return token.len == 0 || is_name(token, PROTO_APPLICATION_MAX);
    case 'C':
        return is_name(token, PROTO_CURSOR_MAX);
    case 'H':
        return is_text(token, PROTO_HOLDER_MAX);
    case 'S':
        return parse_token(token, &version, &fence);
    case 'X':
        flags->spared = token;
        return token.len > 0 && token.len <= PROTO_KEY_MAX;
    case 'O':
        return true;
    default:
        *ret_known = false;
        return false;
    }
}

/* An empty G of sw stands for all tags, so it stands alone. */
static bool take_tag(struct flags *flags, struct bytes token)
{
    bool may_be_empty = flags->request->verb == VERB_WRITE;
    flags->request->has_tags = true;
    flags->ntags++;
    if (flags->has_no_tag)
        return false;
    flags->has_no_tag = token.len == 0;
    return token.len == 0 ? may_be_empty && flags->ntags == 1 : is_text(token, PROTO_TAG_MAX);
}

/* A letter alone. It belongs to the verb, and is none of the above. */
static void take_letter(struct flags *flags, char letter)
{
    struct request *request = flags->request;
    switch (letter) {
    case 'r':
        request->read_only = true;
        break;
    case 'e':
        request->must_exist = true;
        break;
    case 'B':
        request->is_bot = true;
        break;
    case 'v':
        request->tells_copy = true;
        break;
    case 'l':
        request->keep_lease = true;
        break;
    case 'h':
        request->by_handle = true;
        break;
    case 'g':
        request->by_tag = true;
        break;
    case 's':
        request->succeeds = true;
        break;
    case 'w':
        request->is_held = true;
        break;
    case 'b':
        flags->is_base64 = true;
        break;
    default: /* k, which is for the answer */
        break;
    }
}

/* REFUSAL_NONE: on with the next. */
static enum refusal take_flag(struct flags *flags, struct bytes word)
{
    struct request *request = flags->request;
    char letter = word.p[0];
    struct bytes token = {word.p + 1, word.len - 1};
    bool is_tag = letter == 'G';
    bool known;
    if (letter == '\0' || strchr(letters_of(request->verb), letter) == NULL)
        return REFUSAL_FLAG;
    if (is_seen(flags, letter) && !(is_tag && request->verb == VERB_WRITE))
        return REFUSAL_DUPLICATE;
    flags->seen |= bit_of(letter);
    if (is_tag && flags->ntags == PROTO_TAGS_MAX)
        return REFUSAL_TAGS;
    if (is_tag)
        return take_tag(flags, token) ? REFUSAL_NONE : REFUSAL_TOKEN;
    if (letter == 's' && request->verb == VERB_CLOSE) {
        request->succeeds = true;
        return num_parse_u32(token, &request->grace_s) ? REFUSAL_NONE : REFUSAL_TOKEN;
    }
    if (letter == 'h' && request->verb == VERB_LIST) {
        uint64_t handle;
        request->by_handle = true;
        return parse_handle(token, &handle) ? REFUSAL_NONE : REFUSAL_TOKEN;
    }
    if (letter == 'O' && word.len > META_OPAQUE_MAX)
        return REFUSAL_OPAQUE;
    bool is_good = take_number(request, letter, token, &known);
    if (!known)
        is_good = take_text(flags, letter, token, &known);
    if (known)
        return is_good ? REFUSAL_NONE : REFUSAL_TOKEN;
    take_letter(flags, letter);
    return token.len == 0 ? REFUSAL_NONE : REFUSAL_FLAG;
}

/* sk names an id, a handle or a tag, and has other flags for each. */
static enum refusal check_kill(const struct flags *flags)
{
    struct request *request = flags->request;
    uint64_t handle;
    bool is_by_id = !request->by_handle && !request->by_tag;
    if ((request->by_handle && request->by_tag) || (is_seen(flags, 'X') && !request->by_tag) ||
        (!is_by_id && (request->has_token || request->has_revision || request->succeeds)) ||
        (request->by_handle && flags->is_base64))
        return REFUSAL_FLAG;
    if (request->by_handle && !parse_handle(request->key, &handle))
        return REFUSAL_TOKEN;
    if (request->by_tag && !is_text(request->key, PROTO_TAG_MAX))
        return REFUSAL_TOKEN;
    bool is_known = request->has_token || request->has_revision;
    return request->succeeds && !is_known ? REFUSAL_NO_TOKEN : REFUSAL_NONE;
}

/* The id that b speaks of is the key, but of a kill by tag the one that is spared. */
static bool decodes(const struct flags *flags)
{
    char decoded[PROTO_KEY_MAX];
    size_t len;
    bool is_spared = flags->request->by_tag;
    struct bytes id = is_spared ? flags->spared : flags->request->key;
    if (!flags->is_base64 || (is_spared && id.len == 0))
        return true;
    flags->request->key_is_base64 = !is_spared;
    return base64_decode(id, decoded, &len);
}

static enum refusal check_line(const struct flags *flags)
{
    struct request *request = flags->request;
    bool is_of_copy =
        request->has_revision && !request->keep_lease && (request->verb == VERB_WRITE || request->succeeds);
    bool needs_token = request->verb == VERB_WRITE || request->verb == VERB_CLOSE;
    if (needs_token && !request->has_token && !is_of_copy)
        return REFUSAL_NO_TOKEN;
    if (request->verb == VERB_KILL) {
        enum refusal refusal = check_kill(flags);
        if (refusal != REFUSAL_NONE)
            return refusal;
    }
    return decodes(flags) ? REFUSAL_NONE : REFUSAL_KEY;
}

static enum refusal parse_flags(struct request *ret)
{
    struct flags flags = {.request = ret};
    struct bytes rest = ret->argument;
    if (ret->key.len > PROTO_KEY_MAX)
        return REFUSAL_FORMAT;
    for (struct bytes word = words_next(&rest); word.len > 0; word = words_next(&rest)) {
        enum refusal refusal = take_flag(&flags, word);
        if (refusal != REFUSAL_NONE)
            return refusal;
    }
    return check_line(&flags);
}

bool session_parse(struct bytes rest, struct request *ret)
{
    bool has_key = ret->verb <= VERB_KILL;
    bool has_value = ret->verb == VERB_WRITE;
    ret->page = PROTO_PAGE;
    if (has_key)
        ret->key = words_next(&rest);
    bool is_whole = (!has_key || ret->key.len > 0) && (!has_value || words_value_len(words_next(&rest), ret));
    ret->argument = words_trimmed(rest);
    enum refusal refusal = is_whole ? parse_flags(ret) : REFUSAL_FORMAT;
    if (refusal != REFUSAL_NONE) {
        ret->verb = VERB_REFUSED;
        ret->refusal = refusal;
    }
    return is_whole && has_value;
}

/* What is looked up in the flags of a line that was accepted. */

bool proto_flag(struct bytes *rest, char letter, struct bytes *ret_token)
{
    for (struct bytes word = words_next(rest); word.len > 0; word = words_next(rest)) {
        if (word.p[0] != letter)
            continue;
        *ret_token = (struct bytes){word.p + 1, word.len - 1};
        return true;
    }
    return false;
}

static struct bytes token_of(const struct request *request, char letter)
{
    struct bytes rest = request->argument;
    struct bytes token = {0};
    (void)proto_flag(&rest, letter, &token);
    return token;
}

struct bytes proto_application(const struct request *request)
{
    return token_of(request, 'A');
}

bool proto_has_application(const struct request *request)
{
    struct bytes rest = request->argument;
    struct bytes token;
    return proto_flag(&rest, 'A', &token);
}

struct bytes proto_holder(const struct request *request)
{
    return token_of(request, 'H');
}

struct bytes proto_cursor(const struct request *request)
{
    return token_of(request, 'C');
}

bool proto_next_tag(struct bytes *rest, struct bytes *ret_tag)
{
    struct bytes tag;
    if (!proto_flag(rest, 'G', &tag) || tag.len == 0)
        return false;
    *ret_tag = tag;
    return true;
}

bool proto_predecessor(const struct request *request, uint64_t *ret_version, uint64_t *ret_fence)
{
    return parse_token(token_of(request, 'S'), ret_version, ret_fence);
}

struct bytes proto_spared(const struct request *request, char room[PROTO_KEY_MAX])
{
    struct bytes id = token_of(request, 'X');
    struct bytes rest = request->argument;
    struct bytes nothing;
    size_t len;
    if (id.len == 0 || !proto_flag(&rest, 'b', &nothing))
        return id;
    CHECK(base64_decode(id, room, &len)); /* the parser has seen to it */
    return (struct bytes){room, len};
}

uint64_t proto_handle(const struct request *request)
{
    uint64_t handle;
    struct bytes text = request->verb == VERB_LIST ? token_of(request, 'h') : request->key;
    CHECK(parse_handle(text, &handle)); /* as above */
    return handle;
}
