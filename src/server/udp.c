/* Datagrams as short connections, see udp.h. */
#include "server/udp.h"
#include "net/datagram.h"
#include "proto/frame.h"
#include "server/conn_private.h"
#include "server/exec.h"
#include "server/roll.h"

#include <stdlib.h>

enum { PER_TURN = 16 };

struct udp_conn {
    struct conn conn; /* first */
    struct udp *udp;
    struct udp_conn *next_idle;
    struct datagram_peer peer;
    size_t request_len; /* its frame included */
    uint16_t id;
};

struct udp {
    struct loop_source source; /* first */
    struct worker *worker;
    const struct listener *listener;
    struct udp *next; /* of the same worker */
    struct udp_conn *idle;
    bool is_paused;
    struct udp_conn conns[UDP_AT_ONCE];
};

static struct udp_conn *udp_conn_of(struct conn *conn)
{
    return (struct udp_conn *)(void *)conn;
}

static void count(struct udp *udp, enum counter counter, uint64_t n)
{
    counters_add(&udp->worker->counters, counter, n);
}

size_t udp_answer_max(bool is_local, size_t request_len)
{
    if (is_local)
        return UDP_ANSWER_LOCAL_MAX;
    size_t least = FRAME_BYTES + UDP_ANSWER_SHORTER;
    size_t max = request_len > least ? request_len - least : 0;
    return max < FRAME_DATA_MAX ? max : FRAME_DATA_MAX;
}

static size_t max_of(const struct udp_conn *one)
{
    return udp_answer_max(datagram_is_local(&one->peer), one->request_len);
}

/* A lock would be given back with the answer that says it has been taken. */
bool udp_may(const struct conn *conn, enum op_kind kind, bool is_write)
{
    unsigned char handle[HANDLE_BYTES];
    char room[PROTO_KEY_MAX];
    if (!conn->is_datagram)
        return true;
    if (kind >= OP_OPEN)
        return false;
    return !is_write || engine_kind(server_engine(conn->worker->server), proto_key(&conn->request, room),
                                    false, handle) != ENGINE_LOCK;
}

/* The transport: all that is written at once is one answer. */
static ssize_t write_answer(struct transport *transport, const char *from, size_t len)
{
    struct udp_conn *one =
        udp_conn_of((struct conn *)(void *)((char *)transport - offsetof(struct conn, transport)));
    char head[FRAME_BYTES];
    if (len > max_of(one)) {
        count(one->udp, COUNTER_cloakroom_udp_dropped, 1);
        return (ssize_t)len;
    }
    size_t n = frame_count(len);
    for (size_t i = 0; i < n; i++) {
        size_t at = i * FRAME_DATA_MAX;
        size_t part = len - at < FRAME_DATA_MAX ? len - at : FRAME_DATA_MAX;
        frame_put(one->id, (uint16_t)i, (uint16_t)n, head);
        if (!datagram_send(transport->fd, &one->peer, head, sizeof head, from + at, part)) {
            count(one->udp, COUNTER_cloakroom_udp_dropped, 1);
            break;
        }
        count(one->udp, COUNTER_bytes_written, sizeof head + part);
    }
    return (ssize_t)len;
}

static ssize_t read_nothing(struct transport *transport, char *to, size_t len)
{
    (void)transport;
    (void)to;
    (void)len;
    return TRANSPORT_AGAIN;
}

/* The socket stays. */
static void close_nothing(struct transport *transport)
{
    (void)transport;
}

/* More of the answer is to come: keeps what there is of it, and what is left of the request. */
static void put_by(struct conn *conn)
{
    if (conn->out.len == 0)
        buffer_drop(&conn->out, conn_pool(conn));
    else if (!buffer_keep(&conn->out, conn_pool(conn)))
        conn_close(conn);
    if (conn->state != CONN_GONE && conn->state != CONN_WAITING && !conn->has_kept_input)
        conn_keep_input(conn);
}

/* Half a request: what is missing does not come any more. memcached is silent, and takes its value from the next
 * datagram. */
static void end_half_request(struct conn *conn)
{
    if (conn->is_last || conn->in.len == conn->in.at || conn->proto.dialect == DIALECT_BINARY)
        return;
    conn->request.quiet = false;
    exec_put_line(conn, bytes_of("CLIENT_ERROR request does not fit its datagram"));
}

static void refuse_length(struct conn *conn)
{
    count(udp_conn_of(conn)->udp, COUNTER_cloakroom_udp_too_large, 1);
    conn->out.len = conn->out.at;
    conn->request.quiet = false;
    exec_put_error(conn, bytes_of("answer too large for UDP, use TCP"));
}

