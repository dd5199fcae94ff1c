/* The model's sessions: what lies there, which write is right; see lease_model.h. */
#include "sim/lease_model.h"

#include <stdlib.h>

enum { DEFAULT_LIFE_S = 1440, KILLED_LIFE_S = 86400, CLAIM_OPEN_S = 6, CLAIM_PASSED_S = 3600 };

void lease_model_init(struct lease_model *model, const struct lock_limits *limits,
                      const struct local_lives *lives)
{
    *model = (struct lease_model){.limits = *limits, .lives = *lives};
    lease_model_restart(model);
}

static uint32_t earlier(uint32_t a, uint32_t b)
{
    if (a == 0 || b == 0)
        return a + b;
    return a < b ? a : b;
}

static uint32_t limit_life(const struct lease_model *model, const struct lease_session *is, uint32_t expiry_s)
{
    uint32_t now_s = lease_model_now_s(model);
    expiry_s = earlier(expiry_s, is->end_s);
    if (is->creation_s != 0 && model->lives.absolute_s != 0)
        expiry_s = earlier(expiry_s, is->creation_s + model->lives.absolute_s);
    if (is->first && model->lives.first_s != 0)
        expiry_s = earlier(expiry_s, now_s + model->lives.first_s);
    if (is->bot && model->lives.bot_s != 0)
        expiry_s = earlier(expiry_s, now_s + model->lives.bot_s);
    return expiry_s;
}

static bool is_over(const struct lease_model *model, const struct lease_session *is)
{
    return is->expiry_s != 0 && is->expiry_s <= lease_model_now_s(model);
}

/* Alive, or what is left of a killed one; or NULL. */
static struct lease_session *find(struct lease_model *model, unsigned session)
{
    struct lease_session *is = &model->sessions[session];
    return is->there && !is_over(model, is) ? is : NULL;
}

const struct lease_session *lease_model_live(const struct lease_model *model, unsigned session)
{
    const struct lease_session *is = &model->sessions[session];
    return is->there && !is->killed && !is_over(model, is) ? is : NULL;
}

static uint32_t expiry_of(const struct lease_model *model, const struct lease_ask *ask)
{
    return ask->exptime_s == 0 ? 0 : lease_model_now_s(model) + ask->exptime_s;
}

static void touch(const struct lease_model *model, struct lease_session *is, uint32_t expiry_s)
{
    if (!is->succeeded)
        is->expiry_s = limit_life(model, is, expiry_s);
}

/* What it is as soon as it is written, but for its value and life. */
static struct lease_session renewed(const struct lease_model *model, const struct lease_session *was,
                                    bool by_bare)
{
    struct lease_session is = {.there = true};
    if (was != NULL && !was->killed) {
        is = *was;
        is.first = false;
    } else {
        is.creation_s = lease_model_now_s(model);
        is.first = model->lives.first_s != 0;
        is.bare = was != NULL && was->bare;
    }
    is.bare |= by_bare;
    is.fetched = false;
    return is;
}

static void put(struct lease_model *model, unsigned session, struct lease_session *is, uint64_t content,
                uint32_t expiry_s)
{
    is->content = content;
    is->version = ++model->versions;
    is->expiry_s = limit_life(model, is, expiry_s);
    model->sessions[session] = *is;
}

/* L2. Over a restart nobody remembers who has opened it, but by what was read of it. */
static enum op_result check_token(struct lease_model *model, const struct lease_ask *ask)
{
    const struct lease_session *was = find(model, ask->session);
    if (was == NULL && ask->token.version != 0)
        return OP_GONE;
    if (was != NULL && was->killed && was->version != ask->token.version)
        return OP_GONE; /* L5 */
    if (was != NULL && was->succeeded)
        return OP_GONE;
    if (was != NULL && was->version != ask->token.version)
        return OP_EXISTS;
    if (lease_model_is_last(model, ask->session, ask->token.grant))
        return OP_OK;
    bool is_older = ask->token.grant < model->first_grant;
    if (model->locks[ask->session].exists || !is_older || (was != NULL && was->fetched))
        return OP_EXISTS;
    return OP_OK;
}

static struct lease_claim *find_claim(struct lease_model *model, uint64_t grant)
{
    for (unsigned i = 0; i < LEASE_CLAIMS; i++) {
        struct lease_claim *claim = &model->claims[i];
        if (claim->grant == grant && claim->until_s > lease_model_now_s(model))
            return claim;
    }
    return NULL;
}

