/* An engine asked by many, beside its model: see lease_play.h. */
#include "sim/lease_play.h"
#include "engine/local_private.h"
#include "sim/dice.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { NS_PER_MS = 1000000, LIMIT = 2 << 20, SEGMENT = 8 << 10 };

static uint64_t steady_ns(const struct clock *clock)
{
    return ((const struct lease_play *)(const void *)clock)->steady_ns;
}

static int64_t wall_s(const struct clock *clock)
{
    return ((const struct lease_play *)(const void *)clock)->wall_s;
}

void lease_play_trace(const struct lease_play *play, const char *format, ...)
{
    va_list args;
    if (!play->is_traced)
        return;
    va_start(args, format);
    printf("%4llu %6llu.%03llu  ", (unsigned long long)play->nsteps,
           (unsigned long long)(play->steady_ns / 1000000000),
           (unsigned long long)(play->steady_ns / NS_PER_MS % 1000));
    vprintf(format, args);
    printf("\n");
    va_end(args);
}

void lease_play_complain(struct lease_play *play, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (play->wrong[0] == '\0')
        vsnprintf(play->wrong, sizeof play->wrong, format, args);
    va_end(args);
}

const char *lease_play_id(unsigned session)
{
    static const char *const ids[LEASE_SESSIONS] = {"s0", "s1", "s2", "s3"};
    return ids[session];
}

struct bytes lease_play_application_of(unsigned session)
{
    return session == LEASE_SESSIONS - 1 ? bytes_of("shop") : (struct bytes){0};
}

struct bytes lease_play_tag(unsigned tag)
{
    static const char *const tags[LEASE_TAGS] = {"user:1", "user:2", "role:admin"};
    return bytes_of(tags[tag]);
}

struct bytes lease_play_value_of(uint64_t content, char to[LEASE_VALUE_MAX])
{
    size_t len = 8 + (size_t)(content * 37 % 600);
    memset(to, 'a' + (int)(content % 26), len);
    memcpy(to, &content, sizeof content);
    return (struct bytes){.p = to, .len = len};
}

static void note_wake(struct op *op)
{
    ((struct lease_conn *)(void *)op)->nwoken++;
}

static char *place(struct op *op, const struct op_hit *hit)
{
    struct lease_conn *conn = (struct lease_conn *)(void *)op;
    return hit->value_len <= sizeof conn->place ? conn->place : NULL;
}

static void start(struct lease_play *play)
{
    struct handle_key key = {{1, 2, 3}};
    enum err err = local_new(&play->config, &play->engine);
    if (err != ERR_NONE) {
        lease_play_complain(play, "the engine does not start: %s: %s", err_text(err), play->problem);
        return;
    }
    local_set_keys(play->engine, &key, NULL);
}

static void compute_handles(struct lease_play *play)
{
    struct handle_key key = {{1, 2, 3}};
    struct handle_maker maker;
    struct handle_session session;
    handle_maker_init(&maker, &key);
    for (unsigned i = 0; i < LEASE_SESSIONS; i++) {
        handle_session(&maker, lease_play_application_of(i), bytes_of(lease_play_id(i)), &session);
        memcpy(play->handles[i], session.bytes, HANDLE_BYTES);
    }
}

