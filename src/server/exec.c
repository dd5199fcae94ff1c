/* One request after the other: see exec.h. */
#include "server/exec.h"
#include "base/check.h"
#include "base/num.h"
#include "base/version.h"
#include "server/crawler.h"
#include "server/listing.h"
#include "server/prefix.h"
#include "server/refused.h"
#include "server/slabs.h"
#include "server/stats.h"
#include "server/tell.h"
#include "server/udp.h"
#include "server/verbs.h"
#include "server/watch.h"

#include <signal.h>
#include <unistd.h>

/* What a verb is made of: the whole dispatcher. A verb without an op is the server's own business. */
struct verb_row {
    void (*run)(struct conn *conn); /* not for the engine: answers by itself */
    enum op_kind kind;
    unsigned needs;     /* role */
    enum counter asked; /* NCOUNTERS: none */
    enum counter hit;
    enum counter missed;
};

#define NONE NCOUNTERS

static void count(struct conn *conn, enum counter counter)
{
    if (counter != NONE)
        counters_add(&conn->worker->counters, counter, 1);
}

/* What the op counts, and once more when its item is a session. */
static void count_op(struct conn *conn, const struct op *op, enum counter counter)
{
    count(conn, counter);
    if (op->class == STORE_SESSION)
        count(conn, counters_of_sessions(counter));
}

static void put_answer(struct conn *conn, const struct answer *answer)
{
    char *room = conn_answer_room(conn);
    if (room != NULL)
        conn->out.len += proto_put_answer(&conn->proto, &conn->request, answer, room);
}

void exec_put_status(struct conn *conn, enum status status)
{
    put_answer(conn, &(struct answer){.status = status});
}

void exec_put_line(struct conn *conn, struct bytes line)
{
    char *room = conn_answer_room(conn);
    if (room != NULL)
        conn->out.len += proto_put_line(&conn->request, line, room);
}

enum status exec_status_of(enum op_result result)
{
    switch (result) {
    case OP_OK:
        return STATUS_OK;
    case OP_MISS:
        return STATUS_MISS;
    case OP_NOT_STORED:
        return STATUS_NOT_STORED;
    case OP_EXISTS:
        return STATUS_EXISTS;
    case OP_TOO_LARGE:
        return STATUS_TOO_LARGE;
    case OP_FULL:
        return STATUS_FULL;
    case OP_NON_NUMERIC:
        return STATUS_NON_NUMERIC;
    case OP_DISK_FULL:
        return STATUS_DISK_FULL;
    case OP_READ_ONLY:
        return STATUS_READ_ONLY;
    case OP_LOADING:
        return STATUS_LOADING;
    case OP_BUSY:
        return STATUS_BUSY;
    case OP_GONE:
        return STATUS_GONE;
    }
    CHECK(!"a result");
    return STATUS_REFUSED;
}

static void run_flush(struct conn *conn)
{
    uint64_t unwritten = 0;
    if (conn->worker->server->settings->forbid_flush) {
        exec_put_status(conn, STATUS_DENIED);
        return;
    }
    enum op_result result = engine_flush(server_engine(conn->worker->server), conn->worker->now_s,
                                         conn->request.exptime, &unwritten);
    conn->worker->turn.unwritten |= unwritten;
    exec_put_status(conn, exec_status_of(result));
}

void exec_put_words(struct conn *conn, struct bytes words)
{
    char *room = conn_answer_room(conn);
    if (room != NULL)
        conn->out.len += proto_put_words(&conn->proto, &conn->request, words, room);
}

void exec_put_error(struct conn *conn, struct bytes words)
{
    char *room = conn_answer_room(conn);
    if (room != NULL)
        conn->out.len += proto_put_error(&conn->proto, &conn->request, words, room);
}

static void run_version(struct conn *conn)
{
    exec_put_words(conn, bytes_of(VERSION_PROTOCOL));
}

static void run_verbosity(struct conn *conn)
{
    uint32_t level;
    if (num_parse_u32(conn->request.argument, &level))
        __atomic_store_n(&conn->worker->server->settings->verbose, level, __ATOMIC_RELAXED);
    exec_put_status(conn, STATUS_OK);
}

