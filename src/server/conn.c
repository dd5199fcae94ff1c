/* The life of a connection, see conn.h. */
#include "server/conn.h"
#include "base/check.h"
#include "server/address.h"
#include "server/ahead.h"
#include "server/conn_private.h"
#include "server/dump.h"
#include "server/exec.h"
#include "server/listing.h"
#include "server/roll.h"
#include "server/say.h"
#include "server/tell.h"
#include "server/udp.h"
#include "server/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NS_PER_S ((uint64_t)1000000000)

static struct conn *conn_of_mail(struct loop_mail *mail)
{
    return (struct conn *)(void *)((char *)mail - offsetof(struct conn, mail));
}

void conn_expect(struct conn *conn, uint32_t events)
{
    if (conn->events == events || conn->is_datagram)
        return;
    conn->events = events;
    loop_change(&conn->worker->loop, conn->transport.fd, &conn->source, events);
}

static void lay_in_graveyard(struct conn *conn)
{
    conn->next = conn->worker->graveyard;
    conn->worker->graveyard = conn;
}

/* Never a key: those of sessions are secrets. */
static void say(const struct conn *conn, const char *event)
{
    char peer[ADDRESS_MAX] = "unknown";
    struct say line;
    if (__atomic_load_n(&conn->worker->server->settings->verbose, __ATOMIC_RELAXED) < 2)
        return;
    (void)address_tell(conn->transport.fd, true, "tcp", peer, sizeof peer);
    say_open(&line, SAY_DEBUG, event);
    say_add(&line, "fd", "%d", conn->transport.fd);
    say_add(&line, "peer", "%s", peer);
    say_close(&line);
}

/* It gives back its place among those of -c. */
static void leave(struct conn *conn)
{
    say(conn, "connection_closed");
    tell_close(conn, (enum event_closed)conn->closing);
    __atomic_fetch_sub(&conn->worker->nconnections, 1, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&conn->worker->server->nconnections, 1, __ATOMIC_RELAXED);
}

void conn_close(struct conn *conn)
{
    struct server *server = conn->worker->server;
    if (conn->state == CONN_GONE)
        return;
    loop_clear_timer(&conn->worker->loop, &conn->wait_timer);
    if (conn->state == CONN_WAITING)
        conn->is_owed_mail = !engine_cancel(server_engine(server), &conn->op);
    if (conn->state == CONN_YIELDED)
        conn->is_owed_mail = true;
    if (conn->state == CONN_SYNCING)
        turn_leave(conn);
    conn->state = CONN_GONE;
    engine_client_gone(server_engine(server), &conn->client);
    loop_clear_timer(&conn->worker->loop, &conn->shake_timer);
    roll_remove(conn);
    dump_free(server, &conn->dump);
    listing_free(&conn->listing);
    watch_free(conn);
    if (!conn->is_datagram)
        leave(conn);
    transport_close(&conn->transport);
    buffer_drop(&conn->in, &server->buffers);
    buffer_drop(&conn->out, &server->buffers);
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
            return buffer_keep(out, conn_pool(conn)) ? FLUSH_BLOCKED : FLUSH_FAILED;
        if (n <= 0)
            return FLUSH_FAILED;
        out->at += (size_t)n;
        counters_add(&conn->worker->counters, COUNTER_bytes_written, (uint64_t)n);
        roll_note_busy(conn);
    }
    buffer_drop(out, conn_pool(conn));
    return FLUSH_ALL;
}

/* Sends the answers so far; false when the connection cannot go on now. */
bool conn_flush(struct conn *conn)
{
    switch (flush(conn)) {
    case FLUSH_ALL:
        return true;
    case FLUSH_BLOCKED:
        conn->state = CONN_WRITING;
        conn_expect(conn, EPOLLOUT);
        return false;
    case FLUSH_FAILED:
        break;
    }
    conn_close(conn);
    return false;
}

void conn_send_and_wait(struct conn *conn)
{
    if (conn->out.len > conn->out.at && flush(conn) == FLUSH_FAILED)
        conn_close(conn);
}

/* Before it waits for its op, a connection sends the answers it has. */
static void begin_waiting(struct conn *conn)
{
    if (conn->is_datagram) {
        udp_answer(conn);
        return;
    }
    conn_expect(conn, EPOLLRDHUP);
    conn_send_and_wait(conn);
    roll_show(conn);
}

/* Sends the answers, and closes after the last one. */
static void send_answers(struct conn *conn)
{
    if (conn->state != CONN_READING || !conn_flush(conn) || !conn->is_last)
        return;
    conn->closing = conn->request.verb == VERB_REFUSED ? EVENT_ERROR : EVENT_NORMAL;
    conn_close(conn);
}

void conn_yield(struct conn *conn)
{
    conn->state = CONN_YIELDED;
    counters_add(&conn->worker->counters, COUNTER_conn_yields, 1);
    loop_post(&conn->worker->loop, &conn->mail);
}

