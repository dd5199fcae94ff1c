/* The life of a connection, see conn.h. */
#include "server/conn.h"
#include "base/check.h"
#include "server/ahead.h"
#include "server/exec.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct conn *conn_of_mail(struct loop_mail *mail)
{
    return (struct conn *)(void *)((char *)mail - offsetof(struct conn, mail));
}

static struct buffer_pool *pool_of(struct conn *conn)
{
    return &conn->worker->server->buffers;
}

static void watch(struct conn *conn, uint32_t events)
{
    if (conn->events == events)
        return;
    conn->events = events;
    loop_change(&conn->worker->loop, conn->transport.fd, &conn->source, events);
}

static void link_in(struct conn *conn)
{
    struct worker *worker = conn->worker;
    conn->prev = NULL;
    conn->next = worker->connections;
    if (conn->next != NULL)
        conn->next->prev = conn;
    worker->connections = conn;
}

static void link_out(struct conn *conn)
{
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        conn->worker->connections = conn->next;
}

static void lay_in_graveyard(struct conn *conn)
{
    conn->next = conn->worker->graveyard;
    conn->worker->graveyard = conn;
}

/* Never a key: those of sessions are secrets. */
static void say(const struct conn *conn, const char *what)
{
    if (__atomic_load_n(&conn->worker->server->settings->verbose, __ATOMIC_RELAXED) > 1)
        fprintf(stderr, "connection %d %s\n", conn->transport.fd, what);
}

void conn_close(struct conn *conn)
{
    struct server *server = conn->worker->server;
    if (conn->state == CONN_GONE)
        return;
    if (conn->state == CONN_WAITING)
        conn->is_owed_mail = !engine_cancel(server->engine, &conn->op);
    if (conn->state == CONN_YIELDED)
        conn->is_owed_mail = true;
    if (conn->state == CONN_SYNCING)
        turn_leave(conn);
    conn->state = CONN_GONE;
    say(conn, "closed");
    engine_client_gone(server->engine, &conn->client);
    transport_close(&conn->transport);
    buffer_drop(&conn->in, &server->buffers);
    buffer_drop(&conn->out, &server->buffers);
    link_out(conn);
    __atomic_fetch_sub(&conn->worker->nconnections, 1, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&server->nconnections, 1, __ATOMIC_RELAXED);
    if (conn->is_owed_mail)
        conn->worker->nowed++;
    else
        lay_in_graveyard(conn);
}

enum flush { FLUSH_ALL, FLUSH_BLOCKED, FLUSH_FAILED };

/* Sends what is in conn->out; what the peer does not take yet moves to a buffer of the connection's own. */
static enum flush flush(struct conn *conn)
{
    struct buffer *out = &conn->out;
    while (out->at < out->len) {
        ssize_t n = transport_write(&conn->transport, out->p + out->at, out->len - out->at);
        if (n == TRANSPORT_AGAIN)
            return buffer_keep(out, pool_of(conn)) ? FLUSH_BLOCKED : FLUSH_FAILED;
        if (n <= 0)
            return FLUSH_FAILED;
        out->at += (size_t)n;
        counters_add(&conn->worker->counters, COUNTER_bytes_written, (uint64_t)n);
    }
    buffer_drop(out, pool_of(conn));
    return FLUSH_ALL;
}

/* Sends the answers so far; false when the connection cannot go on now. */
static bool flush_or_stop(struct conn *conn)
{
    switch (flush(conn)) {
    case FLUSH_ALL:
        return true;
    case FLUSH_BLOCKED:
        conn->state = CONN_WRITING;
        watch(conn, EPOLLOUT);
        return false;
    case FLUSH_FAILED:
        break;
    }
    conn_close(conn);
    return false;
}

static void out_of_buffers(struct conn *conn)
{
    static const char words[] = "SERVER_ERROR out of memory reading request\r\n";
    if (conn->proto.dialect != DIALECT_BINARY && conn->out.at == conn->out.len) /* else amid an answer */
        (void)transport_write(&conn->transport, words, sizeof words - 1);
    conn_close(conn);
}

