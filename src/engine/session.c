/*
 * The verbs of sessions on the store and the table of leases.
 *
 *      open   lease first, then what lies there      write, close, kill   what lies there first, then the lease
 *
 * Whether a token is good is looked up with the session's shard locked, and whoever has been given the lease reads
 * under that lock, too. So a write of an older holder comes either before that, and is read; or is refused (L2).
 */
#include "base/check.h"
#include "engine/adopt.h"
#include "engine/local_private.h"

enum { AGE_SLACK_S = 5 /* ages are whole seconds, and take their time on the way */ };
enum { KILLED_LIFE_S = 24 * 60 * 60, DEFAULT_LIFE_S = 1440, NS_PER_MS = 1000000 };

static void refuse(struct verdict *verdict, enum op_result result)
{
    verdict->kind = VERDICT_NOTHING;
    verdict->result = result;
}

static bool is_killed(const struct work *work)
{
    return work->has_was && traits_are_killed(&work->was);
}

static bool is_succeeded(const struct work *work)
{
    return work->has_was && (work->was.marks & MARK_SUCCEEDED) != 0;
}

static uint32_t kept_in(const struct work *work, uint32_t s)
{
    return store_to_kept_s(work->local->store, decide_later(work->op->now_s, s));
}

/* OP_OK, or who has written or killed a newer copy. What lies there goes only before what is as new or newer; and of two
 * who have counted alike, as they did not know of each other, before none but the end of the session: the later one is
 * to learn of it. */
static enum op_result check_revision(const struct work *work)
{
    const struct op_session *session = work->op->session;
    uint64_t revision = session->revision;
    uint64_t was = work->was.revision;
    if (!work->has_was)
        return OP_OK;
    if (revision > was) {
        bool is_other = traits_count_alike(revision, was) && !traits_is_last_revision(revision);
        return session->is_copy && is_other ? OP_EXISTS : OP_OK;
    }
    if (is_killed(work) || is_succeeded(work))
        return OP_GONE;
    return revision == was ? OP_OK : OP_EXISTS;
}

/* OP_OK, or why the token is not good any more (L2, L5). One from before a restart is, unless somebody has opened the
 * session since. */
static enum op_result check_token(struct work *work, const struct store_entry *entry)
{
    const struct op_session *session = work->op->session;
    const struct op_token *token = &session->token;
    enum op_result result = session->has_revision ? check_revision(work) : OP_OK;
    if (session->is_copy || result != OP_OK)
        return result;
    if (is_killed(work) && entry->item.version != token->version)
        return OP_GONE;
    if (!work->has_was && token->version != 0)
        return OP_GONE;
    if (is_succeeded(work))
        return OP_GONE;
    if (work->has_was && entry->item.version != token->version)
        return OP_EXISTS;
    switch (lock_check(&work->local->locks, work_key(work), token->fence)) {
    case LOCK_FENCE_LAST:
        return OP_OK;
    case LOCK_FENCE_FOREIGN:
        return work->has_was && entry->item.fetched ? OP_EXISTS : OP_OK;
    case LOCK_FENCE_PASSED:
    case LOCK_FENCE_UNKNOWN:
        break;
    }
    return OP_EXISTS;
}

/* What a copy elsewhere is to have. */
static void tell(const struct work *work)
{
    struct op_session *session = work->op->session;
    const struct traits *was = &work->was;
    session->has_revision = work->has_was;
    session->told_held =
        session->read_only && lock_is_held(&work->local->locks, work_key(work), work->op->now_s);
    session->revision = was->revision;
    session->told_tags = was->tags;
    session->ntold_tags = was->ntags;
    session->told_life_s = was->creation_s != 0 && was->end_s > was->creation_s && !is_succeeded(work)
                               ? was->end_s - was->creation_s
                               : 0;
}

