/* The text dialect: a table of commands, a line cut into words, and the answers; see text.h. */
#include "proto/text.h"

#include "base/check.h"
#include "proto/meta.h"
#include "proto/session.h"
#include "proto/words.h"

enum shape {
    SHAPE_GET,       /* <key>+ */
    SHAPE_GAT,       /* <exptime> <key>+ */
    SHAPE_SET,       /* <key> <flags> <exptime> <bytes> */
    SHAPE_CAS,       /* <key> <flags> <exptime> <bytes> <cas> */
    SHAPE_DELETE,    /* <key> */
    SHAPE_INCR,      /* <key> <delta> */
    SHAPE_TOUCH,     /* <key> <exptime> */
    SHAPE_FLUSH,     /* [<delay>] */
    SHAPE_VERBOSITY, /* <level> */
    SHAPE_META,      /* see meta.h */
    SHAPE_SESSION,   /* see session.h */
    SHAPE_ONE,       /* a word, the server's to understand */
    SHAPE_ANY,       /* whatever */
};

struct command {
    struct bytes name;
    enum verb verb;
    enum shape shape;
    size_t words_min; /* arguments without which the line is malformed; noreply counts */
    bool with_cas;
    enum meta meta;
};

#define NAME(s)                                                                                              \
    {                                                                                                        \
        s, sizeof(s) - 1                                                                                     \
    }

/* The most frequent first: the table is searched from the top. A cas without its number counts as enough, so
 * that its value is swallowed. */
static const struct command commands[] = {
    {NAME("get"), VERB_GET, SHAPE_GET, 1, false, META_NONE},
    {NAME("set"), VERB_SET, SHAPE_SET, 4, false, META_NONE},
    {NAME("touch"), VERB_TOUCH, SHAPE_TOUCH, 2, false, META_NONE},
    {NAME("add"), VERB_ADD, SHAPE_SET, 4, false, META_NONE},
    {NAME("delete"), VERB_DELETE, SHAPE_DELETE, 1, false, META_NONE},
    {NAME("incr"), VERB_INCR, SHAPE_INCR, 2, false, META_NONE},
    {NAME("gets"), VERB_GET, SHAPE_GET, 1, true, META_NONE},
    {NAME("gat"), VERB_GET, SHAPE_GAT, 2, false, META_NONE},
    {NAME("gats"), VERB_GET, SHAPE_GAT, 2, true, META_NONE},
    {NAME("cas"), VERB_CAS, SHAPE_CAS, 4, false, META_NONE},
    {NAME("replace"), VERB_REPLACE, SHAPE_SET, 4, false, META_NONE},
    {NAME("append"), VERB_APPEND, SHAPE_SET, 4, false, META_NONE},
    {NAME("prepend"), VERB_PREPEND, SHAPE_SET, 4, false, META_NONE},
    {NAME("decr"), VERB_DECR, SHAPE_INCR, 2, false, META_NONE},
    {NAME("mg"), VERB_GET, SHAPE_META, 1, false, META_GET},
    {NAME("ms"), VERB_SET, SHAPE_META, 2, false, META_SET},
    {NAME("md"), VERB_DELETE, SHAPE_META, 1, false, META_DELETE},
    {NAME("ma"), VERB_INCR, SHAPE_META, 1, false, META_COUNT},
    {NAME("mn"), VERB_NOOP, SHAPE_ANY, 0, false, META_NONE},
    {NAME("me"), VERB_GET, SHAPE_META, 1, false, META_DEBUG},
    {NAME("so"), VERB_OPEN, SHAPE_SESSION, 0, false, META_NONE},
    {NAME("sw"), VERB_WRITE, SHAPE_SESSION, 0, false, META_NONE},
    {NAME("sc"), VERB_CLOSE, SHAPE_SESSION, 0, false, META_NONE},
    {NAME("sk"), VERB_KILL, SHAPE_SESSION, 0, false, META_NONE},
    {NAME("sl"), VERB_LIST, SHAPE_SESSION, 0, false, META_NONE},
    {NAME("sn"), VERB_COUNT, SHAPE_SESSION, 0, false, META_NONE},
    {NAME("se"), VERB_EVENTS, SHAPE_SESSION, 0, false, META_NONE},
    {NAME("stats"), VERB_STATS, SHAPE_ANY, 0, false, META_NONE},
    {NAME("version"), VERB_VERSION, SHAPE_ANY, 0, false, META_NONE},
    {NAME("flush_all"), VERB_FLUSH, SHAPE_FLUSH, 0, false, META_NONE},
    {NAME("verbosity"), VERB_VERBOSITY, SHAPE_VERBOSITY, 0, false, META_NONE},
    {NAME("refresh_certs"), VERB_REFRESH_CERTS, SHAPE_ANY, 0, false, META_NONE},
    {NAME("shutdown"), VERB_SHUTDOWN, SHAPE_ANY, 0, false, META_NONE},
    {NAME("cache_memlimit"), VERB_MEMLIMIT, SHAPE_ONE, 1, false, META_NONE},
    {NAME("lru_crawler"), VERB_CRAWLER, SHAPE_ANY, 0, false, META_NONE},
    {NAME("slabs"), VERB_SLABS, SHAPE_ANY, 0, false, META_NONE},
    {NAME("lru"), VERB_LRU, SHAPE_ANY, 0, false, META_NONE},
#ifdef CLOAKROOM_DEBUG
    {NAME("debugtime"), VERB_DEBUGTIME, SHAPE_ONE, 1, false, META_NONE},
#endif
    {NAME("watch"), VERB_WATCH, SHAPE_ANY, 0, false, META_NONE},
    {NAME("quit"), VERB_QUIT, SHAPE_ANY, 0, false, META_NONE},
};