void udp_answer(struct conn *conn)
{
    size_t max = max_of(udp_conn_of(conn));
    if (conn->state == CONN_WAITING) {
        put_by(conn);
        return;
    }
    bool goes_on = conn->is_to_go_on && !conn->is_last;
    if (goes_on && conn->out.len - conn->out.at <= max) {
        put_by(conn);
        if (conn->state == CONN_READING)
            conn_yield(conn);
        return;
    }
    if (!goes_on)
        end_half_request(conn);
    if (conn->out.len - conn->out.at > max)
        refuse_length(conn);
    if (conn->out.len > conn->out.at)
        (void)transport_write(&conn->transport, conn->out.p + conn->out.at, conn->out.len - conn->out.at);
    conn_close(conn);
}

static struct udp_conn *borrow(struct udp *udp)
{
    struct udp_conn *one = udp->idle;
    udp->idle = one->next_idle;
    return one;
}

static void give(struct udp *udp, struct udp_conn *one)
{
    one->next_idle = udp->idle;
    udp->idle = one;
}

void udp_give(struct conn *conn)
{
    struct udp_conn *one = udp_conn_of(conn);
    struct udp *udp = one->udp;
    give(udp, one);
    if (!udp->is_paused)
        return;
    udp->is_paused = false;
    loop_change(&udp->worker->loop, udp->listener->fd, &udp->source, EPOLLIN);
}

/* `len` bytes have been read into the worker's buffer. */
static void begin(struct udp *udp, struct udp_conn *one, size_t len)
{
    static const struct transport_ops ops = {
        .read = read_nothing, .write = write_answer, .close = close_nothing};
    struct worker *worker = udp->worker;
    const struct settings *settings = worker->server->settings;
    struct conn *conn = &one->conn;
    *conn = (struct conn){
        .mail.open = conn_woken,
        .transport = {.ops = &ops, .fd = udp->listener->fd},
        .worker = worker,
        .is_datagram = true,
        .role = udp->listener->role & ~(unsigned)ROLE_ADMIN,
        .proto = {.dialect = (enum dialect)settings->protocol, .value_max = settings->value_max}};
    buffer_lend(&conn->in, worker->in + worker->in_used, len);
    conn->in.len = len;
    roll_add(conn);
    conn_join_batch(conn);
}

/* False: there is no more for now. */
static bool take(struct udp *udp)
{
    struct worker *worker = udp->worker;
    char head[FRAME_BYTES];
    if (WORKER_IN_BYTES - worker->in_used < FRAME_REQUEST_MAX)
        conn_run_batch(worker);
    struct udp_conn *one = udp->idle;
    ssize_t n = datagram_receive(udp->listener->fd, head, sizeof head, worker->in + worker->in_used,
                                 WORKER_IN_BYTES - worker->in_used, &one->peer);
    if (n < 0)
        return false;
    count(udp, COUNTER_bytes_read, (uint64_t)n);
    if (!frame_read(head, (size_t)n, &one->id)) {
        count(udp, COUNTER_cloakroom_udp_dropped, 1);
        return true;
    }
    count(udp, COUNTER_cloakroom_udp_requests, 1);
    one->request_len = (size_t)n;
    begin(udp, borrow(udp), (size_t)n - sizeof head);
    return true;
}

static void ready(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct udp *udp = (struct udp *)(void *)source;
    conn_tell_time(udp->worker);
    for (int n = 0; n < PER_TURN && udp->idle != NULL; n++) {
        if (!take(udp))
            return;
    }
    if (udp->idle != NULL)
        return;
    udp->is_paused = true;
    loop_change(&udp->worker->loop, udp->listener->fd, &udp->source, 0);
}

static enum err open_one(struct worker *worker, const struct listener *listener)
{
    struct udp *udp = calloc(1, sizeof *udp);
    if (udp == NULL)
        return ERR_MEMORY;
    udp->source.ready = ready;
    udp->worker = worker;
    udp->listener = listener;
    for (size_t i = 0; i < UDP_AT_ONCE; i++) {
        udp->conns[i].udp = udp;
        give(udp, &udp->conns[i]);
    }
    udp->next = worker->udp;
    worker->udp = udp;
    return loop_add(&worker->loop, listener->fd, &udp->source, EPOLLIN);
}

/* The sockets go around the workers. */
enum err udp_open_all(struct worker *worker)
{
    struct server *server = worker->server;
    size_t n = 0;
    enum err err = ERR_NONE;
    for (size_t i = 0; i < server->nlisteners && err == ERR_NONE; i++) {
        if (server->listeners[i].is_udp && server->workers[n++ % server->nworkers] == worker)
            err = open_one(worker, &server->listeners[i]);
    }
    return err;
}

void udp_free_all(struct worker *worker)
{
    while (worker->udp != NULL) {
        struct udp *udp = worker->udp;
        worker->udp = udp->next;
        free(udp);
    }
}