static void decide_open(struct work *work, const struct store_entry *entry, const struct decide_item *item,
                        struct verdict *ret)
{
    struct op_session *session = work->op->session;
    session->is_succeeded = is_succeeded(work);
    session->token.version = work->has_was ? entry->item.version : 0;
    session->has_token =
        !session->read_only && !session->is_succeeded && (item->found || !session->must_exist);
    if (is_killed(work))
        work->op->client->saw_killed = entry->item.version;
    if (session->tells)
        tell(work);
    if (!item->found) {
        refuse(ret, OP_MISS);
        return;
    }
    if (work->was.creation_s != 0) {
        uint32_t since_s = store_from_kept_s(work->local->store, work->was.creation_s);
        session->age_s = work->op->now_s > since_s ? work->op->now_s - since_s : 0;
    }
    ret->kind = VERDICT_READ;
    ret->expiry_s = work->lives.expiry_s;
    if (session->is_succeeded) /* its time has been set */
        ret->expiry_s = item->expiry_s;
}

/* What its predecessor has left to it, if it is new. */
static void claim(struct work *work)
{
    struct traits left;
    if (work->has_was && !is_killed(work))
        return;
    if (!claims_find(&work->local->claims, work->op->session->token.fence, work->op->now_s, &left,
                     work->tags))
        return;
    work->is.creation_s = left.creation_s;
    work->is.end_s = left.end_s;
    work->is.marks |= left.marks & MARK_BOT;
    work->is.marks &= ~(unsigned)MARK_FIRST;
    work->is.ntags = left.ntags;
    memcpy(work->is.tags, left.tags, sizeof left.tags);
}

static void set_tags(struct work *work, const struct op_session *session)
{
    work->is.ntags = 0;
    for (size_t i = 0; i < session->ntags; i++) {
        if (!traits_have_tag(&work->is, session->tags[i]))
            work->is.tags[work->is.ntags++] = session->tags[i];
    }
}

/* A writer with a revision tells all there is about it: whatever lay here may have been an old copy, or none. */
static void set_copied(struct work *work, const struct op_session *session)
{
    struct traits *is = &work->is;
    is->revision = session->revision;
    is->marks &= ~(unsigned)MARK_SUCCEEDED;
    is->end_s = 0;
    is->ntags = 0;
    if (!session->has_age)
        return;
    uint32_t now_s = kept_in(work, 0);
    uint32_t made_s = session->made_s < now_s ? now_s - session->made_s : 1;
    uint32_t apart_s = made_s > is->creation_s ? made_s - is->creation_s : is->creation_s - made_s;
    bool is_new = !work->has_was || is_killed(work) || is->creation_s == 0;
    if (is_new || apart_s > AGE_SLACK_S)
        is->creation_s = made_s;
    if (session->made_s > AGE_SLACK_S) /* it has been written before, elsewhere */
        is->marks &= ~(unsigned)MARK_FIRST;
}

static void decide_write(struct work *work, const struct store_entry *entry, const struct decide_item *item,
                         struct verdict *ret)
{
    const struct op *op = work->op;
    const struct op_session *session = op->session;
    enum op_result result = check_token(work, entry);
    if (result == OP_OK && op->value.len > work->local->config.store.value_max)
        result = OP_TOO_LARGE;
    if (result == OP_OK && !census_has_application(&work->local->census, work_key(work)))
        result = OP_FULL; /* and no room is made for that */
    if (result != OP_OK) {
        refuse(ret, result);
        return;
    }
    claim(work);
    if (session->has_revision)
        set_copied(work, session);
    if (session->has_tags)
        set_tags(work, session);
    if (session->has_life)
        work->is.end_s = session->life_s == 0 ? 0 : kept_in(work, session->life_s);
    if (session->has_life && session->life_s != 0 && work->is.creation_s != 0) {
        uint32_t since_s = store_from_kept_s(work->local->store, work->is.creation_s);
        work->is.end_s = store_to_kept_s(work->local->store, decide_later(since_s, session->life_s));
    }
    if (session->is_bot)
        work->is.marks |= MARK_BOT;
    ret->kind = VERDICT_PUT;
    ret->write = (struct store_write){.head = op->value, .flags = op->flags};
    if (op->touch)
        ret->write.expiry_s = work->lives.expiry_s;
    else
        ret->write.expiry_s = item->found ? item->expiry_s : op->now_s + DEFAULT_LIFE_S;
}