/* Puts by what is left of the input: all that waits for the next turn or behind a slow peer. */
static void keep_input(struct conn *conn)
{
    struct buffer *in = &conn->in;
    if (in->len == in->at)
        buffer_drop(in, pool_of(conn));
    else if (!buffer_keep(in, pool_of(conn)))
        out_of_buffers(conn);
}

/* Half a line stays, with room for more: twofold, until the parser has had enough. */
static void keep_half_line(struct conn *conn)
{
    struct buffer *in = &conn->in;
    size_t len = in->len - in->at;
    if (len == 0)
        buffer_drop(in, pool_of(conn));
    else if (!buffer_keep(in, pool_of(conn)) || !buffer_reserve(in, pool_of(conn), len < 1024 ? 1024 : len))
        out_of_buffers(conn);
}

/* Half a request stays, with room for more of its `need` bytes: all of a small one, of a large one as much
 * again as has come, so that memory is had by sending, not by announcing. False: there is none, it stays
 * where it was. */
static bool keep_half_request(struct conn *conn, size_t need)
{
    struct buffer *in = &conn->in;
    size_t len = in->len - in->at;
    size_t more = len < BUFFER_SMALL_BYTES ? BUFFER_SMALL_BYTES - len : len;
    if (more > need - len)
        more = need - len;
    return buffer_reserve_own(in, pool_of(conn), more);
}

/* A pending op outlives this turn, and its key and value lie in the input: that must be the connection's own.
 */
static void keep_request(struct conn *conn, size_t start)
{
    struct buffer *in = &conn->in;
    const char *from = in->p + start;
    size_t used = in->at - start;
    in->at = start;
    if (!buffer_keep(in, pool_of(conn))) {
        out_of_buffers(conn);
        return;
    }
    const char *to = in->p + in->at;
    exec_rebase(conn, from, to);
    in->at += used;
}

enum step { STEP_ON, STEP_MORE, STEP_STOP };

static enum step execute(struct conn *conn, size_t start)
{
    if (exec_request(conn) == EXEC_PENDING) {
        conn->state = CONN_WAITING;
        keep_request(conn, start);
        return STEP_STOP;
    }
    conn->is_last = conn->is_last || conn->request.close;
    return conn->is_last ? STEP_STOP : STEP_ON;
}

/* A value is announced for which there is no buffer: refused, and thrown away as it comes. */
static enum step refuse_value(struct conn *conn)
{
    struct buffer *in = &conn->in;
    size_t start = in->at;
    size_t used;
    proto_refuse_value(&conn->proto, in->p + start, in->len - start, &used, &conn->request);
    in->at += used;
    return execute(conn, start);
}

/* One request out of the input. STEP_MORE: there is none, or only half of one, which has been kept. */
static enum step step(struct conn *conn)
{
    struct buffer *in = &conn->in;
    size_t start = in->at;
    size_t used = 0;
    size_t need = 0;
    enum parse parse = PARSE_MORE;
    if (start < in->len)
        parse = proto_next(&conn->proto, in->p + start, in->len - start, &used, &need, &conn->request);
    in->at += used;
    if (parse == PARSE_REQUEST)
        return execute(conn, start);
    if (need > 0 && !keep_half_request(conn, need))
        return refuse_value(conn);
    if (need == 0)
        keep_half_line(conn);
    return STEP_MORE;
}

/* Before it waits for its op, a connection sends the answers it has. */
static void begin_waiting(struct conn *conn)
{
    watch(conn, EPOLLRDHUP);
    if (conn->out.len > conn->out.at && flush(conn) == FLUSH_FAILED)
        conn_close(conn);
}

/* Sends the answers, and closes after the last one. */
static void send_answers(struct conn *conn)
{
    if (conn->state == CONN_READING && flush_or_stop(conn) && conn->is_last)
        conn_close(conn);
}

/* A connection's share of a turn, so that a long pipeline lets the others of its worker have theirs: so
 * many requests, or WORKER_FLUSH_BYTES of answers. */
enum { TURN_REQUESTS = 256 };