void lease_play_init(struct lease_play *play, uint64_t seed, bool is_traced)
{
    *play = (struct lease_play){.clock = {.steady_ns = steady_ns, .wall_s = wall_s},
                                .seed = seed,
                                .wall_s = 1700000000,
                                .is_traced = is_traced};
    uint64_t *dice = &play->seed;
    play->steady_ns = 5000 * (uint64_t)1000000000 + dice_roll(dice, 1000) * (uint64_t)NS_PER_MS;
    play->nclients = 2 + dice_roll(dice, LEASE_CLIENTS - 1);
    play->disk = sim_disk_new(dice_next(dice));
    if (!keyclass_read(KEYCLASS_DEFAULT_PREFIX, &play->prefixes[0]) ||
        !keyclass_read("shop.sess.=shop", &play->prefixes[1]))
        abort();
    play->config =
        (struct local_config){.store = {.limit_bytes = LIMIT,
                                        .value_max = 64 << 10,
                                        .seed = dice_next(dice),
                                        .nshards = 1 + dice_roll(dice, 2),
                                        .segment_bytes = SEGMENT,
                                        .disk = sim_disk_as_disk(play->disk),
                                        .sync = dice_once_in(dice, 2) ? STORE_SYNC_NONE : STORE_SYNC_INTERVAL,
                                        .clock = &play->clock,
                                        .boot_id = "one boot",
                                        .problem = play->problem},
                              .lives = {.first_s = dice_once_in(dice, 4) ? 60 : 0,
                                        .bot_s = dice_once_in(dice, 2) ? 30 : 0,
                                        .absolute_s = dice_once_in(dice, 4) ? 200 : 0},
                              .keyclass = {.prefixes = play->prefixes, .nprefixes = 2},
                              .locks = {.add_wait_ms = dice_once_in(dice, 10) ? 0 : 2000,
                                        .incr_wait_ms = 400,
                                        .max_waiters = 1 + dice_roll(dice, 4)},
                              .clock = &play->clock,
                              .without_thread = true};
    lease_model_init(&play->model, &play->config.locks, &play->config.lives);
    play->model.now_ns = play->steady_ns;
    compute_handles(play);
    start(play);
}

void lease_play_fini(struct lease_play *play)
{
    engine_free(&play->engine);
    sim_disk_free(&play->disk);
}

static struct bytes key_of(struct lease_conn *conn, enum lease_name name, unsigned session)
{
    static const char *const forms[] = {"%s%s", "%s%s", "%slock.%s", "%s%s", "%s%s.lock"};
    bool is_shop = session == LEASE_SESSIONS - 1;
    const char *prefix = name != LEASE_ITEM && name != LEASE_LOCK ? ""
                         : is_shop                                ? "shop.sess."
                                                                  : KEYCLASS_DEFAULT_PREFIX;
    int len = snprintf(conn->key, sizeof conn->key, forms[name], prefix, lease_play_id(session)); /* NOLINT */
    return (struct bytes){.p = conn->key, .len = (size_t)len};
}

static struct bytes value_for(struct lease_conn *conn, const struct lease_ask *ask)
{
    if (ask->name == LEASE_LOCK || ask->name == LEASE_BARE_LOCK)
        return bytes_of(ask->kind == OP_SET ? "0" : "1");
    return lease_play_value_of(ask->content, conn->value);
}

static void fill_session(struct lease_play *play, struct lease_conn *conn, const struct lease_ask *ask,
                         const struct lease_kept *kept, const struct lease_kept *predecessor)
{
    struct op_session *to = &conn->session;
    *to = (struct op_session){.application = lease_play_application_of(ask->session),
                              .wait_ms = ask->wait_ms,
                              .lease_s = ask->lease_s,
                              .life_s = ask->life_s,
                              .grace_s = ask->grace_s,
                              .holder = bytes_of("web-1"),
                              .has_wait = ask->has_wait,
                              .has_life = ask->has_life,
                              .has_tags = ask->has_tags,
                              .has_predecessor = ask->has_predecessor,
                              .read_only = ask->read_only,
                              .must_exist = ask->must_exist,
                              .keep = ask->keep,
                              .succeeds = ask->succeeds,
                              .is_bot = ask->is_bot,
                              .by_handle = ask->by_handle};
    if (kept != NULL)
        to->token = kept->real;
    if (predecessor != NULL)
        to->predecessor = predecessor->real;
    for (unsigned i = 0; i < LEASE_TAGS; i++) {
        if ((ask->tags & 1U << i) != 0)
            to->tags[to->ntags++] = lease_play_tag(i);
    }
    if (ask->by_handle)
        memcpy(to->handle, play->handles[ask->session], HANDLE_BYTES);
}

static void fill(struct lease_play *play, struct lease_conn *conn, const struct lease_ask *ask)
{
    conn->op = (struct op){.kind = ask->kind,
                           .key = key_of(conn, ask->name, ask->session),
                           .value = value_for(conn, ask),
                           .flags = ask->name == LEASE_BARE_LOCK ? 768 : (uint32_t)ask->content,
                           .exptime = ask->exptime_s,
                           .create_exptime = ask->exptime_s,
                           .delta = 1,
                           .initial = 1,
                           .create = ask->create,
                           .touch = ask->touch,
                           .may_wait = ask->may_wait,
                           .now_s = clock_seconds(&play->clock),
                           .client = &conn->client,
                           .session = ask->name == LEASE_VERB ? &conn->session : NULL,
                           .place = place,
                           .wake = note_wake};
}