/* Its content, for a while, for who still comes by the old id. */
static void decide_succession(struct work *work, const struct store_entry *entry,
                              const struct decide_item *item, struct verdict *ret)
{
    enum op_result result = check_token(work, entry);
    if (result == OP_OK && !item->found)
        result = OP_MISS;
    if (result != OP_OK) {
        refuse(ret, result);
        return;
    }
    uint32_t grace_s = work->op->session->grace_s;
    if (work->op->session->has_revision)
        work->is.revision = work->op->session->revision;
    work->is.marks |= MARK_SUCCEEDED;
    work->is.end_s = kept_in(work, grace_s);
    ret->kind = VERDICT_PUT;
    ret->write = (struct store_write){.head = item->value,
                                      .flags = item->flags,
                                      .expiry_s = decide_later(work->op->now_s, grace_s > 0 ? grace_s : 1)};
}

static void decide_close(struct work *work, const struct store_entry *entry, const struct decide_item *item,
                         struct verdict *ret)
{
    const struct op_session *session = work->op->session;
    if (session->succeeds) {
        decide_succession(work, entry, item, ret);
        return;
    }
    if (lock_check(&work->local->locks, work_key(work), session->token.fence) != LOCK_FENCE_LAST) {
        refuse(ret, OP_MISS);
        return;
    }
    refuse(ret, OP_OK);
    if (item->found && work->op->touch && !is_succeeded(work)) {
        ret->kind = VERDICT_TOUCH;
        ret->expiry_s = work->lives.expiry_s;
    }
}

/* What stays for the rest of its life, a day at most: none that began before may bring it back (L5). */
static void decide_kill(struct work *work, const struct store_entry *entry, const struct decide_item *item,
                        struct verdict *ret)
{
    const struct op_session *session = work->op->session;
    enum op_result result = work->has_was && item->found ? OP_OK : OP_MISS;
    if (session->succeeds)
        result = check_token(work, entry);
    if (result != OP_OK || !item->found) {
        refuse(ret, result == OP_OK ? OP_MISS : result);
        return;
    }
    uint32_t until_s = work->op->now_s + KILLED_LIFE_S;
    work->is = (struct traits){.marks = MARK_KILLED | (work->was.marks & MARK_BARE),
                               .revision = traits_last_revision(work->was.revision)};
    if (session->has_revision && session->revision > work->is.revision)
        work->is.revision = session->revision;
    if (lock_is_held_suffixed(&work->local->locks, work_key(work), work->op->now_s))
        work->is.marks |= MARK_BARE; /* php-memcache has read it, and may still write */
    ret->kind = VERDICT_PUT;
    ret->write.expiry_s = item->expiry_s != 0 && item->expiry_s < until_s ? item->expiry_s : until_s;
}

void session_decide(struct work *work, const struct store_entry *entry, const struct decide_item *item,
                    struct verdict *ret)
{
    *ret = (struct verdict){.result = OP_OK};
    switch (work->op->kind) {
    case OP_OPEN:
        decide_open(work, entry, item, ret);
        return;
    case OP_WRITE:
        decide_write(work, entry, item, ret);
        return;
    case OP_CLOSE:
        decide_close(work, entry, item, ret);
        return;
    default:
        CHECK(work->op->kind == OP_KILL);
        decide_kill(work, entry, item, ret);
        return;
    }
}

static void run(struct work *work)
{
    work->lives = decide_lives(work->op, work->local->config.clock);
    work_run(work);
}

static uint64_t now_ns(const struct local *local)
{
    return clock_steady_ns(local->config.clock);
}

/* The lease is of no use to who is answered so. */
static bool gives_up(const struct op *op)
{
    return !op->session->has_token || (op->result != OP_OK && op->result != OP_MISS);
}