static const struct command *command_find(struct bytes name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (bytes_equal(name, commands[i].name))
            return &commands[i];
    return NULL;
}

/* Words, see words.h. */

static bool word_is_noreply(struct bytes word)
{
    return bytes_equal(word, (struct bytes)NAME("noreply"));
}

static void refuse(struct request *request, enum refusal refusal)
{
    request->verb = VERB_REFUSED;
    request->refusal = refusal;
    if (request->meta != META_NONE)
        request->quiet = false;
}

/* Lines. */

struct line {
    struct bytes text; /* without its end */
    size_t full;       /* bytes with its end */
};

enum line_state { LINE_WHOLE, LINE_PARTIAL, LINE_TOO_LONG };

static bool is_keys_line(const char *in, size_t len)
{
    struct bytes text = {in, len};
    return bytes_starts_with(text, (struct bytes)NAME("get ")) ||
           bytes_starts_with(text, (struct bytes)NAME("gets ")) ||
           bytes_starts_with(text, (struct bytes)NAME("gat ")) ||
           bytes_starts_with(text, (struct bytes)NAME("gats "));
}

static enum line_state find_line(struct proto *proto, const char *in, size_t len, struct line *ret)
{
    size_t max = len >= PROTO_LINE_MAX && is_keys_line(in, len) ? PROTO_KEYS_LINE_MAX : PROTO_LINE_MAX;
    size_t reach = len < max ? len : max;
    CHECK(proto->scanned <= reach);
    const char *end = memchr(in + proto->scanned, '\n', reach - proto->scanned);
    if (end == NULL) {
        proto->scanned = reach;
        return len < max ? LINE_PARTIAL : LINE_TOO_LONG;
    }
    proto->scanned = 0;
    ret->full = (size_t)(end - in) + 1;
    ret->text = words_line(in, ret->full);
    return LINE_WHOLE;
}

/* Gets: the line is checked whole, then each of its keys becomes a request. Were a bad key found only when
 * its turn comes, its error would follow the values of the keys before it, and a pipelining client would be
 * out of step. */

static bool keys_are_good(struct bytes rest)
{
    struct bytes key;
    do {
        key = words_next(&rest);
        if (key.len > PROTO_KEY_MAX)
            return false;
    } while (key.len > 0);
    return true;
}

/* Makes the request of the next key, in the `full` bytes of a line that are left. Returns how many it used.
 */
static size_t take_key(struct bytes rest, size_t full, struct request *request)
{
    const char *start = rest.p;
    request->key = words_next(&rest);
    words_skip_spaces(&rest);
    request->last = rest.len == 0;
    return request->last ? full : (size_t)(rest.p - start);
}

static size_t next_key(struct proto *proto, const char *in, size_t len, struct request *ret)
{
    CHECK(len >= proto->keys_left);
    *ret = proto->keys;
    size_t used = take_key(words_line(in, proto->keys_left), proto->keys_left, ret);
    proto->keys_left -= used;
    return used;
}

/* The keys of a get line, `rest`, with the line's end `full` bytes from their start. Returns how many bytes
 * of them are used. */
