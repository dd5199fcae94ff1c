/* Writing and ending a session of PHP's, see session.h. */
#include "session.h"
#include "bot.h"
#include "codec.h"
#include "line.h"
#include "plain.h"
#include "tags.h"

#include <time.h>

/* How an exchange with all copies went. */
struct outcome {
    unsigned ndone;
    bool is_done_by_holder; /* the server of the lease is one of these */
    unsigned nmissing;
    enum reply_code lost;        /* REPLY_REFUSED or REPLY_GONE; else REPLY_NONE */
    const struct server *loser;  /* who said so */
    const struct server *failed; /* the first that could not be asked, or said no */
};

/* ---- leases ---- */

bool session_has_lease(const struct session *session)
{
    for (size_t i = 0; i < session->copies.n; i++)
        if (session->copies.list[i].token[0] != '\0')
            return true;
    return false;
}

/* ---- what is asked ---- */

static bool has_lease_at(const struct copy *copy)
{
    return copy->token[0] != '\0';
}

/* The tags that the session is to have, if this request says so. */
static bool find_tags(struct tags *ret)
{
    *ret = CLOAKROOM_G(tags);
    return tags_add_variables(ret) || ret->n > 0;
}

static void add_tags(struct line *line, const struct tags *tags)
{
    for (size_t i = 0; i < tags->n; i++)
        line_add(line, " G%s", tags->text[i]);
}

/* All that belongs to the session: whoever gets it may have had an old copy, or none. */
static void add_belongings(struct line *line, const struct belongings *belongings, uint64_t revision)
{
    int64_t age_s = time(NULL) - belongings->made_s;
    line_add(line, " R%llu a%lld", (unsigned long long)revision, (long long)(age_s > 0 ? age_s : 0));
    if (belongings->life_s > 0)
        line_add(line, " E%llu", (unsigned long long)belongings->life_s);
    add_tags(line, &belongings->tags);
}

/* A value on its way. */
struct parcel {
    zend_string *packed;
    uint32_t flags;
    bool keep;     /* the leases */
    bool is_first; /* there was nothing before */
};

static void begin_to_write(struct line *line, const struct session *session, const struct copy *copy,
                           const zend_string *id, const struct parcel *parcel)
{
    struct tags tags;
    line_begin_write(line, id, ZSTR_LEN(parcel->packed));
    if (has_lease_at(copy))
        line_add(line, " K%s%s", copy->token, parcel->keep ? " l" : "");
    if (bot_is_asking())
        line_add(line, " B");
    if (parcel->flags != 0)
        line_add(line, " F%u", parcel->flags);
    line_add_life(line, parcel->is_first);
    if (session->copies.n > 1) {
        add_belongings(line, &session->belongings, session->revision);
    } else if (find_tags(&tags)) {
        add_tags(line, &tags);
        if (tags.n == 0)
            line_add(line, " G");
    }
}

/* To a copy, all that is to be there. */
static bool send_parcel(struct session *session, struct copy *copy, const zend_string *id,
                        const struct parcel *parcel)
{
    struct line line;
    const struct bytes bytes = {.p = ZSTR_VAL(parcel->packed), .len = ZSTR_LEN(parcel->packed)};
    begin_to_write(&line, session, copy, id, parcel);
    return copies_send(&session->copies, copy, &line, bytes);
}

/* ---- what is answered ---- */

static void judge(struct outcome *outcome, struct copy *copy, enum reply_code code, uint64_t revision)
{
    if (code == REPLY_DONE) {
        outcome->ndone++;
        copy->is_live = true;
        copy->revision = revision;
    }
    if (code == REPLY_MISSING)
        outcome->nmissing++;
    if ((code == REPLY_REFUSED || code == REPLY_GONE) && outcome->lost == REPLY_NONE) {
        outcome->lost = code;
        outcome->loser = copy->server;
    }
}

