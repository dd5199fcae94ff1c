/* The answers of the text dialect; memcached's words to the letter. */
#include "proto/text.h"

#include "proto/meta.h"
#include "proto/put.h"
#include "proto/session.h"

#define WORDS(s)                                                                                             \
    {                                                                                                        \
        s "\r\n", sizeof(s) + 1                                                                              \
    }

static const struct bytes ok_words[] = {
    [VERB_GET] = WORDS("END"),        [VERB_SET] = WORDS("STORED"),     [VERB_ADD] = WORDS("STORED"),
    [VERB_REPLACE] = WORDS("STORED"), [VERB_APPEND] = WORDS("STORED"),  [VERB_PREPEND] = WORDS("STORED"),
    [VERB_CAS] = WORDS("STORED"),     [VERB_DELETE] = WORDS("DELETED"), [VERB_TOUCH] = WORDS("TOUCHED"),
    [VERB_FLUSH] = WORDS("OK"),       [VERB_STATS] = WORDS("RESET"),    [VERB_VERBOSITY] = WORDS("OK"),
    [VERB_NOOP] = WORDS("MN"),        [VERB_LOGIN] = WORDS("STORED"),   [VERB_REFRESH_CERTS] = WORDS("OK"),
    [VERB_REFUSED] = WORDS("ERROR"),
};

static const struct bytes status_words[] = {
    [STATUS_MISS] = WORDS("NOT_FOUND"),
    [STATUS_NOT_STORED] = WORDS("NOT_STORED"),
    [STATUS_EXISTS] = WORDS("EXISTS"),
    [STATUS_BUSY] = WORDS("ERROR"), /* session verbs have codes of their own for these two */
    [STATUS_GONE] = WORDS("ERROR"),
    [STATUS_TOO_LARGE] = WORDS("SERVER_ERROR object too large for cache"),
    [STATUS_FULL] = WORDS("SERVER_ERROR out of memory storing object"),
    [STATUS_DISK_FULL] = WORDS("SERVER_ERROR no space left on the disk of --data"),
    [STATUS_READ_ONLY] = WORDS("SERVER_ERROR read-only: the disk has failed, see stats"),
    [STATUS_LOADING] = WORDS("SERVER_ERROR loading: wait until the server says that it is ready, see stats"),
    [STATUS_NON_NUMERIC] = WORDS("CLIENT_ERROR cannot increment or decrement non-numeric value"),
    [STATUS_DENIED] = WORDS("CLIENT_ERROR not allowed"),
    [STATUS_REFUSED] = WORDS("ERROR"),
};

static const struct bytes refusal_words[] = {
    [REFUSAL_NONE] = WORDS("ERROR"),
    [REFUSAL_UNKNOWN] = WORDS("ERROR"),
    [REFUSAL_FORMAT] = WORDS("CLIENT_ERROR bad command line format"),
    [REFUSAL_CHUNK] = WORDS("CLIENT_ERROR bad data chunk"),
    [REFUSAL_TOO_LARGE] = WORDS("SERVER_ERROR object too large for cache"),
    [REFUSAL_FULL] = WORDS("SERVER_ERROR out of memory storing object"),
    [REFUSAL_EXPTIME] = WORDS("CLIENT_ERROR invalid exptime argument"),
    [REFUSAL_DELTA] = WORDS("CLIENT_ERROR invalid numeric delta argument"),
    [REFUSAL_DELETE_USAGE] = WORDS("CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]"),
    [REFUSAL_LINE_TOO_LONG] = WORDS("CLIENT_ERROR line too long"),
    [REFUSAL_LOGIN] = WORDS("CLIENT_ERROR unauthenticated"),
    [REFUSAL_LOGIN_END] = WORDS("CLIENT_ERROR bad command line termination"),
    [REFUSAL_LOGIN_FORMAT] = WORDS("CLIENT_ERROR bad authentication token format"),
    [REFUSAL_LOGIN_LONG] = WORDS("CLIENT_ERROR auth token too long"),
    [REFUSAL_LOGIN_STEP] = WORDS("CLIENT_ERROR unauthenticated"),
    [REFUSAL_HANGUP] = {NULL, 0},
    [REFUSAL_DUPLICATE] = WORDS("CLIENT_ERROR duplicate flag"),
    [REFUSAL_FLAG] = WORDS("CLIENT_ERROR invalid flag"),
    [REFUSAL_TOO_MANY] = WORDS("CLIENT_ERROR options flags are too long"),
    [REFUSAL_TOKEN] = WORDS("CLIENT_ERROR bad token in command line format"),
    [REFUSAL_KEY] = WORDS("CLIENT_ERROR error decoding key"),
    [REFUSAL_INITIAL] = WORDS("CLIENT_ERROR invalid numeric initial value"),
    [REFUSAL_NEW_DELTA] = WORDS("CLIENT_ERROR invalid numeric delta value"),
    [REFUSAL_OPAQUE] = WORDS("CLIENT_ERROR opaque token too long"),
    [REFUSAL_SET_MODE] = WORDS("CLIENT_ERROR invalid mode for ms M token"),
    [REFUSAL_COUNT_MODE] = WORDS("CLIENT_ERROR invalid mode for ma M token"),
    [REFUSAL_COUNT_FLAGS] = WORDS("CLIENT_ERROR invalid or duplicate flag"),
    [REFUSAL_NO_TOKEN] = WORDS("CLIENT_ERROR token missing: give K<token> as so answered it"),
    [REFUSAL_TAGS] = WORDS("CLIENT_ERROR too many tags: a session has at most 8"),
};