/* To the thread that waits for it, as if it came from outside. The answer is the end of the connection. */
static void run_shutdown(struct conn *conn)
{
    struct bytes mode = conn->request.argument;
    if (!conn->worker->server->settings->allow_shutdown) {
        exec_put_line(conn, bytes_of("ERROR: shutdown not enabled"));
    } else if (mode.len != 0 && !bytes_equal(mode, bytes_of("graceful"))) {
        exec_put_line(conn, bytes_of("CLIENT_ERROR invalid shutdown mode"));
    } else {
        conn->request.close = true;
        CHECK(kill(getpid(), SIGTERM) == 0);
    }
}

enum { MEMLIMIT_LEAST_MIB = 8, MEMLIMIT_MOST_MIB = 1000000000 };

static void run_memlimit(struct conn *conn)
{
    struct bytes word = conn->request.argument;
    uint32_t mib;
    if (!num_parse_u32(word, &mib))
        exec_put_line(conn, bytes_of("ERROR"));
    else if (mib < MEMLIMIT_LEAST_MIB)
        exec_put_line(conn, bytes_of("MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m"));
    else if (mib > MEMLIMIT_MOST_MIB)
        exec_put_line(conn, bytes_of("MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes"));
    else if (!engine_set_limit(server_engine(conn->worker->server), (uint64_t)mib << 20))
        exec_put_line(conn, bytes_of("MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust"));
    else
        exec_put_line(conn, bytes_of("OK"));
}

#ifdef CLOAKROOM_DEBUG
static void run_debugtime(struct conn *conn)
{
    bool ok = debug_clock_order(&conn->worker->server->debug_clock, conn->request.argument);
    exec_put_line(conn, bytes_of(ok ? "OK" : "ERROR"));
}
#endif

static void run_noop(struct conn *conn)
{
    exec_put_status(conn, STATUS_OK);
}

