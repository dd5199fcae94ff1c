/* Opening a session of PHP's, see session.h; session_end.c writes and ends it. */
#include "session.h"
#include "bot.h"
#include "codec.h"
#include "line.h"
#include "plain.h"

#include <ext/session/php_session.h>
#include <time.h>

/* The newest of the copies that were read. */
struct found {
    bool is_live;
    bool is_killed;
    bool is_succeeded;
    uint64_t revision;
    uint64_t flags; /* of the client, by which the value is compressed */
    zend_string *value;
    struct belongings belongings;
};

__attribute__((format(printf, 1, 2))) zend_result session_complain(const char *format, ...)
{
    char text[2 * CLIENT_ERROR_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    CLOAKROOM_G(complaining)++;
    php_error_docref(NULL, E_WARNING, "Cloakroom: %s", text);
    CLOAKROOM_G(complaining)--;
    return FAILURE;
}

const char *session_where(const struct session *session)
{
    return session->server != NULL ? session->server->shown : session->copies.pool->path;
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

void session_lose_token(struct copy *copy)
{
    if (copy->token[0] != '\0')
        copy->server->has_lease = false;
    copy->token[0] = '\0';
}

void session_lose_leases(struct session *session)
{
    for (size_t i = 0; i < session->copies.n; i++)
        session_lose_token(&session->copies.list[i]);
}

bool session_take_token(struct copy *copy, struct bytes token)
{
    if (token.len >= TOKEN_MAX)
        return false;
    if (token.len > 0)
        memcpy(copy->token, token.p, token.len);
    copy->token[token.len] = '\0';
    copy->server->has_lease = token.len > 0;
    return true;
}

void session_forget(struct session *session)
{
    forget(&session->id);
    forget(&session->value);
    session_lose_leases(session);
    session->item_cas = session->lock_cas = 0;
    session->is_plain = false;
    session->is_fetched = session->has_failed = session->is_successor = session->is_succeeded = false;
    CLOAKROOM_G(current_id) = NULL;
}

bool session_suits(const struct session *session, const zend_string *id)
{
    struct copies copies = {.pool = session->copies.pool};
    if (copies.pool->n == 1)
        return true;
    copies_find(&copies, id);
    if (copies.n == 1 && CLOAKROOM_G(predecessor)[0] != '\0')
        return copies.list[0].server == CLOAKROOM_G(predecessor_server);
    for (size_t i = 0; i < copies.n; i++)
        if (server_reach(copies.list[i].server, cloakroom_limits()))
            return true;
    return false;
}

/* ---- what is asked ---- */

static void begin_to_read(struct line *line, const struct session *session, const zend_string *id)
{
    line_begin(line, "so", id);
    line_add(line, session->copies.n > 1 ? " r v" : " r");
}

/* With several copies only all of them together tell whether it exists. */
static void begin_to_open(struct line *line, struct session *session, const struct copy *holder,
                          zend_string *id, bool must_exist)
{
    bool is_alone = session->copies.n == 1;
    line_begin(line, "so", id);
    line_add_life(line, false);
    line_add(line, " W" ZEND_LONG_FMT "%s%s%s", cloakroom_wait_ms(), must_exist && is_alone ? " e" : "",
             is_alone ? "" : " v", bot_is_asking() ? " B" : "");
    if (CLOAKROOM_G(lease) > 0)
        line_add(line, " L" ZEND_LONG_FMT, CLOAKROOM_G(lease));
    session->is_successor = CLOAKROOM_G(predecessor)[0] != '\0' && session_is_same(session->created, id) &&
                            (!is_alone || CLOAKROOM_G(predecessor_server) == holder->server);
    if (session->is_successor && is_alone)
        line_add(line, " S%s", CLOAKROOM_G(predecessor));
    line_add_holder(line);
}

/* At the first that can be asked. NULL: at none. */
static struct copy *ask_for_lease(struct session *session, zend_string *id, bool must_exist)
{
    for (size_t i = 0; i < session->copies.n; i++) {
        struct copy *copy = &session->copies.list[i];
        struct line line;
        begin_to_open(&line, session, copy, id, must_exist);
        if (!copy->is_away && copies_send(&session->copies, copy, &line, (struct bytes){0}))
            return copy;
        copy->is_away = true;
    }
    return NULL;
}

/* All but the holder, which may be NULL, what they have; who waits for nothing begins its life anew there. */
static void ask_others(struct session *session, const zend_string *id, const struct copy *holder)
{
    if (session->copies.n == 1 && holder != NULL)
        return;
    struct line line;
    begin_to_read(&line, session, id);
    if (holder != NULL)
        line_add_life(&line, false);
    for (size_t i = 0; i < session->copies.n; i++) {
        struct copy *copy = &session->copies.list[i];
        if (copy != holder && !copy->is_away &&
            !copies_send(&session->copies, copy, &line, (struct bytes){0}))
            copy->is_away = true;
    }
}

/* ---- what is answered ---- */

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

/* The value behind VA. The session is taken for read only when all of it is there. */
static bool read_value(struct server *server, size_t len, zend_string **ret)
{
    zend_string *value = zend_string_alloc(len, 0);
    if (!server_read_value(server, ZSTR_VAL(value), len)) {
        zend_string_efree(value);
        return false;
    }
    ZSTR_VAL(value)[len] = '\0';
    *ret = value;
    return true;
}

static void take_belongings(const struct reply *reply, struct belongings *ret)
{
    ret->made_s = time(NULL) - (int64_t)reply->age_s;
    ret->life_s = reply->life_s;
    ret->tags.n = 0;
    for (size_t i = 0; i < reply->ntags; i++)
        (void)tags_add(&ret->tags, reply->tags[i].p, reply->tags[i].len);
}

static bool is_newer(const struct found *found, const struct copy *copy, bool is_killed)
{
    if (!found->is_live && !found->is_killed)
        return true;
    return copy->revision > found->revision || (copy->revision == found->revision && is_killed);
}

static bool give_up(struct session *session, struct copy *copy)
{
    copies_give_up(&session->copies, copy);
    return false;
}

/* What a server has, its answer read to its end, and the newest of all. */
static bool take_copy(struct session *session, struct copy *copy, const struct reply *head,
                      struct found *found)
{
    const struct reply reply = *head;
    struct belongings belongings;
    zend_string *value = NULL;
    copy->is_asked = false;
    copy->is_live = reply.code == REPLY_VALUE;
    copy->revision = reply.revision;
    copy->is_held = reply.is_leased;
    if (session->copies.n > 1 && copy->is_live)
        take_belongings(&reply, &belongings);
    if (copy->is_live && !read_value(copy->server, reply.number, &value))
        return give_up(session, copy);
    if (!server_finish(copy->server)) {
        forget(&value);
        return give_up(session, copy);
    }
    bool is_killed = !copy->is_live && reply.has_revision;
    if ((!copy->is_live && !is_killed) || !is_newer(found, copy, is_killed)) {
        forget(&value);
        return true;
    }
    forget(&found->value);
    found->is_live = copy->is_live;
    found->is_killed = is_killed;
    found->is_succeeded = reply.is_succeeded;
    found->revision = copy->revision;
    found->flags = reply.flags;
    found->value = value;
    if (session->copies.n > 1 && copy->is_live)
        found->belongings = belongings;
    return true;
}

static void begin_found(struct found *found)
{
    found->is_live = found->is_killed = found->is_succeeded = false;
    found->revision = 0;
    found->value = NULL;
}

static void forget_found(struct found *found)
{
    forget(&found->value);
    begin_found(found);
}

static enum fetch fail_strange(struct server *server)
{
    server_refuse(server);
    session_complain("%s", server->error);
    return FETCH_FAILED;
}

/* Those who were asked to read: what they have goes into `found`. One that says anything else is away. */
static void read_others(struct session *session, struct found *found)
{
    struct reply reply;
    for (size_t i = 0; i < session->copies.n; i++) {
        struct copy *copy = &session->copies.list[i];
        if (!copy->is_asked)
            continue;
        if (!copies_next(&session->copies, copy, &reply)) {
            copy->is_away = true;
        } else if (reply.code == REPLY_VALUE || reply.code == REPLY_MISSING) {
            (void)take_copy(session, copy, &reply, found);
        } else {
            server_refuse(copy->server);
            copies_give_up(&session->copies, copy);
        }
    }
}

/* The lease's server has answered. FETCH_AWAY: it is not known what. */
static enum fetch take_lease(struct session *session, struct copy *holder, const struct reply *reply,
                             struct found *found)
{
    struct server *server = holder->server;
    session->server = server;
    if (!session_take_token(holder, reply->token))
        return fail_strange(server);
    if (reply->waited_ms > 0) {
        server->figures.waits++;
        server->figures.waited_ms += reply->waited_ms;
    }
    if (!take_copy(session, holder, reply, found)) {
        session_lose_token(holder);
        return FETCH_AWAY;
    }
    return holder->is_live ? FETCH_FOUND : FETCH_ABSENT;
}

static enum fetch read_holder(struct session *session, struct copy *holder, struct found *found,
                              uint64_t *ret_waited_ms)
{
    struct reply reply;
    if (!copies_next(&session->copies, holder, &reply)) {
        holder->is_away = true;
        return holder->server->is_plain ? FETCH_PLAIN : FETCH_AWAY;
    }
    holder->is_asked = false;
    *ret_waited_ms = reply.waited_ms;
    switch (reply.code) {
    case REPLY_VALUE:
    case REPLY_EMPTY:
        return take_lease(session, holder, &reply, found);
    case REPLY_MISSING:
    case REPLY_GONE:
        if (server_finish(holder->server))
            return reply.code == REPLY_GONE ? FETCH_GONE : FETCH_MISSING;
        copies_give_up(&session->copies, holder);
        return FETCH_AWAY;
    case REPLY_BUSY:
        session->server = holder->server;
        if (!CLOAKROOM_G(busy_reads))
            complain_busy(session, &reply);
        if (!server_finish(holder->server))
            server_drop(holder->server);
        return FETCH_BUSY;
    default:
        return fail_strange(holder->server);
    }
}

/* ---- opening ---- */

static enum fetch fail_all(struct session *session)
{
    session->server = session->copies.list[0].server;
    session_complain("%s", session->server->error);
    return FETCH_FAILED;
}

/* Somebody has its lease at another server, as he could not ask the holder's: his turn comes first. He does not ask the
 * holder's for one now, so nobody waits for each other. */
static enum fetch wait_for_others(struct session *session, zend_string *id, struct copy *holder,
                                  enum fetch fetched, struct found *found)
{
    for (size_t i = 0; i < session->copies.n; i++) {
        struct copy *copy = &session->copies.list[i];
        struct line line;
        uint64_t waited_ms;
        if (copy == holder || copy->is_away || !copy->is_held)
            continue;
        begin_to_open(&line, session, copy, id, false);
        copies_begin(&session->copies);
        enum fetch other = FETCH_AWAY;
        if (copies_send(&session->copies, copy, &line, (struct bytes){0}))
            other = read_holder(session, copy, found, &waited_ms);
        session->server = holder->server;
        if (other == FETCH_BUSY || other == FETCH_FAILED || other == FETCH_GONE) {
            session_lose_token(holder);
            server_drop(holder->server); /* which gives its lease back */
            return other;
        }
    }
    return fetched;
}

/* Who had to wait may have been told of the others what was so before. With the lease of a later server the first is
 * looked for once more: who has come to it meanwhile has asked this server before the lease was given, or sees it. */
static enum fetch open_at_first(struct session *session, zend_string *id, bool must_exist,
                                struct found *found)
{
    for (unsigned nlooks = 0;;) {
        uint64_t waited_ms = 0;
        copies_begin(&session->copies);
        struct copy *holder = ask_for_lease(session, id, must_exist);
        if (holder == NULL)
            return fail_all(session);
        ask_others(session, id, holder);
        enum fetch fetched = read_holder(session, holder, found, &waited_ms);
        if (waited_ms > 0 && session->copies.n > 1 && holder->token[0] != '\0') {
            struct found before;
            begin_found(&before);
            read_others(session, &before);
            forget_found(&before);
            copies_begin(&session->copies);
            ask_others(session, id, holder);
        }
        read_others(session, found);
        bool is_had = fetched == FETCH_FOUND || fetched == FETCH_ABSENT;
        if (!is_had && fetched != FETCH_AWAY)
            return fetched;
        if (is_had && (nlooks++ == COPIES_LOOKS_MAX || !copies_look_again(&session->copies, holder, id)))
            return wait_for_others(session, id, holder, fetched, found);
        if (is_had) {
            session_lose_token(holder);
            server_drop(holder->server); /* which gives its lease back */
        }
        forget_found(found);
    }
}

static enum fetch read_all(struct session *session, zend_string *id, struct found *found)
{
    copies_begin(&session->copies);
    ask_others(session, id, NULL);
    read_others(session, found);
    for (size_t i = 0; i < session->copies.n; i++)
        if (!session->copies.list[i].is_away)
            return found->is_live ? FETCH_FOUND : FETCH_MISSING;
    return session->copies.list[0].server->is_plain ? FETCH_PLAIN : fail_all(session);
}

/* In place of the value as it was stored. */
static bool unpack(struct server *server, struct found *found)
{
    zend_string *packed = found->value;
    found->value = codec_unpack(packed, found->flags);
    zend_string_release(packed);
    if (found->value == NULL)
        snprintf(
            server->error, sizeof server->error,
            "%s: what is stored is said to be compressed (client flags %llu), and is not; who else writes "
            "sessions there? Nothing was changed",
            server->shown, (unsigned long long)found->flags);
    return found->value != NULL;
}

/* The newest is the session; a new one that takes the place of another goes on with what belonged to that. */
static enum fetch settle(struct session *session, zend_string *id, struct found *found)
{
    if (found->is_live && !unpack(session->server, found)) {
        session_give_back(session);
        session_forget(session);
        session_complain("%s", session->server->error);
        return FETCH_FAILED;
    }
    session->id = zend_string_copy(id); /* not before: PHP may run out of memory there, and then write */
    session->revision = found->revision;
    session->value = found->is_live ? found->value : NULL;
    session->is_succeeded = found->is_live && found->is_succeeded;
    CLOAKROOM_G(current_id) = session->id;
    if (session->copies.n > 1 && found->is_live)
        session->belongings = found->belongings;
    else if (session->is_successor)
        session->belongings = CLOAKROOM_G(inherited);
    else
        session->belongings = (struct belongings){.made_s = time(NULL)};
    return found->is_live ? FETCH_FOUND : FETCH_ABSENT;
}

enum fetch session_fetch(struct session *session, zend_string *id, bool must_exist)
{
    struct found found;
    bool read_only = !CLOAKROOM_G(lock);
    begin_found(&found);
    session_give_back(session);
    session_forget(session);
    copies_find(&session->copies, id);
    session->server = session->copies.list[0].server;
    if (server_is_plain(session->server))
        return plain_fetch(session, id, must_exist, read_only);
    enum fetch fetched =
        read_only ? read_all(session, id, &found) : open_at_first(session, id, must_exist, &found);
    if (fetched == FETCH_BUSY && CLOAKROOM_G(busy_reads)) {
        read_only = true;
        forget_found(&found);
        fetched = read_all(session, id, &found);
    }
    if (fetched == FETCH_PLAIN) {
        forget_found(&found);
        return plain_fetch(session, id, must_exist, read_only);
    }
    bool is_open = fetched == FETCH_FOUND || fetched == FETCH_ABSENT;
    if (is_open || (fetched == FETCH_MISSING && read_only && !must_exist))
        fetched = settle(session, id, &found);
    else
        forget_found(&found);
    CLOAKROOM_G(predecessor)[0] = '\0';
    if (fetched != FETCH_ABSENT || !must_exist)
        return fetched;
    session_give_back(session);
    session_forget(session);
    return FETCH_MISSING;
}

zend_result session_look_up(const struct session *session, zend_string *id)
{
    struct found found;
    struct session other = {.copies.pool = session->copies.pool};
    begin_found(&found);
    copies_find(&other.copies, id);
    other.server = other.copies.list[0].server;
    if (session->is_plain)
        return plain_look_up(&other, id);
    enum fetch fetched = read_all(&other, id, &found);
    forget_found(&found);
    return fetched == FETCH_FOUND ? SUCCESS : FAILURE;
}
