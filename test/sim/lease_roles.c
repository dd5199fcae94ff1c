/* What clients do, see lease_roles.h. */
#include "sim/lease_roles.h"
#include "sim/dice.h"

/* Most want the same one. */
static unsigned roll_session(struct lease_play *play, unsigned n)
{
    return dice_once_in(&play->seed, 2) ? 0 : dice_roll(&play->seed, n);
}

static uint32_t roll_life(struct lease_play *play)
{
    return dice_once_in(&play->seed, 8) ? 0 : 5 + dice_roll(&play->seed, 100);
}

/* What was kept of an open by this client; now and then another's, as if it had come by another connection. */
static const struct lease_kept *kept_of(struct lease_play *play, int client, unsigned session)
{
    unsigned of = (unsigned)client;
    if (dice_once_in(&play->seed, 12))
        of = dice_roll(&play->seed, play->nclients);
    return &play->kept[of][session];
}

static void open_by_verb(struct lease_play *play, struct lease_ask *ask)
{
    uint64_t *dice = &play->seed;
    const struct lease_kept *predecessor = &play->kept[ask->client][roll_session(play, LEASE_SESSIONS)];
    ask->kind = OP_OPEN;
    ask->may_wait = !dice_once_in(dice, 8);
    ask->has_wait = dice_once_in(dice, 2);
    ask->wait_ms = ask->has_wait ? dice_roll(dice, 6) * 500 : 0;
    ask->lease_s = dice_once_in(dice, 3) ? 1 + dice_roll(dice, 5) : 0;
    ask->read_only = dice_once_in(dice, 10);
    ask->must_exist = dice_once_in(dice, 10);
    ask->touch = dice_once_in(dice, 2);
    ask->has_predecessor = predecessor->is_there && dice_once_in(dice, 4);
    if (ask->has_predecessor)
        ask->predecessor = predecessor->token;
    lease_play_ask(play, ask, NULL, ask->has_predecessor ? predecessor : NULL);
}

static void write_by_verb(struct lease_play *play, struct lease_ask *ask, const struct lease_kept *kept)
{
    uint64_t *dice = &play->seed;
    ask->kind = OP_WRITE;
    ask->content = ++play->contents;
    ask->keep = dice_once_in(dice, 4);
    ask->touch = !dice_once_in(dice, 4);
    ask->has_tags = dice_once_in(dice, 3);
    ask->tags = ask->has_tags ? dice_roll(dice, 1U << LEASE_TAGS) : 0;
    ask->has_life = dice_once_in(dice, 8);
    ask->life_s = ask->has_life && !dice_once_in(dice, 4) ? 100 + dice_roll(dice, 100) : 0;
    ask->is_bot = dice_once_in(dice, 20);
    lease_play_ask(play, ask, kept, NULL);
}

static void act_by_verbs(struct lease_play *play, int client)
{
    uint64_t *dice = &play->seed;
    struct lease_ask ask = {
        .name = LEASE_VERB, .client = client, .session = roll_session(play, LEASE_SESSIONS)};
    const struct lease_kept *kept = kept_of(play, client, ask.session);
    uint32_t what = kept->is_there ? dice_roll(dice, 100) : 99;
    ask.exptime_s = roll_life(play);
    ask.token = kept->token;
    if (what < 35) {
        write_by_verb(play, &ask, kept);
    } else if (what < 50) {
        ask.kind = OP_CLOSE;
        ask.touch = dice_once_in(dice, 2);
        ask.succeeds = dice_once_in(dice, 4);
        ask.grace_s = ask.succeeds ? dice_roll(dice, 10) : 0;
        lease_play_ask(play, &ask, kept, NULL);
    } else if (what < 56) {
        ask.kind = OP_KILL;
        ask.succeeds = !dice_once_in(dice, 3);
        lease_play_ask(play, &ask, kept, NULL);
    } else {
        ask.token = (struct lease_token){0};
        open_by_verb(play, &ask);
    }
}