/* A run's answers go behind those of this turn that have not left yet. */
void conn_lend_out(struct conn *conn)
{
    struct worker *worker = conn->worker;
    if (!conn->out.owned)
        buffer_lend(&conn->out, worker->out + worker->turn.out_used,
                    WORKER_OUT_BYTES - worker->turn.out_used);
}

/* Carries out what is in conn->in; its answers leave by conn_answer(), now or when they may. */
static void run(struct conn *conn)
{
    conn_lend_out(conn);
    enum conn_step result = conn_carry_out(conn);
    if (conn->state == CONN_GONE)
        return;
    conn->is_to_go_on = result == STEP_ON;
    conn->has_kept_input = result == STEP_MORE;
    turn_end_run(conn);
}

void conn_answer(struct conn *conn)
{
    if (conn->is_datagram) {
        udp_answer(conn);
        return;
    }
    if (conn->state == CONN_WAITING) {
        begin_waiting(conn);
        return;
    }
    conn_expect(conn, EPOLLIN);
    send_answers(conn);
    if (conn->is_last)
        conn->in.at = conn->in.len;
    if (conn->state == CONN_GONE)
        return;
    if (conn->watcher != NULL && conn->state == CONN_READING) {
        conn_begin_watching(conn);
        return;
    }
    if (!conn->has_kept_input)
        conn_keep_input(conn);
    if ((conn->is_to_go_on || conn->transport.has_more) && conn->state == CONN_READING)
        conn_yield(conn);
    roll_show(conn);
}

bool conn_put_by(struct conn *conn)
{
    bool is_waiting = conn->state == CONN_WAITING;
    conn->in.at = conn->is_last ? conn->in.len : conn->in.at;
    if (!conn->has_kept_input && !is_waiting)
        conn_keep_input(conn);
    conn->has_kept_input = true;
    if (conn->state != CONN_GONE && !buffer_keep(&conn->out, conn_pool(conn)))
        conn_close(conn);
    if (conn->state == CONN_GONE)
        return false;
    conn_expect(conn, is_waiting ? EPOLLRDHUP : 0);
    if (!is_waiting)
        conn->state = CONN_SYNCING;
    roll_show(conn);
    return !is_waiting; /* what waits for its op has its answers sent with that one's */
}

void conn_run_batch(struct worker *worker)
{
    struct bytes keys[WORKER_BATCH];
    size_t nkeys = 0;
    for (size_t i = 0; i < worker->nbatch && worker->nbatch > 1; i++)
        nkeys += ahead_peek(worker->batch[i], keys + nkeys, 1);
    engine_prefetch(server_engine(worker->server), &worker->memo, keys, nkeys);
    for (size_t i = 0; i < worker->nbatch; i++) {
        if (worker->batch[i]->state == CONN_READING) /* not closed meanwhile */
            run(worker->batch[i]);
    }
    turn_settle(&worker->turn); /* before what they have read is overwritten */
    worker->nbatch = 0;
    worker->in_used = 0;
}

void conn_join_batch(struct conn *conn)
{
    struct worker *worker = conn->worker;
    worker->batch[worker->nbatch++] = conn;
    worker->in_used += conn->in.len;
    if (worker->nbatch == WORKER_BATCH || WORKER_IN_BYTES - worker->in_used < WORKER_IN_LEAST)
        conn_run_batch(worker);
}

/* A handshake that failed, or was not over in time. */
static void give_up_shaking(struct conn *conn)
{
    __atomic_fetch_add(&conn->worker->server->tls_failures, 1, __ATOMIC_RELAXED);
    conn_close(conn);
}

static void close_at_end(struct conn *conn, ssize_t why)
{
    conn->closing = why == 0 ? EVENT_NORMAL : EVENT_ERROR;
    conn_close(conn);
}

void conn_no_input(struct conn *conn, ssize_t why)
{
    if (why == TRANSPORT_AGAIN)
        conn_expect(conn, EPOLLIN);
    else if (why == TRANSPORT_AGAIN_WRITE)
        conn_expect(conn, EPOLLOUT);
    else if (conn->transport.is_shaking)
        give_up_shaking(conn);
    else
        close_at_end(conn, why);
}

static void receive(struct conn *conn)
{
    struct worker *worker = conn->worker;
    struct buffer *in = &conn->in;
    if (!in->owned)
        buffer_lend(in, worker->in + worker->in_used, WORKER_IN_BYTES - worker->in_used);
    ssize_t n = transport_read(&conn->transport, in->p + in->len, in->cap - in->len);
    if (n <= 0) {
        conn_no_input(conn, n);
        return;
    }
    counters_add(&worker->counters, COUNTER_bytes_read, (uint64_t)n);
    roll_note_busy(conn);
    in->len += (size_t)n;
    if (in->owned)
        run(conn);
    else
        conn_join_batch(conn);
}