/* Of each that was asked the answer. A token is kept where its server says so, or has done nothing. */
static struct outcome read_outcome(struct session *session)
{
    struct outcome outcome = {0};
    struct copies *copies = &session->copies;
    for (size_t i = 0; i < copies->n; i++) {
        struct reply reply;
        struct copy *copy = &copies->list[i];
        bool was_asked = copy->is_asked;
        if (was_asked && copies_next(copies, copy, &reply)) {
            outcome.is_done_by_holder =
                outcome.is_done_by_holder ||
                (has_lease_at(copy) && reply.code == REPLY_DONE && copy->server == session->server);
            if (has_lease_at(copy) && !session_take_token(copy, reply.token))
                session_lose_token(copy);
            judge(&outcome, copy, reply.code, session->revision);
            copy->is_asked = false;
            if (!server_finish(copy->server))
                copies_give_up(copies, copy);
        } else if ((was_asked || copy->is_away) && outcome.failed == NULL) {
            outcome.failed = copy->server;
        }
        if (copy->is_away)
            session_lose_token(copy);
    }
    return outcome;
}

static zend_result complain_lost(const struct server *server, enum reply_code code)
{
    if (code == REPLY_GONE)
        return session_complain(
            "%s: this session was killed, or has another id, since this request has read it; "
            "nothing was stored",
            server->shown);
    return session_complain(
        "%s: another request has opened or written this session since this one has read it; "
        "nothing was stored. "
        "Its lease has ended too soon: cloakroom.lease, or a connection that broke",
        server->shown);
}

static zend_result complain_failed(const struct session *session, const struct outcome *outcome)
{
    const struct server *server = outcome->failed != NULL ? outcome->failed : session->copies.list[0].server;
    return session_complain("%s", server->error);
}

/* NULL, or what keeps it from being written. */
static const char *cannot_write(const struct session *session, zend_string *id)
{
    if (session->id == NULL || !session_is_same(session->id, id))
        return "this session was not read whole by this request, so it is not written";
    if (session->is_succeeded)
        return "this is the old id of a session that has a new one; what was changed under the old one is "
               "not stored";
    if (!session_has_lease(session))
        return "this session was opened to read only (session.cloakroom_lock = 0, cloakroom.busy = read), or "
               "given back already; "
               "what was changed "
               "is not stored";
    return NULL;
}

/* ---- writing ---- */

/* Those with a lease come last: who has it next would else write to the others before this one does. */
static void send_value(struct session *session, zend_string *id, zend_string *value, bool keep)
{
    struct parcel parcel = {.keep = keep, .is_first = session->value == NULL && !session->is_successor};
    parcel.packed = codec_pack(value, CLOAKROOM_G(compress), &parcel.flags);
    for (int turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < session->copies.n; i++) {
            struct copy *copy = &session->copies.list[i];
            if (!copy->is_away && has_lease_at(copy) == (turn == 1))
                (void)send_parcel(session, copy, id, &parcel);
        }
    zend_string_release(parcel.packed);
}

static zend_result complain_refused(const struct session *session, const struct outcome *outcome, size_t len)
{
    const struct server *server = outcome->failed;
    if (len > 0 && server != NULL && strstr(server->error, "too large") != NULL)
        return session_complain("%s (this session has %zu bytes)", server->error, len);
    return complain_failed(session, outcome);
}

/* A copy was refused, as there is a newer one, though the lease was good: has its next holder, who knew of this one,
 * only been faster? Then the lease's server has that newer one, too; else two have had the session at once. */
static bool is_overtaken(struct session *session, zend_string *id)
{
    struct copies *copies = &session->copies;
    for (size_t i = 0; i < copies->n; i++) {
        struct copy *copy = &copies->list[i];
        struct line line;
        struct reply reply;
        if (copy->server != session->server || copy->is_away)
            continue;
        line_begin(&line, "so", id);
        line_add(&line, " r v");
        copies_begin(copies);
        if (!copies_send(copies, copy, &line, (struct bytes){0}) || !copies_next(copies, copy, &reply))
            return false;
        bool is_newer = reply.has_revision && reply.revision > session->revision;
        copy->is_asked = false;
        server_drop(copy->server); /* its value is of no use; that is rare enough */
        return is_newer;
    }
    return false;
}

