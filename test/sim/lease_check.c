/* What can be seen of an engine from outside, compared with the model: see lease_play.h. */
#include "engine/local_private.h"
#include "sim/lease_play.h"

enum { PAGE = 2, SWEEP_S = 80, TOLD_S = 60 };

static char *place(struct op *op, const struct op_hit *hit)
{
    struct lease_conn *conn = (struct lease_conn *)(void *)op;
    return hit->value_len <= sizeof conn->place ? conn->place : NULL;
}

/* Read without leaving a trace. */
static void read_session(struct lease_play *play, unsigned session)
{
    struct lease_conn *conn = &play->checker;
    conn->session = (struct op_session){.application = lease_play_application_of(session), .read_only = true};
    conn->op = (struct op){.kind = OP_OPEN,
                           .key = bytes_of(lease_play_id(session)),
                           .now_s = clock_seconds(&play->clock),
                           .client = &conn->client,
                           .session = &conn->session,
                           .place = place};
    if (engine_submit(play->engine, &conn->op) != SUBMIT_DONE)
        lease_play_complain(play, "a reader is made to wait");
}

/* L5, and that a write is seen by whoever comes after it. */
static void check_session(struct lease_play *play, unsigned session)
{
    const struct lease_session *is = lease_model_live(&play->model, session);
    const struct op *op = &play->checker.op;
    const char *id = lease_play_id(session);
    char room[LEASE_VALUE_MAX];
    read_session(play, session);
    if ((op->result == OP_OK) != (is != NULL)) {
        lease_play_complain(play, "%s is%s there", id, is == NULL ? "" : " not");
        return;
    }
    if (is == NULL)
        return;
    uint32_t now_s = lease_model_now_s(&play->model);
    int64_t ttl_s = is->expiry_s == 0 ? -1 : (int64_t)is->expiry_s - now_s;
    struct bytes value = {.p = play->checker.place, .len = op->hit.value_len};
    if (!bytes_equal(value, lease_play_value_of(is->content, room)))
        lease_play_complain(play, "%s has another value than that of the last accepted write", id);
    else if (op->hit.ttl_s != ttl_s)
        lease_play_complain(play, "%s lives for %lld s more instead of %lld", id, (long long)op->hit.ttl_s,
                            (long long)ttl_s);
    else if (play->checker.session.age_s != now_s - is->creation_s)
        lease_play_complain(play, "%s is %u s old instead of %u", id, play->checker.session.age_s,
                            now_s - is->creation_s);
    else if (play->checker.session.is_succeeded != is->succeeded)
        lease_play_complain(play, "%s is%s succeeded", id, is->succeeded ? " not" : "");
}

/* Who waits is woken once and for a reason, else knows his place (L3). */
static void check_client(struct lease_play *play, int client)
{
    const struct lease_conn *conn = &play->conns[client];
    const struct lease_client *model = &play->model.clients[client];
    unsigned nwoken = model->is_woken ? 1 : 0;
    if (!conn->is_pending)
        return;
    if (conn->nwoken != nwoken)
        lease_play_complain(play, "client %d was woken %u times instead of %u", client, conn->nwoken, nwoken);
    if (lease_model_waits_in_vain(&play->model, client)) /* to ask would have an effect: lease_play_look() */
        return;
    uint32_t position = engine_position(play->engine, &conn->op);
    uint32_t expected = lease_model_position(&play->model, client);
    if (position != expected)
        lease_play_complain(play, "client %d is at place %u instead of %u", client, position, expected);
}

static void check_number(struct lease_play *play, const char *what, uint64_t is, uint64_t expected)
{
    if (is != expected)
        lease_play_complain(play, "locks %s: %llu instead of %llu", what, (unsigned long long)is,
                            (unsigned long long)expected);
}

