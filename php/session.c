/* Session verbs for one session of PHP's, see session.h. */
#include "session.h"
#include "bot.h"
#include "codec.h"
#include "tags.h"

#include <SAPI.h>
#include <ext/session/php_session.h>
#include <php_ini.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { RELATIVE_MAX_S = 30 * 24 * 60 * 60 };

struct line {
    size_t len;
    char text[REQUEST_MAX];
};

/* ---- small things ---- */

__attribute__((format(printf, 1, 2))) zend_result session_complain(const char *format, ...)
{
    char text[2 * CLIENT_ERROR_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    php_error_docref(NULL, E_WARNING, "Cloakroom: %s", text);
    return FAILURE;
}

static zend_result complain_of(const struct session *session)
{
    return session_complain("%s", session->server->error);
}

const char *session_where(const struct session *session)
{
    return session->server != NULL ? session->server->shown : session->pool->path;
}

static struct server *server_of(const struct session *session, const zend_string *id)
{
    struct server *server;
    pool_rank(session->pool, (struct bytes){.p = ZSTR_VAL(id), .len = ZSTR_LEN(id)}, &server, 1);
    return server;
}

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line->text + line->len, sizeof line->text - line->len, format, args);
    va_end(args);
    line->len += n > 0 ? (size_t)n : 0;
    if (line->len >= sizeof line->text)
        line->len = sizeof line->text - 1;
}

bool session_is_same(const zend_string *a, zend_string *b)
{
    return a != NULL && zend_string_equals(a, b);
}

static void forget(zend_string **string)
{
    if (*string != NULL)
        zend_string_release(*string);
    *string = NULL;
}

/* In the form of exptime, where more than 30 days are an absolute time. `is_first`: until it is used again. */
static void add_life(struct line *line, bool is_first)
{
    zend_long life_s =
        zend_ini_long((char *)"session.gc_maxlifetime", sizeof "session.gc_maxlifetime" - 1, 0);
    zend_long first_s = CLOAKROOM_G(first_life);
    if (is_first && first_s > 0 && first_s < life_s)
        life_s = first_s;
    if (life_s < 1)
        life_s = 1;
    if (life_s > RELATIVE_MAX_S)
        life_s += time(NULL);
    add(line, " T" ZEND_LONG_FMT, life_s > UINT32_MAX ? (zend_long)UINT32_MAX : life_s);
}

static struct line begin_line(const char *verb, const zend_string *id)
{
    char room[80];
    struct line line = {0};
    add(&line, "%s %s%s", verb, ZSTR_VAL(id), cloakroom_application_flag(room));
    return line;
}

static struct line begin_write(const zend_string *id, size_t len)
{
    char room[80];
    struct line line = {0};
    add(&line, "sw %s %zu%s", ZSTR_VAL(id), len, cloakroom_application_flag(room));
    return line;
}