static size_t begin_keys(struct proto *proto, const struct command *command, struct bytes rest, size_t full,
                         struct request *ret)
{
    const char *start = rest.p;
    if (command->shape == SHAPE_GAT) {
        ret->touch = true;
        struct bytes exptime = words_next(&rest);
        words_skip_spaces(&rest);
        if (rest.len > 0 && !num_parse_i64(exptime, &ret->exptime)) {
            refuse(ret, REFUSAL_EXPTIME);
            return full;
        }
    }
    words_skip_spaces(&rest);
    if (rest.len == 0 || !keys_are_good(rest)) {
        refuse(ret, REFUSAL_FORMAT);
        return full;
    }
    size_t before = (size_t)(rest.p - start);
    size_t used = before + take_key(rest, full - before, ret);
    proto->keys_left = full - used;
    if (!ret->last)
        proto->keys = *ret;
    return used;
}

/* Arguments: each returns why they are refused, or REFUSAL_NONE. */

/* All of a set but its length, which is known to be good. */
static enum refusal parse_set(const struct command *command, const struct words *words, struct request *ret)
{
    if (!words_u32(words->word[1], &ret->flags) || !num_parse_i64(words->word[2], &ret->exptime))
        return REFUSAL_FORMAT;
    if (command->shape == SHAPE_CAS && (words->n < 5 || !words_u64(words->word[4], &ret->cas)))
        return REFUSAL_FORMAT;
    return REFUSAL_NONE;
}

/* Old clients send a delay, and only 0 ever was a deletion; see text.h. */
static enum refusal parse_delete(const struct words *words, const struct request *request)
{
    size_t n = words->n - (request->quiet && words->n > 1 ? 1 : 0);
    if (n == 1 || (n == 2 && bytes_equal(words->word[1], (struct bytes)NAME("0"))))
        return REFUSAL_NONE;
    return words->n > 3 ? REFUSAL_UNKNOWN : REFUSAL_DELETE_USAGE;
}

static enum refusal parse_keyed(const struct command *command, const struct words *words, struct request *ret)
{
    ret->key = words->word[0];
    if (ret->key.len > PROTO_KEY_MAX)
        return REFUSAL_FORMAT;
    switch (command->shape) {
    case SHAPE_INCR:
        return words_u64(words->word[1], &ret->delta) ? REFUSAL_NONE : REFUSAL_DELTA;
    case SHAPE_TOUCH:
        return num_parse_i64(words->word[1], &ret->exptime) ? REFUSAL_NONE : REFUSAL_EXPTIME;
    case SHAPE_DELETE:
        return parse_delete(words, ret);
    default:
        return parse_set(command, words, ret);
    }
}

static enum refusal parse_flush(const struct words *words, struct request *ret)
{
    if (words->n == (ret->quiet ? 1 : 0))
        return REFUSAL_NONE;
    if (!num_parse_i64(words->word[0], &ret->exptime))
        return REFUSAL_EXPTIME;
    if (ret->exptime < 0)
        ret->exptime = 0;
    return REFUSAL_NONE;
}

static enum refusal parse_verbosity(const struct words *words, struct request *ret)
{
    uint32_t level;
    if (words->n == 0 || !num_parse_u32(words->word[0], &level))
        return REFUSAL_FORMAT;
    ret->argument = words->word[0];
    return REFUSAL_NONE;
}

static void parse_arguments(const struct command *command, const struct words *words, struct request *ret)
{
    enum refusal refusal = REFUSAL_NONE;
    ret->quiet = word_is_noreply(words->last);
    if (command->shape == SHAPE_FLUSH)
        refusal = parse_flush(words, ret);
    else if (command->shape == SHAPE_VERBOSITY)
        refusal = parse_verbosity(words, ret);
    else if (command->shape == SHAPE_ONE)
        ret->argument = words->word[0];
    else
        refusal = parse_keyed(command, words, ret);
    if (refusal != REFUSAL_NONE)
        refuse(ret, refusal);
}

static void parse_unknown(struct bytes rest, struct request *ret)
{
    struct words words;
    words_split(rest, &words);
    ret->quiet = word_is_noreply(words.last);
    refuse(ret, REFUSAL_UNKNOWN);
    /* A browser, perhaps made to carry commands in a form it posts: nothing on this connection is for us. */
    if (bytes_starts_with(words.last, (struct bytes)NAME("HTTP/"))) {
        refuse(ret, REFUSAL_HANGUP);
        ret->close = true;
    }
}

/* Values. */

/* Refused with a value behind it: what has arrived of it is used, what has not is skipped when it comes. */
static size_t skip_value(struct proto *proto, size_t have, size_t value_len)
{
    size_t whole = value_len + 2;
    size_t used = have < whole ? have : whole;
    proto->skip = whole - used;
    return used;
}