static const struct verb_row verbs[] = {
    [VERB_GET] = {NULL, OP_GET, ROLE_READ, COUNTER_cmd_get, COUNTER_get_hits, COUNTER_get_misses},
    [VERB_SET] = {NULL, OP_SET, ROLE_WRITE, COUNTER_cmd_set, NONE, NONE},
    [VERB_ADD] = {NULL, OP_ADD, ROLE_WRITE, COUNTER_cmd_set, NONE, NONE},
    [VERB_REPLACE] = {NULL, OP_REPLACE, ROLE_WRITE, COUNTER_cmd_set, NONE, NONE},
    [VERB_APPEND] = {NULL, OP_APPEND, ROLE_WRITE, COUNTER_cmd_set, NONE, NONE},
    [VERB_PREPEND] = {NULL, OP_PREPEND, ROLE_WRITE, COUNTER_cmd_set, NONE, NONE},
    [VERB_CAS] = {NULL, OP_SET, ROLE_WRITE, COUNTER_cmd_set, COUNTER_cas_hits, COUNTER_cas_misses},
    [VERB_DELETE] = {NULL, OP_DELETE, ROLE_WRITE, NONE, COUNTER_delete_hits, COUNTER_delete_misses},
    [VERB_INCR] = {NULL, OP_INCR, ROLE_WRITE, NONE, COUNTER_incr_hits, COUNTER_incr_misses},
    [VERB_DECR] = {NULL, OP_DECR, ROLE_WRITE, NONE, COUNTER_decr_hits, COUNTER_decr_misses},
    [VERB_TOUCH] = {NULL, OP_TOUCH, ROLE_WRITE, COUNTER_cmd_touch, COUNTER_touch_hits, COUNTER_touch_misses},
    [VERB_FLUSH] = {run_flush, 0, ROLE_ADMIN, COUNTER_cmd_flush, NONE, NONE},
    [VERB_STATS] = {stats_run, 0, ROLE_READ, NONE, NONE, NONE},
    [VERB_VERSION] = {run_version, 0, 0, NONE, NONE, NONE},
    [VERB_VERBOSITY] = {run_verbosity, 0, ROLE_ADMIN, NONE, NONE, NONE},
    [VERB_SHUTDOWN] = {run_shutdown, 0, ROLE_ADMIN, NONE, NONE, NONE},
    [VERB_MEMLIMIT] = {run_memlimit, 0, ROLE_ADMIN, NONE, NONE, NONE},
    [VERB_CRAWLER] = {crawler_run, 0, ROLE_ADMIN, NONE, NONE, NONE},
    [VERB_SLABS] = {slabs_run, 0, ROLE_ADMIN, NONE, NONE, NONE},
    [VERB_LRU] = {slabs_run_lru, 0, ROLE_ADMIN, NONE, NONE, NONE},
#ifdef CLOAKROOM_DEBUG
    [VERB_DEBUGTIME] = {run_debugtime, 0, ROLE_ADMIN, NONE, NONE, NONE},
#endif
    [VERB_WATCH] = {watch_run, 0, ROLE_ADMIN, NONE, NONE, NONE},
    [VERB_NOOP] = {run_noop, 0, ROLE_READ, NONE, NONE, NONE},
    [VERB_QUIT] = {run_noop, 0, 0, NONE, NONE, NONE},
    [VERB_REFRESH_CERTS] = {access_refresh_certs, 0, ROLE_ADMIN, NONE, NONE, NONE},
    [VERB_LOGIN] = {access_login, 0, 0, COUNTER_auth_cmds, NONE, NONE},
    [VERB_SASL_LIST] = {access_list, 0, 0, NONE, NONE, NONE},
    [VERB_OPEN] = {NULL, OP_OPEN, ROLE_READ, COUNTER_verb_opens, NONE, NONE},
    [VERB_WRITE] = {NULL, OP_WRITE, ROLE_WRITE, COUNTER_verb_writes, NONE, NONE},
    [VERB_CLOSE] = {NULL, OP_CLOSE, ROLE_WRITE, NONE, NONE, NONE},
    [VERB_KILL] = {NULL, OP_KILL, ROLE_WRITE, NONE, NONE, NONE},
    [VERB_LIST] = {listing_run, 0, ROLE_ADMIN, NONE, NONE, NONE},
    [VERB_COUNT] = {listing_run, 0, ROLE_READ, NONE, NONE, NONE},
    [VERB_EVENTS] = {listing_run, 0, ROLE_ADMIN, NONE, NONE, NONE},
    [VERB_REFUSED] = {NULL, 0, 0, NONE, NONE, NONE},
};

static struct conn *conn_of_op(struct op *op)
{
    return (struct conn *)(void *)((char *)op - offsetof(struct conn, op));
}

/* -C: as if there were none. */
static uint64_t cas_to_show(const struct conn *conn, uint64_t cas)
{
    return conn->worker->server->settings->no_cas ? 0 : cas;
}

static struct answer answer_of(const struct conn *conn, const struct op *op, enum status status)
{
    const struct op_hit *hit = &op->hit;
    struct answer answer = {.status = status,
                            .cas = cas_to_show(conn, hit->cas),
                            .number = op->number,
                            .flags = hit->flags,
                            .value_len = hit->value_len,
                            .ttl_s = hit->ttl_s,
                            .touched_ttl_s = hit->touched_ttl_s,
                            .created_ttl_s = hit->created_ttl_s,
                            .idle_s = hit->idle_s,
                            .size = hit->size,
                            .is_created = hit->is_created,
                            .was_fetched = hit->was_fetched,
                            .is_stale = hit->is_stale,
                            .was_won = hit->was_won,
                            .has_won = hit->has_won};
    if (op->session != NULL)
        verbs_fill_answer(op->session, &answer);
    return answer;
}

/* Where the engine puts the value of a hit: right behind its head, in the answers. */
static char *place(struct op *op, const struct op_hit *hit)
{
    struct conn *conn = conn_of_op(op);
    struct buffer *out = &conn->out;
    size_t value_len = op->without_value ? 0 : hit->value_len;
    size_t head_len = PROTO_ANSWER_MAX + (conn->request.tells_copy ? PROTO_COPY_MAX : 0);
    if (!buffer_reserve(out, &conn->worker->server->buffers, head_len + value_len)) {
        if (op->kind == OP_GET) /* its answer may be half said: the values of other keys */
            conn->is_last = true;
        return NULL;
    }
    struct answer answer = answer_of(conn, op, STATUS_OK);
    out->len += proto_put_hit_head(&conn->proto, &conn->request, &answer, out->p + out->len);
    char *value = out->p + out->len;
    out->len += value_len;
    return value;
}

