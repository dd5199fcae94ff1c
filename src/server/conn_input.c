/* Requests out of a connection's input, and what of it is kept for later. See conn.h. */
#include "server/ahead.h"
#include "server/conn_private.h"
#include "server/dump.h"
#include "server/exec.h"
#include "server/listing.h"

enum { PIECE_WEIGHT = 32 };

static void out_of_buffers(struct conn *conn)
{
    static const char words[] = "SERVER_ERROR out of memory reading request\r\n";
    if (conn->proto.dialect != DIALECT_BINARY && conn->out.at == conn->out.len) /* else amid an answer */
        (void)transport_write(&conn->transport, words, sizeof words - 1);
    conn_close(conn);
}

void conn_keep_input(struct conn *conn)
{
    struct buffer *in = &conn->in;
    if (in->len == in->at)
        buffer_drop(in, conn_pool(conn));
    else if (!buffer_keep(in, conn_pool(conn)))
        out_of_buffers(conn);
}

/* Half a line stays, with room for more: twofold, until the parser has had enough. */
static void keep_half_line(struct conn *conn)
{
    struct buffer *in = &conn->in;
    size_t len = in->len - in->at;
    if (len == 0)
        buffer_drop(in, conn_pool(conn));
    else if (!buffer_keep(in, conn_pool(conn)) ||
             !buffer_reserve(in, conn_pool(conn), len < 1024 ? 1024 : len))
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
    return buffer_reserve_own(in, conn_pool(conn), more);
}

/* A pending op outlives this turn, and its key and value lie in the input: that must be the connection's own.
 */
static void keep_request(struct conn *conn, size_t start)
{
    struct buffer *in = &conn->in;
    const char *from = in->p + start;
    size_t used = in->at - start;
    in->at = start;
    if (!buffer_keep(in, conn_pool(conn))) {
        out_of_buffers(conn);
        return;
    }
    const char *to = in->p + in->at;
    exec_rebase(conn, from, to);
    in->at += used;
}

static enum conn_step execute(struct conn *conn, size_t start)
{
    if (exec_request(conn) == EXEC_PENDING) {
        conn_wait(conn);
        if (conn->state == CONN_WAITING)
            keep_request(conn, start);
        return STEP_STOP;
    }
    conn->is_last = conn->is_last || conn->request.close;
    return conn->is_last || conn->watcher != NULL ? STEP_STOP : STEP_ON;
}

/* A value is announced for which there is no buffer: refused, and thrown away as it comes. */
static enum conn_step refuse_value(struct conn *conn)
{
    struct buffer *in = &conn->in;
    size_t start = in->at;
    size_t used;
    proto_refuse_value(&conn->proto, in->p + start, in->len - start, &used, &conn->request);
    in->at += used;
    return execute(conn, start);
}

/* A piece of a long answer. */
static enum conn_step go_on_answering(struct conn *conn)
{
    if (conn->dump != NULL)
        dump_go_on(conn);
    else
        listing_go_on(conn);
    return conn->is_last ? STEP_STOP : STEP_ON;
}

/* One request out of the input, or the next piece of the answer to the last one. STEP_MORE: there is none, or only half of one, which has been kept. */
static enum conn_step step(struct conn *conn)
{
    struct buffer *in = &conn->in;
    size_t start = in->at;
    size_t used = 0;
    size_t need = 0;
    enum parse parse = PARSE_MORE;
    if (conn->dump != NULL || conn->listing != NULL)
        return go_on_answering(conn);
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

/* What comes next, in requests: a piece of a long answer looks at, or kills, some dozens of sessions. */
static uint64_t weight_of_next(const struct conn *conn)
{
    return conn->dump != NULL || conn->listing != NULL ? PIECE_WEIGHT : 1;
}

/* A connection's share of a turn, so that a long pipeline lets the others of its worker have theirs: so many requests
 * (-R), or WORKER_FLUSH_BYTES of answers. */
enum conn_step conn_carry_out(struct conn *conn)
{
    uint64_t share = conn->worker->server->settings->requests_per_turn;
    uint64_t done = weight_of_next(conn);
    enum conn_step result = step(conn);
    while (result == STEP_ON && done < share && conn->out.len < WORKER_FLUSH_BYTES) {
        if (done % AHEAD_KEYS == 1)
            ahead_look(conn);
        done += weight_of_next(conn);
        result = step(conn);
    }
    return result;
}
