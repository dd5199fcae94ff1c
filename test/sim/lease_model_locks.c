/* The model's leases: who holds one, who waits; see lease_model.h. */
#include "sim/lease_model.h"

#include <stdlib.h>

enum { NS_PER_MS = 1000000, KEEP_MS = 2000, LOST_S = 3600 };

static bool is_held(const struct lease_lock *lock)
{
    return lock->exists && lock->holder != LEASE_NOBODY;
}

static bool is_over(const struct lease_model *model, const struct lease_lock *lock)
{
    return lock->expiry_s != 0 && lock->expiry_s <= lease_model_now_s(model);
}

static void forget(struct lease_lock *lock)
{
    *lock = (struct lease_lock){.holder = LEASE_NOBODY};
}

static void take_out(struct lease_model *model, int client)
{
    struct lease_lock *lock = &model->locks[model->clients[client].waits];
    unsigned at = 0;
    while (lock->queue[at] != client)
        at++;
    for (lock->nqueue--; at < lock->nqueue; at++)
        lock->queue[at] = lock->queue[at + 1];
    model->clients[client].waits = LEASE_NOBODY;
}

static void give_to(struct lease_model *model, struct lease_lock *lock, int client)
{
    lock->holder = client;
    lock->grant = ++model->grants;
    lock->held_ns = model->now_ns;
    lock->is_lease = false;
    lock->expiry_s = 0;
    lock->number = 1;
}

/* L3, L4: to who has waited longest. */
static bool give_on(struct lease_model *model, struct lease_lock *lock)
{
    if (lock->nqueue == 0)
        return false;
    int next = lock->queue[0];
    take_out(model, next);
    give_to(model, lock, next);
    model->clients[next].is_woken = true;
    return true;
}

static void give_back(struct lease_model *model, struct lease_lock *lock)
{
    if (!give_on(model, lock))
        forget(lock);
}

/* By whom it was not given back: an open's token stays good till somebody else opens (L2). */
static void break_it(struct lease_model *model, struct lease_lock *lock)
{
    model->stats.broken++;
    if (give_on(model, lock))
        return;
    if (!lock->is_lease) {
        forget(lock);
        return;
    }
    lock->holder = LEASE_NOBODY;
    lock->suffixed = false;
    lock->lost_s = lease_model_now_s(model);
    for (unsigned i = 0; i < LEASE_SESSIONS; i++) {
        struct lease_lock *other = &model->locks[i];
        if (other->exists && !is_held(other) && other->lost_s + LOST_S < lease_model_now_s(model))
            forget(other);
    }
}

struct lease_lock *lease_model_held(struct lease_model *model, unsigned session)
{
    struct lease_lock *lock = &model->locks[session];
    if (is_held(lock) && is_over(model, lock)) {
        if (lock->is_lease)
            break_it(model, lock);
        else
            give_back(model, lock);
    }
    return is_held(lock) ? lock : NULL;
}

static bool came_first(const struct lease_model *model, const struct lease_lock *lock, int client)
{
    return lock->nqueue == 0 || model->clients[client].arrival < model->clients[lock->queue[0]].arrival;
}

/* Whose wait has ended with the lease itself has it, if nobody came before. */
static struct lease_lock *find_for(struct lease_model *model, const struct lease_ask *ask)
{
    struct lease_lock *lock = &model->locks[ask->session];
    if (ask->is_late && is_held(lock) && is_over(model, lock) && came_first(model, lock, ask->client))
        give_to(model, lock, ask->client);
    return lease_model_held(model, ask->session);
}

static void break_others(struct lease_model *model, int client, const struct lease_lock *but)
{
    for (unsigned i = 0; i < LEASE_SESSIONS; i++) {
        struct lease_lock *lock = &model->locks[i];
        if (lock != but && is_held(lock) && lock->holder == client)
            break_it(model, lock);
    }
}

static uint32_t bound_of(const struct lease_model *model, const struct lease_ask *ask)
{
    if (ask->kind == OP_INCR)
        return model->limits.incr_wait_ms;
    return ask->has_wait ? ask->wait_ms : model->limits.add_wait_ms;
}