static void check_stats(struct lease_play *play)
{
    struct engine_stats stats;
    uint64_t held = 0;
    uint64_t waiting = 0;
    engine_read_stats(play->engine, &stats);
    for (unsigned i = 0; i < LEASE_SESSIONS; i++) {
        held += lease_model_is_held(&play->model, i);
        waiting += play->model.locks[i].nqueue;
    }
    check_number(play, "held", stats.locks.held, held);
    check_number(play, "waiting", stats.locks.waiting, waiting);
    check_number(play, "broken", stats.locks.broken, play->model.stats.broken);
    check_number(play, "waited for", stats.locks.waits, play->model.stats.waits);
    check_number(play, "waited for in vain", stats.locks.late, play->model.stats.late);
}

void lease_play_check(struct lease_play *play)
{
    for (unsigned i = 0; i < LEASE_SESSIONS && !lease_play_is_wrong(play); i++)
        check_session(play, i);
    for (unsigned i = 0; i < play->nclients && !lease_play_is_wrong(play); i++)
        check_client(play, (int)i);
    if (!lease_play_is_wrong(play))
        check_stats(play);
}

static unsigned tags_of(const struct engine_session *found)
{
    unsigned tags = 0;
    size_t at = 0;
    for (size_t i = 0; i < found->ntags; i++) {
        struct bytes tag = {.p = found->tag_text + at, .len = found->tag_lens[i]};
        at += tag.len;
        for (unsigned bit = 0; bit < LEASE_TAGS; bit++)
            tags |= bytes_equal(tag, lease_play_tag(bit)) ? 1U << bit : 0;
    }
    return tags;
}

static void check_listed(struct lease_play *play, const struct engine_session *found, unsigned session)
{
    const struct lease_session *is = lease_model_live(&play->model, session);
    const struct lease_lock *lock = &play->model.locks[session];
    const char *id = lease_play_id(session);
    if (is == NULL)
        lease_play_complain(play, "%s is listed, and is not there", id);
    else if (tags_of(found) != is->tags)
        lease_play_complain(play, "%s has tags %x instead of %x", id, tags_of(found), is->tags);
    else if (found->is_held != lease_model_is_held(&play->model, session))
        lease_play_complain(play, "%s is listed as %s", id, found->is_held ? "held" : "free");
    else if (found->is_held && found->lease.waiting != lock->nqueue)
        lease_play_complain(play, "%u are listed as waiting for %s instead of %u", found->lease.waiting, id,
                            lock->nqueue);
}

/* Which sessions a list has, a bit each. */
static unsigned list(struct lease_play *play, const struct engine_filter *filter)
{
    struct engine_cursor cursor = {0};
    struct engine_session found[PAGE];
    unsigned listed = 0;
    uint64_t unwritten = 0;
    bool has_more = true;
    while (has_more && !lease_play_is_wrong(play)) {
        size_t n = 0;
        has_more = engine_list_sessions(play->engine, filter, &cursor, clock_seconds(&play->clock), found,
                                        PAGE, &n, &unwritten);
        for (size_t i = 0; i < n; i++) {
            unsigned session = 0;
            while (session < LEASE_SESSIONS &&
                   memcmp(play->handles[session], found[i].handle, HANDLE_BYTES) != 0)
                session++;
            if (session == LEASE_SESSIONS || (listed & 1U << session) != 0) {
                lease_play_complain(play, "a list has a session twice, or one that never was");
                return listed;
            }
            listed |= 1U << session;
            check_listed(play, &found[i], session);
        }
    }
    return listed;
}

static unsigned listed_in_model(const struct lease_play *play, bool is_shop, unsigned tag)
{
    unsigned listed = 0;
    for (unsigned i = 0; i < LEASE_SESSIONS; i++) {
        const struct lease_session *is = lease_model_live(&play->model, i);
        bool is_of = tag == LEASE_TAGS || (is_shop == (i == LEASE_SESSIONS - 1));
        if (is != NULL && is_of && (tag == LEASE_TAGS || (is->tags & 1U << tag) != 0))
            listed |= 1U << i;
    }
    return listed;
}