/* A gat counts as a touch, not as a get; a mg that would have touched but has missed, as a get. */
static const struct verb_row *row_to_count(const struct conn *conn)
{
    const struct request *request = &conn->request;
    bool is_gat = request->verb == VERB_GET && request->touch;
    if (request->meta != META_NONE && conn->op.result != OP_OK)
        is_gat = false;
    return &verbs[is_gat ? VERB_TOUCH : request->verb];
}

/* Does it count otherwise than what it is like? Then that is done. */
static bool count_otherwise(struct conn *conn, const struct op *op)
{
    switch (conn->request.meta) {
    case META_DEBUG:
        count(conn, COUNTER_cmd_meta);
        return true;
    case META_DELETE:
        if (op->result == OP_EXISTS)
            count(conn, COUNTER_delete_misses);
        return op->result == OP_OK && op->invalidate;
    default: /* a number that has been made is neither found nor missed */
        return (op->kind == OP_INCR || op->kind == OP_DECR) && op->result == OP_OK && !op->was_found;
    }
}

/* As memcached does, whatever looked for the item. */
static void count_gone(struct conn *conn, const struct op *op)
{
    if (op->miss == STORE_MISS_EXPIRED)
        count(conn, COUNTER_get_expired);
    if (op->miss == STORE_MISS_FLUSHED)
        count(conn, COUNTER_get_flushed);
}

static void count_result(struct conn *conn, const struct op *op)
{
    count_gone(conn, op);
    if (count_otherwise(conn, op))
        return;
    const struct verb_row *row = row_to_count(conn);
    count_op(conn, op, row->asked);
    switch (op->result) {
    case OP_OK:
        count_op(conn, op, row->hit);
        break;
    case OP_MISS:
        count(conn, row->missed);
        break;
    case OP_EXISTS:
        if (row->hit == COUNTER_cas_hits)
            count_op(conn, op, COUNTER_cas_badval);
        break;
    case OP_TOO_LARGE:
        count(conn, COUNTER_store_too_large);
        break;
    case OP_FULL:
        if (op->kind != OP_GET)
            count(conn, COUNTER_store_no_memory);
        break;
    case OP_NOT_STORED:
    case OP_NON_NUMERIC:
    case OP_DISK_FULL:
    case OP_READ_ONLY:
    case OP_LOADING:
    case OP_BUSY:
    case OP_GONE:
        break;
    }
}

static enum exec finish(struct conn *conn)
{
    struct op *op = &conn->op;
    if (conn->request.verb == VERB_REFUSED) {
        conn->worker->turn.unwritten |= op->unwritten;
        exec_put_status(conn, STATUS_REFUSED);
        return EXEC_DONE;
    }
    count_result(conn, op);
    if (op->session == NULL && prefix_is_on(&conn->worker->server->prefixes))
        prefix_count(&conn->worker->server->prefixes, op);
    if (op->is_watched)
        tell_op(conn);
    conn->worker->turn.unwritten |= op->unwritten;
    if ((op->kind == OP_GET || op->kind == OP_OPEN) && op->result == OP_OK) {
        conn->out.len += proto_put_hit_tail(&conn->proto, &conn->request, conn->out.p + conn->out.len);
        return EXEC_DONE;
    }
    struct answer answer = answer_of(conn, op, exec_status_of(op->result));
    put_answer(conn, &answer);
    if (op->kind == OP_GET && op->result != OP_MISS)
        proto_skip_keys(&conn->proto);
    return EXEC_DONE;
}