static enum parse take_value(struct proto *proto, const char *in, size_t len, size_t line_full,
                             size_t *ret_used, size_t *ret_need, struct request *ret)
{
    size_t value_len = ret->value.len;
    ret->value = (struct bytes){0};
    if (ret->verb == VERB_WRITE && value_len > proto->value_max)
        ret->excess = value_len - proto->value_max;
    if (ret->verb == VERB_WRITE && (value_len > proto->value_max || proto->no_room))
        ret->key = (struct bytes){0}; /* who is told of the refusal is not to see the id */
    ret->replaces = ret->verb == VERB_SET || (ret->verb != VERB_REFUSED && ret->meta == META_SET);
    if (ret->verb != VERB_REFUSED && value_len > proto->value_max)
        refuse(ret, REFUSAL_TOO_LARGE);
    else if (ret->verb != VERB_REFUSED && proto->no_room)
        refuse(ret, REFUSAL_FULL);
    if (ret->verb == VERB_REFUSED) {
        *ret_used = line_full + skip_value(proto, len - line_full, value_len);
        return PARSE_REQUEST;
    }
    size_t whole = line_full + value_len + 2;
    if (len < whole) {
        *ret_need = whole;
        return PARSE_MORE;
    }
    *ret_used = whole;
    if (in[whole - 2] != '\r' || in[whole - 1] != '\n')
        refuse(ret, REFUSAL_CHUNK);
    else
        ret->value = (struct bytes){in + line_full, value_len};
    return PARSE_REQUEST;
}

/* The rest of a line that is neither a get nor unknown. Returns whether a value follows; its length is then
 * in ret->value.len, even if the line was refused. */
static bool parse_rest(const struct command *command, struct bytes rest, struct request *ret)
{
    if (command->shape == SHAPE_ANY) {
        ret->argument = words_trimmed(rest);
        ret->close = command->verb == VERB_QUIT;
        ret->quiet = command->verb == VERB_REFRESH_CERTS && word_is_noreply(ret->argument);
        return false;
    }
    if (command->shape == SHAPE_META)
        return meta_parse(command->meta, rest, ret);
    if (command->shape == SHAPE_SESSION)
        return session_parse(rest, ret);
    struct words words;
    words_split(rest, &words);
    bool has_value = command->shape == SHAPE_SET || command->shape == SHAPE_CAS;
    if (words.n < command->words_min || (has_value && !words_value_len(words.word[3], ret))) {
        refuse(ret, REFUSAL_FORMAT);
        return false;
    }
    parse_arguments(command, &words, ret);
    return has_value;
}

static enum parse refuse_line(struct request *ret, enum refusal refusal, bool close)
{
    refuse(ret, refusal);
    ret->close = close;
    return PARSE_REQUEST;
}

enum parse text_next(struct proto *proto, const char *in, size_t len, size_t *ret_used, size_t *ret_need,
                     struct request *ret)
{
    if (proto->keys_left > 0) {
        *ret_used = next_key(proto, in, len, ret);
        return PARSE_REQUEST;
    }
    struct line line;
    enum line_state state = find_line(proto, in, len, &line);
    if (state == LINE_PARTIAL)
        return PARSE_MORE;
    *ret = (struct request){0};
    *ret_used = state == LINE_WHOLE ? line.full : len;
    if (state == LINE_TOO_LONG)
        return refuse_line(ret, REFUSAL_LINE_TOO_LONG, true);
    if (line.full < 4) /* no command is shorter than "mn\r\n" */
        return refuse_line(ret, REFUSAL_FORMAT, false);

    const char *space = memchr(in, ' ', line.text.len);
    struct bytes name = {in, space != NULL ? (size_t)(space - in) : line.text.len};
    struct bytes rest = {in + name.len, line.text.len - name.len};
    const struct command *command = command_find(name);
    if (command == NULL) {
        parse_unknown(rest, ret);
        return PARSE_REQUEST;
    }
    ret->verb = command->verb;
    ret->with_cas = command->with_cas;
    if (command->shape == SHAPE_GET || command->shape == SHAPE_GAT) {
        *ret_used = name.len + begin_keys(proto, command, rest, line.full - name.len, ret);
        return PARSE_REQUEST;
    }
    if (!parse_rest(command, rest, ret))
        return PARSE_REQUEST;
    *ret_used = 0;
    return take_value(proto, in, len, line.full, ret_used, ret_need, ret);
}