/* What was done is safe before it is answered. */
static void commit(struct lease_play *play, uint64_t unwritten)
{
    uint64_t ticket;
    if (unwritten != 0 && engine_commit(play->engine, unwritten, &ticket) != STORE_COMMIT_DONE)
        lease_play_complain(play, "what was done could not be committed");
}

static void compare_hit(struct lease_play *play, const struct lease_conn *conn)
{
    char room[LEASE_VALUE_MAX];
    struct bytes expected = lease_play_value_of(conn->answer.content, room);
    struct bytes got = {.p = conn->place, .len = conn->op.hit.value_len};
    if (!bytes_equal(expected, got) || conn->op.hit.flags != (uint32_t)conn->answer.content)
        lease_play_complain(play, "client %d read something else than the last write of %s", conn->ask.client,
                            lease_play_id(conn->ask.session));
}

static void compare_token(struct lease_play *play, const struct lease_conn *conn)
{
    const struct op_session *session = &conn->session;
    struct lease_kept *kept = &play->kept[conn->ask.client][conn->ask.session];
    if (session->has_token != conn->answer.has_token)
        lease_play_complain(play, "client %d was%s given a token", conn->ask.client,
                            session->has_token ? "" : " not");
    if (!session->has_token)
        return;
    bool is_new = conn->op.kind == OP_OPEN || conn->answer.token.grant != conn->ask.token.grant;
    if (is_new != (session->token.fence > play->fence))
        lease_play_complain(play, "the fence %llu of client %d is%s above those given before",
                            (unsigned long long)session->token.fence, conn->ask.client, is_new ? " not" : "");
    if (is_new)
        play->fence = session->token.fence;
    if ((session->token.version == 0) != (conn->answer.token.version == 0))
        lease_play_complain(play, "a token of client %d has version %llu", conn->ask.client,
                            (unsigned long long)session->token.version);
    *kept = (struct lease_kept){.is_there = true, .token = conn->answer.token, .real = session->token};
}

static const char *name_of(enum op_result result)
{
    static const char *const names[] = {"ok",        "miss",    "not stored",  "exists",
                                        "too large", "full",    "non-numeric", "a full disk",
                                        "read-only", "loading", "busy",        "gone"};
    return names[result];
}

static void compare_answer(struct lease_play *play, const struct lease_conn *conn)
{
    const struct lease_ask *ask = &conn->ask;
    const struct lease_answer *answer = &conn->answer;
    bool is_counted = ask->kind == OP_INCR || ask->kind == OP_KILL;
    if (conn->op.result != answer->result)
        lease_play_complain(play, "client %d was answered %s instead of %s", ask->client,
                            name_of(conn->op.result), name_of(answer->result));
    else if (is_counted && conn->op.number != answer->number)
        lease_play_complain(play, "client %d was told %llu instead of %llu", ask->client,
                            (unsigned long long)conn->op.number, (unsigned long long)answer->number);
    else if (ask->kind == OP_OPEN && answer->result == OP_BUSY &&
             (conn->session.waiting != answer->waiting || conn->session.held_ms != answer->held_ms))
        lease_play_complain(play, "client %d was told that %u wait, for %llu ms", ask->client,
                            conn->session.waiting, (unsigned long long)conn->session.held_ms);
    bool is_hit = ask->name != LEASE_LOCK && ask->name != LEASE_BARE_LOCK && conn->op.result == OP_OK &&
                  (ask->kind == OP_OPEN || ask->kind == OP_GET);
    if (is_hit)
        compare_hit(play, conn);
    if (is_hit && ask->kind == OP_OPEN && conn->op.hit.ttl_s != answer->ttl_s)
        lease_play_complain(play, "client %d was told a life of %lld s instead of %lld", ask->client,
                            (long long)conn->op.hit.ttl_s, (long long)answer->ttl_s);
    if (ask->kind == OP_OPEN || ask->kind == OP_WRITE)
        compare_token(play, conn);
}