/* What only meta commands ask of an op. */
static void fill_meta(struct conn *conn)
{
    const struct request *request = &conn->request;
    struct op *op = &conn->op;
    op->key = proto_key(request, conn->key);
    op->recache_exptime = request->recache_exptime;
    op->new_cas = request->new_cas;
    op->create_last = request->create_last;
    op->renewing = request->meta == META_GET && (conn->role & ROLE_WRITE) != 0;
    op->recache = request->recache;
    op->recache_last = request->recache_last;
    op->invalidate = request->invalidate;
    op->drop_value = request->drop_value;
    op->without_value = request->without_value;
    op->unseen = request->unseen;
    op->detailed = true;
}

static void fill_op(struct conn *conn, const struct verb_row *row)
{
    const struct request *request = &conn->request;
    conn->op = (struct op){
        .kind = row->kind,
        .key = request->key,
        .value = request->value,
        .flags = request->flags,
        .exptime = request->exptime,
        .cas = cas_to_show(conn, request->cas), /* with -C 0, which none has */
        .compare_cas = request->cas != 0 || request->verb == VERB_CAS || request->compare_cas,
        .delta = request->delta,
        .initial = request->initial,
        .create_exptime = request->create_exptime,
        .create = request->create,
        .touch = request->touch,
        .replaces = request->replaces,
        .may_wait = !request->quiet && request->meta == META_NONE && !conn->is_datagram,
        .is_watched = events_wants(&conn->worker->server->events, EVENTS_ALL),
        .now_s = conn->worker->now_s,
        .client = &conn->client,
        .memo = &conn->worker->memo,
        .place = place,
        .wake = conn_wake,
    };
    if (request->meta != META_NONE)
        fill_meta(conn);
    if (row->kind >= OP_OPEN)
        verbs_fill_op(conn);
}

/* Does this listener allow the command? That a get is told to renew what it finds is left to those who may. */
static bool is_allowed(const struct conn *conn, const struct verb_row *row)
{
    const struct request *request = &conn->request;
    unsigned needs = row->needs | (request->touch || request->create ? ROLE_WRITE : 0U);
    needs |= verbs_need(request);
    return (conn->role & needs) == needs && udp_may(conn, row->kind, (needs & ROLE_WRITE) != 0);
}

enum exec exec_request(struct conn *conn)
{
    const struct verb_row *row = &verbs[conn->request.verb];
    if (!is_allowed(conn, row)) {
        if (conn->proto.keys_left == 0) /* one refusal for a line, however many keys it has */
            exec_put_status(conn, STATUS_DENIED);
        return EXEC_DONE;
    }
    if (row->run != NULL) {
        count(conn, row->asked);
        row->run(conn);
        return EXEC_DONE;
    }
    if (conn->request.by_tag) {
        listing_run(conn);
        return EXEC_DONE;
    }
    if (conn->request.verb != VERB_REFUSED) {
        fill_op(conn, row);
    } else if (!refused_begin(conn)) {
        exec_put_status(conn, STATUS_REFUSED);
        return EXEC_DONE;
    }
    if (engine_submit(server_engine(conn->worker->server), &conn->op) == SUBMIT_PENDING)
        return EXEC_PENDING;
    return finish(conn);
}

enum exec exec_resume(struct conn *conn)
{
    conn->op.now_s = conn->worker->now_s;
    if (engine_resume(server_engine(conn->worker->server), &conn->op) == SUBMIT_PENDING)
        return EXEC_PENDING;
    return finish(conn);
}

static void rebase(struct bytes *bytes, const char *from, const char *to)
{
    if (bytes->p != NULL)
        bytes->p = to + (bytes->p - from);
}

void exec_rebase(struct conn *conn, const char *from, const char *to)
{
    rebase(&conn->request.key, from, to);
    rebase(&conn->request.value, from, to);
    rebase(&conn->request.argument, from, to);
    if (!conn->request.key_is_base64)
        rebase(&conn->op.key, from, to);
    rebase(&conn->op.value, from, to);
    if (conn->op.session == NULL)
        return;
    rebase(&conn->session.application, from, to);
    rebase(&conn->session.holder, from, to);
    for (size_t i = 0; i < conn->session.ntags; i++)
        rebase(&conn->session.tags[i], from, to);
}