static void leave_claim(struct lease_model *model, uint64_t grant, const struct lease_session *left)
{
    unsigned i = 0;
    while (model->claims[i].grant != 0 && model->claims[i].until_s > lease_model_now_s(model)) {
        if (++i == LEASE_CLAIMS)
            abort();
    }
    model->claims[i] = (struct lease_claim){
        .grant = grant, .until_s = lease_model_now_s(model) + CLAIM_OPEN_S, .left = *left};
}

static void open_session(struct lease_model *model, const struct lease_ask *ask, struct lease_answer *ret)
{
    if (!ask->read_only) {
        switch (lease_model_open(model, ask, ret)) {
        case LEASE_WAITS:
            return;
        case LEASE_BUSY:
            ret->result = OP_BUSY;
            return;
        case LEASE_GONE:
            ret->result = OP_GONE;
            return;
        case LEASE_TAKEN:
            break;
        }
    }
    struct lease_claim *claim =
        ask->has_predecessor && !ask->read_only ? find_claim(model, ask->predecessor.grant) : NULL;
    if (claim != NULL) {
        claim->grant = ret->token.grant;
        claim->until_s = lease_model_now_s(model) + CLAIM_PASSED_S;
    }
    struct lease_session *is = find(model, ask->session);
    bool lives = is != NULL && !is->killed;
    ret->token.version = is == NULL ? 0 : is->version;
    ret->has_token = !ask->read_only && !(lives && is->succeeded) && (lives || !ask->must_exist);
    ret->result = lives ? OP_OK : OP_MISS;
    if (is != NULL && is->killed)
        model->clients[ask->client].saw_killed = is->version;
    if (lives) {
        ret->content = is->content;
        is->fetched |= !ask->read_only;
        if (ask->touch)
            touch(model, is, expiry_of(model, ask));
        ret->ttl_s = is->expiry_s == 0 ? -1 : (int64_t)is->expiry_s - lease_model_now_s(model);
    }
    if (!ret->has_token && !ask->read_only)
        lease_model_release(model, ask->session, ret->token.grant);
}

static void write_session(struct lease_model *model, const struct lease_ask *ask, struct lease_answer *ret)
{
    ret->result = check_token(model, ask);
    if (ret->result != OP_OK) {
        lease_model_release(model, ask->session, ask->token.grant);
        return;
    }
    const struct lease_session *was = find(model, ask->session);
    bool lives = was != NULL && !was->killed;
    struct lease_session is = renewed(model, was, false);
    struct lease_claim *claim = find_claim(model, ask->token.grant);
    if (claim != NULL && !lives) {
        is.creation_s = claim->left.creation_s;
        is.end_s = claim->left.end_s;
        is.bot |= claim->left.bot;
        is.tags = claim->left.tags;
        is.first = false;
    }
    if (claim != NULL)
        claim->grant = 0;
    if (ask->has_tags)
        is.tags = ask->tags;
    if (ask->has_life)
        is.end_s = ask->life_s == 0 ? 0 : is.creation_s + ask->life_s;
    is.bot |= ask->is_bot;
    uint32_t expiry_s = lives ? was->expiry_s : lease_model_now_s(model) + DEFAULT_LIFE_S;
    put(model, ask->session, &is, ask->content, ask->touch ? expiry_of(model, ask) : expiry_s);
    if (ask->keep) {
        ret->has_token = true;
        ret->token.version = model->versions;
        ret->token.grant = lease_model_keep(model, ask);
    } else {
        lease_model_release(model, ask->session, ask->token.grant);
    }
}

static void succeed(struct lease_model *model, const struct lease_ask *ask, struct lease_answer *ret)
{
    const struct lease_session *was = lease_model_live(model, ask->session);
    ret->result = check_token(model, ask);
    if (ret->result == OP_OK && was == NULL)
        ret->result = OP_MISS;
    if (ret->result == OP_OK) {
        leave_claim(model, ask->token.grant, was);
        struct lease_session is = renewed(model, was, false);
        is.succeeded = true;
        is.end_s = lease_model_now_s(model) + ask->grace_s;
        put(model, ask->session, &is, was->content, is.end_s);
        lease_model_turn_away(model, ask->session);
    }
    lease_model_release(model, ask->session, ask->token.grant);
}

static void close_session(struct lease_model *model, const struct lease_ask *ask, struct lease_answer *ret)
{
    if (ask->succeeds) {
        succeed(model, ask, ret);
        return;
    }
    if (!lease_model_is_last(model, ask->session, ask->token.grant)) {
        ret->result = OP_MISS;
        return;
    }
    struct lease_session *is = find(model, ask->session);
    if (is != NULL && !is->killed && !is->succeeded && ask->touch) {
        touch(model, is, expiry_of(model, ask));
        is->fetched = true;
    }
    lease_model_release(model, ask->session, ask->token.grant);
}