static void compare_submit(struct lease_play *play, struct lease_conn *conn, enum submit submit)
{
    commit(play, conn->op.unwritten);
    conn->result = conn->op.result;
    conn->is_pending = submit == SUBMIT_PENDING;
    if (conn->is_pending)
        lease_play_trace(play, "     client %d waits, %u ms at most", conn->ask.client, conn->op.wait_ms);
    else
        lease_play_trace(play, "     client %d: %s%s, %llu", conn->ask.client, name_of(conn->op.result),
                         conn->session.has_token ? " and a token" : "", (unsigned long long)conn->op.number);
    if (conn->is_pending != conn->answer.is_pending) {
        lease_play_complain(play, "client %d is%s made to wait", conn->ask.client,
                            conn->is_pending ? "" : " not");
    } else if (conn->is_pending) {
        conn->until_ns = play->steady_ns + (uint64_t)conn->op.wait_ms * NS_PER_MS;
        if (conn->op.wait_ms != conn->answer.wait_ms)
            lease_play_complain(play, "client %d waits for %u ms instead of %u", conn->ask.client,
                                conn->op.wait_ms, conn->answer.wait_ms);
    } else {
        compare_answer(play, conn);
    }
}

static void trace_ask(const struct lease_play *play, const struct lease_ask *ask)
{
    static const char *const kinds[] = {"get",  "set",  "add",   "replace", "append", "prepend", "delete",
                                        "incr", "decr", "touch", "open",    "write",  "close",   "kill"};
    static const char *const names[] = {"", "item ", "lock ", "bare ", "bare lock "};
    lease_play_trace(play, "client %d: %s %s%s T%u W%d L%u%s%s%s%s%s%s, token %llu/%llu, value %llu",
                     ask->client, kinds[ask->kind], names[ask->name], lease_play_id(ask->session),
                     ask->exptime_s, ask->has_wait ? (int)ask->wait_ms : -1, ask->lease_s,
                     ask->keep ? " keep" : "", ask->succeeds ? " succeeds" : "",
                     ask->read_only ? " read-only" : "", ask->must_exist ? " must-exist" : "",
                     ask->by_handle ? " by handle" : "", ask->has_predecessor ? " successor" : "",
                     (unsigned long long)ask->token.version, (unsigned long long)ask->token.grant,
                     (unsigned long long)ask->content);
}

void lease_play_ask(struct lease_play *play, const struct lease_ask *ask, const struct lease_kept *kept,
                    const struct lease_kept *predecessor)
{
    struct lease_conn *conn = &play->conns[ask->client];
    if (conn->is_pending)
        abort();
    conn->ask = *ask;
    trace_ask(play, ask);
    fill_session(play, conn, ask, kept, predecessor);
    fill(play, conn, ask);
    conn->nwoken = 0;
    lease_model_ask(&play->model, ask, &conn->answer);
    compare_submit(play, conn, engine_submit(play->engine, &conn->op));
}

static void resume(struct lease_play *play, struct lease_conn *conn)
{
    conn->nwoken = 0;
    conn->op.now_s = clock_seconds(&play->clock);
    lease_model_ask(&play->model, &conn->ask, &conn->answer);
    compare_submit(play, conn, engine_resume(play->engine, &conn->op));
}

void lease_play_resume(struct lease_play *play, int client)
{
    struct lease_conn *conn = &play->conns[client];
    lease_play_trace(play, "client %d goes on", client);
    if (engine_cancel(play->engine, &conn->op)) /* its timer may come between */
        lease_play_complain(play, "client %d was woken, and taken back all the same", client);
    resume(play, conn);
}

void lease_play_look(struct lease_play *play, int client)
{
    lease_play_trace(play, "client %d is told that it waits", client);
    (void)engine_position(play->engine, &play->conns[client].op);
    lease_model_look(&play->model, client);
}

void lease_play_time_out(struct lease_play *play, int client)
{
    struct lease_conn *conn = &play->conns[client];
    lease_play_trace(play, "client %d has waited long enough", client);
    if (!engine_cancel(play->engine, &conn->op))
        lease_play_complain(play, "client %d waits for nothing", client);
    lease_model_leave(&play->model, client);
    conn->op.is_late = conn->ask.is_late = true;
    resume(play, conn);
    if (conn->is_pending)
        lease_play_complain(play, "the wait of client %d has no end", client); /* L3 */
}