/* Where a verb has words of its own for a status, or none. */
struct bytes text_words_for(const struct request *request, enum status status)
{
    static const struct bytes flush_denied = WORDS("CLIENT_ERROR flush_all not allowed");
    static const struct bytes login_denied = WORDS("CLIENT_ERROR authentication failure");
    static const struct bytes incr_full = WORDS("SERVER_ERROR out of memory");
    static const struct bytes get_full = WORDS("SERVER_ERROR out of memory writing get response");
    bool counts = request->verb == VERB_INCR || request->verb == VERB_DECR;
    if (status == STATUS_OK)
        return ok_words[request->verb];
    if (status == STATUS_MISS && request->verb == VERB_STATS)
        return ok_words[VERB_REFUSED];
    if (status == STATUS_DENIED && request->verb == VERB_FLUSH)
        return flush_denied;
    if (status == STATUS_DENIED && request->verb == VERB_LOGIN)
        return login_denied;
    if (status == STATUS_FULL && counts)
        return incr_full;
    if (status == STATUS_FULL && request->verb == VERB_GET)
        return get_full;
    return status_words[status];
}

/* Who writes a session is told by how much it is too large; of set memcached's words are the answer. */
static size_t put_refusal(const struct request *request, char *out)
{
    if (request->excess == 0)
        return (size_t)(put(out, refusal_words[request->refusal]) - out);
    char *end = put_word(out, "SERVER_ERROR object too large for cache by ");
    return (size_t)(put_end(put_word(put_u64(end, request->excess), " bytes")) - out);
}

size_t text_put_answer(const struct request *request, const struct answer *answer, char *out)
{
    if ((request->quiet && request->meta == META_NONE) || request->verb == VERB_QUIT)
        return 0;
    if (request->verb == VERB_REFUSED)
        return put_refusal(request, out);
    if (request->meta != META_NONE)
        return meta_put_answer(request, answer, out);
    if (session_is(request))
        return session_put_answer(request, answer, out);
    if (request->verb == VERB_GET && answer->status == STATUS_MISS)
        return request->last ? (size_t)(put(out, ok_words[VERB_GET]) - out) : 0;
    if ((request->verb == VERB_INCR || request->verb == VERB_DECR) && answer->status == STATUS_OK)
        return (size_t)(put_end(put_u64(out, answer->number)) - out);
    return (size_t)(put(out, text_words_for(request, answer->status)) - out);
}

size_t text_put_hit_head(const struct request *request, const struct answer *answer, char *out)
{
    if (request->meta != META_NONE)
        return meta_put_hit_head(request, answer, out);
    if (request->verb == VERB_OPEN)
        return session_put_hit_head(request, answer, out);
    char *p = put(out, (struct bytes){"VALUE ", 6});
    p = put(p, request->key);
    p = put_u64(put_char(p, ' '), answer->flags);
    p = put_u64(put_char(p, ' '), answer->value_len);
    if (request->with_cas)
        p = put_u64(put_char(p, ' '), answer->cas);
    return (size_t)(put_end(p) - out);
}

size_t text_put_hit_tail(const struct request *request, char *out)
{
    if (request->meta != META_NONE)
        return meta_put_hit_tail(request, out);
    char *p = put_end(out);
    if (request->last) /* never of a session verb */
        p = put(p, ok_words[VERB_GET]);
    return (size_t)(p - out);
}

size_t text_put_stat(struct bytes name, struct bytes value, char *out)
{
    if (name.len == 0)
        return (size_t)(put(out, ok_words[VERB_GET]) - out);
    char *p = put(put(out, (struct bytes){"STAT ", 5}), name);
    return (size_t)(put_end(put(put_char(p, ' '), value)) - out);
}

size_t text_put_line(const struct request *request, struct bytes line, char *out)
{
    return request->quiet ? 0 : (size_t)(put_end(put(out, line)) - out);
}

size_t text_put_version(struct bytes version, char *out)
{
    return (size_t)(put_end(put(put(out, (struct bytes){"VERSION ", 8}), version)) - out);
}

size_t text_put_error(const struct request *request, struct bytes words, char *out)
{
    if (request->quiet)
        return 0;
    return (size_t)(put_end(put(put(out, (struct bytes){"SERVER_ERROR ", 13}), words)) - out);
}