static void open_with_lease(struct work *work)
{
    struct local *local = work->local;
    struct op *op = work->op;
    struct op_session *session = op->session;
    session->waited_ms = (uint32_t)((now_ns(local) - session->asked_ns) / NS_PER_MS);
    if (session->has_predecessor)
        claims_pass(&local->claims, session->predecessor.fence, session->token.fence, op->now_s);
    run(work);
    if (gives_up(op)) {
        session->has_token = false;
        lock_release(&local->locks, work_key(work), session->token.fence);
    }
}

static enum submit submit_open(struct work *work)
{
    struct op *op = work->op;
    struct op_session *session = op->session;
    if (session->asked_ns == 0)
        session->asked_ns = now_ns(work->local);
    if (session->read_only) {
        op->unseen = true;
        run(work);
        return SUBMIT_DONE;
    }
    switch (lock_open(&work->local->locks, work_key(work), op)) {
    case LOCK_OPEN_WAITS:
        return SUBMIT_PENDING;
    case LOCK_OPEN_TAKEN:
        open_with_lease(work);
        return SUBMIT_DONE;
    case LOCK_OPEN_BUSY:
        op->result = OP_BUSY;
        return SUBMIT_DONE;
    case LOCK_OPEN_GONE:
        op->result = OP_GONE;
        return SUBMIT_DONE;
    case LOCK_OPEN_NO_MEMORY:
        op->result = OP_FULL;
        return SUBMIT_DONE;
    }
    CHECK(!"how an open went");
}

static void submit_write(struct work *work)
{
    struct local *local = work->local;
    struct op *op = work->op;
    struct op_session *session = op->session;
    run(work);
    if (session->is_copy)
        return;
    if (op->result == OP_OK)
        claims_forget(&local->claims, session->token.fence);
    if (op->result == OP_OK && session->keep) {
        session->token.version = op->hit.version;
        session->has_token = lock_keep(&local->locks, work_key(work), op);
    } else if (op->result == OP_OK || op->result == OP_EXISTS || op->result == OP_GONE) {
        lock_release(&local->locks, work_key(work), session->token.fence);
    }
}

static void submit_close(struct work *work)
{
    struct local *local = work->local;
    const struct op_session *session = work->op->session;
    run(work);
    if (work->op->result == OP_OK && session->succeeds) {
        if (!session->is_copy)
            claims_leave(&local->claims, session->token.fence, &work->was, work->op->now_s);
        lock_kill(&local->locks, work_key(work)); /* who waits for it comes too late */
    }
    if (session->is_copy)
        return;
    bool was_held = lock_release(&local->locks, work_key(work), session->token.fence);
    if (work->op->result == OP_OK && !was_held && !session->succeeds)
        work->op->result = OP_MISS;
}

static void submit_kill(struct work *work)
{
    struct local *local = work->local;
    struct op *op = work->op;
    const struct op_session *session = op->session;
    run(work);
    op->number = op->result == OP_OK ? 1 : 0;
    if (op->result == OP_OK && session->succeeds && !session->is_copy)
        claims_leave(&local->claims, session->token.fence, &work->was, op->now_s);
    if (op->result == OP_OK || (op->result == OP_MISS && !session->by_handle))
        lock_kill(&local->locks, work_key(work));
}

enum submit session_submit(struct local *local, struct op *op)
{
    struct work work;
    work_init(&work, local, op);
    work.name.kind = KEYCLASS_SESSION;
    work.name.is_bare = false;
    CHECK(op->session != NULL);
    op->unwritten = 0;
    if (!op->session->by_handle) {
        naming_session(local, op->session->application, op->key, &work.name);
        adopt(local, op, &work.name);
    }
    switch (op->kind) {
    case OP_OPEN:
        return submit_open(&work);
    case OP_WRITE:
        submit_write(&work);
        return SUBMIT_DONE;
    case OP_CLOSE:
        submit_close(&work);
        return SUBMIT_DONE;
    default:
        submit_kill(&work);
        return SUBMIT_DONE;
    }
}