void lease_play_close(struct lease_play *play, int client)
{
    struct lease_conn *conn = &play->conns[client];
    lease_play_trace(play, "client %d closes its connection%s", client,
                     !conn->is_pending   ? ""
                     : conn->nwoken == 0 ? ", while it waits"
                                         : ", and was woken");
    if (conn->is_pending && engine_cancel(play->engine, &conn->op) != (conn->nwoken == 0))
        lease_play_complain(play, "client %d could%s be taken back", client, conn->nwoken == 0 ? " not" : "");
    engine_client_gone(play->engine, &conn->client);
    if (conn->client.locks != NULL || conn->client.nlocks != 0)
        lease_play_complain(play, "client %d has gone and holds something", client);
    lease_model_gone(&play->model, client);
    conn->is_pending = false;
    conn->client = (struct engine_client){0};
}

void lease_play_kill_tagged(struct lease_play *play, int client, unsigned tag, int except)
{
    struct lease_conn *conn = &play->conns[client];
    struct engine_filter filter = {.tag = lease_play_tag(tag), .has_tag = true};
    struct engine_cursor cursor = {0};
    struct lease_ask ask = {.kind = OP_KILL, .client = client};
    uint64_t nkilled = 0;
    uint64_t nexpected = 0;
    if (except != LEASE_NOBODY) {
        filter.except = bytes_of(lease_play_id((unsigned)except));
        filter.has_except = true;
    }
    lease_play_trace(play, "client %d kills tag %u, but %d", client, tag, except);
    fill_session(play, conn, &ask, NULL, NULL);
    fill(play, conn, &ask);
    while (engine_kill_tagged(play->engine, &filter, &cursor, &conn->op, &nkilled))
        continue;
    commit(play, conn->op.unwritten);
    for (unsigned i = 0; i + 1 < LEASE_SESSIONS; i++) { /* the last is of another application */
        const struct lease_session *is = lease_model_live(&play->model, i);
        if (is == NULL || (is->tags & 1U << tag) == 0 || (int)i == except)
            continue;
        struct lease_answer answer;
        ask.session = i;
        ask.by_handle = true;
        lease_model_ask(&play->model, &ask, &answer);
        nexpected++;
    }
    if (nkilled != nexpected)
        lease_play_complain(play, "%llu of tag %u were killed instead of %llu", (unsigned long long)nkilled,
                            tag, (unsigned long long)nexpected);
}

void lease_play_pass_time(struct lease_play *play, uint64_t ms)
{
    play->steady_ns += ms * NS_PER_MS;
    play->wall_s = 1700000000 + (int64_t)(play->steady_ns / 1000000000) - 5000;
    play->model.now_ns = play->steady_ns;
}

/* What the engine's threads would do. */
void lease_play_tidy(struct lease_play *play)
{
    struct store *store = ((struct local *)(void *)play->engine)->store;
    lease_play_trace(play, "housekeeping");
    store_tidy(store, clock_seconds(&play->clock));
    if (store_sync(store) != ERR_NONE)
        lease_play_complain(play, "a sync failed");
}

void lease_play_restart(struct lease_play *play, bool is_killed)
{
    lease_play_trace(play, "the server %s, and starts again", is_killed ? "is killed" : "ends");
    for (unsigned i = 0; i < play->nclients; i++) {
        struct lease_conn *conn = &play->conns[i];
        if (conn->is_pending)
            (void)engine_cancel(play->engine, &conn->op);
        conn->is_pending = false;
    }
    if (is_killed)
        sim_disk_cut_at(play->disk, 1);
    engine_free(&play->engine);
    sim_disk_cut_at(play->disk, 0);
    sim_disk_kill(play->disk);
    for (unsigned i = 0; i < LEASE_CLIENTS; i++)
        play->conns[i].client = (struct engine_client){0};
    play->checker.client = (struct engine_client){0};
    lease_play_pass_time(play,
                         1000 + dice_roll(&play->seed, 3000)); /* fences of one second would be the same */
    lease_model_restart(&play->model);
    start(play);
}