/* What is over may still be counted, until somebody has looked; where housekeeping does, for a minute. */
static void check_count(struct lease_play *play, bool is_tidied)
{
    uint32_t now_s = lease_model_now_s(&play->model);
    uint64_t live = 0;
    uint64_t most = 0;
    for (unsigned i = 0; i < LEASE_SESSIONS; i++) {
        live += lease_model_live(&play->model, i) != NULL;
        const struct lease_session *is = &play->model.sessions[i];
        bool is_over = is->expiry_s != 0 && is->expiry_s + TOLD_S < now_s;
        most += is->there && !is->killed && !(is_tidied && is_over);
    }
    uint64_t counted = engine_count_sessions(play->engine, NULL);
    if (counted < live || counted > most)
        lease_play_complain(play, "%llu sessions are counted instead of %llu", (unsigned long long)counted,
                            (unsigned long long)live);
    struct bytes shop = bytes_of("shop");
    uint64_t in_shop = engine_count_sessions(play->engine, &shop);
    if (in_shop < (lease_model_live(&play->model, LEASE_SESSIONS - 1) != NULL) || in_shop > 1)
        lease_play_complain(play, "%llu sessions are counted in the shop", (unsigned long long)in_shop);
}

void lease_play_check_lists(struct lease_play *play)
{
    const struct engine_filter all = {0};
    if (list(play, &all) != listed_in_model(play, false, LEASE_TAGS))
        lease_play_complain(play, "the list of all is not that of those who live");
    for (unsigned i = 0; i < 2 * LEASE_TAGS; i++) {
        bool is_shop = i % 2 == 1;
        struct engine_filter tagged = {.tag = lease_play_tag(i / 2), .has_tag = true};
        if (is_shop) {
            tagged.application = bytes_of("shop");
            tagged.has_application = true;
        }
        if (list(play, &tagged) != listed_in_model(play, is_shop, i / 2))
            lease_play_complain(play, "the list of tag %u is not that of those who have it", i / 2);
    }
    check_count(play, false);
}

/* Each pair of a tag and a handle that is kept is one of a session that lives. */
static void check_pairs(struct lease_play *play)
{
    struct census *census = &((struct local *)(void *)play->engine)->census;
    for (unsigned i = 0; i < 2 * LEASE_TAGS; i++) {
        bool is_shop = i % 2 == 1;
        uint64_t handles[LEASE_SESSIONS + 1];
        struct bytes application = lease_play_application_of(is_shop ? LEASE_SESSIONS - 1 : 0);
        size_t n =
            census_tagged(census, application, lease_play_tag(i / 2), NULL, handles, LEASE_SESSIONS + 1);
        unsigned listed = listed_in_model(play, is_shop, i / 2);
        if (n != (size_t)__builtin_popcount(listed))
            lease_play_complain(play, "%zu sessions are kept under tag %u instead of %d", n, i / 2,
                                __builtin_popcount(listed));
    }
}

void lease_play_end(struct lease_play *play)
{
    bool waits = true;
    for (unsigned round = 0; waits && round <= LEASE_CLIENTS && !lease_play_is_wrong(play); round++) {
        waits = false;
        for (unsigned i = 0; i < play->nclients && !lease_play_is_wrong(play); i++) {
            struct lease_conn *conn = &play->conns[i];
            if (conn->is_pending && conn->nwoken > 0)
                lease_play_resume(play, (int)i);
            if (!conn->is_pending)
                lease_play_close(play, (int)i);
            waits |= conn->is_pending;
        }
    }
    if (waits)
        lease_play_complain(play, "somebody waits, and all others have left");
    if (!lease_play_is_wrong(play))
        lease_play_check(play);
    for (unsigned i = 0; i < SWEEP_S && !lease_play_is_wrong(play); i++) {
        lease_play_pass_time(play, 1000);
        lease_play_tidy(play);
    }
    if (lease_play_is_wrong(play))
        return;
    lease_play_check_lists(play);
    check_count(play, true);
    check_pairs(play);
}