zend_result session_store(struct session *session, zend_string *id, zend_string *value, bool keep)
{
    struct tags tags;
    const char *why = cannot_write(session, id);
    if (why != NULL)
        return session_complain("%s: %s", session_where(session), why);
    if (session->is_plain)
        return plain_store(session, id, value);
    if (session->copies.n > 1) {
        session->revision = copies_next_revision(session->revision);
        if (find_tags(&tags))
            session->belongings.tags = tags;
    }
    copies_begin(&session->copies);
    send_value(session, id, value, keep);
    struct outcome outcome = read_outcome(session);
    if (outcome.lost != REPLY_NONE && !(outcome.is_done_by_holder && is_overtaken(session, id)))
        return complain_lost(outcome.loser, outcome.lost);
    if (outcome.ndone == 0)
        return complain_refused(session, &outcome, ZSTR_LEN(value));
    return SUCCESS;
}

/* ---- giving back ---- */

static bool send_newest(struct session *session, struct copy *copy)
{
    struct parcel parcel = {0};
    parcel.packed = codec_pack(session->value, CLOAKROOM_G(compress), &parcel.flags);
    bool is_sent = send_parcel(session, copy, session->id, &parcel);
    zend_string_release(parcel.packed);
    return is_sent;
}

static bool send_close(struct session *session, struct copy *copy, bool touch)
{
    struct line line;
    line_begin(&line, "sc", session->id);
    line_add(&line, " K%s", copy->token);
    if (touch)
        line_add_life(&line, false);
    return copies_send(&session->copies, copy, &line, (struct bytes){0});
}

/* The copies that are behind get what the newest has, and leases are given back. Returns how many were asked for that. */
static unsigned send_end(struct session *session, bool touch)
{
    struct copies *copies = &session->copies;
    bool may_mend = session->value != NULL && !session->is_succeeded;
    unsigned n = 0;
    copies_begin(copies);
    for (size_t i = 0; i < copies->n; i++) {
        struct copy *copy = &copies->list[i];
        if (may_mend && copies_is_behind(copy, session->revision))
            n += send_newest(session, copy);
        else if (has_lease_at(copy) && !copy->is_away)
            n += send_close(session, copy, touch);
    }
    return n;
}

void session_give_back(struct session *session)
{
    if (session->is_plain) {
        plain_give_back(session);
        return;
    }
    for (size_t i = 0; i < session->copies.n; i++) {
        struct copy *copy = &session->copies.list[i];
        if (has_lease_at(copy) && session->id == NULL)
            server_drop(copy->server); /* it was not read whole: broken off, or damaged */
        if (has_lease_at(copy) && (!server_is_connected(copy->server) || !copy->server->has_lease))
            session_lose_token(copy); /* it ended with its connection */
    }
    if (!session_has_lease(session))
        return;
    if (send_end(session, false) > 0)
        (void)read_outcome(session);
    session_lose_leases(session);
}

/* A lease that has ended is no loss, nor is a copy that is still behind. */
zend_result session_touch(struct session *session)
{
    if (!session_has_lease(session))
        return SUCCESS;
    if (session->is_plain)
        return plain_touch(session);
    unsigned n = send_end(session, true);
    struct outcome outcome = read_outcome(session);
    session_lose_leases(session);
    if (n == 0 || outcome.failed != NULL)
        return session->copies.n == 1 ? complain_failed(session, &outcome) : SUCCESS;
    return SUCCESS;
}

/* ---- ending for good ---- */