static bool join(struct lease_model *model, struct lease_lock *lock, const struct lease_ask *ask,
                 struct lease_answer *ret)
{
    struct lease_client *client = &model->clients[ask->client];
    if (ask->is_late) {
        client->kept_at = (int)ask->session;
        client->kept = client->arrival;
        client->kept_until_ns = model->now_ns + (uint64_t)KEEP_MS * NS_PER_MS;
        model->stats.late++;
        return false;
    }
    if (lock->nqueue >= model->limits.max_waiters)
        return false;
    bool is_kept = client->kept_at == (int)ask->session && model->now_ns < client->kept_until_ns;
    client->arrival = is_kept ? client->kept : ++model->arrivals;
    client->kept_at = LEASE_NOBODY;
    client->waits = (int)ask->session;
    client->is_open = ask->kind == OP_OPEN;
    unsigned at = lock->nqueue++;
    for (; at > 0 && model->clients[lock->queue[at - 1]].arrival > client->arrival; at--)
        lock->queue[at] = lock->queue[at - 1];
    lock->queue[at] = ask->client;
    ret->wait_ms = bound_of(model, ask);
    uint64_t left_ms = (uint64_t)(lock->expiry_s - lease_model_now_s(model)) * 1000;
    if (!client->is_open && lock->expiry_s != 0 && left_ms < ret->wait_ms) /* it does not look meanwhile */
        ret->wait_ms = (uint32_t)left_ms;
    ret->is_pending = true;
    model->stats.waits++;
    return true;
}

static struct lease_lock *take(struct lease_model *model, const struct lease_ask *ask)
{
    struct lease_lock *lock = &model->locks[ask->session];
    *lock = (struct lease_lock){.exists = true, .suffixed = ask->name == LEASE_BARE_LOCK};
    give_to(model, lock, ask->client);
    return lock;
}

enum lease_taking lease_model_open(struct lease_model *model, const struct lease_ask *ask,
                                   struct lease_answer *ret)
{
    struct lease_client *client = &model->clients[ask->client];
    struct lease_lock *lock = find_for(model, ask);
    break_others(model, ask->client, lock);
    if (client->is_gone) {
        if (lock != NULL && lock->holder == ask->client)
            break_it(model, lock);
        return LEASE_GONE;
    }
    if (lock != NULL && lock->holder != ask->client) { /* L1 */
        bool may_wait = ask->may_wait && bound_of(model, ask) > 0;
        bool waits = may_wait && join(model, lock, ask, ret);
        ret->waiting = lock->nqueue;
        ret->held_ms = (model->now_ns - lock->held_ns) / NS_PER_MS;
        return waits ? LEASE_WAITS : LEASE_BUSY;
    }
    if (lock == NULL)
        lock = take(model, ask);
    lock->is_lease = true;
    lock->expiry_s = ask->lease_s == 0 ? 0 : lease_model_now_s(model) + ask->lease_s;
    lock->life_s = ask->lease_s;
    lock->number = 1;
    lock->grant = ++model->grants;
    ret->token.grant = lock->grant;
    return LEASE_TAKEN;
}

static void write_down(const struct lease_model *model, struct lease_lock *lock, uint64_t number,
                       uint32_t expiry_s)
{
    uint32_t now_s = lease_model_now_s(model);
    lock->number = number;
    lock->expiry_s = expiry_s;
    lock->life_s = expiry_s > now_s ? expiry_s - now_s : 0;
}

/* As memcached would answer about an item of that name. */
static void do_as_item(struct lease_model *model, const struct lease_ask *ask, struct lease_lock *lock,
                       uint32_t expiry_s, struct lease_answer *ret)
{
    bool makes = lock == NULL && (ask->kind == OP_ADD || (ask->kind == OP_INCR && ask->create));
    if (makes) {
        write_down(model, take(model, ask), 1, expiry_s);
        ret->number = 1;
    } else if (ask->kind == OP_ADD) {
        ret->result = OP_NOT_STORED;
    } else if (ask->kind == OP_SET) {
        if (lock != NULL)
            give_back(model, lock);
    } else if (lock == NULL) {
        ret->result = OP_MISS;
    } else if (ask->kind == OP_INCR) {
        write_down(model, lock, lock->number + 1, lock->expiry_s);
        ret->number = lock->number;
    } else {
        give_back(model, lock);
    }
}

void lease_model_lock_op(struct lease_model *model, const struct lease_ask *ask, struct lease_answer *ret)
{
    bool is_bare = ask->name == LEASE_BARE_LOCK;
    struct lease_lock *lock = find_for(model, ask);
    bool is_awaited = ask->may_wait && model->limits.add_wait_ms != 0;
    bool asks = is_awaited && ask->kind == (is_bare ? OP_INCR : OP_ADD);
    uint32_t expiry_s = ask->exptime_s == 0 ? 0 : lease_model_now_s(model) + ask->exptime_s;
    if (asks || (is_awaited && ask->kind == OP_ADD))
        break_others(model, ask->client, lock);
    if (asks && lock != NULL && lock->holder == ask->client) {
        lock->suffixed |= is_bare;
        if (is_bare && !ask->create)
            expiry_s = lock->life_s == 0 ? 0 : lease_model_now_s(model) + lock->life_s;
        write_down(model, lock, 1, expiry_s);
        ret->number = 1;
    } else if (!asks || lock == NULL || !join(model, lock, ask, ret)) {
        do_as_item(model, ask, lock, expiry_s, ret);
    }
}