/* host:pid:script, for those who look at who holds a session. */
static void add_holder(struct line *line)
{
    char holder[HOLDER_MAX + 1];
    const char *script = SG(request_info).path_translated;
    const char *slash = script != NULL ? strrchr(script, '/') : NULL;
    snprintf(holder, sizeof holder, "%s:%ld:%s", CLOAKROOM_G(host), (long)getpid(),
             slash != NULL ? slash + 1 : (script != NULL ? script : sapi_module.name));
    for (char *c = holder; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~')
            *c = '_';
    add(line, " H%s", holder);
}

/* ---- asking ---- */

static bool ask(struct session *session, const struct line *line, struct bytes value, struct reply *ret)
{
    const struct bytes text = {.p = line->text, .len = line->len};
    return server_ask(session->server, cloakroom_limits(), text, value) && server_next(session->server, ret);
}

/* An answer of one line. */
static bool ask_plain(struct session *session, const struct line *line, struct bytes value, struct reply *ret)
{
    return ask(session, line, value, ret) && server_finish(session->server);
}

static void lose_token(struct session *session)
{
    session->token[0] = '\0';
    if (session->server != NULL)
        session->server->has_lease = false;
}

static bool take_token(struct session *session, struct bytes token)
{
    if (token.len >= TOKEN_MAX)
        return false;
    memcpy(session->token, token.p, token.len);
    session->token[token.len] = '\0';
    return true;
}

void session_forget(struct session *session)
{
    forget(&session->id);
    forget(&session->value);
    lose_token(session);
    session->is_fetched = session->has_failed = session->is_successor = session->is_succeeded = false;
    CLOAKROOM_G(current_id) = NULL;
}

/* What goes wrong here is no loss: the lease ends with its connection, which is then closed. */
void session_give_back(struct session *session)
{
    struct reply reply;
    if (session->server == NULL || session->token[0] == '\0' || !server_is_connected(session->server) ||
        !session->server->has_lease)
        return;
    struct line line = begin_line("sc", session->id);
    add(&line, " K%s", session->token);
    (void)ask_plain(session, &line, (struct bytes){0}, &reply);
    lose_token(session);
}

/* ---- opening ---- */

static zend_result complain_busy(const struct session *session, const struct reply *busy)
{
    return session_complain(
        "%s: another request has held this session for %llu ms (%.*s), and %llu wait for it; "
        "waited %ld ms. End "
        "it sooner (session_write_close()), or wait longer (cloakroom.wait)",
        session_where(session), (unsigned long long)busy->held_ms,
        busy->holder.len > 0 ? (int)busy->holder.len : (int)strlen("unknown"),
        busy->holder.len > 0 ? busy->holder.p : "unknown", (unsigned long long)busy->waiting,
        (long)cloakroom_wait_ms());
}

/* In place of the value as it was stored. */
static bool unpack(const struct session *session, uint64_t flags, zend_string **value)
{
    zend_string *packed = *value;
    *value = codec_unpack(packed, flags);
    zend_string_release(packed);
    if (*value == NULL)
        snprintf(
            session->server->error, sizeof session->server->error,
            "%s: what is stored is said to be compressed (client flags %llu), and is not; who else writes "
            "sessions there? Nothing was changed",
            session->server->shown, (unsigned long long)flags);
    return *value != NULL;
}

/* The value behind VA. The session is taken for read only when all of it is there. */
static bool read_value(struct session *session, const struct reply *head, zend_string **ret)
{
    zend_string *value = zend_string_alloc(head->number, 0);
    if (!server_read_value(session->server, ZSTR_VAL(value), head->number)) {
        zend_string_efree(value);
        return false;
    }
    ZSTR_VAL(value)[head->number] = '\0';
    *ret = value;
    return true;
}

bool session_suits(const struct session *session, const zend_string *id)
{
    if (session->pool->n == 1)
        return true;
    struct server *server = server_of(session, id);
    if (CLOAKROOM_G(predecessor)[0] != '\0')
        return server == CLOAKROOM_G(predecessor_server);
    return server_reach(server, cloakroom_limits());
}

static struct line open_line(struct session *session, zend_string *id, bool must_exist, bool read_only)
{
    struct line line = begin_line("so", id);
    if (read_only) {
        add(&line, " r");
        return line;
    }
    add_life(&line, false);
    add(&line, " W" ZEND_LONG_FMT "%s%s", cloakroom_wait_ms(), must_exist ? " e" : "",
        bot_is_asking() ? " B" : "");
    if (CLOAKROOM_G(lease) > 0)
        add(&line, " L" ZEND_LONG_FMT, CLOAKROOM_G(lease));
    session->is_successor = CLOAKROOM_G(predecessor)[0] != '\0' &&
                            CLOAKROOM_G(predecessor_server) == session->server &&
                            session_is_same(session->created, id);
    if (session->is_successor)
        add(&line, " S%s", CLOAKROOM_G(predecessor));
    CLOAKROOM_G(predecessor)[0] = '\0';
    add_holder(&line);
    return line;
}

static enum fetch take_answer(struct session *session, zend_string *id, const struct reply *reply)
{
    zend_string *value = NULL;
    char token[TOKEN_MAX] = "";
    uint64_t flags = reply->flags;
    if (reply->token.len >= sizeof token)
        return FETCH_FAILED;
    memcpy(token, reply->token.p, reply->token.len); /* what is read next moves the line away */
    session->server->has_lease = reply->token.len > 0;
    if (reply->waited_ms > 0) {
        session->server->figures.waits++;
        session->server->figures.waited_ms += reply->waited_ms;
    }
    if (reply->code == REPLY_VALUE && !read_value(session, reply, &value))
        return FETCH_FAILED;
    if (!server_finish(session->server)) {
        forget(&value);
        return FETCH_FAILED;
    }
    if (value != NULL && !unpack(session, flags, &value))
        return FETCH_FAILED;
    session->id = zend_string_copy(id);
    session->value = value;
    session->is_succeeded = reply->is_succeeded;
    memcpy(session->token, token, sizeof token);
    CLOAKROOM_G(current_id) = session->id;
    return value != NULL ? FETCH_FOUND : FETCH_ABSENT;
}

/* Sends the line and takes what is answered to it; warns of what is none of the ordinary ends. */
static enum fetch fetch_by(struct session *session, zend_string *id, const struct line *line)
{
    struct reply reply;
    if (!ask(session, line, (struct bytes){0}, &reply)) {
        complain_of(session);
        return FETCH_FAILED;
    }
    switch (reply.code) {
    case REPLY_VALUE:
    case REPLY_EMPTY: {
        enum fetch fetch = take_answer(session, id, &reply);
        if (fetch == FETCH_FAILED)
            complain_of(session);
        return fetch;
    }
    case REPLY_MISSING:
    case REPLY_GONE:
        if (server_finish(session->server))
            return reply.code == REPLY_GONE ? FETCH_GONE : FETCH_MISSING;
        complain_of(session);
        return FETCH_FAILED;
    case REPLY_BUSY:
        if (!CLOAKROOM_G(busy_reads))
            complain_busy(session, &reply);
        if (!server_finish(session->server))
            server_drop(session->server);
        return FETCH_BUSY;
    default:
        server_drop(session->server);
        session_complain(
            "%s: answered an open with what is no answer to it; is this cloakroomd, and of this version?",
            session_where(session));
        return FETCH_FAILED;
    }
}

enum fetch session_fetch(struct session *session, zend_string *id, bool must_exist)
{
    bool read_only = !CLOAKROOM_G(lock);
    session_give_back(session);
    session_forget(session);
    session->server = server_of(session, id);
    struct line line = open_line(session, id, must_exist, read_only);
    enum fetch fetched = fetch_by(session, id, &line);
    if (fetched == FETCH_BUSY && CLOAKROOM_G(busy_reads)) {
        read_only = true;
        line = open_line(session, id, must_exist, read_only);
        fetched = fetch_by(session, id, &line);
    }
    if (fetched == FETCH_MISSING && read_only && !must_exist) {
        session->id = zend_string_copy(id);
        fetched = FETCH_ABSENT;
    }
    return fetched;
}

/* Whether an id exists, asked while another session is open: its lease stays where it is. */
zend_result session_look_up(const struct session *session, zend_string *id)
{
    struct reply reply;
    struct session other = {.pool = session->pool, .server = server_of(session, id)};
    struct line line = begin_line("so", id);
    add(&line, " r");
    if (!ask(&other, &line, (struct bytes){0}, &reply))
        return complain_of(&other);
    if (reply.code != REPLY_VALUE)
        return server_finish(other.server) ? FAILURE : complain_of(&other);
    zend_string *value;
    if (!read_value(&other, &reply, &value))
        return complain_of(&other);
    zend_string_release(value);
    return server_finish(other.server) ? SUCCESS : complain_of(&other);
}

/* ---- writing ---- */

static void add_tags(struct line *line)
{
    struct tags tags = CLOAKROOM_G(tags);
    bool has_tags = tags_add_variables(&tags) || tags.n > 0;
    for (size_t i = 0; i < tags.n; i++)
        add(line, " G%s", tags.text[i]);
    if (has_tags && tags.n == 0)
        add(line, " G");
}

static zend_result complain_lost(const struct session *session, enum reply_code code)
{
    if (code == REPLY_GONE)
        return session_complain(
            "%s: this session was killed, or has another id, since this request has read it; "
            "nothing was stored",
            session_where(session));
    return session_complain(
        "%s: another request has opened or written this session since this one has read it; "
        "nothing was stored. "
        "Its lease has ended too soon: cloakroom.lease, or a connection that broke",
        session_where(session));
}

/* NULL, or what keeps it from being written. */
static const char *cannot_write(const struct session *session, zend_string *id)
{
    if (session->id == NULL || !session_is_same(session->id, id))
        return "this session was not read whole by this request, so it is not written";
    if (session->is_succeeded)
        return "this is the old id of a session that has a new one; what was changed under the old one is "
               "not stored";
    if (session->token[0] == '\0')
        return "this session was opened to read only (session.cloakroom_lock = 0, cloakroom.busy = read), or "
               "given back already; "
               "what was changed "
               "is not stored";
    return NULL;
}

zend_result session_store(struct session *session, zend_string *id, zend_string *value, bool keep)
{
    struct reply reply;
    const char *why = cannot_write(session, id);
    if (why != NULL)
        return session_complain("%s: %s", session_where(session), why);
    uint32_t flags;
    zend_string *packed = codec_pack(value, CLOAKROOM_G(compress), &flags);
    struct line line = begin_write(id, ZSTR_LEN(packed));
    add(&line, " K%s%s%s", session->token, keep ? " l" : "", bot_is_asking() ? " B" : "");
    if (flags != 0)
        add(&line, " F%u", flags);
    add_life(&line, session->value == NULL && !session->is_successor);
    add_tags(&line);
    const struct bytes bytes = {.p = ZSTR_VAL(packed), .len = ZSTR_LEN(packed)};
    bool is_answered = ask_plain(session, &line, bytes, &reply);
    zend_string_release(packed);
    if (!is_answered) {
        if (ZSTR_LEN(value) > 0 && strstr(session->server->error, "too large") != NULL)
            return session_complain("%s (this session has %zu bytes)", session->server->error,
                                    ZSTR_LEN(value));
        return complain_of(session);
    }
    if (reply.code == REPLY_DONE && keep && reply.token.len > 0 && take_token(session, reply.token))
        return SUCCESS;
    lose_token(session);
    return reply.code == REPLY_DONE ? SUCCESS : complain_lost(session, reply.code);
}

/* A lease that has ended is no loss. */
zend_result session_touch(struct session *session)
{
    struct reply reply;
    if (session->token[0] == '\0')
        return SUCCESS;
    struct line line = begin_line("sc", session->id);
    add(&line, " K%s", session->token);
    add_life(&line, false);
    if (!ask_plain(session, &line, (struct bytes){0}, &reply))
        return complain_of(session);
    lose_token(session);
    return SUCCESS;
}

/* Who takes the place of this session names its token. */
static void leave_to_successor(struct session *session)
{
    memcpy(CLOAKROOM_G(predecessor), session->token, TOKEN_MAX);
    CLOAKROOM_G(predecessor_server) = session->server;
    lose_token(session);
}

/* Ends it by what `line` asks; whoever succeeds it has its token. */
static zend_result end_for_successor(struct session *session, struct line *line)
{
    struct reply reply;
    if (!ask_plain(session, line, (struct bytes){0}, &reply))
        return complain_of(session);
    if (reply.code == REPLY_DONE)
        leave_to_successor(session);
    lose_token(session);
    if (reply.code == REPLY_DONE || reply.code == REPLY_MISSING)
        return SUCCESS;
    return complain_lost(session, reply.code);
}

/* session_regenerate_id(false): the old id can be read for a while. */
zend_result session_succeed(struct session *session, zend_string *id, zend_string *value)
{
    const char *why = cannot_write(session, id);
    if (why != NULL)
        return session_complain("%s: %s", session_where(session), why);
    bool is_new = session->value == NULL;
    bool is_changed = is_new ? ZSTR_LEN(value) > 0 : !zend_string_equals(session->value, value);
    if (is_changed && session_store(session, id, value, true) == FAILURE)
        return FAILURE;
    if (session->token[0] == '\0')
        return SUCCESS;
    struct line line = begin_line("sc", id);
    add(&line, " K%s s" ZEND_LONG_FMT, session->token, CLOAKROOM_G(grace));
    return end_for_successor(session, &line);
}

/* session_regenerate_id(true): refused when the session was killed meanwhile, or it would go on under the new id. */
zend_result session_kill_to_succeed(struct session *session, zend_string *id)
{
    const char *why = cannot_write(session, id);
    if (why != NULL)
        return session_complain("%s: %s", session_where(session), why);
    struct line line = begin_line("sk", id);
    add(&line, " K%s s", session->token);
    return end_for_successor(session, &line);
}

zend_result session_kill(struct session *session, zend_string *id)
{
    struct reply reply;
    struct session other = {.pool = session->pool, .server = server_of(session, id)};
    struct line line = begin_line("sk", id);
    if (!ask_plain(&other, &line, (struct bytes){0}, &reply))
        return complain_of(&other);
    if (session_is_same(session->id, id))
        lose_token(session);
    return SUCCESS;
}