/* Carries out whole requests of conn->in until something stops it, or its share is used up (STEP_ON). */
static enum step carry_out(struct conn *conn)
{
    enum step result = step(conn);
    for (size_t n = 1; result == STEP_ON && n < TURN_REQUESTS && conn->out.len < WORKER_FLUSH_BYTES; n++) {
        if (n % AHEAD_KEYS == 1)
            ahead_look(conn);
        result = step(conn);
    }
    return result;
}

static void yield(struct conn *conn)
{
    conn->state = CONN_YIELDED;
    loop_post(&conn->worker->loop, &conn->mail);
}

/* A run's answers go behind those of this turn that have not left yet. */
static void lend_out(struct conn *conn)
{
    struct worker *worker = conn->worker;
    if (!conn->out.owned)
        buffer_lend(&conn->out, worker->out + worker->turn.out_used,
                    WORKER_OUT_BYTES - worker->turn.out_used);
}

/* Carries out what is in conn->in; its answers leave by conn_answer(), now or when they may. */
static void run(struct conn *conn)
{
    lend_out(conn);
    enum step result = carry_out(conn);
    if (conn->state == CONN_GONE)
        return;
    conn->is_to_go_on = result == STEP_ON;
    conn->has_kept_input = result == STEP_MORE;
    turn_end_run(conn);
}

void conn_answer(struct conn *conn)
{
    if (conn->state == CONN_WAITING) {
        begin_waiting(conn);
        return;
    }
    watch(conn, EPOLLIN);
    send_answers(conn);
    if (conn->is_last)
        conn->in.at = conn->in.len;
    if (conn->state == CONN_GONE)
        return;
    if (!conn->has_kept_input)
        keep_input(conn);
    if (conn->is_to_go_on && conn->state == CONN_READING)
        yield(conn);
}

bool conn_put_by(struct conn *conn)
{
    bool is_waiting = conn->state == CONN_WAITING;
    conn->in.at = conn->is_last ? conn->in.len : conn->in.at;
    if (!conn->has_kept_input && !is_waiting)
        keep_input(conn);
    conn->has_kept_input = true;
    if (conn->state != CONN_GONE && !buffer_keep(&conn->out, pool_of(conn)))
        conn_close(conn);
    if (conn->state == CONN_GONE)
        return false;
    watch(conn, is_waiting ? EPOLLRDHUP : 0);
    if (!is_waiting)
        conn->state = CONN_SYNCING;
    return !is_waiting; /* what waits for its op has its answers sent with that one's */
}

void conn_run_batch(struct worker *worker)
{
    struct bytes keys[WORKER_BATCH];
    size_t nkeys = 0;
    for (size_t i = 0; i < worker->nbatch && worker->nbatch > 1; i++)
        nkeys += ahead_peek(worker->batch[i], keys + nkeys, 1);
    engine_prefetch(worker->server->engine, keys, nkeys);
    for (size_t i = 0; i < worker->nbatch; i++) {
        if (worker->batch[i]->state == CONN_READING) /* not closed meanwhile */
            run(worker->batch[i]);
    }
    turn_settle(&worker->turn); /* before what they have read is overwritten */
    worker->nbatch = 0;
    worker->in_used = 0;
}

/* What was read lies in the worker's buffer until all of the batch have run. */
static void join_batch(struct conn *conn)
{
    struct worker *worker = conn->worker;
    worker->batch[worker->nbatch++] = conn;
    worker->in_used += conn->in.len;
    if (worker->nbatch == WORKER_BATCH || WORKER_IN_BYTES - worker->in_used < WORKER_IN_LEAST)
        conn_run_batch(worker);
}

static void receive(struct conn *conn)
{
    struct worker *worker = conn->worker;
    struct buffer *in = &conn->in;
    if (!in->owned)
        buffer_lend(in, worker->in + worker->in_used, WORKER_IN_BYTES - worker->in_used);
    ssize_t n = transport_read(&conn->transport, in->p + in->len, in->cap - in->len);
    if (n == TRANSPORT_AGAIN)
        return;
    if (n <= 0) {
        conn_close(conn);
        return;
    }
    counters_add(&worker->counters, COUNTER_bytes_read, (uint64_t)n);
    in->len += (size_t)n;
    if (in->owned)
        run(conn);
    else
        join_batch(conn);
}