bool lease_model_is_last(const struct lease_model *model, unsigned session, uint64_t grant)
{
    return model->locks[session].exists && model->locks[session].grant == grant;
}

void lease_model_release(struct lease_model *model, unsigned session, uint64_t grant)
{
    struct lease_lock *lock = &model->locks[session];
    if (!lease_model_is_last(model, session, grant))
        return;
    if (is_held(lock))
        give_back(model, lock);
    else
        forget(lock);
}

uint64_t lease_model_keep(struct lease_model *model, const struct lease_ask *ask)
{
    struct lease_lock *lock = &model->locks[ask->session];
    if (!lock->exists) { /* the server has been started anew meanwhile */
        take(model, ask)->is_lease = true;
    } else if (!is_held(lock) || (is_over(model, lock) && lock->nqueue == 0)) {
        lock->expiry_s = lock->life_s == 0 ? 0 : lease_model_now_s(model) + lock->life_s;
    }
    lock->holder = ask->client;
    return lock->grant;
}

void lease_model_turn_away(struct lease_model *model, unsigned session)
{
    struct lease_lock *lock = &model->locks[session];
    for (unsigned i = 0; i < lock->nqueue;) {
        struct lease_client *client = &model->clients[lock->queue[i]];
        if (!client->is_open) {
            i++;
            continue;
        }
        client->is_gone = client->is_woken = true;
        take_out(model, lock->queue[i]);
    }
    if (lock->exists && !is_held(lock))
        forget(lock);
    else if (lock->exists && lock->is_lease)
        give_back(model, lock);
}

void lease_model_leave(struct lease_model *model, int client)
{
    if (model->clients[client].waits != LEASE_NOBODY)
        take_out(model, client);
}

void lease_model_gone(struct lease_model *model, int client)
{
    lease_model_leave(model, client);
    break_others(model, client, NULL);
    model->clients[client] =
        (struct lease_client){.waits = LEASE_NOBODY, .kept_at = LEASE_NOBODY, .asked = LEASE_NOBODY};
}

void lease_model_restart(struct lease_model *model)
{
    for (unsigned i = 0; i < LEASE_SESSIONS; i++) {
        forget(&model->locks[i]);
        model->sessions[i].fetched = false;
    }
    for (int i = 0; i < LEASE_CLIENTS; i++)
        model->clients[i] =
            (struct lease_client){.waits = LEASE_NOBODY, .kept_at = LEASE_NOBODY, .asked = LEASE_NOBODY};
    memset(model->claims, 0, sizeof model->claims);
    model->first_grant = model->grants + 1;
    model->stats = (struct lock_stats){0};
}

bool lease_model_is_held(const struct lease_model *model, unsigned session)
{
    return is_held(&model->locks[session]);
}

bool lease_model_any_suffixed(const struct lease_model *model)
{
    bool any = false;
    for (unsigned i = 0; i < LEASE_SESSIONS; i++)
        any |= is_held(&model->locks[i]) && model->locks[i].suffixed;
    return any;
}

/* Somebody will be found to hold it. */
static bool will_be_held(const struct lease_model *model, const struct lease_lock *lock)
{
    return is_held(lock) && (!is_over(model, lock) || lock->nqueue > 0);
}

bool lease_model_is_bare(const struct lease_model *model, unsigned session)
{
    const struct lease_session *is = &model->sessions[session];
    const struct lease_lock *lock = &model->locks[session];
    bool is_there = is->there && (is->expiry_s == 0 || is->expiry_s > lease_model_now_s(model));
    return (is_there && is->bare) || (will_be_held(model, lock) && lock->suffixed);
}

bool lease_model_is_bare_lock(const struct lease_model *model, unsigned session)
{
    const struct lease_session *is = &model->sessions[session];
    bool is_there = is->there && (is->expiry_s == 0 || is->expiry_s > lease_model_now_s(model));
    return is_there || will_be_held(model, &model->locks[session]);
}

void lease_model_look(struct lease_model *model, int client)
{
    if (model->clients[client].waits != LEASE_NOBODY)
        (void)lease_model_held(model, (unsigned)model->clients[client].waits);
}

bool lease_model_waits_in_vain(const struct lease_model *model, int client)
{
    int session = model->clients[client].waits;
    return session != LEASE_NOBODY && is_over(model, &model->locks[session]);
}

uint32_t lease_model_position(const struct lease_model *model, int client)
{
    if (model->clients[client].waits == LEASE_NOBODY)
        return 0;
    const struct lease_lock *lock = &model->locks[model->clients[client].waits];
    uint32_t at = 0;
    while (lock->queue[at] != client)
        at++;
    return at + 1;
}