/* Who takes the place of this session names its token, or tells what belonged to it. */
static void leave_to_successor(struct session *session, const char *token)
{
    memcpy(CLOAKROOM_G(predecessor), token[0] != '\0' ? token : "none", token[0] != '\0' ? TOKEN_MAX : 5);
    CLOAKROOM_G(predecessor_server) = session->server;
    CLOAKROOM_G(inherited) = session->belongings;
}

/* Ends it by what `line` asks of each; whoever succeeds it has its token. What is behind is left so: whatever it has is
 * older than the end. */
static zend_result end_for_successor(struct session *session, const struct line *line, bool mends)
{
    char token[TOKEN_MAX] = "";
    uint64_t last = copies_last_revision(session->revision);
    copies_begin(&session->copies);
    for (size_t i = 0; i < session->copies.n; i++) {
        struct copy *copy = &session->copies.list[i];
        struct line mine = *line;
        if (copy->is_away || (!has_lease_at(copy) && !mends && copies_is_behind(copy, session->revision)))
            continue;
        if (has_lease_at(copy))
            line_add(&mine, " K%s", copy->token);
        if (copy->server == session->server)
            memcpy(token, copy->token, sizeof token);
        if (session->copies.n > 1)
            line_add(&mine, " R%llu", (unsigned long long)last);
        (void)copies_send(&session->copies, copy, &mine, (struct bytes){0});
    }
    struct outcome outcome = read_outcome(session);
    session_lose_leases(session);
    if (outcome.lost != REPLY_NONE)
        return complain_lost(outcome.loser, outcome.lost);
    if (outcome.ndone > 0)
        leave_to_successor(session, token);
    return outcome.ndone + outcome.nmissing > 0 ? SUCCESS : complain_failed(session, &outcome);
}

/* session_regenerate_id(false): the old id can be read for a while. */
zend_result session_succeed(struct session *session, zend_string *id, zend_string *value)
{
    const char *why = cannot_write(session, id);
    if (why != NULL)
        return session_complain("%s: %s", session_where(session), why);
    if (session->is_plain)
        return plain_succeed(session, id, value);
    bool is_new = session->value == NULL;
    bool is_changed = is_new ? ZSTR_LEN(value) > 0 : !zend_string_equals(session->value, value);
    if (is_changed && session_store(session, id, value, true) == FAILURE)
        return FAILURE;
    if (!session_has_lease(session) && session->copies.n == 1)
        return SUCCESS;
    struct line line;
    line_begin(&line, "sc", id);
    line_add(&line, " s" ZEND_LONG_FMT, CLOAKROOM_G(grace));
    return end_for_successor(session, &line, false);
}

/* session_regenerate_id(true): refused when the session was killed meanwhile, or it would go on under the new id. */
zend_result session_kill_to_succeed(struct session *session, zend_string *id)
{
    const char *why = cannot_write(session, id);
    if (why != NULL)
        return session_complain("%s: %s", session_where(session), why);
    if (session->is_plain)
        return plain_kill(session, id);
    struct line line;
    line_begin(&line, "sk", id);
    line_add(&line, " s");
    return end_for_successor(session, &line, true);
}

/* By whoever, holder or not. */
zend_result session_kill(struct session *session, zend_string *id)
{
    if (session->is_plain)
        return plain_kill(session, id);
    bool is_mine = session_is_same(session->id, id);
    struct session other = {.copies.pool = session->copies.pool};
    struct line line;
    line_begin(&line, "sk", id);
    copies_find(&other.copies, id);
    if (other.copies.n > 1 && is_mine)
        line_add(&line, " R%llu", (unsigned long long)copies_last_revision(session->revision));
    copies_begin(&other.copies);
    for (size_t i = 0; i < other.copies.n; i++)
        (void)copies_send(&other.copies, &other.copies.list[i], &line, (struct bytes){0});
    struct outcome outcome = read_outcome(&other);
    if (outcome.ndone + outcome.nmissing == 0)
        return complain_failed(&other, &outcome);
    if (is_mine)
        session_lose_leases(session);
    return SUCCESS;
}