static void kill_session(struct lease_model *model, const struct lease_ask *ask, struct lease_answer *ret)
{
    const struct lease_session *was = lease_model_live(model, ask->session);
    if (ask->succeeds)
        ret->result = check_token(model, ask);
    if (ret->result == OP_OK && was == NULL)
        ret->result = OP_MISS;
    ret->number = ret->result == OP_OK;
    if (ret->result == OP_OK) {
        if (ask->succeeds)
            leave_claim(model, ask->token.grant, was);
        uint32_t until_s = earlier(was->expiry_s, lease_model_now_s(model) + KILLED_LIFE_S);
        struct lease_session is = {.there = true, .killed = true, .bare = was->bare};
        if (lease_model_any_suffixed(model)) { /* php-memcache may still write it */
            const struct lease_lock *lock = lease_model_held(model, ask->session);
            is.bare |= lock != NULL && lock->suffixed;
        }
        put(model, ask->session, &is, 0, until_s);
    }
    if (ret->result == OP_OK || (ret->result == OP_MISS && !ask->by_handle))
        lease_model_turn_away(model, ask->session);
}

/* A stock handler's, which knows no token. */
static void do_item(struct lease_model *model, const struct lease_ask *ask, struct lease_answer *ret)
{
    struct lease_session *was = find(model, ask->session);
    bool lives = was != NULL && !was->killed;
    uint64_t *saw_killed = &model->clients[ask->client].saw_killed;
    if (ask->kind == OP_SET) {
        if (was != NULL && (was->succeeded || (was->killed && *saw_killed != was->version))) {
            ret->result = OP_NOT_STORED; /* L5 */
            return;
        }
        struct lease_session is = renewed(model, was, ask->name == LEASE_BARE);
        put(model, ask->session, &is, ask->content, expiry_of(model, ask));
        return;
    }
    if (was != NULL && was->killed && ask->kind == OP_GET)
        *saw_killed = was->version;
    if (!lives) {
        ret->result = OP_MISS;
        return;
    }
    ret->content = was->content;
    was->fetched = true;
    if (ask->kind == OP_TOUCH || ask->touch)
        touch(model, was, expiry_of(model, ask));
    if (ask->kind == OP_DELETE)
        was->there = false;
}

/* Looking whether somebody holds it gives on what is over. */
static bool is_named_lock(struct lease_model *model, const struct lease_ask *ask, int asked)
{
    if (ask->is_late) /* it has waited for it */
        return true;
    bool is_first_contact =
        ask->kind == OP_INCR ? ask->create : ask->kind == OP_ADD && asked == (int)ask->session;
    bool is_held = lease_model_held(model, ask->session) != NULL;
    return is_held || find(model, ask->session) != NULL || is_first_contact;
}

static void ask_by_key(struct lease_model *model, const struct lease_ask *ask, struct lease_answer *ret)
{
    struct lease_client *client = &model->clients[ask->client];
    int asked = client->asked;
    client->asked = LEASE_NOBODY;
    if (ask->name == LEASE_LOCK) {
        lease_model_lock_op(model, ask, ret);
    } else if (ask->name == LEASE_BARE_LOCK) {
        if (ask->kind == OP_INCR)
            client->asked = (int)ask->session;
        if (is_named_lock(model, ask, asked))
            lease_model_lock_op(model, ask, ret);
        else if (ask->kind == OP_INCR)
            ret->result = OP_MISS;
        else
            abort();
    } else {
        const struct lease_session *is = find(model, ask->session);
        if (ask->name == LEASE_BARE && !(is != NULL && is->bare) && lease_model_any_suffixed(model))
            (void)lease_model_held(model, ask->session);
        do_item(model, ask, ret);
    }
}

void lease_model_ask(struct lease_model *model, const struct lease_ask *ask, struct lease_answer *ret)
{
    *ret = (struct lease_answer){.result = OP_OK};
    switch (ask->kind) {
    case OP_OPEN:
        open_session(model, ask, ret);
        break;
    case OP_WRITE:
        write_session(model, ask, ret);
        break;
    case OP_CLOSE:
        close_session(model, ask, ret);
        break;
    case OP_KILL:
        kill_session(model, ask, ret);
        break;
    default:
        ask_by_key(model, ask, ret);
    }
    model->clients[ask->client].is_woken = false;
    if (!ret->is_pending)
        model->clients[ask->client].is_gone = false;
}