/* It locks, reads, writes, unlocks, and comes with each of these too late, at times. */
static void act_as_memcached(struct lease_play *play, int client)
{
    uint64_t *dice = &play->seed;
    struct lease_ask ask = {.client = client, .session = roll_session(play, LEASE_SESSIONS)};
    const struct lease_lock *lock = &play->model.locks[ask.session];
    bool has_it = lock->exists && lock->holder == client;
    uint32_t what = dice_roll(dice, 100);
    ask.exptime_s = roll_life(play);
    if (what < (has_it ? 5 : 60)) {
        ask.kind = OP_ADD;
        ask.name = LEASE_LOCK;
        ask.exptime_s = dice_once_in(dice, 3) ? 1 + dice_roll(dice, 5) : 0;
        ask.may_wait = !dice_once_in(dice, 6);
    } else if (what < (has_it ? 35 : 64)) {
        ask.kind = OP_DELETE;
        ask.name = LEASE_LOCK;
    } else if (what < 75) {
        ask.kind = OP_SET;
        ask.name = LEASE_ITEM;
        ask.content = ++play->contents;
    } else if (what < 80) {
        ask.kind = dice_once_in(dice, 2) ? OP_DELETE : OP_TOUCH;
        ask.name = LEASE_ITEM;
    } else {
        ask.kind = OP_GET;
        ask.name = LEASE_ITEM;
    }
    lease_play_ask(play, &ask, NULL, NULL);
}

/* incr and add of the lock, get, set; "0" for the lock. What it would now find to be cache is left out. */
static void act_as_memcache(struct lease_play *play, int client)
{
    uint64_t *dice = &play->seed;
    int asked = play->model.clients[client].asked;
    struct lease_ask ask = {.client = client, .session = roll_session(play, LEASE_SESSIONS - 1)};
    const struct lease_lock *lock = &play->model.locks[ask.session];
    bool has_it = lock->exists && lock->holder == client;
    uint32_t what = dice_roll(dice, 100);
    ask.kind = OP_INCR;
    ask.name = LEASE_BARE_LOCK;
    ask.may_wait = !dice_once_in(dice, 8);
    ask.create = dice_once_in(dice, 3);
    ask.exptime_s = dice_once_in(dice, 3) ? 1 + dice_roll(dice, 5) : 0;
    if (asked != LEASE_NOBODY && !dice_once_in(dice, 10)) {
        ask.kind = OP_ADD;
        ask.session = (unsigned)asked;
        ask.create = false;
    } else if (what < (has_it ? 40 : 10) && lease_model_is_bare_lock(&play->model, ask.session)) {
        ask.kind = OP_SET;
        ask.create = false;
        ask.may_wait = false;
    } else if (what < 60 && lease_model_is_bare(&play->model, ask.session)) {
        ask.kind = dice_once_in(dice, 2) ? OP_GET : dice_once_in(dice, 12) ? OP_DELETE : OP_SET;
        ask.name = LEASE_BARE;
        ask.create = false;
        ask.exptime_s = roll_life(play);
        ask.content = ask.kind == OP_SET ? ++play->contents : 0;
    }
    lease_play_ask(play, &ask, NULL, NULL);
}

static void act_as_reader(struct lease_play *play, int client)
{
    uint64_t *dice = &play->seed;
    struct lease_ask ask = {.kind = OP_GET,
                            .name = LEASE_ITEM,
                            .client = client,
                            .session = roll_session(play, LEASE_SESSIONS),
                            .exptime_s = roll_life(play),
                            .touch = dice_once_in(dice, 6)};
    if (dice_once_in(dice, 2)) {
        ask.kind = OP_OPEN;
        ask.name = LEASE_VERB;
        ask.read_only = true;
    }
    lease_play_ask(play, &ask, NULL, NULL);
}

static void act_as_admin(struct lease_play *play, int client)
{
    uint64_t *dice = &play->seed;
    struct lease_ask ask = {.kind = OP_KILL, .client = client, .session = roll_session(play, LEASE_SESSIONS)};
    if (!dice_once_in(dice, 3)) { /* it looks more than it kills */
        lease_play_check_lists(play);
    } else if (dice_once_in(dice, 3)) {
        int except = dice_once_in(dice, 2) ? (int)dice_roll(dice, LEASE_SESSIONS - 1) : LEASE_NOBODY;
        lease_play_kill_tagged(play, client, dice_roll(dice, LEASE_TAGS), except);
    } else {
        ask.by_handle = dice_once_in(dice, 2);
        lease_play_ask(play, &ask, NULL, NULL);
    }
}

void lease_roles_act(struct lease_play *play, int client, enum lease_role role)
{
    static void (*const acts[LEASE_NROLES])(struct lease_play * play, int client) = {
        act_by_verbs, act_as_memcached, act_as_memcache, act_as_reader, act_as_admin};
    acts[role](play, client);
}