void conn_tell_time(struct worker *worker)
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
    if (conn->watcher != NULL) {
        conn_begin_watching(conn);
        return;
    }
    conn_expect(conn, EPOLLIN);
    run(conn);
}

static void ready(struct loop_source *source, uint32_t events)
{
    struct conn *conn = (struct conn *)(void *)source;
    bool is_broken = (events & (EPOLLHUP | EPOLLERR)) != 0;
    conn_tell_time(conn->worker);
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
    case CONN_WATCHING:
        conn_drop_input(conn);
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

void conn_resume(struct conn *conn)
{
    loop_clear_timer(&conn->worker->loop, &conn->wait_timer);
    conn_lend_out(conn);
    if (exec_resume(conn) == EXEC_PENDING) {
        conn_wait(conn);
        begin_waiting(conn);
        return;
    }
    conn->is_last = conn->is_last || conn->request.close;
    conn->state = CONN_READING;
    conn->is_to_go_on = true;
    conn->has_kept_input = true; /* with its op's key and value, it is the connection's own already */
    turn_end_run(conn);
}

void conn_woken(struct loop_mail *mail)
{
    struct conn *conn = conn_of_mail(mail);
    conn_tell_time(conn->worker);
    switch (conn->state) {
    case CONN_GONE:
        conn->worker->nowed--;
        lay_in_graveyard(conn);
        return;
    case CONN_WAITING:
        conn_resume(conn);
        return;
    case CONN_YIELDED:
        conn->state = CONN_READING;
        if (conn->is_to_go_on)
            run(conn);
        else
            receive(conn);
        return;
    case CONN_READING:
    case CONN_WRITING:
    case CONN_SYNCING:
    case CONN_WATCHING:
        break;
    }
    CHECK(!"mail for a connection that expects none");
}

char *conn_answer_room(struct conn *conn)
{
    if (buffer_reserve(&conn->out, conn_pool(conn), PROTO_ANSWER_MAX))
        return conn->out.p + conn->out.len;
    conn->is_last = true;
    return NULL;
}

void conn_wake(struct op *op)
{
    struct conn *conn = (struct conn *)(void *)((char *)op - offsetof(struct conn, op));
    loop_post(&conn->worker->loop, &conn->mail);
}

static void handshake_is_late(struct loop_timer *timer)
{
    struct conn *conn = (struct conn *)(void *)((char *)timer - offsetof(struct conn, shake_timer));
    if (conn->transport.is_shaking)
        give_up_shaking(conn);
}

/* Half a handshake is not to hold a connection for ever. One that is over leaves its timer to run out: so no read
 * has to look. False: no memory. */
static bool time_handshake(struct conn *conn)
{
    if (!conn->transport.is_shaking)
        return true;
    conn->shake_timer.fire = handshake_is_late;
    return loop_set_timer(&conn->worker->loop, &conn->shake_timer,
                          conn->worker->server->settings->ssl_handshake_timeout_s * NS_PER_S) == ERR_NONE;
}

static void tell_opened(struct conn *conn)
{
    say(conn, "connection_opened");
    tell_open(conn);
}

static void arrive(struct loop_mail *mail)
{
    struct conn *conn = conn_of_mail(mail);
    struct worker *worker = conn->worker;
    conn->mail.open = conn_woken;
    conn->events = EPOLLIN;
    roll_add(conn);
    if (loop_add(&worker->loop, conn->transport.fd, &conn->source, conn->events) != ERR_NONE ||
        !time_handshake(conn))
        conn_close(conn);
    else
        tell_opened(conn);
}

static bool init_transport(struct conn *conn, int fd, const struct listener *listener)
{
    if (listener->is_tls)
        return transport_init_tls(&conn->transport, fd, conn->worker->server->access.tls);
    transport_init_plain(&conn->transport, fd);
    return true;
}

static void refuse_for_memory(struct server *server, struct conn *conn, int fd)
{
    free(conn);
    close(fd);
    __atomic_fetch_sub(&server->nconnections, 1, __ATOMIC_RELAXED);
}

void conn_open(struct worker *worker, int fd, const struct listener *listener, struct worker *from)
{
    struct server *server = worker->server;
    struct conn *conn = malloc(sizeof *conn);
    if (conn == NULL) {
        refuse_for_memory(server, NULL, fd);
        return;
    }
    *conn = (struct conn){.source.ready = ready,
                          .mail.open = arrive,
                          .worker = worker,
                          .proto = {.dialect = (enum dialect)server->settings->protocol,
                                    .value_max = server->settings->value_max}};
    if (!init_transport(conn, fd, listener)) {
        refuse_for_memory(server, conn, fd);
        return;
    }
    access_begin(conn, listener->role);
    __atomic_fetch_add(&worker->nconnections, 1, __ATOMIC_RELAXED);
    if (worker == from)
        arrive(&conn->mail);
    else
        loop_post(&worker->loop, &conn->mail);
}
