/* Taking apart what a session verb is answered, see reply.h. */
#include "client/reply.h"
#include "base/num.h"

static const struct {
    const char *word;
    enum reply_code code;
    bool has_number; /* right behind it; may be missing */
} codes[] = {
    {"VA", REPLY_VALUE, true}, {"EN", REPLY_EMPTY, false},   {"NF", REPLY_MISSING, false},
    {"GN", REPLY_GONE, false}, {"BS", REPLY_BUSY, false},    {"WT", REPLY_WAITING, true},
    {"HD", REPLY_DONE, true},  {"EX", REPLY_REFUSED, false}, {"SE", REPLY_SESSION, false},
};

static struct bytes next_word(struct bytes *rest)
{
    while (rest->len > 0 && *rest->p == ' ') {
        rest->p++;
        rest->len--;
    }
    const char *blank = rest->len > 0 ? memchr(rest->p, ' ', rest->len) : NULL;
    struct bytes word = {.p = rest->p, .len = blank != NULL ? (size_t)(blank - rest->p) : rest->len};
    rest->p += word.len;
    rest->len -= word.len;
    return word;
}

static bool take_tag(struct bytes tag, struct reply *reply)
{
    if (reply->ntags == REPLY_TAGS_MAX)
        return false;
    reply->tags[reply->ntags++] = tag;
    return true;
}

/* False: a number is none, or there is too much. */
static bool take_field(char letter, struct bytes text, struct reply *reply)
{
    switch (letter) {
    case 'K':
        reply->token = text;
        return text.len > 0;
    case 'O':
        reply->opaque = text;
        return true;
    case 'C':
        reply->cursor = text;
        return true;
    case 'h':
        reply->holder = text;
        return true;
    case 'A':
        reply->application = text;
        return true;
    case 'G':
        return take_tag(text, reply);
    case 't':
        return num_parse_i64(text, &reply->ttl_s);
    case 'a':
        return num_parse_u64(text, &reply->age_s);
    case 'i':
        return num_parse_u64(text, &reply->idle_s);
    case 'w':
        return num_parse_u64(text, &reply->waited_ms);
    case 'n':
        return num_parse_u64(text, &reply->waiting);
    case 'f':
        return num_parse_u64(text, &reply->flags);
    case 'E':
        return num_parse_u64(text, &reply->life_s);
    case 'l':
        reply->is_leased = text.len == 0;
        return true;
    case 'v':
        reply->has_revision = true;
        return num_parse_u64(text, &reply->revision);
    case 'm':
        reply->is_held = true;
        return num_parse_u64(text, &reply->held_ms);
    case 's':
        if (reply->code == REPLY_SESSION)
            return num_parse_u64(text, &reply->size);
        reply->is_succeeded = reply->code == REPLY_VALUE && text.len == 0;
        return true;
    default:
        return true;
    }
}

static enum reply_code code_of(struct bytes word, bool *ret_has_number)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (bytes_equal(word, bytes_of(codes[i].word))) {
            *ret_has_number = codes[i].has_number;
            return codes[i].code;
        }
    return REPLY_NONE;
}

static bool begins_with_digit(struct bytes text)
{
    return text.len > 0 && *text.p >= '0' && *text.p <= '9';
}

enum reply_code reply_parse(struct bytes line, struct reply *ret)
{
    bool has_number = false;
    struct reply reply = {.code = code_of(next_word(&line), &has_number)};
    if (reply.code == REPLY_NONE)
        return REPLY_NONE;
    struct bytes word = next_word(&line);
    if (has_number && begins_with_digit(word)) {
        if (!num_parse_u64(word, &reply.number))
            return REPLY_NONE;
        if (reply.code == REPLY_VALUE && reply.number > REPLY_LEN_MAX)
            return REPLY_NONE;
        word = next_word(&line);
    } else if (reply.code == REPLY_VALUE || reply.code == REPLY_WAITING) {
        return REPLY_NONE;
    }
    if (reply.code == REPLY_SESSION) {
        reply.handle = word;
        word = next_word(&line);
    }
    for (; word.len > 0; word = next_word(&line)) {
        struct bytes text = {.p = word.p + 1, .len = word.len - 1};
        if (!take_field(*word.p, text, &reply))
            return REPLY_NONE;
    }
    *ret = reply;
    return reply.code;
}