static void tell_time(struct worker *worker)
{
    worker->now_s = engine_now_s(worker->loop.now_ns);
}

/* The peer takes answers again. */
static void go_on_writing(struct conn *conn)
{
    conn->state = CONN_READING;
    send_answers(conn);
    if (conn->state != CONN_READING)
        return;
    watch(conn, EPOLLIN);
    run(conn);
}

static void ready(struct loop_source *source, uint32_t events)
{
    struct conn *conn = (struct conn *)(void *)source;
    bool is_broken = (events & (EPOLLHUP | EPOLLERR)) != 0;
    tell_time(conn->worker);
    switch (conn->state) {
    case CONN_GONE: /* closed earlier in this turn */
        return;
    case CONN_YIELDED: /* its mail comes in this turn */
        return;
    case CONN_READING: /* what is broken says so to read(), after what it sent before */
        receive(conn);
        return;
    case CONN_WAITING:
        if (is_broken || (events & EPOLLRDHUP) != 0)
            conn_close(conn);
        return;
    case CONN_SYNCING:
        if (is_broken)
            conn_close(conn);
        return;
    case CONN_WRITING:
        if (is_broken)
            conn_close(conn);
        else
            go_on_writing(conn);
        return;
    }
}

static void resume(struct conn *conn)
{
    lend_out(conn);
    if (exec_resume(conn) == EXEC_PENDING) {
        begin_waiting(conn);
        return;
    }
    conn->is_last = conn->is_last || conn->request.close;
    conn->state = CONN_READING;
    conn->is_to_go_on = true;
    conn->has_kept_input = true; /* with its op's key and value, it is the connection's own already */
    turn_end_run(conn);
}

/* Its op can go on, or it has its turn again; or, for a closed one, the mail it still had to wait for has
 * come. */
static void woken(struct loop_mail *mail)
{
    struct conn *conn = conn_of_mail(mail);
    tell_time(conn->worker);
    switch (conn->state) {
    case CONN_GONE:
        conn->worker->nowed--;
        lay_in_graveyard(conn);
        return;
    case CONN_WAITING:
        resume(conn);
        return;
    case CONN_YIELDED:
        conn->state = CONN_READING;
        run(conn);
        return;
    case CONN_READING:
    case CONN_WRITING:
    case CONN_SYNCING:
        break;
    }
    CHECK(!"mail for a connection that expects none");
}

char *conn_answer_room(struct conn *conn)
{
    if (buffer_reserve(&conn->out, pool_of(conn), PROTO_ANSWER_MAX))
        return conn->out.p + conn->out.len;
    conn->is_last = true;
    return NULL;
}

void conn_wake(struct op *op)
{
    struct conn *conn = (struct conn *)(void *)((char *)op - offsetof(struct conn, op));
    loop_post(&conn->worker->loop, &conn->mail);
}

static void arrive(struct loop_mail *mail)
{
    struct conn *conn = conn_of_mail(mail);
    struct worker *worker = conn->worker;
    conn->mail.open = woken;
    conn->events = EPOLLIN;
    link_in(conn);
    if (loop_add(&worker->loop, conn->transport.fd, &conn->source, conn->events) != ERR_NONE)
        conn_close(conn);
    else
        say(conn, "opened");
}

void conn_open(struct worker *worker, int fd, unsigned role, struct worker *from)
{
    struct server *server = worker->server;
    struct conn *conn = malloc(sizeof *conn);
    if (conn == NULL) {
        close(fd);
        __atomic_fetch_sub(&server->nconnections, 1, __ATOMIC_RELAXED);
        return;
    }
    *conn = (struct conn){.source.ready = ready,
                          .mail.open = arrive,
                          .worker = worker,
                          .role = role,
                          .proto.value_max = server->settings->value_max};
    transport_init_plain(&conn->transport, fd);
    __atomic_fetch_add(&worker->nconnections, 1, __ATOMIC_RELAXED);
    if (worker == from)
        arrive(&conn->mail);
    else
        loop_post(&worker->loop, &conn->mail);
}
